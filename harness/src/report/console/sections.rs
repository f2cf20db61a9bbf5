//! Lines of a CI log that fold away, in the words of the system that shows it.

use crate::model::event::RunInfo;

/// How lines are gathered into one that can be opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sections {
    /// They are not.
    #[default]
    None,
    /// GitHub: a group.
    Github,
    /// GitLab: a section, which has a name of its own and shows how long it took.
    Gitlab,
}

impl Sections {
    /// Begins the section of all checks of a run. Empty without sections.
    pub(super) fn begin(self, run: &RunInfo) -> String {
        let checks = run.checks.len();
        let title = format!("{checks} check{}", if checks == 1 { "" } else { "s" });
        match self {
            Self::None => String::new(),
            Self::Github => format!("::group::{title}\n"),
            Self::Gitlab => format!("\u{1b}[0Ksection_start:{}:{}\r\u{1b}[0K{title}\n", run.at.as_second(), name(run)),
        }
    }

    /// Ends it, so many seconds after the run began.
    pub(super) fn end(self, run: &RunInfo, after: u64) -> String {
        match self {
            Self::None => String::new(),
            Self::Github => "::endgroup::\n".to_owned(),
            Self::Gitlab => {
                let at = run.at.as_second().saturating_add_unsigned(after);
                format!("\u{1b}[0Ksection_end:{at}:{}\r\u{1b}[0K\n", name(run))
            }
        }
    }
}

/// Unlike that of any other run in the same log. The id of a run is our own, and plain.
fn name(run: &RunInfo) -> String {
    format!("allclear_{}", run.run.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase())
}
