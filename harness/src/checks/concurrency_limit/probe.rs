//! Takes the slots, one alone, as many as there are, and more, and looks at what becomes of each. The only I/O of `concurrency-limit`.

use super::look::Observation;
use super::spec::Spec;
use super::table;
use crate::kind::{Call, Context, How, ProbeError, Round, Seen};
use crate::words::Request;
use std::time::{Duration, Instant};

mod aside;
mod given_up;
mod half_way;
mod honest;
mod jobs;
mod lone;
mod returns;
#[cfg(test)]
mod tests;
mod trial;
mod wave;

/// As many as the limit.
pub(super) const K: &str = "k";
/// One more.
pub(super) const ONE_MORE: &str = "k+1";
/// More than twice as many.
pub(super) const MANY_MORE: &str = "2k+10";
/// One more once a job has ended.
pub(super) const NEXT: &str = "next";
/// As many as the limit, after waves that were served and refused.
pub(super) const AFTER_SUCCESS: &str = "returns/success";
/// As many as the limit, after requests that failed.
pub(super) const AFTER_FAILURE: &str = "returns/failure";
/// As many as the limit, after callers that went away.
pub(super) const AFTER_ABORT: &str = "returns/abort";

/// Connections that are kept free beside a wave: for health, states and counts.
const BESIDE: u32 = 2;
/// Longest time to a connection and to the taking in of a request, and for answers about states and counts.
const PATIENCE: Duration = Duration::from_secs(10);

/// A wave that takes no longer is sent three times.
const SOON: Duration = Duration::from_secs(3);

/// What every experiment works with.
pub(super) struct Bench<'a> {
    pub(super) spec: &'a Spec,
    pub(super) cx: &'a Context,
    pub(super) round: &'a Round,
    pub(super) origin: Instant,
}

/// Does everything in the first round: what may be repeated is repeated there.
pub(super) async fn probe(spec: &Spec, round: &Round, cx: &Context, seen: &mut Observation) -> Result<(), ProbeError> {
    seen.asked = round.clauses.iter().map(|c| c.0.to_owned()).collect();
    let origin = seen.origin(cx);
    if round.number > 0 {
        return Ok(());
    }
    let bench = Bench { spec, cx, round, origin };
    let went = bench.experiments(seen).await;
    let ended = bench.leave_nothing(seen).await;
    went.and(ended)
}

impl Bench<'_> {
    async fn experiments(&self, seen: &mut Observation) -> Result<(), ProbeError> {
        self.lone(seen).await?;
        if seen.lone.takes.is_empty() || seen.lone.stop.is_some() {
            return Ok(());
        }
        let k = self.spec.b.k();
        if self.has_room(K, k, seen) {
            self.trial(K, k, 3, seen).await?;
        }
        if !seen.is_kept(K) {
            return Ok(());
        }
        // Fewer can never be more than all the processes take together.
        let one_more = k.saturating_mul(self.spec.b.replicas()) + 1;
        if self.has_room(ONE_MORE, one_more, seen) {
            let times = self.times(one_more, seen);
            // Half of them with one that comes later than the others.
            let wanted = if self.spec.b.replicas() == 1 { times * 2 } else { times };
            self.trial(ONE_MORE, one_more, wanted, seen).await?;
        }
        let many = self.most_that_fit().min(self.spec.b.overload());
        if many > one_more {
            self.trial(MANY_MORE, many, self.times(many, seen), seen).await?;
        } else if self.has_room(MANY_MORE, self.spec.b.overload(), seen) {
            seen.trial(MANY_MORE).done = true;
        }
        if self.round.wants(table::RETRY_AFTER) {
            self.honest(seen).await?;
        }
        if self.round.wants(table::RETURNS) {
            self.returns(seen).await?;
        }
        Ok(())
    }

    /// How many good waves of this size are enough: three, so that one is not luck, where that is soon done.
    fn times(&self, count: u32, seen: &Observation) -> u32 {
        let opening = self.cx.exchange().permits().gap().unwrap_or_default() * count;
        let waves = match (self.spec.b.counts_jobs(), self.spec.b.refused.is_some()) {
            // They are waited for, and the one more after them.
            (true, _) => {
                if self.spec.b.cancel.is_some() {
                    1
                } else {
                    2
                }
            }
            (false, true) => 1,
            (false, false) => count.div_ceil(self.spec.b.k().max(1)),
        };
        if opening + seen.takes() * waves <= SOON { 3 } else { 1 }
    }

    /// The largest wave that the environment allows.
    fn most_that_fit(&self) -> u32 {
        let most = self.cx.exchange().permits().most_connections().map_or(u32::MAX, |most| u32::try_from(most).unwrap_or(u32::MAX));
        most.saturating_sub(BESIDE)
    }

    /// Whether a wave of that size may be sent here; where not, the case is told as not judged.
    fn has_room(&self, case: &str, count: u32, seen: &mut Observation) -> bool {
        let most = self.most_that_fit();
        if count <= most {
            return true;
        }
        let trial = seen.trial(case);
        let allowed = most.saturating_add(BESIDE);
        trial.not_here =
            Some(format!("the environment allows {allowed} connections at once, and {} are needed", count.saturating_add(BESIDE)));
        trial.done = true;
        false
    }

    /// The evidence of a call.
    fn seen(&self, call: &Call) -> Seen {
        Seen::of(call, self.cx.stopwatch(), self.origin)
    }

    /// Asks once on a connection of its own and waits so long.
    async fn once(&self, request: &Request, cx: &Context, within: Duration) -> Result<Call, ProbeError> {
        cx.call(request, &alone(within)).await
    }

    /// Time after which what has ended has given its slot back, and no new work of ours has begun.
    fn settle(&self, seen: &Observation) -> Duration {
        (seen.takes() / 10).clamp(Duration::from_millis(50), Duration::from_millis(250))
    }
}

/// As an ordinary caller on a connection of its own.
fn alone(within: Duration) -> How {
    let mut how = How::caller(within);
    how.wishes.fresh = true;
    how
}
