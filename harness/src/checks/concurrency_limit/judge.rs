//! Holds what was seen against the promises, clause by clause. No I/O.

use super::look::{Observation, Trial, number};
use super::probe::{MANY_MORE, ONE_MORE};
use super::spec::Spec;
use super::table;
use crate::kind::{Advice, Told};
use crate::model::quantity::show_duration;
use crate::model::{Case, ClauseId, Finding, Found, Measurement, Reading, Unseen};
use std::num::NonZeroU32;

mod exact;
mod rest;
#[cfg(test)]
mod tests;

/// The readings of every clause that was looked at.
pub(super) fn judge(spec: &Spec, seen: &Observation) -> Vec<Reading> {
    let mut readings = Vec::new();
    for asked in &seen.asked {
        let Some(clause) = table::CLAUSES.iter().map(|c| c.id).find(|id| id.0 == asked) else { continue };
        match clause {
            table::EXACT => readings.extend(exact::exact(spec, seen)),
            // Where nothing beyond the limit may be sent, there is nothing that these are about.
            table::STATUS | table::RETRY_AFTER | table::NO_EFFECT | table::ALIVE if exact::only_as_many(spec, seen).is_some() => {
                readings.push(Reading::of(clause, not_here(exact::only_as_many(spec, seen).unwrap_or_default())));
            }
            table::STATUS => readings.push(Reading::of(clause, before(spec, seen).unwrap_or_else(|| rest::status(spec, seen)))),
            table::RETRY_AFTER => readings.extend(cases(spec, seen, clause, rest::retry_after)),
            table::RETURNS => readings.extend(cases(spec, seen, clause, rest::returns)),
            table::NO_EFFECT => readings.push(Reading::of(clause, before(spec, seen).unwrap_or_else(|| rest::no_effect(seen)))),
            _ => readings.push(Reading::of(clause, before(spec, seen).unwrap_or_else(|| rest::alive(spec, seen)))),
        }
    }
    readings
}

/// The cases of a clause, or one reading that says why there are none.
fn cases(spec: &Spec, seen: &Observation, clause: ClauseId, all: fn(&Spec, &Observation) -> Vec<(&'static str, Found)>) -> Vec<Reading> {
    match before(spec, seen) {
        Some(found) => vec![Reading::of(clause, found)],
        None => all(spec, seen).into_iter().map(|(name, found)| case(clause, name, found)).collect(),
    }
}

/// Why nothing beyond the limit itself could be looked at, if so.
fn before(spec: &Spec, seen: &Observation) -> Option<Found> {
    if !seen.lone.done {
        return Some(late());
    }
    if let Some(why) = seen.trials.get(super::probe::K).and_then(|trial| trial.not_here.clone()) {
        return Some(not_here(why));
    }
    if seen.lone.takes.is_empty() {
        return Some(nothing("not even one alone was served: limit/exact tells why"));
    }
    if let Some(why) = &seen.lone.stop {
        return Some(unsure(why.clone()));
    }
    let trial = seen.trials.get(super::probe::K)?;
    if !trial.done {
        return Some(late());
    }
    let limit = spec.b.k();
    (!seen.is_kept(super::probe::K)).then(|| nothing(format!("it is not certain that {limit} at once are admitted: limit/exact tells why")))
}

fn case(clause: ClauseId, name: &'static str, found: Found) -> Reading {
    Reading { clause, case: Case::Borrowed(name), found }
}

fn nothing(why: impl Into<String>) -> Found {
    Found::Unseen { why: Unseen::NothingToJudge(why.into()) }
}

fn unsure(why: impl Into<String>) -> Found {
    Found::Unsure { why: why.into(), wants: None }
}

/// The environment does not allow it.
fn not_here(why: impl Into<String>) -> Found {
    Found::Unseen { why: Unseen::NotPermitted(why.into()) }
}

/// The deadline came first.
fn late() -> Found {
    Found::Unseen { why: Unseen::Deadline }
}

/// The third bad one breaks it; one or two are a doubt; none is good.
fn thrice(bad: u32, of: u32, what: &str, worst: impl FnOnce() -> Finding) -> Found {
    match NonZeroU32::new(of) {
        None => late(),
        Some(n) if bad == 0 => Found::Held { n },
        Some(of) if bad >= 3 => Found::Counted { bad, near: 0, of, worst: worst(), repeatable: false },
        Some(of) => unsure(format!("intermittent: {bad} of {of} {what}: {}", worst().observed)),
    }
}

/// One line for the screen, and the numbers for the record.
pub(super) fn tell(spec: &Spec, seen: &Observation) -> Told {
    let mut parts = Vec::new();
    if let Some(most) = measured(seen) {
        parts.push(format!("{most} at once"));
    }
    if seen.refusals.right > 0 {
        let slowest = seen.refusals.slowest.map(|s| format!(", the slowest after {s}")).unwrap_or_default();
        parts.push(format!("{} refused{slowest}", seen.refusals.right));
    }
    if seen.lone.turned_away > 0 {
        parts.push(format!("one alone refused {} times before it was served", seen.lone.turned_away));
    }
    if let Some((wave, after)) = seen.late_return.as_ref().and_then(|wave| Some((wave, wave.after?))) {
        let after = show_duration(after);
        parts.push(format!("only {} of {} once, {after} after the answers before: not counted", wave.admitted, wave.sent));
    }
    if spec.b.counts_jobs() && seen.jobs.accepted > 0 {
        parts.push(format!("{} jobs begun", seen.jobs.accepted));
    }
    if seen.jobs.looked_again > 0 {
        parts.push(format!("looks at a job's state that failed and were repeated: {}", seen.jobs.looked_again));
    }
    let widest = seen.trials.values().flat_map(|t| &t.waves).map(|w| w.spread).max();
    if let Some(spread) = widest {
        parts.push(format!("releases within {}", show_duration(spread)));
    }
    Told { summary: parts.join(", "), measurements: Measurement::of_times("time_alone", &seen.lone.takes).into_iter().collect() }
}

/// Most ids in the note about jobs that are left; the record of a check that did not pass has all of them.
const NAMED: usize = 100;

/// Jobs that may go on when the check is over.
pub(super) fn left(seen: &Observation) -> Vec<Advice> {
    let jobs = &seen.jobs;
    let mut all = Vec::new();
    if !jobs.open.is_empty() {
        let named = jobs.open.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
        let more = jobs.open.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(", and {more} more") } else { String::new() };
        all.push(format!("jobs that this check began and that may go on: {} ({named}{more})", jobs.open.len()));
    }
    if jobs.unknown > 0 {
        let n = jobs.unknown;
        all.push(format!("submissions that were never answered, or by no id: {n}; what they began cannot be named, and may go on"));
    }
    if let Some(id) = &jobs.not_known {
        all.push(format!("`cancel` does not know job {id}, which had not ended: look at its path"));
    }
    if let Some((id, state)) = &jobs.stays {
        all.push(format!("job {id} stayed `{state}` after `cancel`: if that is an end, name it in `outcome.failed`"));
    }
    all.into_iter().map(|what| Advice { clause: table::EXACT, case: Case::Borrowed(""), what }).collect()
}

/// The most that were in work at once in any wave.
fn measured(seen: &Observation) -> Option<u32> {
    let waves = || seen.trials.values().flat_map(|t| &t.waves);
    waves().map(|w| w.admitted).max().filter(|most| *most > 0)
}

/// What is known of where the limit really lies.
fn edge(seen: &Observation, limit: u32) -> Option<String> {
    let most = measured(seen)?;
    let widest = [MANY_MORE, ONE_MORE].iter().find_map(|case| seen.trials.get(*case).filter(|t| !t.waves.is_empty()))?;
    let wave = widest.waves.iter().max_by_key(|w| w.admitted)?;
    let by_replica = match wave.by_replica.len() {
        0 | 1 => String::new(),
        _ => format!(" ({})", wave.by_replica.iter().map(|(name, n)| format!("{n} by {name}")).collect::<Vec<_>>().join(", ")),
    };
    Some(match most {
        most if most >= wave.sent => format!("none was found up to {most}{by_replica}"),
        most if most == limit => return None,
        most if most > limit && most.is_multiple_of(limit) => {
            format!("{most} at once{by_replica}: {} times {limit}, as where each of {0} processes counts for itself", most / limit)
        }
        most => format!("{most} at once{by_replica}"),
    })
}

impl Trial {
    /// How many waves told something.
    fn told(&self) -> u32 {
        number(self.waves.iter().filter(|w| w.is_good() || w.is_bad()).count())
    }
}
