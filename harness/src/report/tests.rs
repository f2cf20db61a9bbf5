//! All reporters together: none starves another, none leaks, none can be broken by what a target says.

use super::inert::tests::{HOSTILE, assert_inert};
use super::samples::{broken, events, outcome, record, soaked_events, soaked_record};
use super::*;
use crate::model::{Redactor, Secret, Verdict};
use std::sync::{Arc, Mutex};

/// Compares with a committed file of the exact text. What differs is shown, and the whole text is left in `target/golden/`,
/// to be looked at and copied over the committed one if it is right.
#[track_caller]
pub(crate) fn golden(name: &str, expected: &str, got: &str) {
    if expected == got {
        return;
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/golden");
    std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(folder.join(name), got)).expect("the target folder takes files");
    let at = expected.lines().zip(got.lines()).position(|(a, b)| a != b).unwrap_or(expected.lines().count().min(got.lines().count()));
    panic!(
        "golden/{name} differs from line {} on (target/golden/{name} has the whole of it)\nexpected: {:?}\ngot:      {:?}",
        at + 1,
        expected.lines().nth(at),
        got.lines().nth(at),
    );
}

#[test]
fn an_unknown_format_is_refused_with_the_list() {
    assert_eq!("junit".parse(), Ok(Format::Junit));
    assert_eq!(
        "html".parse::<Format>().unwrap_err(),
        "expected a report format, one of junit, json, jsonl, tap, github, markdown, got `html`"
    );
}

type Log = Arc<Mutex<Vec<String>>>;

struct Fails(Log);

impl Reporter for Fails {
    fn take(&mut self, _: &Event) -> Result<(), ReportError> {
        self.0.lock().unwrap().push("fails.take".into());
        Err(ReportError::Render { to: "broken".into(), why: "no".into() })
    }
    fn finish(&mut self, _: &Closing<'_>) -> Result<(), ReportError> {
        self.0.lock().unwrap().push("fails.finish".into());
        Err(ReportError::Render { to: "broken".into(), why: "no".into() })
    }
}

struct Works(Log);

impl Reporter for Works {
    fn take(&mut self, _: &Event) -> Result<(), ReportError> {
        self.0.lock().unwrap().push("works.take".into());
        Ok(())
    }
    fn finish(&mut self, closing: &Closing<'_>) -> Result<(), ReportError> {
        self.0.lock().unwrap().push(format!("works.finish exit={} failures={}", closing.exit, closing.failures.len()));
        Ok(())
    }
}

#[track_caller]
fn check_failing(wanted: Wanted, verdict: Verdict, expected_exit: u8) {
    let log = Log::default();
    let mut reporters = Reporters::new(Arc::new(Redactor::none()));
    reporters.push(Box::new(Fails(log.clone())), wanted);
    reporters.push(Box::new(Works(log.clone())), Wanted::Asked);
    reporters.screen(Box::new(Works(log.clone())));
    let events = events(vec![outcome("a", "b", verdict)]);
    let n = events.len();
    events.into_iter().for_each(|e| reporters.take(e));
    let finished = reporters.finish();
    assert_eq!(finished.exit, expected_exit);
    assert_eq!(finished.failures.len(), usize::from(wanted == Wanted::Asked), "the first failure of a reporter, once");
    assert_eq!(finished.record.notices.len(), usize::from(wanted == Wanted::Default));
    let log = log.lock().unwrap();
    assert_eq!(log.iter().filter(|l| *l == "works.take").count(), 2 * n);
    assert_eq!(log.iter().filter(|l| *l == "fails.take").count(), n);
    assert_eq!(log.last().unwrap(), &format!("works.finish exit={expected_exit} failures={}", finished.failures.len()));
}

#[test]
fn a_report_that_fails_starves_no_other_and_is_exit_3_unless_something_stronger_holds() {
    check_failing(Wanted::Asked, Verdict::Pass, 3);
    check_failing(Wanted::Asked, Verdict::Inconclusive, 3);
    check_failing(Wanted::Asked, Verdict::Skip, 3);
    check_failing(Wanted::Asked, Verdict::Fail, 1);
    check_failing(Wanted::Default, Verdict::Pass, 0);
}

#[test]
fn a_secret_in_any_text_of_any_event_reaches_no_report() {
    const VALUE: &str = "hunter2-hunter2 \"&<x>";
    let redactor = Redactor::new([&Secret::new(VALUE)]);
    let dir = tempfile::tempdir().unwrap();
    let mut reporters = Reporters::new(Arc::new(Redactor::new([&Secret::new(VALUE)])));
    let mut paths = Vec::new();
    for format in Format::ALL {
        let path = dir.path().join(format.name());
        reporters.push(open(format, &Destination::File(path.clone()), Options::default()).unwrap(), Wanted::Asked);
        paths.push(path);
    }
    let started = Event::CheckStarted { check: samples::id(VALUE, VALUE), at: jiff::Timestamp::UNIX_EPOCH };
    soaked_events(VALUE).into_iter().chain([started]).for_each(|e| reporters.take(e));
    let finished = reporters.finish();
    assert!(finished.failures.is_empty(), "{:?}", finished.failures);
    for path in paths {
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains("***") || text.contains("&#42;&#42;&#42;"), "{}", path.display());
        assert!(!redactor.finds(&text) && !text.contains("hunter2"), "{}: {text}", path.display());
    }
    let screen = console::screen(&finished.record, &Style { verbosity: Verbosity::Verbose, ..Style::default() });
    assert!(!redactor.finds(&screen) && !screen.contains("hunter2"), "{screen}");
}

#[test]
fn hostile_text_is_inert_in_every_format() {
    for text in HOSTILE {
        for format in Format::ALL {
            let report = render(format, &soaked_record(text), &Options::default()).unwrap();
            if format == Format::Github {
                // Its lines are commands, ours; what comes behind the first `::` of a line starts none.
                report.lines().for_each(|l| assert!(l.starts_with("::error ") || l.starts_with("::warning "), "{l}"));
            } else {
                assert_inert(&report);
            }
        }
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { failure_persistence: None, ..proptest::prelude::ProptestConfig::with_cases(64) })]
    #[test]
    fn any_text_anywhere_leaves_every_report_well_formed(text in "(\\PC|\\p{C}|[\\]>#:<&\\[\" \n\r]){0,30}") {
        let record = soaked_record(&text);
        for profile in [junit::Profile::Reader, junit::Profile::Strict] {
            let xml = junit::render(&record, profile).unwrap();
            junit::validate::check(&xml, profile).map_err(proptest::prelude::TestCaseError::fail)?;
            assert_inert(&xml);
        }
        let screen = console::screen(&record, &Style::default());
        assert_inert(&screen);
        let back = json::read(&json::write(&record).unwrap()).unwrap();
        proptest::prop_assert_eq!(back.checks, record.checks);
        let carets = screen.lines().filter(|l| l.trim_start().starts_with("| ") && l.contains('^')).count();
        proptest::prop_assert!(carets > 0, "the caret line is whole: {}", screen);
    }
}

#[test]
fn ten_thousand_checks_are_told_in_every_format() {
    let many: Vec<_> = (0..10_000)
        .map(|i| {
            let mut o = if i % 10 == 0 { broken() } else { outcome("detections", "x", Verdict::Pass) };
            o.check.name = format!("check {i}").into();
            o
        })
        .collect();
    let record = record(many);
    for format in Format::ALL {
        let text = render(format, &record, &Options::default()).unwrap();
        assert!(text.len() < 30_000_000, "{}: {}", format.name(), text.len());
    }
}
