//! Streams before and after the service was ended and started again.

use super::{Ledger, Tape};
use crate::model::Interval;
use serde::{Deserialize, Serialize};

/// What was seen of a restart.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(in crate::checks::sse) struct Restart {
    /// The jobs before it.
    pub(in crate::checks::sse) before: Driven,
    /// The jobs after it.
    pub(in crate::checks::sse) after: Driven,
    /// Why there was none.
    pub(in crate::checks::sse) failed: Option<String>,
    /// From the restart until a stream opened again; none: it never did.
    pub(in crate::checks::sse) back: Option<Interval>,
    /// The id of the last event before it.
    pub(in crate::checks::sse) last_id: Option<String>,
    /// The answer to that id, once jobs had been driven after it.
    pub(in crate::checks::sse) resumed: Option<Tape>,
    /// That was watched for as long as a signal may take.
    pub(in crate::checks::sse) is_watched: bool,
}

/// Jobs, and the stream that told of them.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(in crate::checks::sse) struct Driven {
    /// The jobs.
    pub(in crate::checks::sse) ledger: Ledger,
    /// The stream.
    pub(in crate::checks::sse) tape: Tape,
    /// Everything came, or its time was up.
    pub(in crate::checks::sse) is_drained: bool,
}
