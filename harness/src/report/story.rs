//! What happened to one check, as plain lines: the same words for the screen, for JUnit and for a failing `cargo test`.

use super::{console::verdict_name, inert};
use crate::model::event::RunInfo;
use crate::model::{CheckId, ClauseOutcome, ClauseVerdict, Finding, Outcome, Place, Record, Severity, Verdict};
use std::borrow::Cow;
use std::fmt::Write as _;
use unicode_width::UnicodeWidthStr as _;

/// What a line of a story is, so that a screen can colour it. The text never depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The clause and what was seen.
    Head,
    /// The place in the suite, and its line.
    Source,
    /// The caret under the span, with what was expected.
    Caret,
    /// A labelled line, or prose.
    Plain,
}

/// One line of a story.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// What it is.
    pub role: Role,
    /// Its text, inert, without a line break. Indented by its place in the story.
    pub text: String,
}

/// How much is told.
#[derive(Clone, Copy, Debug)]
pub struct Depth {
    /// How many clauses of one check are told in full; the rest is counted.
    pub clauses: usize,
    /// How many characters of one labelled value are shown.
    pub value_chars: usize,
}

impl Depth {
    /// For a screen.
    pub const SCREEN: Self = Self { clauses: 8, value_chars: 600 };
    /// For a report that is read later.
    pub const REPORT: Self = Self { clauses: 100, value_chars: 8_000 };
}

/// The word for a check: its verdict, or `NOTE` for an advisory one that did not pass.
#[must_use]
pub fn word(outcome: &Outcome) -> &'static str {
    if is_note(outcome) { "NOTE" } else { outcome.verdict.word() }
}

/// Whether the check is advisory and did not pass.
#[must_use]
pub fn is_note(outcome: &Outcome) -> bool {
    outcome.severity == Severity::Advisory && !matches!(outcome.verdict, Verdict::Pass | Verdict::Skip)
}

/// A clause with its case: `ready/falls (db/blackhole)`.
#[must_use]
pub fn clause_name(clause: &ClauseOutcome) -> String {
    match clause.case.as_str() {
        "" => inert::line(&clause.clause).into_owned(),
        case => format!("{} ({})", inert::line(&clause.clause), inert::line(case)),
    }
}

/// One sentence on a check that did not pass: `expected 200 within 200 ms, got 503`, or its reason.
#[must_use]
pub fn message(outcome: &Outcome) -> String {
    let trouble = outcome.troubles().next();
    let told = match (trouble, outcome.reason.as_deref()) {
        (Some(ClauseOutcome { finding: Some(f), verdict: ClauseVerdict::Broken, .. }), _) => {
            format!("expected {}, got {}", short(&f.expected), short(&f.observed))
        }
        (_, Some(reason)) => match unjudged(outcome, reason) {
            Some(clause) => format!("{}: {}: {}", clause_name(clause), clause_word(clause.verdict), short(reason)),
            None => short(reason),
        },
        (Some(ClauseOutcome { finding: Some(f), why, verdict, .. }), _) => {
            let why = why.as_deref().map_or(String::new(), |w| format!(" ({})", short(w)));
            format!("{}: expected {}, got {}{why}", clause_word(*verdict), short(&f.expected), short(&f.observed))
        }
        (Some(clause), _) => {
            let why = clause.why.as_deref().unwrap_or("no reason was given");
            format!("{}: {}: {}", clause_name(clause), clause_word(clause.verdict), short(why))
        }
        (None, None) => no_clause(outcome),
    };
    if is_note(outcome) { format!("advisory: {told}") } else { told }
}

/// The clause whose lack of a judgement is the reason that nothing can be said of the check.
fn unjudged<'a>(outcome: &'a Outcome, reason: &str) -> Option<&'a ClauseOutcome> {
    let is_it = |c: &&ClauseOutcome| c.verdict == ClauseVerdict::NotJudged && c.why.as_deref() == Some(reason);
    outcome.clauses.iter().find(is_it).filter(|_| outcome.verdict == Verdict::Inconclusive)
}

/// One side of a message: enough to tell what it is; the story has more of it.
fn short(text: &str) -> String {
    cut(text, 1_000, inert::line)
}

fn no_clause(outcome: &Outcome) -> String {
    match (outcome.verdict, &outcome.root) {
        (Verdict::Blocked, Some(root)) => format!("needs \"{}\", which did not pass", inert::line(&root.to_string())),
        _ if !outcome.summary.is_empty() => short(&outcome.summary),
        _ => outcome.verdict.to_string(),
    }
}

/// How a clause ended, in words.
#[must_use]
pub fn clause_word(verdict: ClauseVerdict) -> &'static str {
    match verdict {
        ClauseVerdict::Held => "held",
        ClauseVerdict::Broken => "broken",
        ClauseVerdict::Intermittent => "intermittent",
        ClauseVerdict::Unsure => "could not be told",
        ClauseVerdict::NotJudged => "not judged",
    }
}

/// What the run itself has to answer for: it would look green if only its checks were told.
#[must_use]
pub(crate) fn of_the_run(record: &Record) -> Vec<(&'static str, String)> {
    let mut told = Vec::new();
    match &record.end {
        None => told.push(("the run ends", "the run was killed before it ended".to_owned())),
        Some(end) => {
            told.extend(end.left.iter().map(|left| ("everything is undone", format!("could not be undone: {left}"))));
            told.extend(end.shrunk.iter().map(|shrunk| ("no suite shrinks", shrunk.clone())));
        }
    }
    let is_red = |o: &Outcome| !is_note(o) && matches!(o.verdict, Verdict::Fail | Verdict::Inconclusive | Verdict::Error);
    if record.exit != 0 && told.is_empty() && !record.checks.iter().any(is_red) {
        let why = format!("verdict {} (exit {}), and no single check says why", verdict_name(record.verdict), record.exit);
        told.push(("the run is all clear", why));
    }
    told
}

/// What a shard says that had nothing to judge while others have; a green light needs its reason.
#[must_use]
pub(crate) fn of_an_empty_shard(record: &Record) -> Option<String> {
    let shard = record.run.shard.filter(|_| record.exit == 0 && record.judges_elsewhere())?;
    let n = record.run.elsewhere;
    let checks = if n == 1 { "check that decides is" } else { "checks that decide are" };
    Some(format!("shard {shard} has nothing to judge: {n} {checks} in other shards"))
}

/// Everything that is known of a check that did not pass. `again` is the command that shows it again.
#[must_use]
pub fn lines(outcome: &Outcome, again: &str, folded: &[&CheckId], depth: Depth) -> Vec<Line> {
    let mut story = Story { lines: Vec::new(), depth, told: None };
    let troubles: Vec<_> = outcome.troubles().collect();
    // A reason that no clause explains comes first; beside clauses it is one more line.
    if troubles.is_empty() {
        story.push(Role::Head, format!("  {}", message(outcome)));
        story.place(&outcome.place, "");
    } else if let Some(reason) = &outcome.reason {
        story.push(Role::Head, format!("  {}", inert::line(reason)));
    }
    let mut request = None;
    for (i, clause) in troubles.iter().take(depth.clauses).enumerate() {
        if i > 0 {
            story.push(Role::Plain, String::new());
        }
        story.clause(clause, &outcome.place);
        // The same request is told once, not under every clause that it broke.
        let finding = clause.finding.as_ref();
        let this = finding.and_then(request_line);
        if this.is_some() && this != request {
            story.labelled("request", this.as_deref().unwrap_or_default());
            request = this;
        }
    }
    if troubles.len() > depth.clauses {
        story.push(Role::Plain, format!("  {} more clauses did not hold; the record has them", troubles.len() - depth.clauses));
    }
    for note in &outcome.notes {
        story.labelled("note", note);
    }
    story.labelled("again", again);
    if let Some(about) = &outcome.about {
        story.labelled("about", about);
    }
    if let Some(runbook) = &outcome.runbook {
        story.labelled("runbook", runbook);
    }
    story.folded(folded);
    story.lines
}

/// The command that runs this check again, as the run did: in its environment, with its values. A secret is left open.
#[must_use]
pub fn again(outcome: &Outcome, run: &RunInfo) -> String {
    let of = run.suites.iter().find(|suite| suite.name == *outcome.check.suite);
    // What stands outside every suite (the service does not start) is shown by any one of them.
    let suite = of.or(run.suites.first());
    let mut command = match (of, suite) {
        (None, Some(any)) => format!("allclear run {}", quoted(&any.file)),
        _ => format!("allclear run {} --filter {}", quoted(&outcome.place.file), quoted(&outcome.check.name)),
    };
    for word in suite.map(|suite| suite.again.as_slice()).unwrap_or_default() {
        let _ = write!(command, " {}", quoted(word));
    }
    command
}

/// Quotes a word for a POSIX shell; double quotes where they are enough, because they read best.
fn quoted(word: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | '=' | ':' | ',' | '+' | '@');
    if !word.is_empty() && word.chars().all(safe) {
        word.to_owned()
    } else if !word.contains(['"', '$', '`', '\\', '!']) {
        format!("\"{word}\"")
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

fn request_line(finding: &Finding) -> Option<String> {
    let mut parts = Vec::new();
    if !finding.sent.is_empty() {
        parts.push(finding.sent.clone());
    }
    parts.extend(finding.request_id.as_ref().map(|id| format!("id {id}")));
    parts.extend(finding.trace_id.as_ref().map(|id| format!("trace {id}")));
    (!parts.is_empty()).then(|| parts.join("   "))
}

struct Story {
    lines: Vec<Line>,
    depth: Depth,
    /// The place told last: with nothing to say there, it is not told again.
    told: Option<Place>,
}

impl Story {
    fn push(&mut self, role: Role, text: String) {
        // Two inert pieces can still make a command when they meet (`:` and `: `), so the whole line is looked at.
        let text = inert::line(&text).into_owned();
        self.lines.push(Line { role, text });
    }

    fn clause(&mut self, clause: &ClauseOutcome, fallback: &Place) {
        let name = clause_name(clause);
        let mut head = match clause.verdict {
            ClauseVerdict::Broken => format!("  {name}: "),
            verdict => format!("  {name}: {}", clause_word(verdict)),
        };
        if clause.verdict == ClauseVerdict::Intermittent {
            let _ = write!(head, " ({} of {})", clause.bad, clause.observations);
        }
        match &clause.finding {
            Some(finding) => {
                if clause.verdict != ClauseVerdict::Broken {
                    head.push_str(": ");
                }
                head.push_str(&self.cut(&finding.observed));
                self.push(Role::Head, head);
                self.place(finding.place.as_ref().unwrap_or(fallback), &self.cut(&finding.expected));
                if let Some(why) = &clause.why {
                    self.labelled("why", why);
                }
                for (label, value) in &finding.details {
                    self.labelled(label, value);
                }
                if clause.verdict == ClauseVerdict::Broken && clause.bad > 0 && clause.observations > 1 {
                    self.labelled("bad", &format!("{} of {}", clause.bad, clause.observations));
                }
                if let Some(shown) = &finding.again {
                    self.labelled("shows", shown);
                }
            }
            None => {
                let why = clause.why.as_deref().unwrap_or("no reason was given");
                if clause.verdict != ClauseVerdict::Broken {
                    head.push_str(": ");
                }
                head.push_str(&self.cut(why));
                self.push(Role::Head, head);
                self.place(fallback, "");
            }
        }
    }

    /// The place, its source line, and a caret under the span with what was expected there.
    fn place(&mut self, place: &Place, expected: &str) {
        let expects = if expected.is_empty() { String::new() } else { format!("expected {expected}") };
        if expects.is_empty() && self.told.as_ref() == Some(place) {
            return;
        }
        self.told = Some(place.clone());
        if place.line == 0 {
            if !place.file.is_empty() {
                self.push(Role::Source, format!("    {}", inert::line(&place.file)));
            }
            if !expects.is_empty() {
                self.push(Role::Caret, format!("    {expects}"));
            }
            return;
        }
        self.push(Role::Source, format!("    {}:{}:{}", inert::line(&place.file), place.line, place.column));
        let number = place.line.to_string();
        let gutter = number.len().max(2);
        let (source, before, under) = excerpt(place);
        self.push(Role::Source, format!("  {number:>gutter$} | {source}"));
        let carets = "^".repeat(under);
        self.push(Role::Caret, format!("  {:gutter$} | {:before$}{carets} {expects}", "", "").trim_end().to_owned());
    }

    fn labelled(&mut self, label: &str, value: &str) {
        let label = inert::line(label);
        let value = cut(value, self.depth.value_chars, inert::block);
        // The value of an old label is aligned under the first; long labels push their own value out.
        for (i, part) in value.split('\n').enumerate() {
            let label = if i == 0 { &*label } else { "" };
            self.push(Role::Plain, format!("  {label:<7}  {}", inert::line(part)).trim_end().to_owned());
        }
    }

    fn folded(&mut self, folded: &[&CheckId]) {
        const NAMED: usize = 3;
        if folded.is_empty() {
            return;
        }
        let names: Vec<_> = folded.iter().take(NAMED).map(|c| inert::line(&c.name)).collect();
        let rest = if folded.len() > NAMED { ", …" } else { "" };
        let (checks, need, were) = if folded.len() == 1 { ("check", "needs", "was") } else { ("checks", "need", "were") };
        self.push(Role::Plain, format!("  {} {checks} {need} this one and {were} not run: {}{rest}", folded.len(), names.join(", ")));
    }

    fn cut(&self, text: &str) -> String {
        cut(text, self.depth.value_chars, inert::line)
    }
}

/// Made inert by `inert` and at most `chars` characters; says how many were left out. Only what is shown is looked at, so
/// that a body of many megabytes costs nothing.
fn cut(text: &str, chars: usize, inert: for<'t> fn(&'t str) -> Cow<'t, str>) -> String {
    let (head, rest) = match text.char_indices().nth(chars) {
        None => (text, ""),
        Some((at, _)) => text.split_at(at),
    };
    let shown = inert(head);
    match (shown.char_indices().nth(chars), rest) {
        (None, "") => shown.into_owned(),
        (end, rest) => {
            let (shown, more) = shown.split_at(end.map_or(shown.len(), |(at, _)| at));
            format!("{shown}… ({} more characters)", more.chars().count() + rest.chars().count())
        }
    }
}

/// The source line made inert, cut so that its span is seen, with the columns before the caret and under it.
fn excerpt(place: &Place) -> (String, usize, usize) {
    const WIDEST: usize = 160;
    const LEAD: usize = 60;
    let column = place.column.saturating_sub(1) as usize;
    let chars: Vec<char> = place.text.chars().collect();
    let column = column.min(chars.len());
    let end = column.saturating_add(place.width.max(1) as usize).min(chars.len());
    // A tab counts as two columns here; every other thing that acts is shown by its escape.
    let show = |part: &[char]| {
        let part: String = part.iter().collect();
        inert::line(&part.replace('\t', "  ")).into_owned()
    };
    let from = if chars.len() > WIDEST && column > LEAD { column - LEAD } else { 0 };
    let to = chars.len().min(from + WIDEST);
    let before = format!("{}{}", if from > 0 { "…" } else { "" }, show(&chars[from..column]));
    let span = show(&chars[column..end.min(to).max(column)]);
    let after = format!("{}{}", show(&chars[end.min(to).max(column)..to]), if to < chars.len() { "…" } else { "" });
    (inert::line(&format!("{before}{span}{after}")).trim_end().to_owned(), before.width(), span.width().clamp(1, WIDEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(text: &str, column: u32, width: u32) -> Place {
        Place { file: "a.suite.yaml".into(), line: 7, column, width, text: text.into() }
    }

    #[track_caller]
    fn check(place: &Place, expected: &[&str]) {
        let mut story = Story { lines: Vec::new(), depth: Depth::SCREEN, told: None };
        story.place(place, "200");
        let lines: Vec<_> = story.lines.iter().map(|l| l.text.as_str()).collect();
        assert_eq!(lines, expected);
    }

    #[test]
    fn the_caret_stands_under_the_span() {
        check(&place("  status: 500", 11, 3), &["    a.suite.yaml:7:11", "   7 |   status: 500", "     |           ^^^ expected 200"]);
        check(&place("\tstatus: 500", 10, 3), &["    a.suite.yaml:7:10", "   7 |   status: 500", "     |           ^^^ expected 200"]);
        check(&place("日本: 500", 5, 3), &["    a.suite.yaml:7:5", "   7 | 日本: 500", "     |       ^^^ expected 200"]);
        check(&place("a\u{1b}b: 5", 5, 1), &["    a.suite.yaml:7:5", "   7 | a\\x1bb: 5", "     |        ^ expected 200"]);
        check(
            &place("", 9, 9),
            &["    a.suite.yaml:7:9", "   7 |", "     | ^ expected 200"].map(|s| if s == "   7 |" { "   7 | " } else { s }),
        );
    }

    #[test]
    fn a_long_line_is_cut_around_its_span() {
        let text = format!("{}key: value{}", "x".repeat(200), "y".repeat(200));
        let (shown, before, under) = excerpt(&place(&text, 201, 10));
        assert!(shown.starts_with('…') && shown.ends_with('…') && shown.width() <= 164, "{shown}");
        assert_eq!((before, under), (61, 10));
        assert_eq!(shown.chars().skip(before).take(under).collect::<String>(), "key: value");
    }

    #[test]
    fn a_place_without_a_line_is_told_without_a_source() {
        let mut nowhere = place("", 0, 1);
        nowhere.line = 0;
        check(&nowhere, &["    a.suite.yaml", "    expected 200"]);
    }

    #[test]
    fn a_long_value_says_how_much_of_it_is_missing() {
        assert_eq!(cut("abcdef", 6, inert::line), "abcdef");
        assert_eq!(cut("abcdefgh", 6, inert::line), "abcdef… (2 more characters)");
        assert_eq!(cut("ab\u{1b}cd", 5, inert::line), "ab\\x1… (3 more characters)");
        assert_eq!(cut("a\nb\nc", 4, inert::block), "a\nb\n… (1 more characters)");
    }

    #[test]
    fn the_command_can_be_pasted_into_a_shell() {
        assert_eq!(quoted("suites/a.yaml"), "suites/a.yaml");
        assert_eq!(quoted("it is ready, and says so"), "\"it is ready, and says so\"");
        assert_eq!(quoted("costs $5; it's `so`"), "'costs $5; it'\\''s `so`'");
        assert_eq!(quoted(""), "\"\"");
    }
}
