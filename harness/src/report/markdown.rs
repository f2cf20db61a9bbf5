//! A Markdown table of a run, for a step summary or a comment on a change.

use super::console::verdict_name;
use super::inert::markdown as md;
use super::story;
use crate::model::{ClauseVerdict, Record, Verdict};
use std::fmt::Write as _;

/// A step summary may be 1 MiB; what is beyond is counted.
const MOST_BYTES: usize = 900_000;
/// Longest text in one cell, in characters.
const MOST_CHARS: usize = 300;

/// The record as Markdown: the verdict, a table of what did not pass, and one of the rest folded away.
#[must_use]
pub fn render(record: &Record) -> String {
    let clear = if record.exit == 0 { "All clear" } else { "Not clear" };
    let c = &record.counts;
    let run = &record.run;
    let mut out = format!(
        "## {clear}: {}\n\nEnvironment {}, {}. {} passed, {} failed, {} unsure, {} errors, {} blocked, {} skipped, {} advisory; exit {}.\n",
        verdict_name(record.verdict),
        if run.environment.is_empty() { "none".to_owned() } else { md(&run.environment) },
        if run.aimed_at.is_empty() { "no target".to_owned() } else { md(&run.aimed_at) },
        c.passed,
        c.failed,
        c.unsure,
        c.errors,
        c.blocked,
        c.skipped,
        c.advisory,
        record.exit,
    );
    for text in run.warnings.iter().chain(&record.notices).take(50) {
        let _ = write!(out, "\n- {}", cell(text));
    }
    if !run.warnings.is_empty() || !record.notices.is_empty() {
        out.push('\n');
    }
    let (fine, told): (Vec<_>, Vec<_>) = record.checks.iter().partition(|o| matches!(o.verdict, Verdict::Pass | Verdict::Skip));
    let mut left_out = 0usize;
    if !told.is_empty() {
        out.push_str("\n| verdict | check | clause | what | where |\n|---|---|---|---|---|\n");
        for o in told {
            let clause = o.troubles().next().map_or_else(String::new, story::clause_name);
            let row = format!(
                "| {} | {} | {} | {} | {} |\n",
                story::word(o),
                cell(&o.check.to_string()),
                cell(&clause),
                cell(&story::message(o)),
                cell(&o.place.to_string()),
            );
            push(&mut out, &row, &mut left_out);
        }
    }
    if !fine.is_empty() {
        let _ = write!(
            out,
            "\n<details><summary>{} passed or skipped</summary>\n\n| verdict | check | seen | not judged |\n|---|---|---|---|\n",
            fine.len()
        );
        for o in fine {
            let said = if o.verdict == Verdict::Skip { story::message(o) } else { o.summary.clone() };
            let unjudged = o.clauses.iter().filter(|c| c.verdict == ClauseVerdict::NotJudged).count();
            let row = format!("| {} | {} | {} | {unjudged} |\n", story::word(o), cell(&o.check.to_string()), cell(&said));
            push(&mut out, &row, &mut left_out);
        }
        out.push_str("\n</details>\n");
    }
    if left_out > 0 {
        let _ = write!(out, "\n{left_out} more checks are in the other reports.\n");
    }
    out
}

fn push(out: &mut String, row: &str, left_out: &mut usize) {
    if out.len() + row.len() > MOST_BYTES {
        *left_out += 1;
    } else {
        out.push_str(row);
    }
}

fn cell(text: &str) -> String {
    match text.char_indices().nth(MOST_CHARS) {
        None => md(text),
        Some((at, _)) => format!("{}…", md(&text[..at])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::inert::tests::HOSTILE;
    use crate::report::samples::{mixed, record, soaked_record};
    use crate::report::tests::golden;

    #[test]
    fn the_summary_of_a_run_with_every_verdict() {
        golden("summary.md", include_str!("golden/summary.md"), &render(&record(mixed())));
    }

    #[test]
    fn hostile_text_adds_no_row_no_tag_and_no_link() {
        for text in HOSTILE {
            let record = soaked_record(text);
            let shown = render(&record);
            let rows = shown.lines().filter(|l| l.starts_with("| ") && !l.starts_with("| verdict")).collect::<Vec<_>>();
            assert_eq!(rows.len(), record.checks.len(), "{shown}");
            assert!(rows.iter().all(|r| matches!(r.matches('|').count(), 5 | 6)), "{shown}");
            assert_eq!(shown.matches('<').count(), 4, "only our own details and summary:\n{shown}");
            assert!(!shown.contains("](") && !shown.contains("http://"), "{shown}");
        }
    }
}
