//! Many subscribers at once, and what each of them got.

use super::{Ledger, Tape};
use crate::model::Interval;
use serde::{Deserialize, Serialize, Serializer, ser::SerializeSeq as _};
use std::time::Duration;

/// One drive of jobs before many subscribers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(in crate::checks::sse) struct FanOut {
    /// The environment allows fewer streams at once.
    pub(in crate::checks::sse) is_limited: bool,
    /// The jobs.
    pub(in crate::checks::sse) ledger: Ledger,
    /// Streams that were asked for.
    pub(in crate::checks::sse) asked: u32,
    /// All of them were asked for, and opened or not.
    #[serde(default)]
    pub(in crate::checks::sse) is_asked: bool,
    /// Those of them that opened.
    pub(in crate::checks::sse) open: u32,
    /// The first that did not open.
    pub(in crate::checks::sse) refused: Option<Tape>,
    /// Streams that ended before we left.
    pub(in crate::checks::sse) ended: u32,
    /// The first of those.
    pub(in crate::checks::sse) end: Option<Tape>,
    /// One that opened: the first who missed something, if anybody did.
    pub(in crate::checks::sse) sample: Option<Tape>,
    /// Events of the driven jobs, each counted once.
    pub(in crate::checks::sse) events: u32,
    /// Events of the driven jobs over all streams that stayed open.
    pub(in crate::checks::sse) arrivals: u64,
    /// Jobs that were acknowledged, and of which nobody got an event.
    pub(in crate::checks::sse) silent: Vec<String>,
    /// There were more events, of jobs of others too, than are kept.
    pub(in crate::checks::sse) is_full: bool,
    /// Events that never came to a subscriber, in all.
    pub(in crate::checks::sse) missing: u64,
    /// The first of those.
    pub(in crate::checks::sse) misses: Vec<Miss>,
    /// How far apart each event reached the subscribers; the first of them in reports.
    #[serde(serialize_with = "the_first")]
    pub(in crate::checks::sse) skews: Vec<Skew>,
    /// All had everything, or the time for it was up.
    pub(in crate::checks::sse) is_drained: bool,
    /// Nothing came any more when we left: whoever has less will not get more.
    pub(in crate::checks::sse) is_quiet: bool,
    /// How long was waited for the last events, after the last job was acknowledged.
    pub(in crate::checks::sse) drained_in: Duration,
}

/// An event that a subscriber never got.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::checks::sse) struct Miss {
    /// Which subscriber, by the order in which they opened, from 1.
    pub(in crate::checks::sse) subscriber: u32,
    /// The event, for people.
    pub(in crate::checks::sse) event: String,
    /// When it came to the first of the others, since the check began.
    pub(in crate::checks::sse) at: Duration,
    /// Something that came to others after it came to this one too: it was passed over.
    pub(in crate::checks::sse) is_hole: bool,
}

/// How far apart one event reached those who got it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::checks::sse) struct Skew {
    /// The event, for people.
    pub(in crate::checks::sse) event: String,
    /// From the first subscriber to the one in the 99th percentile.
    pub(in crate::checks::sse) took: Interval,
}

/// Misses that are kept.
pub(in crate::checks::sse) const MISSES: usize = 100;
/// Skews that reports show.
const SHOWN: usize = 100;

fn the_first<S: Serializer>(skews: &[Skew], s: S) -> Result<S::Ok, S::Error> {
    let shown = &skews[..skews.len().min(SHOWN)];
    let mut seq = s.serialize_seq(Some(shown.len()))?;
    for skew in shown {
        seq.serialize_element(skew)?;
    }
    seq.end()
}
