//! Takes all slots in ways that do not end well, and looks whether they come back.

use super::super::count::{Ending, Proves, Wave};
use super::super::look::{Observation, says_full};
use super::super::spec::Limits;
use super::jobs::Life;
use super::wave::Waved;
use super::{AFTER_ABORT, AFTER_FAILURE, AFTER_SUCCESS, Bench, MANY_MORE, ONE_MORE, PATIENCE};
use crate::kind::{ProbeError, Seen};
use crate::words::Request;
use std::time::Duration;

/// Rounds of requests that fail.
const FAILURES: u32 = 3;
/// Rounds of callers that go away.
const ABORTS: u32 = 5;
/// Callers that go away while they wait for a slot, of each process; no more than it has slots.
const WAITING: u32 = 2;
/// Waves of several processes in which not all slots are seen before it is held against them.
const WAVES: usize = 5;

impl Bench<'_> {
    pub(super) async fn returns(&self, seen: &mut Observation) -> Result<(), ProbeError> {
        let k = self.spec.b.in_all();
        tokio::time::sleep(self.settle(seen)).await;
        self.again(AFTER_SUCCESS, seen).await?;
        if let Some(fails) = &self.spec.b.fails {
            tokio::time::sleep(self.settle(seen)).await;
            for round in 0..FAILURES {
                if let Some(why) = self.lacks(fails, k, k)? {
                    seen.trial(AFTER_FAILURE).not_here = Some(why);
                    break;
                }
                self.fail(round, fails, k, seen).await?;
            }
            if seen.trial(AFTER_FAILURE).not_here.is_none() {
                self.again(AFTER_FAILURE, seen).await?;
            }
        }
        for round in 0..ABORTS {
            if !self.has_room(AFTER_ABORT, k, seen)? {
                return Ok(());
            }
            let beyond = self.waiting(round, k)?;
            self.abort(round, k, beyond, seen).await?;
        }
        self.again(AFTER_ABORT, seen).await
    }

    /// Whether as many are admitted as before.
    async fn again(&self, case: &str, seen: &mut Observation) -> Result<(), ProbeError> {
        match self.spec.b.replicas() {
            1 => self.trial(case, self.spec.b.k(), 1, seen).await,
            _ => self.all_again(case, seen).await,
        }
    }

    /// Of several processes it is told by waves far beyond the limit, since only those reach every slot: one that is admitted to as many as before
    /// is enough, and where only some of them are, those may have come to the same process.
    async fn all_again(&self, case: &str, seen: &mut Observation) -> Result<(), ProbeError> {
        let (count, all) = (self.spec.b.overload(), self.spec.b.in_all());
        if !was_full(seen, count, all) {
            let why = format!("before that it was not certain that a wave far beyond the limit is admitted to all of {all} slots");
            let trial = seen.trial(case);
            (trial.nothing, trial.done) = (Some(why), true);
            return Ok(());
        }
        seen.trial(case).wanted = 1;
        for _ in 0..WAVES {
            if let Some(why) = self.lacks(&self.spec.a, count, count)? {
                let trial = seen.trial(case);
                trial.not_here = Some(why).filter(|_| trial.waves.is_empty());
                break;
            }
            self.quiet().await;
            seen.jobs.unread = None;
            let Waved { mut wave, worst, silent, .. } = self.wave(case, count, seen).await?;
            if wave.is_good() && wave.admitted < all {
                wave.proves = Proves::Under;
            }
            self.cx.saw(wave.line());
            if silent {
                self.books.busy_until(self.cx.stopwatch().now() + seen.takes() * 4);
            }
            let (is_bad, is_told, trial) = (wave.is_bad(), wave.is_good() || wave.proves == Proves::Over, seen.trial(case));
            if is_told {
                trial.waves = vec![wave];
                break;
            }
            trial.worst = trial.worst.take().or(worst.filter(|_| is_bad));
            trial.waves.push(wave);
            tokio::time::sleep(self.settle(seen)).await;
        }
        seen.trial(case).done = true;
        Ok(())
    }

    /// A wave of requests that fail, each of which takes a slot and must give it back. In the first round it is seen that each does; after that
    /// slots may be lost already, and whoever is refused tells nothing against the request.
    async fn fail(&self, round: u32, fails: &Request, count: u32, seen: &mut Observation) -> Result<(), ProbeError> {
        let (flown, _) = self.fly(fails, count).await?;
        let patience = self.patience(count, seen.takes());
        if !self.spec.b.counts_jobs() {
            let all = self.land(flown, patience).await?;
            // Of several processes one may be full before the others, so that some are refused.
            let is_free = |answer: &Seen| answer.answered().is_none_or(|status| !says_full(&self.spec.b, status));
            let skips = self.spec.b.replicas() > 1 && all.iter().any(|(answer, _)| is_free(answer));
            let looked_at = all.iter().filter(|(answer, _)| !skips || is_free(answer));
            let wrong = looked_at.into_iter().find_map(|(answer, _)| no_failure(&self.spec.b, answer, round == 0));
            seen.trial(AFTER_FAILURE).note(wrong);
        } else {
            let (mut ids, mut wrong) = (Vec::new(), None);
            for shot in flown.shots {
                let submitted = self.submitted(&shot.land(patience).await?, seen);
                let is_full = self.spec.b.replicas() > 1 && submitted.ending == Ending::Refused;
                if submitted.id.is_none() && round == 0 && !is_full {
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

    /// How many come in this round beyond those that get a slot, and go while they wait for one: some in the later rounds in work. None where what
    /// may be sent is needed for the rest.
    fn waiting(&self, round: u32, all: u32) -> Result<u32, ProbeError> {
        let beyond = self.spec.b.k().min(WAITING).saturating_mul(self.spec.b.replicas());
        if round < 2 || round % 2 == 1 || self.spec.b.counts_jobs() {
            return Ok(0);
        }
        let last = if self.spec.b.replicas() == 1 { all } else { self.spec.b.overload() };
        let rest = all.saturating_mul(ABORTS - round).saturating_add(last).saturating_add(beyond * 2);
        let is_room = self.lacks(&self.spec.a, all.saturating_add(beyond), rest)?.is_none();
        Ok(if is_room { beyond } else { 0 })
    }

    /// Callers that go away, by turns before their last byte and while they are worked on, closing and resetting. Who starts a job and goes is
    /// left out: nobody would know of the job.
    async fn abort(&self, round: u32, count: u32, beyond: u32, seen: &mut Observation) -> Result<(), ProbeError> {
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
            // Held before the others are released, so that what is opened slowly is there in their time.
            let waiting = match beyond {
                0 => None,
                n => Some(self.cx.hold(&self.spec.a, &self.how(PATIENCE), n as usize).await?),
            };
            let (flown, _) = self.fly(&self.spec.a, count).await?;
            tokio::time::sleep(takes / 4).await;
            if let Some(salvo) = waiting {
                let waiting = salvo.release().await;
                tokio::time::sleep(takes / 4).await;
                // They go first: who goes together with the others finds a free slot before that is noticed.
                for shot in waiting.shots {
                    shot.abort(reset);
                }
                tokio::time::sleep(takes / 8).await;
            }
            for shot in flown.shots {
                shot.abort(reset);
            }
            // Whoever does not notice works on to the end, and may; so does whoever waited, after them.
            let waves = if beyond > 0 && is_queue(seen) { 2 } else { 1 };
            tokio::time::sleep(seen.longest_of_all() * waves + self.settle(seen)).await;
        }
        Ok(())
    }
}

/// Whether every wave of that size, or more, that told anything was admitted to all slots.
fn was_full(seen: &Observation, count: u32, all: u32) -> bool {
    let waves = || seen.trials.get(MANY_MORE).into_iter().flat_map(|trial| &trial.waves).filter(|w| w.sent >= count);
    let is_full = |w: &Wave| w.is_good() && w.admitted == all;
    waves().any(is_full) && waves().all(|w| is_full(w) || !w.is_good() && !w.is_bad())
}

/// Whether some that came beyond the limit waited for a slot.
fn is_queue(seen: &Observation) -> bool {
    [ONE_MORE, MANY_MORE].into_iter().filter_map(|case| seen.trials.get(case)).flat_map(|trial| &trial.waves).any(|wave| wave.queued > 0)
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
