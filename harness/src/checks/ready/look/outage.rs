//! What was seen of one outage: readiness while a dependency is lost, and once it is back.

use super::{Asked, Pair, Poll, Polls};
use crate::kind::Seen;
use crate::model::Interval;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// One dependency, lost in one way and given back.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(in super::super) struct Outage {
    /// The dependency.
    pub(in super::super) dependency: String,
    /// `db/blackhole`: the same for every cycle.
    pub(in super::super) family: String,
    /// `db/blackhole`, and `db/blackhole/again` for a later cycle.
    pub(in super::super) case: String,
    /// The ready answer right before.
    pub(in super::super) before: Seen,
    /// While it is lost.
    pub(in super::super) down: Down,
    /// Once it is back.
    pub(in super::super) up: Up,
    /// Which process answered, before and after.
    pub(in super::super) boot: Boot,
}

/// While the dependency is lost. Times are since the loss: `lo` from when it was in force for sure, `hi` from before that.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(in super::super) struct Down {
    /// All polls.
    pub(in super::super) polls: Polls,
    /// How long the loss had lasted when the last answer was there.
    pub(in super::super) lasted: Interval,
    /// No whole answer in time: it hangs, or it is gone.
    pub(in super::super) unanswered: Tally,
    /// Valid answers that are not ready.
    pub(in super::super) left: Tally,
    /// Those of them with another code than 503.
    pub(in super::super) odd: Tally,
    /// Ready in a poll that began when it must not be any more.
    pub(in super::super) late: Tally,
    /// Ready again, after it was not.
    pub(in super::super) flaps: Tally,
    /// Replicas by name (none: the one without a name), and whether they turned.
    pub(in super::super) turned: BTreeMap<String, bool>,
    /// The answer with which the last of them turned.
    pub(in super::super) fell: Option<Turn>,
    /// Answers that name the lost dependency and say something new of it.
    pub(in super::super) named: Tally,
    /// Answers that should and do not.
    pub(in super::super) unnamed: Tally,
    /// An answer that says where the dependency lives, and what it says.
    pub(in super::super) address: Option<(Seen, String)>,
    /// Real requests, after polls that were ready when they must not be.
    pub(in super::super) pairs: Vec<Pair>,
    /// Real requests while it was not ready: whether it could have stayed in traffic.
    pub(in super::super) idle: Vec<Asked>,
    /// The report of an earlier loss still stood when this one began.
    pub(in super::super) is_stale: bool,
    /// All that was to be seen was seen.
    pub(in super::super) is_over: bool,
    last_up: Duration,
}

/// Once the dependency is back. Times are since the mend, `lo` and `hi` as above.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(in super::super) struct Up {
    /// All polls.
    pub(in super::super) polls: Polls,
    /// Not ready in a poll that began when it must be again.
    pub(in super::super) late: Tally,
    /// Not ready again, after it was.
    pub(in super::super) flaps: Tally,
    /// Replicas by name, and whether they are ready again.
    pub(in super::super) turned: BTreeMap<String, bool>,
    /// The answer with which the last of them was ready again.
    pub(in super::super) back: Option<Turn>,
    /// Real requests right after that.
    pub(in super::super) real: Vec<Asked>,
    /// All that was to be seen was seen.
    pub(in super::super) is_over: bool,
    last_down: Duration,
}

/// Answers of one sort: how many, how many of those may be our own doing, the first and the last.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(in super::super) struct Tally {
    pub(in super::super) n: u32,
    pub(in super::super) ours: u32,
    pub(in super::super) first: Option<Seen>,
    pub(in super::super) last: Option<Seen>,
}

/// A change of state: when, and the answer that shows it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(in super::super) struct Turn {
    /// After the last poll of the old state began, before the first of the new one was answered.
    pub(in super::super) took: Interval,
    pub(in super::super) seen: Seen,
}

/// Which process answered, by the id that it gives itself.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(in super::super) struct Boot {
    /// Ids before the loss, by replica.
    pub(in super::super) before: BTreeMap<String, String>,
    /// Replicas that gave the same id afterwards.
    pub(in super::super) same: u32,
    /// The answer with another id, and what changed.
    pub(in super::super) changed: Option<(Seen, String)>,
    /// Why it could not be read, if so.
    pub(in super::super) unreadable: Option<String>,
}

/// A poll of an outage.
pub(in super::super) struct Sample<'a> {
    pub(in super::super) poll: &'a Poll,
    /// Whether it counts as ready here: for a soft dependency by its code alone.
    pub(in super::super) ready: bool,
    /// `lo`: from when the change was in force to when the poll began. `hi`: from before the change to its answer.
    pub(in super::super) since: Interval,
    /// The replica that answered.
    pub(in super::super) replica: &'a str,
    /// Until when the service may take.
    pub(in super::super) limit: Duration,
}

impl Tally {
    pub(in super::super) fn add(&mut self, poll: &Poll) {
        self.n = self.n.saturating_add(1);
        self.ours += u32::from(poll.seen.maybe_ours());
        self.first.get_or_insert_with(|| poll.seen.clone());
        self.last = Some(poll.seen.clone());
    }

    /// Those that are bad for sure.
    pub(in super::super) fn sure(&self) -> u32 {
        self.n - self.ours
    }
}

impl Down {
    /// Takes a poll for what it shows.
    pub(in super::super) fn add(&mut self, sample: &Sample<'_>) {
        let Sample { poll, ready, since, replica, limit } = *sample;
        self.polls.add(poll.clone());
        let Some(status) = poll.seen.answered() else { return self.unanswered.add(poll) };
        let was_down = self.turned.insert(replica.to_owned(), !ready);
        if ready {
            // A replica that was down stays counted as turned: it fell, and then it flapped.
            if was_down == Some(true) {
                self.flaps.add(poll);
                self.turned.insert(replica.to_owned(), true);
            } else {
                self.last_up = self.last_up.max(since.lo);
            }
            if since.lo > limit {
                self.late.add(poll);
            }
            return;
        }
        self.left.add(poll);
        if status != 503 {
            self.odd.add(poll);
        }
        if self.fell.is_none() && self.turned.values().all(|down| *down) {
            let took = Interval { lo: self.last_up.min(since.hi), hi: since.hi };
            self.fell = Some(Turn { took, seen: poll.seen.clone() });
        }
    }
}

impl Up {
    /// Takes a poll for what it shows.
    pub(in super::super) fn add(&mut self, sample: &Sample<'_>) {
        let Sample { poll, ready, since, replica, limit } = *sample;
        self.polls.add(poll.clone());
        if ready {
            self.turned.insert(replica.to_owned(), true);
            if self.back.is_none() && self.turned.values().all(|up| *up) {
                let took = Interval { lo: self.last_down.min(since.hi), hi: since.hi };
                self.back = Some(Turn { took, seen: poll.seen.clone() });
            }
            return;
        }
        match self.turned.get(replica) {
            Some(true) => self.flaps.add(poll),
            // Trouble names no replica: with several it is not known whose it is.
            _ => {
                self.last_down = self.last_down.max(since.lo);
                if self.back.is_none() && since.lo > limit {
                    self.late.add(poll);
                }
            }
        }
    }
}
