//! A client that is cut off again and again and comes back, and the witness that is not.

use super::{Ledger, Tape};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What both of them got.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(in crate::checks::sse) struct Replay {
    /// The jobs that were driven meanwhile.
    pub(in crate::checks::sse) ledger: Ledger,
    /// The stream that nobody cut.
    pub(in crate::checks::sse) witness: Option<Tape>,
    /// The connections of the client, one after the other.
    pub(in crate::checks::sse) legs: Vec<Leg>,
    /// Both have everything, or the time for it was up.
    pub(in crate::checks::sse) is_drained: bool,
    /// What the reconnecting client of users did otherwise than the standard says.
    pub(in crate::checks::sse) remarks: Vec<String>,
}

/// One connection of the client.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(in crate::checks::sse) struct Leg {
    /// The Last-Event-ID that it was opened with; none at first.
    pub(in crate::checks::sse) last_id: Option<String>,
    /// What came.
    pub(in crate::checks::sse) tape: Tape,
    /// How we left it.
    pub(in crate::checks::sse) cut: Option<Cut>,
}

/// How a connection was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::checks::sse) struct Cut {
    /// When, since the check began.
    pub(in crate::checks::sse) at: Duration,
    /// By a reset; else quietly.
    pub(in crate::checks::sse) is_reset: bool,
    /// The bytes of an event that was not whole were thrown away with it.
    pub(in crate::checks::sse) in_event: bool,
}
