//! Each experiment on a server of this process that is good, and on one with just that flaw.

use crate::checks::ready::Ready;
use crate::kind::testing::{Reply, answer, context, json, look, round, serve, spec, told};
use crate::kind::{CheckKind as _, Round};
use crate::model::Found;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

mod leave;
mod outage;

const READY: &str = r#"{"status":"ready","migration":3}"#;
const NOT_YET: &str = r#"{"status":"not ready","migration":2}"#;

/// A service that is not ready for the first polls.
fn after(polls: usize) -> impl Fn(&str, usize) -> Reply + Send + Sync + 'static {
    let asked = AtomicUsize::new(0);
    move |head, _| {
        if !head.starts_with("GET /ready") {
            return json(200, "[]");
        }
        if asked.fetch_add(1, Ordering::SeqCst) < polls { json(503, NOT_YET) } else { json(200, READY) }
    }
}

async fn tell(yaml: &str, clause: &str, reply: impl Fn(&str, usize) -> Reply + Send + Sync + 'static) -> Vec<String> {
    let address = serve(reply).await;
    told(&look(&spec::<Ready>(yaml), address, &[clause]).await)
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
async fn a_service_that_becomes_ready_in_time_is_held_and_its_lag_is_told() {
    let address = serve(after(3)).await;
    let kind = spec::<Ready>("{ get: /ready, within: 30s }");
    let mut seen = super::Observation::default();
    kind.probe(&round::<Ready>(&["ready/becomes"]), &context(address), &mut seen).await.unwrap();
    all_held(&told(&kind.judge(&seen)));
    let told = kind.tell(&seen);
    assert!(told.summary.starts_with("ready after ") && told.summary.ends_with(", 4 polls"), "{}", told.summary);
    assert_eq!(told.measurements[0].name, "time_to_ready");
}

#[tokio::test]
async fn a_service_that_is_never_ready_is_broken_after_the_deadline() {
    let yaml = "{ get: /ready, within: 120ms, real: { get: /jobs } }";
    let readings = look(&spec::<Ready>(yaml), serve(after(usize::MAX)).await, &["ready/becomes", "ready/first-request"]).await;
    let Found::Counted { bad, worst, .. } = &readings[0].found else { panic!("{readings:?}") };
    assert!(*bad >= 3 && worst.observed.starts_with("still not ready after "), "{worst:?}");
    assert!(worst.details.iter().any(|(label, text)| label == "last" && text.matches("503").count() == 3), "{worst:?}");
    has(&told(&readings), "it never became ready");
}

#[tokio::test]
async fn nobody_there_is_not_ready_and_no_error() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let readings = look(&spec::<Ready>("{ get: /ready, within: 60ms }"), address, &["ready/becomes"]).await;
    assert!(matches!(&readings[0].found, Found::Counted { bad, .. } if *bad >= 3), "{readings:?}");
}

/// Waited for one after the other, three polls that hang would take three times as long as one.
#[tokio::test]
async fn what_hangs_is_waited_for_no_longer_than_the_deadline_and_one_answer() {
    let address = serve(|_, _| Reply::Silence).await;
    let kind = spec::<Ready>("{ get: /ready, within: 1s, real: { get: /jobs } }");
    let mut seen = super::Observation::default();
    kind.probe(&round::<Ready>(&["ready/becomes", "ready/truthful"]), &context(address), &mut seen).await.unwrap();
    let Found::Counted { bad, worst, .. } = &kind.judge(&seen)[0].found else { panic!("{seen:?}") };
    assert!(*bad == 3 && worst.observed.starts_with("still not ready after 1."), "{worst:?}");
    let [first, rest @ ..] = &seen.waiting.last[..] else { panic!("{seen:?}") };
    assert!(first.seen.at.lo < Duration::from_secs(1) && rest.len() == 2, "{seen:?}");
    // The two that were missing are asked at one moment: a second one that waited for the first would begin 2 s after it.
    assert!(rest[1].seen.at.lo < rest[0].seen.at.lo + Duration::from_secs(1), "{seen:?}");
}

#[tokio::test]
async fn ready_right_after_the_deadline_is_late_or_unsure_and_never_held() {
    let asked = AtomicUsize::new(0);
    // The poll that hangs is given up at the deadline; the next ones are answered.
    let reply = move |_: &str, _: usize| if asked.fetch_add(1, Ordering::SeqCst) == 0 { Reply::Silence } else { json(200, READY) };
    let told = tell("{ get: /ready, within: 500ms }", "ready/becomes", reply).await;
    has(&told, "unsure it became ready after ");
}

#[tokio::test]
async fn ready_is_the_declared_answer_and_not_any_two_hundred() {
    let yaml = "{ get: /ready, within: 100ms, expect: { json: { $.status: ready } } }";
    all_held(&tell(yaml, "ready/becomes", after(0)).await);
    has(&tell(yaml, "ready/becomes", |_, _| json(200, NOT_YET)).await, "counted");
    has(&tell("{ get: /ready, within: 100ms }", "ready/becomes", |_, _| json(204, "")).await, "counted");
}

#[tokio::test]
async fn a_flap_is_counted_and_three_end_the_look() {
    let yaml = "{ get: /ready, within: 30s, steady-for: 1s }";
    all_held(&tell(yaml, "ready/steady", after(0)).await);
    has(&tell(yaml, "ready/steady", |_, n| if n == 4 { json(503, NOT_YET) } else { json(200, READY) }).await, "counted 1+0/");
    has(&tell(yaml, "ready/steady", |_, n| if n % 2 == 1 { json(503, NOT_YET) } else { json(200, READY) }).await, "counted 3+0/5");
}

#[tokio::test]
async fn a_second_look_at_a_flap_takes_the_samples_that_it_is_asked_for() {
    let address = serve(|_, n| if n == 2 { json(503, NOT_YET) } else { json(200, READY) }).await;
    let kind = spec::<Ready>("{ get: /ready, within: 30s, steady-for: 200ms }");
    let mut seen = super::Observation::default();
    let first = round::<Ready>(&["ready/steady"]);
    let cx = context(address);
    kind.probe(&first, &cx, &mut seen).await.unwrap();
    let before = seen.steady.count;
    let focus = Some([(super::table::STEADY, "".into())].into());
    let again = Round { number: 1, focus, samples: NonZeroU32::new(12), step: Duration::from_millis(5), ..first };
    kind.probe(&again, &cx, &mut seen).await.unwrap();
    assert_eq!((seen.steady.count - before, seen.steady.not_ready), (12, 1));
}

#[tokio::test]
async fn the_first_real_request_is_made_once_and_its_failure_is_seen_once() {
    let yaml = "{ get: /ready, within: 30s, real: { get: /jobs } }";
    all_held(&tell(yaml, "ready/first-request", after(2)).await);
    let asked = AtomicUsize::new(0);
    let first_fails = move |head: &str, _| match head.starts_with("GET /jobs") {
        true if asked.fetch_add(1, Ordering::SeqCst) == 0 => json(500, "{}"),
        true => json(200, "[]"),
        false => json(200, READY),
    };
    let told = tell(yaml, "ready/first-request", first_fails).await;
    assert_eq!(told, ["first: counted 1+0/1 once", "then: held"]);
    let all_fail = |head: &str, _| if head.starts_with("GET /jobs") { json(500, "{}") } else { json(200, READY) };
    has(&tell(yaml, "ready/first-request", all_fail).await, "then: counted 3+0/3");
    let refused = |head: &str, _| if head.starts_with("GET /jobs") { json(401, "{}") } else { json(200, READY) };
    has(&tell(yaml, "ready/first-request", refused).await, "first: proof 401");
}

#[tokio::test]
async fn ready_and_failing_twice_in_a_row_is_a_lie() {
    let yaml = "{ get: /ready, within: 30s, real: { get: /jobs } }";
    all_held(&tell(yaml, "ready/truthful", after(2)).await);
    let fails = |head: &str, _| if head.starts_with("GET /jobs") { json(500, "{}") } else { json(200, READY) };
    has(&tell(yaml, "ready/truthful", fails).await, "proof ready, and GET /jobs: 500 {}, twice in a row");
    let asked = AtomicUsize::new(0);
    let one = move |head: &str, _| match head.starts_with("GET /jobs") {
        true if asked.fetch_add(1, Ordering::SeqCst) == 3 => json(500, "{}"),
        true => json(200, "[]"),
        false => json(200, READY),
    };
    has(&tell(yaml, "ready/truthful", one).await, "counted 1+0/10");
}

#[tokio::test]
async fn not_ready_and_working_throughout_is_told_as_over_strict() {
    let yaml = "{ get: /ready, within: 1600ms, real: { get: /jobs } }";
    let readings = look(&spec::<Ready>(yaml), serve(after(usize::MAX)).await, &["ready/becomes", "ready/truthful"]).await;
    let Found::Counted { worst, .. } = &readings[0].found else { panic!("{readings:?}") };
    assert!(worst.details.iter().any(|(label, _)| label == "over-strict"), "{worst:?}");
}

#[tokio::test]
async fn ready_before_its_marker_is_proof() {
    let yaml = "{ get: /ready, within: 30s, not-before: { get: /version, at: $.migration, is: 3 } }";
    let marker = |polls: usize, from: usize| {
        let (asked, read) = (AtomicUsize::new(0), AtomicUsize::new(0));
        move |head: &str, _: usize| match head.starts_with("GET /ready") {
            true if asked.fetch_add(1, Ordering::SeqCst) < polls => json(503, NOT_YET),
            true => json(200, READY),
            false if read.fetch_add(1, Ordering::SeqCst) < from => json(200, NOT_YET),
            false => json(200, READY),
        }
    };
    all_held(&tell(yaml, "ready/not-before", marker(3, 3)).await);
    has(&tell(yaml, "ready/not-before", marker(2, 9)).await, "proof ready at");
    has(&tell(yaml, "ready/not-before", marker(0, 0)).await, "unseen the marker held already when it was first seen");
    let missing = |head: &str, _| if head.starts_with("GET /ready") { json(200, READY) } else { Reply::Close };
    has(&tell(yaml, "ready/not-before", missing).await, "unseen GET /version was answered by");
}

#[tokio::test]
async fn replicas_that_differ_are_told_apart_by_their_header() {
    let yaml = "{ get: /ready, within: 30s, replicas: { header: X-Instance-Id, build: { get: /version, at: $.git_sha } } }";
    let farm = |builds: [&'static str; 2], second_is_ready: bool| {
        move |head: &str, n: usize| {
            // Which replica answers is drawn, so that polls and readings of the build meet both.
            let which = usize::from(n.wrapping_mul(2_654_435_761) >> 7 & 1 == 1);
            let name = format!("x-instance-id: r{which}");
            let lines = ["content-type: application/json", name.as_str()];
            match head.starts_with("GET /version") {
                true => answer(200, &lines, &format!(r#"{{"git_sha":"{}"}}"#, builds[which])),
                false if which == 1 && !second_is_ready => answer(503, &lines, NOT_YET),
                false => answer(200, &lines, READY),
            }
        }
    };
    all_held(&tell(yaml, "ready/replicas", farm(["a", "a"], true)).await);
    has(&tell(yaml, "ready/replicas", farm(["a", "b"], true)).await, "builds: proof r0: a, r1: b");
    let told = tell(yaml, "ready/replicas", farm(["a", "a"], false)).await;
    has(&told, "answers: counted");
    has(&told, "builds: held");
    has(&tell(yaml, "ready/replicas", after(0)).await, "unseen no answer named a replica");
    let two = "{ get: /ready, within: 30s, replicas: { header: x-instance-id, at-least: 2 } }";
    has(&tell(two, "ready/replicas", |_, _| answer(200, &["x-instance-id: r0"], "ok")).await, "unsure only 1 of 2 replicas were met");
}

#[tokio::test]
async fn failing_answers_are_searched_too() {
    let leaky = |polls: usize| {
        move |_: &str, n: usize| if n < polls { json(503, r#"{"status":"not ready","db":"canary-0123456789"}"#) } else { json(200, READY) }
    };
    all_held(&tell("{ get: /ready, within: 30s }", "ready/no-leak", leaky(0)).await);
    has(&tell("{ get: /ready, within: 30s }", "ready/no-leak", leaky(2)).await, "proof a secret of this environment");
    all_held(&tell("{ get: /ready, within: 30s }", "ready/agrees", after(2)).await);
    has(
        &tell("{ get: /ready, within: 30s }", "ready/agrees", |_, n| json(if n < 2 { 503 } else { 200 }, READY)).await,
        "proof 503 and a body",
    );
}
