//! GitHub workflow annotations. A step shows only ten errors, so the worst ten are told.

use super::{inert, story};
use crate::model::event::RunInfo;
use crate::model::{Outcome, Record, Verdict};
use crate::report::console::verdict_name;
use std::fmt::Write as _;

/// GitHub shows ten errors and ten warnings of a step and drops the rest without a word.
const MOST: usize = 10;
/// Longest message; GitHub cuts longer ones.
const MOST_CHARS: usize = 4_000;

/// Workflow commands, one a line, for the step's standard output: what failed first, then errors, then what is unsure.
#[must_use]
pub fn render(record: &Record) -> String {
    let mut out = String::new();
    for (command, pick) in [("error", is_error as fn(&Outcome) -> Option<u8>), ("warning", is_warning)] {
        let mut told: Vec<_> = record.checks.iter().filter_map(|o| Some((pick(o)?, o))).collect();
        told.sort_by_key(|(rank, _)| *rank);
        // Where not all fit, the last one says how many there are.
        let shown = if told.len() > MOST { MOST - 1 } else { told.len() };
        for (_, outcome) in &told[..shown] {
            annotate(&mut out, command, outcome, &record.run);
        }
        if told.len() > shown {
            let _ = writeln!(out, "::{command} title=allclear::{} more like these: see the other reports", told.len() - shown);
        }
    }
    let red = record.checks.iter().any(|o| is_error(o).is_some());
    if record.exit != 0 && !red {
        let _ =
            writeln!(out, "::error title=allclear::the run is not clear: verdict {}, exit {}", verdict_name(record.verdict), record.exit);
    }
    out
}

/// The one annotation of a run that never started: `message` says why.
#[must_use]
pub fn error_only(message: &str) -> String {
    let message = super::writer::mask(message);
    let message: String = message.trim().chars().take(MOST_CHARS).collect();
    format!("::error title=allclear::{}\n", inert::command_data(&format!("the run never started\n{message}")))
}

fn is_error(outcome: &Outcome) -> Option<u8> {
    match outcome.verdict {
        _ if story::is_note(outcome) => None,
        Verdict::Fail => Some(0),
        Verdict::Error => Some(1),
        _ => None,
    }
}

fn is_warning(outcome: &Outcome) -> Option<u8> {
    match outcome.verdict {
        _ if story::is_note(outcome) => Some(1),
        Verdict::Inconclusive => Some(0),
        _ => None,
    }
}

fn annotate(out: &mut String, command: &str, outcome: &Outcome, run: &RunInfo) {
    let place = outcome.troubles().next().and_then(|c| c.finding.as_ref()?.place.as_ref()).unwrap_or(&outcome.place);
    let title = inert::command_property(&outcome.check.to_string());
    let mut message = story::message(outcome);
    for line in story::lines(outcome, &story::again(outcome, run), &[], story::Depth::SCREEN) {
        message.push('\n');
        message.push_str(&line.text);
    }
    let message: String = message.chars().take(MOST_CHARS).collect();
    let file = inert::command_property(&place.file);
    let _ = writeln!(
        out,
        "::{command} file={file},line={},col={},title={title}::{}",
        place.line.max(1),
        place.column.max(1),
        inert::command_data(&message)
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples::{mixed, outcome, record};
    use crate::report::tests::golden;

    #[test]
    fn the_annotations_of_a_run_with_every_verdict() {
        golden("github.txt", include_str!("golden/github.txt"), &render(&record(mixed())));
    }

    #[test]
    fn the_worst_ten_are_told_and_the_rest_is_counted() {
        let mut many: Vec<_> = (0..30).map(|i| outcome("a", &format!("e{i}"), Verdict::Error)).collect();
        many.push(outcome("a", "the failure", Verdict::Fail));
        let text = render(&record(many));
        assert_eq!(text.lines().count(), MOST);
        assert!(text.lines().next().unwrap().contains("title=a%3A the failure::"), "{text}");
        assert!(text.lines().last().unwrap().ends_with("22 more like these: see the other reports"), "{text}");
    }

    #[test]
    fn a_clear_run_says_nothing_and_an_empty_one_is_an_error() {
        assert_eq!(render(&record(vec![outcome("a", "b", Verdict::Pass)])), "");
        assert!(render(&record(vec![])).starts_with("::error title=allclear::the run is not clear: verdict nothing-judged, exit 5"));
    }
}
