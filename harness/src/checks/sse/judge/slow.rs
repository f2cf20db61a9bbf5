//! `sse/slow-consumer`: a subscriber that does not read holds up nobody, costs little, and knows what it missed.

use super::{case, counted, cut_short, finding, nothing, unopened, unsure};
use crate::checks::sse::look::{Observation, Slow, Tape};
use crate::checks::sse::spec::{Fate, Memory, SlowConsumer, Spec};
use crate::checks::sse::table;
use crate::model::quantity::show_duration;
use crate::model::{Finding, Found, Interval, Reading, Unseen};
use std::time::Duration;

/// More than sockets hold.
const LEAST: u64 = 4 << 20;
/// Beside a slow one it may take so many times as long as without it, and so much longer at least: below it is the noise of a busy machine.
const TIMES: u32 = 3;
const FLOOR: Duration = Duration::from_millis(500);
/// One or two jobs may be later than that in any run.
const ENOUGH: usize = 3;

pub(super) fn slow(spec: &Spec, seen: &Observation) -> Vec<Reading> {
    let Some(asked) = spec.b.slow_consumer.as_ref().map(|s| &s.b) else { return Vec::new() };
    let seen = &seen.slow;
    let mut readings = vec![case(table::SLOW, "others", others(seen))];
    readings.extend(asked.memory.as_ref().map(|m| case(table::SLOW, "memory", memory(&m.b, seen))));
    readings.push(case(table::SLOW, "slow", fate(asked, seen)));
    readings
}

/// What keeps everything from being judged.
fn in_the_way(seen: &Slow) -> Option<Found> {
    let Some(other) = &seen.other else { return Some(Found::Unseen { why: Unseen::Deadline }) };
    if let Some(found) = unopened(other) {
        return Some(found);
    }
    if !seen.before.is_whole {
        let before = &seen.before;
        return Some(match (&before.ledger.refusal, cut_short(other)) {
            (Some(_), _) => nothing(before.ledger.emptiness()),
            (None, Some(found)) => found,
            (None, None) if before.took.is_empty() && before.ledger.jobs.is_empty() => Found::Unseen { why: Unseen::Deadline },
            (None, None) => nothing("a job had no event, also without a slow subscriber: sse/ordered tells more"),
        });
    }
    if let Some(found) = seen.slow.as_ref().and_then(unopened) {
        return Some(found);
    }
    None
}

/// Nothing flowed past the slow one, or too little.
fn too_little(seen: &Slow) -> Option<Found> {
    if !seen.beside.is_whole {
        let refusal = seen.beside.ledger.refusal.is_some();
        return Some(if refusal { nothing(seen.beside.ledger.emptiness()) } else { Found::Unseen { why: Unseen::Deadline } });
    }
    let bytes = seen.beside.bytes;
    (bytes <= LEAST).then(|| nothing(format!("{bytes} bytes flowed past the slow subscriber: sockets alone may hold them")))
}

/// Those who read.
fn others(seen: &Slow) -> Found {
    if let Some(found) = in_the_way(seen) {
        return found;
    }
    let other = seen.other.clone().unwrap_or_default();
    if let Some(stuck) = seen.stuck.as_ref().filter(|_| seen.beside.ledger.refusal.is_none()) {
        return held_up(seen, &other, stuck);
    }
    if let Some(found) = too_little(seen) {
        return found;
    }
    let (limit, late) = (limit(seen), late(seen));
    if late >= ENOUGH {
        let observed = format!(
            "{late} of {} jobs took longer than {}: {}, and without a slow subscriber {}",
            seen.beside.took.len(),
            show_duration(limit),
            spread(&seen.beside.took),
            spread(&seen.before.took)
        );
        return Found::Proof(finding(&other, "other subscribers get their events as before", observed));
    }
    Found::held(seen.beside.took.len(), "no job flowed")
}

fn held_up(seen: &Slow, other: &Tape, stuck: &crate::checks::sse::look::Stuck) -> Found {
    let what = match &stuck.job {
        Some(job) => format!("no event of {job} came to another subscriber in {}", stuck.waited),
        None => format!("a submit was not answered in {}", stuck.waited),
    };
    let told = |rest: String| {
        let expected = "other subscribers get their events while one does not read";
        finding(other, expected, format!("{what} after {} bytes had flowed{rest}", seen.beside.bytes))
            .detail("before", spread(&seen.before.took))
    };
    if stuck.waited.is_mostly_ours() {
        return unsure(format!("{what}, most of which this machine lost"));
    }
    match (&stuck.freed, cut_short(other)) {
        // It went on the moment the slow one had gone: that is no coincidence.
        (Some(freed), _) if freed.hi >= stuck.waited.lo / 2 => {
            unsure(format!("{what}, and it came {freed} after the slow one had been closed: that could be chance"))
        }
        (Some(freed), _) => Found::Proof(told(format!("; it came {freed} after the slow one had been closed"))),
        (None, Some(_)) => {
            let how = other.ended.as_ref().map_or_else(String::new, |e| format!("; its stream is over: {}", e.brief()));
            counted(1, 0, 1, false, || told(how))
        }
        (None, None) => counted(1, 0, 1, false, || told("; nor after the slow one had been closed".to_owned())),
    }
}

/// Beyond this it is later than without a slow subscriber.
fn limit(seen: &Slow) -> Duration {
    let worst = seen.before.took.iter().chain(&seen.afterwards.took).map(|t| t.hi).max().unwrap_or_default();
    (worst * TIMES).max(worst + FLOOR)
}

/// Jobs that were later for sure.
fn late(seen: &Slow) -> usize {
    let limit = limit(seen);
    seen.beside.took.iter().filter(|took| took.lo > limit).count()
}

/// Whether a subscriber got its events later beside the slow one.
pub(in crate::checks::sse) fn is_later(seen: &Slow) -> bool {
    late(seen) >= ENOUGH
}

/// Median and largest, by their upper ends.
fn spread(took: &[Interval]) -> String {
    let mut all: Vec<_> = took.iter().map(|t| t.hi).collect();
    all.sort();
    let rank = |q: usize| all.get((all.len() * q).div_ceil(100).saturating_sub(1)).copied().unwrap_or_default();
    format!("p50 {}, p99 {}", show_duration(rank(50)), show_duration(rank(99)))
}

/// The memory of the service.
fn memory(asked: &Memory, seen: &Slow) -> Found {
    if let Some(found) = in_the_way(seen) {
        return found;
    }
    if let Some(why) = &seen.unread {
        return nothing(why.clone());
    }
    let Some((before, during)) = seen.memory.split_first() else { return Found::Unseen { why: Unseen::Deadline } };
    let limit = asked.grows_by.value.0.0;
    let most = during.iter().copied().fold(*before, f64::max);
    let gauge = &asked.gauge.value;
    #[expect(clippy::cast_precision_loss, reason = "gauges are floating point anyway")]
    if most - before > limit as f64 {
        let told = seen.metrics.clone().unwrap_or_default();
        let observed = format!("{gauge} went from {before} to {most} while {} bytes flowed past one that does not read", seen.beside.bytes);
        return Found::Proof(told.finding(format!("{gauge} grows by {limit} at most"), observed).at(asked.grows_by.at));
    }
    too_little(seen).unwrap_or_else(|| Found::held(during.len(), "the gauge was read once only"))
}

/// What became of the slow one.
fn fate(asked: &SlowConsumer, seen: &Slow) -> Found {
    if let Some(found) = in_the_way(seen) {
        return found;
    }
    if seen.stuck.is_some() && seen.beside.ledger.refusal.is_none() {
        return nothing("others were held up, so it was let go: the case `others` tells more");
    }
    if let Some(found) = too_little(seen) {
        return found;
    }
    let Some(tape) = seen.slow.as_ref().filter(|_| seen.is_over) else { return Found::Unseen { why: Unseen::Deadline } };
    let all = seen.shared + seen.missing;
    let told = |expected: &str, observed: String| -> Finding { finding(tape, expected, observed).at(asked.becomes.at) };
    let silence = || {
        let observed = format!("its stream is open, and {} of {all} events never came: lost in silence", seen.missing);
        Found::Proof(told("a subscriber that missed something is told so by the end of its stream", observed))
    };
    match (asked.becomes.value, &tape.ended) {
        (Fate::Evicted, Some(_)) if seen.missing > 0 => Found::held(1, "its stream ended"),
        (Fate::Evicted, Some(ended)) => unsure(format!(
            "it got all {all} events, and then {}: that is no eviction: let more flow than the service and its sockets hold",
            ended.brief()
        )),
        // Whoever left it was us, so what never came may have been on its way.
        (_, None)
            if seen.missing > 0
                && let Some(found) = cut_short(tape) =>
        {
            found
        }
        (_, None) if seen.missing > 0 && seen.flows => unsure(format!(
            "it still read when its time was up, and {} of {all} events had not come: the way to it may be too slow for so much",
            seen.missing
        )),
        (_, None) if seen.missing > 0 => silence(),
        (Fate::Evicted, None) => unsure(format!(
            "it got all {all} events after all, so nothing had to be thrown away: let more flow than the service and its sockets hold"
        )),
        (Fate::Lossless, None) => Found::held(seen.shared as usize, "no event came to it"),
        (Fate::Lossless, Some(_)) if seen.missing == 0 => Found::held(seen.shared as usize, "no event came to it"),
        (Fate::Lossless, Some(ended)) => {
            let observed = format!("{}, and {} of {all} events never came", ended.brief(), seen.missing);
            Found::Proof(told("a subscriber that reads again gets everything", observed))
        }
    }
}
