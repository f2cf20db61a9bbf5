//! `sse/heartbeat`: the silences of a stream on which nothing is due.

use super::{counted, finding, nothing, number, unopened, unsure};
use crate::checks::sse::look::{Arrival, Observation, Tape, is_beat};
use crate::checks::sse::spec::{BEATS, SILENCES, Spec};
use crate::model::interval::Against;
use crate::model::quantity::show_duration;
use crate::model::{Found, Unseen};
use std::collections::HashMap;
use std::time::Duration;

/// Events alike that are needed to take them for heartbeats, and how far their pace may be off on a busy machine.
const ALIKE: usize = 3;
const JITTER: Duration = Duration::from_millis(100);

pub(super) fn heartbeat(spec: &Spec, seen: &Observation) -> Found {
    let (Some(tape), Some(limit), Some(within)) = (&seen.silence.tape, spec.b.silence(), &spec.b.heartbeat_within) else {
        return Found::Unseen { why: Unseen::Deadline };
    };
    if let Some(found) = unopened(tape) {
        return found;
    }
    let told = |beat: &Arrival| {
        let times = match tape.arrivals.iter().filter(|a| a.job.is_none() && a.name == beat.name).count() {
            1 => "once".to_owned(),
            n => format!("{n} times"),
        };
        format!("an event named `{}` with {} bytes of data, {times} on an idle stream", beat.name, beat.len)
    };
    // Without a name that tells it only what is declared of jobs tells a heartbeat from an event of somebody's.
    let beats = number(seen.silence.gaps.iter().filter(|g| g.is_beat).count());
    let alike = alike(tape).filter(|_| beats < BEATS);
    if let Some(beat) = tape.arrivals.iter().find(|a| is_beat(a)).or(alike.filter(|_| spec.b.identify.is_some())) {
        let expected = "heartbeats that are comments: events reach the handlers of every client";
        return Found::Proof(finding(tape, expected, told(beat)).at(within.at));
    }
    let gaps = &seen.silence.gaps;
    let of = |against: Against| number(gaps.iter().filter(|g| g.took.against(limit) == against).count());
    let (bad, near) = (of(Against::Beyond), of(Against::Near));
    if bad == 0 && near == 0 {
        if let Some(ended) = &tape.ended {
            return unsure(format!("the idle stream ended after {} silences that were kept: {}", gaps.len(), ended.brief()));
        }
        if let Some(beat) = alike {
            return unsure(format!("{}: whether it is a heartbeat cannot be told without `identify`", told(beat)));
        }
        if number(gaps.len()) < SILENCES {
            return Found::Unseen { why: Unseen::Deadline };
        }
        if tape.events > 0 && beats < BEATS {
            return nothing(format!(
                "{} events of others came, so often that no heartbeat was due: {beats} silences were ended by a comment",
                tape.events
            ));
        }
    }
    counted(bad, near, number(gaps.len()), spec.a.is_repeatable(), || {
        let worst = gaps.iter().max_by_key(|g| g.took.lo).copied().unwrap_or_default();
        let observed = match worst.is_over {
            true => format!("silent for {}", worst.took),
            false => format!("silent for {}, and longer", worst.took),
        };
        let comments = format!("{} comments, {} events, {} bytes", tape.comments, tape.events, tape.bytes);
        finding(tape, format!("never silent for more than {}", show_duration(limit)), observed).detail("came", comments).at(within.at)
    })
}

/// An event of no job that comes again and again, alike and at a pace.
fn alike(tape: &Tape) -> Option<&Arrival> {
    let mut times = HashMap::<(&str, &str), Vec<&Arrival>>::new();
    for arrival in tape.arrivals.iter().filter(|a| a.job.is_none()) {
        times.entry((&arrival.name, &arrival.hash)).or_default().push(arrival);
    }
    let is_paced = |all: &&Vec<&Arrival>| {
        let mut gaps: Vec<Duration> = all.windows(2).map(|two| two[1].at.saturating_sub(two[0].at)).collect();
        gaps.sort_unstable();
        let Some(pace) = gaps.get(gaps.len() / 2).copied() else { return false };
        // A machine that stands still for a moment moves a few of them.
        let kept = gaps.iter().filter(|gap| **gap * 2 >= pace && **gap <= pace * 2 + JITTER).count();
        all.len() >= ALIKE && kept * 4 >= gaps.len() * 3
    };
    times.values().filter(is_paced).map(|all| all[0]).min_by_key(|a| a.at)
}
