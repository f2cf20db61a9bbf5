//! Whole expectations against whole answers, hostile ones among them.

use super::Expect;
use crate::words::{Answered, Files, Miss, Part, Values, testing::typed, with_files};
use bytes::Bytes;
use std::rc::Rc;

const JSON: &[u8] = br#"{"status":"healthy","items":[{"id":9007199254740993},{"id":2}],"twice":1,"twice":2,"nil":null}"#;

struct Shelf;

impl Files for Shelf {
    fn sample(&self, name: &str) -> Result<Bytes, String> {
        Err(format!("no {name} here"))
    }

    fn schema(&self, name: &str) -> Result<Bytes, String> {
        Ok(Bytes::from_static(match name {
            "status.json" => br#"{"type":"object","required":["status"],"properties":{"status":{"enum":["healthy"]}}}"#,
            "local.json" => br#"{"$ref":"status.json"}"#,
            "remote.json" => br#"{"$ref":"http://127.0.0.1:9/x.json"}"#,
            "broken.json" => b"{",
            "no-schema.json" => br#"{"type":12}"#,
            _ => return Err("no such file beside the suite".to_owned()),
        }))
    }
}

fn expect(yaml: &str) -> Result<Expect, Vec<String>> {
    with_files(Rc::new(Shelf), || typed(yaml))
}

fn headers() -> Vec<(String, Vec<u8>)> {
    [("Content-Type", "application/json"), ("X-Count", "12"), ("Set-Cookie", "a=1"), ("set-cookie", "b=2")]
        .map(|(n, v)| (n.to_owned(), v.as_bytes().to_vec()))
        .to_vec()
}

fn judge(yaml: &str, status: u16, body: &[u8], change: impl FnOnce(&mut Answered<'_>)) -> Vec<Miss> {
    let headers = headers();
    let mut seen = Answered::new(status, &headers, body);
    change(&mut seen);
    expect(yaml).unwrap_or_else(|e| panic!("{yaml}: {e:?}")).judge(&seen, &Values::default()).expect("no captures")
}

#[track_caller]
fn holds(yaml: &str, body: &[u8]) {
    let misses = judge(yaml, 200, body, |_| {});
    assert_eq!(misses, [], "{yaml}");
}

#[track_caller]
fn breaks(yaml: &str, body: &[u8], told: &str) {
    let misses = judge(yaml, 200, body, |_| {});
    let shown: Vec<String> = misses.iter().map(|m| format!("{} {}: {} / {}", m.part, m.name, m.expected, m.observed)).collect();
    assert_eq!(shown, [told], "{yaml}");
}

#[test]
fn every_part_is_judged_and_its_broken_twin_is_told() {
    holds("{}", b"");
    holds("{ status: 200 }", b"");
    breaks("{ status: [201, 204] }", b"", "status : 201 or 204 / 200 OK");
    holds("{ headers: { content-type: { starts-with: application/json } } }", JSON);
    breaks("{ headers: { content-type: text/html } }", JSON, "headers content-type: \"text/html\" / \"application/json\"");
    breaks("{ headers: { etag: present } }", JSON, "headers etag: something there / nothing there");
    holds("{ headers: { etag: absent, x-count: 12 } }", JSON);
    holds("{ headers: { x-count: { at-least: 12 }, set-cookie: { count: 2 } } }", JSON);
    breaks("{ headers: { x-count: { above: 12 } } }", JSON, "headers x-count: above 12 / \"12\"");
    breaks("{ headers: { set-cookie: { starts-with: a } } }", JSON, "headers set-cookie: a text that starts with \"a\" / \"b=2\"");
    holds("{ json: { $.status: healthy, '$.items[0].id': 9007199254740993 } }", JSON);
    breaks("{ json: { '$.items[0].id': 9007199254740992 } }", JSON, "json $.items[0].id: 9007199254740992 / 9007199254740993");
    breaks("{ json: { $.error: present } }", JSON, "json $.error: something there / nothing there");
    breaks("{ json: { $.twice: 2 } }", JSON, "json $.twice: 2 / ambiguous: the key $.twice is there more than once");
    holds("{ body: OK }", b"OK");
    breaks("{ body: OK }", b"OK\n", "body body: \"OK\" / \"OK\\n\"");
    holds("{ body: { contains: lo w, max-size: 11B } }", b"hello world");
    breaks("{ body: { contains: lo w, max-size: 10B } }", b"hello world", "body body: at most 10B / 11 bytes");
    breaks("{ body: { matches: '^world' } }", b"hello world", "body body: a text matching `^world` / \"hello world\"");
    holds("{ body: absent }", b"");
    breaks("{ body: absent }", b"x", "body body: absent / \"x\"");
    breaks("{ body: present }", b"", "body body: something there / nothing there");
    let hash = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    holds(&format!("{{ body: {{ sha256: \"{hash}\" }} }}"), b"hello");
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    breaks(&format!("{{ body: {{ sha256: \"{empty}\" }} }}"), b"hello", &format!("body body: sha256 {empty} / sha256 {hash}"));
}

#[cfg(feature = "schema")]
#[test]
fn a_schema_is_local_and_names_place_and_keyword() {
    let healthy = br#"{"status":"healthy"}"#;
    holds("{ schema: status.json }", healthy);
    holds("{ schema: local.json }", healthy);
    breaks(
        "{ schema: status.json }",
        br#"{"status":"down"}"#,
        "schema /status: a body that follows status.json / \"down\" is not one of \"healthy\" (`enum`)",
    );
    breaks("{ schema: local.json }", b"{}", "schema : a body that follows local.json / \"status\" is a required property (`required`)");
    breaks(
        "{ schema: status.json }",
        b"<html>",
        "schema : a body that follows status.json / no JSON: the body has a character that cannot stand there (byte 0)",
    );
    breaks(
        "{ schema: status.json }",
        br#"{"status":"healthy","status":"x"}"#,
        "schema $.status: a body that follows status.json / ambiguous: this key is there more than once",
    );
    for (yaml, told) in [
        ("{ schema: gone.json }", "schema `gone.json`: no such file beside the suite"),
        ("{ schema: broken.json }", "schema `broken.json`: it ends inside a value (byte 1)"),
        ("{ schema: ../x.json }", "expected the name of a file beside the suite or below it"),
        ("{ schema: http://x/y.json }", "expected the name of a file beside the suite or below it"),
        ("{ schema: no-schema.json }", "it is no JSON Schema"),
        ("{ schema: remote.json }", "is not a local file"),
    ] {
        let problems = expect(yaml).expect_err(yaml);
        assert!(problems[0].contains(told), "{yaml}: {problems:?}");
    }
}

#[test]
fn a_body_that_cannot_be_read_is_named() {
    let json = "{ json: { $.a: 1 } }";
    breaks(json, b"", "json : a JSON body with $.a / no JSON: the body is empty (byte 0)");
    breaks(json, b"<html>", "json : a JSON body with $.a / no JSON: the body has a character that cannot stand there (byte 0)");
    breaks(json, b"{\"a\":\"\xFF\"}", "json : a JSON body with $.a / no JSON: the body is not valid UTF-8 (byte 6)");
    breaks(json, b"\xEF\xBB\xBF{\"a\":1}", "json : a JSON body with $.a / no JSON: the body begins with a byte order mark (byte 0)");
    breaks(json, &[b'['; 100_000], "json : a JSON body with $.a / no JSON: the body is nested more than 128 levels deep (byte 128)");
    breaks("{ json: { $.a: absent } }", b"", "json : a JSON body with $.a / no JSON: the body is empty (byte 0)");
    breaks(
        "{ body: { not: { contains: x } } }",
        b"a\xFF",
        "body body: not something that contains \"x\" / no text: the body is not valid UTF-8 (byte 1)",
    );
}

#[test]
fn a_body_that_is_not_all_here_proves_nothing() {
    for yaml in ["{ json: { $.a: 1 } }", "{ json: { $.b: absent } }", "{ body: { not: { contains: x } } }", "{ body: { max-size: 1MiB } }"]
    {
        assert_eq!(judge(yaml, 200, br#"{"a":1}"#, |_| {}), []);
        let cut = judge(yaml, 200, br#"{"a":1}"#, |seen| seen.is_complete = false);
        assert_eq!(cut.len(), 1, "{yaml}: cut");
        let long = judge(yaml, 200, br#"{"a":1}"#, |seen| seen.body_len = 5 << 20);
        assert_eq!(long.len(), 1, "{yaml}: longer than what is kept");
    }
}

#[test]
fn how_much_was_judged_is_told_by_part() {
    let yaml = "{ status: 200, headers: { etag: absent }, json: { $.status: healthy, $.nil: null }, body: { contains: a, max-size: 1MB } }";
    let counts: Vec<_> = expect(yaml).expect(yaml).counts().collect();
    assert_eq!(counts, [(Part::Status, 1), (Part::Headers, 1), (Part::Json, 2), (Part::Body, 2)]);
    let misses = judge(yaml, 500, JSON, |_| {});
    assert_eq!(misses.len(), 1, "only the status");
    assert_eq!(misses[0].observed, "500 Internal Server Error");
    assert_eq!((misses[0].at.line, misses[0].at.column), (1, 11));
    assert_eq!(serde_json::from_str::<Vec<Miss>>(&serde_json::to_string(&misses).expect("misses are JSON")).expect("and back"), misses);
}

#[test]
fn a_capture_without_a_value_is_no_judgement() {
    let headers = headers();
    let seen = Answered::new(200, &headers, JSON);
    for yaml in [
        "{ json: { $.status: '${job}' } }",
        "{ json: { $.status: { not: '${job}' } } }",
        "{ headers: { x-count: '${job}' } }",
        "{ body: { contains: '${job}' } }",
    ] {
        let expect = expect(yaml).expect(yaml);
        assert_eq!(expect.captures_used()[0].0, "job");
        assert!(expect.judge(&seen, &Values::default()).is_err(), "{yaml}");
    }
}

#[track_caller]
fn refuse(yaml: &str, told: &[&str]) {
    assert_eq!(expect(yaml).expect_err(yaml), told, "{yaml}");
}

#[test]
fn a_mistake_is_told_at_its_place_with_the_way_out() {
    refuse("{ status: \"200\" }", &["1:11: status: expected a status: 200, 2xx or [200, 204], got the text \"200\" (write `status: 200`)"]);
    refuse("{ json: {} }", &["1:3: json: it asks for nothing, so it would prove nothing (such as `$.status: healthy`)"]);
    refuse(
        "{ headers: { etag: null } }",
        &["1:20: headers.etag: a header is never null (write `absent` for a header that must not be there)"],
    );
    let problems = expect("status: ok\nwithin: 30\njson:\n  $.a: { atleast: 3 }\n  store: x\n").expect_err("four mistakes");
    assert_eq!(problems.len(), 4, "{problems:#?}");
}
