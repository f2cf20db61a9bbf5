//! Uses the quota up, again and again, and looks when it comes back, for whom, and what is told of it. The only I/O of `rate-limit`.

use super::look::{Burst, Ending, Observation, Proves, ending};
use super::spec::{BEYOND, Spec, Windows};
use super::table;
use crate::kind::{Context, How, ProbeError, Round, Seen, Weight};
use futures_util::{FutureExt as _, StreamExt as _};
use std::time::{Duration, Instant};

mod after;
mod told;
#[cfg(test)]
mod tests;

/// Calls that are under way at once.
const SIDE_BY_SIDE: usize = 16;
/// Longest wait for one answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Most bursts, where one of them was wrong or told nothing.
const MOST: usize = 8;
/// Good bursts that are enough: the second shows that the quota comes back.
const WANTED: usize = 2;

pub(super) use told::name;

/// What every experiment works with.
struct Bench<'a> {
    spec: &'a Spec,
    cx: &'a Context,
    round: &'a Round,
    origin: Instant,
}

/// Does everything in the first round: what may be repeated is repeated there.
pub(super) async fn probe(spec: &Spec, round: &Round, cx: &Context, seen: &mut Observation) -> Result<(), ProbeError> {
    seen.asked = round.clauses.iter().map(|c| c.0.to_owned()).collect();
    let origin = seen.origin(cx);
    if round.number > 0 {
        return Ok(());
    }
    let bench = Bench { spec, cx, round, origin };
    seen.not_here = bench.not_here();
    // Checks before this one may have called: nothing is known of their window.
    seen.last = Some(cx.stopwatch().now());
    if seen.not_here.is_some() || !bench.is_served(seen).await? {
        return Ok(());
    }
    bench.bursts(seen).await?;
    if !seen.is_kept() {
        return Ok(());
    }
    if round.wants(table::KEY) {
        bench.in_other_names(seen).await?;
    }
    if round.wants(table::FIELDS) {
        bench.fields(seen).await?;
    }
    if round.wants(table::RETRY_AFTER) {
        bench.come_again(seen).await?;
    }
    if round.wants(table::EDGE) {
        bench.edges(seen).await?;
    }
    Ok(())
}

impl Bench<'_> {
    /// Why no burst fits into a window here, if so.
    fn not_here(&self) -> Option<String> {
        let gap = self.cx.exchange().permits().gap()?;
        let (quota, window) = (self.spec.b.quota(), self.spec.b.window());
        let least = gap * (quota + BEYOND);
        (least * 5 >= window * 4).then(|| {
            let show = crate::model::quantity::show_duration;
            format!(
                "the environment allows one request each {}, so that {} take {}, too long for a window of {}",
                show(gap),
                quota + BEYOND,
                show(least),
                show(window)
            )
        })
    }

    /// One call in a fresh window; what noise can make is tried again.
    async fn is_served(&self, seen: &mut Observation) -> Result<bool, ProbeError> {
        let mut bad = 0;
        loop {
            self.fresh(seen).await;
            let answer = self.call(seen, None).await?;
            if ending(&self.spec.b, &answer) == Ending::Admitted {
                seen.lone = None;
                return Ok(true);
            }
            bad += 1;
            let is_final = answer.weight() == Weight::Proof || bad >= self.round.enough_bad.max(1);
            seen.lone = Some((bad, answer));
            if is_final {
                return Ok(false);
            }
        }
    }

    async fn bursts(&self, seen: &mut Observation) -> Result<(), ProbeError> {
        let enough = self.round.enough_bad.max(1) as usize;
        for turn in 0..MOST {
            self.fresh(seen).await;
            // Bursts lie differently to the edges of fixed windows, if there are any.
            tokio::time::sleep(self.spec.b.window() * (turn as u32 * 37 % 100) / 100 / 4).await;
            let burst = self.burst(self.spec.b.quota() + BEYOND, seen).await?;
            self.cx.saw(burst.line());
            seen.bursts.push(burst);
            let bad = seen.bursts.iter().filter(|b| b.is_bad()).count();
            let good = seen.bursts.iter().filter(|b| b.proves == Proves::Kept).count();
            if bad >= enough || good >= WANTED && (bad == 0 || self.spec.b.windows() == Windows::Fixed) {
                break;
            }
        }
        seen.bursts_done = true;
        Ok(())
    }

    /// Waits until nothing that was called before counts any more.
    async fn fresh(&self, seen: &Observation) {
        let whole = self.spec.b.window() + self.spec.b.guard();
        let since = seen.last.map(|last| self.cx.stopwatch().since(last).lo).unwrap_or_default();
        if let Some(left) = whole.checked_sub(since) {
            self.cx.saw("waiting for a fresh window");
            self.cx.pause(left).await;
        }
    }

    /// One call; in another's name where a header says so.
    async fn call(&self, seen: &mut Observation, header: Option<(&str, &str)>) -> Result<Seen, ProbeError> {
        let how = match header {
            Some((name, value)) => How::caller(PATIENCE).with_header(name, value),
            None => How::caller(PATIENCE),
        };
        let call = self.cx.call(&self.spec.a, &how).await?;
        seen.last = Some(call.began + call.took.hi);
        Ok(Seen::of(&call, self.cx.stopwatch(), self.origin))
    }

    /// So many calls as fast as the environment allows.
    async fn burst(&self, count: u32, seen: &mut Observation) -> Result<Burst, ProbeError> {
        let watch = self.cx.stopwatch();
        let began = watch.now();
        let how = How::caller(PATIENCE);
        let mut calls = Vec::with_capacity(count as usize);
        for _ in 0..count {
            calls.push(self.cx.call(&self.spec.a, &how).boxed());
        }
        let mut calls = futures_util::stream::iter(calls).buffer_unordered(SIDE_BY_SIDE);
        let mut burst = Burst { sent: count, ..Burst::default() };
        let mut last_admitted = None;
        while let Some(call) = calls.next().await {
            let answer = Seen::of(&call?, watch, self.origin);
            match ending(&self.spec.b, &answer) {
                Ending::Admitted => {
                    burst.admitted += 1;
                    last_admitted = Some(answer);
                }
                Ending::Refused => {
                    burst.refused += 1;
                    seen.refused(&self.spec.b, &answer);
                    if burst.broken == 0 {
                        burst.worst = Some(answer);
                    }
                }
                Ending::Broken => {
                    burst.broken += 1;
                    burst.worst = Some(answer);
                }
            }
        }
        drop(calls);
        burst.took = watch.since(began);
        seen.last = Some(watch.now());
        burst.proves = self.proves(&burst);
        if burst.proves == Proves::Over {
            burst.worst = last_admitted;
        }
        Ok(burst)
    }

    fn proves(&self, burst: &Burst) -> Proves {
        let (rate, window) = (&self.spec.b, self.spec.b.window());
        if burst.broken > 0 {
            return Proves::Broken;
        }
        // Nothing that was made before counts in a fresh window, however long the burst took.
        if burst.admitted < rate.quota().min(burst.sent) {
            return Proves::Under;
        }
        if burst.took.hi >= window {
            let show = crate::model::quantity::show_duration;
            return Proves::Void(format!("the burst took {}, and the window is {}", show(burst.took.hi), show(window)));
        }
        if burst.admitted > rate.most_in(burst.took.hi) { Proves::Over } else { Proves::Kept }
    }
}
