//! What a value must be: equality and the matchers of the suite format, typed once and held against nodes many times.

mod describe;
mod hold;
mod read;
#[cfg(test)]
mod tests;

use super::{pattern::Pattern, template::Template, text::Text};
pub(super) use hold::{Nodes, Not};
pub(super) use read::Subject;

/// What is expected of the nodes that a path selects, of a header, or of a body.
///
/// Several nodes: all must hold, unless `any` or `count` is said. No node: never held, but by `absent` and `count`.
#[derive(Clone, Debug)]
pub enum Matcher {
    /// Something is there, `null` included. An unquoted `present`, or `{ present: true }`.
    Present,
    /// Nothing is there; `null` is something. An unquoted `absent`, or `{ absent: true }`. Quoted, both words are plain text.
    Absent,
    /// All of these: a map with several matchers.
    Every(Vec<Self>),
    /// Not that. A value of a type that the inner matcher cannot judge is a miss all the same.
    Not(Box<Self>),
    /// The same JSON value; numbers by value.
    Equals(Template),
    /// A number in this relation to another.
    Compare(Bound, Template),
    /// The number of characters, items or members.
    Length(Box<Self>),
    /// Equal to one of these.
    OneOf(Vec<Template>),
    /// A text in which the expression is found; `^` and `$` anchor it.
    Matches(Expression),
    /// A text with this text in it, an array with an item equal to it, or an object with all these members.
    Contains(Template),
    /// A text that begins so.
    StartsWith(Text),
    /// A text that ends so.
    EndsWith(Text),
    /// Each selected node; behind a path that selects at most one, and inside other matchers, each item of that array.
    All(Box<Self>),
    /// At least one of the same.
    Any(Box<Self>),
    /// How many there are: nodes, or inside other matchers items of the array.
    Count(Box<Self>),
}

/// The four relations of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// `>=`
    AtLeast,
    /// `<=`
    AtMost,
    /// `>`
    Above,
    /// `<`
    Below,
}

/// A compiled regular expression (crate `regex`: linear time, no look-around).
#[derive(Clone, Debug)]
pub struct Expression(Pattern);

impl Matcher {
    /// The words for matchers, as they stand in suites.
    pub const WORDS: [&'static str; 17] = [
        "equals",
        "not",
        "present",
        "absent",
        "at-least",
        "at-most",
        "above",
        "below",
        "length",
        "one-of",
        "matches",
        "contains",
        "starts-with",
        "ends-with",
        "all",
        "any",
        "count",
    ];

    /// Every text in it that holds a secret or a capture.
    #[must_use]
    pub fn texts(&self) -> Vec<&Text> {
        match self {
            Self::Present | Self::Absent => Vec::new(),
            Self::Every(list) => list.iter().flat_map(Self::texts).collect(),
            Self::Not(inner) | Self::Length(inner) | Self::All(inner) | Self::Any(inner) | Self::Count(inner) => inner.texts(),
            Self::Equals(value) | Self::Compare(_, value) | Self::Contains(value) => value.texts(),
            Self::OneOf(list) => list.iter().flat_map(Template::texts).collect(),
            Self::Matches(expression) => vec![expression.0.text()],
            Self::StartsWith(text) | Self::EndsWith(text) => vec![text],
        }
    }
}
