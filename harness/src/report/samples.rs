//! Records that the tests of all reporters share: one run with every verdict, and one of hostile text.

use crate::model::event::{RunEnd, RunInfo, SuiteInfo};
use crate::model::{CheckId, ClauseOutcome, ClauseVerdict, Event, Finding, Measurement, Outcome, Place, Record, Severity, Verdict};
use std::time::Duration;

pub(crate) fn id(suite: &str, name: &str) -> CheckId {
    CheckId { suite: suite.into(), name: name.into() }
}

pub(crate) fn outcome(suite: &str, name: &str, verdict: Verdict) -> Outcome {
    Outcome {
        check: id(suite, name),
        kind: "health".into(),
        verdict,
        severity: Severity::Required,
        place: Place { file: format!("suites/{suite}.suite.yaml"), line: 12, column: 5, width: 4, text: format!("  - name: {name}") },
        reason: None,
        root: None,
        summary: String::new(),
        clauses: Vec::new(),
        measurements: Vec::new(),
        rounds: 1,
        started: "2026-01-02T03:04:06.123456789Z".parse().expect("a valid time"),
        took: Duration::from_micros(41_234),
        notes: Vec::new(),
        observation: None,
        about: None,
        runbook: None,
    }
}

pub(crate) fn clause(id: &str, verdict: ClauseVerdict) -> ClauseOutcome {
    ClauseOutcome { clause: id.into(), case: String::new(), verdict, observations: 5, bad: 0, why: None, finding: None }
}

pub(crate) fn info(outcomes: &[Outcome]) -> RunInfo {
    let mut suites: Vec<SuiteInfo> = Vec::new();
    for o in outcomes {
        if suites.iter().all(|s| s.name != *o.check.suite) {
            suites.push(SuiteInfo {
                name: o.check.suite.to_string(),
                file: o.place.file.clone(),
                expect_clauses: None,
                again: vec!["-e".into(), "local".into()],
            });
        }
    }
    RunInfo {
        run: "01JTEST".into(),
        version: "0.1.0".into(),
        at: "2026-01-02T03:04:05.987654321Z".parse().expect("a valid time"),
        environment: "local".into(),
        aimed_at: "embedded reference-service".into(),
        suites,
        checks: outcomes.iter().map(|o| o.check.clone()).collect(),
        targets: vec![("api".into(), "http://127.0.0.1:8080/".into())],
        warnings: Vec::new(),
        shard: None,
        elsewhere: 0,
    }
}

pub(crate) fn events(outcomes: Vec<Outcome>) -> Vec<Event> {
    let mut events = vec![Event::RunStarted(Box::new(info(&outcomes)))];
    for o in outcomes {
        if !matches!(o.verdict, Verdict::Blocked | Verdict::Skip) {
            events.push(Event::CheckStarted { check: o.check.clone(), at: o.started });
        }
        events.push(Event::CheckFinished(Box::new(o)));
    }
    events.push(Event::RunFinished(RunEnd { took: Duration::from_millis(22_800), ..RunEnd::default() }));
    events
}

pub(crate) fn record(outcomes: Vec<Outcome>) -> Record {
    let mut record = Record::started(info(&outcomes));
    for event in events(outcomes) {
        record.take(&event);
    }
    record
}

/// A check that broke, told as fully as can be.
pub(crate) fn broken() -> Outcome {
    let mut o = outcome("detections", "it is ready, and says so", Verdict::Fail);
    o.took = Duration::from_millis(6_200);
    o.kind = "ready".into();
    o.runbook = Some("https://wiki.example.org/detections/not-ready".into());
    o.clauses = vec![clause("ready/becomes", ClauseVerdict::Held), clause("ready/falls", ClauseVerdict::Broken)];
    o.clauses[1].finding = Some(Finding {
        sent: "GET /ready".into(),
        request_id: Some("01J9ZZ".into()),
        trace_id: Some("4bf92f3577b34da6a3ce929d0e0e4736".into()),
        again: Some("curl -sS http://127.0.0.1:8080/ready".into()),
        place: Some(Place {
            file: "suites/detections.suite.yaml".into(),
            line: 24,
            column: 21,
            width: 2,
            text: "      falls-within: 5s".into(),
        }),
        ..Finding::new("503 within 5 s", "still 200, 5.0 s after db became unreachable (blackhole)")
            .detail("seen", "200 {\"db\":\"ok\"} at +4.80 s, +4.90 s, +5.00 s (50 polls)")
    });
    o
}

/// A run in which every verdict occurs, with what the screen folds and counts.
pub(crate) fn mixed() -> Vec<Outcome> {
    let mut up = outcome("detections", "the process is up", Verdict::Pass);
    up.summary = "5 connections, slowest 3 ms".into();
    up.clauses = vec![clause("health/code", ClauseVerdict::Held), clause("health/no-growth", ClauseVerdict::NotJudged)];
    up.clauses[1].why = Some("no metric is named".into());
    up.measurements =
        vec![Measurement { name: "answer_time".into(), unit: "s".into(), n: 5, p50: 0.002, p95: 0.003, p99: 0.003, max: 0.003 }];
    let blocked = |name: &str| {
        let mut o = outcome("detections", name, Verdict::Blocked);
        o.root = Some(id("detections", "it is ready, and says so"));
        o.reason = Some("needs \"it is ready, and says so\", which failed".into());
        o.took = Duration::ZERO;
        o
    };
    let mut unsure = outcome("media", "answers fast", Verdict::Inconclusive);
    unsure.took = Duration::from_millis(73_512);
    unsure.clauses = vec![clause("http/fast", ClauseVerdict::Intermittent), clause("http/status", ClauseVerdict::Unsure)];
    unsure.clauses[0].observations = 60;
    unsure.clauses[0].bad = 2;
    unsure.clauses[0].finding = Some(Finding::new("an answer within 200 ms", "412 ms to 430 ms"));
    unsure.clauses[1].why = Some("the harness itself was stopped for 4.1 s".into());
    let mut error = outcome("media", "takes a sample", Verdict::Error);
    error.reason = Some("the sample `clip.mp4` is not there".into());
    let mut skip = outcome("media", "on the GPU", Verdict::Skip);
    skip.reason = Some("needs a GPU, and this environment has none".into());
    skip.took = Duration::ZERO;
    let mut advisory = outcome("media", "no server banner", Verdict::Fail);
    advisory.severity = Severity::Advisory;
    advisory.clauses = vec![clause("http/header", ClauseVerdict::Broken)];
    advisory.clauses[0].finding = Some(Finding::new("no header `server`", "server: nginx/1.2"));
    vec![up, broken(), blocked("nothing is lost between intake and drain"), blocked("the queue drains"), unsure, error, skip, advisory]
}

/// A failing check in which every text is this one.
pub(crate) fn soaked(text: &str) -> Outcome {
    let mut o = outcome(text, text, Verdict::Fail);
    let place = Place { file: text.into(), line: 3, column: 2, width: 5, text: text.into() };
    o.kind = text.into();
    o.place = place.clone();
    o.reason = Some(text.into());
    o.root = Some(id(text, text));
    o.summary = text.into();
    o.notes = vec![text.into()];
    o.about = Some(text.into());
    o.runbook = Some(text.into());
    o.observation = Some(serde_json::json!({ text: [text] }));
    o.measurements = vec![Measurement { name: text.into(), unit: text.into(), n: 1, p50: 0.5, p95: 0.5, p99: 0.5, max: 0.5 }];
    let verdicts =
        [ClauseVerdict::Held, ClauseVerdict::Broken, ClauseVerdict::Intermittent, ClauseVerdict::Unsure, ClauseVerdict::NotJudged];
    o.clauses = verdicts
        .into_iter()
        .map(|verdict| ClauseOutcome {
            clause: text.into(),
            case: text.into(),
            verdict,
            observations: 3,
            bad: 1,
            why: Some(text.into()),
            finding: Some(Finding {
                expected: text.into(),
                observed: text.into(),
                sent: text.into(),
                details: vec![(text.into(), text.into())],
                request_id: Some(text.into()),
                trace_id: Some(text.into()),
                again: Some(text.into()),
                at: None,
                place: Some(place.clone()),
            }),
        })
        .collect();
    o
}

/// The events of a run in which every text is this one, with a check of every verdict.
pub(crate) fn soaked_events(text: &str) -> Vec<Event> {
    let verdicts = [Verdict::Fail, Verdict::Pass, Verdict::Inconclusive, Verdict::Error, Verdict::Blocked, Verdict::Skip];
    let mut outcomes: Vec<_> = verdicts
        .into_iter()
        .map(|verdict| {
            let mut o = soaked(text);
            o.verdict = verdict;
            o.check.name = format!("{text}{verdict}").into();
            o
        })
        .collect();
    let mut advisory = soaked(text);
    advisory.severity = Severity::Advisory;
    outcomes.push(advisory);
    let mut info = info(&outcomes);
    for field in [&mut info.run, &mut info.version, &mut info.environment, &mut info.aimed_at] {
        *field = text.into();
    }
    info.targets = vec![(text.into(), text.into())];
    info.warnings = vec![text.into()];
    let mut events = vec![Event::RunStarted(Box::new(info)), Event::Noticed { what: text.into() }];
    events.extend(outcomes.into_iter().map(|o| Event::CheckFinished(Box::new(o))));
    events.push(Event::RunFinished(RunEnd { left: vec![text.into()], shrunk: vec![text.into()], ..RunEnd::default() }));
    events
}

/// The record of [`soaked_events`].
pub(crate) fn soaked_record(text: &str) -> Record {
    let events = soaked_events(text);
    let Event::RunStarted(info) = &events[0] else { unreachable!("the first event starts the run") };
    let mut record = Record::started((**info).clone());
    events.iter().for_each(|e| record.take(e));
    record
}
