//! Whether this machine may have as many files open as the checks of a plan need: raised before anything is sent, or told.

use super::entry::{Entry, Plan};
use crate::kind::{Crowd, Scope};
use crate::model::{Origin, Place};
use crate::transport::descriptors::{self, Room};

/// Connections that any check may have open at once without saying so.
const FEW: u64 = 16;

/// A check that needs more than this machine allows. It is not carried out: half of what it needs would tell of this machine and not of
/// the service. All the others are, as with everything else that one check lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crowded {
    /// Its index in the plan.
    pub index: usize,
    /// The key that asks for so many.
    pub place: Place,
    /// What it needs, what is allowed, and the way out.
    pub why: String,
}

impl Crowded {
    /// The sentence for the head of a run.
    #[must_use]
    pub fn warning(&self) -> String {
        format!("{}: {}; this check is not carried out", self.place, self.why)
    }
}

/// Raises what this process may have open to what the checks of the plan need at once, as far as this machine allows. The checks that
/// need more than that.
#[must_use]
pub fn make_room(plan: &Plan) -> Vec<Crowded> {
    let most = plan.limits.connections as u64;
    let room = descriptors::raise(at_once(plan, most));
    plan.entries.iter().enumerate().filter_map(|(index, entry)| crowded(index, entry, most, &room)).collect()
}

/// The most connections that its checks may have open at once: as many checks as run side by side, each with its largest crowd.
fn at_once(plan: &Plan, most: u64) -> u64 {
    let mut all: Vec<u64> = plan.entries.iter().filter(|e| e.skip.is_none()).map(|e| largest(e).map_or(0, connections).max(FEW)).collect();
    all.sort_unstable_by(|one, other| other.cmp(one));
    all.iter().take(plan.jobs).sum::<u64>().min(most)
}

fn crowded(index: usize, entry: &Entry, most: u64, room: &Room) -> Option<Crowded> {
    let crowd = largest(entry).filter(|_| entry.skip.is_none())?;
    // What the environment does not allow is never opened, and the kind says so.
    let too_few = room.fits(connections(crowd).min(most)).err()?;
    let place = Origin { source: entry.check.origin.source.clone(), at: crowd.at }.place();
    Some(Crowded { index, place, why: format!("`{}`: {too_few}, or ask for fewer", crowd.key) })
}

/// The largest crowd of the clauses that are judged here.
fn largest(entry: &Entry) -> Option<&Crowd> {
    let is_judged = |crowd: &&Crowd| entry.asked.iter().any(|a| a.clause == crowd.clause && a.scope == Scope::Here);
    entry.check.planning.demands.crowds.iter().filter(is_judged).max_by_key(|crowd| crowd.connections)
}

fn connections(crowd: &Crowd) -> u64 {
    u64::from(crowd.connections)
}
