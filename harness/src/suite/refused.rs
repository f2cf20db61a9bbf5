//! Why nothing was started: every reason at once, and what it means for the exit code.

use crate::reader::Problem;
use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::Arc,
};

/// Suites, environment or selection were refused before anything was sent. `Display` is the full text for people.
#[derive(Debug)]
pub struct Refused {
    /// Every reason, in the order of the files. Never empty.
    pub reasons: Vec<Reason>,
    /// What it means for the exit code.
    pub meaning: Meaning,
}

/// What a refusal means for the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// A mistake in usage, suite or environment: exit 2.
    Usage,
    /// No suite files, no match, nothing left: exit 5.
    NothingToRun,
}

/// One reason.
#[derive(Clone, Debug)]
pub enum Reason {
    /// A mistake at a place in a file.
    InFile(Box<Problem>),
    /// What stands in no file: a missing path, a flag.
    Plain {
        /// What is wrong.
        what: String,
        /// The way out.
        help: Option<String>,
    },
}

impl Refused {
    /// A mistake in usage, suite or environment.
    pub(crate) fn usage(mut reasons: Vec<Reason>) -> Self {
        in_order(&mut reasons);
        Self { reasons, meaning: Meaning::Usage }
    }

    /// Nothing was found that could run.
    pub(crate) fn nothing(what: impl Into<String>, help: impl Into<String>) -> Self {
        Self { reasons: vec![Reason::plain(what, help)], meaning: Meaning::NothingToRun }
    }
}

impl Reason {
    /// A reason that stands in no file. An empty `help` is none.
    pub(crate) fn plain(what: impl Into<String>, help: impl Into<String>) -> Self {
        Self::Plain { what: what.into(), help: Some(help.into()).filter(|h| !h.is_empty()) }
    }
}

impl From<Problem> for Reason {
    fn from(problem: Problem) -> Self {
        Self::InFile(Box::new(problem))
    }
}

impl From<Box<Problem>> for Reason {
    fn from(problem: Box<Problem>) -> Self {
        Self::InFile(problem)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InFile(problem) => fmt::Display::fmt(problem, f),
            Self::Plain { what, help } => {
                writeln!(f, "{}", crate::reader::visible(what))?;
                help.iter().try_for_each(|help| writeln!(f, "  help: {}", crate::reader::visible(help)))
            }
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for reason in &self.reasons {
            writeln!(f, "{reason}")?;
        }
        match (self.meaning, self.reasons.len()) {
            (Meaning::NothingToRun, _) => writeln!(f, "nothing to run; nothing was sent"),
            (_, 1) => writeln!(f, "1 problem; nothing was sent"),
            (_, n) => writeln!(f, "{n} problems; nothing was sent"),
        }
    }
}

impl std::error::Error for Refused {}

/// Sorts by file, in the order in which files were met, and by place; takes out what is told twice: a check that stands for
/// many through `for-each` has each of its mistakes once.
fn in_order(reasons: &mut Vec<Reason>) {
    let mut files: HashMap<Arc<str>, usize> = HashMap::new();
    let mut keyed: Vec<_> = std::mem::take(reasons)
        .into_iter()
        .enumerate()
        .map(|(i, reason)| match &reason {
            Reason::InFile(problem) => {
                ((*files.entry(Arc::clone(problem.origin.source.path())).or_insert(i), problem.origin.at.start), reason)
            }
            Reason::Plain { .. } => ((i, 0), reason),
        })
        .collect();
    keyed.sort_by_key(|(key, _)| *key);
    let mut told = HashSet::new();
    reasons.extend(keyed.into_iter().map(|(_, reason)| reason).filter(|reason| told.insert(reason.to_string())));
}
