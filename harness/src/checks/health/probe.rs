//! Probes liveness as an orchestrator does: fresh connections, no token, no redirects. The only I/O of `health`.

use super::look::{Look, Observation};
use super::spec::{self, Spec};
use super::table;
use crate::kind::{Context, How, ProbeError, Round};
use crate::model::{ClauseId, interval::Against};
use std::time::Duration;

mod growth;
mod load;
mod outage;
#[cfg(test)]
mod tests;
mod variants;

/// The clauses that are judged from answers to the plain request.
const PLAIN: &[ClauseId] = &[table::CODE, table::FAST, table::AGREES, table::NO_LEAK, table::BOUNDED, table::FRESH, table::OPEN];

/// Does what the round wants. An experiment that needs a living service is not made where not one answer came.
pub(super) async fn probe(spec: &Spec, round: &Round, cx: &Context, seen: &mut Observation) -> Result<(), ProbeError> {
    seen.asked = round.clauses.iter().map(|c| c.0.to_owned()).collect();
    seen.origin(cx);
    let focused_elsewhere = round.focus.is_some() && !round.wants_any(&[table::CODE, table::FAST]);
    if round.wants_any(PLAIN) && !focused_elsewhere || seen.plain.count() == 0 {
        plain(spec, round, cx, seen).await?;
    }
    if seen.plain.whole() == 0 {
        return Ok(());
    }
    if round.wants(table::OPEN) {
        variants::open(spec, round, cx, seen).await?;
    }
    if round.wants(table::FRESH) {
        variants::conditional(spec, round, cx, seen).await?;
    }
    if round.wants_case(table::BOUNDED, "head") {
        variants::head(spec, round, cx, seen).await?;
    }
    if round.wants(table::UNDER_LOAD)
        && let Some(load) = &spec.b.under_load
    {
        load::under_load(spec, load, round, cx, seen).await?;
    }
    if round.wants(table::NO_GROWTH)
        && let Some(growth) = &spec.b.growth
    {
        growth::growth(spec, growth, cx, seen).await?;
    }
    if let Some(names) = &spec.b.independent_of
        && round.wants(table::INDEPENDENT)
    {
        outage::outages(spec, names, round, cx, seen).await?;
    }
    Ok(())
}

/// How the plain request is sent: nothing that a probe of an orchestrator would not send, and no patience for a body without end.
pub(super) fn how(patience: Duration) -> How {
    let mut how = How::probe(patience);
    how.wishes.limits.body_max = 1 << 20;
    how
}

/// Fresh connections, one after the other, until there are enough samples or enough bad ones.
async fn plain(spec: &Spec, round: &Round, cx: &Context, seen: &mut Observation) -> Result<(), ProbeError> {
    let how = how(spec.b.patience());
    for _ in 0..round.samples_or(spec.b.first_look()) {
        let look = ask(spec, cx, &how, seen).await?;
        cx.saw(look.seen.line());
        seen.plain.add(look);
        if enough(spec, round, seen) {
            break;
        }
    }
    Ok(())
}

/// Sends the plain request, as `how` says, and holds the answer against the spec.
async fn ask(spec: &Spec, cx: &Context, how: &How, seen: &mut Observation) -> Result<Look, ProbeError> {
    let origin = seen.origin(cx);
    let call = cx.call(&spec.a, how).await?;
    Look::of(spec, &call, cx, origin, seen.searches())
}

/// Whether more samples could change nothing: every clause that this look is about has its bad ones, or its proof.
fn enough(spec: &Spec, round: &Round, seen: &Observation) -> bool {
    let looks = &seen.plain.kept;
    let bad = looks.iter().filter(|l| !l.right).count();
    let slow = spec.b.limit().map_or(0, |limit| looks.iter().filter(|l| l.seen.took.against(limit) == Against::Beyond).count());
    let many = round.enough_bad.max(1) as usize;
    let settled = |clause| match clause {
        table::CODE => bad >= many,
        table::FAST => slow >= many,
        _ => true,
    };
    let about: Vec<ClauseId> = [table::CODE, table::FAST].into_iter().filter(|c| round.wants(*c)).collect();
    if round.focus.is_some() {
        return !about.is_empty() && about.into_iter().all(settled);
    }
    // The first look ends early only where nothing answers, so that a dead service costs three timeouts and not five.
    seen.plain.whole() == 0 && bad >= many
}

/// How long one answer is waited for while slow requests are held.
fn loaded_patience(limit: Duration) -> Duration {
    spec::patience(Some(limit))
}
