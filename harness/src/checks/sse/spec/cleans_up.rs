//! What is left of streams that were closed.

use crate::reader::{Dur, Sp};
use schemars::JsonSchema;
use serde::Deserialize;
use std::time::Duration;

/// Keys of `cleans-up` beside those of the request that reads the metrics (Prometheus text).
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(in crate::checks::sse) struct CleansUp {
    /// The gauge that counts open streams.
    pub(in crate::checks::sse) gauge: Sp<String>,
    /// How many streams are opened and left: half of them closed, half reset. Default: 500.
    #[serde(default)]
    pub(in crate::checks::sse) closes: Option<Sp<u32>>,
    /// How long the gauge may take to come back. Default: 5s, and twice `heartbeat-within` where that is longer: many servers see only by
    /// their next write that a reader has gone.
    #[serde(default)]
    pub(in crate::checks::sse) within: Option<Sp<Dur>>,
}

/// Least and most streams that are left: with fewer, what others do to the gauge could not be told from a leak.
pub(super) const CLOSES: std::ops::RangeInclusive<u32> = 50..=20_000;

/// Streams that are open at the same time.
pub(in crate::checks::sse) const HELD: u32 = 50;

impl CleansUp {
    pub(in crate::checks::sse) fn closes(&self) -> u32 {
        self.closes.as_ref().map_or(500, |n| n.value)
    }

    /// `heartbeat`: the longest silence of a stream.
    pub(in crate::checks::sse) fn within(&self, heartbeat: Option<Duration>) -> Duration {
        let default = || heartbeat.map_or(Duration::ZERO, |longest| longest * 2).max(Duration::from_secs(5));
        self.within.as_ref().map_or_else(default, |d| d.value.0)
    }
}
