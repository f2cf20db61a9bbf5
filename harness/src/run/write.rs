//! Writes outcomes: of checks that were carried out, and of those that never were, with the reason.

use super::attempt::Attempted;
use crate::kind::Scope;
use crate::model::{CheckId, ClauseOutcome, ClauseVerdict, Outcome, Severity, Verdict};
use crate::plan::Entry;
use crate::provision::Amiss;
use std::time::Duration;

/// Lines of a part's own output that a note shows.
const SHOWN_LINES: usize = 5;

/// A check that never began: skipped, blocked, or not reached. All that it asked for is listed as not judged.
pub(crate) fn not_run(entry: &Entry, verdict: Verdict, reason: String) -> Outcome {
    let not_judged = |ask: &crate::kind::Asked| ClauseOutcome {
        clause: ask.clause.0.to_owned(),
        case: String::new(),
        verdict: ClauseVerdict::NotJudged,
        observations: 0,
        bad: 0,
        why: Some(match &ask.scope {
            Scope::NotHere(why) => why.clone(),
            Scope::Here => reason.clone(),
        }),
        finding: None,
    };
    Outcome { clauses: entry.asked.iter().map(not_judged).collect(), reason: Some(reason), ..blank(entry, verdict) }
}

/// What is known of a check before anything is known of how it went.
fn blank(entry: &Entry, verdict: Verdict) -> Outcome {
    let check = &entry.check;
    Outcome {
        check: check.id.clone(),
        kind: check.kind.name().to_owned(),
        verdict,
        severity: check.severity,
        place: check.origin.place(),
        root: None,
        summary: String::new(),
        clauses: Vec::new(),
        reason: None,
        measurements: Vec::new(),
        rounds: 0,
        started: super::clock::now(),
        took: Duration::ZERO,
        notes: Vec::new(),
        observation: None,
        about: check.about.as_deref().map(str::to_owned),
        runbook: check.runbook.as_deref().map(str::to_owned),
    }
}

/// A check that may not run here. Where skips are denied it could not be told.
pub(crate) fn skipped(entry: &Entry, reason: &str, deny_skips: bool) -> Outcome {
    let verdict = if deny_skips { Verdict::Inconclusive } else { Verdict::Skip };
    not_run(entry, verdict, reason.to_owned())
}

/// A check that waits for one that did not pass.
pub(crate) fn blocked(entry: &Entry, by: &Outcome) -> Outcome {
    let root: CheckId = by.root.clone().unwrap_or_else(|| by.check.clone());
    let reason = match &by.root {
        Some(_) => format!("it needs “{}”, which is blocked by “{}”", by.check.name, root.name),
        None => format!("it needs “{}”, which is {}", by.check.name, by.verdict),
    };
    Outcome { root: Some(root), ..not_run(entry, Verdict::Blocked, reason) }
}

/// A check that was carried out.
pub(crate) fn carried_out(entry: &Entry, done: Attempted, started: jiff::Timestamp, took: Duration, soften: bool) -> Outcome {
    let settled = done.settled;
    let mut outcome = Outcome {
        verdict: settled.verdict,
        reason: settled.reason,
        clauses: settled.clauses,
        summary: done.summary,
        measurements: done.measurements,
        notes: done.notes,
        rounds: done.rounds,
        observation: done.observation,
        started,
        took,
        ..blank(entry, settled.verdict)
    };
    if soften && is_only_intermittent(&outcome) {
        outcome.severity = Severity::Advisory;
    }
    outcome
}

/// What did not pass while this went wrong: a service is not blamed for what it was given, and its own end is told.
pub(crate) fn excuse(outcome: &mut Outcome, amiss: &[Amiss]) {
    for Amiss { what, lines, .. } in amiss {
        let said = lines.iter().rev().take(SHOWN_LINES).rev().map(String::as_str).collect::<Vec<_>>().join(" | ");
        outcome.notes.push(if said.is_empty() { what.clone() } else { format!("{what}; its last lines: {said}") });
    }
    let Some(excuse) = amiss.iter().find(|one| one.excuses) else { return };
    if !matches!(outcome.verdict, Verdict::Fail | Verdict::Inconclusive) {
        return;
    }
    let why = format!("{}, so nothing is blamed on the service", excuse.what);
    for clause in outcome.clauses.iter_mut().filter(|c| matches!(c.verdict, ClauseVerdict::Broken | ClauseVerdict::Intermittent)) {
        clause.verdict = ClauseVerdict::Unsure;
        clause.why = Some(why.clone());
    }
    outcome.verdict = Verdict::Error;
    outcome.reason = Some(why);
}

/// Whether nothing but intermittent clauses keeps it from passing.
pub(crate) fn is_only_intermittent(outcome: &Outcome) -> bool {
    let mut troubles = outcome.clauses.iter().filter(|c| c.verdict != ClauseVerdict::Held).peekable();
    outcome.verdict == Verdict::Inconclusive
        && outcome.reason.is_none()
        && troubles.peek().is_some()
        && outcome.troubles().all(|c| c.verdict == ClauseVerdict::Intermittent)
        && outcome.troubles().next().is_some()
}
