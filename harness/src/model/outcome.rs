//! The result of one check: its verdict, clause by clause, with findings and measurements.

use super::{Finding, Interval, Place, Severity, Verdict};
use serde::{Deserialize, Serialize};
use std::{fmt, sync::Arc, time::Duration};

/// Which check: suite and name. Unique in a run, stable over runs.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
pub struct CheckId {
    /// Name of the suite.
    pub suite: Arc<str>,
    /// Name of the check, rendered with its `for-each` variables.
    pub name: Arc<str>,
}

impl fmt::Display for CheckId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.suite, self.name)
    }
}

/// What is said of one clause of one check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ClauseVerdict {
    /// Held in all observations.
    Held,
    /// Broken.
    Broken,
    /// One or two bad in all samples: told loudly, neither pass nor fail.
    Intermittent,
    /// Could not be told.
    Unsure,
    /// Asked for, and not judged: deadline, not permitted here, nothing to judge.
    NotJudged,
}

/// One clause (and case) of one check, as it was decided.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ClauseOutcome {
    /// Stable id, for example `health/fast`.
    pub clause: String,
    /// The case within it, empty where there is only one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub case: String,
    /// What is said of it.
    pub verdict: ClauseVerdict,
    /// How many observations it rests on.
    pub observations: u32,
    /// How many of them were bad.
    #[serde(default)]
    pub bad: u32,
    /// Why, where the verdict is unsure or not judged, or what limits a broken one ("seen once, not repeated").
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The evidence, where it is broken, intermittent or unsure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finding: Option<Finding>,
}

/// A number that a check measured, for graphs and budgets. Never decides by itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Measurement {
    /// Name, for example `time_to_ready`.
    pub name: String,
    /// Unit: `s`, `B`, `1/s`, `1`.
    pub unit: String,
    /// How many samples.
    pub n: u32,
    /// Median.
    pub p50: f64,
    /// 95th percentile, nearest rank.
    pub p95: f64,
    /// 99th percentile, nearest rank.
    pub p99: f64,
    /// Largest.
    pub max: f64,
}

impl Measurement {
    /// The times of a set of calls in seconds, by their upper ends. `None` of no samples.
    #[must_use]
    pub fn of_times(name: &str, times: &[Interval]) -> Option<Self> {
        let mut v: Vec<f64> = times.iter().map(|t| t.hi.as_secs_f64()).collect();
        v.sort_by(f64::total_cmp);
        let rank = |q: f64| v.get(((q * v.len() as f64).ceil() as usize).saturating_sub(1)).copied();
        Some(Self {
            name: name.to_owned(),
            unit: "s".to_owned(),
            n: u32::try_from(v.len()).unwrap_or(u32::MAX),
            p50: rank(0.5)?,
            p95: rank(0.95)?,
            p99: rank(0.99)?,
            max: *v.last()?,
        })
    }
}

/// The result of one check.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Outcome {
    /// Which check.
    pub check: CheckId,
    /// Its kind, for example `health`.
    pub kind: String,
    /// The verdict.
    pub verdict: Verdict,
    /// Whether it decides the exit code.
    pub severity: Severity,
    /// Where the check stands in its suite.
    pub place: Place,
    /// For blocked, skip, error, and an inconclusive one that no clause explains: the reason in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// For blocked: the check at the root of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<CheckId>,
    /// One line of what was seen, for the screen: `5 connections, slowest 3 ms`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub summary: String,
    /// Clause by clause, in the order of the kind's table.
    pub clauses: Vec<ClauseOutcome>,
    /// What was measured.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub measurements: Vec<Measurement>,
    /// Rounds of probing that were needed; 1 when the first look decided.
    pub rounds: u32,
    /// When it started, RFC 3339 UTC.
    #[schemars(with = "String")]
    pub started: jiff::Timestamp,
    /// How long it took.
    pub took: Duration,
    /// Failed clean-up requests and other things worth knowing that do not change the verdict.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// The kind's bounded observation; kept only where the check did not pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observation: Option<serde_json::Value>,
    /// Why it matters, from the suite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// Link for the person on call, from the suite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runbook: Option<String>,
}

impl Outcome {
    /// The clauses that are not held and not merely unjudged, worst first: what the screen tells.
    pub fn troubles(&self) -> impl Iterator<Item = &ClauseOutcome> {
        let of = |v: ClauseVerdict| self.clauses.iter().filter(move |c| c.verdict == v);
        of(ClauseVerdict::Broken).chain(of(ClauseVerdict::Intermittent)).chain(of(ClauseVerdict::Unsure))
    }

    /// How many clauses were judged: held or broken or intermittent.
    #[must_use]
    pub fn judged(&self) -> usize {
        let yes = |c: &&ClauseOutcome| matches!(c.verdict, ClauseVerdict::Held | ClauseVerdict::Broken | ClauseVerdict::Intermittent);
        let mut ids: Vec<&str> = self.clauses.iter().filter(yes).map(|c| c.clause.as_str()).collect();
        ids.dedup();
        ids.len()
    }
}
