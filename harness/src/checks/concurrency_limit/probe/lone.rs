//! One request alone, three times: whether it is served at all, and how long it takes.

use super::super::count::Ending;
use super::super::look::{Observation, WARM, ending};
use super::super::spec::Spec;
use super::Bench;
use super::jobs::Life;
use super::wave::headed;
use crate::kind::{ProbeError, Seen, Weight};
use crate::model::Interval;
use crate::model::quantity::show_duration;
use std::time::Duration;

/// Most times, where the first ones took another time: a service may have to warm up.
const MOST: usize = 9;
/// Work of ours and of others that came before this check is given so many tries, half a second apart, to end.
const TRIES: u32 = 12;
const BETWEEN: Duration = Duration::from_millis(500);
/// Times that it is asked for again where that is in doubt.
const AGAIN: usize = 6;
/// Shorter work cannot be told from the haste of this machine.
const SHORTEST: Duration = Duration::from_millis(100);

impl Bench<'_> {
    pub(super) async fn lone(&self, seen: &mut Observation) -> Result<(), ProbeError> {
        let (mut heads, mut blurred) = (Vec::new(), 0);
        let times = if self.spec.b.counts_jobs() { 1 } else { WARM };
        while seen.lone.takes.len() < times || seen.lone.takes.len() < MOST && seen.lone.uneven().is_some() {
            if !self.has_room(super::K, 1, seen)? {
                break;
            }
            let came = if self.spec.b.counts_jobs() { self.one_job(seen).await? } else { self.one_request(seen, &mut heads).await? };
            let Some(answer) = came else {
                // What this machine slept through tells too little: every wave would be held against too short a time.
                if !self.spec.b.counts_jobs() && blurred < MOST && seen.lone.takes.last().is_some_and(is_blurred) {
                    blurred += 1;
                    seen.lone.takes.pop();
                    heads.truncate(seen.lone.takes.len());
                }
                continue;
            };
            // Nothing that comes again would be another answer; what noise can make, or slots that are held, is asked for again.
            let again = match ending(&self.spec.b, &answer) {
                Ending::Refused => answer.weight() == Weight::Confusable && seen.lone.bad + 1 < TRIES,
                _ => answer.weight() == Weight::Confusable && seen.lone.bad + 1 < self.round.enough_bad.max(1),
            };
            seen.lone.bad += 1;
            match ending(&self.spec.b, &answer) {
                Ending::Refused => seen.lone.turned_away += 1,
                _ => seen.lone.noise = Some(answer.clone()),
            }
            seen.lone.worst = Some(answer);
            if !again || seen.lone.missed.is_some() {
                break;
            }
            tokio::time::sleep(BETWEEN).await;
        }
        seen.lone.count_to_the_head(&heads);
        seen.lone.stop = stop(self.spec, seen);
        seen.lone.done = true;
        Ok(())
    }

    /// None where it was served.
    async fn one_request(&self, seen: &mut Observation, heads: &mut Vec<Duration>) -> Result<Option<Seen>, ProbeError> {
        // The same way as every wave, so that the times are of the same thing.
        let patience = self.cx.patience();
        let (watch, began) = (self.cx.stopwatch(), self.cx.stopwatch().now());
        let salvo = self.cx.hold(&self.spec.a, &self.how(patience), 1).await?;
        // What is on its way is only less certain if this takes too long.
        let _ = salvo.settled(super::PATIENCE).await;
        self.books.arrived_in(watch.since(began).lo);
        let Some(shot) = salvo.release().await.shots.pop() else { return Ok(None) };
        let call = shot.land(patience).await?;
        let answer = self.seen(&call);
        if ending(&self.spec.b, &answer) == Ending::Served {
            self.cx.saw(format!("one alone takes {}", call.took));
            seen.lone.takes.push(call.took);
            heads.extend(headed(&call));
            return Ok(None);
        }
        Ok(Some(answer))
    }

    /// Asks alone some times more, where a wave looks like a queue and nobody was refused: work that takes another time now and then looks the
    /// same, and three may have missed it. Why nothing can be told, if so.
    pub(super) async fn alone_again(&self, seen: &mut Observation) -> Result<Option<String>, ProbeError> {
        if self.spec.b.counts_jobs() || seen.lone.by_head || seen.lone.asked_again {
            return Ok(seen.lone.stop.clone());
        }
        seen.lone.asked_again = true;
        let known = seen.lone.takes.len();
        for _ in 0..AGAIN {
            tokio::time::sleep(self.settle(seen)).await;
            if self.lacks(&self.spec.a, 1, 1)?.is_some() {
                break;
            }
            self.one_request(seen, &mut Vec::new()).await?;
        }
        let times = || seen.lone.takes[known.saturating_sub(WARM)..].iter().map(|took| took.lo);
        let (least, most) = (times().min().unwrap_or_default(), times().max().unwrap_or_default());
        seen.lone.takes.truncate(known);
        if most > least * 3 / 2 {
            seen.lone.stop = Some(uneven(least, most));
        }
        Ok(seen.lone.stop.clone())
    }

    /// The same for a job: it is accepted, has an id, and ends.
    async fn one_job(&self, seen: &mut Observation) -> Result<Option<Seen>, ProbeError> {
        let patience = self.cx.patience();
        let call = self.once(&self.spec.a, self.cx, patience).await?;
        let submitted = self.submitted(&call, seen);
        if submitted.ending != Ending::Served {
            return Ok(Some(submitted.seen));
        }
        let Some(id) = submitted.id else {
            let at = self.spec.b.id.as_ref().map(|id| id.value.text()).unwrap_or_default();
            seen.lone.missed = Some((format!("one id at {at}"), submitted.seen.brief()));
            return Ok(Some(submitted.seen));
        };
        let watch = self.cx.stopwatch();
        let began = call.began;
        let lives = self.until_ended(&[id], seen).await?;
        if lives.iter().all(|(_, life)| *life != Life::Open) {
            seen.lone.takes.push(watch.since(began));
            self.cx.saw(format!("a job takes {}", watch.since(began)));
        } else if seen.lone.stop.is_none() {
            let within = self.spec.b.outcome.as_ref().map(|o| o.b.within()).unwrap_or_default();
            seen.lone.stop = Some(match &seen.jobs.unread {
                Some((why, _)) => why.clone(),
                None => format!("the first job had not ended after {}", show_duration(within)),
            });
            seen.lone.takes.push(watch.since(began));
        }
        Ok(None)
    }
}

/// More than a tenth of it was lost to stalls of this machine.
fn is_blurred(took: &Interval) -> bool {
    took.hi - took.lo > took.hi / 10
}

/// Why no wave can tell anything, if so.
fn stop(spec: &Spec, seen: &Observation) -> Option<String> {
    if seen.lone.stop.is_some() || seen.lone.takes.is_empty() || spec.b.counts_jobs() {
        return seen.lone.stop.clone();
    }
    let shortest = seen.takes();
    if shortest < SHORTEST {
        let (takes, least) = (show_duration(shortest), show_duration(SHORTEST));
        return Some(format!(
            "one alone takes only {takes}, so that nothing is held open long enough to meet; ask for work of {least} or more, best of half a second"
        ));
    }
    seen.lone.uneven().map(|(shortest, longest)| uneven(shortest, longest))
}

fn uneven(shortest: Duration, longest: Duration) -> String {
    let (shortest, longest) = (show_duration(shortest), show_duration(longest));
    format!("one alone takes {shortest} and then {longest}: ask for work that takes the same time each time")
}
