//! The event gate: takes every secret out of an event before any reporter sees it.
//!
//! Every struct is taken apart without `..`: a field that is added later does not compile until it is looked at here.

use crate::model::event::{RunEnd, RunInfo, SuiteInfo};
use crate::model::{CheckId, ClauseOutcome, Event, Finding, Measurement, Outcome, Place, Redactor};
use std::borrow::Cow;
use std::sync::Arc;

/// Masks every text of the event. Doing it twice changes nothing more.
pub fn mask_event(event: &mut Event, redactor: &Redactor) {
    let gate = Gate(redactor);
    match event {
        Event::RunStarted(info) => gate.info(info),
        Event::CheckStarted { check, at: _ } => gate.id(check),
        Event::CheckFinished(outcome) => gate.outcome(outcome),
        Event::Noticed { what } => gate.text(what),
        Event::RunFinished(end) => gate.end(end),
    }
}

struct Gate<'a>(&'a Redactor);

impl Gate<'_> {
    fn text(&self, text: &mut String) {
        if let Cow::Owned(masked) = self.0.mask(text) {
            *text = masked;
        }
    }

    fn shared(&self, text: &mut Arc<str>) {
        if let Cow::Owned(masked) = self.0.mask(text) {
            *text = masked.into();
        }
    }

    fn maybe(&self, text: &mut Option<String>) {
        if let Some(text) = text {
            self.text(text);
        }
    }

    fn all(&self, texts: &mut [String]) {
        texts.iter_mut().for_each(|t| self.text(t));
    }

    fn pairs(&self, pairs: &mut [(String, String)]) {
        for (name, value) in pairs {
            self.text(name);
            self.text(value);
        }
    }

    fn id(&self, id: &mut CheckId) {
        let CheckId { suite, name } = id;
        self.shared(suite);
        self.shared(name);
    }

    fn info(&self, info: &mut RunInfo) {
        let RunInfo { run, version, at: _, environment, aimed_at, suites, checks, targets, warnings, shard: _, elsewhere: _ } = info;
        for text in [run, version, environment, aimed_at] {
            self.text(text);
        }
        for SuiteInfo { name, file, expect_clauses: _, again } in suites {
            self.text(name);
            self.text(file);
            self.all(again);
        }
        checks.iter_mut().for_each(|c| self.id(c));
        self.pairs(targets);
        self.all(warnings);
    }

    fn end(&self, end: &mut RunEnd) {
        let RunEnd { took: _, interrupted, out_of_time: _, left, shrunk } = end;
        self.maybe(interrupted);
        self.all(left);
        self.all(shrunk);
    }

    fn outcome(&self, outcome: &mut Outcome) {
        let Outcome {
            check,
            kind,
            verdict: _,
            severity: _,
            place,
            reason,
            root,
            summary,
            clauses,
            measurements,
            rounds: _,
            started: _,
            took: _,
            notes,
            observation,
            about,
            runbook,
        } = outcome;
        self.id(check);
        self.text(kind);
        self.place(place);
        self.maybe(reason);
        if let Some(root) = root {
            self.id(root);
        }
        self.text(summary);
        clauses.iter_mut().for_each(|c| self.clause(c));
        for Measurement { name, unit, n: _, p50: _, p95: _, p99: _, max: _ } in measurements {
            self.text(name);
            self.text(unit);
        }
        self.all(notes);
        if let Some(observation) = observation {
            self.0.mask_json(observation);
        }
        self.maybe(about);
        self.maybe(runbook);
    }

    fn clause(&self, outcome: &mut ClauseOutcome) {
        let ClauseOutcome { clause, case, verdict: _, observations: _, bad: _, why, finding } = outcome;
        self.text(clause);
        self.text(case);
        self.maybe(why);
        if let Some(Finding { expected, observed, sent, details, request_id, trace_id, again, at: _, place }) = finding {
            for text in [expected, observed, sent] {
                self.text(text);
            }
            self.pairs(details);
            for text in [request_id, trace_id, again] {
                self.maybe(text);
            }
            if let Some(place) = place {
                self.place(place);
            }
        }
    }

    fn place(&self, place: &mut Place) {
        let Place { file, line: _, column: _, width: _, text } = place;
        self.text(file);
        self.text(text);
    }
}
