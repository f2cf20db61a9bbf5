//! From events to reports: the screen, JUnit, JSON and the others. Pure from a record to text where it can be; one writer.

pub mod console;
pub mod file;
pub mod gate;
pub mod github;
pub mod inert;
pub mod json;
pub mod jsonl;
pub mod junit;
pub mod markdown;
pub mod story;
pub mod tap;
pub mod writer;

#[cfg(test)]
pub(crate) mod samples;

pub use console::{Console, Style, Verbosity};
pub use file::{Destination, LiveFile, ReportFile};

use crate::model::event::RunInfo;
use crate::model::{CheckId, Event, Record, Redactor};
use std::path::Path;
use std::sync::Arc;

/// A report that could not be made. Always names the report, so that the message stands alone.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The path is told before the run starts, while nothing has been sent.
    #[error("report {path}: cannot be written: {why}")]
    Open {
        /// The path, as the user wrote it.
        path: String,
        /// What the system says.
        why: std::io::Error,
    },
    /// The disk was full, or the folder was taken away during the run.
    #[error("report {to}: was not written: {why}")]
    Write {
        /// The path, or `standard output`.
        to: String,
        /// What the system says.
        why: std::io::Error,
    },
    /// The report's own format could not be produced.
    #[error("report {to}: was not written: {why}")]
    Render {
        /// The path, or `standard output`.
        to: String,
        /// What went wrong.
        why: String,
    },
}

impl ReportError {
    pub(crate) fn open(path: &Path, why: std::io::Error) -> Self {
        Self::Open { path: path.display().to_string(), why }
    }

    pub(crate) fn write(to: &Destination, why: std::io::Error) -> Self {
        Self::Write { to: to.to_string(), why }
    }
}

/// The formats that can be asked for with `--report FORMAT=PATH`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// JUnit XML, for CI systems.
    Junit,
    /// The record: everything about the run in one document.
    Json,
    /// The event stream, written as it happens.
    Jsonl,
    /// Test Anything Protocol 14.
    Tap,
    /// GitHub workflow annotations: the worst ten.
    Github,
    /// A table for a step summary or a comment.
    Markdown,
}

impl Format {
    /// All of them, in the order in which messages list them.
    pub const ALL: [Self; 6] = [Self::Junit, Self::Json, Self::Jsonl, Self::Tap, Self::Github, Self::Markdown];

    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Junit => "junit",
            Self::Json => "json",
            Self::Jsonl => "jsonl",
            Self::Tap => "tap",
            Self::Github => "github",
            Self::Markdown => "markdown",
        }
    }
}

impl std::str::FromStr for Format {
    type Err = String;

    /// Refuses an unknown name with the list of those there are.
    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|f| f.name() == text).ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|f| f.name()).collect();
            format!("expected a report format, one of {}, got `{}`", names.join(", "), inert::line(text))
        })
    }
}

/// What a report may do differently.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// What JUnit may say beyond the published schemas.
    pub junit: junit::Profile,
    /// Whether reports are on disk, not only in the system's cache, when the run ends.
    pub durable: bool,
}

/// How a run ends for its reports.
#[derive(Debug)]
pub struct Closing<'a> {
    /// The whole run.
    pub record: &'a Record,
    /// The reports that could not be written. Only the screen, which is finished last, sees all of them.
    pub failures: &'a [ReportError],
    /// The exit code, with the failures taken into account.
    pub exit: u8,
}

/// One listener. It takes events as they happen and is finished once; whatever it returns, the others are driven on.
pub trait Reporter: Send {
    /// Takes one event, already masked.
    ///
    /// # Errors
    /// [`ReportError`]: the report will not be complete. It is told once; later events still come.
    fn take(&mut self, event: &Event) -> Result<(), ReportError>;

    /// Ends the report. Called once, after the last event.
    ///
    /// # Errors
    /// [`ReportError`]: the report is not there.
    fn finish(&mut self, closing: &Closing<'_>) -> Result<(), ReportError>;

    /// What waits right now and what it last saw. Only a screen on a terminal shows it; it is never recorded.
    fn live(&mut self, _waiting: &[(CheckId, String)]) {}
}

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
        self.record.take(&event);
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
fn exit_with(exit: u8, failures: &[ReportError]) -> u8 {
    if failures.is_empty() || !matches!(exit, 0 | 4 | 5) { exit } else { 3 }
}

/// A report of one file, made from the record when the run is over.
struct Whole {
    format: Format,
    destination: Destination,
    options: Options,
    file: Option<ReportFile>,
}

impl Reporter for Whole {
    fn take(&mut self, _: &Event) -> Result<(), ReportError> {
        Ok(())
    }

    fn finish(&mut self, closing: &Closing<'_>) -> Result<(), ReportError> {
        let Some(file) = self.file.take() else { return Ok(()) };
        let text = render(self.format, closing.record, &self.options)
            .map_err(|why| ReportError::Render { to: self.destination.to_string(), why })?;
        file.commit(text.as_bytes())
    }
}

/// The record in one format, as text. Also for a record that was read back later.
///
/// # Errors
/// The reason, if the format cannot say it. Not seen with any record that this program wrote.
pub fn render(format: Format, record: &Record, options: &Options) -> Result<String, String> {
    match format {
        Format::Junit => junit::render(record, options.junit),
        Format::Json => json::write(record),
        Format::Jsonl => jsonl::write(record),
        Format::Tap => Ok(tap::render(record)),
        Format::Github => Ok(github::render(record)),
        Format::Markdown => Ok(markdown::render(record)),
    }
}

/// Opens a report before the run: its folders are made and an old one is removed.
///
/// # Errors
/// [`ReportError::Open`] if nothing can be written there.
pub fn open(format: Format, destination: &Destination, options: Options) -> Result<Box<dyn Reporter>, ReportError> {
    Ok(match format {
        Format::Jsonl => Box::new(jsonl::Stream::new(LiveFile::open(destination, options.durable)?)),
        _ => {
            let file = Some(ReportFile::open(destination, options.durable)?);
            Box::new(Whole { format, destination: destination.clone(), options, file })
        }
    })
}

#[cfg(test)]
mod tests;
