//! What editors are told: the schemas admit what the format page shows, and no misspelling.

use super::{Capture, Expect, Request};
use crate::words::{Files, testing::typed, with_files};
use bytes::Bytes;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use std::rc::Rc;

struct Anything;

impl Files for Anything {
    fn sample(&self, _: &str) -> Result<Bytes, String> {
        Ok(Bytes::from_static(b"x"))
    }

    fn schema(&self, _: &str) -> Result<Bytes, String> {
        Ok(Bytes::from_static(b"{}"))
    }
}

/// Whether the schema and the reader take it; they must agree.
fn taken<T: JsonSchema + DeserializeOwned>(json: &str) -> bool {
    let schema = schemars::generate::SchemaSettings::draft07().into_generator().into_root_schema_for::<T>();
    let validator = jsonschema::validator_for(schema.as_value()).expect("the schema is one");
    let value = serde_json::from_str(json).expect("JSON is YAML too");
    let by_schema = validator.is_valid(&value);
    let by_reader = with_files(Rc::new(Anything), || typed::<T>(json));
    assert_eq!(
        by_schema,
        by_reader.is_ok(),
        "{json}: {:?} / {:?}",
        validator.iter_errors(&value).next().map(|e| e.to_string()),
        by_reader.err()
    );
    by_schema
}

#[track_caller]
fn check<T: JsonSchema + DeserializeOwned>(good: &str, bad: &str) {
    assert!(taken::<T>(good), "{good}");
    assert!(!taken::<T>(bad), "{bad}");
}

#[test]
fn the_schema_of_expectations_takes_what_the_page_shows_and_no_misspelling() {
    let hash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    check::<Expect>(
        &format!(
            r##"{{ "status": 200, "within": "300ms", "headers": {{ "content-type": {{ "starts-with": "application/json" }} }},
            "json": {{ "$.status": "healthy", "$.state": {{ "not": "None" }}, "$.items": {{ "length": {{ "at-least": 3 }} }},
            "$.score": {{ "at-least": 0.5, "below": 1 }}, "$.kind": {{ "one-of": ["a", "b"] }}, "$.id": {{ "matches": "^job-[0-9]+$" }},
            "$.error": "absent", "$.boxes[*].label": {{ "all": {{ "one-of": ["car", "bus"] }} }}, "$.n": [1, 2], "$.x": null }},
            "body": {{ "contains": "OK", "max-size": "10KiB", "sha256": "{hash}" }}, "schema": "schemas/status.json" }}"##
        ),
        r#"{ "sttaus": 200 }"#,
    );
    check::<Expect>(r#"{ "status": "2xx" }"#, r#"{ "status": "200" }"#);
    check::<Expect>(r#"{ "status": [200, "3xx"] }"#, r#"{ "status": [] }"#);
    check::<Expect>(r#"{ "status": "${three}xx" }"#.replace("${three}xx", "4xx").as_str(), r#"{ "status": 600 }"#);
    check::<Expect>(r#"{ "json": { "$.a": { "at-least": "${num}" } } }"#, r#"{ "json": { "$.a": { "atleast": 1 } } }"#);
    check::<Expect>(r#"{ "json": { "$.a": { "not": { "any": 1 } } } }"#, r#"{ "json": { "$.a": { "not": { "some": 1 } } } }"#);
    check::<Expect>(r#"{ "json": { "$.a": { "equals": { "b": 1 } } } }"#, r#"{ "json": { "$.a": { "b": 1 } } }"#);
    check::<Expect>(r#"{ "body": "OK" }"#, r#"{ "body": { "max-size": 10 } }"#);
    check::<Expect>(r#"{ "json": { "$.a": 1 } }"#, r#"{ "json": { "a": 1 } }"#);
    check::<Expect>(r#"{ "within": "1s" }"#, r#"{ "within": 30 }"#);
}

#[test]
fn the_schema_of_requests_takes_what_the_page_shows_and_no_misspelling() {
    check::<Request>(
        r#"{ "post": "/api/v1/jobs", "query": { "a": 1, "b": ["x", "y"] }, "headers": { "x-a": "b", "accept": null }, "auth": { "bearer": "${secret}" },
        "multipart": { "file": { "sample": "clip.mp4" }, "note": "hello", "more": { "file": "a.bin", "name": "b", "type": "c/d" } },
        "follow-redirects": true, "http": "2", "repeatable": true }"#,
        r#"{ "post": "/x", "mulitpart": { "a": "b" } }"#,
    );
    check::<Request>(r#"{ "get": "/x", "http": 1.1, "auth": "none" }"#, r#"{ "get": "/x", "http": 3 }"#);
    check::<Request>(r#"{ "put": "/x", "json": { "a": [1, null, "${id}"] } }"#, r#"{ "get": "/x", "put": "/y" }"#);
    check::<Request>(r#"{ "delete": "${where}", "auth": { "basic": { "user": "a", "password": "${secret}" } } }"#, r#"{ "query": {} }"#);
    check::<Request>(r#"{ "patch": "/x", "form": { "a": "b" } }"#, r#"{ "patch": "/x", "multipart": {} }"#);
    check::<Request>(r#"{ "post": "/x", "sample": "a.bin" }"#, r#"{ "post": "/x", "multipart": { "f": { "smaple": "a" } } }"#);
    check::<Request>(r#"{ "post": "/x", "text": "a" }"#, r#"{ "post": "/x", "text": null }"#);
}

#[test]
fn the_schema_of_captures_takes_what_the_page_shows_and_no_misspelling() {
    check::<Capture>(
        r#"{ "job": "$.id", "where": { "header": "location" }, "token": { "json": "$.token", "secret": true } }"#,
        r#"{ "job": { "jsn": "$.id" } }"#,
    );
    check::<Capture>(r#"{ "a_1": "$" }"#, r#"{ "A": "$" }"#);
    check::<Capture>(r#"{ "a": "$.x[0]" }"#, r#"{ "a": "x" }"#);
    check::<Capture>(r#"{ "a": { "json": "$.x" } }"#, r#"{}"#);
}
