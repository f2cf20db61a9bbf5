//! Loses each soft dependency and watches that the service stays ready and tells of it.

use super::super::look::{Observation, Outage, Sample};
use super::super::mention::{still_tells, tells};
use super::super::spec::{Spec, beyond};
use super::super::table::{LOSSES, SOFT};
use super::outage::{inject, mend, settled, since};
use super::{least, strict, timed};
use crate::kind::{Context, ProbeError, Round, Seen};
use crate::model::FaultKind;
use crate::words::Expect;
use std::time::{Duration, Instant};

/// How long a loss goes on once it was told.
const DWELL: Duration = Duration::from_secs(1);

/// Every outage of the soft dependencies that the round wants.
pub(super) async fn outages(spec: &Spec, round: &Round, cx: &Context, seen: &mut Observation) -> Result<(), ProbeError> {
    for name in spec.b.soft.iter().flat_map(|names| names.iter()) {
        let mut clean: Option<Seen> = None;
        for fault in LOSSES {
            let case = format!("{}/{fault}", name.value);
            let is_wanted = ["", "/told", "/back"].iter().any(|part| round.wants_case(SOFT, &format!("{case}{part}")));
            if is_wanted && seen.no_more.is_none() {
                let outage = Outage { dependency: name.value.clone(), family: case.clone(), case, ..Outage::default() };
                one(spec, outage, *fault, &mut clean, round, cx, seen).await?;
            }
        }
    }
    Ok(())
}

/// Still in traffic: its code alone counts, because its body is to tell of the loss.
fn is_in_traffic(spec: &Spec, seen: &Seen) -> bool {
    let declared = spec.b.expect.as_ref().and_then(Expect::declared_status);
    seen.answered().is_some_and(|status| declared.map_or(status == 200, |wanted| wanted.value.fits(status)))
}

async fn one(
    spec: &Spec,
    mut outage: Outage,
    fault: FaultKind,
    clean: &mut Option<Seen>,
    round: &Round,
    cx: &Context,
    seen: &mut Observation,
) -> Result<(), ProbeError> {
    let Some(before) = settled(spec, &outage.case, round, cx, seen).await? else { return Ok(()) };
    // What is told of the loss before this one must be gone, or it would be taken for a report of this one.
    let clean = clean.get_or_insert_with(|| before.clone());
    let earlier = seen.soft.iter().rev().filter(|earlier| earlier.dependency == outage.dependency).find_map(|o| o.down.named.last.as_ref());
    outage.down.is_stale = earlier.is_some_and(|told| still_tells(&outage.dependency, clean, told, &before));
    outage.before = before;
    outage.down.turned = [(String::new(), false)].into();
    outage.up.turned = [(String::new(), false)].into();
    let asked = cx.stopwatch().now();
    let lease = inject(&outage.dependency, fault, cx, seen).await?;
    let forced = cx.stopwatch().now();
    let clean = clean.clone();
    seen.soft.push(outage);
    down(spec, asked, forced, round, cx, seen).await?;
    let asked = cx.stopwatch().now();
    mend(lease, &last(seen).case).await?;
    let mended = cx.stopwatch().now();
    up(spec, &clean, asked, mended, round, cx, seen).await
}

/// Until it is ready and has taken its report back, or has not for long enough.
async fn up(
    spec: &Spec,
    clean: &Seen,
    asked: Instant,
    mended: Instant,
    round: &Round,
    cx: &Context,
    seen: &mut Observation,
) -> Result<(), ProbeError> {
    let limit = spec.b.recovers_within();
    let many = round.enough_bad.max(1);
    let step = (limit / 40).clamp(Duration::from_millis(5), least(round));
    loop {
        let (poll, began) = timed(spec, cx, seen).await?;
        let since = since(cx, asked, mended, &poll, began);
        let outage = last(seen);
        cx.saw(format!("after {}: {}", outage.case, poll.seen.line()));
        let told = outage.down.named.last.as_ref();
        let is_well = is_in_traffic(spec, &poll.seen) && !told.is_some_and(|told| still_tells(&outage.dependency, clean, told, &poll.seen));
        let up = &mut outage.up;
        up.add(&Sample { poll: &poll, ready: is_well, since, replica: "", limit });
        let is_stuck = since.lo > limit + beyond(limit) && (up.late.sure() >= many || since.lo > limit * 2 + spec.b.patience() * many);
        if up.back.is_some() || is_stuck {
            up.is_over = true;
            return Ok(());
        }
        cx.pause(step).await;
    }
}

fn last(seen: &mut Observation) -> &mut Outage {
    seen.soft.last_mut().expect("an outage is pushed before it is looked at")
}

async fn down(spec: &Spec, asked: Instant, forced: Instant, round: &Round, cx: &Context, seen: &mut Observation) -> Result<(), ProbeError> {
    let limit = spec.b.falls_within();
    let many = round.enough_bad.max(1);
    let mut told: Option<Instant> = None;
    for taken in 1.. {
        let (poll, began) = timed(spec, cx, seen).await?;
        let since = since(cx, asked, forced, &poll, began);
        let ready = is_in_traffic(spec, &poll.seen);
        let outage = last(seen);
        cx.saw(format!("{}: {}", outage.case, poll.seen.line()));
        outage.down.add(&Sample { poll: &poll, ready, since, replica: "", limit });
        outage.down.lasted = cx.stopwatch().since(forced);
        if tells(&outage.dependency, &outage.before, &poll.seen) {
            told.get_or_insert_with(|| cx.stopwatch().now());
            outage.down.named.add(&poll);
        } else if poll.seen.whole() && since.lo > limit {
            outage.down.unnamed.add(&poll);
        }
        let is_asked = strict::idle(spec, &poll, round, cx, seen, last).await?;
        let down = &mut last(seen).down;
        let enough = taken >= round.samples_or(0);
        let rested = told.is_some_and(|at| cx.stopwatch().since(at).lo >= DWELL) && enough;
        let hidden = down.named.n == 0 && down.unnamed.n >= many && down.lasted.lo > limit + beyond(limit) && enough;
        let bad = down.unanswered.sure() + down.left.n;
        let stuck = down.lasted.lo > limit * 2 + beyond(limit) + spec.b.patience() * many;
        if (rested || hidden || bad >= many || stuck) && !is_asked {
            down.is_over = true;
            return Ok(());
        }
        cx.pause(least(round)).await;
    }
    Ok(())
}
