//! Opens fresh streams, one after the other, and waits for the first bytes of the first.

use super::reader::{FEW_EVENTS, Reader, Step, Wish};
use crate::checks::sse::look::{OPENINGS, Observation, Tape};
use crate::checks::sse::spec::Spec;
use crate::checks::sse::table;
use crate::kind::{Context, ProbeError, Round, Weight};
use crate::model::interval::Against;
use std::time::Duration;

/// Streams that are opened where `open-within` is promised.
const TIMED: u32 = 5;
/// How long the first bytes of a stream are waited for.
const FIRST_BYTES: Duration = Duration::from_secs(1);
/// How long it is watched after these: a stream that breaks off at once is none.
const LIVES_ON: Duration = Duration::from_millis(150);

pub(super) async fn probe(spec: &Spec, round: &Round, cx: &Context, seen: &mut Observation) -> Result<(), ProbeError> {
    let origin = seen.origin(cx);
    let samples = round.samples_or(if round.wants(table::OPENS) { TIMED } else { 1 });
    let wish = Wish { name: "opening", keep: FEW_EVENTS, line: spec.b.line_in(round), ..Wish::default() };
    for sample in 0..samples {
        if round.focus.is_some() && seen.opened.iter().filter(|t| is_bad(spec, round, t)).count() >= round.enough_bad.max(1) as usize {
            break;
        }
        if seen.opened.len() >= OPENINGS {
            seen.opened.remove(0);
        }
        // Each of them takes all the time that there is.
        if seen.opened.iter().filter(|t| t.is_headless()).count() >= round.enough_bad.max(1) as usize {
            break;
        }
        seen.opened.push(Tape::default());
        let tape = seen.opened.last_mut().expect("one was just added");
        let opened = Reader::open(spec, &spec.a, &wish, cx, origin, tape).await;
        if let Err(error) = opened.as_ref() {
            let error = error.clone();
            seen.opened.pop();
            return Err(error);
        }
        cx.saw(format!("stream {} of {samples}: {}", sample + 1, tape.took));
        let Ok(Some(mut reader)) = opened else {
            // What no noise makes is seen; nothing is gained by asking again.
            if tape.head.weight() == Weight::Proof {
                return Ok(());
            }
            continue;
        };
        if sample == 0 || round.wants_case(table::TYPE, "stream") && round.focus.is_some() {
            let bytes = async { while reader.step(cx, tape).await != Step::Over && tape.arrivals.is_empty() && tape.comments == 0 {} };
            _ = tokio::time::timeout(FIRST_BYTES, bytes).await;
            let more = async { while reader.step(cx, tape).await != Step::Over {} };
            _ = tokio::time::timeout(LIVES_ON, more).await;
        }
    }
    Ok(())
}

/// Whether the stream is bad for what this round looks at.
fn is_bad(spec: &Spec, round: &Round, tape: &Tape) -> bool {
    let late = spec.b.open_within.as_ref().is_some_and(|w| tape.took.against(w.value.0) == Against::Beyond);
    (round.wants(table::OPENS) && late)
        || (round.wants_case(table::TYPE, "") && !tape.is_event_stream())
        || (round.wants_case(table::TYPE, "stream")
            && tape.ended.as_ref().is_some_and(|e| matches!(e, crate::checks::sse::look::Ended::Broken { .. })))
}
