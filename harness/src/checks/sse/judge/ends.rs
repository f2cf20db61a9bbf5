//! `sse/ends`: each job ends with exactly one terminal event, after all progress, and its own stream with it.

use super::{brief, case, counted, cut_short, finding, nothing, number, unopened, unsure};
use crate::checks::sse::look::{Arrival, Ended, Live, Observation, Own, Tape};
use crate::checks::sse::spec::Spec;
use crate::checks::sse::table;
use crate::kind::Weight;
use crate::model::quantity::show_duration;
use crate::model::{Finding, Found, Reading, Unseen};
use std::collections::HashMap;

pub(super) fn ends(spec: &Spec, seen: &Observation) -> Vec<Reading> {
    let own = &spec.b;
    let all = match seen.live.subscribers.first() {
        Some(subscriber) => terminal(spec, &seen.live, &subscriber.tape),
        None => Found::Unseen { why: Unseen::Deadline },
    };
    let mut readings = vec![Reading::of(table::ENDS, all)];
    if own.result.is_some() {
        readings.push(case(table::ENDS, "result", result(spec, seen)));
    }
    if own.per_job.is_some() {
        let good: Vec<&Own> = seen.ends.own.iter().filter(|o| !o.is_failing).collect();
        readings.push(case(table::ENDS, "per-job", own_stream(spec, &good)));
        readings.push(case(table::ENDS, "finished", finished(&good)));
    }
    if own.failing.is_some() {
        let bad: Vec<&Own> = seen.ends.own.iter().filter(|o| o.is_failing).collect();
        readings.push(case(table::ENDS, "failing", own_stream(spec, &bad)));
    }
    readings
}

fn names(spec: &Spec) -> String {
    let names: Vec<String> = spec.b.ends_with.iter().flat_map(|m| m.iter()).map(|n| format!("`{}`", n.value)).collect();
    names.join(" or ")
}

fn terminal(spec: &Spec, live: &Live, tape: &Tape) -> Found {
    if let Some(found) = unopened(tape) {
        return found;
    }
    if live.ledger.jobs.is_empty() {
        return nothing(live.ledger.emptiness());
    }
    let mut events = HashMap::<&str, Vec<&Arrival>>::new();
    for arrival in &tape.arrivals {
        if let Some(job) = arrival.job.as_deref() {
            events.entry(job).or_default().push(arrival);
        }
    }
    let mut ended = 0;
    let mut open = Vec::new();
    for job in &live.ledger.jobs {
        let of_job = events.get(job.id.as_str()).map_or(&[][..], Vec::as_slice);
        if let Some(proof) = one_job(spec, tape, &job.id, of_job) {
            return Found::Proof(proof);
        }
        match of_job.iter().any(|a| spec.b.is_terminal(&a.name)) {
            true => ended += 1,
            false => open.push((job, of_job.last())),
        }
    }
    let Some((job, last)) = open.first() else { return Found::held(ended, "no job was made") };
    if let Some(found) = cut_short(tape) {
        return found;
    }
    if !live.is_drained {
        return Found::Unseen { why: Unseen::Deadline };
    }
    let last =
        last.map_or_else(|| "it has no event at all".to_owned(), |a| format!("its last is {} at +{}", a.brief(), show_duration(a.at)));
    let waited = show_duration(spec.b.drains_within());
    let observed = format!("none within {waited} for {} of {} jobs: {}, {last}", open.len(), live.ledger.jobs.len(), job.id);
    Found::Proof(finding(tape, format!("one {} for each job", names(spec)), observed))
}

/// What is wrong with the events of one job, whether or not it has ended.
fn one_job(spec: &Spec, tape: &Tape, job: &str, events: &[&Arrival]) -> Option<Finding> {
    let chain = || events.iter().take(50).map(|a| a.name.as_str()).collect::<Vec<_>>().join(" -> ");
    let told = |expected: String, observed: String, at: &Arrival| {
        let when = format!("+{}", show_duration(at.at));
        Some(finding(tape, expected, observed).detail("job", job).detail("events", chain()).detail("when", when))
    };
    let mut before: Option<(f64, &Arrival)> = None;
    let mut end: Option<&Arrival> = None;
    for arrival in events {
        let is_terminal = spec.b.is_terminal(&arrival.name);
        match end {
            Some(first) if is_terminal => {
                return told(
                    format!("one {} for each job", names(spec)),
                    format!("two of {job}: {}, then {}", first.brief(), arrival.brief()),
                    arrival,
                );
            }
            // On the stream of one job this may be its last word: `event: close`, to those who shall not come back.
            Some(_) if arrival.job.is_none() && arrival.sequence.is_none() && arrival.progress.is_none() => continue,
            Some(first) => {
                return told(
                    "nothing of a job after its terminal event".to_owned(),
                    format!("{}, then {}", first.brief(), arrival.brief()),
                    arrival,
                );
            }
            None if is_terminal => end = Some(arrival),
            None => {}
        }
        if let Some(progress) = arrival.progress {
            if let Some((was, earlier)) = before.filter(|(was, _)| progress < *was) {
                let observed = format!("{was} in {}, then {progress} in {}", earlier.brief(), arrival.brief());
                return told("progress that never goes back".to_owned(), observed, arrival);
            }
            before = Some((progress, arrival));
        }
    }
    None
}

fn result(spec: &Spec, seen: &Observation) -> Found {
    let all = &seen.ends.results;
    let repeatable = spec.b.result.as_ref().is_some_and(|r| r.a.is_repeatable());
    let bad: Vec<_> = all.iter().filter(|f| !f.fine).collect();
    let told = |f: &crate::checks::sse::look::Fetched| {
        let (expected, observed) =
            f.missed.clone().unwrap_or_else(|| ("the declared answer (2xx where nothing is said)".to_owned(), f.seen.brief()));
        let why = format!("{observed}, right after the terminal event of {}; {} of {} failed", f.job, bad.len(), all.len());
        f.seen.finding(expected, why)
    };
    if let Some(proof) = bad.iter().find(|f| !f.is_confusable()) {
        return Found::Proof(told(proof));
    }
    if all.is_empty() {
        return nothing("no job was seen to end");
    }
    counted(number(bad.len()), 0, number(all.len()), repeatable, || told(bad[0]))
}

/// The stream of one job: it ends, and not without a terminal event.
fn own_stream(spec: &Spec, all: &[&Own]) -> Found {
    let mut held = 0;
    for own in all {
        let Some(job) = &own.job else {
            return nothing(own.refusal.clone().unwrap_or_else(|| "no job was made".to_owned()));
        };
        let tape = &own.tape;
        if let Some(found) = unopened(tape) {
            return found;
        }
        let expected = format!("one {}, and then the end of the stream", names(spec));
        let events: Vec<&Arrival> = tape.arrivals.iter().collect();
        if let Some(proof) = one_job(spec, tape, &job.id, &events) {
            return Found::Proof(proof);
        }
        let has_ended = events.iter().any(|a| spec.b.is_terminal(&a.name));
        let last = events.last().map_or_else(|| "no event at all".to_owned(), |a| a.brief());
        match (&tape.ended, has_ended) {
            (Some(Ended::Whole { in_event: false }), true) => held += 1,
            (Some(ended @ Ended::Broken { snag, .. }), true) if snag.confusable => {
                return counted(1, 0, 1, false, || finding(tape, expected, format!("after its terminal event: {}", ended.brief())));
            }
            (Some(ended), true) => return Found::Proof(finding(tape, expected, format!("after its terminal event: {}", ended.brief()))),
            // A cut could come from anywhere; an end in good form comes from the service.
            (Some(Ended::Broken { snag, .. }), false) if snag.confusable => {
                return counted(1, 0, 1, false, || finding(tape, expected, format!("the stream broke off after {last}: {}", snag.text)));
            }
            (Some(ended), false) => {
                let observed = format!("a silent end after {last}: {}", ended.brief());
                return Found::Proof(finding(tape, expected, observed).detail("job", job.id.clone()));
            }
            (None, true) if own.is_watched => {
                return Found::Proof(finding(tape, expected, format!("{last}, and the stream stays open")).detail("job", job.id.clone()));
            }
            (None, false) if own.is_watched => {
                let observed = format!("none within {}, the last is {last}", show_duration(spec.b.drains_within()));
                return Found::Proof(finding(tape, expected, observed).detail("job", job.id.clone()));
            }
            (None, _) => return Found::Unseen { why: Unseen::Deadline },
        }
    }
    match held {
        0 => Found::Unseen { why: Unseen::Deadline },
        n => Found::held(n, "no stream ended"),
    }
}

/// A reconnect to the stream of a job that has ended.
fn finished(all: &[&Own]) -> Found {
    let tried: Vec<&Tape> = all.iter().filter_map(|o| o.again.as_ref()).collect();
    let Some(bad) = tried.iter().find(|t| t.head.answered() != Some(204)) else {
        return match tried.len() {
            0 if all.iter().any(|o| o.is_watched) => unsure("no stream of a job ended, so none could be reconnected to"),
            0 => Found::Unseen { why: Unseen::Deadline },
            n => Found::held(n, "none was tried"),
        };
    };
    let observed = match bad.is_event_stream() {
        true if bad.ended.is_none() => "200, and a stream that stays open: every client hangs on it, or comes back for ever".to_owned(),
        true => "200 and a stream that ends: every client comes back for ever".to_owned(),
        false => brief(bad),
    };
    let told = || finding(bad, "204: it is finished, do not come back", observed);
    match bad.head.weight() {
        Weight::Confusable => counted(1, 0, 1, false, told),
        Weight::Proof => Found::Proof(told()),
    }
}
