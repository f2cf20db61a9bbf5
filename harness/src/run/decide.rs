//! Decides what readings mean: settled, look again, or try a control first. Pure; the nine rules of a verdict live here.
//!
//! The only place that knows how many samples are enough, how many bad ones are too many, what lies inside a guard band,
//! what is intermittent, and when this machine rather than the service is to blame.

use crate::kind::{Asked, Round, Scope};
use crate::model::{Case, ClauseId, ClauseOutcome, ClauseVerdict, Finding, Found, Impact, Origin, Reading, Unseen, Verdict, Want};
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::{sync::Arc, time::Duration};

/// Fresh samples that confusable evidence is escalated to, at most. A first look at a single one counts among them.
pub(crate) const FRESH: u32 = 60;
/// The bad sample at which confusable evidence is a broken contract.
pub(crate) const ENOUGH_BAD: u32 = 3;
/// Fresh samples where a time could not be told from its limit.
const FINER_SAMPLES: u32 = 20;
/// Poll step of a first look.
const STEP: Duration = Duration::from_millis(20);
/// Rounds of one check, the first look included. A kind that never delivers what it is asked for ends here.
const MOST_ROUNDS: u8 = 6;
/// How often a check begins anew because this machine stood still in the middle of it.
const MOST_RESTARTS: u8 = 2;
/// A single stall of this length could make a peer close a connection or a timeout fire; so could one of a twentieth of the look.
const STALL: Duration = Duration::from_millis(250);

/// What came before this decision.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    /// Rounds that were probed since the check began (or began anew).
    pub(crate) rounds: u8,
    /// How often it began anew after a stall.
    pub(crate) restarts: u8,
    /// What was counted of each case when it was first sent back for more.
    pub(crate) bases: BTreeMap<(ClauseId, Case), Base>,
    /// Controls that were tried.
    pub(crate) controls: Vec<(ClauseId, Control)>,
    /// Set when there will be no further look, and why.
    pub(crate) ended: Option<Ended>,
    /// The longest time that this machine stood still while it was looked at.
    pub(crate) stalled: Duration,
    /// How long it was looked at in all.
    pub(crate) looked: Duration,
    /// Whether a clause that is not permitted here is a trouble.
    pub(crate) deny_skips: bool,
}

/// The counts of a case when it was first sent back for more.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Base {
    of: u32,
    near: u32,
}

/// Why nothing more is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// All samples that there will be were taken: a poll over its declared time.
    Complete,
    /// The deadline of the check or of the run.
    OutOfTime,
    /// The run was interrupted.
    Cancelled,
    /// The harness itself failed, for this reason.
    Harness(String),
}

/// What a control showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Control {
    /// The good twin held and the bad one was caught: the probe can be trusted here and now.
    Sound,
    /// None can be made, or not in the time there is: the record of stalls alone decides.
    Unmade,
    /// This machine gets it wrong, in this way.
    Machine(String),
}

/// What happens next.
#[derive(Debug)]
pub(crate) enum Step {
    /// Nothing more is to be seen.
    Settled(Settled),
    /// Look again, at less and harder.
    Again(Round),
    /// This machine stood still: forget what was seen and look once more.
    Anew,
    /// Before this clause is blamed on the service: does its probe work here?
    Control(ClauseId),
}

/// A check, decided.
#[derive(Clone, Debug)]
pub(crate) struct Settled {
    /// The worst of its clauses.
    pub(crate) verdict: Verdict,
    /// Clause by clause, in the order asked.
    pub(crate) clauses: Vec<ClauseOutcome>,
    /// What no clause explains.
    pub(crate) reason: Option<String>,
}

impl History {
    /// Notes what was counted of the cases that the round sends back, the first time each is.
    pub(crate) fn sent_back(&mut self, round: &Round, seen: &[Reading]) {
        for key in round.focus.iter().flatten() {
            let found = seen.iter().find(|r| r.clause == key.0 && r.case == key.1).map(|r| &r.found);
            let base = match found {
                Some(Found::Counted { near, of, .. }) => Base { of: of.get(), near: *near },
                _ => Base { of: 0, near: 0 },
            };
            self.bases.entry(key.clone()).or_insert(base);
        }
    }

    /// The check begins anew: only what says something about this machine stays.
    pub(crate) fn begin_anew(&mut self) {
        *self = Self {
            restarts: self.restarts + 1,
            deny_skips: self.deny_skips,
            controls: std::mem::take(&mut self.controls),
            ..Self::default()
        };
    }

    fn may_look(&self) -> bool {
        self.ended.is_none() && self.rounds < MOST_ROUNDS
    }

    /// Whether a stall was long enough to have forged a timeout or a reset.
    fn is_tainted(&self) -> bool {
        self.stalled >= STALL && self.stalled >= self.looked / 20
    }
}

/// The clauses that are to be judged here, for a round.
pub(crate) fn wanted(asked: &[Asked]) -> Arc<BTreeSet<ClauseId>> {
    Arc::new(asked.iter().filter(|a| a.scope == Scope::Here).map(|a| a.clause).collect())
}

/// The first look.
pub(crate) fn first_round(asked: &[Asked]) -> Round {
    Round { number: 0, clauses: wanted(asked), focus: None, samples: None, enough_bad: ENOUGH_BAD, step: STEP }
}

/// Decides what follows from all that was seen so far.
pub(crate) fn next(asked: &[Asked], seen: &[Reading], history: &History) -> Step {
    let mut told = Told::default();
    for ask in asked {
        if let Scope::NotHere(why) = &ask.scope {
            told.unpermitted(outcome(ask, &Case::Borrowed(""), ClauseVerdict::NotJudged).because(why), history);
            continue;
        }
        let before = told.readings;
        for reading in seen.iter().filter(|r| r.clause == ask.clause) {
            told.readings += 1;
            weigh(ask, reading, history, &mut told);
        }
        if told.readings == before {
            let why = match &history.ended {
                Some(Ended::OutOfTime) => Unseen::Deadline.to_string(),
                Some(Ended::Cancelled) => Unseen::Cancelled.to_string(),
                Some(Ended::Harness(why)) => why.clone(),
                Some(Ended::Complete) | None => "it was asked for, and nothing of it was seen".to_owned(),
            };
            told.unsure(outcome(ask, &Case::Borrowed(""), ClauseVerdict::NotJudged).because(&why));
        }
    }
    if let Some(round) = told.again(asked, history) {
        return Step::Again(round);
    }
    if told.proofs == 0 && told.tainted && history.may_look() && history.restarts < MOST_RESTARTS && only_reads(asked) {
        return Step::Anew;
    }
    match told.control {
        Some(clause) => Step::Control(clause),
        None => Step::Settled(told.settle(history)),
    }
}

/// All that is known while the readings are gone through.
#[derive(Default)]
struct Told {
    clauses: Vec<ClauseOutcome>,
    readings: usize,
    proofs: usize,
    broken: bool,
    doubt: bool,
    unjudged: Option<String>,
    tainted: bool,
    denied: bool,
    again: BTreeSet<(ClauseId, Case)>,
    samples: u32,
    step: Option<Duration>,
    control: Option<ClauseId>,
}

impl Told {
    fn broken(&mut self, clause: ClauseOutcome) {
        self.broken = true;
        self.clauses.push(clause);
    }

    fn unsure(&mut self, clause: ClauseOutcome) {
        self.doubt = true;
        if clause.verdict == ClauseVerdict::NotJudged {
            self.unjudged = self.unjudged.take().or_else(|| clause.why.clone());
        }
        self.clauses.push(clause);
    }

    fn unpermitted(&mut self, clause: ClauseOutcome, history: &History) {
        self.denied |= history.deny_skips;
        self.clauses.push(clause);
    }

    fn look(&mut self, reading: &Reading, samples: u32, step: Option<Duration>) {
        self.again.insert((reading.clause, reading.case.clone()));
        self.samples = self.samples.max(samples);
        self.step = self.step.into_iter().chain(step).min();
    }

    fn again(&mut self, asked: &[Asked], history: &History) -> Option<Round> {
        if self.again.is_empty() {
            return None;
        }
        Some(Round {
            number: history.rounds,
            clauses: wanted(asked),
            focus: Some(std::mem::take(&mut self.again)),
            samples: NonZeroU32::new(self.samples),
            enough_bad: ENOUGH_BAD,
            step: self.step.unwrap_or(STEP),
        })
    }

    fn settle(self, history: &History) -> Settled {
        let judged = |c: &ClauseOutcome| matches!(c.verdict, ClauseVerdict::Held | ClauseVerdict::Broken | ClauseVerdict::Intermittent);
        let harness = match &history.ended {
            Some(Ended::Harness(why)) => Some(why.clone()),
            _ => None,
        };
        let (verdict, reason) = if self.broken {
            (Verdict::Fail, harness)
        } else if harness.is_some() {
            (Verdict::Error, harness)
        } else if self.doubt {
            (Verdict::Inconclusive, self.unjudged)
        } else if self.denied {
            (Verdict::Inconclusive, Some("a clause may not be judged here, and skips are denied".to_owned()))
        } else if let (true, Some(cut)) = (self.clauses.iter().any(judged), cut_short(history)) {
            // What was seen held, and there was more to see: half of the samples, half of the span.
            (Verdict::Inconclusive, Some(cut.to_owned()))
        } else if self.clauses.iter().any(judged) {
            (Verdict::Pass, None)
        } else {
            // Nothing was judged and nothing is in doubt: no clause is permitted here, or due.
            match self.clauses.first().and_then(|c| c.why.clone()) {
                Some(why) if history.deny_skips => (Verdict::Inconclusive, Some(why)),
                Some(why) => (Verdict::Skip, Some(why)),
                None => (Verdict::Inconclusive, Some("it asks for no clause, so nothing was judged".to_owned())),
            }
        };
        Settled { verdict, clauses: self.clauses, reason }
    }
}

/// Why the last look was not carried to its end, if it was not.
fn cut_short(history: &History) -> Option<&'static str> {
    match &history.ended {
        Some(Ended::OutOfTime) => Some("all that was seen held, and the deadline came before everything was looked at"),
        Some(Ended::Cancelled) => Some("all that was seen held, and the run was interrupted before everything was looked at"),
        Some(Ended::Complete | Ended::Harness(_)) | None => None,
    }
}

/// Weighs one reading of a clause that may be judged here.
fn weigh(ask: &Asked, reading: &Reading, history: &History, told: &mut Told) {
    let say = |verdict| outcome(ask, &reading.case, verdict);
    match &reading.found {
        Found::Held { n } => told.clauses.push(say(ClauseVerdict::Held).counted(0, n.get())),
        Found::Proof(finding) => {
            told.proofs += 1;
            told.broken(say(ClauseVerdict::Broken).counted(1, 1).showing(ask, finding));
        }
        Found::Counted { bad, near, of, worst, repeatable } => {
            let counts = Counts { bad: *bad, near: *near, of: of.get(), repeatable: *repeatable };
            count(ask, reading, counts, worst, history, told);
        }
        Found::Unsure { why, wants } => match wants {
            Some(want) if history.may_look() => match want {
                Want::Samples(n) => told.look(reading, n.get().min(FRESH), None),
                Want::Finer(step) => told.look(reading, FINER_SAMPLES, Some(*step)),
            },
            _ => told.unsure(say(ClauseVerdict::Unsure).because(why)),
        },
        Found::Unseen { why: why @ Unseen::NotPermitted(_) } => {
            told.unpermitted(say(ClauseVerdict::NotJudged).because(&why.to_string()), history);
        }
        // Told, and no more than that: nothing was skipped, and nothing is in doubt.
        Found::Unseen { why: why @ Unseen::NotDue(_) } => told.clauses.push(say(ClauseVerdict::NotJudged).because(&why.to_string())),
        Found::Unseen { why } => told.unsure(say(ClauseVerdict::NotJudged).because(&why.to_string())),
    }
}

#[derive(Clone, Copy)]
struct Counts {
    bad: u32,
    near: u32,
    of: u32,
    repeatable: bool,
}

/// Confusable evidence: a timeout, a reset, a 5xx, a time over its limit.
fn count(ask: &Asked, reading: &Reading, c: Counts, worst: &Finding, history: &History, told: &mut Told) {
    let base = history.bases.get(&(reading.clause, reading.case.clone())).copied();
    let fresh = base.map_or(0, |b| c.of.saturating_sub(b.of));
    let say = |verdict| outcome(ask, &reading.case, verdict).counted(c.bad, c.of);
    let doubt = |why: &str| say(ClauseVerdict::Unsure).because(why).showing(ask, worst);
    if let (true, Some(Ended::Harness(why))) = (c.bad > 0, &history.ended) {
        return told.unsure(doubt(&format!("the harness failed, so nothing is blamed on the service: {why}")));
    }
    if c.bad >= ENOUGH_BAD || (c.bad > 0 && !c.repeatable) {
        return blame(ask, reading, c, worst, history, told);
    }
    if c.bad > 0 {
        let wanted = FRESH - u32::from(base.map_or(c.of, |b| b.of) == 1);
        if history.may_look() && fresh < wanted {
            return told.look(reading, wanted - fresh, None);
        }
        if history.is_tainted() {
            told.tainted = true;
            return told.unsure(doubt(&stood_still(history)));
        }
        if fresh >= wanted || history.ended == Some(Ended::Complete) {
            let why = format!("intermittent ({} of {})", c.bad, c.of);
            return told.unsure(say(ClauseVerdict::Intermittent).because(&why).showing(ask, worst));
        }
        let why = format!("{} of {} bad, and no time was left to see whether it is so more often", c.bad, c.of);
        return told.unsure(doubt(&why));
    }
    // None is bad; some times could not be told from their limit. Each must be replaced by one that can.
    let (near, replaced) = base.map_or((c.near, false), |b| {
        let near = c.near.saturating_sub(b.near);
        (near, near == 0 && fresh >= b.near.max(1))
    });
    if c.near == 0 || replaced {
        return told.clauses.push(say(ClauseVerdict::Held).counted(0, c.of - c.near));
    }
    if c.repeatable && history.may_look() {
        return told.look(reading, FINER_SAMPLES.max(near), Some(STEP / 4));
    }
    told.unsure(doubt("the limit lies inside the measured interval: this machine cannot tell them apart"));
}

/// Enough is bad. Whose fault is it?
fn blame(ask: &Asked, reading: &Reading, c: Counts, worst: &Finding, history: &History, told: &mut Told) {
    let say = |verdict| outcome(ask, &reading.case, verdict).counted(c.bad, c.of);
    if history.is_tainted() {
        // What may be sent once only is not looked at anew either.
        told.tainted |= c.repeatable;
        return told.unsure(say(ClauseVerdict::Unsure).because(&stood_still(history)).showing(ask, worst));
    }
    match history.controls.iter().find(|(clause, _)| *clause == ask.clause) {
        None => told.control = told.control.or(Some(ask.clause)),
        Some((_, Control::Machine(how))) => {
            let why = format!("this machine, not the service: {how}");
            told.unsure(say(ClauseVerdict::Unsure).because(&why).showing(ask, worst));
        }
        Some((_, Control::Sound | Control::Unmade)) => {
            let clause = say(ClauseVerdict::Broken).showing(ask, worst);
            told.broken(match c.bad < ENOUGH_BAD {
                true => clause.because("seen once, not repeated: the request is not marked `repeatable`"),
                false => clause,
            });
        }
    }
}

fn stood_still(history: &History) -> String {
    let long = crate::model::quantity::show_duration(history.stalled);
    format!("this machine stood still for {long} while it was looked at, so nothing is blamed on the service")
}

fn only_reads(asked: &[Asked]) -> bool {
    asked.iter().all(|a| a.impact == Impact::Read || a.scope != Scope::Here)
}

fn outcome(ask: &Asked, case: &Case, verdict: ClauseVerdict) -> ClauseOutcome {
    ClauseOutcome {
        clause: ask.clause.0.to_owned(),
        case: case.clone().into_owned(),
        verdict,
        observations: 0,
        bad: 0,
        why: None,
        finding: None,
    }
}

trait Say: Sized {
    fn counted(self, bad: u32, of: u32) -> Self;
    fn because(self, why: &str) -> Self;
    fn showing(self, ask: &Asked, finding: &Finding) -> Self;
}

impl Say for ClauseOutcome {
    fn counted(self, bad: u32, of: u32) -> Self {
        Self { bad, observations: of, ..self }
    }

    fn because(self, why: &str) -> Self {
        Self { why: Some(why.to_owned()), ..self }
    }

    fn showing(self, ask: &Asked, finding: &Finding) -> Self {
        let mut finding = finding.clone();
        let at = finding.at.unwrap_or(ask.origin.at);
        finding.place = Some(Origin { source: ask.origin.source.clone(), at }.place());
        if self.observations > 1 {
            finding.details.push(("counted".to_owned(), format!("{} of {} bad", self.bad, self.observations)));
        }
        Self { finding: Some(finding), ..self }
    }
}

#[cfg(test)]
mod tests;
