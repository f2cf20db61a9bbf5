//! A YAML value as it was written: raw text, quoting and place, before any type is given to it.

use crate::{
    model::{At, Secret},
    reader::scalar::Core,
};

/// One value or key of a document.
#[derive(Clone, Debug)]
pub struct Node {
    /// Unique in its document, from 1, in document order; what an alias brings in gets ids of its own.
    pub id: u32,
    /// Where it was written. For what an alias brings in: where that was defined.
    pub at: At,
    /// The alias (`*name`) through which it stands here; none for what was written in place.
    pub via: Option<Box<At>>,
    /// What it is.
    pub kind: Kind,
    /// A value for it could not be put in, which [`expand`](super::expand()) has told; typing it would only tell it again.
    pub(crate) is_unset: bool,
}

/// The three shapes of a YAML value.
#[derive(Clone, Debug)]
pub enum Kind {
    /// A word, number or text.
    Scalar {
        /// The text: escapes and line folding are undone. After [`expand`](super::expand()) values are put in, but a secret or
        /// deferred name still stands as `${name}`, so that this text can always be shown.
        text: String,
        /// Written without quotes, so it may also mean a number, `true`, `false` or null.
        plain: bool,
        /// The pieces, when one of them is a secret or known only at run time.
        parts: Option<Vec<Part>>,
        /// The values that were put in, with the place that gave each. `None`: this scalar has not been expanded, or nothing stood in it.
        given: Option<Box<[Given]>>,
    },
    /// A list.
    Seq(Vec<Node>),
    /// A map, in the order of the file, without duplicate keys; merge keys are resolved. Every key is a scalar.
    Map(Vec<(Node, Node)>),
}

/// A piece of a text that holds a secret or a name known only at run time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Text as it is sent.
    Literal(String),
    /// A secret value.
    Secret {
        /// The name it has in the suite.
        name: String,
        /// The value.
        value: Secret,
    },
    /// The name of a value known only at run time: a capture, or a name local to a kind.
    Deferred(String),
}

/// One value that was put into a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// The variable.
    pub name: String,
    /// Who gave its value: `--var max_jobs`, `stage.env.yaml:12:9`.
    pub from: String,
}

impl Node {
    /// The text of a scalar, quoted or not.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// Whether it, or something in it, was written there.
    #[must_use]
    pub(crate) fn stands_at(&self, at: At) -> bool {
        self.at == at
            || match &self.kind {
                Kind::Scalar { .. } => false,
                Kind::Seq(items) => items.iter().any(|item| item.stands_at(at)),
                Kind::Map(entries) => entries.iter().any(|(key, value)| key.at == at || value.stands_at(at)),
            }
    }

    /// What a scalar means by the rules of YAML 1.2, narrowed to JSON's numbers. `None` for lists and maps.
    #[must_use]
    pub fn core(&self) -> Option<Core<'_>> {
        match &self.kind {
            Kind::Scalar { text, plain, given, .. } => Some(match (plain, Core::of(text)) {
                (false, _) => Core::Text(text),
                // A value that was put in may be a number or a boolean, but it never makes the whole key go away.
                (true, Core::Null) if given.is_some() => Core::Text(text),
                (true, core) => core,
            }),
            _ => None,
        }
    }

    /// Whether it is an unquoted null: `null`, `~`, or nothing at all.
    #[must_use]
    pub fn is_null(&self) -> bool {
        self.core() == Some(Core::Null)
    }

    /// The entries of a map, in order.
    #[must_use]
    pub fn entries(&self) -> Option<&[(Node, Node)]> {
        match &self.kind {
            Kind::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The items of a list.
    #[must_use]
    pub fn items(&self) -> Option<&[Node]> {
        match &self.kind {
            Kind::Seq(items) => Some(items),
            _ => None,
        }
    }

    /// The key and the value of an entry of a map.
    #[must_use]
    pub fn entry(&self, key: &str) -> Option<(&Node, &Node)> {
        self.entries()?.iter().find(|(k, _)| k.text() == Some(key)).map(|(k, v)| (k, v))
    }

    /// The value of an entry of a map.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|(_, v)| v)
    }

    /// Whether a value for it, or for anything below it, could not be put in.
    pub(crate) fn holds_unset(&self) -> bool {
        match &self.kind {
            Kind::Scalar { .. } => self.is_unset,
            Kind::Seq(items) => items.iter().any(Self::holds_unset),
            Kind::Map(entries) => entries.iter().any(|(k, v)| k.is_unset || v.holds_unset()),
        }
    }

    /// Takes an entry out of a map.
    pub fn take(&mut self, key: &str) -> Option<(Node, Node)> {
        match &mut self.kind {
            Kind::Map(entries) => {
                let i = entries.iter().position(|(k, _)| k.text() == Some(key))?;
                Some(entries.remove(i))
            }
            _ => None,
        }
    }
}
