//! Where the order of events stands: in their ids, or in a number of their data.

use crate::reader::{Complaint, Node, Tree};
use crate::words::Path;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, de};
use std::borrow::Cow;

/// One order of events.
#[derive(Clone, Debug)]
pub(in crate::checks::sse) enum Order {
    /// The ids of events are numbers that grow over the stream.
    EventId,
    /// The number at this path counts the events of each job.
    Path(Path),
}

impl Order {
    fn of(node: &Node) -> Result<Self, Complaint> {
        match node.text() {
            Some("event-id") => Ok(Self::EventId),
            Some(text) if text.starts_with('$') => Path::parse(text).map(Self::Path).map_err(|e| Complaint::new(e.to_string()).at(node)),
            _ => {
                Err(Complaint::expected("`event-id`, or the JSONPath of a number that counts the events of a job, such as $.seq").at(node))
            }
        }
    }
}

impl<'de> Deserialize<'de> for Order {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Self::of(&Tree::deserialize(d)?.0).map_err(de::Error::custom)
    }
}

impl JsonSchema for Order {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Order".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({ "type": "string", "pattern": r"^(event-id$|\$)" })
    }
}
