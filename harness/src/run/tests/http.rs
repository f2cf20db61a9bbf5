//! Suites with `http` checks, read, planned and run as users' are, against servers of this process.

use crate::kind::testing::{Reply, answer, json, serve};
use crate::model::{ClauseVerdict, Outcome, Verdict};
use crate::plan::{Inputs, make};
use crate::run::testing::Heard;
use crate::run::{Options, Session};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The heads of all requests that came, in order.
#[derive(Clone, Default)]
struct Came(Arc<Mutex<Vec<String>>>);

impl Came {
    fn lines(&self) -> Vec<String> {
        let heads = self.0.lock().expect("no panic while heads are noted");
        heads.iter().map(|head| head.lines().next().unwrap_or_default().trim_end_matches(" HTTP/1.1").to_owned()).collect()
    }

    fn count(&self, line: &str) -> usize {
        self.lines().iter().filter(|l| *l == line).count()
    }
}

/// Serves, and notes what came.
async fn service(reply: impl Fn(&str, usize) -> Reply + Send + Sync + 'static) -> (SocketAddr, Came) {
    let came = Came::default();
    let noted = came.clone();
    let address = serve(move |head, n| {
        noted.0.lock().expect("no panic while heads are noted").push(head.to_owned());
        reply(head, n)
    })
    .await;
    (address, came)
}

/// Runs one check of a suite where writes are allowed. `URL` in it is the service's.
async fn run(address: SocketAddr, check: &str) -> Outcome {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let url = format!("http://{address}");
    let suite =
        format!("suite: a\ntargets: {{ api: {{ url: \"{url}\" }} }}\nchecks:\n  - {{ name: it, {} }}\n", check.replace("URL", &url));
    std::fs::write(folder.path().join("a.suite.yaml"), suite).expect("a file in it");
    let environment = folder.path().join("here.env.yaml");
    std::fs::write(&environment, "environment: here\nallows: write\nhosts: [\"127.0.0.1\"]\n").expect("a file in it");
    let environment = Some(environment.display().to_string());
    let inputs = Inputs { paths: vec![folder.path().join("a.suite.yaml")], environment, ..Inputs::default() };
    let plan = make(&inputs).unwrap_or_else(|refused| panic!("{refused}"));
    let heard = Heard::default();
    Session::new(Arc::new(plan), Options::new(folder.path().to_owned()), heard.sink()).run_all().await;
    heard.outcome("it")
}

/// The verdict and the clauses that did not hold, each with its verdict and reason.
#[track_caller]
fn check(outcome: &Outcome, verdict: Verdict, troubles: &[&str]) {
    let told: Vec<String> = outcome
        .troubles()
        .map(|c| format!("{} {:?} {}", c.clause, c.verdict, c.why.as_deref().unwrap_or_default()).trim_end().to_owned())
        .collect();
    let fits = told.len() == troubles.len() && told.iter().zip(troubles).all(|(told, begin)| told.starts_with(begin));
    assert!(outcome.verdict == verdict && fits, "expected {verdict:?} {troubles:?}, got {:?} {told:#?}\n{outcome:#?}", outcome.verdict);
}

const WELL: &str = r#"{"state":"done"}"#;

#[tokio::test]
async fn a_good_service_passes_at_the_first_look() {
    let (address, came) = service(|_, _| json(200, WELL)).await;
    let http = "http: { get: /a, expect: { status: 200, within: 20s, json: { $.state: done }, body: { max-size: 1KiB } } }";
    let outcome = run(address, http).await;
    check(&outcome, Verdict::Pass, &[]);
    assert_eq!((came.lines(), outcome.clauses.len()), (vec!["GET /a".to_owned()], 4));
}

#[tokio::test]
async fn a_service_in_trouble_fails_wherever_its_url_stands() {
    for http in ["http: { get: /a }", "http: { get: \"URL/a\" }"] {
        let (address, came) = service(|_, _| json(503, "{}")).await;
        check(&run(address, http).await, Verdict::Fail, &["http/status Broken"]);
        assert_eq!(came.count("GET /a"), 3, "{http}: the third bad answer makes it certain, and controls go elsewhere");
    }
}

#[tokio::test]
async fn a_post_that_fails_is_seen_once_and_not_repeated() {
    for http in ["http: { post: /a, json: { b: 1 } }", "http: { post: \"URL/a\", json: { b: 1 } }", "http: { get: /a, repeatable: false }"]
    {
        let (address, came) = service(|_, _| json(500, "{}")).await;
        check(&run(address, http).await, Verdict::Fail, &["http/status Broken seen once, not repeated"]);
        assert_eq!(came.lines().len(), 1, "{http}");
    }
    let (address, came) = service(|_, _| json(500, "{}")).await;
    check(&run(address, "http: { post: /a, json: { b: 1 }, repeatable: true }").await, Verdict::Fail, &["http/status Broken"]);
    assert_eq!(came.count("POST /a"), 3);
}

#[tokio::test]
async fn a_post_with_a_large_body_is_blamed_like_any_other() {
    let (address, _) = service(|_, _| json(500, "{}")).await;
    let http = format!("http: {{ post: /a, text: \"{}\" }}", "x".repeat(900_000));
    check(&run(address, &http).await, Verdict::Fail, &["http/status Broken seen once"]);
}

#[tokio::test]
async fn one_bad_answer_in_sixty_is_intermittent_and_never_a_pass() {
    let (address, came) = service(|_, n| json(if n == 0 { 503 } else { 200 }, "{}")).await;
    check(&run(address, "http: { get: /a }").await, Verdict::Inconclusive, &["http/status Intermittent intermittent (1 of 60)"]);
    assert_eq!(came.lines().len(), 60);
}

#[tokio::test]
async fn a_flaw_of_one_call_in_five_is_seen_by_twenty_samples() {
    let (address, _) = service(|_, n| json(if n % 5 == 4 { 503 } else { 200 }, "{}")).await;
    check(&run(address, "http: { get: /a, samples: 20 }").await, Verdict::Fail, &["http/status Broken"]);
}

#[tokio::test]
async fn a_service_that_does_not_speak_the_asked_version_is_broken_and_not_this_machine() {
    let (address, _) = service(|_, _| json(200, "{}")).await;
    check(&run(address, "http: { get: /a, http: \"2\" }").await, Verdict::Fail, &["http/status Broken"]);
}

#[tokio::test]
async fn a_silent_service_fails_inside_the_time_of_the_check() {
    let (address, came) = service(|_, _| Reply::Silence).await;
    check(&run(address, "timeout: 2s, http: { get: /a }").await, Verdict::Fail, &["http/status Broken"]);
    assert_eq!(came.lines().len(), 3);
}

fn after(delay: Duration) -> impl Fn(&str, usize) -> Reply + Send + Sync + 'static {
    move |_, _| match json(200, "{}") {
        Reply::Bytes(bytes) => Reply::Late(delay, bytes),
        other => other,
    }
}

#[tokio::test]
async fn a_service_that_is_just_quick_enough_never_fails_and_one_that_is_far_too_slow_never_passes() {
    let (address, _) = service(after(Duration::from_millis(200))).await;
    let outcome = run(address, "http: { get: /a, expect: { within: 300ms } }").await;
    assert_ne!(outcome.verdict, Verdict::Fail, "{outcome:#?}");
    let outcome = run(address, "http: { get: /a, expect: { within: 50ms } }").await;
    assert_ne!(outcome.verdict, Verdict::Pass, "{outcome:#?}");
}

#[tokio::test]
async fn a_document_beyond_what_is_kept_is_our_limit_and_not_a_failure() {
    let body = format!("[\"{}\"]", "x".repeat(9 << 20));
    let (address, _) = service(move |_, _| json(200, &body)).await;
    let outcome = run(address, "http: { get: /a, expect: { json: { $: present } } }").await;
    assert_eq!(outcome.verdict, Verdict::Error, "{outcome:#?}");
}

#[tokio::test]
async fn what_never_holds_fails_even_where_each_clause_held_now_and_then() {
    let turns = |_: &str, n: usize| if n.is_multiple_of(2) { json(503, "{}") } else { json(200, r#"{"state":"running"}"#) };
    let (address, _) = service(turns).await;
    let outcome = run(address, "eventually: 300ms, http: { get: /a, expect: { json: { $.state: done } } }").await;
    assert_eq!(outcome.verdict, Verdict::Fail, "{outcome:#?}");
}

#[tokio::test]
async fn eventually_survives_a_poll_that_hangs_and_passes_once_it_holds() {
    let (address, came) = service(|_, n| if n == 0 { Reply::Silence } else { json(200, WELL) }).await;
    let http = "eventually: 20s, http: { get: /a, wait: 200ms, expect: { json: { $.state: done } } }";
    check(&run(address, http).await, Verdict::Pass, &[]);
    assert_eq!(came.lines().len(), 2);
}

#[tokio::test]
async fn fails_on_ends_the_poll_of_a_suite_at_once() {
    let (address, came) = service(|_, n| json(200, if n < 2 { r#"{"state":"running"}"# } else { r#"{"state":"failed"}"# })).await;
    let http = "eventually: { within: 20s, every: 10ms, fails-on: { json: { $.state: failed } } }, \
                http: { get: /a, expect: { json: { $.state: done } } }";
    check(&run(address, http).await, Verdict::Fail, &["http/json Broken"]);
    assert_eq!(came.lines().len(), 3);
    let (address, _) = service(|_, n| json(200, if n < 2 { r#"{"state":"running"}"# } else { WELL })).await;
    check(&run(address, http).await, Verdict::Pass, &[]);
}

#[tokio::test]
async fn consistently_fails_at_one_proof_and_tells_one_bad_poll_as_intermittent() {
    let http = "consistently: 300ms, http: { get: /a, expect: { json: { $.state: done } } }";
    let (address, _) = service(|_, _| json(200, WELL)).await;
    check(&run(address, http).await, Verdict::Pass, &[]);
    let (address, came) = service(|_, n| json(200, if n == 2 { r#"{"state":"lost"}"# } else { WELL })).await;
    check(&run(address, http).await, Verdict::Fail, &["http/json Broken"]);
    assert_eq!(came.lines().len(), 3);
    let (address, _) = service(|_, n| if n == 2 { json(503, "{}") } else { json(200, WELL) }).await;
    let outcome = run(address, http).await;
    assert_eq!(outcome.verdict, Verdict::Inconclusive, "{outcome:#?}");
    assert!(outcome.clauses.iter().any(|c| c.verdict == ClauseVerdict::Intermittent), "{outcome:#?}");
}

#[tokio::test]
async fn what_a_failed_request_made_is_cleaned_up() {
    let made = |head: &str, _: usize| {
        if head.starts_with("POST ") { answer(202, &["content-type: application/json"], r#"{"id":"j 7"}"#) } else { json(200, "{}") }
    };
    let (address, came) = service(made).await;
    let http = "cleanup: [{ delete: \"/jobs/${job}\" }], http: { post: /jobs, expect: { status: 201 }, capture: { job: $.id } }";
    let outcome = run(address, http).await;
    assert_eq!((outcome.verdict, came.lines()), (Verdict::Fail, vec!["POST /jobs".to_owned(), "DELETE /jobs/j%207".to_owned()]));
}
