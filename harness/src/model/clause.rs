//! A clause: the smallest promise that is judged on its own, under a stable id.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The stable name of a clause, for example `health/fast`. Public API: reports, docs and baselines refer to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct ClauseId(pub &'static str);

impl fmt::Display for ClauseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0)
    }
}

/// What a check may do to its target. Ordered: a later one includes the earlier ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Impact {
    /// Only looks: GET, HEAD, OPTIONS.
    #[default]
    Read,
    /// Changes state as an ordinary caller would.
    Write,
    /// Sends much at once; runs alone on its target.
    Load,
    /// Breaks something; runs alone on its stand.
    Disrupt,
}

impl fmt::Display for Impact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Load => "load",
            Self::Disrupt => "disrupt",
        })
    }
}

/// What can be done to a dependency or a part, by name. How it is done belongs to the stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// Connections are refused.
    Refuse,
    /// Connections are accepted and nothing answers; living ones fall silent.
    Blackhole,
    /// New connections get no answer to their SYN; living ones fall silent.
    Swallow,
    /// Every byte is late.
    Slow,
    /// Connections are reset.
    Reset,
    /// The process is stopped (SIGSTOP).
    Pause,
    /// The process is ended (SIGKILL).
    Kill,
    /// The process is ended and started again.
    Restart,
    /// The process is asked to end (SIGTERM).
    Terminate,
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Refuse => "refuse",
            Self::Blackhole => "blackhole",
            Self::Swallow => "swallow",
            Self::Slow => "slow",
            Self::Reset => "reset",
            Self::Pause => "pause",
            Self::Kill => "kill",
            Self::Restart => "restart",
            Self::Terminate => "terminate",
        })
    }
}

/// What makes a check ask for a clause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Declared {
    /// Judged in every check of its kind.
    Always,
    /// Judged when this key stands in the check's spec. A dot goes one level down: `expect.json`.
    Key(&'static str),
    /// Judged when `promises` names it.
    Promise,
}

/// One row of the table that ties key, clause, impact and sentence together.
/// Schema, pages, `render`, `explain` and the plan are all made from it.
#[derive(Clone, Copy, Debug)]
pub struct Clause {
    /// Its stable id.
    pub id: ClauseId,
    /// What makes a check ask for it.
    pub declared: Declared,
    /// The least impact it has. The kind may raise it for one check (a POST is a write).
    pub impact: Impact,
    /// The faults it needs a stand to inject; empty: it needs none.
    pub faults: &'static [FaultKind],
    /// What it asserts, one sentence without a full stop, as screen and pages show it.
    pub sentence: &'static str,
    /// What it means when it fails and how it is decided: a short paragraph for `explain`.
    pub about: &'static str,
}
