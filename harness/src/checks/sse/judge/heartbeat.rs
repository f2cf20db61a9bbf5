//! `sse/heartbeat`: the silences of a stream on which nothing is due.

use super::{counted, finding, nothing, number, unopened, unsure};
use crate::checks::sse::look::{Arrival, Observation, Tape};
use crate::checks::sse::spec::{BEATS, SILENCES, Spec};
use crate::model::interval::Against;
use crate::model::quantity::show_duration;
use crate::model::{Found, Unseen};
use std::collections::HashMap;

/// Names that nobody gives to anything but a heartbeat.
const NAMES: &[&str] = &["heartbeat", "heart-beat", "heart_beat", "ping", "keepalive", "keep-alive", "keep_alive", "hb", "noop"];

pub(super) fn heartbeat(spec: &Spec, seen: &Observation) -> Found {
    let (Some(tape), Some(limit), Some(within)) = (&seen.silence.tape, spec.b.silence(), &spec.b.heartbeat_within) else {
        return Found::Unseen { why: Unseen::Deadline };
    };
    if let Some(found) = unopened(tape) {
        return found;
    }
    if let Some((beat, times)) = beats(tape) {
        let observed = format!("an event named `{}` with {} bytes of data, {times} on an idle stream", beat.name, beat.len);
        return Found::Proof(
            finding(tape, "heartbeats that are comments: events reach the handlers of every client", observed).at(within.at),
        );
    }
    let gaps = &seen.silence.gaps;
    let of = |against: Against| number(gaps.iter().filter(|g| g.took.against(limit) == against).count());
    let (bad, near) = (of(Against::Beyond), of(Against::Near));
    if bad == 0 && near == 0 {
        if let Some(ended) = &tape.ended {
            return unsure(format!("the idle stream ended after {} silences that were kept: {}", gaps.len(), ended.brief()));
        }
        if number(gaps.len()) < SILENCES {
            return Found::Unseen { why: Unseen::Deadline };
        }
        let beats = number(gaps.iter().filter(|g| g.is_beat).count());
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

/// The event that is used as a heartbeat: by its name, or because the same one comes again and again with nothing in it of a job.
fn beats(tape: &Tape) -> Option<(&Arrival, String)> {
    let mut alike = HashMap::<(&str, &str), u32>::new();
    for arrival in tape.arrivals.iter().filter(|a| a.job.is_none()) {
        *alike.entry((&arrival.name, &arrival.hash)).or_default() += 1;
    }
    let is_beat = |a: &&Arrival| {
        a.job.is_none()
            && (NAMES.contains(&a.name.to_ascii_lowercase().as_str()) || alike.get(&(&*a.name, &*a.hash)).is_some_and(|n| *n >= 2))
    };
    let first = tape.arrivals.iter().find(is_beat)?;
    let times = match tape.arrivals.iter().filter(|a| a.job.is_none() && a.name == first.name).count() {
        1 => "once".to_owned(),
        n => format!("{n} times"),
    };
    Some((first, times))
}
