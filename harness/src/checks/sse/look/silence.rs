//! A stream on which nothing is due, and how long it was silent each time.

use super::Tape;
use crate::model::Interval;
use serde::{Deserialize, Serialize};

/// What was seen of heartbeats.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(in crate::checks::sse) struct Silence {
    /// The stream.
    pub(in crate::checks::sse) tape: Option<Tape>,
    /// Its silences: between two reads, or as long as was waited.
    pub(in crate::checks::sse) gaps: Vec<Gap>,
}

/// One silence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::checks::sse) struct Gap {
    /// How long.
    pub(in crate::checks::sse) took: Interval,
    /// Bytes came at its end; else it was longer than we waited.
    pub(in crate::checks::sse) is_over: bool,
    /// A comment came at its end, and no event; the greeting of a stream is none of these.
    pub(in crate::checks::sse) is_beat: bool,
}
