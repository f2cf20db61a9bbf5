//! `expect.body`: the body as text and bytes.

use super::{
    answered::{Answered, Miss, Part},
    expect::miss,
    json::Json,
    matcher::{Matcher, Nodes, Subject},
    path::Located,
    values::{UnknownCapture, Values},
};
use crate::{
    model::{At, Size},
    reader::{Complaint, Kind, Node, parse_size},
};
use schemars::{JsonSchema, SchemaGenerator};
use sha2::{Digest as _, Sha256};
use std::{borrow::Cow, fmt::Write as _};

/// What the body must be.
#[derive(Clone, Debug)]
pub struct BodyExpectation {
    /// What it must be as text. It must then be complete, kept whole and valid UTF-8.
    pub matcher: Option<Matcher>,
    /// Most bytes.
    pub max_size: Option<Size>,
    /// Its SHA-256, in lower-case hex.
    pub sha256: Option<String>,
    /// Where the suite asks for it.
    pub at: At,
}

impl BodyExpectation {
    pub(super) fn wants_sha256(&self) -> bool {
        self.sha256.is_some()
    }

    pub(super) fn count(&self) -> usize {
        [self.matcher.is_some(), self.max_size.is_some(), self.sha256.is_some()].iter().filter(|asked| **asked).count()
    }

    /// Reads a text to be equal to, or a map of matchers, `max-size` and `sha256`.
    pub(super) fn of(node: &Node) -> Result<Self, Complaint> {
        let mut body = Self { matcher: None, max_size: None, sha256: None, at: node.at };
        let Kind::Map(entries) = &node.kind else {
            if node.text().is_none_or(|_| node.is_null()) {
                return Err(Complaint::expected("a text, or a map with `contains`, `matches`, `max-size`, `sha256`, …").at(node));
            }
            return Ok(Self { matcher: Some(Matcher::of_subject(node, Subject::Text)?), ..body });
        };
        let mut rest = Vec::new();
        for (key, value) in entries {
            match key.text() {
                Some("max-size") => body.max_size = Some(size(value)?),
                Some("sha256") => body.sha256 = Some(sha256(value)?),
                _ => rest.push((key.clone(), value.clone())),
            }
        }
        if !rest.is_empty() || entries.is_empty() {
            body.matcher = Some(Matcher::of_entries(node, &rest, Subject::Text)?);
        }
        Ok(body)
    }

    pub(super) fn judge(&self, seen: &Answered<'_>, values: &Values, misses: &mut Vec<Miss>) -> Result<(), UnknownCapture> {
        let mut add = |expected: String, observed: String| {
            misses.push(Miss { part: Part::Body, name: "body".to_owned(), expected, observed, at: self.at });
        };
        if let Some(most) = self.max_size {
            if seen.body_len > most.0 {
                let more = if seen.is_complete { "" } else { " and more" };
                add(format!("at most {most}"), format!("{} bytes{more}", seen.body_len));
            } else if !seen.is_complete {
                add(format!("at most {most}"), seen.missing().unwrap_or_default());
            }
        }
        if let Some(expected) = &self.sha256 {
            match (seen.sha256, seen.missing()) {
                (Some(hash), _) if seen.is_complete && hash.eq_ignore_ascii_case(expected) => {}
                (Some(hash), _) if seen.is_complete => add(format!("sha256 {expected}"), format!("sha256 {hash}")),
                (_, Some(why)) => add(format!("sha256 {expected}"), why),
                (_, None) => {
                    let hash = hex(&Sha256::digest(seen.body));
                    if hash != *expected {
                        add(format!("sha256 {expected}"), format!("sha256 {hash}"));
                    }
                }
            }
        }
        let Some(matcher) = &self.matcher else { return Ok(()) };
        match (seen.missing(), std::str::from_utf8(seen.body)) {
            // What is asked of a text may stand, or be forbidden to stand, in the part that is not here.
            (Some(why), _) => add(matcher.describe(values), why),
            (None, Err(e)) => add(matcher.describe(values), format!("no text: the body is not valid UTF-8 (byte {})", e.valid_up_to())),
            (None, Ok(text)) => {
                let text = Json::String(text.to_owned());
                let body = [Located { steps: Vec::new(), node: &text }];
                // An empty body is a body that is absent, and nothing to be present.
                let is_empty = seen.body.is_empty() && speaks_of_presence(matcher);
                let nodes = Nodes { nodes: if is_empty { &[] } else { &body }, name: "body", is_one: true, is_text: true, values };
                misses.extend(miss(Part::Body, nodes, matcher, self.at)?);
            }
        }
        Ok(())
    }
}

fn speaks_of_presence(matcher: &Matcher) -> bool {
    match matcher {
        Matcher::Absent | Matcher::Present => true,
        Matcher::Not(inner) => speaks_of_presence(inner),
        _ => false,
    }
}

fn size(node: &Node) -> Result<Size, Complaint> {
    parse_size(super::text::known(node)?).map_err(|e| {
        let complaint = Complaint::expected(e.expected).at(node);
        match e.write {
            Some(write) => complaint.write(write),
            None => complaint,
        }
    })
}

fn sha256(node: &Node) -> Result<String, Complaint> {
    let text = super::text::known(node)?.to_ascii_lowercase();
    if text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Ok(text);
    }
    Err(Complaint::expected("64 hexadecimal digits in quotes").at(node))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, b| {
        write!(out, "{b:02x}").expect("a String takes any text");
        out
    })
}

impl JsonSchema for BodyExpectation {
    fn schema_name() -> Cow<'static, str> {
        "Body".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> schemars::Schema {
        generator.subschema_for::<Matcher>();
        let mut matcher = Matcher::json_schema(generator);
        let properties = matcher.pointer_mut("/anyOf/1/properties").and_then(|p| p.as_object_mut());
        if let Some(properties) = properties {
            let size = generator.subschema_for::<crate::reader::Bytes>();
            properties.insert("max-size".to_owned(), serde_json::json!({ "allOf": [size], "description": "Most bytes." }));
            let sha256 = serde_json::json!({
                "type": "string", "pattern": r"^[0-9a-fA-F]{64}$|\$\{[a-z][a-z0-9_]*\}", "description": "The SHA-256 of the whole body, in hex."
            });
            properties.insert("sha256".to_owned(), sha256);
        }
        matcher.insert(
            "description".to_owned(),
            "The body as text and bytes: a text to be equal to, or matchers, `max-size`, `sha256`.".into(),
        );
        matcher
    }
}
