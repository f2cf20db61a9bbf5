//! Captures from whole answers, each with a twin that gives nothing.

use super::Capture;
use crate::words::{Answered, testing::typed};

#[track_caller]
fn check(yaml: &str, expected: Result<&str, &str>) {
    let headers: Vec<(String, Vec<u8>)> =
        [("Location", &b"/jobs/1"[..]), ("X-Two", b"a"), ("x-two", b"b"), ("X-Raw", b"\xFF"), ("X-None", b"")]
            .map(|(name, value)| (name.to_owned(), value.to_vec()))
            .to_vec();
    let seen = Answered::new(200, &headers, br#"{"id":9007199254740993,"nil":null,"o":{"a":[1.50]},"l":[1,2],"d":1,"d":2}"#);
    let capture: Capture = typed(yaml).unwrap_or_else(|e| panic!("{yaml}: {e:?}"));
    let taken = capture.take(&seen);
    let shown = taken.as_ref().map(|values| format!("{values:?}")).map_err(ToString::to_string);
    assert_eq!(shown.as_deref().map_err(String::as_str), expected, "{yaml}");
}

#[test]
fn a_capture_takes_exactly_one_value_with_its_type() {
    check("{ job: $.id }", Ok(r#"{"job": 9007199254740993}"#));
    check("{ job: { json: $.o }, where: { header: location } }", Ok(r#"{"job": {"a":[1.50]}, "where": "/jobs/1"}"#));
    check("{ token: { json: $.id, secret: true } }", Ok(r#"{"token": ***}"#));
    check("{ one: '$.l[?@ > 1]' }", Ok(r#"{"one": 2}"#));
    check("{ job: $.gone }", Err("capture `job`: expected one value at $.gone, got nothing there"));
    check("{ job: $.nil }", Err("capture `job`: expected one value at $.nil, got null"));
    check("{ job: '$.l[*]' }", Err("capture `job`: expected one value at $.l[*], got 2 values"));
    check("{ job: $.d }", Err("capture `job`: expected one value at $.d, got ambiguous: the key $.d is there more than once"));
    check("{ a: { header: etag } }", Err("capture `a`: expected one header `etag`, got none"));
    check("{ a: { header: x-two } }", Err("capture `a`: expected one header `x-two`, got 2 of them"));
    check("{ a: { header: x-raw } }", Err("capture `a`: expected one header `x-raw`, got a value that is not UTF-8"));
    check("{ a: { header: x-none } }", Err("capture `a`: expected one header `x-none`, got an empty one"));
}

#[test]
fn a_mistake_is_told_at_its_place() {
    for (yaml, told) in [
        ("{ Job: $.id }", "1:3: `Job` is no name for a value (names are lower-case letters, digits and `_`)"),
        ("{ job: { jsn: $.id } }", "1:10: job: unknown key `jsn` (did you mean `json`? Known here: `json`, `header`, `secret`)"),
        ("{ job: { json: $.a, header: b } }", "1:21: job: a value comes from one place: `json` or `header`"),
        ("{ job: { secret: true } }", "1:3: job: where does it stand? `json: $.path` or `header: name` is needed"),
        ("{ job: '$.a[' }", "1:8: job: `$.a[` is not a JSONPath (RFC 9535): "),
    ] {
        let problems = typed::<Capture>(yaml).expect_err(yaml);
        assert!(problems.len() == 1 && problems[0].starts_with(told), "{yaml}: {problems:?}");
    }
}
