//! Payloads that were sent to come back, and what came.

use super::{Ledger, Tape};
use serde::{Deserialize, Serialize};

/// The payloads of a check.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(in crate::checks::sse) struct Framed {
    /// The stream.
    pub(in crate::checks::sse) tape: Option<Tape>,
    /// The jobs that carried them.
    pub(in crate::checks::sse) ledger: Ledger,
    /// Each payload.
    pub(in crate::checks::sse) payloads: Vec<Payload>,
    /// All that was waited for came, or its time was up.
    pub(in crate::checks::sse) is_drained: bool,
}

/// One payload.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::checks::sse) struct Payload {
    /// What is in it: `carriage returns`, `65536 bytes`.
    pub(in crate::checks::sse) name: String,
    /// Its job, once it was acknowledged.
    pub(in crate::checks::sse) job: Option<String>,
    /// Why there is no job.
    pub(in crate::checks::sse) refusal: Option<String>,
    /// Its length in bytes.
    pub(in crate::checks::sse) len: usize,
    /// It came back as it was sent.
    pub(in crate::checks::sse) is_whole: bool,
    /// What came in its place: the first difference, for people.
    pub(in crate::checks::sse) differs: Option<String>,
    /// More came meanwhile than was looked at: its own event may be among it.
    #[serde(default)]
    pub(in crate::checks::sse) is_crowded: bool,
    /// Events of its job that were looked at.
    pub(in crate::checks::sse) events: u32,
}
