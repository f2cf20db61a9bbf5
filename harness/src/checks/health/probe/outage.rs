//! Loses each dependency in each way and probes all the while, as an orchestrator would.

use super::super::look::{Look, Observation, Outage};
use super::super::spec::{Spec, outage_case};
use super::super::table::{INDEPENDENT, OUTAGES};
use super::{ask, how};
use crate::kind::{Context, ProbeError, Round};
use crate::model::{FaultKind, interval::Against, quantity::show_duration};
use crate::reader::{Many, Sp};
use std::time::Duration;

/// Samples in an outage: a liveness that is down for a fifteenth of it is seen three times.
const SAMPLES: u32 = 40;
/// Longest wait for the first good answer once a dependency is back: twice the outage, between these.
const BACK: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(10));

/// One outage after the other, each mended and got over before the next.
pub(super) async fn outages(
    spec: &Spec,
    names: &Many<Sp<String>>,
    round: &Round,
    cx: &Context,
    seen: &mut Observation,
) -> Result<(), ProbeError> {
    for name in names.iter() {
        for fault in OUTAGES {
            let case = outage_case(name, *fault);
            if seen.no_more.is_some() || !round.wants_case(INDEPENDENT, &case) {
                continue;
            }
            outage(spec, name, *fault, case, round, cx, seen).await?;
        }
    }
    Ok(())
}

async fn outage(
    spec: &Spec,
    name: &str,
    fault: FaultKind,
    case: String,
    round: &Round,
    cx: &Context,
    seen: &mut Observation,
) -> Result<(), ProbeError> {
    let lease = match cx.stand().inject(name, fault).await {
        Ok(lease) => lease,
        Err(e) => {
            seen.no_more = Some(format!("`{name}` could not be lost by {fault}: {e}"));
            return Err(ProbeError(format!("{fault} of `{name}`: {e}")));
        }
    };
    let (watch, origin) = (cx.stopwatch(), seen.origin(cx));
    let forced = watch.now();
    seen.outages.push(Outage { case: case.clone(), from: watch.between(origin, forced), ..Outage::default() });
    let how = how(spec.b.patience());
    let pause = (spec.b.outage() / SAMPLES).clamp(Duration::from_millis(10), Duration::from_secs(1));
    let many = round.enough_bad.max(1) as usize;
    loop {
        let look = ask(spec, cx, &how, seen).await?;
        cx.saw(format!("{case}: {}", look.seen.line()));
        let was_good = !is_bad(spec, &look);
        // What was seen is kept at each step: it is judged even if the deadline comes now.
        let outage = seen.outages.last_mut().expect("pushed above");
        outage.add(look, spec.b.limit());
        outage.lasted = watch.since(forced);
        outage.is_whole = outage.lasted.lo >= spec.b.outage() && outage.count() >= round.samples_or(0) as usize;
        let is_whole = outage.is_whole;
        let bad = seen.outages.iter().filter(|o| o.case == case).flat_map(|o| &o.kept).filter(|look| is_bad(spec, look)).count();
        // A liveness that hangs takes long to be asked three times: it is, while it goes on.
        if bad >= many || is_whole && (bad == 0 || was_good) {
            break;
        }
        cx.pause(pause).await;
    }
    lease.mend().await.map_err(|e| ProbeError(format!("`{name}` could not be mended after {fault}: {e}")))?;
    get_over(spec, &case, cx, seen).await
}

fn is_bad(spec: &Spec, look: &Look) -> bool {
    !look.right || spec.b.limit().is_some_and(|limit| look.seen.took.against(limit) == Against::Beyond)
}

/// Waits until it answers as before, so that one outage is not blamed on the next.
async fn get_over(spec: &Spec, case: &str, cx: &Context, seen: &mut Observation) -> Result<(), ProbeError> {
    let watch = cx.stopwatch();
    let (mended, back) = (watch.now(), (spec.b.outage() * 2).clamp(BACK.0, BACK.1));
    let how = how(spec.b.patience());
    loop {
        let look = ask(spec, cx, &how, seen).await?;
        if !is_bad(spec, &look) {
            return Ok(());
        }
        if watch.since(mended).lo > back {
            seen.no_more = Some(format!("it did not answer as before for {} after {case}: {}", show_duration(back), look.seen.brief()));
            return Ok(());
        }
        cx.pause(Duration::from_millis(50)).await;
    }
}
