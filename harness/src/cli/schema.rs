//! `allclear schema`: the JSON Schemas of what people write and of what we write.

use super::args::SchemaOf;

/// The schema as pretty JSON.
pub(crate) fn text(of: SchemaOf) -> String {
    let schema = match of {
        SchemaOf::Suite => crate::suite::suite_schema(),
        SchemaOf::Environment => crate::suite::environment_schema(),
        SchemaOf::Record => crate::report::json::record_schema(),
    };
    let mut text = serde_json::to_string_pretty(&schema).expect("a schema is plain JSON");
    text.push('\n');
    text
}
