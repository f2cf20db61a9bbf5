//! One wave: so many requests released in one loop, each answer held against the time that one takes alone.

use super::super::count::{Ending, Fate, Landed, Proves, Terms, Wave, count, of_each};
use super::super::look::{Observation, ending, number};
use super::super::table;
use super::aside::Asked;
use super::given_up::Held;
use super::holding::shared;
use super::{Bench, K, PATIENCE};
use crate::kind::{Call, Flown, ProbeError, Seen};
use crate::model::quantity::show_duration;
use crate::words::Request;
use futures_util::StreamExt as _;
use futures_util::future::join;
use futures_util::stream::FuturesUnordered;
use std::time::{Duration, Instant};

/// Longest wait until the other side has everything but the last bytes.
pub(super) const SETTLE: Duration = Duration::from_secs(2);
/// Beyond the slots' own time: what one answer may take on its way.
const BEYOND: Duration = Duration::from_secs(2);
/// Bounds of the time to a refusal, which is else a quarter of what the work takes.
const PROMPT: (Duration, Duration) = (Duration::from_millis(250), Duration::from_millis(500));

/// Answers of a wave that are kept whole.
const FEW: usize = 100;
/// Bytes of a body that are kept where there are more.
const TOLD: usize = 256;
/// Headers that are kept then, beside the name of the process.
const LOOKED_AT: [&str; 4] = ["retry-after", "date", "location", "x-request-id"];
/// A body of more bytes takes its time on the way.
const LONG_BODY: u64 = 4 << 10;

/// An answer, and when it was there.
pub(super) struct Came {
    pub(super) seen: Seen,
    /// Its last byte, or the trouble.
    pub(super) ended: Instant,
    /// Its first byte, where its body is a long one.
    pub(super) headed: Option<Instant>,
}

/// A wave and the answer that tells most of it.
pub(super) struct Waved {
    pub(super) wave: Wave,
    pub(super) worst: Option<Seen>,
    /// How many were served, by whatever time.
    pub(super) served: u32,
    /// Some were never answered: what became of them is not known.
    pub(super) silent: bool,
    /// What was counted of everything that was begun, while jobs still held their slots.
    pub(super) after: Option<(f64, Seen)>,
}

impl Bench<'_> {
    /// A wave of the kind that this check counts.
    pub(super) async fn wave(&self, case: &str, count: u32, seen: &mut Observation) -> Result<Waved, ProbeError> {
        match self.spec.b.counts_jobs() {
            false => self.wave_of_requests(case, count, seen).await,
            true => self.wave_of_jobs(case, count, seen).await,
        }
    }

    async fn wave_of_requests(&self, case: &str, sent: u32, seen: &mut Observation) -> Result<Waved, ProbeError> {
        let takes = seen.takes();
        let (flown, stuck) = self.fly(&self.spec.a, sent).await?;
        let (held, began, last, spread) = (Held::of(&flown), flown.began, flown.ended, flown.ended - flown.began);
        let (patience, after) = (self.patience(sent, takes) + seen.lone.tail * sent, seen.since_last(began));
        let (calls, asked) = join(self.land_timed(flown, patience), self.ask_aside(case, last, takes)).await;
        let (all, asked) = (calls?, asked?);
        let landed: Vec<Landed> = all.iter().map(|came| self.landed(came, began, seen)).collect();
        let (limits, terms) = (&self.spec.b, Terms { longest: seen.longest(), ..self.terms(takes, spread) });
        let (mut wave, fates) = count(&landed, &terms);
        wave.after = after;
        void(&mut wave, stuck);
        void_by_tails(&mut wave, &all, &terms);
        held.judge(limits, &mut wave, all.iter().map(|came| &came.seen));
        if let Some(first) = wave.first_end {
            seen.alive.add(limits, &wave, &asked, |ended| self.cx.stopwatch().between(began, ended).hi <= first.lo);
        }
        self.take_refusals(case, &wave, all.iter().map(|came| &came.seen).zip(&fates), takes, seen);
        let worst = worst(&wave, all.iter().map(|came| &came.seen).zip(&fates)).cloned();
        let after = self.effect_after(case, seen).await?;
        Ok(Waved { wave, worst, served: served(&landed), silent: is_silent(&landed), after })
    }

    async fn wave_of_jobs(&self, case: &str, sent: u32, seen: &mut Observation) -> Result<Waved, ProbeError> {
        let takes = seen.takes();
        let (flown, stuck) = self.fly(&self.spec.a, sent).await?;
        let (held, last, spread) = (Held::of(&flown), flown.ended, flown.ended - flown.began);
        let after = seen.since_last(flown.began);
        let mut landing: FuturesUnordered<_> = flown.shots.into_iter().map(|shot| shot.land(self.cx.patience())).collect();
        let (mut all, mut ids, mut fates, mut by_id) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        while let Some(call) = landing.next().await {
            // Each job is noted as soon as it is known: whatever ends this check, it is told.
            let submitted = self.submitted(&call?, seen);
            fates.push(match (submitted.ending, &submitted.id) {
                (Ending::Served, Some(_)) => Fate::Admitted,
                (Ending::Refused, _) => Fate::Refused,
                _ => Fate::Broken,
            });
            by_id.push(submitted.id.clone());
            ids.extend(submitted.id);
            all.push(self.lean(submitted.seen, sent as usize));
        }
        drop(landing);
        let asked = self.ask_aside(case, last, takes).await?;
        let holding = self.holding(&ids, seen).await?;
        let (open, waiting) = (number(holding.open.len()), number(holding.waiting.len()));
        for (fate, _) in fates.iter_mut().zip(&by_id).filter(|(_, id)| id.as_ref().is_some_and(|id| holding.waiting.contains(id))) {
            *fate = Fate::Queued;
        }
        let mut wave = Wave {
            sent,
            admitted: open,
            queued: waiting,
            refused: number(fates.iter().filter(|f| **f == Fate::Refused).count()),
            broken: number(fates.iter().filter(|f| **f == Fate::Broken).count()),
            unclear: number(ids.len()).saturating_sub(open + waiting),
            spread,
            after,
            ..Wave::default()
        };
        for (answer, fate) in all.iter().zip(&fates) {
            wave.name(*fate, self.replica(answer).as_deref());
        }
        wave.needs_no_clock = wave.broken == 0 && number(ids.len()) < self.spec.b.k().min(sent);
        wave.proves = self.proves_of_jobs(&wave, &ids, holding.is_certain, seen);
        void(&mut wave, stuck);
        held.judge(&self.spec.b, &mut wave, all.iter());
        // They were open when all was asked for, since they still are.
        seen.alive.add(&self.spec.b, &wave, &asked, |_| open >= self.spec.b.k());
        self.take_refusals(case, &wave, all.iter().zip(&fates), takes, seen);
        let worst = worst(&wave, all.iter().zip(&fates)).cloned();
        let held = self.effect_after(case, seen).await?;
        // Whether slots come back after success is told by those that were there to the end.
        let is_first = case == K && seen.trials.get(K).is_none_or(|trial| trial.waves.is_empty());
        if is_first && self.round.wants(table::RETURNS) {
            self.until_ended(&ids, seen).await?;
        }
        self.end(&ids, seen).await?;
        // What was refused may have been kept for later, and begun when there was a slot.
        let ended = self.effect_after(case, seen).await?;
        let after = held.into_iter().chain(ended).max_by(|a, b| a.0.total_cmp(&b.0));
        Ok(Waved { wave, worst, served: number(ids.len()), silent: false, after })
    }

    /// Jobs that were all accepted before the last answer and are all open after it were open at once.
    fn proves_of_jobs(&self, wave: &Wave, ids: &[String], is_certain: bool, seen: &Observation) -> Proves {
        let limits = &self.spec.b;
        let accepted = wave.admitted + wave.unclear + wave.queued;
        if wave.broken > 0 {
            return Proves::Broken;
        }
        if let Some((n, id)) = shared(ids) {
            return Proves::Void(format!("{n} submissions were answered by the same id, {id}: send what differs each time"));
        }
        if accepted < limits.k().min(wave.sent) {
            return Proves::Under;
        }
        if let Some((why, _)) = &seen.jobs.unread {
            return Proves::Void(why.clone());
        }
        if !is_certain {
            return Proves::Void("the states of the jobs changed while they were asked for".to_owned());
        }
        if wave.admitted > limits.k().saturating_mul(limits.replicas()) {
            return Proves::Over;
        }
        if wave.unclear == 0 && wave.admitted < limits.k().min(wave.sent) {
            return Proves::Under;
        }
        if wave.unclear > 0 {
            return Proves::Void(format!(
                "{} of {accepted} jobs had ended before it was seen that all were open; ask for longer ones",
                wave.unclear
            ));
        }
        of_each(wave, &self.terms(Duration::ZERO, wave.spread)).unwrap_or(Proves::Kept)
    }

    /// Everything but the last bytes, then those. How many connections were not ready, where some were not.
    pub(super) async fn fly(&self, request: &Request, count: u32) -> Result<(Flown, Option<usize>), ProbeError> {
        self.quiet().await;
        self.cx.saw(format!("opening {count} connections"));
        // What fills the line for itself takes its time where many share it.
        let way = self.books.arrive_in(count);
        let salvo = self.cx.hold(request, &self.how(PATIENCE.max(way)), count as usize).await?;
        let stuck = salvo.settled(SETTLE.max(way)).await.err();
        if self.spec.b.counts_jobs() {
            self.books.sent(count as usize);
        }
        Ok((salvo.release().await, stuck))
    }

    /// Every answer with the moment of its end.
    pub(super) async fn land(&self, flown: Flown, patience: Duration) -> Result<Vec<(Seen, Instant)>, ProbeError> {
        Ok(self.land_timed(flown, patience).await?.into_iter().map(|came| (came.seen, came.ended)).collect())
    }

    /// Every answer, and when it came.
    pub(super) async fn land_timed(&self, flown: Flown, patience: Duration) -> Result<Vec<Came>, ProbeError> {
        let mut landing: FuturesUnordered<_> = flown.shots.into_iter().map(|shot| shot.land(patience)).collect();
        let count = landing.len();
        let mut all = Vec::with_capacity(count);
        while let Some(call) = landing.next().await {
            let call = call?;
            all.push(Came {
                seen: self.lean(self.seen(&call), count),
                ended: call.began + call.took.hi,
                headed: headed(&call).map(|head| call.began + head),
            });
        }
        Ok(all)
    }

    /// Of a large wave no more of each answer is kept than is judged and told.
    fn lean(&self, seen: Seen, wave: usize) -> Seen {
        if wave > FEW { leaner(seen, &self.spec.b.replica_header()) } else { seen }
    }

    pub(super) fn landed(&self, came: &Came, began: Instant, seen: &Observation) -> Landed {
        let ended = came.headed.filter(|_| seen.lone.by_head).unwrap_or(came.ended);
        let (end, replica) = (self.cx.stopwatch().between(began, ended), self.replica(&came.seen));
        Landed { end, ending: ending(&self.spec.b, &came.seen), replica }
    }

    /// How the process that answered names itself, if it does.
    fn replica(&self, seen: &Seen) -> Option<String> {
        seen.header(&self.spec.b.replica_header()).map(|name| name.chars().take(64).collect())
    }

    pub(super) fn terms(&self, takes: Duration, spread: Duration) -> Terms {
        let limits = &self.spec.b;
        let (replicas, apart, refuses) = (limits.replicas(), limits.tells_replicas_apart(), limits.refused.is_some());
        let given = self.patience(limits.k(), takes);
        let short = Some(given).filter(|given| *given < self.side_by_side(takes));
        Terms { limit: limits.k(), replicas, apart, takes, longest: takes, short, spread, refuses }
    }

    /// How long answers are waited for: a few slots' time where the rest is to be refused. Where it may wait, twice what all of it needs: who
    /// has no answer by then has been lost. And what they may need side by side, as long as three silent waves fit into the check's `timeout`.
    pub(super) fn patience(&self, sent: u32, takes: Duration) -> Duration {
        let waves = if self.spec.b.refused.is_some() { 4 } else { (sent.div_ceil(self.spec.b.k().max(1)) + 2) * 2 };
        (takes * waves + BEYOND).max(self.side_by_side(takes).min(self.cx.patience()))
    }

    /// Twice the time that all slots need on one processor, where one after the other would be as quick.
    pub(super) fn side_by_side(&self, takes: Duration) -> Duration {
        takes * self.spec.b.k().saturating_mul(self.spec.b.replicas()).saturating_mul(2) + BEYOND
    }

    /// Notes how the requests beyond the limit were refused, or not.
    pub(super) fn take_refusals<'s>(
        &self,
        case: &str,
        wave: &Wave,
        all: impl Iterator<Item = (&'s Seen, &'s Fate)>,
        takes: Duration,
        seen: &mut Observation,
    ) {
        if case == K || case.starts_with("returns/") || matches!(wave.proves, Proves::Void(_) | Proves::Nothing) {
            return;
        }
        let late = (takes / 4).clamp(PROMPT.0, PROMPT.1);
        for (answer, fate) in all {
            match fate {
                Fate::Refused => seen.refusals.add(&self.spec.b, answer, late),
                Fate::Queued if self.spec.b.refused.is_some() => {
                    seen.refusals.queued += 1;
                    seen.refusals.queued_one.get_or_insert_with(|| answer.clone());
                }
                _ => {}
            }
        }
    }

    /// Asks for health beside the wave far beyond the limit.
    async fn ask_aside(&self, case: &str, last: Instant, takes: Duration) -> Result<Vec<Asked>, ProbeError> {
        if case == super::MANY_MORE { self.alive(last, takes).await } else { Ok(Vec::new()) }
    }
}

/// How many were served, by whatever time.
pub(super) fn served(landed: &[Landed]) -> u32 {
    number(landed.iter().filter(|l| l.ending == Ending::Served).count())
}

/// Whether some were never answered.
pub(super) fn is_silent(landed: &[Landed]) -> bool {
    landed.iter().any(|l| l.ending == Ending::Silent)
}

/// When the first byte of a long answer came, since its request was whole. None where it is short, or something came before it.
pub(super) fn headed(call: &Call) -> Option<Duration> {
    let answer = call.answer.as_ref().ok()?;
    let head = answer.phases.first_byte;
    (answer.wire_len > LONG_BODY && answer.informational.is_empty() && !head.is_zero()).then_some(head)
}

/// Where long answers came one after the other it cannot be told whether somebody waited for a slot or for the line.
fn void_by_tails(wave: &mut Wave, all: &[Came], terms: &Terms) {
    let rests_on_time = match wave.proves {
        Proves::Kept => wave.queued > 0,
        Proves::Under => wave.admitted + wave.queued + wave.unclear >= terms.limit.min(wave.sent),
        _ => false,
    };
    let tail = all.iter().filter_map(|came| Some(came.ended.saturating_duration_since(came.headed?))).max().unwrap_or_default();
    if rests_on_time && tail > terms.takes / 4 {
        let (tail, takes) = (show_duration(tail), show_duration(terms.takes));
        wave.proves = Proves::Void(format!(
            "an answer took {tail} from its first byte to its last, and the work takes {takes}: whether others waited for a slot or for the line cannot be told"
        ));
    }
}

fn leaner(mut seen: Seen, replica: &str) -> Seen {
    seen.headers.retain(|(name, _)| name == replica || LOOKED_AT.contains(&name.as_str()));
    seen.headers.shrink_to_fit();
    seen.body.shorten(TOLD);
    seen
}

/// What was not on the other side when it was released proves nothing of what meets there.
pub(super) fn void(wave: &mut Wave, stuck: Option<usize>) {
    if let Some(count) = stuck {
        wave.void(format!("{count} of the requests were still on their way when the last bytes were released"));
    }
}

/// The answer that tells most of what is wrong with a wave.
pub(super) fn worst<'s>(wave: &Wave, all: impl Iterator<Item = (&'s Seen, &'s Fate)>) -> Option<&'s Seen> {
    let wanted: &[Fate] = match wave.proves {
        Proves::Broken => &[Fate::Broken],
        Proves::Under => &[Fate::Refused, Fate::Queued],
        Proves::Over => &[Fate::Admitted],
        _ => return None,
    };
    all.filter_map(|(seen, fate)| Some((wanted.iter().position(|w| w == fate)?, seen))).min_by_key(|(rank, _)| *rank).map(|(_, seen)| seen)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Excerpt;

    #[test]
    fn of_one_answer_among_thousands_only_what_is_judged_is_kept() {
        let names = ["x-instance-id", "retry-after", "date", "server", "set-cookie"];
        let headers = names.map(|name| (name.to_owned(), "v".repeat(1000))).to_vec();
        let kept = leaner(Seen { headers, body: Excerpt::of(&[b'x'; 16 << 10], Seen::BODY), ..Seen::default() }, "x-instance-id");
        assert_eq!(kept.headers.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), names[..3]);
        assert_eq!((kept.body.len, kept.body.head.len()), (16 << 10, TOLD));
    }

    #[track_caller]
    fn check_stuck(proves: Proves, needs_no_clock: bool, is_void: bool) {
        let mut wave = Wave { proves, needs_no_clock, ..Wave::default() };
        void(&mut wave, None);
        assert!(!matches!(wave.proves, Proves::Void(_)));
        void(&mut wave, Some(2));
        assert_eq!(matches!(wave.proves, Proves::Void(_)), is_void, "{:?}", wave.proves);
    }

    #[test]
    fn what_had_not_arrived_is_not_held_against_the_service() {
        check_stuck(Proves::Kept, false, true);
        check_stuck(Proves::Over, false, true);
        check_stuck(Proves::Broken, false, true);
        check_stuck(Proves::Under, false, true);
        // Fewer than promised were ever admitted, and the others refused.
        check_stuck(Proves::Under, true, false);
    }
}
