//! How a screen looks: colour, width, motion and how much is told. All of it is given, nothing is looked up here.

use super::Sections;
use crate::model::{CheckId, Outcome, Verdict};
use std::borrow::Cow;

/// How much is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verbosity {
    /// Only what did not pass, and the last line.
    Quiet,
    /// One line a check as well.
    #[default]
    Normal,
    /// Every clause of every check, what was not judged and why, and what was blocked.
    Verbose,
}

impl Verbosity {
    /// Whether a check gets a line of its own. What a failure blocked is folded under the failure instead.
    pub(crate) fn shows_row(self, outcome: &Outcome, troubled: impl Fn(&CheckId) -> bool) -> bool {
        match self {
            Self::Quiet => false,
            Self::Normal => outcome.verdict != Verdict::Blocked || !outcome.root.as_ref().is_some_and(troubled),
            Self::Verbose => true,
        }
    }
}

/// What the screen can do. The default is a plain file: no colour, no motion, nothing cut.
#[derive(Clone, Copy, Debug, Default)]
pub struct Style {
    /// Whether escape sequences for colour are understood and wanted.
    pub color: bool,
    /// Columns of the terminal; `None` where there is none: then nothing is cut.
    pub width: Option<usize>,
    /// Whether a line may be rewritten: a terminal that understands `ESC [ K`.
    pub live: bool,
    /// Whether only ASCII can be shown (a locale without UTF-8). Other characters become `\u{…}`.
    pub ascii: bool,
    /// How lines are gathered that nobody needs to see at first.
    pub sections: Sections,
    /// How much is told.
    pub verbosity: Verbosity,
}

/// The colours that carry a meaning.
#[derive(Clone, Copy)]
pub(super) enum Ink {
    Good,
    Bad,
    Doubt,
    Faint,
    Strong,
}

impl Style {
    /// The text in a colour, if there are colours.
    pub(super) fn ink(&self, ink: Ink, text: &str) -> String {
        if !self.color || text.is_empty() {
            return text.to_owned();
        }
        let code = match ink {
            Ink::Good => "32",
            Ink::Bad => "1;31",
            Ink::Doubt => "33",
            Ink::Faint => "2",
            Ink::Strong => "1",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }

    /// The text in the characters that the screen has.
    pub(super) fn encode<'t>(&self, text: &'t str) -> Cow<'t, str> {
        use std::fmt::Write as _;
        if !self.ascii || text.is_ascii() {
            return Cow::Borrowed(text);
        }
        let mut out = String::with_capacity(text.len());
        for c in text.chars() {
            match c {
                '…' => out.push_str("..."),
                'µ' => out.push('u'),
                c if c.is_ascii() => out.push(c),
                c => {
                    let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
                }
            }
        }
        Cow::Owned(out)
    }
}
