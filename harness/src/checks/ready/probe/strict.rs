//! Real requests while it is not ready: they show whether it could have stayed in traffic.

use super::super::look::{Observation, Outage, Poll};
use super::super::spec::{IDLE, Spec};
use super::super::table::TRUTHFUL;
use super::ask;
use crate::kind::{Context, ProbeError, Round};

/// Asks once where that shows something more. Answers whether it did: then there may be more to see.
pub(super) async fn idle(
    spec: &Spec,
    poll: &Poll,
    round: &Round,
    cx: &Context,
    seen: &mut Observation,
    last: fn(&mut Observation) -> &mut Outage,
) -> Result<bool, ProbeError> {
    let Some(real) = spec.b.real.as_ref().filter(|real| real.a.is_repeatable() && round.clauses.contains(&TRUTHFUL)) else {
        return Ok(false);
    };
    let asked = &last(seen).down.idle;
    // One that does not work shows all: it is not ready for a reason. Later cycles would only show the same.
    let is_open = asked.len() < IDLE && asked.iter().all(|asked| asked.fine);
    if poll.ready || poll.seen.answered().is_none() || !is_open || last(seen).case.ends_with("/again") {
        return Ok(false);
    }
    let asked = ask(real, cx, seen).await?;
    last(seen).down.idle.push(asked);
    Ok(true)
}
