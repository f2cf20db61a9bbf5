//! How far the client is behind its witness, event by event, so that a busy stream does not make the look slow.

use crate::checks::sse::look::{Arrival, Ledger, Leg, Tape};
use crate::checks::sse::spec::Spec;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

/// What was looked at so far. Events count once they can be told from each other; those of others are left out at the end.
#[derive(Default)]
pub(in crate::checks::sse::probe) struct Progress {
    /// Events of the witness that were looked at.
    read: usize,
    /// The same of each connection of the client.
    legs: Vec<usize>,
    /// Where each event stands on the witness.
    places: HashMap<String, usize>,
    /// Events that came to the client.
    got: HashSet<String>,
    /// Jobs of the events that are on the witness, and not at the client.
    waiting: BTreeMap<usize, String>,
    /// The first event on the witness that came to the client too: what was before it was before the client.
    from: Option<usize>,
    /// Jobs that have ended on the witness.
    ended: HashSet<String>,
    /// Whether the client's last connection has got to what is produced now.
    is_live: bool,
}

impl Progress {
    /// Looks at what is new.
    pub(in crate::checks::sse::probe) fn note(&mut self, spec: &Spec, witness: &Tape, legs: &[Leg]) {
        for (place, arrival) in witness.arrivals.iter().enumerate().skip(self.read) {
            let Some(job) = &arrival.job else { continue };
            if spec.b.ends_with.is_none() || spec.b.is_terminal(&arrival.name) {
                self.ended.insert(job.clone());
            }
            if !arrival.is_identified() {
                continue;
            }
            let key = arrival.key();
            match self.got.contains(&key) {
                true => self.meet(place),
                false => _ = self.waiting.insert(place, job.clone()),
            }
            self.places.entry(key).or_insert(place);
        }
        self.read = witness.arrivals.len();
        self.is_live &= legs.len() == self.legs.len();
        self.legs.resize(legs.len(), 0);
        for (number, leg) in legs.iter().enumerate() {
            for arrival in &leg.tape.arrivals[self.legs[number]..] {
                self.take(arrival, witness, leg.tape.opened);
            }
            self.legs[number] = leg.tape.arrivals.len();
        }
    }

    fn take(&mut self, arrival: &Arrival, witness: &Tape, opened: Duration) {
        if arrival.job.is_none() || !arrival.is_identified() {
            return;
        }
        let key = arrival.key();
        // What the witness has not got yet is newer still.
        self.is_live = self.places.get(&key).is_none_or(|&place| witness.arrivals[place].at > opened);
        if let Some(&place) = self.places.get(&key) {
            self.waiting.remove(&place);
            self.meet(place);
        }
        self.got.insert(key);
    }

    fn meet(&mut self, place: usize) {
        self.from = Some(self.from.map_or(place, |from| from.min(place)));
    }

    /// The last event of the client's last connection came to the witness only after that was open. A connection that is cut before that is
    /// only told the same again.
    pub(super) fn is_live(&self) -> bool {
        self.is_live
    }

    /// The witness has every end that is due, and the client has all that the witness has of our jobs.
    pub(in crate::checks::sse::probe) fn has_all(&self, ledger: &Ledger) -> bool {
        let Some(from) = self.from else { return false };
        if !ledger.jobs.iter().all(|job| self.ended.contains(&job.id)) {
            return false;
        }
        let ours = ledger.ids();
        self.waiting.range(from..).all(|(_, job)| !ours.contains(job.as_str()))
    }
}
