//! Where in a file something was asked: a source, a span in it, and the owned place that reports carry.

use serde::{Deserialize, Serialize};
use std::{fmt, sync::Arc};

/// A span in a source. Lines and columns count from 1; columns count characters, not bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct At {
    /// Line of the first character, from 1. 0 means: nowhere (a value made in code).
    pub line: u32,
    /// Column of the first character, from 1, in characters.
    pub column: u32,
    /// Byte offset of the first character in the source.
    pub start: u32,
    /// Length in bytes.
    pub len: u32,
}

impl At {
    /// Whether this span points into a file at all.
    #[must_use]
    pub fn is_somewhere(&self) -> bool {
        self.line > 0
    }
}

/// One file as it was read: the path as the user wrote it, and its text.
pub struct Source {
    path: Arc<str>,
    text: Arc<str>,
}

impl Source {
    /// Keeps a text under the path by which messages name it.
    #[must_use]
    pub fn new(path: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> Self {
        Self { path: path.into(), text: text.into() }
    }

    /// The path as messages show it.
    #[must_use]
    pub fn path(&self) -> &Arc<str> {
        &self.path
    }

    /// The whole text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The line (from 1) without its line end; empty if there is none.
    #[must_use]
    pub fn line(&self, line: u32) -> &str {
        self.text.lines().nth(line.saturating_sub(1) as usize).unwrap_or("")
    }

    /// The line that holds the byte offset, found without counting lines: cheap in a large file.
    #[must_use]
    pub fn line_at(&self, start: u32) -> &str {
        let start = (start as usize).min(self.text.len());
        let bytes = self.text.as_bytes();
        let from = bytes[..start].iter().rposition(|b| *b == b'\n').map_or(0, |i| i + 1);
        let to = bytes[start..].iter().position(|b| *b == b'\n').map_or(bytes.len(), |i| start + i);
        self.text.get(from..to).unwrap_or("").trim_end_matches('\r')
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("path", &self.path).field("bytes", &self.text.len()).finish()
    }
}

/// A span together with the file it lies in. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The file.
    pub source: Arc<Source>,
    /// The span in it.
    pub at: At,
}

impl Origin {
    /// The owned form for events and reports: file, line, column, and the text of that line.
    #[must_use]
    pub fn place(&self) -> Place {
        let line = self.source.line_at(self.at.start);
        Place {
            file: self.source.path.to_string(),
            line: self.at.line,
            column: self.at.column,
            width: self
                .source
                .text
                .get(self.at.start as usize..(self.at.start + self.at.len) as usize)
                .map_or(1, |s| s.lines().next().map_or(1, |l| l.chars().count().max(1)) as u32),
            text: line.chars().take(400).collect(),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.source.path, self.at.line, self.at.column)
    }
}

/// A place in a file, with its line, as events and reports carry it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Place {
    /// Path of the file, as the user named it.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Column, from 1, in characters.
    pub column: u32,
    /// How many characters the span takes on this line, at least 1.
    pub width: u32,
    /// The text of that line, at most 400 characters.
    pub text: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}
