//! Comes again after a refusal: a quarter of the time that it told, and just after it.

use super::super::count::Ending;
use super::super::look::{Observation, Try, Turned, ending};
use super::{Bench, ONE_MORE};
use crate::kind::RetryAfter;
use crate::kind::{ProbeError, Seen};
use futures_util::future::join;
use std::future::Future;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// Most times that it is tried, where one was a lie or could not be told.
const TRIES: usize = 6;
/// How soon after the told time one comes again.
const JUST: Duration = Duration::from_millis(100);
/// What cannot be told in less than this is not held against a refusal: the header knows whole seconds.
const FINEST: Duration = Duration::from_secs(2);

/// How slots are asked for while all are held.
trait Door: Send {
    /// Asks for one more.
    fn ask(&mut self) -> impl Future<Output = Result<Seen, ProbeError>> + Send;
    /// Waits until one is free.
    fn freed(&mut self) -> impl Future<Output = Result<(), ProbeError>> + Send;
}

impl Bench<'_> {
    /// Holds all slots and comes again after a refusal; until it was true twice, or untrue three times.
    pub(super) async fn honest(&self, seen: &mut Observation) -> Result<(), ProbeError> {
        let says = seen.refusals.says > 0 && seen.refusals.says_not == 0;
        if says && seen.is_kept(ONE_MORE) {
            for _ in 0..TRIES {
                let tried = match self.spec.b.counts_jobs() {
                    false => self.try_with_requests(seen).await?,
                    true => self.try_with_jobs(seen).await?,
                };
                self.cx.saw(format!("coming again: {:?}", tried.turned));
                seen.honest.tries.push(tried);
                let lies = seen.honest.tries.iter().filter(|t| t.is_lie()).count();
                let is_true = seen.honest.tries.iter().filter(|t| t.turned == Turned::True).count() >= 2;
                if is_true && lies == 0 || lies >= self.round.enough_bad.max(1) as usize {
                    break;
                }
                tokio::time::sleep(self.settle(seen)).await;
            }
        }
        seen.honest.done = true;
        Ok(())
    }

    async fn try_with_requests(&self, seen: &Observation) -> Result<Try, ProbeError> {
        let takes = seen.takes();
        let count = self.spec.b.k().saturating_mul(self.spec.b.replicas());
        let (flown, _) = self.fly(&self.spec.a, count).await?;
        let (freed, patience) = (CancellationToken::new(), self.patience(count, takes));
        let holding = async {
            let landed = self.land(flown, patience).await;
            freed.cancel();
            landed
        };
        let mut door = OfRequests { bench: self, freed: freed.clone(), patience };
        let story = async {
            // By then all of them are in work.
            tokio::time::sleep(takes / 5).await;
            self.come_again(&mut door, takes * 3 / 5, self.settle(seen)).await
        };
        let (held, told) = join(holding, story).await;
        let is_held = held?.iter().all(|(answer, _)| ending(&self.spec.b, answer) == Ending::Served);
        let mut told = told?;
        if !is_held && told.turned != Turned::True {
            told.turned = Turned::Void("not all slots could be taken".to_owned());
        }
        Ok(told)
    }

    async fn try_with_jobs(&self, seen: &mut Observation) -> Result<Try, ProbeError> {
        let (takes, settle) = (seen.takes(), self.settle(seen));
        let count = self.spec.b.k().saturating_mul(self.spec.b.replicas());
        let (flown, _) = self.fly(&self.spec.a, count).await?;
        let mut ids = Vec::new();
        for shot in flown.shots {
            ids.extend(self.submitted(&shot.land(self.cx.patience()).await?, seen).id);
        }
        let is_held = ids.len() == count as usize;
        let mut door = OfJobs { bench: self, seen, ids };
        let mut told = self.come_again(&mut door, takes * 3 / 5, settle).await?;
        if !is_held && told.turned != Turned::True {
            told.turned = Turned::Void("not all slots could be taken".to_owned());
        }
        let ids = door.ids;
        self.end(&ids, seen).await?;
        Ok(told)
    }

    /// Is refused, comes again, and says how that turned out. All slots stay held for at least `held` from now on.
    async fn come_again(&self, door: &mut impl Door, held: Duration, settle: Duration) -> Result<Try, ProbeError> {
        let watch = self.cx.stopwatch();
        let refusal = door.ask().await?;
        let refused = watch.now();
        let void = |why: String| Try { turned: Turned::Void(why), ..Try::default() };
        if ending(&self.spec.b, &refusal) != Ending::Refused {
            return Ok(void(format!("the one beyond the limit was not refused: {}", refusal.brief())));
        }
        let said = match RetryAfter::of(&refusal) {
            RetryAfter::For(said) => said,
            RetryAfter::Unknown(why) | RetryAfter::Wrong(why) => return Ok(void(why)),
        };
        let quarter = said / 4;
        let turned =
            |turned, answer, after: Instant| Try { said: Some(said), turned, answer: Some(answer), after: watch.between(refused, after) };
        if quarter < held {
            sleep_until(refused + quarter).await;
            let answer = door.ask().await?;
            if ending(&self.spec.b, &answer) != Ending::Refused {
                return Ok(void(format!("one more was not refused while all slots were held: {}", answer.brief())));
            }
        } else {
            door.freed().await?;
            tokio::time::sleep(settle).await;
            let now = watch.now();
            if said >= FINEST && now < refused + quarter {
                let answer = door.ask().await?;
                if ending(&self.spec.b, &answer) == Ending::Served {
                    return Ok(turned(Turned::TooLong, answer, now));
                }
            }
        }
        let then = refused + said + JUST + said / 50;
        sleep_until(then).await;
        let now = watch.now();
        let answer = door.ask().await?;
        Ok(match ending(&self.spec.b, &answer) {
            // A slot may have come free meanwhile: that proves nothing of the time that was told.
            Ending::Served if now > then + JUST => void("this machine came back too late to tell".to_owned()),
            Ending::Served => turned(Turned::True, answer, now),
            Ending::Refused => turned(Turned::TooShort, answer, now),
            _ => void(format!("the one that came again was answered by {}", answer.brief())),
        })
    }
}

async fn sleep_until(then: Instant) {
    tokio::time::sleep_until(tokio::time::Instant::from_std(then)).await;
}

struct OfRequests<'b, 'a> {
    bench: &'b Bench<'a>,
    freed: CancellationToken,
    patience: Duration,
}

impl Door for OfRequests<'_, '_> {
    async fn ask(&mut self) -> Result<Seen, ProbeError> {
        let bench = self.bench;
        Ok(bench.seen(&bench.once(&bench.spec.a, bench.cx, self.patience).await?))
    }

    async fn freed(&mut self) -> Result<(), ProbeError> {
        self.freed.cancelled().await;
        Ok(())
    }
}

struct OfJobs<'b, 'a> {
    bench: &'b Bench<'a>,
    seen: &'b mut Observation,
    ids: Vec<String>,
}

impl Door for OfJobs<'_, '_> {
    async fn ask(&mut self) -> Result<Seen, ProbeError> {
        let bench = self.bench;
        let call = bench.once(&bench.spec.a, bench.cx, bench.cx.patience()).await?;
        let submitted = bench.submitted(&call, self.seen);
        self.ids.extend(submitted.id);
        Ok(submitted.seen)
    }

    async fn freed(&mut self) -> Result<(), ProbeError> {
        self.bench.until_one_ended(&self.ids, self.seen).await.map(drop)
    }
}
