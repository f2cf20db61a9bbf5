//! Holds slow requests open and probes meanwhile; a sample counts only if all of them were in flight.

use super::super::look::{Look, Observation};
use super::super::spec::{Spec, UnderLoad};
use super::{how, loaded_patience};
use crate::kind::{Context, How, ProbeError, Round, Seen};
use crate::model::quantity::show_duration;
use crate::reader::With;
use crate::words::Request;
use futures_util::future::{join, join_all};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Longest that one slow request is waited for.
const SLOWEST: Duration = Duration::from_secs(60);
/// Most times that the slow requests are sent all at once, for each sample that is wanted.
const WAVES_PER_SAMPLE: u32 = 3;

/// What became of the slow requests of one wave so far.
#[derive(Default)]
struct Wave {
    ended: AtomicU32,
    refused: AtomicU32,
}

pub(super) async fn under_load(
    spec: &Spec,
    load: &With<Request, UnderLoad>,
    round: &Round,
    cx: &Context,
    seen: &mut Observation,
) -> Result<(), ProbeError> {
    let limit = spec.b.loaded_limit(&load.b);
    let mut slow = How::caller(SLOWEST);
    slow.wishes.fresh = true;
    let origin = seen.origin(cx);
    let alone = cx.call(&load.a, &slow).await?;
    let first = Seen::of(&alone, cx.stopwatch(), origin);
    if !first.answered().is_some_and(|s| (200..300).contains(&s)) {
        seen.load.why = Some(format!("nothing could be held: {} was answered by {}", first.sent, first.brief()));
        return Ok(());
    }
    let hold = first.took.lo;
    seen.load.hold = Some(first.took);
    if hold <= limit + settle(hold) {
        let (hold, limit) = (show_duration(hold), show_duration(limit));
        seen.load.why =
            Some(format!("the slow request takes only {hold} and the limit is {limit}: nothing could be seen; ask for a slower one"));
        return Ok(());
    }
    seen.load.held = load.b.concurrency.value + 1;
    let wanted = seen.load.kept.len() + round.samples_or(spec.b.first_look()) as usize;
    for _ in 0..round.samples_or(spec.b.first_look()).saturating_mul(WAVES_PER_SAMPLE) {
        if seen.load.kept.len() >= wanted || bad(seen, limit) >= round.enough_bad.max(1) as usize {
            break;
        }
        wave(spec, load, cx, seen, &slow, hold, wanted, origin).await?;
        if seen.load.why.is_some() {
            break;
        }
    }
    Ok(())
}

fn bad(seen: &Observation, limit: Duration) -> usize {
    seen.load.kept.iter().filter(|l| !l.right || l.seen.took.lo > limit).count()
}

/// How long after the slow requests were sent they are taken to be in the service's hands.
fn settle(hold: Duration) -> Duration {
    (hold / 10).clamp(Duration::from_millis(5), Duration::from_millis(50))
}

/// Sends all slow requests at once and probes until the first of them could end.
#[expect(clippy::too_many_arguments, reason = "one wave of one experiment: everything it needs is local to it")]
async fn wave(
    spec: &Spec,
    load: &With<Request, UnderLoad>,
    cx: &Context,
    seen: &mut Observation,
    slow: &How,
    hold: Duration,
    wanted: usize,
    origin: Instant,
) -> Result<(), ProbeError> {
    let limit = spec.b.loaded_limit(&load.b);
    let state = Wave::default();
    let began = cx.stopwatch().now();
    let held = join_all((0..seen.load.held).map(|_| async {
        let call = cx.call(&load.a, slow).await?;
        let fine = call.answer.as_ref().is_ok_and(|a| (200..300).contains(&a.status));
        if fine { &state.ended } else { &state.refused }.fetch_add(1, Ordering::Relaxed);
        Ok::<_, ProbeError>(())
    }));
    let probes = async {
        tokio::time::sleep(settle(hold)).await;
        let how = how(loaded_patience(limit));
        while seen.load.kept.len() < wanted {
            // So late that a starved probe would be freed within the limit: it would prove nothing.
            if cx.stopwatch().since(began).hi + limit >= hold || state.ended.load(Ordering::Relaxed) > 0 {
                break;
            }
            // A service that refuses the one request too many is as full as it gets; one that refuses more is not loaded.
            if state.refused.load(Ordering::Relaxed) > 1 {
                seen.load.why =
                    Some(format!("the service refused {} of {} slow requests", state.refused.load(Ordering::Relaxed), seen.load.held));
                break;
            }
            let call = cx.call(&spec.a, &how).await?;
            let look = Look::of(spec, &call, cx, origin, seen.searches())?;
            if state.ended.load(Ordering::Relaxed) == 0 || look.seen.took.lo > limit {
                cx.saw(format!("under load: {}", look.seen.line()));
                seen.load.kept.push(look);
                if bad(seen, limit) >= 3 {
                    break;
                }
            } else {
                seen.load.void += 1;
            }
        }
        Ok::<_, ProbeError>(())
    };
    let (ends, probed) = join(held, probes).await;
    probed?;
    ends.into_iter().collect()
}
