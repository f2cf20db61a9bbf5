//! `sse/replay`: what a client got over all its connections, held against a witness that nobody cut.

use super::{cut_short, finding, nothing, number, unopened, unsure};
use crate::checks::sse::look::{Arrival, Leg, Observation, Replay, Tape, crossed, missed, seams};
use crate::checks::sse::spec::{SETTLED, Spec};
use crate::model::quantity::show_duration;
use crate::model::{Finding, Found, Unseen};
use std::collections::{HashMap, HashSet};
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
    let ours = replay.ledger.ids();
    if replay.legs.iter().skip(1).any(|leg| leg.last_id.is_none())
        && replay.legs.iter().all(|l| l.tape.arrivals.iter().all(|a| a.id.is_none()))
        && replay.legs.iter().any(|l| l.tape.arrivals.iter().any(|a| is_of(&ours, a)))
    {
        let observed = "no event has an id, so a client that comes back has nothing to resume after";
        return Found::Proof(finding(witness, "ids in the events, and exactly the rest after a cut", observed).at(cuts.at));
    }
    let compared = Compared::of(spec, replay, witness, &ours);
    if let Some(proof) = compared.proof(replay, witness, cuts.value) {
        return Found::Proof(proof.at(cuts.at));
    }
    if let Some(found) = cut_short(witness) {
        return found;
    }
    let seams = seams(&replay.legs, |a| is_of(&ours, a));
    if replay.is_gone {
        return unsure(format!(
            "the client stopped coming back after {} connections, {seams} of {} cuts were seen",
            replay.legs.len(),
            cuts.value
        ));
    }
    if !replay.is_drained {
        return Found::Unseen { why: Unseen::Deadline };
    }
    let (missed, least) = (missed(&replay.legs, witness, |a| is_of(&ours, a)), Replay::missed_at_least(cuts.value));
    let crossed = crossed(&replay.legs, witness, |a| is_of(&ours, a));
    match NonZeroU32::new(seams) {
        Some(_) if seams >= cuts.value && missed < least => unsure(format!(
            "something was produced while the client was away in {missed} of {seams} cuts, and {least} are needed to say that it comes again"
        )),
        Some(_) if seams >= cuts.value && crossed < least => unsure(format!(
            "after {crossed} of {seams} cuts the client got from what it had missed to what was new, and {least} are needed to say that nothing is lost between the two"
        )),
        Some(n) if seams >= cuts.value => Found::Held { n },
        _ => unsure(format!("{seams} of {} cuts had events on both sides: too little flowed to prove more", cuts.value)),
    }
}

/// An event of the driven jobs. What others do on the stream, and greetings, come as they like.
fn is_of(ours: &HashSet<&str>, arrival: &Arrival) -> bool {
    arrival.job.as_deref().is_some_and(|job| ours.contains(job))
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
    fn of(spec: &Spec, replay: &'r Replay, witness: &'r Tape, ours: &HashSet<&str>) -> Self {
        let mut compared = Self::default();
        // Without an id or a number an event cannot be told from another one of its kind.
        let is_ours = |a: &&Arrival| is_of(ours, a) && a.is_identified();
        let due: Vec<&Arrival> = witness.arrivals.iter().filter(is_ours).collect();
        let order: HashMap<String, usize> = due.iter().enumerate().map(|(i, a)| (a.key(), i)).collect();
        // Nobody promised an order between jobs where it does not stand in the ids.
        let chain = |a: &'r Arrival| if spec.b.ids_are_ordered() { "" } else { a.job.as_deref().unwrap_or_default() };
        let is_open = replay.legs.last().is_some_and(|l| l.tape.ended.is_none() && l.cut.is_none());
        let is_whole = replay.is_drained && is_open && witness.ended.is_none();
        // What came just before we left may be on its way to the other one.
        let has_settled = |a: &Arrival| is_whole && a.at + SETTLED <= replay.left;
        // The leg that first got each event of the witness.
        let mut leg_of: Vec<Option<usize>> = vec![None; due.len()];
        let mut got = HashSet::<String>::new();
        let mut last = HashMap::<&str, (usize, &Arrival)>::new();
        let mut from = None;
        for (number, leg) in replay.legs.iter().enumerate() {
            for arrival in leg.tape.arrivals.iter().filter(is_ours) {
                let key = arrival.key();
                if !got.insert(key.clone()) {
                    compared.twice.push((arrival, number));
                    continue;
                }
                match order.get(&key) {
                    // The witness opened first; what came to the client before its own first event on it is old, or was lost there.
                    None if has_settled(arrival) => compared.unseen.push((arrival, number)),
                    None => {}
                    Some(&place) => {
                        leg_of[place] = Some(number);
                        from.get_or_insert(place);
                        if let Some((before, earlier)) = last.insert(chain(arrival), (place, arrival))
                            && before > place
                        {
                            compared.swapped.push((earlier, arrival, number));
                        }
                    }
                }
            }
        }
        let Some(from) = from else { return compared };
        // The last event of each chain that came to the client: what is missing before it was passed over.
        let came: HashMap<&str, usize> =
            due.iter().enumerate().filter(|(place, _)| leg_of[*place].is_some()).map(|(place, a)| (chain(a), place)).collect();
        for place in from..due.len() {
            let is_passed = came.get(chain(due[place])).is_some_and(|last| *last > place);
            if leg_of[place].is_none() && (is_passed || has_settled(due[place])) {
                let before = leg_of[..place].iter().rev().find_map(|l| *l).unwrap_or_default();
                let after = leg_of[place..].iter().find_map(|l| *l).unwrap_or(before);
                compared.gaps.push((due[place], before, after));
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
    let ours = replay.ledger.ids();
    format!("{} seams, {} events", seams(&replay.legs, |a| is_of(&ours, a)), number(events))
}
