//! Is slow in every way that has a limit, all at once, and sees when that is cut off. The only I/O of `time-limit`.

use super::judge::{Weighed, limit, weigh};
use super::look::{Observation, Ordinary, Slow, Way};
use super::spec::Spec;
use super::table;
use crate::kind::{Context, Dawdler, How, ProbeError, Round, Seen, Weight};
use crate::transport::{OwnTrouble, Trouble};
use crate::words::Request;
use futures_util::future::try_join_all;
use std::time::{Duration, Instant};

#[cfg(test)]
mod tests;

/// Connections that are slow in the same way.
pub(super) const EACH: usize = 3;
/// Most rounds, where one was bad or told nothing.
const MOST: usize = 6;
/// Bytes that are dripped in the declared time.
const DROPS: u32 = 8;
/// Longest wait for a connection, or for an ordinary answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two ordinary requests, where one was not answered.
const BETWEEN: Duration = Duration::from_millis(200);

/// Does everything in the first round: what may be repeated is repeated there.
pub(super) async fn probe(spec: &Spec, round: &Round, cx: &Context, seen: &mut Observation) -> Result<(), ProbeError> {
    seen.asked = round.clauses.iter().map(|c| c.0.to_owned()).collect();
    let origin = seen.origin(cx);
    if round.number > 0 {
        return Ok(());
    }
    let enough = round.enough_bad.max(1);
    ordinary(spec, cx, origin, enough, &mut seen.before).await?;
    if seen.before.good == 0 {
        return Ok(());
    }
    let mut ways: Vec<Way> = Way::ALL.into_iter().filter(|way| is_wanted(spec, *way, round)).collect();
    for number in 0..MOST {
        cx.saw(format!("slow in {} ways, round {}", ways.len(), number + 1));
        let slow = try_join_all(ways.iter().map(|way| all_of(spec, *way, cx))).await?;
        for (way, slow) in ways.iter().zip(slow) {
            seen.rounds.entry(way.name().to_owned()).or_default().push(slow);
        }
        ways.retain(|way| !is_settled(spec, *way, seen, enough));
        if ways.is_empty() {
            break;
        }
    }
    seen.done = true;
    if round.wants(table::SERVED) {
        ordinary(spec, cx, origin, enough, &mut seen.after).await?;
    }
    Ok(())
}

fn is_wanted(spec: &Spec, way: Way, round: &Round) -> bool {
    let is_declared = match way {
        Way::HeadStopped | Way::HeadDripping => round.wants(table::SLOW_HEADERS),
        Way::BodyStopped => round.wants(table::SLOW_BODY),
        Way::BodyDripping => round.wants(table::SLOW_BODY) && spec.b.slow_body.as_ref().is_some_and(|b| b.b.dripping == Some(true)),
        Way::IdleUsed | Way::IdleUnused => round.wants(table::IDLE),
    };
    is_declared && limit(spec, way).is_some()
}

/// Whether no further round of this way can tell more.
fn is_settled(spec: &Spec, way: Way, seen: &Observation, enough: u32) -> bool {
    let weighed: Vec<Weighed> = seen.rounds.get(way.name()).into_iter().flatten().map(|round| weigh(spec, way, round)).collect();
    let bad = weighed.iter().filter(|w| matches!(w, Weighed::Bad(_))).count();
    let fine = weighed.iter().any(|w| matches!(w, Weighed::Fine));
    let is_futile = weighed.iter().any(|w| matches!(w, Weighed::Nothing(_) | Weighed::Barred(_)));
    bad >= enough as usize || bad == 0 && (fine || is_futile)
}

/// The request of the check, whole, on a connection of its own; what noise can make is tried again.
async fn ordinary(spec: &Spec, cx: &Context, origin: Instant, enough: u32, told: &mut Ordinary) -> Result<(), ProbeError> {
    loop {
        let mut how = How::caller(PATIENCE.min(cx.patience()));
        how.wishes.fresh = true;
        let call = cx.call(&spec.a, &how).await?;
        let answer = Seen::of(&call, cx.stopwatch(), origin);
        if answer.answered().is_some_and(|status| (200..300).contains(&status)) {
            told.good += 1;
            return Ok(());
        }
        told.bad += 1;
        let is_final = answer.weight() == Weight::Proof || told.bad >= enough;
        told.worst = Some(answer);
        if is_final {
            return Ok(());
        }
        cx.pause(BETWEEN).await;
    }
}

/// The connections of one round that are slow in this way.
async fn all_of(spec: &Spec, way: Way, cx: &Context) -> Result<Vec<Slow>, ProbeError> {
    let request = match (way, &spec.b.slow_body) {
        (Way::BodyStopped | Way::BodyDripping, Some(body)) => &body.a,
        _ => &spec.a,
    };
    let limit = limit(spec, way).unwrap_or_default();
    let watched = limit + spec.b.guard(limit) * 2;
    try_join_all((0..EACH).map(|_| one(request, way, limit, watched, cx))).await
}

async fn one(request: &Request, way: Way, limit: Duration, watched: Duration, cx: &Context) -> Result<Slow, ProbeError> {
    let how = How::caller(PATIENCE.min(cx.patience()));
    let mut dawdler = match cx.dawdle(request, &how).await? {
        Ok(dawdler) => dawdler,
        Err(failed) => return Ok(Slow::never("a connection", failed.to_string())),
    };
    let sent = match way {
        Way::HeadStopped | Way::HeadDripping => dawdler.send_head().await?,
        Way::BodyStopped | Way::BodyDripping => {
            let (whole, half) = (dawdler.body_len(), dawdler.body_len() / 2);
            let few = if way.is_dripping() { DROPS as usize * 8 } else { 1 };
            if whole < few {
                let why = format!("the body has {whole} bytes, and {few} are needed to be slow with it");
                return Ok(Slow::nothing(&dawdler.sent, why));
            }
            dawdler.send_body(half).await?
        }
        Way::IdleUsed => match used(dawdler).await? {
            Ok(on) => {
                dawdler = on;
                Ok(())
            }
            Err(slow) => return Ok(slow),
        },
        Way::IdleUnused => Ok(()),
    };
    if let Err(trouble) = sent {
        return Ok(stopped(&dawdler.sent, &trouble, &trouble));
    }
    let drip = way.is_dripping().then_some(limit / DROPS);
    let cut = dawdler.listen(watched, drip).await;
    Ok(Slow::of(cut, &dawdler, way, watched))
}

/// The connection after one request that was answered on it; or why there is none.
async fn used(dawdler: Dawdler) -> Result<Result<Dawdler, Slow>, ProbeError> {
    let sent = dawdler.sent.clone();
    Ok(match dawdler.ask().await? {
        Ok((_, Some(on))) => Ok(on),
        Ok((status, None)) => {
            let why = format!("it answers {status} and closes the connection, so that none is ever idle after a request");
            Err(Slow::nothing(&sent, why))
        }
        Err(failed) => Err(stopped(&sent, &failed.trouble, &failed)),
    })
}

/// One who did not come so far: because of the service, or since the environment does not allow it.
fn stopped(sent: &str, trouble: &Trouble, told: &dyn std::fmt::Display) -> Slow {
    match trouble.own() {
        Some(OwnTrouble::UploadSpent) => Slow::barred(sent),
        _ => Slow::never(sent, told.to_string()),
    }
}
