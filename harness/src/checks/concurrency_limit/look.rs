//! What the probes of `concurrency-limit` saw: waves as numbers, with the answers that tell most. Bounded, the evidence of every verdict.

use super::books::Books;
use super::count::{Ending, Wave};
use super::spec::Limits;
use crate::kind::RetryAfter;
use crate::kind::{Context, Seen};
use crate::model::Interval;
use crate::model::interval::Against;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Everything that was seen.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Observation {
    /// When the check began.
    #[serde(skip)]
    pub(super) origin: Option<Instant>,
    /// The clauses that were looked at.
    pub(super) asked: Vec<String>,
    /// One request alone.
    pub(super) lone: Lone,
    /// Waves by case.
    pub(super) trials: BTreeMap<String, Trial>,
    /// What was refused in the waves beyond the limit.
    pub(super) refusals: Refusals,
    /// Comings again after a refusal.
    pub(super) honest: Honesty,
    /// The count of what was begun, before and after each wave far beyond the limit.
    pub(super) effects: Vec<Count>,
    /// Why the count could not be read, if so.
    pub(super) no_effect: Option<Seen>,
    /// Health while all slots were held.
    pub(super) alive: Alive,
    /// Once a job had ended: the one more.
    pub(super) next: Vec<Next>,
    /// Jobs that were begun.
    pub(super) jobs: Jobs,
    /// A wave that found a slot missing a moment after the answers before was sent again, and not counted.
    #[serde(default)]
    pub(super) late_return: Option<Wave>,
    /// When the last answer before the next wave was there, at the latest.
    #[serde(skip)]
    pub(super) idle_since: Option<Instant>,
    /// What is under way.
    #[serde(skip)]
    pub(super) books: Arc<Books>,
}

/// One request alone, a few times: is it served, and how long does it take.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Lone {
    /// The times that it took: to the head of its answer where `by_head`.
    pub(super) takes: Vec<Interval>,
    /// The answers are long, and the work is over when they begin: then what tells of slots is the first byte, not the last.
    #[serde(default)]
    pub(super) by_head: bool,
    /// The longest time from the first byte of a long answer to its last.
    #[serde(default)]
    pub(super) tail: Duration,
    /// How often it was not served.
    pub(super) bad: u32,
    /// Of those, how often it was told that there is no place, as where others still hold slots.
    #[serde(default)]
    pub(super) turned_away: u32,
    /// Another one of those that were not served.
    #[serde(default)]
    pub(super) noise: Option<Seen>,
    /// The last answer that was none to this.
    pub(super) worst: Option<Seen>,
    /// What is wrong with an answer that came, where it is not its code: no id.
    pub(super) missed: Option<(String, String)>,
    /// Why nothing more was tried, though it was served.
    pub(super) stop: Option<String>,
    /// It was asked for again, since a wave looked as where its time is not always the same.
    #[serde(default)]
    pub(super) asked_again: bool,
    /// It was looked at to the end.
    pub(super) done: bool,
}

/// Waves of one size.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Trial {
    /// Good ones that are enough.
    pub(super) wanted: u32,
    /// Each wave, in order.
    pub(super) waves: Vec<Wave>,
    /// The answer that tells most of the first bad wave.
    pub(super) worst: Option<Seen>,
    /// Why they can tell nothing, if so.
    pub(super) nothing: Option<String>,
    /// Why none were sent, if so.
    pub(super) not_here: Option<String>,
    /// It was looked at to the end.
    pub(super) done: bool,
    /// A first wave that found fewer slots than promised and was not held against it: something else may still have held them.
    pub(super) first_try: Option<Wave>,
}

/// What was refused beyond the limit.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Refusals {
    /// By the declared status.
    pub(super) right: u32,
    /// By another one.
    pub(super) wrong: u32,
    /// An example of those.
    pub(super) wrong_one: Option<Seen>,
    /// Not refused, but left waiting.
    pub(super) queued: u32,
    /// An example of those.
    pub(super) queued_one: Option<Seen>,
    /// Refused late, for sure.
    pub(super) late: u32,
    /// An example of those.
    pub(super) late_one: Option<Seen>,
    /// Of which it cannot be told whether they were late.
    #[serde(default)]
    pub(super) near: u32,
    /// The longest time to a refusal.
    pub(super) slowest: Option<Interval>,
    /// Refusals that say when to come again.
    pub(super) says: u32,
    /// Refusals that do not, or not so that it could be done.
    pub(super) says_not: u32,
    /// An example of those, and what is wrong with it.
    pub(super) says_not_one: Option<(String, Seen)>,
    /// Dates that cannot be counted from.
    pub(super) unknown: Option<String>,
}

/// Whether what a refusal says of coming again is true.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Honesty {
    /// Each time that it was tried.
    pub(super) tries: Vec<Try>,
    /// Why it was not tried, or not again, if so.
    pub(super) not_here: Option<String>,
    /// It was looked at to the end.
    pub(super) done: bool,
}

/// One refusal, and two comings again.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Try {
    /// What it said.
    pub(super) said: Option<Duration>,
    /// How it turned out.
    pub(super) turned: Turned,
    /// The answer that tells it.
    pub(super) answer: Option<Seen>,
    /// When that was asked for, since the refusal.
    pub(super) after: Interval,
}

/// How a coming again turned out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Turned {
    /// Refused before, accepted after.
    True,
    /// Accepted long before.
    TooLong,
    /// Refused after.
    TooShort,
    /// It could not be told, for this reason.
    #[default]
    Untold,
    /// It could not be told, for this reason.
    Void(String),
}

/// The count of what was begun, around one wave.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Count {
    /// Before it.
    pub(super) before: f64,
    /// After it: the higher of two looks.
    pub(super) after: f64,
    /// How many of the wave were served.
    pub(super) served: u32,
    /// How many were refused.
    pub(super) refused: u32,
    /// The answer that told the second value.
    pub(super) answer: Seen,
}

/// Health while all slots were held.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Alive {
    /// Asked and answered while they were.
    pub(super) asked: u32,
    /// Not answered as declared.
    pub(super) bad: u32,
    /// An example of those.
    pub(super) worst: Option<(String, Seen)>,
    /// Answered later than declared, for sure.
    pub(super) late: u32,
    /// Of which it cannot be told whether they were in time.
    pub(super) near: u32,
    /// The slowest answer.
    pub(super) slowest: Option<Seen>,
    /// Answers that came when a slot may have been free again.
    pub(super) void: u32,
}

/// One more request once a job had ended.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Next {
    /// It was accepted.
    pub(super) accepted: bool,
    /// The last answer, where it was not.
    pub(super) answer: Option<Seen>,
    /// How long it was tried.
    pub(super) after: Duration,
}

/// Jobs that were begun by this check.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Jobs {
    /// How many were accepted.
    pub(super) accepted: u32,
    /// The ids of those that had not ended when they were last looked at.
    pub(super) open: BTreeSet<String>,
    /// The ids of those that were asked to end, where that was taken, or where they were not known.
    #[serde(skip)]
    pub(super) cancelled: BTreeSet<String>,
    /// States in which jobs were that nobody had asked to end, and that had not.
    #[serde(skip)]
    pub(super) states: BTreeSet<String>,
    /// One that `cancel` did not know, though it had not ended.
    #[serde(default)]
    pub(super) not_known: Option<String>,
    /// One that was asked to end, and its state then, of which nothing is known.
    #[serde(skip)]
    pub(super) odd: Option<(String, String)>,
    /// The same, where it stayed in that state for longer than a job takes.
    #[serde(default)]
    pub(super) stays: Option<(String, String)>,
    /// Why the state of one could not be read in the last wave, if so.
    pub(super) unread: Option<(String, Seen)>,
    /// Looks at a state that failed and were repeated.
    pub(super) looked_again: u32,
    /// Submissions of which it is not known whether they began a job: lost, or accepted without an id.
    pub(super) unknown: u32,
}

impl Observation {
    /// When the check began; the first caller sets it.
    pub(super) fn origin(&mut self, cx: &Context) -> Instant {
        *self.origin.get_or_insert_with(|| cx.stopwatch().now())
    }

    /// The waves of a case.
    pub(super) fn trial(&mut self, case: &str) -> &mut Trial {
        self.trials.entry(case.to_owned()).or_default()
    }

    /// Least time that one takes alone, once it is warm.
    pub(super) fn takes(&self) -> Duration {
        self.lone.warm().map(|t| t.lo).min().unwrap_or_default()
    }

    /// Most time that one took alone.
    pub(super) fn longest(&self) -> Duration {
        self.lone.warm().map(|t| t.hi).max().unwrap_or_default()
    }

    /// Most time that one took, alone or beside as many as the limit.
    pub(super) fn longest_of_all(&self) -> Duration {
        let together = self.trials.get("k").into_iter().flat_map(|trial| &trial.waves).filter(|wave| wave.is_good());
        together.filter_map(|wave| wave.last_end).max().unwrap_or_default().max(self.longest())
    }

    /// How long before that moment the last answer was there.
    pub(super) fn since_last(&self, began: Instant) -> Option<Duration> {
        Some(began.saturating_duration_since(self.idle_since?))
    }

    /// Whether the waves of this case speak for the limit.
    pub(super) fn is_kept(&self, case: &str) -> bool {
        self.trials.get(case).is_some_and(Trial::is_kept)
    }
}

/// So many that took about the same time one after the other are enough to know it.
pub(super) const WARM: usize = 3;

/// Most states of jobs that are remembered.
const STATES: usize = 16;

impl Jobs {
    /// Whether a job that has not ended is in this state only since it was asked to end; of any other the state is remembered.
    pub(super) fn is_odd(&mut self, id: &str, state: &str) -> bool {
        if self.cancelled.contains(id) {
            let is_odd = self.states.len() < STATES && !self.states.contains(state);
            if is_odd {
                self.odd = Some((id.to_owned(), state.to_owned()));
            }
            return is_odd;
        }
        if self.states.len() < STATES {
            self.states.insert(state.to_owned());
        }
        false
    }
}

impl Lone {
    /// Counts to the first byte of each answer from here on, where all of them are long and their work is over by then.
    pub(super) fn count_to_the_head(&mut self, heads: &[Duration]) {
        let is_over = |(takes, head): (&Interval, &Duration)| *head >= takes.hi * 3 / 4;
        if heads.is_empty() || heads.len() != self.takes.len() || !self.takes.iter().zip(heads).all(is_over) {
            return;
        }
        self.by_head = true;
        for (takes, head) in self.takes.iter_mut().zip(heads) {
            let tail = takes.hi.saturating_sub(*head);
            self.tail = self.tail.max(tail);
            *takes = Interval { lo: takes.lo.saturating_sub(tail), hi: *head };
        }
    }

    /// The times of the last ones.
    fn warm(&self) -> impl Iterator<Item = Interval> {
        self.takes.iter().rev().take(WARM).copied()
    }

    /// The least and the most of them, if they have little to do with each other.
    pub(super) fn uneven(&self) -> Option<(Duration, Duration)> {
        let (least, most) = (self.warm().map(|t| t.lo).min()?, self.warm().map(|t| t.lo).max()?);
        (most > least * 3 / 2).then_some((least, most))
    }
}

impl Trial {
    /// Notes why it can tell nothing, if so; the first reason stays.
    pub(super) fn note(&mut self, why: Option<String>) {
        self.nothing = self.nothing.take().or(why);
    }

    pub(super) fn good(&self) -> u32 {
        number(self.waves.iter().filter(|w| w.is_good()).count())
    }

    pub(super) fn bad(&self) -> u32 {
        number(self.waves.iter().filter(|w| w.is_bad()).count())
    }

    fn is_kept(&self) -> bool {
        self.done && self.bad() == 0 && self.good() >= self.wanted.max(1)
    }
}

impl Refusals {
    /// Takes in a refusal.
    pub(super) fn add(&mut self, limits: &Limits, seen: &Seen, late: Duration) {
        let declared = limits.refused.as_ref().map(|s| &s.value);
        match seen.answered() {
            Some(status) if declared.is_none_or(|d| d.fits(status)) => self.right += 1,
            _ => {
                self.wrong += 1;
                self.wrong_one.get_or_insert_with(|| seen.clone());
            }
        }
        match seen.took.against(late) {
            Against::Beyond => {
                self.late += 1;
                self.late_one.get_or_insert_with(|| seen.clone());
            }
            Against::Near => self.near += 1,
            Against::Within => {}
        }
        if self.slowest.is_none_or(|slowest| slowest.hi < seen.took.hi) {
            self.slowest = Some(seen.took);
        }
        match RetryAfter::of(seen) {
            RetryAfter::For(_) => self.says += 1,
            RetryAfter::Unknown(why) => _ = self.unknown.get_or_insert(why),
            RetryAfter::Wrong(what) => {
                self.says_not += 1;
                self.says_not_one.get_or_insert_with(|| (what, seen.clone()));
            }
        }
    }
}

impl Try {
    /// It was not true.
    pub(super) fn is_lie(&self) -> bool {
        matches!(self.turned, Turned::TooLong | Turned::TooShort)
    }
}

impl Count {
    /// By how many it rose beyond what was served.
    pub(super) fn surplus(&self) -> f64 {
        self.after - self.before - f64::from(self.served)
    }
}

/// How a request ended, as far as slots are concerned.
pub(super) fn ending(limits: &Limits, seen: &Seen) -> Ending {
    match (&seen.trouble, seen.status) {
        (Some(snag), _) if snag.name.ends_with("timeout") && snag.name != "connect-timeout" => Ending::Silent,
        (None, Some(200..=299)) => Ending::Served,
        (None, Some(status)) if is_refusal(limits, status) => Ending::Refused,
        _ => Ending::Broken,
    }
}

/// Whether this status says that there is no place: the declared one, and what services say by mistake in its stead. 408 says that bytes
/// were waited for in vain (RFC 9110 §15.5.9), and is one only where it is declared.
fn is_refusal(limits: &Limits, status: u16) -> bool {
    matches!(status, 400..=407 | 409..=499 | 503) || says_full(limits, status)
}

/// Whether this status is about a limit: the declared one, or one of the two that are meant for it (RFC 6585 §4, RFC 9110 §15.6.4).
pub(super) fn says_full(limits: &Limits, status: u16) -> bool {
    matches!(status, 429 | 503) || limits.refused.as_ref().is_some_and(|s| s.value.fits(status))
}

pub(super) fn number(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
