//! Comes again after a refusal: a quarter of the time that it told, and just after it.

use super::super::look::{Ending, Observation, Try, Turned, ending};
use super::{Bench, sleep_until};
use crate::kind::{ProbeError, RetryAfter, Seen};
use std::time::{Duration, Instant};

/// How soon after the told time one comes again.
const JUST: Duration = Duration::from_millis(100);
/// What is told in less than this is not held against a refusal for being too long: the header knows whole seconds.
const FINEST: Duration = Duration::from_secs(2);

/// A refusal, and when it can have been made.
struct Refusal {
    said: Duration,
    /// Before its call.
    asked: Instant,
    /// After it came.
    came: Instant,
}

impl Bench<'_> {
    /// Comes again for as long as it is refused at the time that it was told, or until that was often enough.
    pub(super) async fn come_again(&self, seen: &mut Observation) -> Result<(), ProbeError> {
        let (answer, refusal) = self.refusal(seen).await?;
        let Some(mut refusal) = refusal else {
            seen.tries.push(Try { answer, ..Try::default() });
            return Ok(());
        };
        if refusal.said >= FINEST {
            match self.too_soon(&refusal, seen).await? {
                Ok(later) => refusal = later,
                Err(tried) => {
                    seen.tries.push(tried);
                    return Ok(());
                }
            }
        }
        while seen.lies() < self.enough() {
            if refusal.said > self.longest() {
                let answer = Seen::default();
                seen.tries.push(Try { said: refusal.said, answer, ..Try::default() });
                return Ok(());
            }
            sleep_until(refusal.came + refusal.said + JUST + refusal.said / 50).await;
            let after = self.cx.stopwatch().since(refusal.came);
            let (answer, again) = self.refusal(seen).await?;
            let said = refusal.said;
            let turned = match ending(&self.spec.b, &answer) {
                Ending::Admitted => Turned::True,
                Ending::Refused => Turned::TooShort,
                Ending::Broken => Turned::Untold,
            };
            seen.tries.push(Try { said, turned, answer, after });
            match again {
                Some(again) => refusal = again,
                None => return Ok(()),
            }
        }
        Ok(())
    }

    /// Comes after a quarter of the time: refused, it tells anew, which is what holds where a refused call counts too; admitted, it was a lie.
    async fn too_soon(&self, refusal: &Refusal, seen: &mut Observation) -> Result<Result<Refusal, Try>, ProbeError> {
        // By then the quota is back whatever was told, so that there is no need to wait for the rest of a long time.
        sleep_until(refusal.came + (refusal.said / 4).min(self.longest() / 4)).await;
        let after = self.cx.stopwatch().since(refusal.came);
        let (answer, later) = self.refusal(seen).await?;
        if let Some(later) = later {
            return Ok(Ok(later));
        }
        let is_admitted = ending(&self.spec.b, &answer) == Ending::Admitted;
        // If this machine was late with it, it may have been due by then.
        let is_early = self.cx.stopwatch().since(refusal.asked).hi <= refusal.said / 2;
        let turned = if is_admitted && is_early { Turned::TooLong } else { Turned::Untold };
        Ok(Err(Try { said: refusal.said, turned, answer, after }))
    }

    /// The longest time that is waited for: in a quarter of it the whole quota is back.
    fn longest(&self) -> Duration {
        (self.spec.b.window() + self.spec.b.guard()) * 4
    }

    /// One call, and what it tells if it was refused with a time.
    async fn refusal(&self, seen: &mut Observation) -> Result<(Seen, Option<Refusal>), ProbeError> {
        let asked = self.cx.stopwatch().now();
        let answer = self.call(seen, None).await?;
        let came = self.cx.stopwatch().now();
        let refusal = match (ending(&self.spec.b, &answer), RetryAfter::of(&answer)) {
            (Ending::Refused, RetryAfter::For(said)) => Some(Refusal { said, asked, came }),
            _ => None,
        };
        Ok((answer, refusal))
    }
}
