//! What the probes of `sse` saw: one field an experiment, bounded, the evidence of every verdict.

use crate::kind::Context;
use serde::{Deserialize, Serialize};
use std::time::Instant;

mod cleans_up;
mod ends;
mod fan_out;
mod framed;
mod ledger;
mod live;
mod private;
mod replay;
mod restart;
mod silence;
mod slow;
mod stale;
mod tape;

pub(super) use cleans_up::{Block, CleansUp};
pub(super) use ends::{Ends, Fetched, Own};
pub(super) use fan_out::{FanOut, MISSES, Miss, Skew};
pub(super) use framed::{Framed, Payload};
pub(super) use ledger::{Job, Ledger};
pub(super) use live::{Batch, Delay, Live, Subscriber};
pub(super) use private::{Knock, Other, Private};
pub(super) use replay::{Cut, Leg, Replay, crossed, missed, seams};
pub(super) use restart::{Driven, Restart};
pub(super) use silence::{Gap, Silence, is_beat, thin};
pub(super) use slow::{Phase, Slow, Stuck};
pub(super) use stale::Stale;
pub(super) use tape::{Arrival, Counts, Ended, Keys, Slip, Tape};

/// Everything that was seen over all rounds.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Observation {
    /// When the check began.
    #[serde(skip)]
    pub(super) origin: Option<Instant>,
    /// The clauses that were looked at.
    pub(super) asked: Vec<String>,
    /// Clauses that need more connections than the environment allows.
    #[serde(default)]
    pub(super) no_room: Vec<NoRoom>,
    /// Streams that were opened only to see how they open.
    pub(super) opened: Vec<Tape>,
    /// A stream on which nothing was due.
    pub(super) silence: Silence,
    /// Streams that nobody cut, while jobs were driven.
    pub(super) live: Live,
    /// The same again, slowly, in later rounds: only for timeliness.
    pub(super) relooks: Vec<Live>,
    /// Payloads that were sent to come back.
    pub(super) framed: Framed,
    /// A client that was cut off again and again, and its witness.
    pub(super) replay: Replay,
    /// Ids that cannot be resumed after.
    pub(super) stale: Vec<Stale>,
    /// Streams of single jobs, and what they left.
    pub(super) ends: Ends,
    /// Many subscribers at once, and again where it could not be told.
    pub(super) fan_outs: Vec<FanOut>,
    /// What was left of streams that were left.
    pub(super) cleans_up: CleansUp,
    /// A subscriber that does not read.
    pub(super) slow: Slow,
    /// Streams before and after a restart.
    pub(super) restart: Restart,
    /// Those who may not read.
    pub(super) private: Private,
}

/// A clause that could not be looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct NoRoom {
    /// Its id.
    pub(super) clause: String,
    /// How many connections it takes, and how many are allowed.
    pub(super) why: String,
}

/// Openings that are kept: the bad ones and the newest good ones decide nothing more.
pub(super) const OPENINGS: usize = 200;

impl Observation {
    /// When the check began; the first caller sets it.
    pub(super) fn origin(&mut self, cx: &Context) -> Instant {
        *self.origin.get_or_insert_with(|| cx.stopwatch().now())
    }

    /// No stream that was opened only to see how it opens is one.
    pub(super) fn is_closed(&self) -> bool {
        !self.opened.is_empty() && !self.opened.iter().any(Tape::is_event_stream)
    }

    /// Streams are asked for, and no head comes: perhaps one does with the first events.
    pub(super) fn never_opens(&self) -> bool {
        !self.opened.is_empty() && self.opened.iter().all(Tape::is_headless)
    }

    /// Every stream that must be one: all but the answers to ids that cannot be resumed after, and to reconnects after the end. Who comes
    /// back so often may be told to wait: that is `sse/replay`'s.
    pub(super) fn streams(&self) -> impl Iterator<Item = &Tape> {
        let live = std::iter::once(&self.live).chain(&self.relooks).flat_map(|l| &l.subscribers).map(|s| &s.tape);
        let replay = self.replay.witness.iter().chain(self.replay.legs.iter().map(|l| &l.tape).filter(|t| t.head.status != Some(429)));
        let own = self.ends.own.iter().filter(|o| o.job.is_some()).map(|o| &o.tape);
        let all = self.opened.iter().chain(self.silence.tape.iter()).chain(live).chain(self.framed.tape.iter()).chain(replay).chain(own);
        let many = self.fan_outs.iter().filter_map(|f| f.sample.as_ref()).chain(&self.slow.other);
        // The stream of before a restart ends as we bring it about.
        let after = self.restart.back.map(|_| &self.restart.after.tape);
        let tenants = self.private.other.iter().flat_map(|o| [&o.ours, &o.theirs]);
        let all = all.chain(many).chain(after).chain(tenants);
        all.filter(|tape| tape.is_told())
    }

    /// Trouble of this machine that ended a stream.
    pub(super) fn own_trouble(&self) -> Option<&str> {
        self.tapes().find_map(|tape| tape.own_trouble.as_deref())
    }

    /// Every answer of this check.
    pub(super) fn tapes(&self) -> impl Iterator<Item = &Tape> {
        self.streams().chain(self.stale.iter().map(|s| &s.tape)).chain(self.ends.own.iter().filter_map(|o| o.again.as_ref()))
    }
}
