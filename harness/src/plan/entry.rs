//! The plan itself, and one check in it.

use crate::kind::{Asked, Target};
use crate::model::event::{ShardInfo, SuiteInfo};
use crate::model::{Redactor, Size};
use crate::suite::{Check, Provision};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// Everything that a run needs to know.
#[derive(Debug)]
pub struct Plan {
    /// Name of the environment; empty without one.
    pub environment: String,
    /// What the run is aimed at, for the head line.
    pub aimed_at: String,
    /// The suites, in the order in which they were read.
    pub suites: Vec<SuiteInfo>,
    /// The targets by name; those that `provision` gives get their address when they are started.
    pub targets: BTreeMap<Arc<str>, Arc<Target>>,
    /// What is to be started first, if anything.
    pub provision: Option<Provision>,
    /// Client-side caps: requests a second, uploaded bytes in all, open connections.
    pub limits: Limits,
    /// Every selected check, in the order of the suites; `needs` point to earlier or later entries, never in a circle.
    pub entries: Vec<Entry>,
    /// Which part of the checks this is, if the run is split over machines.
    pub shard: Option<ShardInfo>,
    /// How many required checks that are not skipped are in other parts and not in this one.
    pub elsewhere: u32,
    /// Whether a check or clause that is not permitted here makes the run inconclusive.
    pub deny_skips: bool,
    /// Whether intermittent findings are advisory (`intermittent: report`).
    pub intermittent_is_advisory: bool,
    /// Deadline of the whole run, if any.
    pub deadline: Option<Duration>,
    /// Most checks at once.
    pub jobs: usize,
    /// Stop starting checks after the first required one that fails.
    pub fail_fast: bool,
    /// Things that every report must say: `insecure` targets, …
    pub warnings: Vec<String>,
    /// Knows every secret of the run.
    pub redactor: Arc<Redactor>,
}

/// What the harness may do to the targets of a run, in all.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Requests a second.
    pub rate: Option<crate::model::Rate>,
    /// Bytes of request bodies, in all.
    pub upload: Option<Size>,
    /// Open connections at once.
    pub connections: usize,
}

/// One check in the plan.
#[derive(Debug)]
pub struct Entry {
    /// The check.
    pub check: Arc<Check>,
    /// Why it will not run here, if so: skip, with the reason.
    pub skip: Option<String>,
    /// Its clauses, with impact and whether they may be judged here.
    pub asked: Vec<Asked>,
    /// Indices of the entries that must pass first (`needs`).
    pub needs: Vec<usize>,
    /// Indices of the gates that must pass first.
    pub gates: Vec<usize>,
    /// What it must not share.
    pub alone: Alone,
    /// Hard deadline of the whole check: given, or what its durations need, at least 30 s.
    pub timeout: Duration,
}

/// What a check must have for itself while it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Alone {
    /// Nothing: it runs beside others.
    No,
    /// Its target: it loads it.
    OnTarget,
    /// Its stand: it breaks it.
    OnStand,
}
