//! Each experiment on a server of this process that is good, and on one with just that flaw.

use crate::checks::health::{Health, Observation};
use crate::kind::testing::{Reply, answer, json, look, serve, spec, told, without_body};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

mod outage;

const GOOD: &str = r#"{"status":"healthy"}"#;

fn good(head: &str) -> Reply {
    if head.starts_with("HEAD ") { without_body(json(200, GOOD)) } else { json(200, GOOD) }
}

/// Looks at one clause of a server and tells its readings.
async fn tell(yaml: &str, clause: &str, reply: impl Fn(&str, usize) -> Reply + Send + Sync + 'static) -> Vec<String> {
    let address = serve(reply).await;
    told(&look(&spec::<Health>(yaml), address, &[clause]).await)
}

#[track_caller]
fn all_held(told: &[String]) {
    assert!(!told.is_empty() && told.iter().all(|t| t.ends_with("held")), "{told:?}");
}

#[track_caller]
fn has(told: &[String], part: &str) {
    assert!(told.iter().any(|t| t.contains(part)), "{part} is not in {told:?}");
}

#[tokio::test]
async fn a_good_service_keeps_every_clause() {
    for clause in ["health/code", "health/open", "health/fresh", "health/bounded", "health/agrees", "health/no-leak"] {
        all_held(&tell("get: /health", clause, |head, _| good(head)).await);
    }
    all_held(&tell("{ get: /health, within: 30s }", "health/fast", |head, _| good(head)).await);
}

#[tokio::test]
async fn another_code_of_success_or_a_redirect_is_proof() {
    has(&tell("get: /health", "health/code", |_, _| json(206, GOOD)).await, "proof 206");
    has(&tell("get: /health", "health/code", |_, _| answer(302, &["location: /login"], "")).await, "a redirect to /login");
    all_held(&tell("{ get: /health, expect: { status: 206 } }", "health/code", |_, _| json(206, GOOD)).await);
}

#[tokio::test]
async fn trouble_and_five_hundreds_are_counted_and_never_proof() {
    has(&tell("get: /health", "health/code", |_, _| json(503, "{}")).await, "counted 5+0/5");
    has(&tell("get: /health", "health/code", |_, _| Reply::Close).await, "counted 3+0/3");
    has(&tell("get: /health", "health/code", |_, n| if n == 3 { json(503, "{}") } else { json(200, GOOD) }).await, "counted 1+0/5");
}

#[tokio::test]
async fn a_silent_service_is_slow_and_broken_after_three_tries() {
    let told = tell("{ get: /health, within: 50ms }", "health/fast", |_, _| Reply::Silence).await;
    has(&told, "counted 3+0/3");
}

#[tokio::test]
async fn a_refused_connection_is_broken_and_not_unknown() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let readings = look(&spec::<Health>("get: /health"), address, &["health/code", "health/open"]).await;
    let told = told(&readings);
    assert_eq!(told[0], "counted 3+0/3");
    has(&told, "health/code tells why");
}

#[tokio::test]
async fn what_expect_asks_beside_the_code_is_a_case_of_its_own() {
    let yaml = "{ get: /health, expect: { json: { $.status: healthy } } }";
    all_held(&tell(yaml, "health/code", |head, _| good(head)).await);
    let told = tell(yaml, "health/code", |_, _| json(200, r#"{"status":"down"}"#)).await;
    assert_eq!(told[0], "held");
    has(&told, "expect: proof");
}

#[tokio::test]
async fn a_late_answer_is_counted_against_its_limit() {
    let late = |head: &str| match good(head) {
        Reply::Bytes(bytes) => Reply::Late(Duration::from_millis(80), bytes),
        other => other,
    };
    has(&tell("{ get: /health, within: 20ms }", "health/fast", move |head, _| late(head)).await, "counted 5+0/5");
}

#[tokio::test]
async fn who_minds_authorization_accept_or_host_is_caught_by_its_variant() {
    let auth = |head: &str, _| if head.contains("authorization:") { json(401, "{}") } else { good(head) };
    has(&tell("get: /health", "health/open", auth).await, "authorization-bearer: proof 401");
    let accept = |head: &str, _| if head.contains("accept: text/plain") { json(406, "{}") } else { good(head) };
    let told = tell("get: /health", "health/open", accept).await;
    has(&told, "accept-text: proof 406");
    has(&told, "accept-json: held");
    let host = |head: &str, _| if head.contains("host: localhost") { good(head) } else { json(421, "{}") };
    has(&tell("get: /health", "health/open", host).await, "host-localhost: proof 200");
}

#[tokio::test]
async fn a_shaky_service_is_not_blamed_once_more_for_each_variant() {
    let told = tell("get: /health", "health/open", |head, n| if n % 2 == 0 { json(503, "{}") } else { good(head) }).await;
    assert!(told.iter().all(|t| t.ends_with("held") || t.contains("unsure")), "{told:?}");
}

#[tokio::test]
async fn whatever_smells_of_a_cache_is_proof() {
    let json = "content-type: application/json";
    has(&tell("get: /health", "health/fresh", move |_, _| answer(200, &[json], GOOD)).await, "directive: proof no cache-control");
    let aged = move |_: &str, _| answer(200, &[json, "cache-control: no-cache", "age: 30"], GOOD);
    has(&tell("get: /health", "health/fresh", aged).await, "cached: proof age: 30");
    let told =
        tell("get: /health", "health/fresh", |head, _| if head.contains("if-none-match") { answer(304, &[], "") } else { good(head) })
            .await;
    has(&told, "conditional: proof 304");
    has(&told, "directive: held");
}

#[tokio::test]
async fn a_304_to_any_tag_at_all_is_right_and_to_a_made_up_one_is_proof() {
    // RFC 9110 §13.1.2: `*` matches whatever is there. Whoever compares entity tags answers a made-up one in full.
    let compares = |head: &str, _| if head.contains("if-none-match: *") { answer(304, &[], "") } else { good(head) };
    all_held(&tell("get: /health", "health/fresh", compares).await);
    let never_compares = |head: &str, _| if head.contains("if-none-match: \"") { answer(304, &[], "") } else { good(head) };
    has(&tell("get: /health", "health/fresh", never_compares).await, "conditional: proof 304");
}

#[tokio::test]
async fn size_type_and_head_are_each_caught() {
    let big = format!(r#"{{"status":"healthy","pad":"{}"}}"#, "x".repeat(11_000));
    has(&tell("get: /health", "health/bounded", move |_, _| json(200, &big)).await, "size: proof 11");
    let html = |_: &str, _| answer(200, &["content-type: text/html"], GOOD);
    has(&tell("get: /health", "health/bounded", html).await, "type: proof content-type: text/html");
    let image = |_: &str, _| answer(200, &["content-type: image/png"], GOOD);
    has(&tell("get: /health", "health/bounded", image).await, "type: proof content-type: image/png");
    has(&tell("get: /health", "health/bounded", |_, _| json(200, r#"{"status":"healthy",}"#)).await, "type: proof a body that is none");
    has(&tell("get: /health", "health/bounded", |_, _| json(200, GOOD)).await, "head: proof 200 and 20 bytes of a body");
    let head_405 = |head: &str, _| if head.starts_with("HEAD ") { without_body(json(405, "")) } else { good(head) };
    has(&tell("get: /health", "health/bounded", head_405).await, "head: proof 405");
}

#[tokio::test]
async fn an_honest_answer_in_the_style_of_any_framework_is_bounded() {
    let as_head = |head: &str, reply| if head.starts_with("HEAD ") { without_body(reply) } else { reply };
    for (media, body) in [("text/plain; charset=utf-8", GOOD), ("text/html; charset=utf-8", "OK"), ("text/plain", "OK")] {
        let media = format!("content-type: {media}");
        all_held(&tell("get: /health", "health/bounded", move |head, _| as_head(head, answer(200, &[&media], body))).await);
    }
    // An empty body has no type to be held to.
    let empty = tell("get: /health", "health/bounded", move |head, _| as_head(head, answer(200, &[], ""))).await;
    assert_eq!(empty, ["size: held", "head: held"]);
}

#[tokio::test]
async fn a_word_against_its_code_and_a_planted_secret_are_proof() {
    has(&tell("get: /health", "health/agrees", |_, _| json(200, r#"{"status":"down"}"#)).await, "proof 200 and a body that says `down`");
    has(&tell("get: /health", "health/agrees", |_, _| json(503, GOOD)).await, "proof 503 and a body that says `healthy`");
    has(&tell("get: /health", "health/agrees", |_, _| json(200, "{}")).await, "unseen no body held a word");
    let told = tell("get: /health", "health/no-leak", |_, _| json(503, r#"{"dsn":"canary-0123456789"}"#)).await;
    has(&told, "proof a secret of this environment in the body");
    assert!(!told[0].contains("canary-0123456789"));
}

/// A service with so many workers, all of which `/slow` holds for a while; `/health` needs one too if it is flawed.
async fn pool(workers: usize, flawed: bool, yaml: &str) -> Vec<String> {
    let busy = std::sync::Arc::new(AtomicUsize::new(0));
    tell(yaml, "health/under-load", move |head, _| {
        let bytes = |reply| match reply {
            Reply::Bytes(bytes) => bytes,
            _ => Vec::new(),
        };
        if head.starts_with("GET /slow") {
            let (at, held) = (busy.fetch_add(1, Ordering::SeqCst), busy.clone());
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(400)).await;
                held.fetch_sub(1, Ordering::SeqCst);
            });
            _ = at;
            return Reply::Late(Duration::from_millis(400), bytes(json(200, "{}")));
        }
        if flawed && busy.load(Ordering::SeqCst) >= workers {
            Reply::Late(Duration::from_millis(400), bytes(good(head)))
        } else {
            good(head)
        }
    })
    .await
}

#[tokio::test]
async fn who_starves_under_load_is_caught_and_who_does_not_is_not() {
    let yaml = "{ get: /health, under-load: { get: /slow, concurrency: 2, within: 150ms } }";
    has(&pool(2, true, yaml).await, "counted 3+0/");
    all_held(&pool(2, false, yaml).await);
}

#[tokio::test]
async fn a_code_that_is_wrong_without_load_too_is_not_blamed_on_the_load() {
    let yaml = "{ get: /health, under-load: { get: /slow, concurrency: 2, within: 150ms } }";
    let slow = |head: &str| match (head.starts_with("GET /slow"), json(200, GOOD)) {
        (true, Reply::Bytes(bytes)) => Some(Reply::Late(Duration::from_millis(400), bytes)),
        _ => None,
    };
    all_held(&tell(yaml, "health/under-load", move |head, _| slow(head).unwrap_or_else(|| json(206, GOOD))).await);
    let only_loaded = move |head: &str, n: usize| slow(head).unwrap_or_else(|| if n > 5 { json(503, "{}") } else { good(head) });
    has(
        &tell(
            "{ get: /health, samples: 1, under-load: { get: /slow, concurrency: 2, within: 150ms } }",
            "health/under-load",
            move |head, n| only_loaded(head, n + 5),
        )
        .await,
        "counted",
    );
}

#[tokio::test]
async fn load_that_is_no_load_is_never_a_pass() {
    let yaml = "{ get: /health, under-load: { get: /slow, concurrency: 2, within: 150ms } }";
    has(&tell(yaml, "health/under-load", |head, _| good(head)).await, "unseen the slow request takes only");
    let missing = |head: &str, _| if head.starts_with("GET /slow") { json(404, "{}") } else { good(head) };
    has(&tell(yaml, "health/under-load", missing).await, "unseen nothing could be held");
}

#[tokio::test]
async fn a_gauge_that_grows_with_the_probes_is_proof_and_a_missing_one_no_pass() {
    let yaml = "{ get: /health, growth: { get: /metrics, gauges: [fds], probes: 50 } }";
    let metrics = |value: usize| answer(200, &["content-type: text/plain"], &format!("fds {value}\n"));
    let grows = move |head: &str, n: usize| if head.starts_with("GET /metrics") { metrics(n) } else { good(head) };
    has(&tell(yaml, "health/no-growth", grows).await, "proof fds went");
    all_held(&tell(yaml, "health/no-growth", move |head, _| if head.starts_with("GET /metrics") { metrics(7) } else { good(head) }).await);
    has(&tell(yaml, "health/no-growth", |head, _| good(head)).await, "unseen GET /metrics has no gauge `fds`");
}

#[tokio::test]
async fn a_body_without_end_is_broken_and_bounded() {
    let endless = |_: &str, _| {
        let mut bytes = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
        for _ in 0..400 {
            bytes.extend_from_slice(format!("1000\r\n{}\r\n", " ".repeat(0x1000)).as_bytes());
        }
        Reply::Bytes(bytes)
    };
    has(&tell("get: /health", "health/code", endless).await, "proof 200, then");
    has(&tell("get: /health", "health/bounded", endless).await, "size: proof");
}
