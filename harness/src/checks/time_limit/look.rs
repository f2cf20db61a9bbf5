//! What the probes of `time-limit` saw: each slow caller, round by round. Bounded, the evidence of every verdict.

use crate::kind::{Context, Cut, Dawdler, Seen};
use crate::model::Interval;
use crate::transport::dawdle::{Ending, Shown};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Everything that was seen.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Observation {
    /// When the check began.
    #[serde(skip)]
    pub(super) origin: Option<Instant>,
    /// The clauses that were looked at.
    pub(super) asked: Vec<String>,
    /// The ordinary request before the slow ones, and after them.
    pub(super) before: Ordinary,
    pub(super) after: Ordinary,
    /// The slow callers of each case, `idle/used`, by rounds.
    pub(super) rounds: BTreeMap<String, Vec<Vec<Slow>>>,
    /// All rounds were made that were needed.
    pub(super) done: bool,
}

/// Ordinary requests.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Ordinary {
    pub(super) good: u32,
    pub(super) bad: u32,
    /// The last bad one.
    pub(super) worst: Option<Seen>,
}

/// One slow caller.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Slow {
    /// From what began the time to the cut, or to the end of our patience.
    pub(super) took: Interval,
    pub(super) end: End,
    /// The status of the answer, and its first line.
    pub(super) status: Option<u16>,
    pub(super) said: String,
    /// Whether the connection ended, too.
    pub(super) is_closed: bool,
    /// `GET /health`, secrets masked.
    pub(super) sent: String,
    /// One command that is as slow.
    pub(super) again: String,
}

/// What became of a slow caller.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum End {
    /// Nothing: the connection was open when our patience ended.
    #[default]
    Open,
    /// An answer came.
    Answered,
    Closed,
    Reset,
    /// He did not come so far, for this reason.
    Never(String),
    /// There is nothing to be slow with, for this reason.
    Nothing(String),
    /// The environment does not allow so many bytes.
    Barred(String),
}

/// A way to be slow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    HeadStopped,
    HeadDripping,
    BodyStopped,
    BodyDripping,
    IdleUsed,
    IdleUnused,
}

impl Way {
    pub(super) const ALL: [Self; 6] =
        [Self::HeadStopped, Self::HeadDripping, Self::BodyStopped, Self::BodyDripping, Self::IdleUsed, Self::IdleUnused];

    /// Its name in observations.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::HeadStopped => "slow-headers/stopped",
            Self::HeadDripping => "slow-headers/dripping",
            Self::BodyStopped => "slow-body/stopped",
            Self::BodyDripping => "slow-body/dripping",
            Self::IdleUsed => "idle/used",
            Self::IdleUnused => "idle/unused",
        }
    }

    /// Its case in the clause.
    pub(super) fn case(self) -> &'static str {
        self.name().split('/').next_back().unwrap_or_default()
    }

    pub(super) fn is_dripping(self) -> bool {
        matches!(self, Self::HeadDripping | Self::BodyDripping)
    }

    /// How far its request goes, as a command shows it.
    pub(super) fn shown(self) -> Shown {
        match self {
            Self::HeadStopped => Shown::Head,
            Self::HeadDripping => Shown::DrippingHead,
            // Without a body it is as slow as with half of one.
            Self::BodyStopped | Self::BodyDripping | Self::IdleUsed => Shown::NoBody,
            Self::IdleUnused => Shown::Nothing,
        }
    }
}

impl Slow {
    /// What became of one who came so far.
    pub(super) fn of(cut: Cut, dawdler: &Dawdler, way: Way, span: Duration) -> Self {
        let end = match (cut.is_answered, cut.ended) {
            _ if cut.is_spent => return Self::barred(&dawdler.sent),
            (true, _) => End::Answered,
            (false, Some(Ending::Closed)) => End::Closed,
            (false, Some(Ending::Reset)) => End::Reset,
            (false, None) => End::Open,
        };
        Self {
            took: cut.took,
            end,
            status: cut.status,
            said: cut.said,
            is_closed: cut.ended.is_some(),
            sent: dawdler.sent.clone(),
            again: dawdler.again(way.shown(), span),
        }
    }

    /// One who did not come so far.
    pub(super) fn never(sent: &str, why: impl Into<String>) -> Self {
        Self { end: End::Never(why.into()), sent: sent.to_owned(), ..Self::default() }
    }

    /// One who may not send what he needs to be slow.
    pub(super) fn barred(sent: &str) -> Self {
        let why = format!("the environment's `limits.upload` was spent before {sent} could be slow to its end");
        Self { end: End::Barred(why), sent: sent.to_owned(), ..Self::default() }
    }

    /// One who has nothing to be slow with.
    pub(super) fn nothing(sent: &str, why: impl Into<String>) -> Self {
        Self { end: End::Nothing(why.into()), sent: sent.to_owned(), ..Self::default() }
    }
}

impl Observation {
    /// When the check began; the first caller sets it.
    pub(super) fn origin(&mut self, cx: &Context) -> Instant {
        *self.origin.get_or_insert_with(|| cx.stopwatch().now())
    }
}
