//! What the probes of `ready` saw: one field per experiment, bounded, the evidence of every verdict.

use super::spec::{Real, Spec};
use super::table::NO_LEAK;
use crate::kind::{Call, Context, Leak, ProbeError, Says, Seen};
use crate::words::{Answered, Expect, Part};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

mod leaving;
mod outage;

pub(super) use leaving::Leaving;
pub(super) use outage::{Outage, Sample, Tally};

/// Everything that was seen over all rounds.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Observation {
    /// When the check began.
    #[serde(skip)]
    pub(super) origin: Option<Instant>,
    /// The clauses that were looked at.
    pub(super) asked: Vec<String>,
    /// Polls until the first ready one.
    pub(super) waiting: Polls,
    /// The first ready answer.
    pub(super) ready: Option<Poll>,
    /// A poll that began after the deadline was not ready.
    pub(super) overdue: bool,
    /// What was seen of the marker.
    pub(super) marker: Marker,
    /// The first real request after the first ready answer.
    pub(super) first: Option<Asked>,
    /// The real requests after it.
    pub(super) then: Vec<Asked>,
    /// Pairs of a poll and a real request, in order.
    pub(super) pairs: Vec<Pair>,
    /// Polls once ready.
    pub(super) steady: Polls,
    /// They went on for the whole time that was declared.
    pub(super) steady_to_the_end: bool,
    /// Replicas by the name that they give themselves.
    pub(super) replicas: BTreeMap<String, Replica>,
    /// Answers that named no replica.
    pub(super) nameless: u32,
    /// Why builds could not be compared, if so.
    pub(super) no_build: Option<String>,
    /// What any answer said, ready or not.
    pub(super) told: Told,
    /// Hard dependencies, lost and given back.
    pub(super) outages: Vec<Outage>,
    /// Soft ones.
    pub(super) soft: Vec<Outage>,
    /// Why no further dependency could be lost, if so.
    pub(super) no_more: Option<String>,
    /// The service after it was asked to end.
    pub(super) leaving: Option<Leaving>,
}

/// One answer to the probe's request.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Poll {
    /// The answer.
    pub(super) seen: Seen,
    /// It is the declared one.
    pub(super) ready: bool,
    /// What is missing in it, where the code is right.
    pub(super) missed: Option<(String, String)>,
}

/// Polls in order: all are counted, the telling ones kept.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Polls {
    /// How many.
    pub(super) count: u32,
    /// How many of them were not ready.
    pub(super) not_ready: u32,
    /// How many of those may be this machine's doing: a timeout while it stood still.
    pub(super) ours: u32,
    /// The first of those that were not ready.
    pub(super) first_bad: Option<Poll>,
    /// The last of those that were not ready.
    pub(super) last_bad: Option<Poll>,
    /// The last three, whatever they were.
    pub(super) last: Vec<Poll>,
}

/// What was seen of the marker.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Marker {
    /// Times it did not hold while the service was not ready: what the clause is about was seen.
    pub(super) awaited: u32,
    /// Times it held when the service was ready.
    pub(super) held: u32,
    /// Ready, and the marker read after it did not hold.
    pub(super) lie: Option<(Seen, Seen)>,
    /// Why it could not be read when the service was ready.
    pub(super) unreadable: Option<String>,
}

/// One real request.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Asked {
    /// The answer.
    pub(super) seen: Seen,
    /// It is as declared.
    pub(super) fine: bool,
    /// What is missing, where the code is right.
    pub(super) missed: Option<(String, String)>,
}

/// A poll, and a real request right after it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Pair {
    /// What the service said of itself.
    pub(super) ready: bool,
    /// What it then did.
    pub(super) real: Asked,
}

/// One replica.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Replica {
    /// Ready answers.
    pub(super) ready: u32,
    /// Others.
    pub(super) not_ready: u32,
    /// One of its answers; one that is not ready if there was one.
    pub(super) example: Seen,
    /// The builds that it named.
    pub(super) builds: BTreeSet<String>,
}

/// What any answer said: word against code, and what must not stand there.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Told {
    /// Answers that were searched.
    pub(super) searched: u32,
    /// Answers with a known word for the state.
    pub(super) spoke: u32,
    /// The first that contradicts itself, and how.
    pub(super) contradiction: Option<(Seen, String)>,
    /// The first that holds what it must not.
    pub(super) leak: Option<(Seen, Vec<Leak>)>,
}

impl Poll {
    /// Holds an answer against the spec.
    pub(super) fn of(spec: &Spec, call: &Call, cx: &Context, origin: Instant) -> Result<Self, ProbeError> {
        let seen = Seen::of(call, cx.stopwatch(), origin);
        let (ready, missed) = held(call, &seen, spec.b.expect.as_ref(), cx, |status| status == 200)?;
        Ok(Self { seen, ready, missed })
    }
}

impl Asked {
    /// Holds an answer to the real request against what is declared of it.
    pub(super) fn of(real: &Real, call: &Call, cx: &Context, origin: Instant) -> Result<Self, ProbeError> {
        let seen = Seen::of(call, cx.stopwatch(), origin);
        let (fine, missed) = held(call, &seen, real.expect.as_ref(), cx, |status| (200..300).contains(&status))?;
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
}

/// Whether a whole answer is the declared one; if its code is and something else is not, what was asked and what was there.
///
/// # Errors
/// If the expectation uses a captured value that is not there.
pub(super) fn held(
    call: &Call,
    seen: &Seen,
    expect: Option<&Expect>,
    cx: &Context,
    otherwise: impl Fn(u16) -> bool,
) -> Result<(bool, Option<(String, String)>), ProbeError> {
    let (Ok(answer), Some(status)) = (&call.answer, seen.answered()) else { return Ok((false, None)) };
    let code = match expect.and_then(Expect::declared_status) {
        Some(wanted) => wanted.value.fits(status),
        None => otherwise(status),
    };
    let Some(expect) = expect.filter(|_| code) else { return Ok((code, None)) };
    let misses = expect.judge(&Answered::of(answer), cx.values()).map_err(|e| ProbeError(e.to_string()))?;
    // The code is judged above, by the rule of this kind.
    let missed = misses.into_iter().find(|m| m.part != Part::Status).map(|m| (m.expected, m.observed));
    Ok((missed.is_none(), missed))
}

impl Polls {
    /// Counts a poll, and keeps it where it tells something.
    pub(super) fn add(&mut self, poll: Poll) {
        self.count = self.count.saturating_add(1);
        if !poll.ready {
            self.not_ready = self.not_ready.saturating_add(1);
            self.ours += u32::from(poll.seen.maybe_ours());
            self.first_bad.get_or_insert_with(|| poll.clone());
            self.last_bad = Some(poll.clone());
        }
        if self.last.len() == 3 {
            self.last.remove(0);
        }
        self.last.push(poll);
    }

    /// The last three, as people read them.
    pub(super) fn last_lines(&self) -> String {
        self.last.iter().map(|p| p.seen.line()).collect::<Vec<_>>().join("; ")
    }
}

impl Told {
    /// Searches one answer.
    pub(super) fn add(&mut self, seen: &Seen, cx: &Context, search: bool) {
        if seen.status.is_none() {
            return;
        }
        self.searched = self.searched.saturating_add(1);
        let leaks = if search && self.leak.is_none() { Leak::all(seen, cx.canaries()) } else { Vec::new() };
        if !leaks.is_empty() {
            self.leak = Some((seen.clone(), leaks));
        }
        let Some(status) = seen.answered() else { return };
        let says = Says::of(seen);
        self.spoke += u32::from(says != Says::Nothing);
        if self.contradiction.is_none() {
            self.contradiction = says.against(status).map(|observed| (seen.clone(), observed));
        }
    }
}

impl Observation {
    /// Searches one answer for words, and for leaks where that is asked.
    pub(super) fn note(&mut self, answer: &Seen, cx: &Context) {
        let search = self.asked.iter().any(|clause| clause == NO_LEAK.0);
        self.told.add(answer, cx, search);
    }

    /// When the check began; the first caller sets it.
    pub(super) fn origin(&mut self, cx: &Context) -> Instant {
        *self.origin.get_or_insert_with(|| cx.stopwatch().now())
    }
}
