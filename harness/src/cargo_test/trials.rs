//! One trial a check: what it is called, how it runs, and what its verdict means to `cargo test`.

use super::turn::Turns;
use crate::model::{ClauseVerdict, Outcome, Severity, Verdict};
use crate::plan::{Entry, Plan};
use crate::report::{console, inert, story, writer};
use crate::run::Session;
use libtest_mimic::{Completion, Failed, Trial};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::runtime::Runtime;

/// What all trials of a process share.
pub(super) struct Bench {
    plan: Arc<Plan>,
    session: Arc<Session>,
    /// What the checks run on.
    pub(super) runtime: Runtime,
    again: Option<String>,
    turns: Option<Turns>,
    unjudged: Mutex<Vec<String>>,
}

impl Bench {
    /// `again` begins the command that shows a check again; `turns` are taken between processes, where there are several.
    pub(super) fn new(plan: Arc<Plan>, session: Arc<Session>, runtime: Runtime, again: Option<String>, turns: Option<Turns>) -> Self {
        Self { plan, session, runtime, again, turns, unjudged: Mutex::default() }
    }

    /// Tells every clause that was asked for and not judged: a test that is `ok` proved nothing of it.
    pub(super) fn tell_unjudged(&self) {
        let mut lines = std::mem::take(&mut *self.unjudged.lock().unwrap_or_else(PoisonError::into_inner));
        if lines.is_empty() {
            return;
        }
        lines.sort();
        writer::err(&format!("not judged here, by checks that are ok:\n{}\n", lines.concat()));
    }

    fn run(&self, index: usize) -> Result<Completion, Failed> {
        let entry = &self.plan.entries[index];
        if let Some(why) = &entry.skip {
            return Ok(Completion::ignored_with(inert::line(why)));
        }
        let turn = self.turns.as_ref().map(|turns| turns.take(&self.plan, index)).transpose();
        let _turn = turn.map_err(|error| format!("the lock that tests of several processes take turns by: {error}"))?;
        let outcome = self.runtime.block_on(self.session.outcome(index));
        self.conclude(entry, &outcome)
    }

    /// fail, inconclusive, error and blocked fail the trial, unless the check is advisory.
    fn conclude(&self, entry: &Entry, outcome: &Outcome) -> Result<Completion, Failed> {
        match outcome.verdict {
            Verdict::Pass => {
                let mut unjudged = self.unjudged.lock().unwrap_or_else(PoisonError::into_inner);
                for clause in outcome.clauses.iter().filter(|c| c.verdict == ClauseVerdict::NotJudged) {
                    let why = clause.why.as_deref().unwrap_or("no reason was given");
                    unjudged.push(format!("  {}  {}: {}\n", title(entry), story::clause_name(clause), inert::line(why)));
                }
                Ok(Completion::Completed)
            }
            Verdict::Skip => Ok(Completion::ignored_with(inert::line(outcome.reason.as_deref().unwrap_or_default()))),
            // The message says itself that it is advisory.
            _ if outcome.severity == Severity::Advisory => Ok(Completion::ignored_with(story::message(outcome))),
            _ => Err(Failed::from(self.failure(entry, outcome))),
        }
    }

    fn failure(&self, entry: &Entry, outcome: &Outcome) -> String {
        let mut text = format!("{}  {:.2}s\n", story::word(outcome), outcome.took.as_secs_f64());
        // The service may be part of this very process: then only cargo can show it again.
        let again = match &self.again {
            Some(again) => format!("{again} {}", shell_word(&title(entry))),
            None => writer::mask(&story::again(outcome, &self.session.info())).into_owned(),
        };
        text += &console::block(outcome, &again, &[], &console::Style::default());
        if let Some(root) = &outcome.root {
            let _ = writeln!(text, "  at the root of it: {}::{}", root.suite, root.name);
        }
        text
    }
}

/// Every check by name; ignored where it is skipped here.
pub(super) fn listed(plan: &Plan) -> Vec<Trial> {
    let listed = |entry: &Entry| Trial::test(title(entry), || Ok(())).with_ignored_flag(entry.skip.is_some());
    plan.entries.iter().map(listed).collect()
}

/// Every check as a trial. A skipped one runs, and says why it is ignored: a trial that is flagged beforehand could not. So
/// the flag is set only where nothing but ignored tests was asked for.
pub(super) fn all(bench: &Arc<Bench>, only_ignored: bool) -> Vec<Trial> {
    let trial = |(index, entry): (usize, &Entry)| {
        let bench = bench.clone();
        Trial::ignorable_test(title(entry), move || bench.run(index)).with_ignored_flag(only_ignored && entry.skip.is_some())
    };
    bench.plan.entries.iter().enumerate().map(trial).collect()
}

/// `SUITE::CHECK`: unique, stable, and what a filter looks at.
fn title(entry: &Entry) -> String {
    format!("{}::{}", entry.check.id.suite, entry.check.id.name)
}

/// One word for a POSIX shell.
fn shell_word(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
