//! Holds the states that were seen against the path, clause by clause. No I/O.

use super::look::{Asked, Kept, Observation};
use super::spec::Spec;
use super::state::State;
use super::table;
use crate::model::interval::Against;
use crate::model::quantity::show_duration;
use crate::model::{Case, ClauseId, Finding, Found, Interval, Reading, Unseen};
use std::num::NonZeroU32;

pub(super) mod moves;
#[cfg(test)]
mod tests;

/// The readings of every clause that was looked at.
pub(super) fn judge(spec: &Spec, seen: &Observation) -> Vec<Reading> {
    let mut readings = Vec::new();
    for asked in &seen.asked {
        let Some(clause) = table::CLAUSES.iter().map(|c| c.id).find(|id| id.0 == asked) else { continue };
        match clause {
            table::PATH => readings.push(Reading::of(clause, moves::path(spec, seen))),
            table::SETTLES => {
                readings.push(Reading::of(clause, settles(spec, seen)));
                if let Some(works) = &spec.works {
                    readings.push(case(
                        clause,
                        "works",
                        asks(&seen.works, works.a.is_repeatable(), "the last state was not reached", |f| f),
                    ));
                }
            }
            table::NEVER => readings.push(Reading::of(clause, never(spec, seen))),
            _ => {
                readings.push(case(clause, "progress", progress(seen)));
                if let Some(result) = spec.progress.as_ref().and_then(|p| p.result.as_ref()) {
                    let due = seen.due.clone().unwrap_or_default();
                    let found =
                        asks(&seen.result, result.a.is_repeatable(), "progress was never seen complete", |f| f.detail("complete", due));
                    readings.push(case(clause, "result", found));
                }
            }
        }
    }
    readings
}

fn case(clause: ClauseId, case: &'static str, found: Found) -> Reading {
    Reading { clause, case: Case::Borrowed(case), found }
}

fn nothing(why: impl Into<String>) -> Found {
    Found::Unseen { why: Unseen::NothingToJudge(why.into()) }
}

/// Bad and near ones out of some, or held where there are none.
fn counted(bad: u32, near: u32, of: u32, repeatable: bool, worst: impl FnOnce() -> Finding) -> Found {
    match NonZeroU32::new(of) {
        None => Found::Unseen { why: Unseen::Deadline },
        Some(n) if bad == 0 && near == 0 => Found::Held { n },
        Some(of) => Found::Counted { bad, near, of, worst: worst(), repeatable },
    }
}

/// A moment of the check, told from the trigger on.
fn since(seen: &Observation, at: Interval) -> Interval {
    let (lo, hi) = (at.lo.saturating_sub(seen.triggered.lo), at.hi.saturating_sub(seen.triggered.hi));
    Interval { lo: lo.min(hi), hi }
}

fn is_forbidden(seen: &Observation) -> bool {
    seen.stays.last().is_some_and(|s| s.forbidden)
}

fn never(spec: &Spec, seen: &Observation) -> Found {
    if let Some(stay) = seen.stays.iter().find(|s| s.forbidden) {
        let states = spec.never.iter().flat_map(|n| n.iter()).map(State::show).collect::<Vec<_>>().join(", ");
        let observed = format!("`{}` at +{}", stay.state, show_duration(since(seen, stay.from).hi));
        return Found::Proof(stay.example.finding(format!("never {states}"), observed).detail("states", moves::chain(seen)));
    }
    Found::held(seen.told as usize, "no answer told a state")
}

/// How long the last state took, from the trigger: after the last poll in another state, before the first answer with it.
/// `None`: it is not there, or was there before anything was triggered.
pub(super) fn settled_after(spec: &Spec, seen: &Observation) -> Option<Interval> {
    let at = seen.stays.iter().position(|s| s.place == Some(spec.last()))?;
    let first = &seen.stays[at];
    let before = at.checked_sub(1).map(|i| since(seen, seen.stays[i].until).lo).unwrap_or_default();
    if at == 0 && first.from.hi <= seen.triggered.hi {
        return None;
    }
    let hi = since(seen, first.from).hi;
    Some(Interval { lo: before.min(hi), hi })
}

fn settles(spec: &Spec, seen: &Observation) -> Found {
    if let Some(found) = trigger(seen) {
        return found;
    }
    let last = spec.path.last().map(State::show).unwrap_or_default();
    let deadline = spec.deadline();
    let at = spec.within.as_ref().map(|w| w.at).unwrap_or_default();
    let expected = format!("`{last}` within {}", show_duration(deadline));
    let Some(place) = seen.stays.iter().position(|s| s.place == Some(spec.last())) else {
        if is_forbidden(seen) {
            return nothing("a forbidden state ended it: transition/never tells which");
        }
        if moves::is_off(spec, seen) {
            return nothing("the path was left: transition/path tells where");
        }
        if seen.late == 0 {
            return Found::Unseen { why: Unseen::Deadline };
        }
        let (example, observed) = match (seen.stays.last(), &seen.blank) {
            (Some(stay), _) => (
                &stay.example,
                format!(
                    "still `{}` after {}, since +{}",
                    stay.state,
                    show_duration(since(seen, stay.until).lo),
                    show_duration(since(seen, stay.from).hi)
                ),
            ),
            (None, Some(blank)) => {
                (blank, format!("no state at {} in {} polls; the last answer was {}", spec.observe.b.at.value, seen.polls, blank.brief()))
            }
            (None, None) => return Found::Unseen { why: Unseen::Deadline },
        };
        let finding = example.finding(expected, observed).detail("states", moves::chain(seen)).detail("last", seen.last_lines()).at(at);
        return counted(seen.late, 0, seen.polls, false, || finding);
    };
    if let Some(left) = seen.stays.get(place + 1) {
        let kept = show_duration(left.from.hi.saturating_sub(seen.stays[place].from.hi));
        let finding = left
            .example
            .finding(format!("`{last}` is kept once it is reached"), format!("`{}` within {kept} of it", left.state))
            .detail("states", moves::chain(seen))
            .at(spec.steady_for.as_ref().map_or(at, |s| s.at));
        return Found::Proof(finding);
    }
    let took = settled_after(spec, seen);
    match took.map_or(Against::Within, |took| took.against(deadline)) {
        Against::Within => kept(spec, &last, &seen.kept),
        Against::Near => Found::Unsure {
            why: format!(
                "`{last}` came {} after the trigger, and the deadline of {} lies between",
                took.unwrap_or_default(),
                show_duration(deadline)
            ),
            wants: None,
        },
        Against::Beyond => {
            let observed = format!("`{last}` only after {}", took.unwrap_or_default());
            let finding = seen.stays[place].example.finding(expected, observed).detail("states", moves::chain(seen)).at(at);
            counted(seen.late.max(1), 0, seen.polls.max(seen.late).max(1), false, || finding)
        }
    }
}

/// Polls of the last state that were not answered by it, or by anything.
fn kept(spec: &Spec, last: &str, kept: &Kept) -> Found {
    let bad = kept.blank.saturating_sub(kept.ours);
    if bad == 0 && !kept.whole {
        return Found::Unseen { why: Unseen::Deadline };
    }
    counted(bad, kept.ours, kept.polls, true, || {
        let blank = kept.first_blank.clone().unwrap_or_default();
        let expected = match spec.steady_for {
            Some(_) => format!("`{last}` is told for {}", show_duration(spec.steady_for())),
            None => format!("`{last}` is told again"),
        };
        blank.finding(expected, format!("{}; {} of {} polls told no state", blank.brief(), kept.blank, kept.polls))
    })
}

/// What is wrong with the trigger, if anything.
fn trigger(seen: &Observation) -> Option<Found> {
    if let (Some((expected, observed)), Some(asked)) = (&seen.no_capture, &seen.trigger) {
        return Some(Found::Proof(asked.seen.finding(expected.clone(), observed.clone())));
    }
    let asked = seen.trigger.as_ref().filter(|asked| !asked.fine)?;
    let finding = asked.seen.finding(asked.expected(), format!("the trigger was answered by {}", asked.observed()));
    Some(match asked.is_confusable() {
        true => counted(1, 0, 1, false, || finding),
        false => Found::Proof(finding),
    })
}

/// Requests that have to succeed: trouble and 5xx are counted, another answer is proof.
fn asks(all: &[Asked], repeatable: bool, none: &str, told: impl FnOnce(Finding) -> Finding) -> Found {
    let bad: Vec<&Asked> = all.iter().filter(|a| !a.fine).collect();
    let finding =
        |asked: &Asked| asked.seen.finding(asked.expected(), format!("{}; {} of {} failed", asked.observed(), bad.len(), all.len()));
    if let Some(proof) = bad.iter().find(|a| !a.is_confusable()) {
        return Found::Proof(told(finding(proof)));
    }
    match bad.first() {
        None => Found::held(all.len(), none),
        Some(worst) => counted(number(bad.len()), 0, number(all.len()), repeatable, || told(finding(worst))),
    }
}

fn number(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

fn progress(seen: &Observation) -> Found {
    let progress = &seen.progress;
    if let Some((before, after, answer)) = &progress.back {
        let observed = format!("{before}, then {after} at +{}", show_duration(since(seen, answer.at).hi));
        return Found::Proof(answer.finding("progress that never goes back", observed));
    }
    match (&progress.strange, progress.samples) {
        (Some(strange), 0) => nothing(format!("the progress is no number: {strange}")),
        (_, n) => Found::held(n as usize, "no answer told a progress"),
    }
}

/// One line for the screen.
pub(super) fn summary(seen: &Observation, took: Option<Interval>) -> String {
    let chain = moves::chain(seen);
    match took {
        Some(took) if !chain.is_empty() => format!("{chain} in {took}"),
        _ if chain.is_empty() && seen.polls > 0 => format!("no state in {} polls", seen.polls),
        _ => chain,
    }
}
