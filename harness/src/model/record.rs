//! Everything about one run in one document, and the exit code that follows from it.

use super::event::{Counts, RunEnd, RunInfo};
use super::{Event, Outcome, Severity, Verdict};
use serde::{Deserialize, Serialize};

/// One run. All other reports are made from it, also later (`allclear report run.json`).
#[derive(Clone, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Record {
    /// Version of this format: 1.
    pub format: u32,
    /// What was known at the start.
    pub run: RunInfo,
    /// How it ended. Absent if the run was killed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<RunEnd>,
    /// The verdict of the whole run.
    pub verdict: RunVerdict,
    /// The exit code that belongs to it.
    pub exit: u8,
    /// How many checks ended how.
    pub counts: Counts,
    /// Every check, in the order of the plan. A check that was not reached is inconclusive here.
    pub checks: Vec<Outcome>,
    /// What the harness noticed about itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<String>,
}

/// The verdict of a whole run, with its exit code. `never-started` (2) makes no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RunVerdict {
    /// At least one required check passed and none is fail, inconclusive, error or blocked.
    Pass,
    /// A contract is broken.
    Fail,
    /// Could not tell.
    Inconclusive,
    /// The harness failed, or something could not be undone.
    Error,
    /// Nothing was judged: all skipped, advisory only. No fault (exit 0) of a shard where others judge something.
    NothingJudged,
    /// SIGINT (130), SIGTERM (143) or SIGHUP (129).
    Interrupted,
}

impl Record {
    /// The version that this code writes and reads.
    pub const FORMAT: u32 = 1;

    /// A record of a run that has started and seen nothing yet.
    #[must_use]
    pub fn started(run: RunInfo) -> Self {
        let mut record = Self {
            format: Self::FORMAT,
            run,
            end: None,
            verdict: RunVerdict::NothingJudged,
            exit: 5,
            counts: Counts::default(),
            checks: Vec::new(),
            notices: Vec::new(),
        };
        record.settle();
        record
    }

    /// Takes in one event. `RunStarted` replaces the head; the rest accumulates.
    pub fn take(&mut self, event: &Event) {
        match event {
            Event::RunStarted(info) => self.run = (**info).clone(),
            Event::CheckStarted { .. } => {}
            Event::CheckFinished(outcome) => self.checks.push((**outcome).clone()),
            Event::Noticed { what } => self.notices.push(what.clone()),
            Event::RunFinished(end) => {
                let order: std::collections::HashMap<_, _> = self.run.checks.iter().cloned().zip(0usize..).collect();
                self.checks.sort_by_key(|o| order.get(&o.check).copied().unwrap_or(usize::MAX));
                self.end = Some(end.clone());
                self.settle();
            }
        }
    }

    /// The same for whoever has no more use for the event: outcomes are moved, not copied.
    pub fn take_over(&mut self, event: Event) {
        match event {
            Event::CheckFinished(outcome) => self.checks.push(*outcome),
            other => self.take(&other),
        }
    }

    /// Computes counts, verdict and exit code from the checks. Order when several hold: interrupted, 1, 3, 4, 5.
    pub fn settle(&mut self) {
        self.counts = Counts::default();
        for outcome in &self.checks {
            self.counts.add(outcome);
        }
        let required = |v: Verdict| self.checks.iter().any(|o| o.severity == Severity::Required && o.verdict == v);
        let end = self.end.clone().unwrap_or_default();
        let (verdict, exit) = match end.interrupted.as_deref() {
            Some("SIGTERM") => (RunVerdict::Interrupted, 143),
            Some("SIGHUP") => (RunVerdict::Interrupted, 129),
            Some(_) => (RunVerdict::Interrupted, 130),
            None if required(Verdict::Fail) => (RunVerdict::Fail, 1),
            None if required(Verdict::Error) || !end.left.is_empty() => (RunVerdict::Error, 3),
            None if required(Verdict::Inconclusive) || required(Verdict::Blocked) || !end.shrunk.is_empty() => {
                (RunVerdict::Inconclusive, 4)
            }
            None if self.judges_elsewhere() => (RunVerdict::NothingJudged, 0),
            None if self.counts.required_passed == 0 => (RunVerdict::NothingJudged, 5),
            // Killed after the last check: whether all was undone, and what else there was to tell, nobody knows.
            None if self.end.is_none() => (RunVerdict::Inconclusive, 4),
            None => (RunVerdict::Pass, 0),
        };
        self.verdict = verdict;
        self.exit = exit;
    }

    /// Whether this is a shard that had nothing to judge, to its end, while others have: no fault of anybody, and no pass.
    #[must_use]
    pub fn judges_elsewhere(&self) -> bool {
        self.counts.required_passed == 0 && self.run.shard.is_some() && self.run.elsewhere > 0 && self.end.is_some()
    }
}
