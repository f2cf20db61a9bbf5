//! The exact screen, on paper and on a terminal.

use super::*;
use crate::model::{ClauseVerdict, Place, Record};
use crate::report::inert::tests::{HOSTILE, assert_inert};
use crate::report::samples::{broken, clause, events, id, info, mixed, outcome, record, soaked_record};
use crate::report::tests::golden;
use std::sync::{Arc, Mutex};
use unicode_width::UnicodeWidthStr as _;

#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(buf);
        Ok(buf.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn shown(outcomes: Vec<Outcome>, style: Style) -> String {
    let paper = Paper::default();
    let mut console = Console::new(Box::new(paper.clone()), style);
    let mut record = Record::started(info(&outcomes));
    for event in events(outcomes) {
        record.take(&event);
        console.take(&event).unwrap();
    }
    console.finish(&Closing { record: &record, failures: &[], exit: record.exit }).unwrap();
    let bytes = paper.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn the_screen_of_a_run_with_every_verdict() {
    golden("screen.txt", include_str!("../golden/screen.txt"), &shown(mixed(), Style::default()));
    let verbose = Style { verbosity: Verbosity::Verbose, ..Style::default() };
    golden("screen-verbose.txt", include_str!("../golden/screen-verbose.txt"), &shown(mixed(), verbose));
    let quiet = Style { verbosity: Verbosity::Quiet, ..Style::default() };
    golden("screen-quiet.txt", include_str!("../golden/screen-quiet.txt"), &shown(mixed(), quiet));
}

#[test]
fn the_screen_of_one_failure_needs_no_heading_and_one_of_none_is_clear() {
    let up = outcome("detections", "the process is up", Verdict::Pass);
    golden("screen-one.txt", include_str!("../golden/screen-one.txt"), &shown(vec![up.clone(), broken()], Style::default()));
    golden("screen-clear.txt", include_str!("../golden/screen-clear.txt"), &shown(vec![up], Style::default()));
}

#[test]
fn what_a_check_that_passed_left_behind_is_told_on_its_line() {
    let mut up = outcome("api", "a job is made", Verdict::Pass);
    up.summary = "201 in 3 ms".to_owned();
    assert!(shown(vec![up.clone()], Style::default()).contains("201 in 3 ms\n"));
    up.notes = vec!["clean-up failed: DELETE /jobs/1: 500".to_owned()];
    assert!(shown(vec![up.clone()], Style::default()).contains("201 in 3 ms   (clean-up failed: DELETE /jobs/1: 500)\n"));
    up.notes.push("clean-up failed: DELETE /jobs/2: 500".to_owned());
    assert!(shown(vec![up], Style::default()).contains("500; and 1 more)\n"));
}

#[test]
fn a_record_that_is_read_back_shows_the_same_screen() {
    for verbosity in [Verbosity::Quiet, Verbosity::Normal, Verbosity::Verbose] {
        let style = Style { verbosity, ..Style::default() };
        assert_eq!(screen(&record(mixed()), &style), shown(mixed(), style));
    }
}

#[test]
fn the_lines_of_checks_fit_every_terminal() {
    let mut outcomes = mixed();
    outcomes.push(outcome("a suite with quite a long name", &"many 日本語 words ".repeat(12), Verdict::Pass));
    outcomes[0].summary = "very long 日本語 ".repeat(30);
    for width in [60, 80, 81, 120, 200] {
        let style = Style { width: Some(width), ..Style::default() };
        let columns = Columns::of(&outcomes.iter().map(|o| o.check.clone()).collect::<Vec<_>>(), &style);
        for o in &outcomes {
            let line = row(o, &columns, &style);
            assert!(line.trim_end().width() < width, "{width}: {line}");
        }
    }
}

#[test]
fn there_is_no_escape_off_a_terminal_and_colour_never_changes_the_words() {
    let plain = shown(mixed(), Style::default());
    assert_inert(&plain);
    let colour = shown(mixed(), Style { color: true, ..Style::default() });
    let mut stripped = String::new();
    let mut parts = colour.split('\u{1b}');
    stripped.push_str(parts.next().unwrap());
    for part in parts {
        stripped.push_str(part.split_once('m').unwrap().1);
    }
    assert_eq!(stripped, plain);
    let ascii = shown(mixed(), Style { ascii: true, ..Style::default() });
    assert!(ascii.is_ascii());
}

#[test]
fn hostile_text_cannot_move_the_screen_or_start_a_command() {
    for text in HOSTILE {
        for verbosity in [Verbosity::Quiet, Verbosity::Normal, Verbosity::Verbose] {
            let style = Style { verbosity, ..Style::default() };
            let shown = screen(&soaked_record(text), &style);
            assert_inert(&shown);
            let clear = shown.lines().filter(|l| l.starts_with("CLEAR") || l.starts_with("NOT CLEAR")).count();
            assert_eq!(clear, 1, "one verdict line, whatever a target says:\n{shown}");
        }
    }
}

#[test]
fn a_pass_that_left_clauses_unjudged_says_so() {
    let mut o = outcome("a", "b", Verdict::Pass);
    o.clauses = vec![clause("health/code", ClauseVerdict::Held)];
    let columns = Columns::of(&[o.check.clone()], &Style::default());
    assert_eq!(row(&o, &columns, &Style::default()), "PASS   0.04s  a  b\n");
    o.clauses.push(clause("health/fresh", ClauseVerdict::NotJudged));
    assert_eq!(row(&o, &columns, &Style::default()), "PASS   0.04s  a  b  (1 clause not judged)\n");
}

#[test]
fn a_report_that_failed_is_told_and_the_verdict_line_says_so() {
    let record = record(vec![outcome("a", "b", Verdict::Pass)]);
    let failures = [crate::report::ReportError::Render { to: "x.xml".into(), why: "the disk is full".into() }];
    let tail = tail(&Closing { record: &record, failures: &failures, exit: 3 }, &Style::default(), None);
    assert!(tail.contains("report   report x.xml: was not written: the disk is full\n"), "{tail}");
    assert!(tail.contains("\nNOT CLEAR  verdict=error exit=3 passed=1 "), "{tail}");
}

#[test]
fn a_live_line_moves_only_where_it_may_and_goes_before_the_next_line() {
    let waiting = [(id("a", "b"), "503 {\"db\":\"\u{1b}[2J\"}".to_owned()), (id("a", "c"), String::new())];
    for live in [false, true] {
        let paper = Paper::default();
        let mut console = Console::new(Box::new(paper.clone()), Style { live, width: Some(60), ..Style::default() });
        console.live(&waiting);
        console.take(&Event::CheckFinished(Box::new(outcome("a", "b", Verdict::Pass)))).unwrap();
        let text = String::from_utf8(paper.0.lock().unwrap().clone()).unwrap();
        let line = "PASS   0.04s  a  b\n";
        if live {
            assert_eq!(text, format!("\rwaiting  a: b (+1 more)  503 {{\"db\":\"\\x1b[2J\"}}\u{1b}[K\r\u{1b}[K{line}"));
        } else {
            assert_eq!(text, line);
        }
    }
}

#[test]
fn more_failures_than_a_screen_holds_are_counted() {
    let many: Vec<_> = (0..60)
        .map(|i| {
            let mut o = outcome("a", &format!("check {i}"), Verdict::Error);
            o.reason = Some("no".into());
            o.place = Place { line: 0, ..o.place };
            o
        })
        .collect();
    let shown = screen(&record(many), &Style::default());
    assert!(shown.contains("\n10 more checks did not pass; the reports have them\n"), "{shown}");
}
