//! Polls readiness as an orchestrator does, and asks for real work as callers do. The only I/O of `ready`.

use super::look::{Asked, Observation, Pair, Poll};
use super::spec::{Real, Spec};
use super::table;
use crate::kind::{Context, How, ProbeError, Round};
use crate::model::quantity::show_duration;
use crate::reader::With;
use crate::words::Request;
use std::time::{Duration, Instant};

mod boot;
mod leave;
mod marker;
mod outage;
mod replicas;
mod soft;
mod strict;
#[cfg(test)]
mod tests;

/// Real requests after the first.
const THEN: u32 = 20;
/// Pairs of a poll and a real request, once ready.
const PAIRS: u32 = 10;
/// Pairs that are kept, of either state.
const KEPT: usize = 256;
/// Least distance of two real requests while not ready: they are to show whether it works, not to load it.
const APART: Duration = Duration::from_millis(500);

/// Does what the round wants. What is about a ready service is not looked at where it never became ready.
pub(super) async fn probe(spec: &Spec, round: &Round, cx: &Context, seen: &mut Observation) -> Result<(), ProbeError> {
    seen.asked = round.clauses.iter().map(|c| c.0.to_owned()).collect();
    seen.origin(cx);
    if seen.leaving.is_some() {
        // It was asked to end and is gone: nothing more is to be seen of it.
        return Ok(());
    }
    if seen.ready.is_none() {
        becomes(spec, round, cx, seen).await?;
    }
    if seen.ready.is_none() {
        return Ok(());
    }
    if let Some(real) = &spec.b.real {
        first_request(spec, real, round, cx, seen).await?;
    }
    if let Some(time) = spec.b.steady_for()
        && round.wants(table::STEADY)
    {
        steady(spec, time, round, cx, seen).await?;
    }
    if let Some(real) = &spec.b.real
        && round.wants(table::TRUTHFUL)
    {
        pairs(spec, real, round, cx, seen).await?;
    }
    if let Some(replicas) = &spec.b.replicas
        && round.wants(table::REPLICAS)
    {
        replicas::replicas(spec, replicas, round, cx, seen).await?;
    }
    outage::outages(spec, round, cx, seen).await?;
    soft::outages(spec, round, cx, seen).await?;
    leave::leave(spec, round, cx, seen).await
}

/// The next poll comes after a 40th of the time that has passed: never before `least`, never later than a second.
pub(super) fn step(elapsed: Duration, least: Duration) -> Duration {
    (elapsed / 40).clamp(least, Duration::from_secs(1))
}

/// The least step: 50 ms at the first look, finer where the core asks for it.
fn least(round: &Round) -> Duration {
    const LEAST: Duration = Duration::from_millis(50);
    if round.number == 0 { LEAST } else { round.step.clamp(Duration::from_millis(1), LEAST) }
}

fn how(spec: &Spec) -> How {
    let mut how = How::probe(spec.b.patience());
    how.wishes.limits.body_max = 1 << 20;
    how
}

async fn poll(spec: &Spec, cx: &Context, seen: &mut Observation) -> Result<Poll, ProbeError> {
    timed(spec, cx, seen).await.map(|(poll, _)| poll)
}

/// The same with the moment at which it began.
async fn timed(spec: &Spec, cx: &Context, seen: &mut Observation) -> Result<(Poll, Instant), ProbeError> {
    let origin = seen.origin(cx);
    let call = cx.call(&spec.a, &how(spec)).await?;
    let poll = Poll::of(spec, &call, cx, origin)?;
    seen.note(&poll.seen, cx);
    Ok((poll, call.began))
}

async fn ask(real: &With<Request, Real>, cx: &Context, seen: &mut Observation) -> Result<Asked, ProbeError> {
    let origin = seen.origin(cx);
    let call = cx.call(&real.a, &How::caller(real.b.patience())).await?;
    Asked::of(&real.b, &call, cx, origin)
}

/// Polls until it is ready, or until a poll that began after the deadline is not.
async fn becomes(spec: &Spec, round: &Round, cx: &Context, seen: &mut Observation) -> Result<(), ProbeError> {
    let deadline = spec.b.deadline();
    let origin = seen.origin(cx);
    let mut last_real: Option<Duration> = None;
    loop {
        let now = poll(spec, cx, seen).await?;
        if let Some(marker) = &spec.b.not_before
            && round.wants(table::NOT_BEFORE)
        {
            marker::read(marker, &now, cx, seen).await?;
        }
        let began = now.seen.at;
        if now.ready {
            cx.saw(format!("ready: {}", now.seen.line()));
            seen.waiting.add(now.clone());
            seen.ready = Some(now);
            return Ok(());
        }
        cx.saw(format!("not ready: {}", now.seen.line()));
        seen.waiting.add(now);
        // Three polls after the deadline, so that one lost packet does not decide.
        if began.lo > deadline {
            seen.overdue = true;
            if seen.waiting.not_ready - seen.waiting.ours >= round.enough_bad.max(1) || began.lo > deadline * 2 + Duration::from_secs(5) {
                return Ok(());
            }
        }
        if let Some(real) = &spec.b.real
            && round.wants(table::TRUTHFUL)
            && real.a.is_repeatable()
            && last_real.is_none_or(|at| began.hi > at + APART)
            && seen.pairs.len() < KEPT / 2
        {
            last_real = Some(began.hi);
            let real = ask(real, cx, seen).await?;
            seen.pairs.push(Pair { ready: false, real });
        }
        let elapsed = cx.stopwatch().since(origin).hi;
        let pause = step(elapsed, least(round));
        // The poll that decides comes right after the deadline, and not up to a second later.
        let left = deadline.checked_sub(elapsed).map(|left| left + Duration::from_millis(1));
        cx.pause(left.map_or(pause, |left| pause.min(left))).await;
    }
}

/// The first real request, at once; then twenty more.
async fn first_request(
    spec: &Spec,
    real: &With<Request, Real>,
    round: &Round,
    cx: &Context,
    seen: &mut Observation,
) -> Result<(), ProbeError> {
    let wanted = round.wants(table::FIRST_REQUEST);
    if !wanted || !spec.a.is_repeatable() {
        return Ok(());
    }
    if seen.first.is_none() {
        let first = ask(real, cx, seen).await?;
        cx.saw(format!("first real request: {}", first.seen.line()));
        seen.first = Some(first);
    }
    if !round.wants_case(table::FIRST_REQUEST, "then") || !real.a.is_repeatable() {
        return Ok(());
    }
    for _ in 0..round.samples_or(THEN) {
        let asked = ask(real, cx, seen).await?;
        if seen.then.len() < KEPT || !asked.fine {
            seen.then.push(asked);
        }
        if seen.then.iter().filter(|a| !a.fine).count() >= round.enough_bad.max(1) as usize {
            break;
        }
    }
    Ok(())
}

/// Polls for the whole time, or for as many samples as the core asks for.
async fn steady(spec: &Spec, time: Duration, round: &Round, cx: &Context, seen: &mut Observation) -> Result<(), ProbeError> {
    let began = cx.stopwatch().now();
    let pause = (time / 40).clamp(least(round), Duration::from_secs(1));
    let mut taken = 0;
    loop {
        let now = poll(spec, cx, seen).await?;
        if !now.ready {
            cx.saw(format!("no longer ready: {}", now.seen.line()));
        }
        seen.steady.add(now);
        taken += 1;
        let elapsed = cx.stopwatch().since(began).hi;
        let over = match round.samples {
            Some(samples) => taken >= samples.get(),
            None => elapsed >= time,
        };
        seen.steady_to_the_end |= elapsed >= time;
        if over || seen.steady.not_ready - seen.steady.ours >= round.enough_bad.max(1) {
            return Ok(());
        }
        if taken % 10 == 0 {
            cx.saw(format!("ready for {}", show_duration(elapsed)));
        }
        cx.pause(pause).await;
    }
}

/// A poll and a real request, in turn, until there are enough pairs or two in a row that lie.
async fn pairs(spec: &Spec, real: &With<Request, Real>, round: &Round, cx: &Context, seen: &mut Observation) -> Result<(), ProbeError> {
    // What may not be sent again is sent twice at most: enough for two in a row.
    let most = if real.a.is_repeatable() { round.samples_or(PAIRS) } else { 2 };
    for _ in 0..most {
        let now = poll(spec, cx, seen).await?;
        let asked = ask(real, cx, seen).await?;
        seen.pairs.push(Pair { ready: now.ready, real: asked });
        if seen.pairs.len() > KEPT {
            seen.pairs.remove(0);
        }
        let lies = |pair: &Pair| pair.ready && !pair.real.fine;
        if seen.pairs.windows(2).any(|two| lies(&two[0]) && lies(&two[1])) {
            break;
        }
        cx.pause(least(round) / 5).await;
    }
    Ok(())
}
