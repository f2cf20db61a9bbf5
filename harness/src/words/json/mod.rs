//! Our own JSON value and reader: numbers keep their exact text, duplicate keys are found, every fault has a name and a byte offset.

mod read;
#[cfg(test)]
mod tests;

use super::number::Number;
use read::Reader;
pub use read::{JsonError, JsonFault};
use std::{cell::OnceCell, fmt, fmt::Write as _};

/// A JSON value. Equality is that of JSON: numbers by value, members of objects in any order.
#[derive(Clone, Debug)]
pub enum Json {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, exact.
    Number(Number),
    /// A string, without its escapes.
    String(String),
    /// A list.
    Array(Vec<Json>),
    /// Members in the order of the text. A key may stand more than once: see [`Document::duplicates`].
    Object(Vec<(String, Json)>),
}

/// A JSON text that was read.
#[derive(Debug)]
pub struct Document {
    /// The value.
    pub root: Json,
    /// The path to each member whose key stands more than once in its object; at most [`Document::MOST_DUPLICATES`].
    pub duplicates: Vec<Vec<Step>>,
    value: OnceCell<serde_json::Value>,
}

/// One step of a path into a value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// A member of an object.
    Name(String),
    /// An item of an array, from 0.
    Index(usize),
}

impl Json {
    /// Most levels of arrays and objects within each other.
    pub const MOST_DEPTH: usize = 128;

    /// The member of an object; the last one where there are several.
    #[must_use]
    pub fn member(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Object(members) => members.iter().rev().find(|(k, _)| k == key).map(|(_, v)| v),
            _ => None,
        }
    }

    /// What it is, with an article, for messages: `a number`.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::String(_) => "a text",
            Self::Array(_) => "an array",
            Self::Object(_) => "an object",
        }
    }

    /// The value for crates that speak `serde_json`. Numbers beyond 64 bits become the nearest double, duplicate keys their last value.
    #[must_use]
    pub fn to_serde(&self) -> serde_json::Value {
        use serde_json::Value;
        match self {
            Self::Null => Value::Null,
            Self::Bool(b) => Value::Bool(*b),
            Self::Number(n) => Value::Number(n.to_serde()),
            Self::String(s) => Value::String(s.clone()),
            Self::Array(items) => Value::Array(items.iter().map(Self::to_serde).collect()),
            Self::Object(members) => Value::Object(members.iter().map(|(k, v)| (k.clone(), v.to_serde())).collect()),
        }
    }

    /// Compact JSON, cut at a character after about `most` bytes and then marked with `…`.
    #[must_use]
    pub fn brief(&self, most: usize) -> String {
        let mut out = Brief { text: String::new(), most };
        // Stops writing as soon as it is full, so a large body costs no more than a small one.
        if write!(out, "{self}").is_err() {
            out.text.push('…');
        }
        out.text
    }
}

/// Takes text until it is full.
struct Brief {
    text: String,
    most: usize,
}

impl fmt::Write for Brief {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        let room = self.most.saturating_sub(self.text.len());
        if s.len() <= room {
            self.text.push_str(s);
            return Ok(());
        }
        let end = (0..=room).rev().find(|i| s.is_char_boundary(*i)).unwrap_or(0);
        self.text.push_str(&s[..end]);
        Err(fmt::Error)
    }
}

impl Document {
    /// Most duplicates that are remembered; a hostile body has no end of them.
    pub const MOST_DUPLICATES: usize = 64;

    /// Reads one JSON text.
    ///
    /// # Errors
    /// The first fault, with its byte offset.
    pub fn read(bytes: &[u8]) -> Result<Self, JsonError> {
        let (root, duplicates) = Reader::read(bytes)?;
        Ok(Self { root, duplicates, value: OnceCell::new() })
    }

    /// The same as a `serde_json` value, made once.
    pub(super) fn value(&self) -> &serde_json::Value {
        self.value.get_or_init(|| self.root.to_serde())
    }

    /// A duplicate key on the way to the node at `path`, or inside it: then its value is ambiguous.
    pub(super) fn duplicate_at(&self, path: &[Step]) -> Option<&[Step]> {
        self.duplicates.iter().map(Vec::as_slice).find(|d| d.starts_with(path) || path.starts_with(d))
    }
}

impl From<Json> for Document {
    fn from(root: Json) -> Self {
        Self { root, duplicates: Vec::new(), value: OnceCell::new() }
    }
}

impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Number(a), Self::Number(b)) => a == b,
            (Self::String(a), Self::String(b)) => a == b,
            (Self::Array(a), Self::Array(b)) => a == b,
            (Self::Object(a), Self::Object(b)) => {
                // In the usual case both are in the same order. Each member is compared once, or nesting would make it exponential.
                let same_order = a.len() == b.len() && a.iter().zip(b).all(|((x, _), (y, _))| x == y);
                if same_order { a.iter().zip(b).all(|((_, x), (_, y))| x == y) } else { a.len() == b.len() && same_sorted(a, b) }
            }
            _ => false,
        }
    }
}

/// Compares objects by sorting their keys, so that a hostile body cannot make it quadratic.
fn same_sorted(a: &[(String, Json)], b: &[(String, Json)]) -> bool {
    let sorted = |members: &[(String, Json)]| {
        let mut order: Vec<usize> = (0..members.len()).collect();
        order.sort_by(|x, y| members[*x].0.cmp(&members[*y].0));
        order
    };
    sorted(a).into_iter().zip(sorted(b)).all(|(x, y)| a[x] == b[y])
}

/// Compact JSON; numbers as they were written.
impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(b) => write!(f, "{b}"),
            Self::Number(n) => write!(f, "{n}"),
            Self::String(s) => write_string(f, s),
            Self::Array(items) => {
                f.write_char('[')?;
                for (i, item) in items.iter().enumerate() {
                    if i > 0 {
                        f.write_char(',')?;
                    }
                    write!(f, "{item}")?;
                }
                f.write_char(']')
            }
            Self::Object(members) => {
                f.write_char('{')?;
                for (i, (key, value)) in members.iter().enumerate() {
                    if i > 0 {
                        f.write_char(',')?;
                    }
                    write_string(f, key)?;
                    write!(f, ":{value}")?;
                }
                f.write_char('}')
            }
        }
    }
}

/// Writes a JSON string: what RFC 8259 §7 asks to be escaped, and DEL.
pub(super) fn write_string(out: &mut impl fmt::Write, text: &str) -> fmt::Result {
    out.write_char('"')?;
    let mut plain = 0;
    for (i, c) in text.char_indices() {
        let short = match c {
            '"' => "\\\"",
            '\\' => "\\\\",
            '\n' => "\\n",
            '\r' => "\\r",
            '\t' => "\\t",
            '\0'..='\u{1f}' | '\u{7f}' => "",
            _ => continue,
        };
        out.write_str(&text[plain..i])?;
        if short.is_empty() {
            write!(out, "\\u{:04x}", u32::from(c))?
        } else {
            out.write_str(short)?
        }
        plain = i + c.len_utf8();
    }
    out.write_str(&text[plain..])?;
    out.write_char('"')
}

impl From<&serde_json::Value> for Json {
    fn from(value: &serde_json::Value) -> Self {
        use serde_json::Value;
        match value {
            Value::Null => Self::Null,
            Value::Bool(b) => Self::Bool(*b),
            Value::Number(n) => Self::Number(Number::parse(&n.to_string()).expect("serde_json writes numbers by RFC 8259")),
            Value::String(s) => Self::String(s.clone()),
            Value::Array(items) => Self::Array(items.iter().map(Self::from).collect()),
            Value::Object(map) => Self::Object(map.iter().map(|(k, v)| (k.clone(), Self::from(v))).collect()),
        }
    }
}
