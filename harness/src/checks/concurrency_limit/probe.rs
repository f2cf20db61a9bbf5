//! Takes the slots, one alone, as many as there are, and more, and looks at what becomes of each. The only I/O of `concurrency-limit`.

use super::books::Books;
use super::look::Observation;
use super::spec::{BESIDE, Spec};
use super::table;
use crate::kind::{Call, Context, How, ProbeError, Round, Seen};
use crate::model::Size;
use crate::words::Request;
use std::time::{Duration, Instant};

mod aside;
mod given_up;
mod half_way;
mod holding;
mod honest;
mod jobs;
mod leave;
mod lone;
mod returns;
#[cfg(test)]
mod tests;
mod trial;
mod wave;

pub(super) use leave::leave;

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

/// Longest time to a connection and to the taking in of a request, and for answers about states and counts.
const PATIENCE: Duration = Duration::from_secs(10);

/// A wave that takes no longer is sent three times.
const SOON: Duration = Duration::from_secs(3);

/// A slot may come back so much later than the answer of whoever held it.
const SOON_AFTER: Duration = Duration::from_millis(250);

/// What every experiment works with.
pub(super) struct Bench<'a> {
    pub(super) spec: &'a Spec,
    pub(super) cx: &'a Context,
    pub(super) round: &'a Round,
    pub(super) origin: Instant,
    pub(super) books: &'a Books,
}

/// Does everything in the first round: what may be repeated is repeated there.
pub(super) async fn probe(spec: &Spec, round: &Round, cx: &Context, seen: &mut Observation) -> Result<(), ProbeError> {
    seen.asked = round.clauses.iter().map(|c| c.0.to_owned()).collect();
    let origin = seen.origin(cx);
    if round.number > 0 {
        return Ok(());
    }
    let books = seen.books.clone();
    let bench = Bench { spec, cx, round, origin, books: &books };
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
        seen.idle_since = Some(self.cx.stopwatch().now());
        tokio::time::sleep(SOON_AFTER).await;
        let k = self.spec.b.k();
        if self.has_room(K, k, seen)? {
            self.trial(K, k, 3, seen).await?;
        }
        if !seen.is_kept(K) {
            return Ok(());
        }
        // Fewer can never be more than all the processes take together.
        let one_more = self.spec.b.in_all().saturating_add(1);
        if self.has_room(ONE_MORE, one_more, seen)? {
            let times = self.times(one_more, seen);
            // Half of them with one that comes later than the others.
            let wanted = if self.spec.b.replicas() == 1 { times * 2 } else { times };
            tokio::time::sleep(self.settle(seen)).await;
            self.trial(ONE_MORE, one_more, wanted, seen).await?;
        }
        let many = self.most_that_fit().min(self.spec.b.overload());
        if many > one_more {
            tokio::time::sleep(self.settle(seen)).await;
            self.trial(MANY_MORE, many, self.times(many, seen), seen).await?;
        } else if self.has_room(MANY_MORE, self.spec.b.overload(), seen)? {
            seen.trial(MANY_MORE).done = true;
        }
        let is_all = many == self.spec.b.overload() && seen.is_kept(MANY_MORE);
        if is_all && self.spec.b.replicas() > 1 && !self.spec.b.counts_jobs() {
            self.half_way_of_all(seen).await?;
        }
        if self.round.wants(table::RETRY_AFTER) {
            tokio::time::sleep(self.settle(seen)).await;
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
    fn has_room(&self, case: &str, count: u32, seen: &mut Observation) -> Result<bool, ProbeError> {
        let lacks = self.lacks(&self.spec.a, count, count)?;
        let is_room = lacks.is_none();
        if let Some(why) = lacks {
            let trial = seen.trial(case);
            (trial.not_here, trial.done) = (Some(why), true);
        }
        Ok(is_room)
    }

    /// What the environment does not allow of so many requests on `connections` at once, if so.
    fn lacks(&self, request: &Request, connections: u32, requests: u32) -> Result<Option<String>, ProbeError> {
        let most = self.most_that_fit();
        if connections > most {
            let (allowed, needed) = (most.saturating_add(BESIDE), connections.saturating_add(BESIDE));
            return Ok(Some(format!("the environment allows {allowed} connections at once, and {needed} are needed")));
        }
        let Some(left) = self.cx.exchange().permits().upload_left() else { return Ok(None) };
        let Some(body) = self.cx.upload_of(request, &alone(PATIENCE))? else { return Ok(None) };
        let needed = body.saturating_mul(requests.into());
        Ok((needed > left).then(|| {
            let (needed, left) = (Size(needed), Size(left));
            format!("of the bytes that the environment allows to be uploaded {left} are left, and {needed} are needed")
        }))
    }

    /// The evidence of a call.
    fn seen(&self, call: &Call) -> Seen {
        Seen::of(call, self.cx.stopwatch(), self.origin)
    }

    /// Asks once on a connection of its own and waits so long.
    async fn once(&self, request: &Request, cx: &Context, within: Duration) -> Result<Call, ProbeError> {
        if self.spec.b.counts_jobs() {
            self.books.sent(1);
        }
        cx.call(request, &self.how(within)).await
    }

    /// As an ordinary caller on a connection of its own, of whose answer no more is kept than is looked at: thousands may be there at once. Of a
    /// job it is read whole, since its id may stand anywhere.
    fn how(&self, within: Duration) -> How {
        let mut how = alone(within);
        if !self.spec.b.counts_jobs() {
            how.wishes.limits.body_keep = Seen::BODY;
        }
        how
    }

    /// Waits until nothing of ours holds a slot any more that nobody can ask about.
    async fn quiet(&self) {
        if let Some(then) = self.books.take_busy() {
            self.cx.saw("waiting until what nobody can ask about has ended");
            tokio::time::sleep_until(then.into()).await;
        }
    }

    /// Time after which what has ended has given its slot back, and no new work of ours has begun.
    fn settle(&self, seen: &Observation) -> Duration {
        let least = if seen.late_return.is_some() { SOON_AFTER } else { Duration::from_millis(50) };
        (seen.takes() / 10).clamp(least, SOON_AFTER)
    }
}

/// As an ordinary caller on a connection of its own.
fn alone(within: Duration) -> How {
    let mut how = How::caller(within);
    how.wishes.fresh = true;
    how
}
