//! A subscriber that does not read, and others beside it that do.

use super::{Ledger, Tape};
use crate::kind::Seen;
use crate::model::Interval;
use serde::{Deserialize, Serialize};

/// What was seen of them.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(in crate::checks::sse) struct Slow {
    /// The one that does not read, until all has flowed.
    pub(in crate::checks::sse) slow: Option<Tape>,
    /// One that does.
    pub(in crate::checks::sse) other: Option<Tape>,
    /// The jobs that flowed before the slow one was there.
    pub(in crate::checks::sse) before: Phase,
    /// Those that flowed while it did not read.
    pub(in crate::checks::sse) beside: Phase,
    /// Some more once it had gone, where those took longer than before.
    pub(in crate::checks::sse) afterwards: Phase,
    /// The values of the gauge: before the slow one was there, and then again and again.
    pub(in crate::checks::sse) memory: Vec<f64>,
    /// Why the gauge could not be read.
    pub(in crate::checks::sse) unread: Option<String>,
    /// The last answer that held it.
    pub(in crate::checks::sse) metrics: Option<Seen>,
    /// A job that did not pass to the other one while the slow one did not read.
    pub(in crate::checks::sse) stuck: Option<Stuck>,
    /// Events of the jobs beside the slow one that came to the other one, and never to it.
    pub(in crate::checks::sse) missing: u32,
    /// Events that came to both.
    pub(in crate::checks::sse) shared: u32,
    /// Bytes still came to the slow one when its time was up.
    pub(in crate::checks::sse) flows: bool,
    /// The slow one read on until it had everything, its stream was over, or its time was up.
    pub(in crate::checks::sse) is_over: bool,
}

/// Jobs that flowed one after the other.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(in crate::checks::sse) struct Phase {
    /// The jobs.
    pub(in crate::checks::sse) ledger: Ledger,
    /// From the sending of each until its first event was with the other subscriber.
    pub(in crate::checks::sse) took: Vec<Interval>,
    /// Bytes that came to the other subscriber.
    pub(in crate::checks::sse) bytes: u64,
    /// All of them flowed.
    pub(in crate::checks::sse) is_whole: bool,
}

/// A job that did not pass.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(in crate::checks::sse) struct Stuck {
    /// The job; none: its submit was not answered.
    pub(in crate::checks::sse) job: Option<String>,
    /// How long was waited for it.
    pub(in crate::checks::sse) waited: Interval,
    /// How long after the slow one had gone it passed; none: it still did not.
    pub(in crate::checks::sse) freed: Option<Interval>,
}
