//! How jobs ended: their results, and the streams that are theirs alone.

use super::{Job, Tape};
use crate::kind::{Seen, Weight};
use serde::{Deserialize, Serialize};

/// What was asked at the end of jobs.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(in crate::checks::sse) struct Ends {
    /// Results, each asked for the moment its job's terminal event was there.
    pub(in crate::checks::sse) results: Vec<Fetched>,
    /// Streams of single jobs.
    pub(in crate::checks::sse) own: Vec<Own>,
}

/// One result that was asked for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::checks::sse) struct Fetched {
    /// The job.
    pub(in crate::checks::sse) job: String,
    /// The answer.
    pub(in crate::checks::sse) seen: Seen,
    /// It is as declared.
    pub(in crate::checks::sse) fine: bool,
    /// What is missing, where the code is right: what was expected, what was there.
    pub(in crate::checks::sse) missed: Option<(String, String)>,
}

/// The stream of one job.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(in crate::checks::sse) struct Own {
    /// The job; none: it could not be made.
    pub(in crate::checks::sse) job: Option<Job>,
    /// Why it could not be made.
    pub(in crate::checks::sse) refusal: Option<String>,
    /// It was made to fail.
    pub(in crate::checks::sse) is_failing: bool,
    /// Its stream.
    pub(in crate::checks::sse) tape: Tape,
    /// The stream was watched to its end, or for as long as that may take.
    pub(in crate::checks::sse) is_watched: bool,
    /// The answer to a reconnect once it had ended.
    pub(in crate::checks::sse) again: Option<Tape>,
}

impl Fetched {
    /// Whether noise could have made it.
    pub(in crate::checks::sse) fn is_confusable(&self) -> bool {
        self.missed.is_none() && self.seen.weight() == Weight::Confusable
    }
}
