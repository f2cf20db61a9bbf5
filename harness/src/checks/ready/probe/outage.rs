//! Loses each hard dependency, watches readiness fall, gives it back, watches readiness recover; twice.

use super::super::look::{Observation, Outage, Pair, Sample};
use super::super::mention;
use super::super::spec::{Spec, beyond};
use super::super::table::{self, LOSSES};
use super::{Poll, ask, boot, least, timed};
use crate::kind::{Context, Lease, ProbeError, Round, Seen};
use crate::model::quantity::show_duration;
use crate::model::{ClauseId, FaultKind, Interval};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Clauses that an outage of a hard dependency shows something of.
const SHOWN: &[ClauseId] = &[table::FALLS, table::RECOVERS, table::STEADY, table::TRUTHFUL, table::REPLICAS];
/// How long a loss goes on once it was noticed, where nothing is promised of steadiness.
const DWELL: Duration = Duration::from_millis(300);
/// Real requests once it is ready again.
const REAL: u32 = 5;
/// Pairs of a ready answer and a real request, after it must not be ready any more.
const PAIRS: usize = 3;

/// Every outage of the hard dependencies that the round wants.
pub(super) async fn outages(spec: &Spec, round: &Round, cx: &Context, seen: &mut Observation) -> Result<(), ProbeError> {
    if !round.clauses.contains(&table::FALLS) && !round.clauses.contains(&table::RECOVERS) {
        return Ok(());
    }
    for name in spec.b.hard.iter().flat_map(|names| names.iter()) {
        for fault in LOSSES {
            let family = format!("{}/{fault}", name.value);
            for again in cycles(round, &family) {
                if seen.no_more.is_some() {
                    return Ok(());
                }
                let case = if again { format!("{family}/again") } else { family.clone() };
                let outage = Outage { dependency: name.value.clone(), family: family.clone(), case, ..Outage::default() };
                one(spec, outage, *fault, round, cx, seen).await?;
            }
        }
    }
    Ok(())
}

/// The cycles of one loss that the round wants: the first, one more, or both.
fn cycles(round: &Round, family: &str) -> Vec<bool> {
    let Some(focus) = &round.focus else {
        return if round.wants(table::RECOVERS) { vec![false, true] } else { vec![false] };
    };
    let is_of = |case: &str| case.strip_prefix(family).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let mut cases = focus.iter().filter(|(clause, case)| SHOWN.contains(clause) && is_of(case)).map(|(_, case)| case.ends_with("/again"));
    let (mut first, mut again) = (false, false);
    cases.by_ref().for_each(|is_again| if is_again { again = true } else { first = true });
    [(first, false), (again, true)].into_iter().filter(|(wanted, _)| *wanted).map(|(_, again)| again).collect()
}

async fn one(
    spec: &Spec,
    mut outage: Outage,
    fault: FaultKind,
    round: &Round,
    cx: &Context,
    seen: &mut Observation,
) -> Result<(), ProbeError> {
    let Some(before) = settled(spec, &outage.case, round, cx, seen).await? else { return Ok(()) };
    outage.before = before;
    outage.down.turned = replicas(spec, seen, false);
    outage.up.turned = replicas(spec, seen, false);
    if spec.b.boot_id.is_some() && round.clauses.contains(&table::RECOVERS) {
        boot::before(spec, &mut outage, cx).await?;
    }
    let asked = cx.stopwatch().now();
    let lease = inject(&outage.dependency, fault, cx, seen).await?;
    let forced = cx.stopwatch().now();
    seen.outages.push(outage);
    down(spec, asked, forced, round, cx, seen).await?;
    let asked = cx.stopwatch().now();
    mend(lease, &last(seen).case).await?;
    let mended = cx.stopwatch().now();
    up(spec, asked, mended, round, cx, seen).await
}

/// The fault, or the harness's trouble, told to the cases that are then not judged.
pub(super) async fn inject(dependency: &str, fault: FaultKind, cx: &Context, seen: &mut Observation) -> Result<Lease, ProbeError> {
    cx.stand().inject(dependency, fault).await.map_err(|e| {
        seen.no_more = Some(format!("`{dependency}` could not be lost by {fault}: {e}"));
        ProbeError(format!("{fault} of `{dependency}`: {e}"))
    })
}

/// Undoes the fault; trouble with it is the harness's.
pub(super) async fn mend(lease: Lease, case: &str) -> Result<(), ProbeError> {
    lease.mend().await.map_err(|e| ProbeError(format!("{case} could not be mended: {e}")))
}

fn last(seen: &mut Observation) -> &mut Outage {
    seen.outages.last_mut().expect("an outage is pushed before it is looked at")
}

/// A ready answer right before a loss; without one for as long as a recovery may take, no further loss would show anything.
pub(super) async fn settled(
    spec: &Spec,
    case: &str,
    round: &Round,
    cx: &Context,
    seen: &mut Observation,
) -> Result<Option<Seen>, ProbeError> {
    let began = cx.stopwatch().now();
    let limit = spec.b.recovers_within();
    loop {
        let (poll, _) = timed(spec, cx, seen).await?;
        if poll.ready {
            return Ok(Some(poll.seen));
        }
        if cx.stopwatch().since(began).lo > limit {
            seen.no_more = Some(format!("it was not ready for {} before {case}: {}", show_duration(limit), poll.seen.brief()));
            return Ok(None);
        }
        cx.pause(least(round)).await;
    }
}

/// The replicas that are known, each in this state; one without a name where nothing tells them apart.
pub(super) fn replicas(spec: &Spec, seen: &Observation, turned: bool) -> BTreeMap<String, bool> {
    let known = seen.replicas.iter().filter(|(_, replica)| replica.ready > 0).map(|(name, _)| (name.clone(), turned));
    match spec.b.replicas {
        Some(_) => known.collect(),
        None => [(String::new(), turned)].into(),
    }
}

/// The replica that answered, as far as it says so.
pub(super) fn replica_of<'a>(spec: &Spec, seen: &'a Seen) -> &'a str {
    spec.b.replicas.as_ref().and_then(|r| seen.header(&r.header.value.to_ascii_lowercase())).unwrap_or_default()
}

/// How long after a change a poll began and was answered.
pub(super) fn since(cx: &Context, asked: Instant, forced: Instant, poll: &Poll, began: Instant) -> Interval {
    let watch = cx.stopwatch();
    let hi = watch.between(asked, began).hi + poll.seen.took.hi;
    Interval { lo: watch.between(forced, began).lo.min(hi), hi }
}

async fn down(spec: &Spec, asked: Instant, forced: Instant, round: &Round, cx: &Context, seen: &mut Observation) -> Result<(), ProbeError> {
    let limit = spec.b.falls_within();
    let many = round.enough_bad.max(1);
    let dwell = spec.b.steady_for().filter(|_| round.clauses.contains(&table::STEADY)).unwrap_or(DWELL);
    let step = (limit / 40).clamp(Duration::from_millis(5), least(round));
    let mut fell: Option<Instant> = None;
    for taken in 1.. {
        let (poll, began) = timed(spec, cx, seen).await?;
        let since = since(cx, asked, forced, &poll, began);
        let outage = last(seen);
        cx.saw(format!("{}: {}", outage.case, poll.seen.line()));
        outage.down.add(&Sample { poll: &poll, ready: poll.ready, since, replica: replica_of(spec, &poll.seen), limit });
        outage.down.lasted = cx.stopwatch().since(forced);
        note_body(outage, &poll);
        let is_late = poll.ready && since.lo > limit;
        if is_late && still_pairs(spec, round, outage) {
            let real = spec.b.real.as_ref().expect("pairs are made of real requests");
            let real = ask(real, cx, seen).await?;
            last(seen).down.pairs.push(Pair { ready: true, real });
        }
        let is_asked = super::strict::idle(spec, &poll, round, cx, seen, last).await?;
        let outage = last(seen);
        let down = &mut outage.down;
        let has_fallen = down.fell.as_ref().map(|_| *fell.get_or_insert_with(|| cx.stopwatch().now()));
        let rested = has_fallen.is_some_and(|at| cx.stopwatch().since(at).lo >= dwell) && taken >= round.samples_or(0);
        let never = has_fallen.is_none() && down.lasted.lo > limit + beyond(limit) && down.late.n >= many;
        let broken = down.unanswered.sure() + down.odd.n >= many;
        // Neither fallen nor ready: it hangs, but not often enough to be called broken.
        let stuck = down.lasted.lo > limit * 2 + beyond(limit) + spec.b.patience() * many && taken >= round.samples_or(0);
        let is_paired = !is_asked && (!is_late || !still_pairs(spec, round, last(seen)));
        if (rested || never || broken || stuck) && is_paired {
            last(seen).down.is_over = true;
            return Ok(());
        }
        cx.pause(step).await;
    }
    Ok(())
}

/// Whether a real request is still to be held against an answer that is ready when it must not be.
fn still_pairs(spec: &Spec, round: &Round, outage: &Outage) -> bool {
    let can = spec.b.real.as_ref().is_some_and(|real| real.a.is_repeatable()) && round.clauses.contains(&table::TRUTHFUL);
    let lies = outage.down.pairs.windows(2).any(|two| !two[0].real.fine && !two[1].real.fine);
    can && !lies && outage.down.pairs.len() < PAIRS
}

/// What a 503 says of the lost dependency.
fn note_body(outage: &mut Outage, poll: &Poll) {
    if poll.ready || poll.seen.answered() != Some(503) {
        return;
    }
    if mention::names(&outage.dependency, &outage.before, &poll.seen) {
        outage.down.named.add(poll);
    } else {
        outage.down.unnamed.add(poll);
    }
    if outage.down.address.is_none() {
        let address = mention::address(&outage.dependency, &outage.before, &poll.seen);
        outage.down.address = address.map(|address| (poll.seen.clone(), address));
    }
}

async fn up(spec: &Spec, asked: Instant, mended: Instant, round: &Round, cx: &Context, seen: &mut Observation) -> Result<(), ProbeError> {
    let limit = spec.b.recovers_within();
    let many = round.enough_bad.max(1);
    let step = (limit / 40).clamp(Duration::from_millis(5), least(round));
    loop {
        let (poll, began) = timed(spec, cx, seen).await?;
        let since = since(cx, asked, mended, &poll, began);
        let outage = last(seen);
        cx.saw(format!("after {}: {}", outage.case, poll.seen.line()));
        outage.up.add(&Sample { poll: &poll, ready: poll.ready, since, replica: replica_of(spec, &poll.seen), limit });
        if outage.up.back.is_some() {
            break;
        }
        if since.lo > limit + beyond(limit) && (outage.up.late.sure() >= many || since.lo > limit * 2 + spec.b.patience() * many) {
            outage.up.is_over = true;
            seen.no_more =
                Some(format!("it was not ready again {} after {}: {}", show_duration(since.lo), last(seen).case, poll.seen.brief()));
            return Ok(());
        }
        cx.pause(step).await;
    }
    if round.clauses.contains(&table::RECOVERS) {
        really(spec, round, cx, seen).await?;
        boot::after(spec, last(seen), cx).await?;
    }
    // It must stay ready too: polled as long as it must be steady.
    if let Some(dwell) = spec.b.steady_for().filter(|_| round.clauses.contains(&table::STEADY)) {
        let back = cx.stopwatch().now();
        while cx.stopwatch().since(back).lo < dwell && last(seen).up.flaps.sure() < many {
            let (poll, began) = timed(spec, cx, seen).await?;
            let since = self::since(cx, asked, mended, &poll, began);
            let sample = Sample { poll: &poll, ready: poll.ready, since, replica: replica_of(spec, &poll.seen), limit };
            last(seen).up.add(&sample);
            cx.pause(least(round)).await;
        }
    }
    last(seen).up.is_over = true;
    Ok(())
}

/// Real requests at once, as callers make them when they see it ready again.
async fn really(spec: &Spec, round: &Round, cx: &Context, seen: &mut Observation) -> Result<(), ProbeError> {
    let Some(real) = &spec.b.real else { return Ok(()) };
    let most = if real.a.is_repeatable() { round.samples_or(REAL).max(REAL) } else { 1 };
    for _ in 0..most {
        let asked = ask(real, cx, seen).await?;
        let up = &mut last(seen).up;
        up.real.push(asked);
        if up.real.iter().filter(|asked| !asked.fine).count() >= round.enough_bad.max(1) as usize {
            break;
        }
    }
    Ok(())
}
