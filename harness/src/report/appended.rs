//! A report behind what others have written to a file that is theirs as much as ours: the summary of a step.

use super::{Closing, Format, Options, ReportError, Reporter, render};
use crate::model::Event;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::PathBuf;

/// GitHub refuses a whole summary that is longer than 1 MiB, with everything in it.
const MOST_BYTES: u64 = 1 << 20;

/// Writes one report at the end of a file, when the run is over. What stands there is left as it is.
#[derive(Debug)]
pub struct Appended {
    format: Format,
    path: PathBuf,
}

impl Appended {
    /// A report of this format behind what stands in `path`.
    #[must_use]
    pub fn new(format: Format, path: PathBuf) -> Self {
        Self { format, path }
    }

    fn append(&self, text: &str) -> io::Result<()> {
        let refused = |why: &str| Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        let there = match fs::symlink_metadata(&self.path) {
            Ok(found) if found.is_file() => found.len(),
            Ok(_) => return refused("it is no plain file"),
            Err(e) if e.kind() == io::ErrorKind::NotFound => 0,
            Err(e) => return Err(e),
        };
        if there.saturating_add(text.len() as u64 + 1) > MOST_BYTES {
            return refused("there is no room left in it: more than 1 MiB would not be shown at all");
        }
        // Others may not have ended their last line.
        let gap = if there == 0 { "" } else { "\n" };
        OpenOptions::new().append(true).create(true).open(&self.path)?.write_all(format!("{gap}{text}").as_bytes())
    }
}

impl Reporter for Appended {
    fn take(&mut self, _: &Event) -> Result<(), ReportError> {
        Ok(())
    }

    fn finish(&mut self, closing: &Closing<'_>) -> Result<(), ReportError> {
        let to = || self.path.display().to_string();
        let text = render(self.format, closing.record, &Options::default()).map_err(|why| ReportError::Render { to: to(), why })?;
        self.append(&super::writer::mask(&text)).map_err(|why| ReportError::Write { to: to(), why })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_stays_and_what_would_not_fit_is_not_begun() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("summary.md");
        let report = Appended::new(Format::Markdown, path.clone());
        report.append("one\n").unwrap();
        fs::write(&path, "theirs").unwrap();
        report.append("one\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "theirs\none\n");
        fs::write(&path, vec![b'x'; (MOST_BYTES - 4) as usize]).unwrap();
        assert!(report.append("one\n").is_err());
        assert_eq!(fs::metadata(&path).unwrap().len(), MOST_BYTES - 4);
        assert!(Appended::new(Format::Markdown, dir.path().to_owned()).append("one\n").is_err(), "a folder");
    }
}
