//! Those who may not read a stream, and what they were told.

use super::{Ledger, Tape};
use serde::{Deserialize, Serialize};

/// What was seen of them.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(in crate::checks::sse) struct Private {
    /// Requests that must be refused.
    pub(in crate::checks::sse) knocks: Vec<Knock>,
    /// Another tenant's own stream, beside ours.
    pub(in crate::checks::sse) other: Option<Other>,
}

/// One request that must be refused.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(in crate::checks::sse) struct Knock {
    /// Its case: `without`, `expired`.
    pub(in crate::checks::sse) case: String,
    /// The answer, with the first bytes of a stream.
    pub(in crate::checks::sse) tape: Tape,
    /// Where it was answered 404: the same asked for by ourselves, who may read it.
    pub(in crate::checks::sse) ours: Option<Tape>,
    /// Why it could not be sent: there was no job to ask for.
    pub(in crate::checks::sse) unsent: Option<String>,
    /// It was answered, or its time was up.
    pub(in crate::checks::sse) is_over: bool,
}

/// Two streams of two tenants, while jobs of one are driven.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(in crate::checks::sse) struct Other {
    /// Our jobs.
    pub(in crate::checks::sse) ledger: Ledger,
    /// Our stream.
    pub(in crate::checks::sse) ours: Tape,
    /// Theirs.
    pub(in crate::checks::sse) theirs: Tape,
    /// Everything of ours came, or its time was up.
    pub(in crate::checks::sse) is_drained: bool,
}
