//! Looks at streams: alone, under a drive of jobs, and cut off. The only I/O of `sse`.

use super::look::Observation;
use super::spec::Spec;
use super::table;
use crate::kind::{Context, ProbeError, Round};

mod drive;
mod ends;
mod framed;
mod live;
mod marks;
mod opening;
mod private;
mod reader;
mod replay;
mod silence;
mod stale;
#[cfg(test)]
mod tests;
mod watch;

/// Does what the round wants, the cheapest first: a stream that does not open ends the look before anything is driven.
pub(super) async fn probe(spec: &Spec, round: &Round, cx: &Context, seen: &mut Observation) -> Result<(), ProbeError> {
    seen.asked = round.clauses.iter().map(|c| c.0.to_owned()).collect();
    let own = &spec.b;
    let first = round.focus.is_none();
    if round.wants_any(&[table::TYPE, table::UTF8, table::OPENS]) {
        opening::probe(spec, round, cx, seen).await?;
    }
    if first && !seen.opened.iter().any(super::look::Tape::is_event_stream) && !seen.opened.is_empty() {
        return Ok(());
    }
    if round.wants(table::HEARTBEAT) {
        silence::probe(spec, round, cx, seen).await?;
    }
    if round.wants(table::STALE) {
        stale::probe(spec, round, cx, seen).await?;
    }
    if let Some(drive) = &own.drive {
        if (first && round.wants_any(table::LIVE)) || (!first && round.wants(table::TIMELY) && drive.a.is_repeatable()) {
            live::probe(spec, drive, round, cx, seen).await?;
        }
        if first && round.wants(table::ENDS) {
            ends::probe(spec, drive, cx, seen).await?;
        }
        if first && round.wants(table::REPLAY) {
            replay::probe(spec, drive, cx, seen).await?;
        }
    }
    if round.wants(table::PRIVATE) {
        private::probe(spec, round, cx, seen).await?;
    }
    if let Some(framed) = own.framed.as_ref().filter(|_| first && round.wants(table::FRAMED)) {
        framed::probe(spec, framed, cx, seen).await?;
    }
    Ok(())
}
