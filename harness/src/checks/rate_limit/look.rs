//! What the probes of `rate-limit` saw: bursts as numbers, with the answers that tell most. Bounded, the evidence of every verdict.

use super::spec::Rate;
use crate::kind::{Context, RetryAfter, Seen};
use crate::model::Interval;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Headers in which a caller may claim to be another.
pub(super) const NAMES: [&str; 3] = ["x-forwarded-for", "x-real-ip", "forwarded"];
/// Refused calls in each other name that are enough.
pub(super) const CLAIMS: u32 = 5;
/// So many comings again that were as told are enough.
pub(super) const TRUE: usize = 2;

/// Everything that was seen.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Observation {
    /// When the check began.
    #[serde(skip)]
    pub(super) origin: Option<Instant>,
    /// When the last call was answered.
    #[serde(skip)]
    pub(super) last: Option<Instant>,
    /// The clauses that were looked at.
    pub(super) asked: Vec<String>,
    /// Why no burst is sent here, if so.
    pub(super) not_here: Option<String>,
    /// One call alone, where it was neither admitted nor refused: how often, and the last answer.
    pub(super) lone: Option<(u32, Seen)>,
    /// The same, where a later one was answered as it should be.
    pub(super) stumbled: Option<(u32, Seen)>,
    /// Bursts of the quota and some more, each in a fresh window.
    pub(super) bursts: Vec<Burst>,
    /// They were made to the end.
    pub(super) bursts_done: bool,
    /// Calls after such a burst, until its window was nearly over.
    pub(super) lasts: Vec<Edge>,
    /// Refusals by the declared status.
    pub(super) refused_right: u32,
    /// Refusals by another one, and an example.
    pub(super) refused_wrong: u32,
    pub(super) wrong_one: Option<Seen>,
    /// Refusals that say when to come again, and those that do not, with an example.
    pub(super) says: u32,
    pub(super) says_not: u32,
    pub(super) says_not_one: Option<(String, Seen)>,
    /// A date that cannot be counted from.
    pub(super) unknown: Option<String>,
    /// Comings again.
    pub(super) tries: Vec<Try>,
    pub(super) tries_done: bool,
    /// What the fields told, by family.
    pub(super) fields: BTreeMap<String, Fields>,
    /// How soon after a burst the next call was admitted.
    pub(super) edges: Vec<Edge>,
    pub(super) edges_done: bool,
    /// Calls in another's name, by header.
    pub(super) names: BTreeMap<String, Named>,
    pub(super) names_done: bool,
}

/// Many calls as fast as possible.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Burst {
    pub(super) sent: u32,
    pub(super) admitted: u32,
    pub(super) refused: u32,
    /// Neither.
    pub(super) broken: u32,
    /// From the first call to the last answer.
    pub(super) took: Interval,
    /// The answer that tells most of what is wrong.
    pub(super) worst: Option<Seen>,
    pub(super) proves: Proves,
}

/// What a burst proves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Proves {
    /// Exactly the quota was admitted.
    Kept,
    /// More.
    Over,
    /// Fewer, though the window was fresh.
    Under,
    /// Some were answered by nothing that is an answer to this.
    Broken,
    /// It was not held against anything yet.
    #[default]
    Nothing,
    /// Nothing, for this reason.
    Void(String),
}

/// One refusal, and a coming again.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Try {
    pub(super) said: Duration,
    pub(super) turned: Turned,
    pub(super) answer: Seen,
    /// When it was asked for, since the refusal.
    pub(super) after: Interval,
}

/// How a coming again turned out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Turned {
    /// Admitted after that time, and not long before.
    True,
    /// Admitted long before.
    TooLong,
    /// Refused after it.
    TooShort,
    /// It could not be told.
    #[default]
    Untold,
}

/// What the fields of one family told.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Fields {
    /// Answers that were looked at.
    pub(super) answers: u32,
    /// Something that no noise makes: a field that is missing, another quota.
    pub(super) proof: Option<(String, String, Seen)>,
    /// Remainders and resets that are wrong.
    pub(super) wrong: u32,
    /// An example: expected, told.
    pub(super) wrong_one: Option<(String, String, Seen)>,
    /// It was looked at to the end.
    pub(super) done: bool,
}

/// A burst, and calls after it: over the edge of a window that it lay late in, or for as long as its own window lasts.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Edge {
    /// Of the burst, and of what came after it; where an edge was seen after it, what came after that.
    pub(super) admitted: u32,
    /// From the first of these calls to the answer of the last, at most.
    pub(super) after: Duration,
    /// Whether more were admitted by then than the declared windows allow.
    pub(super) over: bool,
    pub(super) answer: Seen,
    /// Why it tells nothing, if so.
    pub(super) void: Option<String>,
}

/// Calls in another's name.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Named {
    /// Those that ought to be refused, and were admitted or refused.
    pub(super) asked: u32,
    pub(super) admitted: u32,
    pub(super) example: Option<Seen>,
    /// Admitted, as so many may have been by then whatever their name.
    pub(super) due: u32,
    /// Neither admitted nor refused, and the last of these.
    pub(super) broken: u32,
    pub(super) broken_one: Option<Seen>,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    Admitted,
    Refused,
    Broken,
}

/// A 2xx is admitted; the declared status, 429, 503 and 403 refuse, as services do by mistake; anything else is neither.
pub(super) fn ending(rate: &Rate, seen: &Seen) -> Ending {
    match seen.answered() {
        Some(200..=299) => Ending::Admitted,
        Some(status) if rate.refused().fits(status) || matches!(status, 429 | 503 | 403) => Ending::Refused,
        _ => Ending::Broken,
    }
}

impl Observation {
    /// When the check began; the first caller sets it.
    pub(super) fn origin(&mut self, cx: &Context) -> Instant {
        *self.origin.get_or_insert_with(|| cx.stopwatch().now())
    }

    /// Notes a refusal.
    pub(super) fn refused(&mut self, rate: &Rate, seen: &Seen) {
        if seen.answered().is_some_and(|status| rate.refused().fits(status)) {
            self.refused_right += 1;
        } else {
            self.refused_wrong += 1;
            self.wrong_one.get_or_insert_with(|| seen.clone());
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

    /// A burst showed that the quota holds.
    pub(super) fn is_kept(&self) -> bool {
        self.bursts_done && self.kept() > 0
    }

    /// Bursts that showed it.
    pub(super) fn kept(&self) -> usize {
        self.bursts.iter().filter(|b| b.proves == Proves::Kept).count()
    }

    /// Bursts that showed the contrary.
    pub(super) fn bad(&self) -> usize {
        self.bursts.iter().filter(|b| b.is_bad()).count()
    }

    /// Comings again that were as told.
    pub(super) fn truths(&self) -> usize {
        self.tries.iter().filter(|t| t.turned == Turned::True).count()
    }

    /// Comings again that were not as told.
    pub(super) fn lies(&self) -> usize {
        self.tries.iter().filter(|t| t.is_lie()).count()
    }
}

impl Burst {
    pub(super) fn is_bad(&self) -> bool {
        matches!(self.proves, Proves::Over | Proves::Under | Proves::Broken)
    }

    /// The numbers for people.
    pub(super) fn line(&self) -> String {
        let broken = if self.broken > 0 { format!(", {} neither", self.broken) } else { String::new() };
        format!("{} sent within {}: {} admitted, {} refused{broken}", self.sent, self.took, self.admitted, self.refused)
    }
}

impl Try {
    pub(super) fn is_lie(&self) -> bool {
        matches!(self.turned, Turned::TooLong | Turned::TooShort)
    }
}
