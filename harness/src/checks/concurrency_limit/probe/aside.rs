//! What is asked beside a wave: health while all slots are held, and the count of what was begun.

use super::super::count::Wave;
use super::super::look::{Alive, Observation, number};
use super::super::spec::{Effect, Limits};
use super::super::table;
use super::{Bench, MANY_MORE, PATIENCE};
use crate::kind::{How, ProbeError, Seen};
use crate::model::interval::Against;
use crate::reader::With;
use crate::words::{Answered, Document, Json, Request};
use std::time::{Duration, Instant};

/// Most times that health is asked in one wave.
const TIMES: u32 = 5;
/// Longest wait for one answer about health.
const LONGEST: Duration = Duration::from_secs(20);

/// One answer about health, and when it was there.
pub(super) struct Asked {
    seen: Seen,
    /// What is wrong with it, whenever it came.
    missed: Option<String>,
    ended: Instant,
}

impl Bench<'_> {
    /// Asks on fresh connections while the slots are held, from a moment after the last release on.
    pub(super) async fn alive(&self, last: Instant, takes: Duration) -> Result<Vec<Asked>, ProbeError> {
        let mut all = Vec::new();
        let Some(alive) = self.spec.b.alive.as_ref().filter(|_| self.round.wants(table::ALIVE)) else { return Ok(all) };
        let how = How::probe((alive.b.within() * 2 + Duration::from_secs(1)).min(LONGEST));
        let step = takes / 10;
        for _ in 0..TIMES {
            tokio::time::sleep(step).await;
            if self.cx.stopwatch().between(last, self.cx.stopwatch().now()).hi >= takes * 3 / 4 {
                break;
            }
            let call = self.cx.call(&alive.a, &how).await?;
            let seen = self.seen(&call);
            let missed = match (&call.answer, &alive.b.expect) {
                (Err(_), _) => Some(seen.brief()),
                (Ok(answer), Some(expect)) => {
                    let misses = expect.judge(&Answered::of(answer), self.cx.values()).map_err(|e| ProbeError(e.to_string()))?;
                    misses.into_iter().next().map(|miss| format!("{} in place of {}", miss.observed, miss.expected))
                }
                (Ok(answer), None) => (answer.status != 200).then(|| seen.brief()),
            };
            all.push(Asked { seen, missed, ended: call.began + call.took.hi });
        }
        Ok(all)
    }

    /// What was begun up to now, where that is asked for beside this wave.
    pub(super) async fn effect(&self, case: &str, seen: &mut Observation) -> Result<Option<(f64, Seen)>, ProbeError> {
        let effect = self.spec.b.effect.as_ref().filter(|_| case == MANY_MORE && self.round.wants(table::NO_EFFECT));
        match effect {
            Some(effect) => self.count(effect, seen).await,
            None => Ok(None),
        }
    }

    /// The same after the wave: the higher of two looks, since what is begun may show a moment later.
    pub(super) async fn effect_after(&self, case: &str, seen: &mut Observation) -> Result<Option<(f64, Seen)>, ProbeError> {
        let Some(first) = self.effect(case, seen).await? else { return Ok(None) };
        tokio::time::sleep(self.settle(seen)).await;
        Ok(self.effect(case, seen).await?.map(|second| if first.0 > second.0 { first } else { second }))
    }

    /// Reads the count now; none where it cannot be read.
    async fn count(&self, effect: &With<Request, Effect>, seen: &mut Observation) -> Result<Option<(f64, Seen)>, ProbeError> {
        let call = self.cx.call(&effect.a, &How::caller(PATIENCE)).await?;
        let evidence = self.seen(&call);
        let value = match &call.answer {
            Ok(answer) if (200..300).contains(&answer.status) => Document::read(&answer.body).ok().and_then(|document| {
                let found = effect.b.at.value.select(&document).ok()?;
                match found.as_slice() {
                    [one] => amount(one.node),
                    several if !several.is_empty() || !effect.b.at.value.is_singular() => Some(several.len() as f64),
                    _ => None,
                }
            }),
            _ => None,
        };
        if value.is_none() {
            seen.no_effect.get_or_insert_with(|| evidence.clone());
        }
        Ok(value.map(|value| (value, evidence)))
    }
}

/// A number, or how many elements a list has.
fn amount(json: &Json) -> Option<f64> {
    match json {
        Json::Number(number) => number.text().parse().ok(),
        Json::Array(items) => Some(items.len() as f64),
        Json::Object(_) => Some(1.0),
        _ => None,
    }
}

impl Alive {
    /// Takes in what was asked beside a wave; `is_held` says whether all slots were still held at that moment. Only of a wave that kept the
    /// limit is it known that they were at all.
    pub(super) fn add(&mut self, limits: &Limits, wave: &Wave, all: &[Asked], is_held: impl Fn(Instant) -> bool) {
        if !wave.is_good() {
            self.void += if wave.is_bad() { 0 } else { number(all.len()) };
            return;
        }
        let Some(limit) = limits.alive.as_ref().map(|a| a.b.within()) else { return };
        for asked in all {
            let against = asked.seen.took.against(limit);
            // It was asked for while they were held: too late is too late, whatever was free by then.
            if !is_held(asked.ended) && against != Against::Beyond {
                self.void += 1;
                continue;
            }
            self.asked += 1;
            if self.slowest.as_ref().is_none_or(|slowest| slowest.took.hi < asked.seen.took.hi) {
                self.slowest = Some(asked.seen.clone());
            }
            match (&asked.missed, against) {
                (_, Against::Beyond) => self.late += 1,
                (Some(missed), _) => {
                    self.bad += 1;
                    self.worst.get_or_insert_with(|| (missed.clone(), asked.seen.clone()));
                }
                (None, Against::Near) => self.near += 1,
                (None, Against::Within) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::ConcurrencyLimit;
    use super::super::super::count::Proves;
    use super::*;
    use crate::kind::Stopwatch;
    use crate::kind::testing::spec;

    #[test]
    fn health_beside_a_wave_that_did_not_keep_the_limit_tells_nothing() {
        let kind = spec::<ConcurrencyLimit>("{ post: /work, limit: 3, alive: { get: /health } }");
        let told = |proves| {
            let asked = Asked { seen: Seen::default(), missed: None, ended: Stopwatch::default().now() };
            let mut alive = Alive::default();
            alive.add(&kind.spec.b, &Wave { proves, ..Wave::default() }, &[asked], |_| true);
            (alive.asked, alive.void)
        };
        assert_eq!(told(Proves::Kept), (1, 0));
        assert_eq!(told(Proves::Under), (0, 0));
        assert_eq!(told(Proves::Over), (0, 0));
        assert_eq!(told(Proves::Void("a stall".to_owned())), (0, 1));
    }
}
