//! `capture`: what an answer gives to later requests, by name.

use super::{answered::Answered, json::Json, path::Path, values::Values};
use crate::{
    model::At,
    reader::{Complaint, Core, Kind, Node, Tree, nearest},
};
use http::HeaderName;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};
use std::borrow::Cow;

/// What to take from an answer.
#[derive(Clone, Debug, Default)]
pub struct Capture(Vec<CaptureRule>);

/// One value to take.
#[derive(Clone, Debug)]
pub struct CaptureRule {
    /// The name under which later requests find it.
    pub name: String,
    /// Where the suite asks for it.
    pub at: At,
    /// From where.
    pub from: CaptureFrom,
    /// Never shown. Default: false.
    pub is_secret: bool,
}

/// Where in an answer a value stands.
#[derive(Clone, Debug)]
pub enum CaptureFrom {
    /// The one node that a path selects.
    Json(Path),
    /// The one field of that name.
    Header(HeaderName),
}

/// A value that an answer does not give.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("capture `{name}`: expected {expected}, got {observed}")]
pub struct CaptureMiss {
    /// The name.
    pub name: String,
    /// What was expected.
    pub expected: String,
    /// What was there.
    pub observed: String,
    /// Where the suite asks for it.
    pub at: At,
}

impl Capture {
    /// The names, in the order of the suite.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|rule| rule.name.as_str())
    }

    /// The rules, in the order of the suite.
    pub fn iter(&self) -> impl Iterator<Item = &CaptureRule> {
        self.0.iter()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes every value out of an answer.
    ///
    /// # Errors
    /// The first value that is not there exactly once, or is null.
    pub fn take(&self, seen: &Answered<'_>) -> Result<Values, CaptureMiss> {
        self.0.iter().try_fold(Values::default(), |values, capture| Ok(values.with(&capture.name, capture.take(seen)?, capture.is_secret)))
    }
}

impl CaptureRule {
    /// Takes the value out of an answer.
    ///
    /// # Errors
    /// When it is not there exactly once, or is null.
    pub fn take(&self, seen: &Answered<'_>) -> Result<Json, CaptureMiss> {
        let miss = |expected: String, observed: String| CaptureMiss { name: self.name.clone(), expected, observed, at: self.at };
        match &self.from {
            CaptureFrom::Json(path) => {
                let expected = || format!("one value at {path}");
                let document = seen.document().map_err(|e| miss(expected(), e.to_string()))?;
                let nodes = path.select(document).map_err(|e| miss(expected(), e.to_string()))?;
                match nodes.as_slice() {
                    [one] if matches!(one.node, Json::Null) => Err(miss(expected(), "null".to_owned())),
                    [one] => Ok(one.node.clone()),
                    [] => Err(miss(expected(), "nothing there".to_owned())),
                    several => Err(miss(expected(), format!("{} values", several.len()))),
                }
            }
            CaptureFrom::Header(name) => {
                let expected = || format!("one header `{name}`");
                let found: Vec<&[u8]> = seen.header(name.as_str()).collect();
                match found.as_slice() {
                    [[]] => Err(miss(expected(), "an empty one".to_owned())),
                    [one] => match std::str::from_utf8(one) {
                        Ok(text) => Ok(Json::String(text.to_owned())),
                        Err(_) => Err(miss(expected(), "a value that is not UTF-8".to_owned())),
                    },
                    [] => Err(miss(expected(), "none".to_owned())),
                    several => Err(miss(expected(), format!("{} of them", several.len()))),
                }
            }
        }
    }

    fn of(key: &Node, node: &Node) -> Result<Self, Complaint> {
        let name = key.text().unwrap_or_default().to_owned();
        let first = name.bytes().next().is_some_and(|b| b.is_ascii_lowercase());
        if !first || !name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_') {
            return Err(Complaint::new(format!("`{name}` is no name for a value"))
                .help("names are lower-case letters, digits and `_`")
                .at(key));
        }
        let new = |from, is_secret| Ok(Self { name: name.clone(), at: key.at, from, is_secret });
        match &node.kind {
            Kind::Scalar { .. } => new(CaptureFrom::Json(path(node)?), false),
            Kind::Map(entries) => {
                let (mut from, mut is_secret) = (None, false);
                for (key, value) in entries {
                    match key.text().unwrap_or_default() {
                        word @ ("json" | "header") => {
                            let this =
                                if word == "json" { CaptureFrom::Json(path(value)?) } else { CaptureFrom::Header(header_name(value)?) };
                            if from.replace(this).is_some() {
                                return Err(Complaint::new("a value comes from one place: `json` or `header`").at(key));
                            }
                        }
                        "secret" => match value.core() {
                            Some(Core::Bool(b)) => is_secret = b,
                            _ => return Err(Complaint::expected("true or false").at(value)),
                        },
                        other => return Err(unknown(other, &["json", "header", "secret"]).at(key)),
                    }
                }
                new(
                    from.ok_or_else(|| Complaint::new("where does it stand? `json: $.path` or `header: name` is needed").at(node))?,
                    is_secret,
                )
            }
            Kind::Seq(_) => Err(Complaint::expected("a JSONPath such as $.id, or a map with `json` or `header`").at(node)),
        }
    }
}

/// A JSONPath at a node.
pub(super) fn path(node: &Node) -> Result<Path, Complaint> {
    Path::parse(super::text::known(node)?).map_err(|e| Complaint::new(e.to_string()).at(node))
}

/// A header name at a node, in lower case.
pub(super) fn header_name(node: &Node) -> Result<HeaderName, Complaint> {
    let name = super::text::known(node)?;
    HeaderName::from_bytes(name.as_bytes()).map_err(|_| Complaint::expected("the name of a header (RFC 9110 §5.1)").at(node))
}

/// A key that is not known, with the one that was probably meant.
pub(super) fn unknown(key: &str, known: &[&'static str]) -> Complaint {
    let all = known.iter().map(|k| format!("`{k}`")).collect::<Vec<_>>().join(", ");
    let help = match nearest(key, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`? Known here: {all}"),
        None => format!("known here: {all}"),
    };
    Complaint::new(format!("unknown key `{key}`")).help(help)
}

impl<'de> Deserialize<'de> for Capture {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let node = Tree::deserialize(d)?.0;
        let read = || match node.entries() {
            Some(entries) if !entries.is_empty() => entries.iter().map(|(key, value)| CaptureRule::of(key, value)).collect(),
            _ => Err(Complaint::expected("a map from names to places, such as `job: $.id`").at(&node)),
        };
        read().map(Self).map_err(de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Path {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        path(&Tree::deserialize(d)?.0).map_err(de::Error::custom)
    }
}

impl JsonSchema for Path {
    fn schema_name() -> Cow<'static, str> {
        "JsonPath".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "description": "A JSONPath (RFC 9535).", "pattern": r"^\$" })
    }
}

impl JsonSchema for Capture {
    fn schema_name() -> Cow<'static, str> {
        "Capture".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let path = generator.subschema_for::<Path>();
        json_schema!({
            "type": "object",
            "minProperties": 1,
            "propertyNames": { "pattern": "^[a-z][a-z0-9_]*$" },
            "additionalProperties": {
                "anyOf": [
                    path,
                    {
                        "type": "object",
                        "additionalProperties": false,
                        "properties": {
                            "json": path,
                            "header": { "type": "string", "description": "The name of a header." },
                            "secret": { "type": "boolean", "description": "Never shown.", "default": false }
                        }
                    }
                ]
            }
        })
    }
}

#[cfg(test)]
#[path = "capture_tests.rs"]
mod tests;
