//! Waves of one size until they have told what they can: enough good ones, three bad ones, or no more tries.

use super::super::count::{Ending, Fate, Proves, Wave};
use super::super::look::{Count, Next, Observation, number};
use super::super::table;
use super::given_up::Held;
use super::holding::shared;
use super::jobs::Life;
use super::wave::Waved;
use super::{Bench, K, MANY_MORE, ONE_MORE, SOON_AFTER};
use crate::kind::ProbeError;
use crate::model::quantity::show_duration;
use std::time::Duration;

/// Most waves of one size, where one of them was bad.
const MOST: usize = 12;
/// Most waves some of which could not be opened while others were held: each takes the longest time for that.
const UNOPENED: usize = 2;
/// Most waves that told nothing.
const VOID: usize = 5;
/// What held slots before this check began is given so long to end.
const LEFT_OVER: Duration = Duration::from_secs(2);
/// Most times that one more is asked for once a job has ended, where it was not accepted once.
const NEXT_TRIES: usize = 6;
/// Bounds of the time in which one more is accepted after the end of a job, which is else half of what a job takes: who looks for free slots
/// once a second is in time, and where the others go on they have not ended by then.
const FREED: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(2));
/// Between two tries in that time.
const TRY_AGAIN: Duration = Duration::from_millis(50);

impl Bench<'_> {
    /// Waves of `count` requests; `wanted` good ones are enough.
    pub(super) async fn trial(&self, case: &str, count: u32, wanted: u32, seen: &mut Observation) -> Result<(), ProbeError> {
        seen.trial(case).wanted = wanted;
        for _ in 0..MOST + 1 {
            if let Some(why) = self.lacks(&self.spec.a, count, count)? {
                let trial = seen.trial(case);
                if trial.bad() == 0 && trial.good() < wanted && trial.first_try.is_none() {
                    trial.not_here = Some(why);
                }
                break;
            }
            let after = seen.since_last(self.cx.stopwatch().now());
            let Waved { mut wave, worst, silent, .. } = self.one_wave(case, count, seen).await?;
            self.cx.saw(wave.line());
            wave.after = wave.after.or(after);
            let takes = seen.takes();
            seen.idle_since = Some(self.cx.stopwatch().now());
            if silent {
                // Whatever comes next, a wave of this case or of another.
                self.books.busy_until(self.cx.stopwatch().now() + self.still_busy(count, &wave, takes));
            }
            let is_first = seen.trials.get(case).is_none_or(|trial| trial.waves.is_empty() && trial.first_try.is_none());
            self.doubt(&mut wave, case == K && is_first, seen).await?;
            // Three waves at one moment would be one observation.
            let pause = if matches!(wave.proves, Proves::Under | Proves::Broken) { seen.longest() } else { Duration::ZERO };
            let trial = seen.trial(case);
            if case == K && trial.waves.is_empty() && trial.first_try.is_none() && wave.proves == Proves::Under {
                trial.first_try = Some(wave);
                tokio::time::sleep(takes.max(LEFT_OVER)).await;
                continue;
            }
            if wave.is_bad() && trial.worst.is_none() {
                trial.worst = worst;
            }
            trial.waves.push(wave);
            let void = trial.waves.iter().filter(|w| !w.is_bad() && !w.is_good()).count();
            let (good, bad) = (trial.good(), trial.bad());
            let is_told = bad >= self.round.enough_bad.max(1) || bad == 0 && good >= wanted;
            let unopened = trial.waves.iter().filter(|w| w.unopened > 0).count();
            if seen.lone.stop.is_some() || unopened >= UNOPENED {
                break;
            }
            if is_told && !self.needs_more(case, seen) || void >= VOID || seen.trial(case).waves.len() >= MOST {
                break;
            }
            tokio::time::sleep(pause.max(self.settle(seen))).await;
        }
        seen.trial(case).done = true;
        Ok(())
    }

    /// What waits on is served by and by, and holds slots until then. Where nobody was served all of them may share one processor.
    fn still_busy(&self, count: u32, wave: &Wave, takes: Duration) -> Duration {
        let (limits, turns) = (&self.spec.b, count.div_ceil(self.spec.b.k().max(1)));
        match wave.first_end {
            Some(first) => (takes.max(first.hi) * turns).min(Duration::from_secs(10)),
            None => {
                let rest = self.side_by_side(takes).saturating_sub(self.patience(count, takes));
                (takes * turns.max(limits.k())).min(Duration::from_secs(10)).max(rest)
            }
        }
    }

    /// Makes a wave that found fewer slots than promised void, where that may have another reason; each is looked for once.
    async fn doubt(&self, wave: &mut Wave, is_first: bool, seen: &mut Observation) -> Result<(), ProbeError> {
        if wave.proves != Proves::Under {
            return Ok(());
        }
        if wave.refused == 0
            && !wave.needs_no_clock
            && let Some(why) = self.alone_again(seen).await?
        {
            wave.proves = Proves::Void(why);
            return Ok(());
        }
        if let (false, None, Some(after)) = (is_first, &seen.late_return, wave.after.filter(|after| *after < SOON_AFTER)) {
            seen.late_return = Some(wave.clone());
            let (admitted, sent, after) = (wave.admitted, wave.sent, show_duration(after));
            wave.proves = Proves::Void(format!(
                "only {admitted} of {sent} were admitted {after} after the answers before, as where slots come back later"
            ));
        }
        Ok(())
    }

    /// Whether what is looked at beside the wave far beyond the limit has not been told by it; twice more at most.
    fn needs_more(&self, case: &str, seen: &Observation) -> bool {
        let waves = seen.trials.get(case).map_or(0, |t| t.waves.len());
        let enough = self.round.enough_bad.max(1);
        if case == ONE_MORE {
            let bad = number(seen.next.iter().filter(|n| !n.accepted).count());
            return (1..enough).contains(&bad) && seen.next.len() < NEXT_TRIES;
        }
        if case != MANY_MORE || waves >= 5 {
            return false;
        }
        let alive = &seen.alive;
        let bad = alive.bad + alive.late;
        let is_kept = seen.trials.get(case).is_none_or(|trial| trial.bad() == 0);
        let of_health = self.round.wants(table::ALIVE) && (alive.asked == 0 && is_kept || (1..enough).contains(&bad));
        let surplus = number(seen.effects.iter().filter(|c| c.surplus() > 0.0).count());
        let of_effect = self.round.wants(table::NO_EFFECT) && (1..enough).contains(&surplus);
        of_health || of_effect
    }

    async fn one_wave(&self, case: &str, count: u32, seen: &mut Observation) -> Result<Waved, ProbeError> {
        self.quiet().await;
        seen.jobs.unread = None;
        if case == ONE_MORE && self.spec.b.counts_jobs() && self.spec.b.replicas() == 1 {
            return self.one_after_the_other(seen).await;
        }
        if case == ONE_MORE && self.spec.b.replicas() == 1 && self.is_half_way_next(seen) {
            return self.half_way(self.spec.b.k(), seen).await;
        }
        let before = self.effect(case, seen).await?;
        let mut waved = self.wave(case, count, seen).await?;
        // Where some were never answered it is not known how many it should be.
        if let (Some((before, _)), Some((after, answer)), false) = (before, waved.after.take(), waved.silent) {
            seen.effects.push(Count { before, after, served: waved.served, refused: waved.wave.refused, answer });
        }
        Ok(waved)
    }

    /// Jobs: all slots are taken, then one more is asked for, and all are still open after that. Then one ends, or is ended, and one more is
    /// accepted.
    async fn one_after_the_other(&self, seen: &mut Observation) -> Result<Waved, ProbeError> {
        let limits = &self.spec.b;
        let count = limits.k().saturating_mul(limits.replicas());
        let (flown, _) = self.fly(&self.spec.a, count).await?;
        let (held, spread) = (Held::of(&flown), flown.ended - flown.began);
        let after = seen.since_last(flown.began);
        let half_way = self.is_half_way_next(seen).then(|| seen.takes() / 2);
        let mut ids = Vec::new();
        let mut wave = Wave { sent: count + 1, spread, half_way, after, ..Wave::default() };
        let mut worst = None;
        for shot in flown.shots {
            let submitted = self.submitted(&shot.land(self.cx.patience()).await?, seen);
            match submitted.id {
                Some(id) => ids.push(id),
                None => {
                    wave.refused += 1;
                    worst = Some(submitted.seen);
                }
            }
        }
        let twice = shared(&ids).map(|(n, id)| format!("{n} submissions were answered by the same id, {id}: send what differs each time"));
        tokio::time::sleep(half_way.unwrap_or_default()).await;
        let before = self.holding(&ids, seen).await?.open.len();
        let call = self.once(&self.spec.a, self.cx, self.cx.patience()).await?;
        let mut beyond = self.submitted(&call, seen);
        beyond.seen.took = self.once_sent(&call);
        let everyone: Vec<String> = ids.iter().chain(&beyond.id).cloned().collect();
        let holding = self.holding(&everyone, seen).await?;
        let after = ids.iter().filter(|id| holding.open.contains(*id)).count();
        let accepted = ids.len();
        (wave.admitted, wave.unclear) = (number(after), number(accepted - after));
        let waits = beyond.id.as_ref().is_some_and(|id| holding.waiting.contains(id));
        let twice = twice.or_else(|| {
            let id = beyond.id.as_ref().filter(|id| ids.contains(id))?;
            Some(format!("the one beyond the limit was answered by the id of another, {id}: send what differs each time"))
        });
        let fate = match (&beyond.id, beyond.ending) {
            (Some(_), _) if waits => Fate::Queued,
            (Some(_), _) => Fate::Admitted,
            (None, Ending::Refused) => Fate::Refused,
            (None, _) => Fate::Broken,
        };
        wave.proves = match fate {
            _ if twice.is_some() => Proves::Void(twice.unwrap_or_default()),
            _ if wave.refused > 0 => Proves::Under,
            Fate::Broken => Proves::Broken,
            _ if seen.jobs.unread.is_some() => Proves::Void(seen.jobs.unread.as_ref().map(|(why, _)| why.clone()).unwrap_or_default()),
            _ if !holding.is_certain => Proves::Void("the states of the jobs changed while they were asked for".to_owned()),
            _ if before.min(after) < accepted => {
                Proves::Void(format!("{} of {accepted} jobs had ended before one more was answered; ask for longer ones", accepted - after))
            }
            Fate::Admitted => Proves::Over,
            _ => Proves::Kept,
        };
        match fate {
            Fate::Admitted => wave.admitted += 1,
            Fate::Refused => wave.refused += 1,
            Fate::Queued => wave.queued += 1,
            _ => wave.broken += 1,
        }
        self.take_refusals(ONE_MORE, &wave, std::iter::once((&beyond.seen, &fate)), seen.takes(), seen);
        held.judge(limits, &mut wave, worst.iter());
        worst = worst.or(Some(beyond.seen)).filter(|_| wave.is_bad());
        // One that is ended while the others go on tells more than one that ends together with them.
        let first = &ids[..ids.len().min(1)];
        let has_ended = self.cancel(first, seen).await? && first.iter().all(|id| !seen.jobs.open.contains(id));
        if wave.is_good() && (has_ended || self.until_one_ended(&ids, seen).await?) {
            // Where the others go on, what comes free when they end is not what is looked for.
            let longest = if has_ended { (seen.takes() / 2).clamp(FREED.0, FREED.1) } else { FREED.1 };
            let waiting = beyond.id.as_ref().filter(|_| waits);
            ids.extend(self.next(waiting, longest, seen).await?);
        }
        ids.extend(beyond.id);
        self.end(&ids, seen).await?;
        Ok(Waved { served: number(ids.len()), wave, worst, silent: false, after: None })
    }

    /// One more, a moment after a job has ended; or the one that waits begins.
    async fn next(&self, waiting: Option<&String>, longest: Duration, seen: &mut Observation) -> Result<Option<String>, ProbeError> {
        let watch = self.cx.stopwatch();
        let began = watch.now();
        loop {
            let (id, answer) = match waiting {
                Some(id) => (self.begins(id, seen).await?.then(|| id.clone()), None),
                None => {
                    let call = self.once(&self.spec.a, self.cx, self.cx.patience()).await?;
                    let submitted = self.submitted(&call, seen);
                    (submitted.id, Some(submitted.seen))
                }
            };
            let after = watch.since(began).lo;
            if id.is_some() {
                seen.next.push(Next { accepted: true, answer: None, after });
                return Ok(id.filter(|_| waiting.is_none()));
            }
            if after >= longest {
                seen.next.push(Next { accepted: false, answer, after });
                return Ok(None);
            }
            tokio::time::sleep(TRY_AGAIN).await;
        }
    }

    /// Whether a job does not wait any more.
    async fn begins(&self, id: &String, seen: &mut Observation) -> Result<bool, ProbeError> {
        let lives = self.lives(std::slice::from_ref(id), seen).await?;
        Ok(lives.iter().all(|(_, life)| *life != Life::Waiting))
    }
}
