//! An id that cannot be resumed after, and what the service made of it.

use super::Tape;
use serde::{Deserialize, Serialize};

/// One id.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(in crate::checks::sse) struct Stale {
    /// The id.
    pub(in crate::checks::sse) id: String,
    /// The answer.
    pub(in crate::checks::sse) tape: Tape,
    /// It was watched for as long as a signal may take.
    pub(in crate::checks::sse) is_watched: bool,
}
