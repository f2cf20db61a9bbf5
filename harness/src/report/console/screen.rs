//! The parts of the screen as text. Pure: the same record and style give the same characters.

use super::fit::{cut, pad, time};
use super::style::{Ink, Style, Verbosity};
use crate::model::event::RunInfo;
use crate::model::record::RunVerdict;
use crate::model::{CheckId, ClauseVerdict, Outcome, Record, Verdict};
use crate::report::story::{self, Depth, Role};
use crate::report::{Closing, inert};
use std::collections::HashMap;
use std::fmt::Write as _;
use unicode_width::UnicodeWidthStr as _;

/// Checks told in full at the end; the rest is counted. All of them stand in the reports.
const MOST_BLOCKS: usize = 50;
/// Verdict, time and the gaps around them.
const LEAD: usize = 14;
/// What a summary gets at least before names are cut.
const LEAST_SUMMARY: usize = 24;

/// How wide the columns are: fixed before the first line, so that they never jump.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Columns {
    suite: usize,
    name: usize,
    /// Whether what is longer is cut. Off a terminal it is not.
    cut: bool,
}

impl Columns {
    /// Made for the checks of a plan.
    #[must_use]
    pub fn of(checks: &[CheckId], style: &Style) -> Self {
        let widest = |of: fn(&CheckId) -> &str| checks.iter().map(|c| inert::line(of(c)).width()).max().unwrap_or(0);
        let mut suite = widest(|c| &c.suite).min(24);
        let mut name = widest(|c| &c.name).min(60);
        if let Some(width) = style.width {
            suite = suite.min((width / 5).max(8));
            name = name.min(width.saturating_sub(LEAD + suite + 4 + LEAST_SUMMARY).max(16));
        }
        Self { suite, name, cut: style.width.is_some() }
    }

    fn cell(&self, text: &str, columns: usize) -> String {
        let text = inert::line(text);
        if self.cut { pad(&cut(&text, columns), columns) } else { pad(&text, columns) }
    }
}

/// The head of the screen: what runs, where, and how much of it; empty where little is to be told.
#[must_use]
pub fn head(info: &RunInfo, style: &Style) -> String {
    if style.verbosity == Verbosity::Quiet {
        return warnings(info, style);
    }
    let mut parts = vec![style.ink(Ink::Strong, &format!("allclear {}", inert::line(&info.version)))];
    for part in [&info.environment, &info.aimed_at] {
        if !part.is_empty() {
            parts.push(inert::line(part).into_owned());
        }
    }
    parts.push(format!("{}, {}", count(info.suites.len(), "suite"), count(info.checks.len(), "check")));
    let warned = warnings(info, style);
    format!("{}\n{warned}\n", parts.join("   "))
}

fn warnings(info: &RunInfo, style: &Style) -> String {
    let label = style.ink(Ink::Doubt, "warning");
    info.warnings.iter().map(|w| format!("{label}  {}\n", inert::line(w))).collect()
}

/// The line of one check, with its line end; with `-v` its clauses below it.
#[must_use]
pub fn row(outcome: &Outcome, columns: &Columns, style: &Style) -> String {
    let word = story::word(outcome);
    let ran = !matches!(outcome.verdict, Verdict::Blocked | Verdict::Skip);
    let lead = format!(
        "{} {:>5}  {}  {}  ",
        style.ink(ink_of(outcome), &format!("{word:<6}")),
        if ran { time(outcome.took) } else { "-".to_owned() },
        columns.cell(&outcome.check.suite, columns.suite),
        columns.cell(&outcome.check.name, columns.name),
    );
    let mut told = summary(outcome);
    if let Some(width) = style.width {
        // The last column stays free: some terminals wrap when it is filled.
        told = cut(&told, width.saturating_sub(LEAD + columns.suite + columns.name + 4 + 1));
    }
    let mut out = format!("{}\n", format!("{lead}{told}").trim_end());
    if style.verbosity == Verbosity::Verbose {
        for clause in &outcome.clauses {
            let _ = write!(out, "        {:<18}{}", story::clause_word(clause.verdict), story::clause_name(clause));
            match (&clause.why, clause.observations) {
                (Some(why), _) => _ = writeln!(out, ": {}", inert::line(why)),
                (None, n) => _ = writeln!(out, ", {}", count(n as usize, "observation")),
            }
        }
    }
    out
}

/// What a line says behind the name.
fn summary(outcome: &Outcome) -> String {
    let mut told = match outcome.verdict {
        _ if story::is_note(outcome) => story::message(outcome),
        Verdict::Pass => inert::line(&outcome.summary).into_owned(),
        Verdict::Fail | Verdict::Inconclusive => {
            let names: Vec<_> = outcome
                .troubles()
                .map(|c| match c.verdict {
                    ClauseVerdict::Intermittent => format!("{} {} of {}", story::clause_name(c), c.bad, c.observations),
                    _ => story::clause_name(c),
                })
                .collect();
            match names.len() {
                0 => story::message(outcome),
                1..=3 => names.join(", "),
                n => format!("{}, and {} more", names[..3].join(", "), n - 3),
            }
        }
        Verdict::Error | Verdict::Blocked | Verdict::Skip => story::message(outcome),
    };
    let unjudged = outcome.clauses.iter().filter(|c| c.verdict == ClauseVerdict::NotJudged).count();
    if unjudged > 0 && outcome.verdict == Verdict::Pass {
        let gap = if told.is_empty() { "" } else { "   " };
        let _ = write!(told, "{gap}({} not judged)", count(unjudged, "clause"));
    }
    // A check that did not pass has its notes in its story; what passed has no other place to tell what it left behind.
    if let (Verdict::Pass, [first, rest @ ..]) = (outcome.verdict, outcome.notes.as_slice()) {
        let gap = if told.is_empty() { "" } else { "   " };
        let more = if rest.is_empty() { String::new() } else { format!("; and {} more", rest.len()) };
        let _ = write!(told, "{gap}({}{more})", inert::line(first));
    }
    told
}

/// What happened to one check that did not pass, with what it blocked folded under it. For the end of the screen, and for
/// the message of a failing `cargo test`. `again` is the command that shows it again.
#[must_use]
pub fn block(outcome: &Outcome, again: &str, folded: &[&CheckId], style: &Style) -> String {
    let depth = if style.verbosity == Verbosity::Verbose { Depth::REPORT } else { Depth::SCREEN };
    let mut out = String::new();
    for line in story::lines(outcome, again, folded, depth) {
        let text = match line.role {
            Role::Head => style.ink(Ink::Strong, &line.text),
            Role::Source => style.ink(Ink::Faint, &line.text),
            Role::Caret => style.ink(ink_of(outcome), &line.text),
            Role::Plain => line.text,
        };
        out.push_str(&text);
        out.push('\n');
    }
    out
}

/// Everything below the lines of the checks: what did not pass, what was not judged, and the line that can be grepped.
/// `last` is the check of the last line above: its own block then needs no heading.
#[must_use]
pub fn tail(closing: &Closing<'_>, style: &Style, last: Option<&CheckId>) -> String {
    let record = closing.record;
    let mut out = String::new();
    blocks(record, style, last, &mut out);
    unjudged(record, style, &mut out);
    for notice in &record.notices {
        let _ = writeln!(out, "{}  {}", style.ink(Ink::Doubt, "notice "), inert::line(notice));
    }
    if let Some(text) = story::of_an_empty_shard(record) {
        let _ = writeln!(out, "{}  {}", style.ink(Ink::Doubt, "nothing"), inert::line(&text));
    }
    ending(closing, style, &mut out);
    if !out.is_empty() || style.verbosity != Verbosity::Quiet {
        out.push('\n');
    }
    out.push_str(&last_line(closing, style));
    if out.starts_with('\n') && style.verbosity == Verbosity::Quiet { out[1..].to_owned() } else { out }
}

/// The whole screen of a record, as it would have been: for a record that was read back.
#[must_use]
pub fn screen(record: &Record, style: &Style) -> String {
    screen_of(&Closing { record, failures: &[], exit: record.exit }, style)
}

/// The same with the reports of it that could not be written.
#[must_use]
pub fn screen_of(closing: &Closing<'_>, style: &Style) -> String {
    let record = closing.record;
    let columns = Columns::of(&record.run.checks, style);
    let troubled: Vec<_> = record.checks.iter().filter(|o| !matches!(o.verdict, Verdict::Pass | Verdict::Skip)).collect();
    let troubled: std::collections::HashSet<_> = troubled.into_iter().map(|o| &o.check).collect();
    let mut out = head(&record.run, style);
    let mut last = None;
    for outcome in &record.checks {
        if style.verbosity.shows_row(outcome, |root| troubled.contains(root)) {
            out.push_str(&row(outcome, &columns, style));
            last = Some(&outcome.check);
        }
    }
    out.push_str(&tail(closing, style, last));
    style.encode(&out).into_owned()
}

/// What waits and what the longest of it last saw, in one line; `None` where nothing waits.
pub(super) fn live_line(waiting: &[(CheckId, String)], style: &Style) -> Option<String> {
    let (id, saw) = waiting.first()?;
    let more = if waiting.len() > 1 { format!(" (+{} more)", waiting.len() - 1) } else { String::new() };
    let line = format!("waiting  {}{more}  {}", inert::line(&id.to_string()), inert::line(saw));
    Some(cut(inert::line(&line).trim_end(), style.width.unwrap_or(80).saturating_sub(1)))
}

fn blocks(record: &Record, style: &Style, last: Option<&CheckId>, out: &mut String) {
    let mut folded: HashMap<&CheckId, Vec<&CheckId>> = HashMap::new();
    for outcome in record.checks.iter().filter(|o| o.verdict == Verdict::Blocked) {
        if let Some(root) = &outcome.root {
            folded.entry(root).or_default().push(&outcome.check);
        }
    }
    let told: Vec<_> = record
        .checks
        .iter()
        .filter(|o| !matches!(o.verdict, Verdict::Pass | Verdict::Skip | Verdict::Blocked))
        .filter(|o| !story::is_note(o) || style.verbosity == Verbosity::Verbose || folded.contains_key(&o.check))
        .collect();
    let most = if style.verbosity == Verbosity::Verbose { usize::MAX } else { MOST_BLOCKS };
    for (i, outcome) in told.iter().take(most).enumerate() {
        if i > 0 || last.is_some() {
            out.push('\n');
        }
        // Where the line right above is this check's own, a heading would say it twice.
        if i > 0 || last != Some(&outcome.check) {
            let word = style.ink(ink_of(outcome), &format!("{:<6}", story::word(outcome)));
            let _ = writeln!(out, "{word} {}", inert::line(&outcome.check.to_string()));
        }
        let none = Vec::new();
        out.push_str(&block(outcome, &story::again(outcome, &record.run), folded.get(&outcome.check).unwrap_or(&none), style));
    }
    if told.len() > most {
        let _ = writeln!(out, "\n{} more checks did not pass; the reports have them", told.len() - most);
    }
}

fn unjudged(record: &Record, style: &Style, out: &mut String) {
    let of = |o: &Outcome| !matches!(o.verdict, Verdict::Blocked | Verdict::Skip);
    let all = || {
        record
            .checks
            .iter()
            .filter(|o| of(o))
            .flat_map(|o| o.clauses.iter().filter(|c| c.verdict == ClauseVerdict::NotJudged).map(move |c| (o, c)))
    };
    let n = all().count();
    if n == 0 || style.verbosity == Verbosity::Quiet {
        return;
    }
    out.push('\n');
    if style.verbosity == Verbosity::Normal {
        let were = if n == 1 { "was" } else { "were" };
        let _ = writeln!(out, "{} {were} not judged: -v says which and why", count(n, "clause"));
        return;
    }
    out.push_str("not judged\n");
    for (outcome, clause) in all() {
        let why = clause.why.as_deref().unwrap_or("no reason was given");
        let name = inert::line(&outcome.check.to_string()).into_owned();
        let _ = writeln!(out, "  {name}   {}   {}", story::clause_name(clause), inert::line(why));
    }
}

/// How the run ended, where it did not simply end.
fn ending(closing: &Closing<'_>, style: &Style, out: &mut String) {
    let mut say = |label: &str, text: &str| {
        let _ = writeln!(out, "{}  {}", style.ink(Ink::Bad, label), inert::line(text));
    };
    match &closing.record.end {
        None => say("killed ", "the run did not end: what it had not told by then is inconclusive"),
        Some(end) => {
            if let Some(signal) = &end.interrupted {
                say("stopped", &format!("by {signal}; what was not reached is inconclusive"));
            }
            if end.out_of_time {
                say("stopped", "the run's deadline came; what was not reached is inconclusive");
            }
            for shrunk in &end.shrunk {
                say("shrunk ", shrunk);
            }
            for left in &end.left {
                say("left   ", &format!("could not be undone: {left}"));
            }
        }
    }
    for failure in closing.failures {
        say("report ", &failure.to_string());
    }
}

fn last_line(closing: &Closing<'_>, style: &Style) -> String {
    let counts = &closing.record.counts;
    let clear = closing.exit == 0;
    let verdict = if closing.exit == closing.record.exit { closing.record.verdict } else { RunVerdict::Error };
    let took = closing.record.end.as_ref().map(|e| e.took).unwrap_or_default();
    format!(
        "{}  verdict={} exit={} passed={} failed={} unsure={} errors={} blocked={} skipped={} advisory={} time={:.1}s\n",
        style.ink(if clear { Ink::Good } else { Ink::Bad }, if clear { "CLEAR" } else { "NOT CLEAR" }),
        verdict_name(verdict),
        closing.exit,
        counts.passed,
        counts.failed,
        counts.unsure,
        counts.errors,
        counts.blocked,
        counts.skipped,
        counts.advisory,
        took.as_secs_f64(),
    )
}

/// The verdict of a run as reports name it.
pub(crate) fn verdict_name(verdict: RunVerdict) -> &'static str {
    match verdict {
        RunVerdict::Pass => "pass",
        RunVerdict::Fail => "fail",
        RunVerdict::Inconclusive => "inconclusive",
        RunVerdict::Error => "error",
        RunVerdict::NothingJudged => "nothing-judged",
        RunVerdict::Interrupted => "interrupted",
    }
}

fn ink_of(outcome: &Outcome) -> Ink {
    match outcome.verdict {
        _ if story::is_note(outcome) => Ink::Doubt,
        Verdict::Pass => Ink::Good,
        Verdict::Fail | Verdict::Error => Ink::Bad,
        Verdict::Inconclusive => Ink::Doubt,
        Verdict::Blocked | Verdict::Skip => Ink::Faint,
    }
}

fn count(n: usize, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}
