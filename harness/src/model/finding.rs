//! Everything needed to understand one broken clause at three in the morning.

use super::{At, Place};
use serde::{Deserialize, Serialize};

/// What was expected, what was seen, and how to see it again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Finding {
    /// What the contract says, for example `200 within 200 ms`.
    pub expected: String,
    /// What was seen instead, with its interval where it is a time.
    pub observed: String,
    /// What was sent, for example `GET /ready`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub sent: String,
    /// Labelled lines: `since`, `last`, `body`, … in the order in which they are shown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<(String, String)>,
    /// The request id that the service answered with, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The trace id that was sent, so that the service's traces can be found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    /// One command that shows it again: curl where curl can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again: Option<String>,
    /// The expectation's own span in the suite, where it is narrower than the clause's. Not part of reports: `place` is.
    #[serde(skip)]
    pub at: Option<At>,
    /// The line of the suite that asked for it. Filled in by the core.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
}

impl Finding {
    /// A finding with its two sides; everything else is added by the builder methods.
    #[must_use]
    pub fn new(expected: impl Into<String>, observed: impl Into<String>) -> Self {
        Self { expected: expected.into(), observed: observed.into(), ..Self::default() }
    }

    /// Adds a labelled line.
    #[must_use]
    pub fn detail(mut self, label: &str, text: impl Into<String>) -> Self {
        self.details.push((label.to_owned(), text.into()));
        self
    }

    /// Points at the expectation's own span.
    #[must_use]
    pub fn at(mut self, at: At) -> Self {
        self.at = at.is_somewhere().then_some(at);
        self
    }
}
