//! What the probes of `health` saw: one field per experiment, bounded, the evidence of every verdict.

use super::spec::Spec;
use super::table::NO_LEAK;
use crate::kind::{Call, Context, Leak, ProbeError, Says, Seen, Weight};
use crate::model::Interval;
use crate::words::{Answered, Expect, Miss, Part, Status};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Everything that was seen over all rounds.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Observation {
    /// When the check began.
    #[serde(skip)]
    pub(super) origin: Option<Instant>,
    /// The clauses that were looked at.
    pub(super) asked: Vec<String>,
    /// Answers to the plain request, each on a fresh connection.
    pub(super) plain: Looks,
    /// Answers to the variants of `health/open`, by case.
    pub(super) variants: BTreeMap<String, Vec<Look>>,
    /// Answers to conditional requests.
    pub(super) conditional: Vec<Look>,
    /// Answers to HEAD.
    pub(super) head: Vec<Look>,
    /// What came while slow requests were held.
    pub(super) load: Load,
    /// Gauges before, between and after the blocks of probes.
    pub(super) growth: Growth,
    /// What came while dependencies were lost.
    pub(super) outages: Vec<Outage>,
    /// Why no further dependency could be lost, if so.
    pub(super) no_more: Option<String>,
}

/// One answer, held against the spec.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Look {
    /// The answer.
    pub(super) seen: Seen,
    /// The code is the declared one, of a whole answer.
    pub(super) right: bool,
    /// What `expect` asks beside the code and did not get.
    pub(super) missed: Vec<Miss>,
    /// What must not stand there.
    pub(super) leaks: Vec<Leak>,
}

/// Answers to one and the same request. Past [`Looks::KEPT`] the good ones are only counted.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Looks {
    /// The answers, in order.
    pub(super) kept: Vec<Look>,
    /// Good answers that were counted and not kept.
    pub(super) more: u32,
    /// Times of all whole answers, at most [`Looks::TIMES`].
    pub(super) times: Vec<Interval>,
}

/// What came while slow requests were held.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Load {
    /// Answers during which all slow requests were in flight.
    pub(super) kept: Vec<Look>,
    /// Answers that prove nothing, because a slow request ended too early.
    pub(super) void: u32,
    /// How long the slow request takes by itself.
    pub(super) hold: Option<Interval>,
    /// How many were held at once.
    pub(super) held: u32,
    /// Why nothing could be held, if so.
    pub(super) why: Option<String>,
}

/// Gauges before, between and after the blocks of probes.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Growth {
    /// One per gauge.
    pub(super) gauges: Vec<Gauge>,
    /// Probes in a block.
    pub(super) probes: u32,
    /// Why nothing can be said, if so.
    pub(super) why: Option<String>,
}

/// What came while one dependency was lost in one way.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Outage {
    /// `db/blackhole`.
    pub(super) case: String,
    /// When the fault was in force for sure, since the check began.
    pub(super) from: Interval,
    /// How long it was in force when the last answer was there.
    pub(super) lasted: Interval,
    /// Answers meanwhile: all that are not good, and the first of those that are.
    pub(super) kept: Vec<Look>,
    /// Good answers that were counted and not kept.
    pub(super) more: u32,
    /// It lasted as long as it should.
    pub(super) is_whole: bool,
}

/// One gauge over the blocks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Gauge {
    /// Its name.
    pub(super) name: String,
    /// Its value before the first block and after each; the lowest that it settled at.
    pub(super) values: Vec<f64>,
}

impl Look {
    /// Holds an answer against the spec; searches it for leaks where that is asked.
    ///
    /// # Errors
    /// If the spec uses a captured value that is not there.
    pub(super) fn of(spec: &Spec, call: &Call, cx: &Context, origin: Instant, search: bool) -> Result<Self, ProbeError> {
        let seen = Seen::of(call, cx.stopwatch(), origin);
        let right = seen.answered().is_some_and(|status| declared(spec).fits(status));
        let missed = match (&call.answer, &spec.b.expect) {
            (Ok(answer), Some(expect)) if right => {
                let misses = expect.judge(&Answered::of(answer), cx.values()).map_err(|e| ProbeError(e.to_string()))?;
                // The code is judged above, by the rule of this kind.
                misses.into_iter().filter(|m| m.part != Part::Status).take(16).collect()
            }
            _ => Vec::new(),
        };
        let leaks = if search { Leak::all(&seen, cx.canaries()) } else { Vec::new() };
        Ok(Self { seen, right, missed, leaks })
    }

    /// Nothing that any clause would mind, as far as one answer by itself shows.
    fn plainly_good(&self) -> bool {
        self.right && self.missed.is_empty() && self.leaks.is_empty()
    }

    /// What is said of the state.
    pub(super) fn says(&self) -> Says {
        Says::of(&self.seen)
    }

    /// Not the declared code, and noise could be the reason.
    pub(super) fn confusable(&self) -> bool {
        !self.right && self.seen.weight() == Weight::Confusable
    }
}

/// The declared code: exactly 200 where `expect.status` says nothing.
pub(super) fn declared(spec: &Spec) -> Status {
    spec.b.expect.as_ref().and_then(Expect::declared_status).map_or_else(|| Status::exactly(200), |status| status.value.clone())
}

impl Looks {
    /// Answers that are kept, good ones included.
    const KEPT: usize = 128;
    /// Answers that are kept at the very most.
    const MOST: usize = 512;
    /// Times that are kept.
    const TIMES: usize = 4096;

    pub(super) fn add(&mut self, look: Look) {
        if look.seen.whole() && self.times.len() < Self::TIMES {
            self.times.push(look.seen.took);
        }
        let slowest = self.kept.iter().map(|l| l.seen.took.lo).max().unwrap_or_default();
        let keep = self.kept.len() < Self::KEPT || !look.plainly_good() || look.seen.took.lo > slowest;
        if keep && self.kept.len() < Self::MOST {
            self.kept.push(look);
        } else {
            self.more = self.more.saturating_add(1);
        }
    }

    /// How many answers, or troubles in their place.
    pub(super) fn count(&self) -> usize {
        self.kept.len() + self.more as usize
    }

    /// How many whole answers.
    pub(super) fn whole(&self) -> usize {
        self.kept.iter().filter(|l| l.seen.whole()).count() + self.more as usize
    }
}

impl Outage {
    /// Good answers that are kept: enough to see what they were like.
    const KEPT: usize = 16;
    /// Answers that are kept at the very most.
    const MOST: usize = 256;

    pub(super) fn add(&mut self, look: Look, limit: Option<Duration>) {
        let is_slow = limit.is_some_and(|limit| look.seen.took.hi > limit);
        let is_odd = is_slow || !look.plainly_good() || look.seen.status.is_some_and(|status| look.says().against(status).is_some());
        if (self.kept.len() < Self::KEPT || is_odd) && self.kept.len() < Self::MOST {
            self.kept.push(look);
        } else {
            self.more = self.more.saturating_add(1);
        }
    }

    /// How many answers, or troubles in their place.
    pub(super) fn count(&self) -> usize {
        self.kept.len() + self.more as usize
    }
}

impl Observation {
    /// When the check began; the first caller sets it.
    pub(super) fn origin(&mut self, cx: &Context) -> Instant {
        *self.origin.get_or_insert_with(|| cx.stopwatch().now())
    }

    /// Whether leaks are searched for: not for nothing, since it costs more than the rest of a look.
    pub(super) fn searches(&self) -> bool {
        self.asked.iter().any(|clause| clause == NO_LEAK.0)
    }

    /// Every answer of every experiment, for the clauses that hold in every state.
    pub(super) fn all(&self) -> impl Iterator<Item = &Look> {
        let variants = self.variants.values().flatten();
        self.plain
            .kept
            .iter()
            .chain(variants)
            .chain(&self.conditional)
            .chain(&self.head)
            .chain(&self.load.kept)
            .chain(self.outages.iter().flat_map(|o| &o.kept))
    }
}
