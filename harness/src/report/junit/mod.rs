//! JUnit XML as its readers really read it: GitLab, Jenkins, GitHub actions, and whatever parses XML 1.0.
//!
//! The crate `junit-report` is the model and the writer. What goes into it is made inert first, and one streaming pass
//! over what comes out adds what readers need and it cannot say: properties, lines, totals, text inside `skipped`.

mod cases;
mod enrich;
mod size;
#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) mod validate;

use crate::model::Record;
use cases::{Case, Ended, Suite};
use size::Detail;

/// What a report may say beyond the published schemas.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Profile {
    /// What readers use: `file` and `line` of a case, its properties, totals at the root, a time zone in timestamps.
    /// No published schema admits all of it.
    #[default]
    Reader,
    /// Valid against the Ant schema of Windy Road (`JUnit.xsd`) and that of Jenkins' xUnit plugin (`junit-10.xsd`).
    Strict,
}

impl std::str::FromStr for Profile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "reader" => Ok(Self::Reader),
            "strict" => Ok(Self::Strict),
            other => Err(format!("expected a JUnit profile, reader or strict, got `{}`", super::inert::line(other))),
        }
    }
}

/// The record as JUnit XML. A run that is not all clear always has at least one failure or error in it, also where no
/// single check says so (nothing was judged, something could not be undone).
///
/// Details are left out step by step where the file would pass 26 MB (GitLab drops 30 MB and
/// more); no case ever is.
///
/// # Errors
/// The reason, if XML could not be written. Not seen with any record.
pub fn render(record: &Record, profile: Profile) -> Result<String, String> {
    let mut rendered = String::new();
    for detail in Detail::steps(record) {
        let suites = cases::of(record, &detail);
        rendered = write("allclear", &suites, profile)?;
        if rendered.len() <= size::MOST_BYTES {
            break;
        }
    }
    Ok(rendered)
}

/// A report of a run that never started (exit 2): one error, so that no reader takes its absence for success.
#[must_use]
pub fn error_only(message: &str) -> String {
    let message = super::writer::mask(message);
    let first = message.lines().find(|l| !l.trim().is_empty()).unwrap_or("the run could not start");
    let suite = Suite {
        name: "allclear".to_owned(),
        seconds: 0,
        properties: Vec::new(),
        cases: vec![Case {
            name: "the run starts".to_owned(),
            class: "allclear".to_owned(),
            file: None,
            line: None,
            millis: 0,
            ended: Ended::Error {
                kind: "never-started".to_owned(),
                message: size::attribute(first, 2_000),
                text: size::text(&super::inert::block(&message), 64 * 1024),
            },
            properties: Vec::new(),
        }],
    };
    write("allclear", &[suite], Profile::Reader).expect("one case of inert text is always written")
}

fn write(name: &str, suites: &[Suite], profile: Profile) -> Result<String, String> {
    let plain = cases::plain(suites, profile)?;
    let bytes = enrich::pass(&plain, name, suites, profile)?;
    String::from_utf8(bytes).map_err(|e| e.to_string())
}
