//! One state of a path: a word, a number, true, false or null. `None` is a word, and `null` is not.

use crate::model::At;
use crate::reader::{Complaint, Node, Tree};
use crate::words::{Json, Template};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, de};
use std::borrow::Cow;

/// A state as the suite names it.
#[derive(Clone, Debug)]
pub(super) struct State {
    /// Where it stands.
    pub(super) at: At,
    /// What the service says when it is in it.
    pub(super) json: Json,
}

impl State {
    fn of(node: &Node) -> Result<Self, Complaint> {
        match Template::of(node)? {
            Template::Literal(json) if !matches!(json, Json::Array(_) | Json::Object(_)) => Ok(Self { at: node.at, json }),
            Template::Text(_) => Err(Complaint::new("a state is known before the run and is no secret").at(node)),
            _ => Err(Complaint::expected("a state: a word such as RUNNING, a number, true, false or null").at(node)),
        }
    }

    /// The state for people.
    pub(super) fn show(&self) -> String {
        show(&self.json)
    }
}

/// Most bytes of a value that are shown.
const BRIEF: usize = 80;

/// A value for people: a word without its quotes.
pub(super) fn show(json: &Json) -> String {
    match json {
        Json::String(word) if !word.is_empty() && word.len() <= BRIEF => word.clone(),
        other => other.brief(BRIEF),
    }
}

impl<'de> Deserialize<'de> for State {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Self::of(&Tree::deserialize(d)?.0).map_err(de::Error::custom)
    }
}

impl JsonSchema for State {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "State".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({ "type": ["string", "number", "boolean", "null"] })
    }
}
