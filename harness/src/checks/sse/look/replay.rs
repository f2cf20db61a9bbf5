//! A client that is cut off again and again and comes back, and the witness that is not.

use super::{Arrival, Ledger, Tape};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::time::Duration;

/// What both of them got.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(in crate::checks::sse) struct Replay {
    /// The jobs that were driven meanwhile.
    pub(in crate::checks::sse) ledger: Ledger,
    /// The stream that nobody cut.
    pub(in crate::checks::sse) witness: Option<Tape>,
    /// The connections of the client, one after the other.
    pub(in crate::checks::sse) legs: Vec<Leg>,
    /// Both have everything, or the time for it was up while both were open.
    pub(in crate::checks::sse) is_drained: bool,
    /// The client stopped coming back before that.
    pub(in crate::checks::sse) is_gone: bool,
    /// When we left, since the check began: what came to one of them just before may be on its way to the other.
    pub(in crate::checks::sse) left: Duration,
    /// What the reconnecting client of users did otherwise than the standard says.
    pub(in crate::checks::sse) remarks: Vec<String>,
}

/// One connection of the client.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(in crate::checks::sse) struct Leg {
    /// The Last-Event-ID that it was opened with; none at first.
    pub(in crate::checks::sse) last_id: Option<String>,
    /// What came.
    pub(in crate::checks::sse) tape: Tape,
    /// How we left it.
    pub(in crate::checks::sse) cut: Option<Cut>,
}

/// How a connection was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::checks::sse) struct Cut {
    /// When, since the check began.
    pub(in crate::checks::sse) at: Duration,
    /// By a reset; else quietly.
    pub(in crate::checks::sse) is_reset: bool,
    /// The bytes of an event that was not whole were thrown away with it.
    pub(in crate::checks::sse) in_event: bool,
}

/// Cuts during which something was missed, that are needed to say that it came again.
const MISSED: u32 = 3;

impl Replay {
    /// How many cuts must have had an event in them, and how many connections must have gone on behind it: three, or a quarter of a few.
    pub(in crate::checks::sse) fn missed_at_least(cuts: u32) -> u32 {
        cuts.div_ceil(4).min(MISSED)
    }
}

/// Cuts with events on both sides, resumed after an id. Events that `is_ours` does not know do not count.
pub(in crate::checks::sse) fn seams(legs: &[Leg], is_ours: impl Fn(&Arrival) -> bool) -> u32 {
    let mut before = false;
    let mut seams = 0;
    for leg in legs {
        let has_events = leg.tape.arrivals.iter().any(&is_ours);
        if before && has_events && leg.last_id.is_some() {
            seams += 1;
        }
        before |= has_events;
    }
    seams
}

/// Cuts after which something came to the witness before the client was there again: only they show what is replayed.
pub(in crate::checks::sse) fn missed(legs: &[Leg], witness: &Tape, is_ours: impl Fn(&Arrival) -> bool) -> u32 {
    let while_away = |two: &&[Leg]| {
        let (Some(cut), opened) = (two[0].cut, two[1].tape.opened) else { return false };
        let first = witness.arrivals.partition_point(|a| a.at <= cut.at);
        two[1].last_id.is_some() && witness.arrivals[first..].iter().take_while(|a| a.at < opened).any(&is_ours)
    };
    u32::try_from(legs.windows(2).filter(while_away).count()).unwrap_or(u32::MAX)
}

/// Connections after a cut that went on from what was replayed to what was produced since: they got an event that came to the witness only
/// after they were open. One that is cut before that shows nothing of the step between the two, since the next one is told it all again.
pub(in crate::checks::sse) fn crossed(legs: &[Leg], witness: &Tape, is_ours: impl Fn(&Arrival) -> bool) -> u32 {
    let came: HashMap<String, Duration> = witness.arrivals.iter().filter(|a| is_ours(a)).map(|a| (a.key(), a.at)).collect();
    let is_live = |leg: &&Leg| {
        let is_new = |a: &Arrival| is_ours(a) && a.is_identified() && came.get(&a.key()).is_some_and(|at| *at > leg.tape.opened);
        leg.last_id.is_some() && leg.tape.arrivals.iter().any(is_new)
    };
    u32::try_from(legs.iter().filter(is_live).count()).unwrap_or(u32::MAX)
}
