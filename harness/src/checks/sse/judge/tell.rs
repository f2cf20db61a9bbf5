//! One line for the screen, the numbers for the record, and the small servers that keep or break a clause.

use super::replay;
use crate::checks::sse::look::Observation;
use crate::checks::sse::spec::Spec;
use crate::checks::sse::table;
use crate::kind::{Script, ScriptStep, Told, Twin};
use crate::model::quantity::show_duration;
use crate::model::{ClauseId, Interval, Measurement};
use std::time::Duration;

pub(in crate::checks::sse) fn tell(spec: &Spec, seen: &Observation) -> Told {
    let opened: Vec<Interval> = seen.opened.iter().filter(|t| t.is_event_stream()).map(|t| t.took).collect();
    let delays: Vec<Interval> = seen.live.subscriber("direct").into_iter().flat_map(|s| s.delays.iter().map(|d| d.took)).collect();
    let silences: Vec<Interval> = seen.silence.gaps.iter().map(|g| g.took).collect();
    let mut parts = Vec::new();
    if !seen.live.ledger.jobs.is_empty() {
        let events = seen.live.subscribers.first().map_or(0, |s| s.tape.events);
        parts.push(format!("{} jobs, {events} events", seen.live.ledger.jobs.len()));
    }
    let repeated = seen.live.ledger.repeated + seen.replay.ledger.repeated + seen.fan_outs.iter().map(|f| f.ledger.repeated).sum::<u32>();
    if repeated > 0 {
        parts.push(format!("{repeated} submits were answered with a job that was there: the service made one job of several"));
    }
    if let Some(worst) = delays.iter().map(|d| d.hi).max().filter(|_| spec.b.timely_within.is_some()) {
        parts.push(format!("slowest {}", show_duration(worst)));
    }
    if seen.replay.witness.is_some() {
        parts.push(replay::told(&seen.replay));
    }
    if let Some(drive) = seen.fan_outs.last() {
        parts.push(format!("{} subscribers got {} events", drive.open, drive.arrivals));
    }
    if seen.slow.slow.is_some() {
        parts.push(format!("{} bytes flowed past one that does not read", seen.slow.beside.bytes));
    }
    let left: u32 = seen.cleans_up.blocks.iter().map(|b| b.left).sum();
    if left > 0 {
        parts.push(format!("{left} streams left"));
    }
    let knocks = seen.private.knocks.len();
    if knocks > 0 {
        parts.push(format!("{knocks} knocks"));
    }
    if let Some(back) = &seen.restart.back {
        parts.push(format!("a stream again {back} after the restart"));
    }
    if let Some(worst) = silences.iter().map(|d| d.hi).max() {
        parts.push(format!("silent for {} at most", show_duration(worst)));
    }
    if parts.is_empty() {
        parts.extend(seen.opened.last().map(|t| format!("{} in {}", super::brief(t), t.took)));
    }
    let measurements = [("time_to_open", &opened), ("delay", &delays), ("silence", &silences)];
    Told {
        summary: parts.join("; "),
        measurements: measurements.into_iter().filter_map(|(name, times)| Measurement::of_times(name, times)).collect(),
    }
}

/// A stream that opens at once, or late. The other clauses about time last longer than a control may.
pub(in crate::checks::sse) fn control(spec: &Spec, clause: ClauseId, twin: Twin) -> Option<Script> {
    let limit = spec.b.open_within.as_ref().filter(|_| clause == table::OPENS)?.value.0;
    let delay = match twin {
        Twin::Good => Duration::ZERO,
        Twin::Bad if limit <= Duration::from_millis(150) => limit + (limit / 4).max(Duration::from_millis(20)),
        Twin::Bad => return None,
    };
    let bytes =
        b"HTTP/1.1 200 Control\r\ncontent-type: text/event-stream\r\ncache-control: no-store\r\nconnection: close\r\n\r\n: control\n\n"
            .to_vec();
    Some(Script::always(ScriptStep::Answer { delay, bytes }))
}
