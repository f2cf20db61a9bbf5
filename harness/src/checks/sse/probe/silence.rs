//! Watches a stream on which nothing is due, and how long it is silent each time.

use super::reader::{FEW_EVENTS, Reader, Step, Wish};
use crate::checks::sse::look::{Gap, Observation, Tape, thin};
use crate::checks::sse::spec::{BEATS, SILENCES, Spec};
use crate::kind::{Context, ProbeError, Round};
use crate::model::interval::Against;
use std::time::Duration;

/// Silences that are kept: on a busy stream they are many and short.
const KEPT: usize = 200;

pub(super) async fn probe(spec: &Spec, round: &Round, cx: &Context, seen: &mut Observation) -> Result<(), ProbeError> {
    let origin = seen.origin(cx);
    let Some(limit) = spec.b.silence() else { return Ok(()) };
    seen.silence.tape = Some(Tape::default());
    let Some(tape) = seen.silence.tape.as_mut() else { return Ok(()) };
    let wish = Wish { name: "idle", line: spec.b.line_in(round), ..Wish::default() };
    let Some(mut reader) = Reader::open(spec, &spec.a, &wish, cx, origin, tape).await? else {
        return Ok(());
    };
    let gaps = &mut seen.silence.gaps;
    let is_bad = |gap: &Gap| gap.took.against(limit) == Against::Beyond;
    let wanted = round.samples_or(SILENCES);
    let began = reader.opened();
    let mut last = began;
    let mut taken = 0;
    let mut beats = 0;
    loop {
        // A silence is waited for a little beyond the limit, so that it is longer for sure.
        let patience = limit + (limit / 16).max(Duration::from_millis(20));
        let until = tokio::time::Instant::from_std(last) + patience;
        let (comments, events) = (tape.comments, tape.events);
        let (at, is_over) = match tokio::time::timeout_at(until, reader.step(cx, tape)).await {
            Ok(Step::Came(at)) => (at, true),
            Ok(Step::Over) => return Ok(()),
            Err(_) => (cx.stopwatch().now(), false),
        };
        thin(tape, FEW_EVENTS);
        let is_beat = taken > 0 && tape.comments > comments && tape.events == events;
        let gap = Gap { took: cx.stopwatch().between(last, at), is_over, is_beat };
        last = at;
        taken += 1;
        beats += u32::from(is_beat);
        if gaps.len() < KEPT || is_bad(&gap) || is_beat && beats <= BEATS {
            gaps.push(gap);
        }
        cx.saw(format!("silent for {}, {} comments", gap.took, tape.comments));
        let bad = gaps.iter().filter(|g| is_bad(g)).count();
        let watched = at.saturating_duration_since(began);
        // One that is bad is followed by as many as make it certain, or so many that are good. Events of others leave a heartbeat
        // no time: it is waited for a little longer.
        let is_told = tape.events == 0 || beats >= BEATS;
        let enough = if bad == 0 && is_told { watched >= limit * 2 && taken >= wanted } else { watched >= limit * 5 };
        if bad >= round.enough_bad.max(1) as usize || enough || taken >= 100_000 {
            return Ok(());
        }
    }
}
