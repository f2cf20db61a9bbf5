//! The screen: one line a check as it finishes, then what did not pass, then one line that can be grepped.

mod fit;
mod screen;
mod sections;
mod style;

pub(crate) use screen::verdict_name;
pub use screen::{Columns, block, head, row, screen, screen_of, tail};
pub use sections::Sections;
pub use style::{Style, Verbosity};

use super::{Closing, ReportError, Reporter};
use crate::model::{CheckId, Event, Outcome, Verdict};
use std::collections::HashSet;
use std::io::Write;

/// Shows a run while it happens. Write errors are dropped: where nobody reads, nobody is to be told.
pub struct Console {
    out: Box<dyn Write + Send>,
    style: Style,
    columns: Columns,
    /// Checks that did not pass: what they block is folded under them.
    troubled: HashSet<CheckId>,
    /// The check of the last line that was shown.
    last: Option<CheckId>,
    /// Whether a live line stands on the screen and has to go first.
    lively: bool,
}

impl std::fmt::Debug for Console {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Console").field("style", &self.style).finish_non_exhaustive()
    }
}

impl Console {
    /// A screen on standard error, where text for people goes.
    #[must_use]
    pub fn stderr(style: Style) -> Self {
        Self::new(Box::new(super::writer::Stderr), style)
    }

    /// A screen on any writer. Every call writes whole lines.
    #[must_use]
    pub fn new(out: Box<dyn Write + Send>, style: Style) -> Self {
        Self { out, style, columns: Columns::default(), troubled: HashSet::new(), last: None, lively: false }
    }

    fn say(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        let erase = if std::mem::take(&mut self.lively) { "\r\u{1b}[K" } else { "" };
        let text = format!("{erase}{}", self.style.encode(text));
        let _ = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush());
    }

    /// Whether the lines of the checks are gathered: where there are none, an empty section would only be in the way.
    fn sections(&self) -> Sections {
        if self.style.verbosity == Verbosity::Quiet { Sections::None } else { self.style.sections }
    }

    fn finished(&mut self, outcome: &Outcome) {
        let shown = self.style.verbosity.shows_row(outcome, |root| self.troubled.contains(root));
        if !matches!(outcome.verdict, Verdict::Pass | Verdict::Skip) {
            self.troubled.insert(outcome.check.clone());
        }
        if shown {
            let line = row(outcome, &self.columns, &self.style);
            self.say(&line);
            self.last = Some(outcome.check.clone());
        }
    }
}

impl Reporter for Console {
    fn take(&mut self, event: &Event) -> Result<(), ReportError> {
        match event {
            Event::RunStarted(info) => {
                self.columns = Columns::of(&info.checks, &self.style);
                let head = head(info, &self.style);
                self.say(&head);
                let begin = self.sections().begin(info);
                self.say(&begin);
            }
            Event::CheckFinished(outcome) => self.finished(outcome),
            Event::CheckStarted { .. } | Event::Noticed { .. } | Event::RunFinished(_) => {}
        }
        Ok(())
    }

    fn finish(&mut self, closing: &Closing<'_>) -> Result<(), ReportError> {
        let took = closing.record.end.as_ref().map_or(0, |end| end.took.as_secs());
        let end = self.sections().end(&closing.record.run, took);
        self.say(&end);
        // What stands in a section may be folded away: nothing below it may count on it.
        let last = self.last.take().filter(|_| end.is_empty());
        let tail = tail(closing, &self.style, last.as_ref());
        self.say(&tail);
        Ok(())
    }

    fn live(&mut self, waiting: &[(CheckId, String)]) {
        if !self.style.live || self.style.verbosity == Verbosity::Quiet {
            return;
        }
        match screen::live_line(waiting, &self.style) {
            Some(line) => {
                let text = format!("\r{}\u{1b}[K", self.style.encode(&line));
                let _ = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush());
                self.lively = true;
            }
            None if self.lively => {
                self.lively = false;
                let _ = self.out.write_all(b"\r\x1b[K").and_then(|()| self.out.flush());
            }
            None => {}
        }
    }
}

#[cfg(test)]
mod tests;
