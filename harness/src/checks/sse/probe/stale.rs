//! Sends ids that cannot be resumed after, and waits for the signal.

use super::deadline::Deadline;
use super::reader::{FEW_EVENTS, Reader, Step, Wish};
use crate::checks::sse::judge::stale_name;
use crate::checks::sse::look::{Observation, Stale};
use crate::checks::sse::spec::Spec;
use crate::checks::sse::table;
use crate::kind::{Context, ProbeError, Round};
use std::time::Duration;

/// How long the signal is waited for.
const SIGNAL: Duration = Duration::from_secs(2);
/// Tries that are kept.
const KEPT: usize = 500;

pub(super) async fn probe(spec: &Spec, round: &Round, cx: &Context, seen: &mut Observation) -> Result<(), ProbeError> {
    let origin = seen.origin(cx);
    for id in spec.b.stale.iter().flat_map(|s| s.iter()) {
        if !round.wants_case(table::STALE, &stale_name(&id.value)) {
            continue;
        }
        let tries = if round.focus.is_some() { round.samples_or(3).min(round.enough_bad.max(1) * 2) } else { 1 };
        for _ in 0..tries {
            if seen.stale.len() >= KEPT {
                return Ok(());
            }
            seen.stale.push(Stale { id: id.value.clone(), ..Stale::default() });
            let stale = seen.stale.last_mut().expect("one was just added");
            let line = spec.b.line_in(round);
            let wish = Wish { name: "stale", last_id: Some(&id.value), keep: FEW_EVENTS, line, ..Wish::default() };
            if let Some(mut reader) = Reader::open(spec, &spec.a, &wish, cx, origin, &mut stale.tape).await? {
                let signal = async {
                    while stale.tape.begins(|name| spec.b.is_resync(name)).is_none() && reader.step(cx, &mut stale.tape).await != Step::Over
                    {
                    }
                };
                Deadline::after(cx, SIGNAL).bound(cx, signal).await;
            }
            stale.is_watched = true;
        }
    }
    Ok(())
}
