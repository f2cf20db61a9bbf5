//! Uses the quota up, again and again, and looks when it comes back, for whom, and what is told of it. The only I/O of `rate-limit`.

use super::look::{Burst, Ending, Observation, Proves, TRUE, ending};
use super::spec::{Spec, Windows};
use super::table;
use crate::kind::{Context, How, ProbeError, Round, Seen, Weight};
use crate::model::quantity::show_duration;
use futures_util::{FutureExt as _, StreamExt as _};
use std::time::{Duration, Instant};

mod again;
mod edge;
mod lasts;
mod names;
#[cfg(test)]
mod tests;
mod told;

pub(super) use told::name;

/// Calls that are under way at once.
const SIDE_BY_SIDE: usize = 16;
/// Longest wait for one answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Most turns, where a burst was wrong or told nothing.
const MOST: u32 = 8;
/// Good bursts that are enough: the second shows that the quota comes back.
const WANTED: usize = 2;

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
    if seen.not_here.is_some() || !bench.is_served(seen).await? {
        return Ok(());
    }
    bench.turns(seen).await?;
    if !seen.is_kept() {
        return Ok(());
    }
    if round.wants(table::FIELDS) {
        bench.fields(seen).await?;
    }
    if round.wants(table::EDGE) {
        bench.edges(seen).await?;
    }
    Ok(())
}

impl Bench<'_> {
    /// How many bad ones are enough.
    fn enough(&self) -> usize {
        self.round.enough_bad.max(1) as usize
    }

    /// Why no burst fits into a window here, if so.
    fn not_here(&self) -> Option<String> {
        let gap = self.cx.exchange().permits().gap()?;
        let (count, window) = (self.spec.b.burst(), self.spec.b.window());
        let least = gap * count;
        (least * 5 >= window * 4).then(|| {
            let (gap, least, window) = (show_duration(gap), show_duration(least), show_duration(window));
            format!("the environment allows one request each {gap}, so that {count} take {least}, too long for a window of {window}")
        })
    }

    /// One call alone, before anything is counted: it is admitted, or refused since others used the quota up. What noise can make is
    /// tried again.
    async fn is_served(&self, seen: &mut Observation) -> Result<bool, ProbeError> {
        let mut bad = 0;
        loop {
            let answer = self.call(seen, None).await?;
            if ending(&self.spec.b, &answer) != Ending::Broken {
                seen.stumbled = seen.lone.take();
                return Ok(true);
            }
            bad += 1;
            let is_final = answer.weight() == Weight::Proof || bad >= self.round.enough_bad.max(1);
            seen.lone = Some((bad, answer));
            if is_final {
                return Ok(false);
            }
            self.cx.pause(self.spec.b.guard()).await;
        }
    }

    /// Bursts in fresh windows; while the quota is used up, also what comes after it.
    async fn turns(&self, seen: &mut Observation) -> Result<(), ProbeError> {
        for turn in 0..MOST {
            self.fresh(seen).await;
            // Bursts lie differently to the edges of fixed windows, if there are any.
            tokio::time::sleep(self.spec.b.window() * (turn * 37 % 100) / 400).await;
            let began = self.cx.stopwatch().now();
            let burst = self.burst(self.spec.b.burst(), seen).await?;
            self.cx.saw(burst.line());
            let (is_kept, admitted) = (burst.proves == Proves::Kept, burst.admitted);
            seen.bursts.push(burst);
            let mut is_used_up = is_kept;
            // By turns, so that names that tell nothing keep nobody from the other.
            let names_first = seen.names.is_empty() || self.is_lasted(seen);
            if is_kept && !self.is_named(seen) && names_first {
                self.in_other_names(began, admitted, seen).await?;
            } else if is_kept && !self.is_lasted(seen) {
                let lasted = self.lasts(began, admitted, seen).await?;
                is_used_up = !lasted.over;
                seen.lasts.push(lasted);
            }
            if is_used_up && self.round.wants(table::RETRY_AFTER) && !self.is_tried(seen) {
                self.come_again(seen).await?;
            }
            let is_settled = seen.kept() >= WANTED && (seen.bad() == 0 || self.spec.b.has_edges());
            if seen.bad() >= self.enough() || is_settled && self.is_named(seen) && self.is_lasted(seen) && self.is_tried(seen) {
                break;
            }
        }
        (seen.bursts_done, seen.names_done, seen.tries_done) = (true, true, true);
        Ok(())
    }

    /// Nothing more is to be seen of coming again: it was true twice and never a lie, or a lie often enough, or no refusal tells a time.
    fn is_tried(&self, seen: &Observation) -> bool {
        let is_true = seen.lies() == 0 && seen.truths() >= TRUE;
        !self.round.wants(table::RETRY_AFTER) || is_true || seen.lies() >= self.enough() || seen.says == 0 || seen.says_not > 0
    }

    /// Waits until nothing that was called before counts any more.
    async fn fresh(&self, seen: &Observation) {
        let whole = self.spec.b.memory() + self.spec.b.guard();
        let since = seen.last.map(|last| self.cx.stopwatch().since(last).hi).unwrap_or_default();
        if let Some(left) = whole.checked_sub(since) {
            self.cx.saw("waiting for a fresh window");
            self.cx.pause(left).await;
        }
    }

    /// As an ordinary caller, with bounded patience.
    fn how(&self) -> How {
        How::caller(PATIENCE.min(self.cx.patience()))
    }

    /// One call; in another's name where a header says so.
    async fn call(&self, seen: &mut Observation, header: Option<(&str, &str)>) -> Result<Seen, ProbeError> {
        let how = match header {
            Some((name, value)) => self.how().with_header(name, value),
            None => self.how(),
        };
        let call = self.cx.call(&self.spec.a, &how).await?;
        seen.last = Some(self.cx.stopwatch().now());
        Ok(Seen::of(&call, self.cx.stopwatch(), self.origin))
    }

    /// So many calls as fast as the environment allows.
    async fn burst(&self, count: u32, seen: &mut Observation) -> Result<Burst, ProbeError> {
        let watch = self.cx.stopwatch();
        let began = watch.now();
        let how = self.how();
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
        let (longest, most) = match rate.windows() {
            Windows::Sliding | Windows::Refill => (window, rate.most_in(burst.took.hi)),
            // One more is due astride an edge only.
            Windows::Weighted => (window, rate.most_in(burst.took.hi).saturating_sub(1)),
            // A longer one would too often lie astride an edge.
            Windows::Fixed => (window / 8, u64::from(rate.quota())),
        };
        if burst.took.hi >= longest {
            let (took, longest) = (show_duration(burst.took.hi), show_duration(longest));
            return Proves::Void(format!("the burst took {took}, and {longest} is the longest that tells anything"));
        }
        if u64::from(burst.admitted) > most { Proves::Over } else { Proves::Kept }
    }
}

/// Sleeps until that moment.
async fn sleep_until(then: Instant) {
    tokio::time::sleep_until(tokio::time::Instant::from_std(then)).await;
}
