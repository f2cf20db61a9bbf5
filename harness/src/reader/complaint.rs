//! A mistake as a `Deserialize` implementation tells it, so that expected, got and the way out reach the user apart.

use crate::reader::node::Node;
use std::fmt;

/// What is wrong with a value. Turn it into an error with `de::Error::custom(complaint)` inside any `Deserialize` or visitor; the
/// reader adds place, key path and what was found there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Complaint {
    pub(crate) node: u32,
    /// What is wrong, when "expected … got …" does not say it. Empty otherwise.
    pub(crate) what: Box<str>,
    /// What would be right: `a duration such as 200ms`. Empty: the message is `what` alone.
    pub(crate) expected: Box<str>,
    /// What was found. Empty: the reader describes the value itself.
    pub(crate) got: Box<str>,
    /// The way out, as a sentence. Empty: none.
    pub(crate) help: Box<str>,
    /// The value as it should stand; shown as ``write `key: value` ``. Empty: none.
    pub(crate) write: Box<str>,
}

impl Complaint {
    /// A sentence of its own: "one of `get`, `post` is needed".
    #[must_use]
    pub fn new(what: impl Into<Box<str>>) -> Self {
        Self { what: what.into(), ..Self::default() }
    }

    /// "expected …, got …": the reader adds what it got.
    #[must_use]
    pub fn expected(expected: impl Into<Box<str>>) -> Self {
        Self { expected: expected.into(), ..Self::default() }
    }

    /// Says what was found instead.
    #[must_use]
    pub fn got(mut self, got: impl Into<Box<str>>) -> Self {
        self.got = got.into();
        self
    }

    /// Says the way out in a sentence.
    #[must_use]
    pub fn help(mut self, help: impl Into<Box<str>>) -> Self {
        self.help = help.into();
        self
    }

    /// Says how the value should be written; the reader puts the key before it.
    #[must_use]
    pub fn write(mut self, value: impl Into<Box<str>>) -> Self {
        self.write = value.into();
        self
    }

    /// Puts the place on a node inside the value that is read, for whoever reads a [`Tree`](super::Tree) by hand.
    #[must_use]
    pub fn at(mut self, node: &Node) -> Self {
        self.node = node.id;
        self
    }

    /// The complaint inside an error text, if it is one.
    pub(crate) fn from_text(text: &str) -> Option<Self> {
        let mut parts = text.strip_prefix(MARK)?.split(MARK).map(Box::<str>::from);
        let node = parts.next()?.parse().ok()?;
        let mut next = || parts.next();
        Some(Self { node, what: next()?, expected: next()?, got: next()?, help: next()?, write: next()? })
    }
}

/// Stands between the fields on the way through serde, which carries errors as text only. A file cannot hold it unescaped.
const MARK: char = '\u{1}';

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{MARK}{}", self.node)?;
        for field in [&self.what, &self.expected, &self.got, &self.help, &self.write] {
            write!(f, "{MARK}{}", field.replace(MARK, "\u{2401}"))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Complaint;

    #[test]
    fn a_complaint_passes_through_text_unchanged() {
        let full = Complaint { node: 7, ..Complaint::expected("a").got("b").help("c").write("d") };
        assert_eq!(Complaint::from_text(&full.to_string()), Some(full));
        assert_eq!(Complaint::from_text("a sentence"), None);
        assert_eq!(Complaint::from_text(&Complaint::new("x\u{1}y").to_string()), Some(Complaint::new("x\u{2401}y")));
    }
}
