//! A subscriber that does not read, and what becomes of it.

use crate::reader::{Bytes, Sp, With};
use crate::words::{Path, Request};
use schemars::JsonSchema;
use serde::Deserialize;
use std::time::Duration;

/// Keys of `slow-consumer` beside those of the request that makes a job with a payload.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(in crate::checks::sse) struct SlowConsumer {
    /// JSONPath of the job's id in the answer. Default: that of `drive`.
    #[serde(default)]
    pub(in crate::checks::sse) id: Option<Sp<Path>>,
    /// What becomes of it.
    pub(in crate::checks::sse) becomes: Sp<Fate>,
    /// How much flows while it does not read. Default: 8MiB; more than 4MiB, since sockets hold that much.
    #[serde(default)]
    pub(in crate::checks::sse) flow: Option<Sp<Bytes>>,
    /// Where the memory of the service is read, and how far it may grow meanwhile.
    #[serde(default)]
    pub(in crate::checks::sse) memory: Option<With<Request, Memory>>,
}

/// What becomes of a subscriber that does not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(in crate::checks::sse) enum Fate {
    /// Its stream ends, so that it knows that it missed something.
    Evicted,
    /// It gets everything once it reads again.
    Lossless,
}

/// Keys of `memory` beside those of the request that reads the metrics (Prometheus text).
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(in crate::checks::sse) struct Memory {
    /// The gauge, in bytes: what waits for subscribers, or the memory of the process.
    pub(in crate::checks::sse) gauge: Sp<String>,
    /// How much it may grow.
    pub(in crate::checks::sse) grows_by: Sp<Bytes>,
}

/// Bytes that one payload has.
pub(in crate::checks::sse) const PIECE: u64 = 128 << 10;
/// What sockets may hold of a stream that nobody reads.
pub(super) const SOCKETS: u64 = 4 << 20;
/// Most that may flow.
pub(super) const MOST_FLOW: u64 = 256 << 20;

impl SlowConsumer {
    /// How much flows past a subscriber that does not read.
    pub(in crate::checks::sse) fn flow(&self) -> u64 {
        self.flow.as_ref().map_or(8 << 20, |b| b.value.0.0)
    }

    /// How long it may take to read all that once it reads again: at 128 KiB a second, and what is waited for in any case.
    pub(in crate::checks::sse) fn reads_on(&self, drains_within: Duration) -> Duration {
        drains_within + Duration::from_secs(self.flow() >> 17)
    }

    /// Payloads that make so much.
    pub(in crate::checks::sse) fn pieces(&self) -> u32 {
        u32::try_from(self.flow().div_ceil(PIECE)).unwrap_or(u32::MAX)
    }
}
