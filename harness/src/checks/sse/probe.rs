//! Looks at streams: alone, under a drive of jobs, and cut off. The only I/O of `sse`.

use super::look::Observation;
use super::spec::Spec;
use super::table;
use crate::kind::{Context, ProbeError, Round};

mod at_work;
mod broken;
mod cleans_up;
mod crowd;
mod deadline;
mod drive;
mod ends;
mod fan_out;
#[cfg(test)]
mod figures;
mod framed;
#[cfg(test)]
mod heavy_tests;
mod live;
mod marks;
mod metric;
mod opening;
mod private;
mod reader;
mod replay;
mod restart;
mod room;
mod silence;
mod slow;
mod stale;
#[cfg(test)]
mod tests;
mod watch;

/// Does what the round wants, and says so where a stream was lost to this machine: nothing that is missing then is the service's doing.
pub(super) async fn probe(spec: &Spec, round: &Round, cx: &Context, seen: &mut Observation) -> Result<(), ProbeError> {
    look(spec, round, cx, seen).await?;
    seen.own_trouble().map_or(Ok(()), |trouble| Err(ProbeError(trouble.to_owned())))
}

/// The cheapest first: a stream that does not open ends the look before anything is driven.
async fn look(spec: &Spec, round: &Round, cx: &Context, seen: &mut Observation) -> Result<(), ProbeError> {
    seen.asked = round.clauses.iter().map(|c| c.0.to_owned()).collect();
    let own = &spec.b;
    let first = round.focus.is_none();
    if round.wants_any(&[table::TYPE, table::UTF8, table::OPENS]) {
        opening::probe(spec, round, cx, seen).await?;
    }
    if first && seen.is_closed() {
        // What holds back the head may hold back events: that is seen once there are some.
        return match &own.drive {
            Some(drive) if seen.never_opens() && round.wants(table::TIMELY) => live::probe(spec, drive, round, cx, seen).await,
            _ => Ok(()),
        };
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
    if let Some(drive) = own.drive.as_ref().filter(|d| round.wants(table::FAN_OUT) && (first || d.a.is_repeatable())) {
        fan_out::probe(spec, drive, cx, seen).await?;
    }
    if let Some(cleans_up) = own.cleans_up.as_ref().filter(|_| first && round.wants(table::CLEANS_UP)) {
        cleans_up::probe(spec, cleans_up, cx, seen).await?;
    }
    if round.wants(table::PRIVATE) {
        private::probe(spec, round, cx, seen).await?;
    }
    if let Some(framed) = own.framed.as_ref().filter(|_| first && round.wants(table::FRAMED)) {
        framed::probe(spec, framed, cx, seen).await?;
    }
    if let Some(slow) = own.slow_consumer.as_ref().filter(|_| first && round.wants(table::SLOW)) {
        slow::probe(spec, slow, cx, seen).await?;
    }
    if let (Some(part), Some(drive), true) = (&own.restart, &own.drive, first && round.wants(table::IDENTIFIED)) {
        restart::probe(spec, &part.value, drive, cx, seen).await?;
    }
    Ok(())
}
