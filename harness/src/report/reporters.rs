//! Drives every reporter of a run, keeps the record, and knows what a report that failed does to the exit code.

use super::{Closing, ReportError, Reporter, gate};
use crate::model::event::RunInfo;
use crate::model::{CheckId, Event, Record, Redactor};
use std::sync::Arc;

/// Whether somebody asked for a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// On the command line or in the environment: exit 3 if it cannot be written.
    Asked,
    /// By default: a warning if it cannot be written.
    Default,
}

struct Slot {
    reporter: Box<dyn Reporter>,
    wanted: Wanted,
    failed: bool,
}

/// Drives all reporters and keeps the record. A reporter that fails starves no other.
pub struct Reporters {
    redactor: Arc<Redactor>,
    record: Record,
    slots: Vec<Slot>,
    screen: Option<Box<dyn Reporter>>,
    failures: Vec<ReportError>,
}

impl std::fmt::Debug for Reporters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reporters").field("reports", &self.slots.len()).field("failures", &self.failures).finish_non_exhaustive()
    }
}

/// What is left when all reporters are finished.
#[derive(Debug)]
pub struct Finished {
    /// The whole run.
    pub record: Record,
    /// The reports that were asked for and could not be written.
    pub failures: Vec<ReportError>,
    /// The exit code, with the failures taken into account.
    pub exit: u8,
}

impl Reporters {
    /// No reporters yet. `redactor` takes the secrets out of every event that comes in.
    #[must_use]
    pub fn new(redactor: Arc<Redactor>) -> Self {
        let nothing = RunInfo {
            run: String::new(),
            version: String::new(),
            at: jiff::Timestamp::UNIX_EPOCH,
            environment: String::new(),
            aimed_at: String::new(),
            suites: Vec::new(),
            checks: Vec::new(),
            targets: Vec::new(),
            warnings: Vec::new(),
            shard: None,
            elsewhere: 0,
        };
        Self { redactor, record: Record::started(nothing), slots: Vec::new(), screen: None, failures: Vec::new() }
    }

    /// Adds a reporter.
    pub fn push(&mut self, reporter: Box<dyn Reporter>, wanted: Wanted) {
        self.slots.push(Slot { reporter, wanted, failed: false });
    }

    /// Sets the one that is finished last and told which reports failed: the screen.
    pub fn screen(&mut self, screen: Box<dyn Reporter>) {
        self.screen = Some(screen);
    }

    /// Masks the event and gives it to every reporter.
    pub fn take(&mut self, mut event: Event) {
        gate::mask_event(&mut event, &self.redactor);
        for slot in &mut self.slots {
            let result = slot.reporter.take(&event);
            keep(slot, result, &mut self.record, &mut self.failures);
        }
        if let Some(screen) = &mut self.screen {
            // Nobody is left to tell that the screen is gone.
            let _ = screen.take(&event);
        }
        self.record.take_over(event);
    }

    /// Shows what waits, where somebody looks.
    pub fn live(&mut self, waiting: &[(CheckId, String)]) {
        if let Some(screen) = &mut self.screen {
            let masked: Vec<_> = waiting.iter().map(|(id, saw)| (id.clone(), self.redactor.mask(saw).into_owned())).collect();
            screen.live(&masked);
        }
    }

    /// Finishes every reporter, the screen last.
    #[must_use]
    pub fn finish(mut self) -> Finished {
        if self.record.end.is_none() {
            self.record.settle();
        }
        let mut record = self.record;
        for slot in &mut self.slots {
            let result = slot.reporter.finish(&Closing { record: &record, failures: &[], exit: record.exit });
            keep(slot, result, &mut record, &mut self.failures);
        }
        let exit = exit_with(record.exit, &self.failures);
        if let Some(mut screen) = self.screen {
            let _ = screen.finish(&Closing { record: &record, failures: &self.failures, exit });
        }
        Finished { record, failures: self.failures, exit }
    }
}

/// Keeps the first failure of a reporter; one that nobody asked for is only a notice.
fn keep(slot: &mut Slot, result: Result<(), ReportError>, record: &mut Record, failures: &mut Vec<ReportError>) {
    let Err(error) = result else { return };
    if std::mem::replace(&mut slot.failed, true) {
        return;
    }
    match slot.wanted {
        Wanted::Asked => failures.push(error),
        Wanted::Default => record.notices.push(error.to_string()),
    }
}

/// A report that was asked for and is missing is exit 3, unless something stronger holds: interrupted or a broken contract.
pub(crate) fn exit_with(exit: u8, failures: &[ReportError]) -> u8 {
    if failures.is_empty() || !matches!(exit, 0 | 4 | 5) { exit } else { 3 }
}
