//! `sse/replay`: what a client got over all its connections, held against a witness that nobody cut.

use super::{cut_short, finding, nothing, number, unopened, unsure};
use crate::checks::sse::look::{Arrival, Leg, Observation, Replay, Tape};
use crate::checks::sse::spec::Spec;
use crate::model::quantity::show_duration;
use crate::model::{Finding, Found, Unseen};
use std::collections::HashMap;
use std::num::NonZeroU32;

pub(super) fn replay(spec: &Spec, seen: &Observation) -> Found {
    let replay = &seen.replay;
    let (Some(witness), Some(cuts)) = (&replay.witness, &spec.b.cuts) else { return Found::Unseen { why: Unseen::Deadline } };
    if let Some(found) = unopened(witness).or_else(|| replay.legs.first().and_then(|l| unopened(&l.tape))) {
        return found;
    }
    if replay.ledger.jobs.is_empty() {
        return nothing(replay.ledger.emptiness());
    }
    if let Some(found) = refused(replay) {
        return found;
    }
    if replay.legs.iter().skip(1).any(|leg| leg.last_id.is_none())
        && replay.legs.iter().all(|l| l.tape.arrivals.iter().all(|a| a.id.is_none()))
    {
        let observed = "no event has an id, so a client that comes back has nothing to resume after";
        return Found::Proof(finding(witness, "ids in the events, and exactly the rest after a cut", observed).at(cuts.at));
    }
    let compared = Compared::of(replay, witness);
    if let Some(proof) = compared.proof(replay, witness, cuts.value) {
        return Found::Proof(proof.at(cuts.at));
    }
    if let Some(found) = cut_short(witness) {
        return found;
    }
    if !replay.is_drained {
        return Found::Unseen { why: Unseen::Deadline };
    }
    let seams = seams(&replay.legs);
    match NonZeroU32::new(seams) {
        Some(n) if seams >= cuts.value => Found::Held { n },
        _ => unsure(format!("{seams} of {} cuts had events on both sides: too little flowed to prove more", cuts.value)),
    }
}

/// A reconnect that was not answered by a stream.
fn refused(replay: &Replay) -> Option<Found> {
    let legs: Vec<&Leg> = replay.legs.iter().skip(1).filter(|l| !l.tape.is_event_stream()).collect();
    let first = legs.first()?;
    // A stream that could not be opened is told by sse/type, by its weight; here it only takes the ground away.
    Some(nothing(format!(
        "{} of {} reconnects were answered by no stream: {}",
        legs.len(),
        replay.legs.len() - 1,
        super::brief(&first.tape)
    )))
}

/// Cuts with events on both sides, resumed after an id.
pub(in crate::checks::sse) fn seams(legs: &[Leg]) -> u32 {
    let mut before = false;
    let mut seams = 0;
    for leg in legs {
        let has_events = !leg.tape.arrivals.is_empty();
        if before && has_events && leg.last_id.is_some() {
            seams += 1;
        }
        before |= has_events;
    }
    seams
}

/// Where something is wrong, by its key.
#[derive(Debug, Default)]
struct Compared<'r> {
    /// On the witness, and never at the client: with the legs that got its neighbours.
    gaps: Vec<(&'r Arrival, usize, usize)>,
    /// At the client again, in this leg.
    twice: Vec<(&'r Arrival, usize)>,
    /// At the client, and not on the witness, though it was open.
    unseen: Vec<(&'r Arrival, usize)>,
    /// At the client after one that the witness got later.
    swapped: Vec<(&'r Arrival, &'r Arrival, usize)>,
}

impl<'r> Compared<'r> {
    fn of(replay: &'r Replay, witness: &'r Tape) -> Self {
        let mut compared = Self::default();
        let order: HashMap<String, usize> = witness.arrivals.iter().enumerate().map(|(i, a)| (a.key(), i)).collect();
        // The leg that first got each event of the witness.
        let mut leg_of: Vec<Option<usize>> = vec![None; witness.arrivals.len()];
        let mut got = HashMap::<String, usize>::new();
        let mut last: Option<(usize, &Arrival)> = None;
        let mut from = None;
        for (number, leg) in replay.legs.iter().enumerate() {
            for arrival in &leg.tape.arrivals {
                let key = arrival.key();
                if got.insert(key.clone(), number).is_some() {
                    compared.twice.push((arrival, number));
                    continue;
                }
                match order.get(&key) {
                    // The witness opened first; what came to the client before its own first event on it is old, or was lost there.
                    None => compared.unseen.push((arrival, number)),
                    Some(&place) => {
                        leg_of[place] = Some(number);
                        from.get_or_insert(place);
                        if let Some((_, before)) = last.filter(|(before, _)| *before > place) {
                            compared.swapped.push((before, arrival, number));
                        }
                        last = Some((place, arrival));
                    }
                }
            }
        }
        let Some(from) = from else { return compared };
        // What came to the witness after the client's last event may be on its way, unless all had drained.
        let to = match replay.is_drained && replay.legs.last().is_some_and(|l| l.tape.ended.is_none() && l.cut.is_none()) {
            true => witness.arrivals.len(),
            false => leg_of.iter().rposition(Option::is_some).map_or(0, |i| i + 1),
        };
        for place in from..to {
            if leg_of[place].is_none() {
                let before = leg_of[..place].iter().rev().find_map(|l| *l).unwrap_or_default();
                let after = leg_of[place..].iter().find_map(|l| *l).unwrap_or(before);
                compared.gaps.push((&witness.arrivals[place], before, after));
            }
        }
        compared
    }

    fn proof(&self, replay: &Replay, witness: &Tape, cuts: u32) -> Option<Finding> {
        let expected = format!("exactly the rest after each of {cuts} cuts");
        let told = |leg: usize, observed: String| {
            let tape = replay.legs.get(leg).map_or(witness, |l| &l.tape);
            let resumed = replay.legs.get(leg).and_then(|l| l.last_id.clone()).unwrap_or_else(|| "none".to_owned());
            let counts = format!(
                "{} missing, {} twice, {} out of order, {} unknown to the witness; {} connections, {} events on the witness",
                self.gaps.len(),
                self.twice.len(),
                self.swapped.len(),
                self.unseen.len(),
                replay.legs.len(),
                witness.events
            );
            finding(tape, expected.clone(), observed).detail("last-event-id", resumed).detail("in all", counts)
        };
        if let Some(&(event, before, after)) = self.gaps.first() {
            return Some(match before == after {
                true => told(
                    after,
                    format!(
                        "a gap inside connection {}: {} came to the witness, and never here{}",
                        after + 1,
                        event.brief(),
                        when(replay, event, after)
                    ),
                ),
                false => told(
                    after,
                    format!("a gap at a seam: {} came to the witness, and never here{}", event.brief(), when(replay, event, after)),
                ),
            });
        }
        if let Some(&(event, leg)) = self.twice.first() {
            let of_leg = self.twice.iter().filter(|(_, l)| *l == leg).count();
            let all = replay.legs[leg].tape.arrivals.len();
            let much = if of_leg > 2 { format!(", and {} more of the {all} events of this connection", of_leg - 1) } else { String::new() };
            let seam = if leg == 0 { "" } else { " at a seam" };
            return Some(told(leg, format!("an event twice{seam}: {} had come before{much}", event.brief())));
        }
        if let Some(&(before, after, leg)) = self.swapped.first() {
            return Some(told(
                leg,
                format!("out of order: {}, then {}; the witness got them the other way round", before.brief(), after.brief()),
            ));
        }
        if let Some(&(event, leg)) = self.unseen.first() {
            let opened = show_duration(witness.opened);
            let observed = format!("{} came here, and not to the witness, which was open since +{opened}", event.brief());
            return Some(told(leg, observed));
        }
        None
    }
}

/// When the missing event flowed, against the reconnect.
fn when(replay: &Replay, event: &Arrival, leg: usize) -> String {
    let Some(cut) = leg.checked_sub(1).and_then(|l| replay.legs[l].cut) else { return String::new() };
    let opened = replay.legs[leg].tape.opened;
    if event.at < cut.at {
        ", before the cut".to_owned()
    } else if event.at <= opened {
        format!(", {} after the cut, while the client was away", show_duration(event.at - cut.at))
    } else {
        format!(", {} after the reconnect had opened", show_duration(event.at - opened))
    }
}

/// How much was replayed, for the screen.
pub(in crate::checks::sse) fn told(replay: &Replay) -> String {
    let events: usize = replay.legs.iter().map(|l| l.tape.arrivals.len()).sum();
    format!("{} seams, {} events", seams(&replay.legs), number(events))
}
