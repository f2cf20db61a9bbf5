//! Each clause on a server of this process that keeps it, and on one that breaks just that clause.

use crate::checks::http::{Http, Observation};
use crate::kind::testing::{Reply, answer, context, json, look, round, serve, spec, told, without_body};
use crate::kind::{CheckKind as _, Context};
use crate::model::Reading;
use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const ALL: [&str; 8] =
    ["http/status", "http/headers", "http/json", "http/body", "http/schema", "http/within", "http/echoes", "http/capture"];

/// Every clause is asked for.
const EVERYTHING: &str = r#"
get: /job
echoes: [request-id, trace-id]
expect:
  status: 200
  within: 30s
  headers: { content-type: { starts-with: application/json }, set-cookie: absent }
  json: { $.state: done, $.items: { length: 2 }, $.big: 9007199254740993 }
  body: { contains: "done", max-size: 1KiB }
capture: { job: $.id, where: { header: location } }
"#;
const GOOD: &str = r#"{"id":"j-1","state":"done","items":[1,2],"big":9007199254740993}"#;

/// What is told of the other clauses where the status is not as declared.
const UNSEEN: &str = "unseen no answer with the declared status came";

/// What a header of the request says.
fn sent<'a>(head: &'a str, name: &str) -> &'a str {
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).unwrap_or_default()
}

/// The good answer to [`EVERYTHING`], with these changes to its lines.
fn good(head: &str, body: &str, change: &[(&str, &str)]) -> Reply {
    let trace = sent(head, "traceparent");
    let mut lines = vec![
        "content-type: application/json".to_owned(),
        "location: /jobs/j-1".to_owned(),
        format!("x-request-id: {}", sent(head, "x-request-id")),
        format!("traceresponse: {trace}"),
    ];
    for (name, line) in change {
        lines.retain(|l| !l.starts_with(name));
        lines.extend((!line.is_empty()).then(|| (*line).to_owned()));
    }
    answer(200, &lines.iter().map(String::as_str).collect::<Vec<_>>(), body)
}

async fn readings(yaml: &str, reply: impl Fn(&str, usize) -> Reply + Send + Sync + 'static) -> Vec<Reading> {
    look(&spec::<Http>(yaml), serve(reply).await, &ALL).await
}

/// Which clauses did not hold, with what was told of each.
async fn broken(yaml: &str, reply: impl Fn(&str, usize) -> Reply + Send + Sync + 'static) -> Vec<String> {
    let readings = readings(yaml, reply).await;
    assert!(readings.iter().any(|r| r.clause.0 == "http/status"), "the status is always read");
    let told = told(&readings);
    readings.iter().zip(told).filter(|(_, t)| t != "held" && t != UNSEEN).map(|(r, t)| format!("{}: {t}", r.clause)).collect()
}

/// Whether exactly one clause is broken, told with this beginning.
#[track_caller]
fn only(broken: &[String], expected: &str) {
    assert!(broken.len() == 1 && broken[0].starts_with(expected), "{expected:?} is not what is told: {broken:#?}");
}

/// A server that sends these bytes.
fn raw(bytes: &'static str) -> impl Fn(&str, usize) -> Reply + Send + Sync + 'static {
    move |_, _| Reply::Bytes(bytes.as_bytes().to_vec())
}

#[tokio::test]
async fn a_good_answer_keeps_every_clause() {
    let readings = readings(EVERYTHING, |head, _| good(head, GOOD, &[])).await;
    assert_eq!(told(&readings), ["held"; 8]);
}

#[tokio::test]
async fn each_flaw_breaks_its_own_clause_and_no_other() {
    let headers = broken(EVERYTHING, |head, _| good(head, GOOD, &[("set-cookie", "set-cookie: a=b")])).await;
    only(&headers, r#"http/headers: proof "a=b""#);
    let kind = broken(EVERYTHING, |head, _| good(head, GOOD, &[("content-type", "content-type: text/html")])).await;
    only(&kind, r#"http/headers: proof "text/html""#);
    let none = broken(EVERYTHING, |head, _| good(head, GOOD, &[("content-type", "")])).await;
    only(&none, "http/headers: proof");
    let pages = |text: &'static str| {
        let body = GOOD.replace("[1,2]", text);
        broken(EVERYTHING, move |head, _| good(head, &body, &[]))
    };
    only(&pages("[1]").await, "http/json: proof");
    only(&pages("[]").await, "http/json: proof");
    let big = GOOD.replace("9007199254740993", "9007199254740992");
    only(&broken(EVERYTHING, move |head, _| good(head, &big, &[])).await, "http/json: proof 9007199254740992");
    let long = GOOD.replace("{", &format!("{{\"pad\":\"{}\",", "x".repeat(1024)));
    only(&broken(EVERYTHING, move |head, _| good(head, &long, &[])).await, "http/body: proof 1");
    let id = broken(EVERYTHING, |head, _| good(head, GOOD, &[("x-request-id", "x-request-id: other")])).await;
    only(&id, "http/echoes: proof x-request-id: other");
    let none = broken(EVERYTHING, |head, _| good(head, GOOD, &[("x-request-id", "")])).await;
    only(&none, "http/echoes: proof no x-request-id");
    let trace = broken(EVERYTHING, |head, _| good(head, GOOD, &[("traceresponse", "")])).await;
    only(&trace, "http/echoes: proof neither header");
    let place = broken(EVERYTHING, |head, _| good(head, GOOD, &[("location", "")])).await;
    only(&place, "http/capture: proof none");
    let null = GOOD.replace("\"j-1\"", "null");
    only(&broken(EVERYTHING, move |head, _| good(head, &null, &[])).await, "http/capture: proof null");
}

#[tokio::test]
async fn a_wrong_status_is_proof_and_a_status_in_trouble_is_counted() {
    let status = |code: u16| broken("get: /a", move |_, _| json(code, "{}"));
    only(&status(404).await, "http/status: proof 404 Not Found");
    only(&status(302).await, "http/status: proof 302 Found");
    only(&status(999).await, "http/status: proof 999");
    only(&status(500).await, "http/status: counted 1+0/1");
    only(&status(429).await, "http/status: counted 1+0/1");
    only(&status(408).await, "http/status: counted 1+0/1");
    assert!(status(204).await.is_empty(), "2xx is declared where nothing is said");
    assert!(broken("{ get: /a, expect: { status: 503 } }", |_, _| json(503, "{}")).await.is_empty(), "what is declared is no trouble");
    only(&broken("{ get: /a, expect: { status: 503 } }", |_, _| json(200, "{}")).await, "http/status: proof 200 OK");
}

#[tokio::test]
async fn an_answer_that_is_not_whole_or_not_valid_is_broken_by_name() {
    let trouble = |bytes: &'static str| async move {
        let readings = readings("get: /a", raw(bytes)).await;
        match &readings[0].found {
            crate::model::Found::Proof(f) => format!("proof {}", f.observed),
            crate::model::Found::Counted { worst, .. } => format!("counted {}", worst.observed),
            other => format!("{other:?}"),
        }
    };
    #[track_caller]
    fn check(told: &str, kind: &str, part: &str) {
        assert!(told.starts_with(kind) && told.contains(part), "{kind} {part}: {told}");
    }
    check(
        &trouble("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{}").await,
        "counted 200, then",
        "the body ended after 2 bytes; its head says 10",
    );
    check(&trouble("HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}").await, "proof", "more than one Content-Length");
    check(&trouble("HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n").await, "proof", "at once");
    check(&trouble("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n").await, "counted", "");
    check(&trouble("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n").await, "proof", "size of a chunk");
    check(&trouble("hello\r\n\r\n").await, "proof", "does not begin with an HTTP status line");
    check(&trouble("HTTP/1.1 200 OK\r\ncontent-type").await, "counted", "");
    check(&trouble("").await, "counted", "");
}

#[tokio::test]
async fn a_body_without_end_is_broken_and_bounded() {
    let endless = |_: &str, _| {
        let mut bytes = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
        for _ in 0..65 {
            bytes.extend_from_slice(b"100000\r\n");
            bytes.resize(bytes.len() + 0x10_0000, b' ');
            bytes.extend_from_slice(b"\r\n");
        }
        Reply::Bytes(bytes)
    };
    let told = broken("{ get: /a, wait: 60s }", endless).await;
    assert!(told[0].starts_with("http/status: proof 200, then"), "{told:?}");
}

#[tokio::test]
async fn a_body_that_is_no_json_or_ambiguous_breaks_the_clause_that_asks_for_it() {
    let yaml = "{ get: /a, expect: { json: { $.state: done } } }";
    let body = |body: &'static str| broken(yaml, move |_, _| json(200, body));
    assert!(body(r#"{"state":"done"}"#).await.is_empty());
    only(&body("<html>").await, "http/json: proof no JSON");
    only(&body("").await, "http/json: proof no JSON");
    only(&body(r#"{"state":"done"} x"#).await, "http/json: proof no JSON");
    only(&body(r#"{"state":"failed","state":"done"}"#).await, "http/json: proof ambiguous");
    only(&body(r#"{"state":null}"#).await, "http/json: proof null");
    only(&body("{}").await, "http/json: proof");
    let bytes = |_: &str, _| Reply::Bytes(b"HTTP/1.1 200 OK\r\ncontent-length: 14\r\n\r\n{\"state\":\"\xff\xfe\"}".to_vec());
    only(&broken(yaml, bytes).await, "http/json: proof no JSON");
    only(&broken("{ get: /a, expect: { body: { contains: state } } }", bytes).await, "http/body: proof no text");
    let deep = "[".repeat(100_000);
    only(&broken(yaml, move |_, _| json(200, &deep)).await, "http/json: proof no JSON");
}

#[tokio::test]
async fn a_body_in_gzip_is_held_to_what_it_unpacks_to() {
    let packed = |text: &str| {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        gzip.write_all(text.as_bytes()).expect("a Vec takes any bytes");
        gzip.finish().expect("a Vec takes any bytes")
    };
    let reply = |bytes: Vec<u8>| {
        move |head: &str, _: usize| {
            assert!(sent(head, "accept-encoding").contains("gzip"), "{head}");
            let head = format!("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n", bytes.len());
            Reply::Bytes([head.as_bytes(), &bytes].concat())
        }
    };
    let yaml = "{ get: /a, expect: { json: { $.state: done }, headers: { content-encoding: gzip } } }";
    assert!(broken(yaml, reply(packed(r#"{"state":"done"}"#))).await.is_empty());
    only(&broken(yaml, reply(packed(r#"{"state":"failed"}"#))).await, "http/json: proof");
    let mut cut = packed(r#"{"state":"done"}"#);
    cut.truncate(cut.len() - 3);
    only(&broken("get: /a", reply(cut)).await, "http/status: proof 200, then");
    // Of the text, not of the packed bytes: printf '{"state":"done"}' | sha256sum
    let hash = "414dc96abeb5a87dbec57391eb1cf881aecf766497e6240f8f50f8319bed8e0e";
    let yaml = format!("{{ get: /a, expect: {{ body: {{ sha256: {hash} }} }} }}");
    assert!(broken(&yaml, reply(packed(r#"{"state":"done"}"#))).await.is_empty());
    only(
        &broken(&yaml, reply(packed("{}"))).await,
        "http/body: proof sha256 44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
    );
}

#[tokio::test]
async fn the_hash_is_of_the_whole_body_also_where_only_its_beginning_is_kept() {
    use sha2::{Digest as _, Sha256};
    let hash = |byte: u8| Sha256::digest(vec![byte; 3 << 20]).iter().map(|b| format!("{b:02x}")).collect::<String>();
    let yaml = format!("{{ get: /a, expect: {{ body: {{ sha256: \"{}\" }} }} }}", hash(b'a'));
    let body = |byte: &'static str| move |_: &str, _: usize| answer(200, &[], &byte.repeat(3 << 20));
    assert!(broken(&yaml, body("a")).await.is_empty());
    only(&broken(&yaml, body("b")).await, &format!("http/body: proof sha256 {}", hash(b'b')));
}

#[tokio::test]
async fn a_large_document_is_read_whole_and_one_beyond_our_limit_blames_nobody() {
    let body = |mib: usize| {
        let body = format!(r#"{{"pad":"{}","state":"done"}}"#, "x".repeat(mib << 20));
        move |_: &str, _: usize| json(200, &body)
    };
    let yaml = "{ get: /a, expect: { json: { $.state: done } } }";
    assert!(broken(yaml, body(3)).await.is_empty());
    let mut seen = Observation::default();
    let kind = spec::<Http>(yaml);
    let trouble = kind.probe(&round::<Http>(&ALL), &context(serve(body(9)).await), &mut seen).await.expect_err("it is not kept whole");
    assert!(trouble.0.contains("only bodies up to 8MiB"), "{trouble}");
    assert!(broken("get: /a", body(9)).await.is_empty(), "nobody asked for its content");
    only(&broken("{ get: /a, expect: { json: { $.state: done }, body: { max-size: 1MiB } } }", body(9)).await[1..], "http/body: proof 9");
}

#[tokio::test]
async fn a_redirect_is_an_answer_unless_it_is_to_be_followed_and_never_leads_to_another_origin() {
    let to = |location: &'static str| {
        move |head: &str, _: usize| {
            if head.starts_with("GET /a ") { answer(302, &[&format!("location: {location}")], "") } else { json(200, r#"{"at":"b"}"#) }
        }
    };
    let follow = "{ get: /a, follow-redirects: true, expect: { json: { $.at: b } } }";
    assert!(broken(follow, to("/b")).await.is_empty());
    let told = readings("{ get: /a, expect: { json: { $.at: b } } }", to("/b")).await;
    assert!(told_of(&told, "http/status").starts_with("proof 302") && told_of(&told, "http/json") == UNSEEN, "{told:?}");
    assert!(broken(follow, to("http://169.254.169.254/latest")).await[0].starts_with("http/status: proof 302"));
    let told = broken(follow, |_, _| answer(302, &["location: /a"], "")).await;
    assert!(told[0].starts_with("http/status: proof"), "a loop is no answer: {told:?}");
    let readings = readings("get: /a", to("/login")).await;
    let crate::model::Found::Proof(finding) = &readings[0].found else { panic!("{readings:?}") };
    assert!(finding.details.iter().any(|(name, value)| name == "location" && value == "/login"), "{finding:?}");
}

#[tokio::test]
async fn silence_and_refusal_are_counted_and_nothing_else_is_read_into_them() {
    let told = broken("{ get: /a, wait: 50ms, expect: { json: { $.a: 1 } } }", |_, _| Reply::Silence).await;
    assert_eq!(told, ["http/status: counted 1+0/1"]);
    let told = broken("{ get: /a, wait: 80ms, expect: { within: 20ms } }", |_, _| Reply::Silence).await;
    assert_eq!(told, ["http/status: counted 1+0/1", "http/within: counted 1+0/1"]);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port on loopback");
    let address = listener.local_addr().expect("a bound socket has an address");
    drop(listener);
    let readings = look(&spec::<Http>("{ get: /a, expect: { within: 1s } }"), address, &ALL).await;
    assert_eq!(told_of(&readings, "http/status"), "counted 1+0/1");
    assert!(told_of(&readings, "http/within").starts_with("unseen"), "a refusal is not slow: {readings:?}");
}

fn told_of(readings: &[Reading], clause: &str) -> String {
    let at = readings.iter().position(|r| r.clause.0 == clause).unwrap_or_else(|| panic!("{clause} was not read"));
    told(readings).swap_remove(at)
}

#[tokio::test]
async fn a_late_answer_is_beyond_its_limit_and_a_prompt_one_within() {
    let late = |_: &str, _| match json(200, "{}") {
        Reply::Bytes(bytes) => Reply::Late(Duration::from_millis(80), bytes),
        other => other,
    };
    only(&broken("{ get: /a, expect: { within: 20ms } }", late).await, "http/within: counted 1+0/1");
    assert!(broken("{ get: /a, expect: { within: 30s } }", late).await.is_empty());
}

#[tokio::test]
async fn samples_are_taken_until_three_are_bad_or_one_is_proof() {
    let calls = |yaml: &'static str, status: fn(usize) -> u16| async move {
        let count = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let counted = count.clone();
        readings(yaml, move |_, n| {
            counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            json(status(n), "{}")
        })
        .await;
        count.load(std::sync::atomic::Ordering::SeqCst)
    };
    assert_eq!(calls("{ get: /a, samples: 20 }", |_| 200).await, 20);
    assert_eq!(calls("{ get: /a, samples: 20 }", |n| if n % 2 == 0 { 503 } else { 200 }).await, 5);
    assert_eq!(calls("{ get: /a, samples: 20 }", |n| if n == 3 { 404 } else { 200 }).await, 4);
    assert_eq!(calls("{ post: /a, repeatable: true, samples: 3 }", |_| 200).await, 3);
}

#[tokio::test]
async fn what_may_be_sent_once_is_sent_once_however_many_samples_are_wanted() {
    let kind = spec::<Http>("{ post: /a, json: { a: 1 } }");
    let cx = context(serve(|_, _| json(500, "{}")).await);
    let mut seen = Observation::default();
    for samples in [1, 60] {
        let round = crate::kind::Round { samples: std::num::NonZeroU32::new(samples), ..round::<Http>(&ALL) };
        kind.probe(&round, &cx, &mut seen).await.expect("the harness itself does not fail");
    }
    assert_eq!(seen.looks.len(), 1);
    assert_eq!(told(&kind.judge(&seen))[0], "counted 1+0/1 once");
}

/// One look whose captures are handed on.
async fn captured(yaml: &str, reply: impl Fn(&str, usize) -> Reply + Send + Sync + 'static) -> Vec<(String, String)> {
    let kind = spec::<Http>(yaml);
    let mut seen = Observation::default();
    kind.probe(&round::<Http>(&ALL), &context(serve(reply).await), &mut seen).await.expect("the harness itself does not fail");
    let values = kind.captures(&seen);
    ["job", "where"].iter().filter_map(|name| Some(((*name).to_owned(), values.get(name).ok()?.json.to_string()))).collect()
}

#[tokio::test]
async fn what_was_made_is_handed_on_for_clean_up_whatever_its_status_was() {
    let yaml = "{ post: /jobs, expect: { status: 201 }, capture: { where: { header: location }, job: $.id } }";
    let made = |_: &str, _: usize| answer(202, &["content-type: application/json"], r#"{"id":"j-7"}"#);
    assert_eq!(captured(yaml, made).await, [("job".to_owned(), "\"j-7\"".to_owned())]);
    only(&broken(yaml, made).await[..1], "http/status: proof 202");
    let first = "{ get: /a, samples: 3, capture: { job: $.id } }";
    let counted = |_: &str, n: usize| json(200, &format!(r#"{{"id":{n}}}"#));
    assert_eq!(captured(first, counted).await, [("job".to_owned(), "0".to_owned())]);
}

#[cfg(feature = "schema")]
#[tokio::test]
async fn a_schema_of_a_local_file_is_held_and_broken() {
    struct One;
    impl crate::words::Files for One {
        fn sample(&self, _: &str) -> Result<bytes::Bytes, String> {
            Err("there is none".to_owned())
        }
        fn schema(&self, _: &str) -> Result<bytes::Bytes, String> {
            Ok(bytes::Bytes::from_static(br#"{"type":"object","required":["id"],"properties":{"id":{"type":"integer"}}}"#))
        }
    }
    let files = std::rc::Rc::new(One);
    let kind = crate::words::with_files(files, || spec::<Http>("{ get: /a, expect: { schema: job.json } }"));
    let told = async |body: &'static str| told_of(&look(&kind, serve(move |_, _| json(200, body)).await, &ALL).await, "http/schema");
    assert_eq!(told(r#"{"id":7}"#).await, "held");
    assert!(told(r#"{"id":"7"}"#).await.starts_with("proof"));
    assert!(told(r#"{"id":7,"id":8}"#).await.starts_with("proof ambiguous"));
    assert!(told("oops").await.starts_with("proof no JSON"));
}

#[tokio::test]
async fn head_and_options_are_asked_and_have_no_body() {
    let head = |head: &str, _: usize| if head.starts_with("HEAD ") { without_body(json(200, "{}")) } else { json(405, "{}") };
    assert!(broken("{ head: /a, expect: { headers: { content-length: 2 } } }", head).await.is_empty());
    only(&broken("options: /a", head).await, "http/status: proof 405");
}

/// The heads of the requests that one look sends to a server that stands for another.
async fn diverted(yaml: &str) -> Vec<String> {
    let heads = Arc::new(Mutex::new(Vec::new()));
    let heard = heads.clone();
    let server = serve(move |head, _| {
        heard.lock().expect("no panic while heads are noted").push(head.to_owned());
        json(200, "{}")
    })
    .await;
    let service = SocketAddr::from(([127, 0, 0, 1], 9));
    let cx: Context = context(service).aimed_at(context(server).target().clone());
    let mut seen = Observation::default();
    spec::<Http>(yaml).probe(&round::<Http>(&ALL), &cx, &mut seen).await.expect("the harness itself does not fail");
    assert!(seen.looks.iter().all(|look| look.trouble.is_none()), "{seen:?}");
    let heads = heads.lock().expect("no panic while heads are noted");
    heads.clone()
}

#[tokio::test]
async fn a_control_gets_every_request_that_is_meant_for_the_service() {
    assert!(diverted("get: /a").await[0].starts_with("GET /a "));
    assert!(diverted("get: \"https://api.example.org/b?x=1\"").await[0].starts_with("GET /b?x=1 "), "an absolute URL too");
    assert!(diverted("{ get: /a, http: \"2\" }").await[0].starts_with("GET /a HTTP/1.1"), "in the version that the control speaks");
}

#[tokio::test]
async fn the_version_of_the_request_is_the_one_that_is_spoken() {
    let first = Arc::new(Mutex::new(String::new()));
    let heard = first.clone();
    // The preface of HTTP/2 with prior knowledge (RFC 9113 §3.4) ends as a head does.
    let server = move |head: &str, _: usize| {
        *heard.lock().expect("no panic while the head is noted") = head.to_owned();
        json(200, "{}")
    };
    let told = broken("{ get: /a, http: \"2\", wait: 5s }", server).await;
    assert!(first.lock().expect("no panic while the head is noted").starts_with("PRI * HTTP/2.0\r\n"));
    assert!(told[0].starts_with("http/status: "), "who speaks HTTP/1 only is broken: {told:?}");
}

#[tokio::test]
async fn another_host_than_the_targets_own_gets_neither_its_socket_nor_its_exemption() {
    let server = serve(|_, _| json(200, "{}")).await;
    let mut target = context(SocketAddr::from(([127, 0, 0, 1], 9))).target().clone();
    target.endpoint.unix = Some("/nowhere/at/all".into());
    let cx = crate::kind::testing::context_of(target);
    let look = async |yaml: &str| {
        let mut seen = Observation::default();
        spec::<Http>(yaml).probe(&round::<Http>(&ALL), &cx, &mut seen).await.expect("the harness itself does not fail");
        seen.looks.remove(0).status
    };
    assert_eq!(look(&format!("get: \"http://{server}/a\"")).await, Some(200));
    assert_eq!(look("get: /a").await, None, "the target's own origin is reached as the target says");
}
