//! Takes all slots in ways that do not end well, and looks whether they come back.

use super::super::look::Observation;
use super::{AFTER_ABORT, AFTER_FAILURE, Bench, PATIENCE};
use crate::kind::ProbeError;
use crate::words::Request;
use std::time::Duration;

/// Rounds of requests that fail.
const FAILURES: u32 = 3;
/// Rounds of callers that go away.
const ABORTS: u32 = 5;

impl Bench<'_> {
    pub(super) async fn returns(&self, seen: &mut Observation) -> Result<(), ProbeError> {
        let k = self.spec.b.k();
        if let Some(fails) = &self.spec.b.fails {
            for _ in 0..FAILURES {
                if let Some(why) = self.lacks(fails, k, k)? {
                    seen.trial(AFTER_FAILURE).not_here = Some(why);
                    break;
                }
                self.fail(fails, k, seen).await?;
            }
            if seen.trial(AFTER_FAILURE).not_here.is_none() {
                self.trial(AFTER_FAILURE, k, 1, seen).await?;
            }
        }
        for round in 0..ABORTS {
            if !self.has_room(AFTER_ABORT, k, seen)? {
                return Ok(());
            }
            self.abort(round, k, seen).await?;
        }
        self.trial(AFTER_ABORT, k, 1, seen).await
    }

    /// A wave of requests that fail, each of which takes a slot and must give it back.
    async fn fail(&self, fails: &Request, count: u32, seen: &mut Observation) -> Result<(), ProbeError> {
        let (flown, _) = self.fly(fails, count).await?;
        let patience = self.patience(count, seen.takes());
        if !self.spec.b.counts_jobs() {
            let all = self.land(flown, patience).await?;
            let served =
                all.into_iter().map(|(answer, _)| answer).find(|answer| answer.answered().is_some_and(|s| (200..300).contains(&s)));
            seen.trial(AFTER_FAILURE).note(served.map(|answer| format!("the request of `fails` did not fail: {}", answer.brief())));
        } else {
            let mut ids = Vec::new();
            for shot in flown.shots {
                ids.extend(self.submitted(&shot.land(patience).await?, seen).id);
            }
            let lives = self.until_ended(&ids, seen).await?;
            let well = lives.iter().find(|(_, life)| *life == super::jobs::Life::Done);
            seen.trial(AFTER_FAILURE).note(well.map(|(id, _)| format!("the job of `fails` did not fail: {id}")));
        }
        tokio::time::sleep(self.settle(seen)).await;
        Ok(())
    }

    /// Callers that go away, by turns before their last byte and while they are worked on, closing and resetting. Who starts a job and goes is
    /// left out: nobody would know of the job.
    async fn abort(&self, round: u32, count: u32, seen: &mut Observation) -> Result<(), ProbeError> {
        let reset = round / 2 % 2 == 1;
        let takes = seen.takes();
        self.cx.saw(format!("going away, round {} of {ABORTS}", round + 1));
        if round % 2 == 1 || self.spec.b.counts_jobs() {
            let salvo = self.cx.hold(&self.spec.a, &super::alone(PATIENCE), count as usize).await?;
            // It may be more or less on the other side when it is given up: both are what callers do.
            let _ = salvo.settled(Duration::from_millis(500)).await;
            salvo.abort(reset);
            tokio::time::sleep(self.settle(seen)).await;
        } else {
            let (flown, _) = self.fly(&self.spec.a, count).await?;
            tokio::time::sleep(takes / 4).await;
            for shot in flown.shots {
                shot.abort(reset);
            }
            // Whoever does not notice works on to the end, and may.
            tokio::time::sleep(takes + self.settle(seen)).await;
        }
        Ok(())
    }
}
