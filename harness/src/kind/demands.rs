//! What a check asks for and does, told from its spec alone.

use crate::model::{ClauseId, FaultKind, Impact, Origin};
use std::time::Duration;

/// What the plan needs to know of a check before anything is sent.
#[derive(Clone, Debug, Default)]
pub struct Demands {
    /// What its ordinary requests do to the target; each clause has at least this impact.
    pub impact: Impact,
    /// Clauses whose impact this spec raises above the table's.
    pub raised: Vec<(ClauseId, Impact)>,
    /// Faults by clause: which dependency, which fault. A clause is not judged where one of them cannot be had.
    pub faults: Vec<(ClauseId, String, FaultKind)>,
    /// The longest that the declared durations add up to; the default timeout is never below it.
    pub longest: Duration,
    /// What it takes to be certain that it is broken: three calls that are waited for to their end. A timeout that is not given is
    /// never below it; one that is given may be, and then a slow service is told as one that could not be judged in time.
    pub certain: Duration,
    /// Connections that it holds side by side for so long. Where the environment allows fewer they take turns, and both times are as many
    /// times as long. Default: it does not matter.
    pub at_once: usize,
    /// Requests that it sends where all is well, about. Where the environment sets `limits.rate`, a timeout that is not given is as much
    /// longer as these have to wait for each other. Default: so few that it does not matter.
    pub requests: u32,
    /// Requests that go over HTTP/1.1 only and leave the version to their target: where. A target that speaks HTTP/2 is a mistake then.
    pub http1: Vec<crate::model::At>,
    /// Bytes of request bodies without which nothing is known: where the environment allows fewer, nothing is judged.
    pub uploads: u64,
    /// Whether its request may be sent once only: a method that changes something, not marked `repeatable`. Such a one is not polled.
    pub sent_once: bool,
    /// Whether one look is one shot (`http`, `command`): only those take `eventually` and `consistently`.
    pub single_shot: bool,
    /// Whether it starts programs on this machine: nothing of it is judged where the environment does not say `allows-exec`.
    pub starts_programs: bool,
    /// Captures that the spec uses: they must come from a check that this one needs, or from itself.
    pub uses: Vec<(String, crate::model::At)>,
    /// Captures that the spec gives.
    pub gives: Vec<String>,
    /// Absolute URLs in the spec: their hosts are held against the environment's `hosts` too.
    pub hosts: Vec<String>,
    /// Sample and schema files that it reads, for lint.
    pub files: Vec<(String, crate::model::At)>,
    /// Where it has many connections open at once. None: no more than a few.
    pub crowds: Vec<Crowd>,
    /// Clauses of which this spec leaves nothing to judge, and why: to promise one is a mistake.
    pub pointless: Vec<(ClauseId, &'static str)>,
    /// Mistakes that only the whole spec shows: `steady-for` above `within`, … Each with its place and the way out.
    pub mistakes: Vec<Mistake>,
}

/// Connections that a check has open at the same time: each is an open file of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crowd {
    /// The clause that needs them: where it is not judged, nobody opens them.
    pub clause: ClauseId,
    /// How many at most.
    pub connections: u32,
    /// The key that asks for them.
    pub key: &'static str,
    /// Where it stands.
    pub at: crate::model::At,
}

/// A mistake in a spec that is well typed.
#[derive(Clone, Debug)]
pub struct Mistake {
    /// Where.
    pub at: crate::model::At,
    /// What is wrong.
    pub what: String,
    /// The way out.
    pub help: String,
}

/// One clause that a check asks for, and the place that asked.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The clause.
    pub clause: ClauseId,
    /// The key, the entry of `promises`, or the kind's key for an *always* clause.
    pub origin: Origin,
    /// Whether it is judged in every check of its kind.
    pub always: bool,
    /// Its impact in this check: the table's, the request's, whichever is higher.
    pub impact: Impact,
    /// Whether it may be judged here, and if not, why.
    pub scope: Scope,
}

/// Whether a clause may be judged in this environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// It may.
    Here,
    /// It may not, for this reason; it is listed as not judged.
    NotHere(String),
}
