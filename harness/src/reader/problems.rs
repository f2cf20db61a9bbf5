//! One mistake in a file: its place, what was expected and found there, and the way out.

use crate::model::Origin;
use std::fmt;

/// A mistake in a file. `Display` is the full text with the source line, as [`render`](super::render()) makes it.
#[derive(Clone, Debug)]
pub struct Problem {
    /// Where.
    pub origin: Origin,
    /// The keys that lead there: `health.within`. Empty where there is none.
    pub path: String,
    /// What is wrong; empty when `expected` says it.
    pub what: String,
    /// What would be right.
    pub expected: Option<String>,
    /// What stands there.
    pub got: Option<String>,
    /// The way out, or the corrected line.
    pub help: Option<String>,
    /// Other places that matter: where a key was first given, where an alias stands.
    pub also: Vec<Note>,
    /// A likely slip, but the file can be used.
    pub is_warning: bool,
}

/// Another place that has to do with a problem.
#[derive(Clone, Debug)]
pub struct Note {
    /// Where; none for what stands in no file.
    pub origin: Option<Origin>,
    /// What is there.
    pub text: String,
}

impl Note {
    /// A note at a place.
    #[must_use]
    pub fn at(origin: Origin, text: impl Into<String>) -> Self {
        Self { origin: Some(origin), text: text.into() }
    }
}

impl Problem {
    /// A problem that is one sentence.
    #[must_use]
    pub fn new(origin: Origin, what: impl Into<String>) -> Self {
        Self { origin, path: String::new(), what: what.into(), expected: None, got: None, help: None, also: Vec::new(), is_warning: false }
    }

    /// Adds the way out.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds the keys that lead to the place.
    #[must_use]
    pub fn with_path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// Adds another place.
    #[must_use]
    pub fn with_note(mut self, origin: Origin, text: impl Into<String>) -> Self {
        self.also.push(Note::at(origin, text));
        self
    }

    /// The message without place and source line: `health.within: expected a duration such as 200ms, got 200`.
    #[must_use]
    pub fn message(&self) -> String {
        let mut out = String::new();
        if self.is_warning {
            out.push_str("warning: ");
        }
        if !self.path.is_empty() {
            out.push_str(&super::visible(&self.path));
            out.push_str(": ");
        }
        out.push_str(&super::visible(&self.what));
        if let Some(expected) = &self.expected {
            if !self.what.is_empty() {
                out.push_str(": ");
            }
            out.push_str("expected ");
            out.push_str(&super::visible(expected));
            if let Some(got) = &self.got {
                out.push_str(", got ");
                out.push_str(&super::visible(got));
            }
        }
        out
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&super::render(self))
    }
}

impl std::error::Error for Problem {}
