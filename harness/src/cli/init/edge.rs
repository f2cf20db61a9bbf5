//! Measures limits: a suite with `find: true`, planned and run as any other, and what its record says of the edge.

use super::super::World;
use super::super::failure::Failure;
use super::super::{inputs, run};
use super::files::Draft;
use super::place::Place;
use super::text;
use super::wish::Wish;
use super::yaml::literal;
use crate::model::{ClauseOutcome, ClauseVerdict, Outcome, Record, Size};
use crate::plan::Plan;
use crate::run::{Options, Session};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

/// What is known of one limit.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Edge {
    Measured(Measured),
    /// No claim can be made.
    Unknown {
        why: String,
    },
}

/// An edge, and the framings in which it was seen to hold.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Measured {
    /// So many bytes are taken, one more is refused.
    pub(super) bytes: u64,
    /// The line of the check.
    pub(super) summary: String,
    pub(super) framings: Vec<String>,
    /// Why an empty body is not taken, where that is all that speaks against the edge.
    pub(super) not_empty: Option<String>,
    /// Framings in which it does not hold, or was not seen to, and why.
    pub(super) left_out: Vec<(String, String)>,
}

/// How the measuring ended.
pub(super) enum Ended {
    /// With what is known of each wish.
    Well(Vec<(Wish, Edge)>),
    /// By a signal: its exit code.
    Interrupted(u8),
}

/// The framings that are tried where a suite says nothing, as cases name them.
const FRAMINGS: [&str; 4] = ["content-length", "chunked", "tiny-chunks", "expect-continue"];

/// Runs it all.
pub(super) fn measure(name: &str, place: &Place, wishes: Vec<Wish>, upload: Size, world: &World) -> Result<Ended, Failure> {
    let draft = Draft { suite: suite(name, &wishes), environment: text::environment(name, place, Some(upload)) };
    let plan = draft.plan(name, place, world, inputs::plan)?;
    let record = carry_out(plan)?;
    if record.end.as_ref().is_some_and(|end| end.interrupted.is_some()) {
        return Ok(Ended::Interrupted(record.exit));
    }
    let edges = wishes.into_iter().enumerate().map(|(i, wish)| {
        let outcome = record.checks.iter().find(|outcome| *outcome.check.name == *check_name(i, &wish));
        let edge = outcome.map_or_else(|| Edge::Unknown { why: "the run ended before it".to_owned() }, edge);
        (wish, edge)
    });
    Ok(Ended::Well(edges.collect()))
}

fn check_name(i: usize, wish: &Wish) -> String {
    format!("{} {}", i + 1, wish.shown())
}

/// One check for each wish. They are `load`, so they run one after the other, within one budget of bytes.
fn suite(name: &str, wishes: &[Wish]) -> String {
    let mut out = format!("suite: {}\nchecks:\n", literal(name));
    for (i, wish) in wishes.iter().enumerate() {
        let _ = writeln!(out, "  - name: {}", literal(&check_name(i, wish)));
        let _ = writeln!(out, "    size-limit:\n      {}: {}\n      find: true", wish.method, literal(&wish.path));
        for (key, value) in &wish.keys {
            let value = if matches!(*key, "refused" | "least") { value.clone() } else { literal(value) };
            let _ = writeln!(out, "      {key}: {value}");
        }
    }
    out
}

/// The ordinary run; its record is all that is asked of it.
fn carry_out(plan: Plan) -> Result<Record, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::Harness(format!("the runtime cannot start: {e}")))?;
    let options = Options::new(std::env::temp_dir().join("allclear"));
    let interrupt = options.interrupt.clone();
    let record: Arc<Mutex<Option<Record>>> = Arc::default();
    let ears = record.clone();
    let session = Session::new(Arc::new(plan), options, move |event| {
        if let Some(record) = ears.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            record.take_over(event);
        }
    });
    *record.lock().unwrap_or_else(PoisonError::into_inner) = Some(Record::started(session.info()));
    runtime.block_on(async {
        let signals = tokio::spawn(run::signals(interrupt));
        session.run_all().await;
        signals.abort();
    });
    runtime.shutdown_background();
    let record = record.lock().unwrap_or_else(PoisonError::into_inner).take();
    Ok(record.expect("it was put there before the run began, and is taken once"))
}

/// What the outcome of a check with `find: true` says.
fn edge(outcome: &Outcome) -> Edge {
    let unknown = |why: String| Edge::Unknown { why };
    let Some(measured) = outcome.measurements.iter().find(|m| m.name == "edge") else { return unknown(no_edge(outcome)) };
    // Where framings disagree, what was looked for last is the edge of another framing than the one that all cases are held
    // against; then the check has not passed, and what it saw is kept. Sizes are far below 2^53, where a double is exact.
    let held_against = outcome.observation.as_ref().and_then(|seen| seen["limit"].as_u64());
    let bytes = held_against.unwrap_or(measured.max as u64);
    let (mut framings, mut left_out, mut not_empty) = (Vec::new(), Vec::new(), None);
    for framing in FRAMINGS {
        match holds(outcome, framing, bytes) {
            Ok(why) => {
                framings.push(framing.to_owned());
                not_empty = not_empty.or(why);
            }
            Err(why) => left_out.push((framing.to_owned(), why)),
        }
    }
    if framings.is_empty() {
        let why = left_out.first().map_or("", |(_, why)| why.as_str());
        return unknown(format!("{}, but that does not hold when it is looked at again: {why}", outcome.summary));
    }
    // The line of the check is that of all framings together.
    let summary = if left_out.is_empty() { outcome.summary.clone() } else { format!("accepts {bytes} bytes, refuses {}", bytes + 1) };
    Edge::Measured(Measured { bytes, summary, framings, not_empty, left_out })
}

/// Whether the edge was seen from both sides in one framing, and nothing spoke against it but, where one is given, that an empty body is
/// not taken.
fn holds(outcome: &Outcome, framing: &str, bytes: u64) -> Result<Option<String>, String> {
    let of = |clause: &'static str| {
        let end = format!("/{framing}");
        outcome.clauses.iter().filter(move |c| c.clause == clause && c.case.ends_with(&end))
    };
    let all = || of("size/accepts").chain(of("size/refuses"));
    let is_bad = |c: &&ClauseOutcome| !matches!(c.verdict, ClauseVerdict::Held | ClauseVerdict::NotJudged);
    let empty = format!("0/{framing}");
    let is_empty = |c: &&ClauseOutcome| c.clause == "size/accepts" && c.case == empty && c.finding.is_some();
    if let Some(bad) = all().filter(is_bad).find(|c| !is_empty(c)) {
        return Err(format!("{} {}: {}", bad.clause, bad.case, reason(bad)));
    }
    // Of a limit of one byte the case of that byte is the last that is taken.
    let last = if bytes <= 1 { format!("{bytes}/{framing}") } else { format!("B/{framing}") };
    let is_held = |clause: &'static str, case: &str| of(clause).any(|c| c.case == case && c.verdict == ClauseVerdict::Held);
    if is_held("size/accepts", &last) && is_held("size/refuses", &format!("B+1/{framing}")) {
        return Ok(all().filter(is_bad).find(is_empty).map(reason));
    }
    let why = all().find(|c| c.verdict == ClauseVerdict::NotJudged).map(reason);
    Err(why.unwrap_or_else(|| "it was not looked at".to_owned()))
}

fn reason(clause: &ClauseOutcome) -> String {
    let found = clause.finding.as_ref().map(|finding| format!("expected {}, got {}", finding.expected, finding.observed));
    found.or_else(|| clause.why.clone()).unwrap_or_else(|| "no reason was told".to_owned())
}

/// Why there is no edge: what was not taken at all, what ended the search, or what ended the check.
fn no_edge(outcome: &Outcome) -> String {
    let of = |clause: &str| outcome.clauses.iter().find(|c| c.clause == clause && c.verdict != ClauseVerdict::Held);
    let search = of("size/edge").and_then(|c| c.why.clone());
    search.or_else(|| outcome.reason.clone()).or_else(|| of("size/accepts").map(reason)).unwrap_or_else(|| outcome.summary.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_suite_that_measures_is_one_check_for_each_wish() {
        let wishes = [Wish::read("POST /a").expect("well formed"), Wish::read("PUT /b field=file refused=400").expect("well formed")];
        let text = suite("shop", &wishes);
        assert!(text.contains("  - name: \"1 POST /a\"\n    size-limit:\n      post: /a\n      find: true\n"), "{text}");
        assert!(text.contains("      put: /b\n      find: true\n      field: file\n      refused: 400\n"), "{text}");
    }
}
