//! What was seen of a service that was asked to end: what it said of itself until its listener was closed.

use super::Poll;
use crate::kind::Seen;
use crate::model::Interval;
use serde::{Deserialize, Serialize};

/// A service that was asked to end.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(in super::super) struct Leaving {
    /// Answers that still were ready.
    pub(in super::super) ready: u32,
    /// The last of them; the one from before the signal where there is none.
    pub(in super::super) last_ready: Option<Seen>,
    /// Valid answers that were not ready.
    pub(in super::super) unready: u32,
    /// The first of them.
    pub(in super::super) first_unready: Option<Seen>,
    /// The first poll that met nobody.
    pub(in super::super) closed: Option<Seen>,
    /// From the last ready answer's poll to the one that met nobody: it was not ready for no longer than that.
    pub(in super::super) gap: Option<Interval>,
    /// How long it was watched.
    pub(in super::super) watched: Interval,
}

impl Leaving {
    /// Takes a poll for what it shows.
    pub(in super::super) fn add(&mut self, poll: &Poll) {
        if self.closed.is_some() {
            return;
        }
        match (poll.ready, poll.seen.answered()) {
            (true, _) => {
                self.ready = self.ready.saturating_add(1);
                self.last_ready = Some(poll.seen.clone());
            }
            (false, Some(_)) => {
                self.unready = self.unready.saturating_add(1);
                self.first_unready.get_or_insert_with(|| poll.seen.clone());
            }
            (false, None) if is_gone(&poll.seen) => {
                if let Some(ready) = &self.last_ready {
                    let lo = poll.seen.at.lo.saturating_sub(ready.at.hi);
                    self.gap = Some(Interval { lo, hi: poll.seen.ended().saturating_sub(ready.at.lo).max(lo) });
                }
                self.closed = Some(poll.seen.clone());
            }
            (false, None) => {}
        }
    }
}

/// Nobody listens any more, or who was there went without a word.
fn is_gone(seen: &Seen) -> bool {
    seen.trouble.as_ref().is_some_and(|snag| matches!(snag.name.as_str(), "connect-refused" | "reset" | "eof" | "unreachable"))
}
