//! Test Anything Protocol, version 14 (testanything.org), one test point a check.

use super::{inert, story};
use crate::model::{Record, Verdict};
use crate::report::console::verdict_name;
use std::fmt::Write as _;

/// The record as TAP. What did not pass has a YAML block with its verdict, its clause and its whole story.
#[must_use]
pub fn render(record: &Record) -> String {
    let of_the_run = story::of_the_run(record);
    let points = record.checks.len() + of_the_run.len();
    let mut out = format!("TAP version 14\n1..{points}");
    if points == 0 {
        out.push_str(" # SKIP no check was selected");
    }
    out.push('\n');
    for (outcome, number) in record.checks.iter().zip(1..) {
        let ok = if matches!(outcome.verdict, Verdict::Pass | Verdict::Skip) { "ok" } else { "not ok" };
        let _ = write!(out, "{ok} {number} - {}", description(&outcome.check.to_string()));
        match outcome.verdict {
            Verdict::Skip => _ = write!(out, " # SKIP {}", description(&story::message(outcome))),
            _ if story::is_note(outcome) => _ = write!(out, " # TODO {}", description(&story::message(outcome))),
            _ => {}
        }
        out.push('\n');
        if matches!(outcome.verdict, Verdict::Pass | Verdict::Skip) {
            continue;
        }
        out.push_str("  ---\n");
        let mut pair = |key: &str, value: &str| _ = writeln!(out, "  {key}: {}", scalar(value));
        pair("verdict", &outcome.verdict.to_string());
        pair("message", &story::message(outcome));
        if let Some(clause) = outcome.troubles().next() {
            pair("clause", &story::clause_name(clause));
        }
        pair("at", &outcome.place.to_string());
        if outcome.verdict != Verdict::Blocked {
            out.push_str("  story:\n");
            for line in story::lines(outcome, &story::again(outcome, &record.run), &[], story::Depth::REPORT) {
                let _ = writeln!(out, "    - {}", scalar(&line.text));
            }
        }
        out.push_str("  ...\n");
    }
    for ((name, message), number) in of_the_run.iter().zip(record.checks.len() + 1..) {
        let _ = writeln!(out, "not ok {number} - {}\n  ---\n  message: {}\n  ...", description(name), scalar(message));
    }
    let _ = writeln!(out, "# verdict={} exit={}", verdict_name(record.verdict), record.exit);
    out
}

/// In a description `#` starts a directive and a backslash escapes.
fn description(text: &str) -> String {
    inert::line(text).replace('\\', "\\\\").replace('#', "\\#")
}

/// A double-quoted YAML scalar. Inert text holds no control character, so two escapes are enough.
fn scalar(text: &str) -> String {
    format!("\"{}\"", inert::line(text).replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::inert::tests::HOSTILE;
    use crate::report::samples::{mixed, record, soaked_record};
    use crate::report::tests::golden;

    #[test]
    fn the_report_of_a_run_with_every_verdict() {
        golden("report.tap", include_str!("golden/report.tap"), &render(&record(mixed())));
    }

    #[test]
    fn a_run_that_is_not_clear_has_a_point_that_is_not_ok() {
        let mut record = record(vec![mixed().remove(0)]);
        assert!(render(&record).contains("\n1..1\nok 1 - "), "{}", render(&record));
        record.exit = 4;
        record.end.as_mut().expect("the sample ended").shrunk = vec!["suite `a` expects 5 clauses to be judged; 1 were".to_owned()];
        let tap = render(&record);
        assert!(tap.contains("\n1..2\n") && tap.contains("\nnot ok 2 - no suite shrinks\n"), "{tap}");
    }

    #[test]
    fn hostile_text_forges_no_test_point() {
        for text in HOSTILE {
            let record = soaked_record(text);
            let tap = render(&record);
            let points: Vec<_> = tap.lines().filter(|l| l.starts_with("ok ") || l.starts_with("not ok ")).collect();
            assert_eq!(points.len(), record.checks.len() + story::of_the_run(&record).len(), "{tap}");
            assert!(points.iter().zip(1..).all(|(p, n)| p.contains(&format!("ok {n} - "))), "{tap}");
            assert_eq!(points.iter().filter(|p| p.contains(" # ")).count(), 2, "one skip, one advisory:\n{tap}");
        }
    }
}
