//! A gauge of open streams, before, while and after many were left.

use super::Tape;
use crate::kind::Seen;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What was read.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(in crate::checks::sse) struct CleansUp {
    /// The environment allows fewer streams at once.
    pub(in crate::checks::sse) is_limited: bool,
    /// The value before.
    pub(in crate::checks::sse) before: Option<f64>,
    /// Streams that were open when it was read in between.
    pub(in crate::checks::sse) held: u32,
    /// The value then.
    pub(in crate::checks::sse) meanwhile: Option<f64>,
    /// What came after each way of leaving.
    pub(in crate::checks::sse) blocks: Vec<Block>,
    /// How far it rose by what others do: as many streams as at any time before stayed open for as long as a block took, and none was left.
    /// Looked at only where something was left behind.
    #[serde(default)]
    pub(in crate::checks::sse) drift: Option<f64>,
    /// Why the gauge could not be read.
    pub(in crate::checks::sse) why: Option<String>,
    /// The last answer that held it.
    pub(in crate::checks::sse) metrics: Option<Seen>,
    /// The first stream that did not open.
    pub(in crate::checks::sse) refused: Option<Tape>,
}

/// Streams that were all left in the same way.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::checks::sse) struct Block {
    /// By a reset; else quietly.
    pub(in crate::checks::sse) is_reset: bool,
    /// Streams that were asked for.
    pub(in crate::checks::sse) asked: u32,
    /// Those that were open and left.
    pub(in crate::checks::sse) left: u32,
    /// The lowest value after them; none: it was not read.
    pub(in crate::checks::sse) after: Option<f64>,
    /// From the first of them until that was read.
    #[serde(default)]
    pub(in crate::checks::sse) took: Duration,
}

impl CleansUp {
    /// How far the value was up after this block. What the ones before it left behind is theirs.
    pub(in crate::checks::sse) fn leaked(&self, place: usize) -> f64 {
        let base = self.blocks[..place].iter().filter_map(|b| b.after).fold(self.before.unwrap_or_default(), f64::max);
        self.blocks[place].after.map_or(0.0, |after| after - base)
    }
}
