//! What happened in a run, in order: the one stream from which every report is made.
//! Events know no colours, no formats and no status levels.

use super::{CheckId, Outcome, Verdict};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// One event. Serialised one a line into the JSONL report, masked.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// The plan is made and nothing has been sent yet.
    RunStarted(Box<RunInfo>),
    /// A check begins to probe. Blocked and skipped checks never start, they only finish.
    CheckStarted {
        /// Which.
        check: CheckId,
        /// When, RFC 3339 UTC.
        at: jiff::Timestamp,
    },
    /// A check is decided.
    CheckFinished(Box<Outcome>),
    /// Something the harness noticed about itself or the stand: a stall, a default report that cannot be written.
    Noticed {
        /// What, one sentence.
        what: String,
    },
    /// The run is over; everything was undone, or `left` names what was not.
    RunFinished(RunEnd),
}

/// What is known when a run starts.
#[derive(Clone, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RunInfo {
    /// Unique id of the run.
    pub run: String,
    /// Version of the harness.
    pub version: String,
    /// When, RFC 3339 UTC.
    #[schemars(with = "String")]
    pub at: jiff::Timestamp,
    /// Name of the environment; empty without one.
    pub environment: String,
    /// What the run is aimed at, for the head line: `embedded reference-service`, or the targets' hosts.
    pub aimed_at: String,
    /// Names of the suites, in the order in which they were read.
    pub suites: Vec<SuiteInfo>,
    /// Every check of the plan, in the order of the suites.
    pub checks: Vec<CheckId>,
    /// Target name to base URL, secrets masked.
    pub targets: Vec<(String, String)>,
    /// Things that every report must say: `insecure` targets, limits that were lowered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Which part of the checks this is, where a run was split (`--shard 1/3`). Absent: all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<ShardInfo>,
    /// How many required checks that are not skipped stand in other shards and not in this one. Where there are some, a shard
    /// that judges nothing says nothing about the whole.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub elsewhere: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_zero(n: &u32) -> bool {
    *n == 0
}

/// One part of a run that was split over machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ShardInfo {
    /// Which, from 1.
    pub part: u32,
    /// Of how many.
    pub of: u32,
}

impl std::fmt::Display for ShardInfo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.part, self.of)
    }
}

/// One suite of a run.
#[derive(Clone, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct SuiteInfo {
    /// Its name.
    pub name: String,
    /// The file, as the user named it.
    pub file: String,
    /// Guard against a suite that quietly shrank: how many clauses must be judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect_clauses: Option<u32>,
    /// What stands on a command line that runs one of its checks again as this run did, beside file and filter: environment,
    /// files, and the variables that were given and that it uses. Of a secret only the name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub again: Vec<String>,
}

/// How a run ended.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RunEnd {
    /// From the first probe to the last undo.
    pub took: Duration,
    /// The signal that interrupted it: `SIGINT`, `SIGTERM` or `SIGHUP`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interrupted: Option<String>,
    /// Whether the run's own deadline ended it.
    #[serde(default)]
    pub out_of_time: bool,
    /// What could not be undone in its budget, by name. Not empty means exit 3.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left: Vec<String>,
    /// Suites in which fewer clauses were judged than `expect-clauses` says, each with a sentence.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shrunk: Vec<String>,
}

/// How many checks ended how. Advisory checks that did not pass are counted apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Counts {
    /// Required or advisory, passed.
    pub passed: u32,
    /// Required, failed.
    pub failed: u32,
    /// Required, inconclusive.
    pub unsure: u32,
    /// Required, error.
    pub errors: u32,
    /// Required, blocked.
    pub blocked: u32,
    /// Skipped.
    pub skipped: u32,
    /// Advisory and not passed.
    pub advisory: u32,
    /// Required and passed: at least one is needed for exit 0.
    pub required_passed: u32,
}

impl Counts {
    /// Counts one outcome.
    pub fn add(&mut self, outcome: &Outcome) {
        let advisory = outcome.severity == super::Severity::Advisory;
        let slot = match outcome.verdict {
            Verdict::Pass => {
                self.required_passed += u32::from(!advisory);
                &mut self.passed
            }
            Verdict::Skip => &mut self.skipped,
            _ if advisory => &mut self.advisory,
            Verdict::Fail => &mut self.failed,
            Verdict::Inconclusive => &mut self.unsure,
            Verdict::Error => &mut self.errors,
            Verdict::Blocked => &mut self.blocked,
        };
        *slot += 1;
    }
}
