//! JUnit: the exact file, the mapping of verdicts, what a reader could choke on, and how much it may be.

use super::*;
use crate::model::event::RunEnd;
use crate::model::{Outcome, Verdict};
use crate::report::inert::tests::HOSTILE;
use crate::report::samples::{broken, mixed, outcome, record, soaked_record};
use crate::report::tests::golden;

#[track_caller]
fn valid(record: &Record) -> String {
    let strict = render(record, Profile::Strict).unwrap();
    validate::check(&strict, Profile::Strict).unwrap_or_else(|e| panic!("{e}\n{strict}"));
    let xml = render(record, Profile::Reader).unwrap();
    validate::check(&xml, Profile::Reader).unwrap_or_else(|e| panic!("{e}\n{xml}"));
    xml
}

/// A failing check for every hostile text, which stands in its name and in what was seen.
fn hostile() -> Vec<Outcome> {
    let one = |(i, text): (usize, &&str)| {
        let mut o = broken();
        o.check.name = format!("{i} {text}").into();
        o.clauses[1].finding.as_mut().unwrap().observed = (*text).to_owned();
        o
    };
    HOSTILE.iter().enumerate().map(one).collect()
}

fn interrupted() -> Record {
    let mut unreached = outcome("detections", "the queue drains", Verdict::Inconclusive);
    unreached.reason = Some("the run was interrupted before it began".into());
    let mut record = record(vec![outcome("detections", "the process is up", Verdict::Pass), unreached]);
    record.end.as_mut().unwrap().interrupted = Some("SIGINT".into());
    record.settle();
    record
}

/// The committed files that `ci/read-junit.py` reads back with an independent reader, and what it must find in them.
/// A strict file and its twin hold the same cases.
#[test]
fn the_corpus_for_independent_readers_is_what_is_written() {
    macro_rules! corpus {
        ($($name:literal: $text:expr;)*) => {
            [$(($name, include_str!(concat!("../../../tests/junit/", $name)), $text)),*]
        };
    }
    let strict = |record: &Record| render(record, Profile::Strict).unwrap();
    let nothing = record(vec![outcome("detections", "on the GPU", Verdict::Skip)]);
    let records = [("mixed", record(mixed())), ("hostile", record(hostile())), ("nothing-judged", nothing), ("interrupted", interrupted())];
    let never = error_only("\nsuites/a.yaml:7:15: expected a duration, got `\u{1b}[2J]]>`\n  7 | within: x\n");
    validate::check(&never, Profile::Reader).unwrap();
    let files = corpus! {
        "mixed.xml": valid(&records[0].1);
        "mixed-strict.xml": strict(&records[0].1);
        "hostile.xml": valid(&records[1].1);
        "hostile-strict.xml": strict(&records[1].1);
        "nothing-judged.xml": valid(&records[2].1);
        "interrupted.xml": valid(&records[3].1);
        "never-started.xml": never;
    };
    let mut expected = serde_json::Map::new();
    for (name, record) in &records {
        let mut cases: Vec<_> = record.checks.iter().map(|o| [o.check.suite.to_string(), line(&o.check.name), result(o).into()]).collect();
        if *name == "nothing-judged" {
            cases.push(["allclear".into(), "the run is all clear".into(), "error".into()]);
        }
        expected.insert((*name).to_owned(), serde_json::json!(cases));
    }
    expected.insert("never-started".into(), serde_json::json!([["allclear", "the run starts", "error"]]));
    let expected = serde_json::to_string_pretty(&expected).unwrap() + "\n";
    // All are written out before the first difference ends the test.
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/golden");
    std::fs::create_dir_all(&folder).unwrap();
    for (name, _, got) in &files {
        std::fs::write(folder.join(name), got).unwrap();
    }
    golden("expected.json", include_str!("../../../tests/junit/expected.json"), &expected);
    for (name, committed, got) in &files {
        golden(name, committed, got);
    }
}

fn line(text: &str) -> String {
    crate::report::inert::line(text).into_owned()
}

/// The table of verdicts, written once more by hand: the corpus must not be judged by the code that it tests.
fn result(outcome: &Outcome) -> &'static str {
    match (outcome.severity, outcome.verdict) {
        (_, Verdict::Pass) => "passed",
        (crate::model::Severity::Advisory, _) | (_, Verdict::Blocked | Verdict::Skip) => "skipped",
        (_, Verdict::Fail) => "failure",
        (_, Verdict::Inconclusive | Verdict::Error) => "error",
    }
}

#[test]
fn a_run_that_never_started_is_one_error() {
    for message in ["", "one line", "\n\n  \n"] {
        let xml = error_only(message);
        validate::check(&xml, Profile::Reader).unwrap();
        assert!(xml.contains("<error type=\"never-started\""), "{xml}");
    }
}

#[track_caller]
fn check(outcome: Outcome, expected: &str) {
    let xml = valid(&record(vec![outcome]));
    assert!(xml.contains(expected), "{expected}\n{xml}");
}

#[test]
fn each_verdict_is_the_element_that_readers_know() {
    let with = |verdict| {
        let mut o = outcome("s", "n", verdict);
        o.reason = Some("why it is so".into());
        o
    };
    check(with(Verdict::Fail), r#"<failure type="fail" message="why it is so"><![CDATA[why it is so"#);
    check(with(Verdict::Inconclusive), r#"<error type="inconclusive" message="why it is so"><![CDATA[why it is so"#);
    check(with(Verdict::Error), r#"<error type="error" message="why it is so"><![CDATA[why it is so"#);
    check(with(Verdict::Blocked), r#"<skipped type="blocked" message="blocked: why it is so"><![CDATA[why it is so]]>"#);
    check(with(Verdict::Skip), r#"<skipped type="skip" message="why it is so"><![CDATA[why it is so]]>"#);
    let mut advisory = with(Verdict::Fail);
    advisory.severity = crate::model::Severity::Advisory;
    check(advisory, r#"<skipped type="advisory" message="advisory: why it is so"><![CDATA[advisory: why it is so"#);
    check(broken(), r#"<failure type="ready/falls" message="expected 503 within 5 s, got still 200, 5.0 s after db"#);
    let xml = valid(&record(vec![with(Verdict::Pass)]));
    assert!(!xml.contains("<failure") && !xml.contains("<error") && !xml.contains("<skipped"), "{xml}");
}

#[test]
fn a_run_that_is_not_clear_is_never_green() {
    let mut blocked = outcome("s", "n", Verdict::Blocked);
    blocked.root = Some(crate::report::samples::id("s", "advisory root"));
    let mut advisory = outcome("s", "a", Verdict::Fail);
    advisory.severity = crate::model::Severity::Advisory;
    for outcomes in [vec![], vec![outcome("s", "n", Verdict::Skip)], vec![blocked], vec![advisory]] {
        let xml = valid(&record(outcomes));
        assert!(xml.contains("<error type=\"run\""), "{xml}");
    }
    let mut left = record(vec![outcome("s", "n", Verdict::Pass)]);
    left.end = Some(RunEnd { left: vec!["the relay to db".into()], shrunk: vec!["suite s shrank".into()], ..RunEnd::default() });
    left.settle();
    let xml = valid(&left);
    assert!(xml.contains("could not be undone: the relay to db") && xml.contains("errors=\"2\""), "{xml}");
    let mut killed = record(vec![outcome("s", "n", Verdict::Pass)]);
    killed.end = None;
    assert!(valid(&killed).contains("the run was killed before it ended"));
    let clear = valid(&record(vec![outcome("s", "n", Verdict::Pass)]));
    assert!(!clear.contains("<error"), "{clear}");
}

#[test]
fn hostile_text_is_valid_in_both_profiles() {
    for text in HOSTILE {
        let xml = valid(&soaked_record(text));
        assert!(xml.contains("<testsuites name=\"allclear\" tests=\"9\""), "seven checks and two of the run, none forged: {xml}");
        validate::check(&error_only(text), Profile::Reader).unwrap();
    }
}

#[test]
fn names_that_become_equal_stay_apart() {
    let outcomes = ["\u{1b}", "\\x1b", "\\x1b", " ", ""].iter().map(|n| outcome("s", n, Verdict::Pass)).collect();
    let xml = valid(&record(outcomes));
    for name in ["\"\\x1b\"", "\"\\x1b (2)\"", "\"\\x1b (3)\"", "\"(no name)\"", "\"(no name) (2)\""] {
        assert!(xml.contains(&format!("name={name}")), "{name}\n{xml}");
    }
    let long = |tail: &str| outcome("s", &format!("{}{tail}", "x".repeat(1000)), Verdict::Pass);
    let xml = valid(&record(vec![long("a"), long("b")]));
    assert!(!xml.contains("(2)"), "a cut name is told apart by its hash, not by its turn");
}

#[test]
fn extreme_times_do_not_break_the_writer() {
    for at in ["-009999-01-02T03:04:05Z", "9999-12-30T22:00:00Z", "1970-01-01T00:00:00Z"] {
        let mut o = outcome("s", "n", Verdict::Pass);
        o.took = std::time::Duration::MAX;
        o.started = at.parse().unwrap();
        valid(&record(vec![o.clone(), Outcome { check: crate::report::samples::id("s", "m"), ..o }]));
    }
}

#[test]
fn a_huge_body_stays_under_the_cap() {
    let mut huge = broken();
    let finding = huge.clauses[1].finding.as_mut().unwrap();
    finding.observed = "& ]]> \u{1b}".repeat(1_500_000);
    finding.details.push(("body".into(), "<script>\n".repeat(1_000_000)));
    let xml = valid(&record(vec![huge]));
    assert!(xml.len() < 200_000, "{}", xml.len());
}

#[test]
fn a_hundred_thousand_failing_checks_stay_under_the_cap() {
    let mut worst = broken();
    worst.place.text = "x".repeat(400);
    let many: Vec<_> = (0..100_000)
        .map(|i| {
            let mut o = worst.clone();
            o.check.name = format!("check number {i} with a name that says \"what\" it is about").into();
            o
        })
        .collect();
    let xml = render(&record(many), Profile::Reader).unwrap();
    validate::check(&xml, Profile::Reader).unwrap();
    assert!(xml.len() < 30_000_000, "{}", xml.len());
    assert!(xml.contains("tests=\"100000\" failures=\"100000\""));
}
