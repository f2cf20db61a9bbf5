//! Requests as they are read, sent and shown.

use super::{Base, Request};
use crate::{
    model::Impact,
    reader::{Keys as _, With},
    transport::{OutBody, Outgoing, Speak},
    words::{
        Files, Json, Text, Values,
        testing::{node, typed},
        with_files,
    },
};
use bytes::Bytes;
use std::rc::Rc;

struct Shelf;

impl Files for Shelf {
    fn sample(&self, name: &str) -> Result<Bytes, String> {
        match name {
            "street.png" => Ok(Bytes::from_static(b"\x89PNG\r\n")),
            _ => Err("looked beside the suite and in ./media-samples".to_owned()),
        }
    }

    fn schema(&self, _: &str) -> Result<Bytes, String> {
        Err("none here".to_owned())
    }
}

fn request(yaml: &str) -> Result<Request, Vec<String>> {
    with_files(Rc::new(Shelf), || typed(yaml))
}

fn base() -> Base {
    let headers = vec![
        ("authorization".to_owned(), Text::of(&node("'Bearer ${secret}'")).expect("a text")),
        ("x-team".to_owned(), Text::from("blue")),
    ];
    Base { url: "http://127.0.0.1:8080/base/".parse().expect("a URL"), headers }
}

fn values() -> Values {
    Values::default()
        .with("id", Json::String("a/b?c".into()), false)
        .with("dots", Json::String("..".into()), false)
        .with("n", Json::Number(7.into()), false)
        .with("token", Json::String("captured token".into()), true)
        .with("where", Json::String("/base/jobs/1?x=y".into()), false)
        .with("away", Json::String("https://evil.example/jobs/1".into()), false)
        .with("aside", Json::String("//evil.example/jobs/1".into()), false)
        .with("home", Json::String("http://127.0.0.1:8080/jobs/1".into()), false)
        .with("lines", Json::String("a\r\nx: y".into()), false)
}

fn send(yaml: &str) -> Outgoing {
    request(yaml).unwrap_or_else(|e| panic!("{yaml}: {e:?}")).outgoing(&base(), &values(), false).unwrap_or_else(|e| panic!("{yaml}: {e}"))
}

fn body(out: &Outgoing) -> String {
    match &out.body {
        OutBody::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        OutBody::Empty => String::new(),
        OutBody::Stream { .. } => panic!("nothing here streams"),
    }
}

fn header(out: &Outgoing, name: &str) -> Option<String> {
    out.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.to_str().expect("ASCII").to_owned())
}

#[track_caller]
fn check(yaml: &str, url: &str, shown: &str) {
    let out = send(yaml);
    assert_eq!((out.url.as_str(), out.shown.as_str()), (url, shown), "{yaml}");
}

#[test]
fn urls_are_joined_below_the_base_and_values_stay_in_their_place() {
    check("{ get: /health }", "http://127.0.0.1:8080/base/health", "GET /base/health");
    check("{ get: '/jobs/${id}' }", "http://127.0.0.1:8080/base/jobs/a%2Fb%3Fc", "GET /base/jobs/a%2Fb%3Fc");
    check("{ get: '/jobs?limit=${n}#top' }", "http://127.0.0.1:8080/base/jobs?limit=7", "GET /base/jobs?limit=7");
    check(
        "{ get: /jobs?a=b, query: { c: 'd e', t: [x, '${id}'] } }",
        "http://127.0.0.1:8080/base/jobs?a=b&c=d%20e&t=x&t=a%2Fb%3Fc",
        "GET /base/jobs?a=b&c=d%20e&t=x&t=a%2Fb%3Fc",
    );
    check("{ get: /q, query: { key: '${secret}' } }", "http://127.0.0.1:8080/base/q?key=hunter2-hunter2", "GET /base/q?key=***");
    check("{ get: '/q/${token}' }", "http://127.0.0.1:8080/base/q/captured%20token", "GET /base/q/***");
    check("{ delete: '${where}' }", "http://127.0.0.1:8080/base/jobs/1?x=y", "DELETE /base/jobs/1?x=y");
    check("{ get: '${home}' }", "http://127.0.0.1:8080/jobs/1", "GET /jobs/1");
    check("{ head: 'https://other.example/x' }", "https://other.example/x", "HEAD https://other.example/x");
}

#[test]
fn a_captured_url_never_leads_away_from_the_target_and_dots_never_climb() {
    for yaml in
        ["{ get: '${away}' }", "{ get: '${aside}' }", "{ get: '/jobs/${dots}' }", "{ get: '/jobs/${dots}/x' }", "{ get: '${later}' }"]
    {
        let told = request(yaml).expect(yaml).outgoing(&base(), &values(), false);
        assert!(told.is_err(), "{yaml}: {told:?}");
    }
}

#[test]
fn target_headers_go_to_the_targets_own_origin_only() {
    let own = send("{ get: /x, headers: { x-more: '1' } }");
    assert_eq!(header(&own, "authorization").as_deref(), Some("Bearer hunter2-hunter2"));
    assert_eq!((header(&own, "x-team").as_deref(), header(&own, "x-more").as_deref()), (Some("blue"), Some("1")));
    assert!(own.headers.iter().any(|(n, v)| n == "authorization" && v.is_sensitive()));
    for yaml in ["{ get: 'http://127.0.0.1:8081/x' }", "{ get: 'https://127.0.0.1:8080/x' }", "{ get: 'http://localhost:8080/x' }"] {
        assert_eq!(send(yaml).headers, [], "{yaml}");
    }
    let anonymous = request("{ get: /x, headers: { x-more: '1' } }").expect("read").outgoing(&base(), &values(), true).expect("sent");
    assert_eq!(anonymous.headers.len(), 1);
}

#[test]
fn headers_of_the_request_replace_and_remove_those_of_the_target() {
    let out = send("{ get: /x, headers: { X-Team: red, authorization: null, host: other.example } }");
    assert_eq!((header(&out, "x-team").as_deref(), header(&out, "authorization")), (Some("red"), None));
    assert_eq!(out.host_override.as_deref(), Some("other.example"));
    assert_eq!(header(&send("{ get: /x, auth: none }"), "authorization"), None);
    assert_eq!(header(&send("{ get: /x, auth: { bearer: '${token}' } }"), "authorization").as_deref(), Some("Bearer captured token"));
    assert_eq!(header(&send("{ get: /x, auth: { basic: { user: a, password: b } } }"), "authorization").as_deref(), Some("Basic YTpi"));
    let told = request("{ get: /x, headers: { x-a: '${lines}' } }").expect("read").outgoing(&base(), &values(), false);
    assert_eq!(told.expect_err("a line break").to_string(), "header `x-a`: the value has characters that HTTP forbids");
}

#[test]
fn bodies_are_exact_on_the_wire_and_masked_when_shown() {
    let json = send("{ post: /x, json: { n: 1.50, big: 9007199254740993, id: '${n}', t: 'x${n}', s: '${secret}', e: null } }");
    assert_eq!(body(&json), r#"{"n":1.50,"big":9007199254740993,"id":7,"t":"x7","s":"hunter2-hunter2","e":null}"#);
    assert_eq!(json.shown_body.as_deref(), Some(r#"{"n":1.50,"big":9007199254740993,"id":7,"t":"x7","s":"***","e":null}"#));
    assert_eq!(header(&json, "content-type").as_deref(), Some("application/json"));
    assert_eq!(body(&send("{ post: /x, json: null }")), "null");
    let form = send("{ post: /x, form: { a: 'b c', 'd&': '${secret}' } }");
    assert_eq!((body(&form).as_str(), form.shown_body.as_deref()), ("a=b%20c&d%26=hunter2-hunter2", Some("a=b%20c&d%26=***")));
    let text = send("{ put: /x, text: 'hi ${n}', headers: { content-type: text/markdown } }");
    assert_eq!((body(&text).as_str(), header(&text, "content-type").as_deref()), ("hi 7", Some("text/markdown")));
    let sample = send("{ post: /x, sample: street.png }");
    assert_eq!(header(&sample, "content-type").as_deref(), Some("image/png"));
    assert!(matches!(&sample.body, OutBody::Bytes(b) if b.as_ref() == b"\x89PNG\r\n"));
}

#[test]
fn multipart_carries_texts_and_files() {
    let yaml = "{ post: /x, multipart: { a: '${n}', f: { sample: street.png }, g: { file: street.png, name: 'x\"y.bin', type: text/x } } }";
    let out = send(yaml);
    let content_type = header(&out, "content-type").expect("a content type");
    let boundary = content_type.strip_prefix("multipart/form-data; boundary=").expect("a boundary");
    let expected = format!(
        "--{boundary}\r\ncontent-disposition: form-data; name=\"a\"\r\n\r\n7\r\n\
         --{boundary}\r\ncontent-disposition: form-data; name=\"f\"; filename=\"street.png\"\r\ncontent-type: image/png\r\n\r\n\u{fffd}PNG\r\n\r\n\
         --{boundary}\r\ncontent-disposition: form-data; name=\"g\"; filename=\"x%22y.bin\"\r\ncontent-type: text/x\r\n\r\n\u{fffd}PNG\r\n\r\n\
         --{boundary}--\r\n"
    );
    assert_eq!(body(&out), expected);
    assert_eq!(body(&send(yaml)), expected, "the same request is the same bytes");
    assert_eq!(request(yaml).expect("read").files().len(), 2);
}

#[test]
fn what_a_request_does_is_told_before_it_is_sent() {
    let get = request("{ get: '/x/${id}', http: 2, follow-redirects: true }").expect("read");
    assert_eq!((get.impact(), get.is_repeatable(), get.follow_redirects(), get.version()), (Impact::Read, true, 5, Some(Speak::Http2)));
    assert_eq!(get.captures_used().into_iter().map(|(n, at)| (n, at.column)).collect::<Vec<_>>(), [("id".to_owned(), 8)]);
    let post = request("{ post: 'https://Other.example:8443/x', json: {}, http: 1.1 }").expect("read");
    assert_eq!((post.impact(), post.is_repeatable(), post.follow_redirects()), (Impact::Write, false, 0));
    assert_eq!(post.absolute_host().as_deref(), Some("other.example"));
    assert_eq!(get.absolute_host(), None);
    assert!(request("{ put: /x, repeatable: true }").expect("read").is_repeatable());
    assert!(!request("{ get: /x, repeatable: false }").expect("read").is_repeatable());
}

#[track_caller]
fn refuse(yaml: &str, told: &str) {
    assert_eq!(request(yaml).expect_err(yaml), [told], "{yaml}");
}

#[test]
fn a_mistake_is_told_at_its_place_with_the_way_out() {
    refuse(
        "{ query: { a: b } }",
        "1:1: which call? one of `get`, `head`, `options`, `post`, `put`, `patch`, `delete` is needed (such as `get: /health`)",
    );
    refuse("{ get: /a, post: /b }", "1:18: post: two calls, `get` and `post`: a request is one (take one out)");
    refuse("{ post: /a, json: 1, text: x }", "1:28: text: two bodies, `json` and `text`: a request has one (take one out)");
    refuse(
        "{ get: /a, text: x }",
        "1:18: text: a GET has no body: it has no meaning there (RFC 9110 §9.3.1) (use `post`, or `query` for parameters)",
    );
    let url = "expected a path such as /health, or an absolute http or https URL";
    refuse("{ get: health }", &format!("1:8: get: {url}, got `health` (write `/health` for a path of the target)"));
    refuse("{ get: ftp://x/y }", &format!("1:8: get: {url}, got `ftp://x/y` (`ftp` is no scheme to send to)"));
    refuse("{ get: //x/y }", &format!("1:8: get: {url}, got `//x/y` (write `/x/y` for a path of the target)"));
    refuse(
        "{ get: 'http://x:99999/' }",
        &format!("1:8: get: {url}, got the text \"http://x:99999/\" (this URL has no valid host or port)"),
    );
    refuse("{ get: 'http://${id}/x' }", "1:8: get: the host is known only at run time (write the host itself, or a variable)");
    refuse(
        "{ get: /x, headers: { content-length: 3 } }",
        "1:23: headers: `content-length` belongs to the transport: it follows from the body",
    );
    refuse("{ get: /x, headers: { A: b, a: c } }", "1:29: headers: the header `a` is given twice; names know no case");
    refuse("{ get: /x, http: 3 }", "1:18: http: expected 1.1 or 2, got 3");
    refuse("{ post: /x, sample: gone.png }", "1:21: sample: sample `gone.png`: looked beside the suite and in ./media-samples");
    refuse("{ get: /x, auth: { beer: x } }", "1:20: auth: unknown key `beer` (did you mean `bearer`? Known here: `bearer`, `basic`)");
    assert!(request("{ get: /x, qery: { a: b } }").expect_err("misspelt")[0].contains("did you mean `query`"));
    assert!(typed::<Request>("{ post: /x, sample: street.png }").expect_err("no files at hand")[0].contains("no files can be read here"));
}

#[test]
fn a_request_shares_its_map_with_another_spec() {
    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Own {
        at: String,
    }
    let with: With<Request, Own> = typed("{ get: /x, at: $.state, query: { a: b } }").expect("both read their keys");
    assert_eq!((with.b.at.as_str(), with.a.url().literal()), ("$.state", Some("/x")));
    let told = typed::<With<Request, Own>>("{ get: /x, at: $.state, qery: { a: b } }").expect_err("misspelt");
    assert!(told[0].contains("did you mean `query`"), "{told:?}");
}

#[test]
fn every_key_stands_in_the_schema() {
    let schema = schemars::schema_for!(Request);
    let properties = schema.pointer("/properties").and_then(|p| p.as_object()).expect("an object");
    for key in Request::KEYS {
        assert!(properties.contains_key(*key), "{key}");
    }
    assert_eq!(properties.len(), Request::KEYS.len());
}
