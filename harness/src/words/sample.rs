//! A sample that a spec names: the bytes of a file, read when the suite is.

use super::{files, form};
use crate::{model::At, reader::Tree};
use bytes::Bytes;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};
use std::borrow::Cow;

/// The bytes of a file beside the suite, in `--samples DIR` or in `./media-samples`.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Its name in the suite.
    pub name: String,
    /// Where the suite names it.
    pub at: At,
    /// Its content.
    pub bytes: Bytes,
}

impl Sample {
    /// The media type by which its ending is known; `application/octet-stream` for any other.
    #[must_use]
    pub fn media_type(&self) -> &'static str {
        form::media_type_of(&self.name)
    }
}

impl<'de> Deserialize<'de> for Sample {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let node = Tree::deserialize(d)?.0;
        let (name, bytes) = files::sample(&node).map_err(de::Error::custom)?;
        Ok(Self { name, at: node.at, bytes })
    }
}

impl JsonSchema for Sample {
    fn schema_name() -> Cow<'static, str> {
        "Sample".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "description": "The name of a sample file." })
    }
}
