//! Holds what was seen of the end against the spec, clause by clause. No I/O.

use super::look::{Ended, Flights, Observation};
use super::spec::Spec;
use super::table;
use crate::model::interval::Against;
use crate::model::quantity::show_duration;
use crate::model::{Case, ClauseId, Finding, Found, Interval, Reading, Unseen};
use std::num::NonZeroU32;
use std::time::Duration;

#[cfg(test)]
mod tests;

/// SIGTERM, as a process is told to have been ended by it.
const SIGTERM: i32 = 15;
/// What shells and container runtimes make of it: 128 and the number of the signal.
const BY_SIGNAL: i32 = 128;
/// Two polls that lie further apart cannot say that there was nothing between them. A time of not being ready that is shorter than this is
/// of no use to any balancer.
const CLOSE: Duration = Duration::from_millis(100);

/// The readings of every clause that was looked at.
pub(super) fn judge(spec: &Spec, seen: &Observation) -> Vec<Reading> {
    let mut readings = Vec::new();
    for asked in &seen.asked {
        let Some(clause) = table::CLAUSES.iter().map(|c| c.id).find(|id| id.0 == asked) else { continue };
        match clause {
            table::FINISHES => {
                readings.push(case(clause, "load", finishes(&seen.load, seen)));
                if spec.upload.is_some() {
                    readings.push(case(clause, "upload", finishes(&seen.upload, seen)));
                }
                if spec.streams.is_some() {
                    readings.push(case(clause, "stream", streams(seen)));
                }
            }
            table::EXITS => readings.push(Reading::of(clause, exits(spec, seen))),
            table::LEAVES_FIRST => readings.push(Reading::of(clause, leaves_first(seen))),
            _ => readings.push(Reading::of(clause, restarts(spec, seen))),
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

/// Bad ones out of some. A shutdown is not repeated, so the first is final.
fn counted(bad: u32, near: u32, of: u32, worst: Finding) -> Found {
    Found::Counted { bad, near, of: NonZeroU32::new(of).unwrap_or(NonZeroU32::MIN), worst, repeatable: false }
}

/// A moment of the check, told from the signal on.
fn since(seen: &Observation, at: Interval) -> Duration {
    at.hi.saturating_sub(seen.signalled.unwrap_or_default().hi)
}

fn finishes(flights: &Flights, seen: &Observation) -> Found {
    if let Some(worst) = &flights.worst {
        let of = flights.fine + flights.bad;
        let observed = format!("{}; {} of {of} in flight were lost", worst.observed(), flights.bad);
        let lost = Interval { hi: worst.seen.ended(), lo: worst.seen.at.lo };
        let finding = worst
            .seen
            .finding("every request in flight is answered, complete and as declared", observed)
            .detail("lost", format!("{} after the signal", show_duration(since(seen, lost))))
            .detail("process", ending(seen));
        return if worst.is_confusable() { counted(flights.bad, 0, of, finding) } else { Found::Proof(finding) };
    }
    if seen.signalled.is_none() || (flights.sent == 0 && seen.exit.is_none() && seen.runs_on.is_none()) {
        return Found::Unseen { why: Unseen::Deadline };
    }
    let early = match &flights.example {
        Some(example) => {
            format!("every request had ended before the signal ({} in {}): name one that takes longer", example.brief(), example.took)
        }
        None => "no request was in flight".to_owned(),
    };
    Found::held(flights.fine as usize, &early)
}

/// Streams that its own end has ended. What was still open when it had to be killed was cut off by us.
fn streams(seen: &Observation) -> Found {
    match seen.runs_on {
        Some(waited) if seen.streams.fine + seen.streams.bad == 0 => {
            nothing(format!("they were open until it was killed after {waited}: shutdown/exits tells that it does not end"))
        }
        _ => finishes(&seen.streams, seen),
    }
}

fn exits(spec: &Spec, seen: &Observation) -> Found {
    let grace = spec.grace();
    let codes = spec.codes();
    let listed = codes.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ");
    let expected = format!("exit code {listed} within {}", show_duration(grace));
    let at = spec.within.as_ref().map(|w| w.at).unwrap_or_default();
    let finding = |observed: String| {
        Finding::new(expected.clone(), observed).detail("idle connections", seen.idle.to_string()).detail("sent", "SIGTERM").at(at)
    };
    let Some(exit) = &seen.exit else {
        return match seen.runs_on {
            Some(waited) if waited.against(grace) == Against::Beyond => counted(1, 0, 1, finding(format!("it still runs after {waited}"))),
            Some(waited) => unsure(format!("it still ran after {waited}, and the grace of {} lies between", show_duration(grace))),
            None => Found::Unseen { why: Unseen::Deadline },
        };
    };
    if !is_fine(exit, &codes) {
        return Found::Proof(finding(format!("{} after {}", how(exit), exit.took)));
    }
    match exit.took.against(grace) {
        Against::Within => Found::held(1, ""),
        Against::Near => unsure(format!("it ended after {}, and the grace of {} lies between", exit.took, show_duration(grace))),
        Against::Beyond => counted(1, 0, 1, finding(format!("{} only after {}", how(exit), exit.took))),
    }
}

fn unsure(why: String) -> Found {
    Found::Unsure { why, wants: None }
}

/// A process that SIGTERM itself has ended is what 143 stands for.
fn is_fine(exit: &Ended, codes: &[i32]) -> bool {
    match (exit.code, exit.signal) {
        (Some(code), _) => codes.contains(&code),
        (None, Some(signal)) => codes.contains(&(BY_SIGNAL + signal)),
        (None, None) => false,
    }
}

fn how(exit: &Ended) -> String {
    match (exit.code, exit.signal) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(SIGTERM)) => "ended by SIGTERM (143)".to_owned(),
        (None, Some(signal)) => format!("ended by signal {signal} ({})", BY_SIGNAL + signal),
        (None, None) => "ended in a way that the system does not tell".to_owned(),
    }
}

/// How it ended, for the findings of other clauses.
fn ending(seen: &Observation) -> String {
    match (&seen.exit, seen.runs_on) {
        (Some(exit), _) => format!("{} after {}", how(exit), exit.took),
        (None, Some(waited)) => format!("still running after {waited}"),
        (None, None) => "not seen to end".to_owned(),
    }
}

fn leaves_first(seen: &Observation) -> Found {
    if let Some(unready) = &seen.unready {
        return nothing(format!("it was not ready before it was asked to end: {}", unready.brief()));
    }
    let leaving = &seen.leaving;
    if leaving.unready > 0 && !ready_after_unready(seen) {
        return Found::held(leaving.unready as usize, "");
    }
    let Some(gone) = &leaving.gone else {
        return match (&leaving.last_ready, seen.runs_on) {
            (Some(_), Some(_)) => nothing("it stayed ready and kept its listener: shutdown/exits tells that it does not end"),
            _ => Found::Unseen { why: Unseen::Deadline },
        };
    };
    let Some(ready) = &leaving.last_ready else {
        return nothing("no poll was answered, so it is not known what came first");
    };
    let gap = gone.ended().saturating_sub(ready.at.hi);
    if gap > CLOSE {
        return unsure(format!("the last ready poll and the first that was not answered lie {} apart", show_duration(gap)));
    }
    let observed = format!(
        "ready at +{}, and at +{} {}",
        show_duration(since(seen, ready.at)),
        show_duration(since(seen, gone.at)),
        gone.trouble.as_ref().map_or("no answer", |t| t.text.as_str())
    );
    counted(1, 0, 1, gone.finding("not ready before the listener closes", observed).detail("times", "from the signal"))
}

/// It said that it is not ready, and then again that it is.
fn ready_after_unready(seen: &Observation) -> bool {
    let (Some(unready), Some(ready)) = (&seen.leaving.first_unready, &seen.leaving.last_ready) else { return false };
    ready.at.hi > unready.at.hi
}

fn restarts(spec: &Spec, seen: &Observation) -> Found {
    let limit = spec.restarts_within().unwrap_or_default();
    let restart = &seen.restart;
    let expected = format!("a connection is taken within {} of the start", show_duration(limit));
    let at = spec.restarts_within.as_ref().map(|w| w.at).unwrap_or_default();
    let late = |observed: String| counted(1, 0, 1, Finding::new(expected.clone(), observed).at(at));
    let near = |took: Interval| unsure(format!("it took {took}, and the limit of {} lies between", show_duration(limit)));
    match (restart.took, restart.waited, &restart.failed) {
        (Some(took), ..) => match took.against(limit) {
            Against::Within => Found::held(1, ""),
            Against::Near => near(took),
            Against::Beyond => late(format!("only after {took}")),
        },
        (None, Some(waited), _) => match waited.against(limit) {
            Against::Beyond => {
                let trouble = restart.trouble.clone().unwrap_or_else(|| "no connection was taken".to_owned());
                late(format!("not within {waited}: {}", restart.failed.as_ref().unwrap_or(&trouble)))
            }
            _ => near(waited),
        },
        (None, None, Some(why)) => unsure(format!("it was not started again: {why}")),
        (None, None, None) if seen.runs_on.is_some() => nothing("it did not end, so it was not started again"),
        (None, None, None) => Found::Unseen { why: Unseen::Deadline },
    }
}

/// One line for the screen.
pub(super) fn summary(seen: &Observation) -> String {
    if seen.signalled.is_none() {
        return String::new();
    }
    let all = [&seen.load, &seen.upload, &seen.streams];
    let fine: u32 = all.iter().map(|f| f.fine).sum();
    let flights = fine + all.iter().map(|f| f.bad).sum::<u32>();
    format!("{fine} of {flights} in flight finished, {}", ending(seen))
}
