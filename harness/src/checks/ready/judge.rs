//! Holds what was seen of readiness against the spec, clause by clause. No I/O.

use super::look::{Asked, Observation, Pair};
use super::spec::Spec;
use super::table;
use crate::kind::{Seen, Weight};
use crate::model::quantity::show_duration;
use crate::model::{Case, ClauseId, Finding, Found, Interval, Reading, Unseen, Want};
use std::num::NonZeroU32;

mod leave;
mod outage;
mod recovery;
mod replicas;
mod soft;
pub(super) mod strict;
#[cfg(test)]
mod tests;

/// The readings of every clause that was looked at.
pub(super) fn judge(spec: &Spec, seen: &Observation) -> Vec<Reading> {
    let mut readings = Vec::new();
    for asked in &seen.asked {
        let Some(clause) = table::CLAUSES.iter().map(|c| c.id).find(|id| id.0 == asked) else { continue };
        let mut one = |found: Found| readings.push(Reading::of(clause, found));
        match clause {
            table::BECOMES => one(becomes(spec, seen)),
            table::STEADY => {
                one(steady(spec, seen));
                readings.extend(outage::steady(seen));
            }
            table::NOT_BEFORE => one(not_before(seen)),
            table::TRUTHFUL => {
                one(truthful(seen));
                readings.extend(outage::truthful(seen));
            }
            table::AGREES => one(agrees(seen)),
            table::NO_LEAK => one(no_leak(seen)),
            table::FIRST_REQUEST => readings.extend(first_request(spec, seen)),
            table::REPLICAS => {
                readings.extend(replicas::replicas(spec, seen));
                readings.extend(outage::replicas(spec, seen));
            }
            table::FALLS => readings.extend(outage::falls(spec, seen)),
            table::RECOVERS => readings.extend(recovery::recovers(spec, seen)),
            table::SOFT => readings.extend(soft::soft(spec, seen)),
            table::LEAVES_FIRST => one(leave::leaves_first(seen)),
            _ => {}
        }
    }
    readings
}

fn case(clause: ClauseId, case: impl Into<Case>, found: Found) -> Reading {
    Reading { clause, case: case.into(), found }
}

fn nothing(why: impl Into<String>) -> Found {
    Found::Unseen { why: Unseen::NothingToJudge(why.into()) }
}

fn not_permitted(why: &str) -> Found {
    Found::Unseen { why: Unseen::NotPermitted(why.to_owned()) }
}

/// A loss that was never begun, and why.
fn not_judged(seen: &Observation) -> Found {
    if seen.ready.is_none() { nothing(NEVER_READY) } else { outage::missing(seen) }
}

/// Bad and near ones out of some, or held where there are none.
fn counted(bad: u32, near: u32, of: u32, repeatable: bool, none: &str, worst: impl FnOnce() -> Finding) -> Found {
    match NonZeroU32::new(of) {
        None => nothing(none),
        Some(n) if bad == 0 && near == 0 => Found::Held { n },
        Some(of) => Found::Counted { bad, near, of, worst: worst(), repeatable },
    }
}

fn number(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// When it became ready: after the last poll that was not, before the first that was.
pub(super) fn lag(seen: &Observation) -> Option<Interval> {
    let ready = seen.ready.as_ref()?;
    let lo = seen.waiting.last_bad.as_ref().map(|p| p.seen.at.lo).unwrap_or_default();
    Some(Interval { lo, hi: ready.seen.ended().max(lo) })
}

const NEVER_READY: &str = "it never became ready: ready/becomes tells why";

fn becomes(spec: &Spec, seen: &Observation) -> Found {
    let deadline = spec.b.deadline();
    let polls = &seen.waiting;
    let expected = format!("ready within {}", show_duration(deadline));
    let finding = |at: &Seen, observed: String| {
        let mut finding =
            at.finding(expected.clone(), observed).detail("last", polls.last_lines()).detail("polls", polls.count.to_string());
        if let Some(first) = &polls.first_bad {
            finding = finding.detail("since", format!("+{}", show_duration(first.seen.at.hi)));
        }
        if let Some(strict) = strict::before(seen) {
            finding = finding.detail("over-strict", format!("{strict} meanwhile"));
        }
        finding.at(spec.b.within.as_ref().map(|w| w.at).unwrap_or_default())
    };
    match (lag(seen), &polls.last_bad) {
        (Some(lag), _) if lag.hi <= deadline => Found::held(polls.count as usize, ""),
        (Some(lag), Some(bad)) if lag.lo > deadline => {
            let worst = finding(&bad.seen, format!("ready only after {lag}"));
            counted(polls.not_ready - polls.ours, polls.ours, polls.count, true, "", || worst)
        }
        // The first answer itself came late: it was asked in time, so the deadline lies inside what can be told.
        (Some(lag), _) => Found::Unsure {
            why: format!("it became ready after {lag}, and the deadline of {} lies between", show_duration(deadline)),
            wants: Some(Want::Finer(deadline / 400)),
        },
        (None, Some(bad)) if seen.overdue => {
            let mut observed = format!("still not ready after {}: {}", show_duration(bad.seen.at.lo), bad.seen.brief());
            if let Some((expected, got)) = &bad.missed {
                observed = format!("{observed}; expected {expected}, got {got}");
            }
            counted(polls.not_ready - polls.ours, polls.ours, polls.count, true, "", || finding(&bad.seen, observed))
        }
        (None, _) => Found::Unseen { why: Unseen::Deadline },
    }
}

fn steady(spec: &Spec, seen: &Observation) -> Found {
    let polls = &seen.steady;
    if seen.ready.is_none() {
        return nothing(NEVER_READY);
    }
    if polls.count == 0 || polls.not_ready == 0 && !seen.steady_to_the_end {
        return Found::Unseen { why: Unseen::Deadline };
    }
    let time = show_duration(spec.b.steady_for().unwrap_or_default());
    counted(polls.not_ready - polls.ours, polls.ours, polls.count, true, "", || {
        let bad = polls.first_bad.as_ref().expect("a bad or near poll was counted, so there is one");
        let since = seen.ready.as_ref().map(|p| p.seen.ended()).unwrap_or_default();
        let after = show_duration(bad.seen.at.hi.saturating_sub(since));
        let observed = format!("{}, {after} after it was ready; {} of {} polls", bad.seen.brief(), polls.not_ready, polls.count);
        let mut finding = bad.seen.finding(format!("ready for {time} without a flap"), observed).detail("last", polls.last_lines());
        if let Some(last) = &polls.last_bad {
            finding = finding.detail("last flap", last.seen.line());
        }
        finding.at(spec.b.steady_for.as_ref().map(|s| s.at).unwrap_or_default())
    })
}

fn not_before(seen: &Observation) -> Found {
    let marker = &seen.marker;
    if let Some((ready, read)) = &marker.lie {
        let observed = format!(
            "ready at +{}, and the marker read at +{} did not hold: {}",
            show_duration(ready.at.hi),
            show_duration(read.at.hi),
            read.brief()
        );
        let finding = ready.finding("not ready until the marker holds", observed).detail("marker", read.sent.clone());
        return Found::Proof(finding);
    }
    if seen.ready.is_none() {
        return nothing(NEVER_READY);
    }
    if marker.held == 0 {
        return nothing(marker.unreadable.clone().unwrap_or_else(|| "the marker was not read".to_owned()));
    }
    if marker.awaited == 0 {
        return not_permitted("the marker held already when it was first seen: what came before it was not there to see");
    }
    Found::held((marker.awaited + marker.held) as usize, "")
}

fn first_request(spec: &Spec, seen: &Observation) -> Vec<Reading> {
    let clause = table::FIRST_REQUEST;
    let (Some(real), Some(ready)) = (&spec.b.real, &seen.ready) else {
        return vec![Reading::of(clause, nothing(NEVER_READY))];
    };
    let Some(first) = &seen.first else {
        return vec![Reading::of(clause, Found::Unseen { why: Unseen::Deadline })];
    };
    let since = |asked: &Asked| show_duration(asked.seen.at.hi.saturating_sub(ready.seen.ended()));
    let found = if first.fine {
        Found::held(1, "")
    } else {
        let observed = format!("{}, {} after the first ready answer", first.observed(), since(first));
        weigh(first, first.seen.finding(first.expected(), observed).detail("ready", ready.seen.line()), 1, 1, false)
    };
    let mut readings = vec![case(clause, "first", found)];
    if real.a.is_repeatable() {
        let bad: Vec<&Asked> = seen.then.iter().filter(|a| !a.fine).collect();
        let found = match (bad.iter().find(|a| a.seen.weight() == Weight::Proof).or(bad.first()), seen.then.len()) {
            (_, 0) => Found::Unseen { why: Unseen::Deadline },
            (None, n) => Found::held(n, ""),
            (Some(worst), n) => {
                let observed = format!("{}; {} of {n} failed", worst.observed(), bad.len());
                weigh(worst, worst.seen.finding(worst.expected(), observed), number(bad.len()), number(n), true)
            }
        };
        readings.push(case(clause, "then", found));
    }
    readings
}

/// Trouble and 5xx are counted; a valid answer that is another one than declared is proof.
fn weigh(asked: &Asked, finding: Finding, bad: u32, of: u32, repeatable: bool) -> Found {
    match asked.seen.weight() {
        Weight::Proof => Found::Proof(finding),
        Weight::Confusable => counted(bad, 0, of, repeatable, "no real request was sent", || finding),
    }
}

fn truthful(seen: &Observation) -> Found {
    match lies(&seen.pairs) {
        Some(proof) => proof,
        None if seen.ready.is_none() => nothing(NEVER_READY),
        None => pairs(&seen.pairs),
    }
}

/// Ready and failing, twice in a row: proof.
fn lies(pairs: &[Pair]) -> Option<Found> {
    let two = pairs.windows(2).find(|two| is_lie(&two[0]) && is_lie(&two[1]))?;
    let observed = format!("{}, twice in a row", told(&two[1]));
    Some(Found::Proof(two[1].real.seen.finding(NO_LIE, observed).detail("before", two[0].real.seen.line())))
}

const NO_LIE: &str = "real requests succeed while it is ready";

fn is_lie(pair: &Pair) -> bool {
    pair.ready && !pair.real.fine
}

fn told(pair: &Pair) -> String {
    format!("ready, and {}: {}", pair.real.seen.sent, pair.real.observed())
}

/// Single failures beside a ready answer, counted.
fn pairs(all: &[Pair]) -> Found {
    let of = all.iter().filter(|p| p.ready).count();
    let bad: Vec<&Pair> = all.iter().filter(|p| is_lie(p)).collect();
    counted(number(bad.len()), 0, number(of), true, "no pair of a ready answer and a real request was seen", || {
        let worst = bad.first().expect("a bad pair was counted, so there is one");
        worst.real.seen.finding(NO_LIE, format!("{}; {} of {of} pairs", told(worst), bad.len()))
    })
}

fn agrees(seen: &Observation) -> Found {
    match &seen.told.contradiction {
        Some((answer, observed)) => Found::Proof(answer.finding("a status code and a status word that say the same", observed.clone())),
        None => Found::held(seen.told.spoke as usize, "no body held a word for the state that is known, such as `\"status\": \"ready\"`"),
    }
}

fn no_leak(seen: &Observation) -> Found {
    match &seen.told.leak {
        Some((answer, leaks)) => {
            let first = leaks.first().map(crate::kind::Leak::sentence).unwrap_or_default();
            let mut finding = answer.finding("no secret, DSN, key, stack trace or host path", first);
            for other in leaks.iter().skip(1) {
                finding = finding.detail("also", other.sentence());
            }
            Found::Proof(finding)
        }
        None => Found::held(seen.told.searched as usize, "no answer came: ready/becomes tells why"),
    }
}
