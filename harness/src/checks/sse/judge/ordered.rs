//! `sse/ordered`: each subscriber gets every event of the driven jobs, in their order.

use super::{case, cut_short, finding, nothing, unopened, unsure};
use crate::checks::sse::look::{Arrival, Counts, Keys, Live, Observation, Subscriber, Tape};
use crate::checks::sse::spec::{SETTLED, Spec};
use crate::checks::sse::table;
use crate::model::quantity::show_duration;
use crate::model::{Finding, Found, Reading, Unseen};
use std::collections::{BTreeSet, HashMap, HashSet};

pub(super) fn ordered(spec: &Spec, seen: &Observation) -> Vec<Reading> {
    if seen.live.subscribers.is_empty() {
        return vec![Reading::of(table::ORDERED, Found::Unseen { why: Unseen::Deadline })];
    }
    seen.live.subscribers.iter().map(|s| case(table::ORDERED, s.tape.name.clone(), of(spec, &seen.live, s))).collect()
}

fn of(spec: &Spec, live: &Live, subscriber: &Subscriber) -> Found {
    let tape = &subscriber.tape;
    if let Some(found) = unopened(tape) {
        return found;
    }
    if live.ledger.jobs.is_empty() {
        return nothing(live.ledger.emptiness());
    }
    let jobs = live.ledger.ids();
    let ours: Vec<&Arrival> = tape.arrivals.iter().filter(|a| a.job.as_deref().is_some_and(|j| jobs.contains(j))).collect();
    if let Some(proof) = out_of_order(spec, tape, &ours) {
        return Found::Proof(proof);
    }
    if let Some(found) = cut_short(tape) {
        return found;
    }
    if !live.is_drained {
        return Found::Unseen { why: Unseen::Deadline };
    }
    if let Some(proof) = lost(spec, live, tape, &ours) {
        return Found::Proof(proof);
    }
    if spec.b.ids_are_ordered() && spec.b.sequence().is_none() && !ours.is_empty() && !ours.iter().any(|a| a.is_identified()) {
        return nothing("no event of the driven jobs has an id, so no order can be held: sse/identified tells more");
    }
    if spec.b.ids_are_ordered()
        && let Some(odd) = ours.iter().find(|a| a.id.as_deref().is_some_and(|id| numeric(id).is_none()))
        && spec.b.sequence().is_none()
    {
        return unsure(format!("event ids such as {} are no numbers, so no order can be held", odd.id.as_deref().unwrap_or_default()));
    }
    Found::held(ours.len(), "no event of the driven jobs came")
}

/// An id as a number.
pub(super) fn numeric(id: &str) -> Option<u128> {
    id.bytes().all(|b| b.is_ascii_digit()).then(|| id.parse().ok()).flatten()
}

/// The first event that came after a later one.
fn out_of_order(spec: &Spec, tape: &Tape, ours: &[&Arrival]) -> Option<Finding> {
    let told = |before: &Arrival, after: &Arrival| {
        finding(tape, "events in the order in which they were produced", format!("{}, then {}", before.brief(), after.brief()))
            .detail("when", format!("+{}, at byte {} of the stream", show_duration(after.at), after.offset))
    };
    if spec.b.ids_are_ordered() {
        let numbered: Vec<(u128, &Arrival)> = ours.iter().filter_map(|a| Some((numeric(a.id.as_deref()?)?, *a))).collect();
        if let Some(two) = numbered.windows(2).find(|two| two[1].0 < two[0].0) {
            return Some(told(two[0].1, two[1].1));
        }
    }
    let mut last = HashMap::<&str, &Arrival>::new();
    for arrival in ours {
        let (Some(job), Some(sequence)) = (arrival.job.as_deref(), arrival.sequence) else { continue };
        if let Some(before) = last.insert(job, arrival).filter(|before| before.sequence.is_some_and(|s| s > sequence)) {
            return Some(told(before, arrival));
        }
    }
    None
}

/// The first event that never came.
fn lost(spec: &Spec, live: &Live, tape: &Tape, ours: &[&Arrival]) -> Option<Finding> {
    let waited = show_duration(spec.b.drains_within());
    let got: HashSet<&str> = ours.iter().filter_map(|a| a.job.as_deref()).collect();
    let silent: Vec<_> = live.ledger.jobs.iter().filter(|j| !got.contains(j.id.as_str())).collect();
    if let Some(job) = silent.first() {
        let observed = format!("{} of {} acknowledged jobs have no event, {} is the first", silent.len(), live.ledger.jobs.len(), job.id);
        let told = finding(tape, format!("every acknowledged job tells its events within {waited}"), observed)
            .detail("acknowledged", format!("+{}", show_duration(job.answered)));
        return Some(unread(told, tape));
    }
    if let Some((job, missing)) = holes(live, ours) {
        let observed = format!("number {missing} of {job} never came");
        return Some(finding(tape, "the numbers of each job's events have no hole", observed).detail("came", numbers(ours, &job)));
    }
    // What another subscriber got, and this one did not.
    let (mut keys, mut counts) = (Keys::default(), Counts::default());
    let mine: HashSet<String> = ours.iter().map(|a| keys.next(&mut counts, a)).collect();
    let jobs = live.ledger.ids();
    for other in live.subscribers.iter().map(|s| &s.tape).filter(|t| t.name != tape.name && t.is_event_stream()) {
        let theirs = other.arrivals.iter().filter(|a| a.job.as_deref().is_some_and(|j| jobs.contains(j)));
        let mut counts = Counts::default();
        let is_missing = |a: &&Arrival| !mine.contains(&keys.next(&mut counts, a)) && a.at + SETTLED <= live.left;
        let missing: Vec<&Arrival> = theirs.filter(is_missing).collect();
        if let Some(first) = missing.first() {
            let observed =
                format!("{} events came on the stream `{}` and not here, the first is {}", missing.len(), other.name, first.brief());
            let told = finding(tape, "every subscriber gets every event", observed);
            return Some(told.detail("there", format!("+{}", show_duration(first.at))));
        }
    }
    None
}

/// Bytes that came and made no event: they may be what is missing.
fn unread(told: Finding, tape: &Tape) -> Finding {
    match tape.arrivals.iter().filter(|a| a.job.is_none()).count() {
        0 if tape.events == 0 => told.detail("came", format!("{} bytes, {} comments and no event", tape.bytes, tape.comments)),
        0 => told,
        n => told.detail("came", format!("{n} events without a job at the declared path")),
    }
}

/// The first number that is missing between those that came, or before the first one.
fn holes(live: &Live, ours: &[&Arrival]) -> Option<(String, i64)> {
    let mut of_job = HashMap::<&str, BTreeSet<i64>>::new();
    for arrival in ours {
        if let (Some(job), Some(sequence)) = (arrival.job.as_deref(), arrival.sequence) {
            of_job.entry(job).or_default().insert(sequence);
        }
    }
    // All jobs count from the same number on.
    let first = of_job.values().filter_map(|all| all.first()).min().copied()?;
    live.ledger.jobs.iter().find_map(|job| {
        let all = of_job.get(job.id.as_str())?;
        let missing = all.iter().zip(first..).find(|(came, due)| *came != due).map(|(_, due)| due)?;
        Some((job.id.clone(), missing))
    })
}

fn numbers(ours: &[&Arrival], job: &str) -> String {
    let of_job = ours.iter().filter(|a| a.job.as_deref() == Some(job));
    of_job.filter_map(|a| a.sequence).take(50).map(|s| s.to_string()).collect::<Vec<_>>().join(", ")
}
