//! Takes all slots in ways that do not end well, and looks whether they come back.

use super::super::look::{Observation, says_full};
use super::super::spec::Limits;
use super::jobs::Life;
use super::{AFTER_ABORT, AFTER_FAILURE, AFTER_SUCCESS, Bench, PATIENCE};
use crate::kind::{ProbeError, Seen};
use crate::words::Request;
use std::time::Duration;

/// Rounds of requests that fail.
const FAILURES: u32 = 3;
/// Rounds of callers that go away.
const ABORTS: u32 = 5;

impl Bench<'_> {
    pub(super) async fn returns(&self, seen: &mut Observation) -> Result<(), ProbeError> {
        let k = self.spec.b.k();
        tokio::time::sleep(self.settle(seen)).await;
        self.trial(AFTER_SUCCESS, k, 1, seen).await?;
        if let Some(fails) = &self.spec.b.fails {
            tokio::time::sleep(self.settle(seen)).await;
            for round in 0..FAILURES {
                self.fail(round, fails, k, seen).await?;
            }
            self.trial(AFTER_FAILURE, k, 1, seen).await?;
        }
        for round in 0..ABORTS {
            self.abort(round, k, seen).await?;
        }
        self.trial(AFTER_ABORT, k, 1, seen).await
    }

    /// A wave of requests that fail, each of which takes a slot and must give it back. In the first round it is seen that each does; after that
    /// slots may be lost already, and whoever is refused tells nothing against the request.
    async fn fail(&self, round: u32, fails: &Request, count: u32, seen: &mut Observation) -> Result<(), ProbeError> {
        let (flown, _) = self.fly(fails, count).await?;
        let patience = self.patience(count, seen.takes());
        if !self.spec.b.counts_jobs() {
            let all = self.land(flown, patience).await?;
            let wrong = all.iter().find_map(|(answer, _)| no_failure(&self.spec.b, answer, round == 0));
            seen.trial(AFTER_FAILURE).note(wrong);
        } else {
            let (mut ids, mut wrong) = (Vec::new(), None);
            for shot in flown.shots {
                let submitted = self.submitted(&shot.land(patience).await?, seen);
                if submitted.id.is_none() && round == 0 {
                    wrong.get_or_insert_with(|| format!("the request of `fails` began no job: {}", submitted.seen.brief()));
                }
                ids.extend(submitted.id);
            }
            let lives = self.until_ended(&ids, seen).await?;
            let other = lives.iter().find_map(|(id, life)| match life {
                Life::Failed => None,
                Life::Done => Some(format!("the job of `fails` did not fail: {id}")),
                _ => Some(format!("the job of `fails` did not end: {id}")),
            });
            seen.trial(AFTER_FAILURE).note(wrong.or(other));
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
            tokio::time::sleep(seen.longest() + self.settle(seen)).await;
        }
        Ok(())
    }
}

/// Why this answer does not show that a slot was taken by something that failed, if so.
fn no_failure(limits: &Limits, answer: &Seen, is_first: bool) -> Option<String> {
    let why = match answer.answered() {
        Some(status) if status < 400 => "did not fail",
        _ if !is_first => return None,
        Some(status) if status == 408 || says_full(limits, status) => "was refused",
        Some(401 | 403 | 404 | 405) => "is none that takes a slot",
        Some(_) => return None,
        None => "was not answered",
    };
    Some(format!("the request of `fails` {why}: {}", answer.brief()))
}
