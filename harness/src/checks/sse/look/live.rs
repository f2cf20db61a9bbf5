//! Streams that nobody cuts, while jobs are driven: the jobs, and what each subscriber got of them.

use super::{Ledger, Tape};
use crate::model::Interval;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// One drive of jobs, and those who watched it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(in crate::checks::sse) struct Live {
    /// The jobs.
    pub(in crate::checks::sse) ledger: Ledger,
    /// The streams.
    pub(in crate::checks::sse) subscribers: Vec<Subscriber>,
    /// No head came by itself, so jobs were driven while the streams were asked for.
    #[serde(default)]
    pub(in crate::checks::sse) is_late: bool,
    /// Everything that was waited for came, or its time was up: what is missing is lost.
    pub(in crate::checks::sse) is_drained: bool,
    /// When we left, since the check began: what came to one stream just before may be on its way to another.
    #[serde(default)]
    pub(in crate::checks::sse) left: Duration,
    /// How long was waited for the last events, after the last job was acknowledged.
    pub(in crate::checks::sse) drained_in: Duration,
}

/// One stream of a drive.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(in crate::checks::sse) struct Subscriber {
    /// What came.
    pub(in crate::checks::sse) tape: Tape,
    /// The delay of the first event of each job, in the order of the ledger.
    pub(in crate::checks::sse) delays: Vec<Delay>,
    /// What came together although it was not produced together.
    pub(in crate::checks::sse) batch: Batch,
}

/// How long the first event of a job took.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::checks::sse) struct Delay {
    /// The job.
    pub(in crate::checks::sse) job: String,
    /// From the answer of the submit (`lo`, less our stalls), and from its sending (`hi`).
    pub(in crate::checks::sse) took: Interval,
}

/// Pairs of first events that were produced over 100 ms apart.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::checks::sse) struct Batch {
    /// Pairs that could be told.
    pub(in crate::checks::sse) pairs: u32,
    /// Pairs that arrived under 5 ms apart.
    pub(in crate::checks::sse) together: u32,
    /// Pairs that were left out: this machine stood still meanwhile, or a large event was on its way.
    pub(in crate::checks::sse) stalled: u32,
    /// The first pair that came together: how far apart it was produced, how far apart it arrived.
    pub(in crate::checks::sse) example: Option<(Duration, Duration)>,
}

impl Live {
    /// The stream of that name.
    pub(in crate::checks::sse) fn subscriber(&self, name: &str) -> Option<&Subscriber> {
        self.subscribers.iter().find(|s| s.tape.name == name)
    }
}

impl Subscriber {
    /// Adds what another drive showed of the same kind of stream.
    pub(in crate::checks::sse) fn add(&mut self, other: &Self) {
        self.delays.extend_from_slice(&other.delays);
        self.batch.pairs += other.batch.pairs;
        self.batch.together += other.batch.together;
        self.batch.stalled += other.batch.stalled;
        self.batch.example = self.batch.example.or(other.batch.example);
    }
}
