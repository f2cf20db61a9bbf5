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
/// A poll is given so long at least, also right before the deadline: less would be no question.
const LEAST_ANSWER: Duration = Duration::from_millis(50);

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

/// One poll that is waited for no longer than this.
async fn poll_within(patience: Duration, spec: &Spec, cx: &Context, origin: Instant) -> Result<Poll, ProbeError> {
    let mut how = how(spec);
    how.wishes.timeouts.total = how.wishes.timeouts.total.min(patience);
    Poll::of(spec, &cx.call(&spec.a, &how).await?, cx, origin)
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
    ask_within(real.b.patience(), real, cx, seen).await
}

/// One real request that is waited for no longer than this.
async fn ask_within(patience: Duration, real: &With<Request, Real>, cx: &Context, seen: &mut Observation) -> Result<Asked, ProbeError> {
    let origin = seen.origin(cx);
    let call = cx.call(&real.a, &How::caller(patience)).await?;
    Asked::of(&real.b, &call, cx, origin)
}

/// Polls until it is ready, or the deadline is over: one poll that begins after it still says how it stands then. So nothing is
/// waited for longer than the deadline and the patience for one answer, whatever hangs.
async fn becomes(spec: &Spec, round: &Round, cx: &Context, seen: &mut Observation) -> Result<(), ProbeError> {
    let (deadline, patience) = (spec.b.deadline(), spec.b.patience());
    let origin = seen.origin(cx);
    let mut last_real: Option<Duration> = None;
    loop {
        // Where this machine stood still, the service is given that time.
        let left = deadline.saturating_sub(cx.stopwatch().since(origin).lo);
        if left.is_zero() {
            return overdue(spec, round, cx, seen).await;
        }
        // What hangs when the deadline comes is not waited for any longer.
        let now = poll_within(patience.min(left.max(LEAST_ANSWER)), spec, cx, origin).await?;
        let began = now.seen.at;
        if took_in(spec, round, cx, seen, now).await? {
            return Ok(());
        }
        if let Some(real) = &spec.b.real
            && round.wants(table::TRUTHFUL)
            && real.a.is_repeatable()
            && last_real.is_none_or(|at| began.hi > at + APART)
            && seen.pairs.len() < KEPT / 2
            && cx.stopwatch().since(origin).hi < deadline
        {
            last_real = Some(began.hi);
            let left = deadline.saturating_sub(cx.stopwatch().since(origin).hi).max(LEAST_ANSWER);
            let real = ask_within(real.b.patience().min(left), real, cx, seen).await?;
            seen.pairs.push(Pair { ready: false, real });
        }
        let elapsed = cx.stopwatch().since(origin);
        let pause = step(elapsed.hi, least(round));
        // The poll that decides comes right after the deadline, and not up to a second later.
        let left = deadline.checked_sub(elapsed.lo).map(|left| left + Duration::from_millis(1));
        cx.pause(left.map_or(pause, |left| pause.min(left))).await;
    }
}

/// Looks once more after the deadline. Where fewer than three polls have failed by then, as many as are missing are sent at
/// once: one lost packet does not decide.
async fn overdue(spec: &Spec, round: &Round, cx: &Context, seen: &mut Observation) -> Result<(), ProbeError> {
    let origin = seen.origin(cx);
    let failed = seen.waiting.not_ready - seen.waiting.ours;
    let polls = (0..round.enough_bad.saturating_sub(failed).max(1)).map(|_| poll_within(spec.b.patience(), spec, cx, origin));
    let mut polls = futures_util::future::try_join_all(polls).await?;
    // One that is ready says more than others of the same moment.
    if let Some(ready) = polls.iter().position(|poll| poll.ready) {
        polls = vec![polls.swap_remove(ready)];
    }
    for poll in polls {
        seen.overdue |= !poll.ready && poll.seen.at.lo > spec.b.deadline();
        if took_in(spec, round, cx, seen, poll).await? {
            break;
        }
    }
    Ok(())
}

/// Takes in one poll before it was ready, with the marker beside it; answers whether it is ready now.
async fn took_in(spec: &Spec, round: &Round, cx: &Context, seen: &mut Observation, now: Poll) -> Result<bool, ProbeError> {
    seen.note(&now.seen, cx);
    let left = spec.b.deadline().saturating_sub(cx.stopwatch().since(seen.origin(cx)).hi);
    if let Some(marker) = &spec.b.not_before
        && round.wants(table::NOT_BEFORE)
        && (now.ready || !left.is_zero())
    {
        let patience = if now.ready { marker::PATIENCE } else { marker::PATIENCE.min(left) };
        marker::read(patience, marker, &now, cx, seen).await?;
    }
    let word = if now.ready { "ready" } else { "not ready" };
    cx.saw(format!("{word}: {}", now.seen.line()));
    seen.waiting.add(now.clone());
    if now.ready {
        seen.ready = Some(now);
    }
    Ok(seen.ready.is_some())
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
