//! One check of a suite, typed, with the places that asked for everything it asks.

use crate::checks::Kind;
use crate::kind::Demands;
use crate::model::{CheckId, ClauseId, Impact, Origin, Severity};
use crate::reader::Node;
use crate::words::{Expect, Request};
use std::{sync::Arc, time::Duration};

/// One check, after selection, `for-each`, substitution and typing.
#[derive(Debug)]
pub struct Check {
    /// Suite and name; unique in a run.
    pub id: CheckId,
    /// Where its `name` stands.
    pub origin: Origin,
    /// Its kind with its spec.
    pub kind: Kind,
    /// The clauses that it asks for, in the order of the kind's table: *always* ones, keys, `promises`.
    pub clauses: Vec<(ClauseId, Origin, Always)>,
    /// Name of the target to which its relative URLs belong.
    pub target: Arc<str>,
    /// Until it passes, nothing else on its target runs, in any suite.
    pub gate: bool,
    /// Names of checks of the same suite that must pass first.
    pub needs: Vec<(Arc<str>, Origin)>,
    /// Words for selection.
    pub tags: Vec<Arc<str>>,
    /// Hard deadline of the whole check, if the suite gives one.
    pub timeout: Option<Duration>,
    /// Poll until all expectations hold.
    pub eventually: Option<Eventually>,
    /// Must hold at every poll for this long.
    pub consistently: Option<Duration>,
    /// Raises what it does to the target.
    pub impact: Option<Impact>,
    /// Whether it decides the exit code.
    pub severity: Severity,
    /// Requests that run on every way out once their captures exist.
    pub cleanup: Vec<Request>,
    /// Why it matters.
    pub about: Option<Arc<str>>,
    /// Link for the person on call.
    pub runbook: Option<Arc<str>>,
    /// What the plan is made from, beside the above.
    pub planning: Planning,
}

/// What a plan needs to know of a check, and the run no longer does.
#[derive(Debug, Default)]
pub struct Planning {
    /// What its spec needs and does.
    pub demands: Demands,
    /// What its declared durations add up to, polling included. A given `timeout` is never below it.
    pub longest: Duration,
    /// Where `target` stands, or the kind's key.
    pub(crate) target_at: Option<Origin>,
    /// Key and value of the kind, and the other keys, as they are with values and defaults put in; kept only to be shown.
    pub(crate) resolved: Option<Box<(Node, Node, Node)>>,
}

/// Whether a clause is judged in every check of its kind.
pub type Always = bool;

/// `eventually`: what is promised to become true, its deadline, and the state that ends it at once.
#[derive(Debug)]
pub struct Eventually {
    /// Deadline of the polling.
    pub within: Duration,
    /// Time between polls; `None`: max(50 ms, elapsed/40), at most 1 s.
    pub every: Option<Duration>,
    /// When this holds, the check has failed and polling ends.
    pub fails_on: Option<Expect>,
}
