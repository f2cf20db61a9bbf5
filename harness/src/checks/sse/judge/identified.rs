//! `sse/identified`: every event of the driven jobs has an id of its own.

use super::{case, finding, nothing, unopened};
use crate::checks::sse::look::{Arrival, Live, Observation, Tape};
use crate::checks::sse::spec::Spec;
use crate::checks::sse::table;
use crate::model::quantity::show_duration;
use crate::model::{Finding, Found, Reading, Unseen};
use std::collections::HashMap;

pub(super) fn identified(spec: &Spec, seen: &Observation) -> Vec<Reading> {
    if seen.live.subscribers.is_empty() {
        return vec![Reading::of(table::IDENTIFIED, Found::Unseen { why: Unseen::Deadline })];
    }
    seen.live.subscribers.iter().map(|s| case(table::IDENTIFIED, s.tape.name.clone(), of(spec, &seen.live, &s.tape))).collect()
}

fn of(spec: &Spec, live: &Live, tape: &Tape) -> Found {
    if let Some(found) = unopened(tape) {
        return found;
    }
    if live.ledger.jobs.is_empty() {
        return nothing(live.ledger.emptiness());
    }
    let jobs = live.ledger.ids();
    let ours: Vec<&Arrival> = tape.arrivals.iter().filter(|a| a.job.as_deref().is_some_and(|j| jobs.contains(j))).collect();
    let proof = by_id(spec, tape, &ours).or_else(|| by_sequence(spec, tape, &ours));
    proof.map_or_else(|| Found::held(ours.len(), "no event of the driven jobs came"), Found::Proof)
}

fn by_id(spec: &Spec, tape: &Tape, ours: &[&Arrival]) -> Option<Finding> {
    if !spec.b.ids_are_ordered() {
        return None;
    }
    if let Some(bare) = ours.iter().find(|a| a.id.as_deref().is_none_or(str::is_empty)) {
        let count = ours.iter().filter(|a| a.id.as_deref().is_none_or(str::is_empty)).count();
        let observed = format!("{count} of {} events have none, the first is {}", ours.len(), bare.brief());
        return Some(finding(tape, "an `id:` in every event", observed).detail("when", at(bare)));
    }
    let mut first = HashMap::<&str, &Arrival>::new();
    for arrival in tape.arrivals.iter() {
        // An `id:` without a character takes the id away, whoever sends it.
        let Some(id) = arrival.id.as_deref().filter(|id| !id.is_empty()) else { continue };
        if let Some(before) = first.insert(id, arrival) {
            return Some(twice(tape, &format!("id {id}"), before, arrival));
        }
    }
    None
}

fn by_sequence(spec: &Spec, tape: &Tape, ours: &[&Arrival]) -> Option<Finding> {
    let path = spec.b.sequence()?;
    if let Some(bare) = ours.iter().find(|a| a.sequence.is_none()) {
        return Some(
            finding(tape, format!("a number at {path} in every event"), format!("none in {}", bare.brief())).detail("when", at(bare)),
        );
    }
    let mut first = HashMap::<(&str, i64), &Arrival>::new();
    for arrival in ours {
        let (Some(job), Some(sequence)) = (arrival.job.as_deref(), arrival.sequence) else { continue };
        if let Some(before) = first.insert((job, sequence), arrival) {
            return Some(twice(tape, &format!("number {sequence} of {job}"), before, arrival));
        }
    }
    None
}

fn twice(tape: &Tape, what: &str, before: &Arrival, after: &Arrival) -> Finding {
    let same = if before.hash == after.hash && before.name == after.name { "the same event twice" } else { "two different events" };
    let observed = format!("{what} stands on {same}: {}, then {}", before.brief(), after.brief());
    finding(tape, "an id stands on one event", observed).detail("when", format!("{} and {}", at(before), at(after)))
}

fn at(arrival: &Arrival) -> String {
    format!("+{}", show_duration(arrival.at))
}
