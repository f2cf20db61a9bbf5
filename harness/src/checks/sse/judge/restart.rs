//! `sse/identified` over a restart: ids go on above, and one of before is resumed after or answered by a signal.

use super::ordered::numeric;
use super::{brief, case, counted, cut_short, finding, nothing, unopened};
use crate::checks::sse::look::{Arrival, Driven, Observation, Restart};
use crate::checks::sse::spec::Spec;
use crate::checks::sse::table;
use crate::kind::Weight;
use crate::model::{Finding, Found, Reading, Unseen};
use std::collections::HashSet;

pub(super) fn restart(spec: &Spec, seen: &Observation) -> Vec<Reading> {
    if spec.b.restart.is_none() {
        return Vec::new();
    }
    let seen = &seen.restart;
    vec![case(table::IDENTIFIED, "restart", ids(seen)), case(table::IDENTIFIED, "restart/old-id", old_id(spec, seen))]
}

/// Why nothing can be held against before.
fn in_the_way(seen: &Restart) -> Option<Found> {
    let drained = |driven: &Driven| match (driven.ledger.jobs.is_empty(), driven.is_drained) {
        (_, false) => Some(Found::Unseen { why: Unseen::Deadline }),
        (true, true) => Some(nothing(driven.ledger.emptiness())),
        (false, true) => None,
    };
    if let Some(why) = &seen.failed {
        return Some(nothing(why.clone()));
    }
    if seen.before.tape.head == Default::default() {
        return Some(Found::Unseen { why: Unseen::Deadline });
    }
    if let Some(found) = unopened(&seen.before.tape).or_else(|| drained(&seen.before)) {
        return Some(found);
    }
    if seen.back.is_none() {
        return Some(match seen.after.tape.head == Default::default() {
            true => Found::Unseen { why: Unseen::Deadline },
            false => nothing(format!("no stream opened after the restart: {}", brief(&seen.after.tape))),
        });
    }
    drained(&seen.after)
}

/// Events of the driven jobs.
fn ours(driven: &Driven) -> Vec<&Arrival> {
    let jobs = driven.ledger.ids();
    driven.tape.arrivals.iter().filter(|a| a.job.as_deref().is_some_and(|j| jobs.contains(j))).collect()
}

/// Whether ids go on above.
fn ids(seen: &Restart) -> Found {
    if let Some(found) = in_the_way(seen) {
        return found;
    }
    let (before, after) = (ours(&seen.before), ours(&seen.after));
    let told = |before: &Arrival, after: &Arrival| -> Finding {
        let observed = format!("{} before the restart, and {} after it", before.brief(), after.brief());
        finding(&seen.after.tape, "ids after a restart that were not there before it, and above them", observed)
    };
    let highest = before.iter().filter_map(|a| Some((numeric(a.id.as_deref()?)?, *a))).max_by_key(|(id, _)| *id);
    let lowest = after.iter().filter_map(|a| Some((numeric(a.id.as_deref()?)?, *a))).min_by_key(|(id, _)| *id);
    if let (Some((high, one)), Some((low, other))) = (highest, lowest)
        && low <= high
    {
        return Found::Proof(told(one, other));
    }
    let known: HashSet<&str> = before.iter().filter_map(|a| a.id.as_deref()).collect();
    if let Some(again) = after.iter().find(|a| a.id.as_deref().is_some_and(|id| known.contains(id)))
        && let Some(first) = before.iter().find(|a| a.id == again.id)
    {
        return Found::Proof(told(first, again));
    }
    let with_id = after.iter().filter(|a| a.id.is_some()).count();
    match (known.is_empty(), with_id, cut_short(&seen.after.tape)) {
        (false, 0, Some(found)) => found,
        (false, n, _) => Found::held(n, "no event had an id after the restart"),
        (true, ..) => nothing("no event had an id before the restart"),
    }
}

/// What an id of before is good for.
fn old_id(spec: &Spec, seen: &Restart) -> Found {
    if let Some(found) = in_the_way(seen) {
        return found;
    }
    let Some(last_id) = &seen.last_id else { return nothing("no event had an id before the restart") };
    let Some(tape) = seen.resumed.as_ref().filter(|_| seen.is_watched) else { return Found::Unseen { why: Unseen::Deadline } };
    let told = |observed: String| {
        let expected = format!("exactly the rest, a 4xx, 204 or {} first, in answer to an id of before the restart", spec.b.resync_names());
        finding(tape, expected, observed).detail("last-event-id", last_id.clone())
    };
    match tape.head.answered() {
        Some(204 | 400..=407 | 409..=428 | 430..=499) => return Found::held(1, "it was answered"),
        _ if tape.is_event_stream() => {}
        _ if tape.head.weight() == Weight::Confusable => return counted(1, 0, 1, false, || told(brief(tape))),
        _ => return Found::Proof(told(brief(tape))),
    }
    let Some(first) = tape.begins(|name| spec.b.is_resync(name)) else {
        return counted(1, 0, 1, false, || told("200 and a stream without an event, as if nothing had come since".to_owned()));
    };
    if spec.b.is_resync(&first.name) {
        return Found::held(1, "it was answered by a signal");
    }
    let got: HashSet<String> = tape.arrivals.iter().map(Arrival::key).collect();
    let due = ours(&seen.after);
    match due.iter().find(|a| !got.contains(&a.key())) {
        None => Found::held(due.len(), "no event came after the restart"),
        Some(lost) => Found::Proof(told(format!("the stream goes on with {}, and {} never came", first.brief(), lost.brief()))),
    }
}
