//! What is said of a check, and what it does to the exit code.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The verdict of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Every clause that was judged held.
    Pass,
    /// A contract is broken.
    Fail,
    /// Could not tell; also intermittent, or not reached by the run's deadline.
    Inconclusive,
    /// The harness itself failed: a sample missing, limits of this machine.
    Error,
    /// A check that this one needs did not pass.
    Blocked,
    /// Policy or selection, with the reason.
    Skip,
}

impl Verdict {
    /// The word on screen, five characters or less.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "PASS",
            Self::Fail => "FAIL",
            Self::Inconclusive => "UNSURE",
            Self::Error => "ERROR",
            Self::Blocked => "BLOCK",
            Self::Skip => "SKIP",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Inconclusive => "inconclusive",
            Self::Error => "error",
            Self::Blocked => "blocked",
            Self::Skip => "skip",
        })
    }
}

/// Whether a check that did not pass decides the exit code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// It decides.
    #[default]
    Required,
    /// Reported, never the exit code.
    Advisory,
}
