//! Who may not read a stream.

use crate::words::Request;
use schemars::JsonSchema;
use serde::Deserialize;

/// Requests for streams that do not belong to who sends them.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(in crate::checks::sse) struct Private {
    /// The stream, asked for by nobody: `auth: none`. Must be refused.
    #[serde(default)]
    pub(in crate::checks::sse) without: Option<Request>,
    /// The stream, asked for with a token that was good once. Must be refused.
    #[serde(default)]
    pub(in crate::checks::sse) expired: Option<Request>,
    /// The stream, asked for with a token that nobody gave out. Must be refused.
    #[serde(default)]
    pub(in crate::checks::sse) unknown: Option<Request>,
    /// The stream of our job `${id}`, asked for by another tenant. Must be refused.
    #[serde(default)]
    pub(in crate::checks::sse) foreign: Option<Request>,
    /// Another tenant's own stream: it opens, and tells nothing of the driven jobs.
    #[serde(default)]
    pub(in crate::checks::sse) other: Option<Request>,
}

/// The case of another tenant's own stream.
pub(in crate::checks::sse) const OTHER: &str = "other";
/// The case of a job's stream that another tenant asks for.
pub(in crate::checks::sse) const FOREIGN: &str = "foreign";

impl Private {
    /// What must be refused whoever drives jobs, each with its case.
    pub(in crate::checks::sse) fn refused(&self) -> impl Iterator<Item = (&'static str, &Request)> {
        let all = [("without", &self.without), ("expired", &self.expired), ("unknown", &self.unknown)];
        all.into_iter().filter_map(|(case, request)| Some((case, request.as_ref()?)))
    }

    /// Every request, with its case.
    pub(in crate::checks::sse) fn requests(&self) -> impl Iterator<Item = (&'static str, &Request)> {
        let driven = [(FOREIGN, &self.foreign), (OTHER, &self.other)];
        self.refused().chain(driven.into_iter().filter_map(|(case, request)| Some((case, request.as_ref()?))))
    }

    /// The first request that needs a job.
    pub(in crate::checks::sse) fn driven(&self) -> Option<&Request> {
        self.foreign.as_ref().or(self.other.as_ref())
    }
}
