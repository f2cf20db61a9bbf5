//! An answer as expectations and captures see it, and what they say when it does not fit.

use super::json::{Document, JsonError};
use crate::{model::At, transport::Answer};
use serde::{Deserialize, Serialize};
use std::{cell::OnceCell, fmt};

/// A view of an answer, with its body read as JSON at most once.
#[derive(Debug)]
pub struct Answered<'a> {
    /// The status code.
    pub status: u16,
    /// Header fields in order, values as they came.
    pub headers: &'a [(String, Vec<u8>)],
    /// The bytes of the body that were kept.
    pub body: &'a [u8],
    /// Bytes of the whole body, as far as it came.
    pub body_len: u64,
    /// Whether the body came to its end.
    pub is_complete: bool,
    /// SHA-256 of the whole body in lower-case hex, where the engine made it.
    pub sha256: Option<&'a str>,
    document: OnceCell<Result<Document, NoJson>>,
}

/// Why a body cannot be read as JSON.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoJson {
    #[error("no JSON: the body {0}")]
    Fault(JsonError),
    #[error("no JSON: {0}")]
    Partial(String),
}

/// The part of an answer that an expectation is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// `status`.
    Status,
    /// `headers`.
    Headers,
    /// `json`.
    Json,
    /// `body`.
    Body,
    /// `schema`.
    Schema,
}

/// One expectation that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Miss {
    /// The part of the answer.
    pub part: Part,
    /// What in it: `$.items[0].id`, `content-type`; empty for the status.
    pub name: String,
    /// What was expected: `200`, `$.status "healthy"`. Secrets are `***`.
    pub expected: String,
    /// What was there. The redactor of the run masks what the service itself told.
    pub observed: String,
    /// Where the suite asked for it; nowhere if it is a default.
    #[serde(with = "span")]
    pub at: At,
}

impl<'a> Answered<'a> {
    /// A view of these parts.
    #[must_use]
    pub fn new(status: u16, headers: &'a [(String, Vec<u8>)], body: &'a [u8]) -> Self {
        Self { status, headers, body, body_len: body.len() as u64, is_complete: true, sha256: None, document: OnceCell::new() }
    }

    /// A view of a whole answer.
    #[must_use]
    pub fn of(answer: &'a Answer) -> Self {
        Self {
            body_len: answer.body_len,
            is_complete: answer.body_complete,
            sha256: answer.sha256.as_deref(),
            ..Self::new(answer.status, &answer.headers, &answer.body)
        }
    }

    /// The values of a header field, in order; the name in any case.
    pub fn header<'n>(&'n self, name: &'n str) -> impl Iterator<Item = &'a [u8]> + use<'a, 'n> {
        self.headers.iter().filter(move |(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_slice())
    }

    /// Why not all of the body can be looked at; `None` if it can.
    pub(super) fn missing(&self) -> Option<String> {
        let kept = self.body.len();
        if !self.is_complete {
            Some(format!("the body is not complete, {} bytes of it came", self.body_len))
        } else if (kept as u64) < self.body_len {
            Some(format!("the body has {} bytes, of which only {kept} are kept", self.body_len))
        } else {
            None
        }
    }

    pub(super) fn document(&self) -> Result<&Document, &NoJson> {
        let read = || match self.missing() {
            Some(why) => Err(NoJson::Partial(why)),
            None => Document::read(self.body).map_err(NoJson::Fault),
        };
        self.document.get_or_init(read).as_ref()
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Status => "status",
            Self::Headers => "headers",
            Self::Json => "json",
            Self::Body => "body",
            Self::Schema => "schema",
        })
    }
}

/// A span in an observation: line, column, start, length.
mod span {
    use crate::model::At;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(at: &At, s: S) -> Result<S::Ok, S::Error> {
        [at.line, at.column, at.start, at.len].serialize(s)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<At, D::Error> {
        let [line, column, start, len] = <[u32; 4]>::deserialize(d)?;
        Ok(At { line, column, start, len })
    }
}
