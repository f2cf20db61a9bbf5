//! What goes wrong when a node is typed, still with the node that caused it.

use crate::reader::{complaint::Complaint, node::Node};
use serde::de;
use std::fmt;

/// One mistake and the node at which it was made.
#[derive(Clone, Debug)]
pub(crate) struct Error {
    /// The node's id; 0 as long as no reader has put its node in.
    pub(crate) id: u32,
    /// The mistake.
    pub(crate) what: What,
    /// A second mistake about the same map, when two specs share it.
    pub(crate) beside: Option<Box<Self>>,
}

impl Error {
    fn new(what: What) -> Self {
        Self { id: 0, what, beside: None }
    }
}

/// The mistakes that the reader treats apart.
#[derive(Clone, Debug)]
pub(crate) enum What {
    /// A key that nobody knows, and the keys that are known.
    Unknown { key: String, known: Vec<&'static str> },
    /// A key that must be there.
    Missing(String),
    /// A value that does not fit.
    Wrong(Box<Complaint>),
    /// A value that could not be put in, which was told before.
    Told,
}

impl From<Complaint> for Error {
    fn from(complaint: Complaint) -> Self {
        Self { id: complaint.node, what: What::Wrong(Box::new(complaint)), beside: None }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.what {
            What::Unknown { key, .. } => write!(f, "unknown key `{key}`"),
            What::Missing(key) => write!(f, "`{key}` is missing"),
            What::Told => f.write_str(TOLD),
            // Through serde's own wrappers an error may be told again as text; the complaint survives that.
            What::Wrong(complaint) => Complaint { node: self.id, ..(**complaint).clone() }.fmt(f),
        }
    }
}

impl std::error::Error for Error {}

impl de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        let text = message.to_string();
        if text == TOLD {
            return Self::new(What::Told);
        }
        Complaint::from_text(&text).unwrap_or_else(|| Complaint::new(text)).into()
    }

    fn invalid_type(_: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Complaint::expected(in_plain_words(&expected.to_string())).into()
    }

    fn invalid_value(_: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Complaint::expected(in_plain_words(&expected.to_string())).into()
    }

    fn invalid_length(len: usize, expected: &dyn de::Expected) -> Self {
        Complaint::expected(in_plain_words(&expected.to_string())).got(format!("{len} items")).into()
    }

    fn unknown_field(key: &str, known: &'static [&'static str]) -> Self {
        Self::new(What::Unknown { key: key.to_owned(), known: known.to_vec() })
    }

    fn unknown_variant(word: &str, known: &'static [&'static str]) -> Self {
        let complaint = Complaint::expected(format!("one of {}", list(known)));
        match crate::reader::nearest(word, known.iter().copied()) {
            Some(near) => complaint.help(format!("did you mean `{near}`?")).into(),
            None => complaint.into(),
        }
    }

    fn missing_field(key: &'static str) -> Self {
        Self::new(What::Missing(key.to_owned()))
    }
}

/// Carries `What::Told` through serde's wrappers, as text.
const TOLD: &str = "\u{1}told";

/// Puts the node into an error that has none yet.
pub(crate) fn place<T>(result: Result<T, Error>, node: &Node) -> Result<T, Error> {
    result.map_err(|e| if e.id == 0 { Error { id: node.id, ..e } } else { e })
}

/// Words in backticks, with commas.
pub(crate) fn list(words: &[&str]) -> String {
    words.iter().map(|w| format!("`{w}`")).collect::<Vec<_>>().join(", ")
}

/// What Rust types call themselves in serde's messages, as someone who writes YAML would say it.
pub(crate) fn in_plain_words(expected: &str) -> String {
    match expected {
        "u8" => "a whole number from 0 to 255".to_owned(),
        "u16" => "a whole number from 0 to 65535".to_owned(),
        "u32" | "u64" | "u128" | "usize" => "a whole number, 0 or more".to_owned(),
        "i8" | "i16" | "i32" | "i64" | "i128" | "isize" => "a whole number".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        "bool" | "a boolean" => "true or false".to_owned(),
        "a string" | "a borrowed string" | "string" => "text".to_owned(),
        "a sequence" => "a list".to_owned(),
        "a character" => "one character".to_owned(),
        "unit" => "null".to_owned(),
        _ if expected.starts_with("a nonzero u") => "a whole number, 1 or more".to_owned(),
        _ if expected.starts_with("a nonzero i") => "a whole number that is not 0".to_owned(),
        _ if expected.starts_with("struct ") => "a map".to_owned(),
        _ => expected.to_owned(),
    }
}
