//! From events to reports: the screen, JUnit, JSON and the others. Pure from a record to text where it can be; one writer.

mod appended;
pub mod console;
pub mod file;
pub mod gate;
pub mod github;
pub mod inert;
pub mod json;
pub mod jsonl;
pub mod junit;
pub mod markdown;
pub(crate) mod reporters;
pub mod story;
pub mod tap;
pub mod writer;

#[cfg(test)]
pub(crate) mod samples;

pub use appended::Appended;
pub use console::{Console, Sections, Style, Verbosity};
pub use file::{Destination, LiveFile, ReportFile};
pub use reporters::{Finished, Reporters, Wanted};

use crate::model::{CheckId, Event, Record};
use std::path::Path;

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
