//! The record as JSON: everything about a run in one document, written, read back, and merged from shards.

mod formatter;
mod merge;

pub use merge::merge;

use crate::model::Record;
use serde::Serialize as _;

pub(crate) use formatter::Inert;

/// Why a record could not be read or merged. Names no file: the caller knows it.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// It is not JSON at all.
    #[error("it is not JSON: {0}")]
    Syntax(serde_json::Error),
    /// It is JSON, and not a record.
    #[error("it is not a record of allclear: {0}")]
    Shape(String),
    /// It is a record of another version.
    #[error("it is a record of format {found}, and this program reads format {reads}; use the version of allclear that wrote it")]
    Format {
        /// The format of the document.
        found: String,
        /// The format that this program reads.
        reads: u32,
    },
    /// Records that cannot be one run.
    #[error("the records cannot be merged: {0}")]
    Merge(String),
}

/// The record as indented JSON, with a line end. Characters that act on a terminal or start a workflow command stand as
/// `\u` escapes: the value is the same, and printing the file is safe.
///
/// # Errors
/// The reason, if a number in it has no JSON form.
pub fn write(record: &Record) -> Result<String, String> {
    let mut bytes = Vec::new();
    let pretty = Inert(serde_json::ser::PrettyFormatter::with_indent(b" "));
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, pretty);
    record.serialize(&mut serializer).map_err(|e| e.to_string())?;
    bytes.push(b'\n');
    String::from_utf8(bytes).map_err(|e| e.to_string())
}

/// Reads a record back. Unknown fields are ignored: a later version may add some without changing the format.
///
/// # Errors
/// [`RecordError`] if it is no JSON, no record, or a record of another format.
pub fn read(text: &str) -> Result<Record, RecordError> {
    // The format is looked at first, so that a newer document is named as such and not by its first unknown shape.
    #[derive(serde::Deserialize)]
    struct Head {
        format: Option<serde_json::Value>,
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let head: Head = serde_json::from_str(text).map_err(|e| match e.classify() {
        serde_json::error::Category::Data => RecordError::Shape(e.to_string()),
        _ => RecordError::Syntax(e),
    })?;
    match head.format {
        None => Err(RecordError::Shape("it has no `format`".to_owned())),
        Some(format) if format == Record::FORMAT => serde_json::from_str(text).map_err(|e| RecordError::Shape(e.to_string())),
        Some(other) => Err(RecordError::Format { found: other.to_string(), reads: Record::FORMAT }),
    }
}

/// The JSON Schema (2020-12) of a record, for those who read it with their own programs.
#[must_use]
pub fn record_schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(Record).to_value();
    if let Some(map) = schema.as_object_mut() {
        map.insert("title".to_owned(), "Record of an allclear run, format 1".into());
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::inert::tests::{HOSTILE, assert_inert};
    use crate::report::samples::{mixed, record, soaked_record};

    #[test]
    fn a_record_is_read_back_as_it_was_written() {
        for record in HOSTILE.iter().map(|t| soaked_record(t)).chain([record(mixed())]) {
            let text = write(&record).unwrap();
            assert_inert(&text);
            let back = read(&text).unwrap();
            assert_eq!(back.checks, record.checks);
            assert_eq!(back.counts, record.counts);
            assert_eq!((back.verdict, back.exit), (record.verdict, record.exit));
            assert_eq!(write(&back).unwrap(), text);
        }
    }

    #[track_caller]
    fn refused(text: &str, expected: &str) {
        let error = read(text).expect_err("it is no record").to_string();
        assert!(error.starts_with(expected), "{error}");
    }

    #[test]
    fn what_is_no_record_of_this_format_is_refused_by_name() {
        refused("", "it is not JSON: EOF");
        refused("{\"format\": 1", "it is not JSON");
        refused("[]", "it is not a record of allclear");
        refused("{}", "it is not a record of allclear: it has no `format`");
        refused("{\"format\": 1}", "it is not a record of allclear: missing field");
        refused("{\"format\": 2, \"more\": []}", "it is a record of format 2, and this program reads format 1");
        refused("{\"format\": \"x\"}", "it is a record of format \"x\"");
    }

    #[test]
    fn the_schema_names_every_field_of_a_record() {
        let schema = record_schema();
        let written: serde_json::Value = serde_json::from_str(&write(&record(mixed())).unwrap()).unwrap();
        for key in written.as_object().unwrap().keys() {
            assert!(schema["properties"][key].is_object(), "{key}");
        }
    }
}
