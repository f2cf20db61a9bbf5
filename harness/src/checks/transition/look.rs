//! What the probes of `transition` saw: the states in the order in which they came, bounded, the evidence of every verdict.

use super::spec::Spec;
use super::state::show;
use crate::kind::{Call, Context, ProbeError, Seen, Weight};
use crate::model::Interval;
use crate::words::{Answered, Document, Expect, Json, Part, Path, Values};
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};

/// Everything that was seen over all rounds.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Observation {
    /// When the check began.
    #[serde(skip)]
    pub(super) origin: Option<Instant>,
    /// The clauses that were looked at.
    pub(super) asked: Vec<String>,
    /// When the trigger was sent, since the check began; zero where there is none.
    pub(super) triggered: Interval,
    /// What came of the trigger.
    pub(super) trigger: Option<Asked>,
    /// Why the trigger's answer gave no value, if so.
    pub(super) no_capture: Option<(String, String)>,
    /// What the trigger's answer gave. Not part of reports: it may hold secrets.
    #[serde(skip)]
    pub(super) captured: Values,
    /// Polls in all.
    pub(super) polls: u32,
    /// Polls that told a state.
    pub(super) told: u32,
    /// The states in their order, one entry for each stay.
    pub(super) stays: Vec<Stay>,
    /// The last poll that told no state.
    pub(super) blank: Option<Seen>,
    /// Polls that began after the deadline and did not find the last state.
    pub(super) late: u32,
    /// Polls once the last state was there.
    pub(super) kept: Kept,
    /// What was seen of the progress.
    pub(super) progress: Progress,
    /// The result, asked for when it had to be there.
    pub(super) result: Vec<Asked>,
    /// What made the result due: `100 at +1.20 s`.
    pub(super) due: Option<String>,
    /// The requests of `works`.
    pub(super) works: Vec<Asked>,
    /// The last three polls, for people.
    pub(super) last: Vec<String>,
}

/// A time in one state, as far as it was seen.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Stay {
    /// The state, for people.
    pub(super) state: String,
    /// Its place in the path.
    pub(super) place: Option<usize>,
    /// It is one that must never be seen.
    pub(super) forbidden: bool,
    /// When the first answer that told it was there, since the check began.
    pub(super) from: Interval,
    /// When the last poll that found it was sent.
    pub(super) until: Interval,
    /// Polls that found it.
    pub(super) polls: u32,
    /// The first answer that told it.
    pub(super) example: Seen,
}

/// Polls of the last state.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Kept {
    /// How many, the first included.
    pub(super) polls: u32,
    /// How many of them told no state: no answer, a 5xx.
    pub(super) blank: u32,
    /// How many of those may be this machine's doing: a timeout while it stood still.
    pub(super) ours: u32,
    /// The first of those.
    pub(super) first_blank: Option<Seen>,
    /// The whole declared time was watched.
    pub(super) whole: bool,
}

/// How far it was, over time.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Progress {
    /// Values that were read.
    pub(super) samples: u32,
    /// The last one.
    pub(super) now: Option<f64>,
    /// The first step back: the value before, the value after, and the answer.
    pub(super) back: Option<(f64, f64, Seen)>,
    /// A value that is no number, if one was seen.
    pub(super) strange: Option<String>,
}

/// One request whose answer is declared.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Asked {
    /// The answer.
    pub(super) seen: Seen,
    /// It is as declared.
    pub(super) fine: bool,
    /// What is missing, where the code is right.
    pub(super) missed: Option<(String, String)>,
}

/// One poll, read.
pub(super) struct Poll {
    pub(super) seen: Seen,
    /// The state, if the answer told one.
    pub(super) state: Option<Json>,
    /// The progress, if the answer told one; or what stood in its place.
    pub(super) progress: Option<Result<f64, String>>,
}

/// Most stays that are kept: a state that comes and goes breaks the path long before.
const STAYS: usize = 32;

impl Poll {
    /// Reads state and progress out of a 2xx answer; every other answer tells nothing.
    pub(super) fn of(spec: &Spec, call: &Call, cx: &Context, origin: Instant) -> Self {
        let seen = Seen::of(call, cx.stopwatch(), origin);
        let document = match &call.answer {
            Ok(answer) if (200..300).contains(&answer.status) && answer.body_len == answer.body.len() as u64 => {
                Document::read(&answer.body).ok()
            }
            _ => None,
        };
        let one = |path: &Path| -> Option<Json> {
            match path.select(document.as_ref()?).ok()?.as_slice() {
                [one] => Some(one.node.clone()),
                _ => None,
            }
        };
        let state = one(&spec.observe.b.at);
        let progress = spec.progress.as_ref().and_then(|p| one(&p.at)).and_then(|json| number(&json));
        Self { seen, state, progress }
    }
}

/// The number in a value. Null is none yet; a text may carry a per cent sign.
fn number(json: &Json) -> Option<Result<f64, String>> {
    let text = match json {
        Json::Null => return None,
        Json::Number(number) => number.text(),
        Json::String(text) => text.trim().trim_end_matches('%').trim_end(),
        other => return Some(Err(show(other))),
    };
    Some(text.parse::<f64>().ok().filter(|n| n.is_finite()).ok_or_else(|| show(json)))
}

impl Asked {
    /// Holds an answer against what is declared of it.
    ///
    /// # Errors
    /// If the expectation uses a captured value that is not there.
    pub(super) fn of(expect: Option<&Expect>, call: &Call, cx: &Context, origin: Instant) -> Result<Self, ProbeError> {
        let seen = Seen::of(call, cx.stopwatch(), origin);
        let (Ok(answer), Some(status)) = (&call.answer, seen.answered()) else { return Ok(Self { seen, fine: false, missed: None }) };
        let Some(expect) = expect else { return Ok(Self { seen, fine: (200..300).contains(&status), missed: None }) };
        let misses = expect.judge(&Answered::of(answer), cx.values()).map_err(|e| ProbeError(e.to_string()))?;
        let fine = misses.is_empty();
        let code = misses.iter().any(|m| m.part == Part::Status);
        let missed = misses.into_iter().find(|_| !code).map(|m| (m.expected, m.observed));
        Ok(Self { seen, fine, missed })
    }

    /// What was there in place of what was asked.
    pub(super) fn observed(&self) -> String {
        self.missed.as_ref().map_or_else(|| self.seen.brief(), |(_, observed)| observed.clone())
    }

    /// What was asked.
    pub(super) fn expected(&self) -> String {
        self.missed.as_ref().map_or_else(|| "the declared answer (2xx where nothing is said)".to_owned(), |(expected, _)| expected.clone())
    }

    /// Whether noise could have made it.
    pub(super) fn is_confusable(&self) -> bool {
        self.missed.is_none() && self.seen.weight() == Weight::Confusable
    }
}

impl Observation {
    /// When the check began; the first caller sets it.
    pub(super) fn origin(&mut self, cx: &Context) -> Instant {
        *self.origin.get_or_insert_with(|| cx.stopwatch().now())
    }

    /// Adds a poll; the progress counts only once it was triggered.
    pub(super) fn add(&mut self, spec: &Spec, poll: Poll, is_triggered: bool) {
        self.polls = self.polls.saturating_add(1);
        let shown = poll.state.as_ref().map_or_else(|| poll.seen.brief(), show);
        if self.last.len() == 3 {
            self.last.remove(0);
        }
        self.last.push(format!("{shown} at +{}", crate::model::quantity::show_duration(poll.seen.at.hi)));
        if is_triggered {
            self.progress.add(poll.progress, &poll.seen);
        }
        let ended = Interval { lo: poll.seen.at.lo + poll.seen.took.lo, hi: poll.seen.ended() };
        let Some(state) = poll.state else {
            self.blank = Some(poll.seen);
            return;
        };
        self.told = self.told.saturating_add(1);
        let place = spec.path.iter().position(|p| p.json == state);
        let has_room = self.stays.len() < STAYS;
        match self.stays.last_mut() {
            Some(stay) if stay.state == shown && stay.place == place => {
                stay.until = poll.seen.at;
                stay.polls = stay.polls.saturating_add(1);
            }
            _ if has_room => {
                let forbidden = spec.never.iter().flat_map(|n| n.iter()).any(|s| s.json == state);
                self.stays.push(Stay { state: shown, place, forbidden, from: ended, until: poll.seen.at, polls: 1, example: poll.seen });
            }
            _ => {}
        }
    }

    /// The state that was seen last is the last one of the path.
    pub(super) fn is_final(&self, spec: &Spec) -> bool {
        self.stays.last().is_some_and(|s| s.place == Some(spec.last()))
    }

    /// The last three polls, as people read them.
    pub(super) fn last_lines(&self) -> String {
        self.last.join("; ")
    }
}

impl Stay {
    /// The longest time between this state and the next one that was seen: whatever lay between was shorter.
    pub(super) fn gap_to(&self, next: &Self) -> Duration {
        next.from.hi.saturating_sub(self.until.hi)
    }
}

impl Progress {
    fn add(&mut self, value: Option<Result<f64, String>>, seen: &Seen) {
        match value {
            None => {}
            Some(Err(strange)) => self.strange = Some(strange),
            Some(Ok(value)) => {
                self.samples = self.samples.saturating_add(1);
                if let Some(before) = self.now.replace(value)
                    && value < before
                {
                    self.back.get_or_insert_with(|| (before, value, seen.clone()));
                }
            }
        }
    }
}
