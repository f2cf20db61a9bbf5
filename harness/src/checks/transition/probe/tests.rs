//! Each experiment on a server of this process that is good, and on one with just that flaw.

use crate::checks::transition::{Observation, Transition};
use crate::kind::testing::{Reply, context, json, look, round, serve, spec, told};
use crate::kind::{CheckKind as _, Round};
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const PATH: &str = "transition/path";
const SETTLES: &str = "transition/settles";
const MONOTONIC: &str = "transition/monotonic";

/// A service whose state moves on with every look at it, once it was triggered; the last one stays.
async fn moving(states: &'static [&'static str], trigger: u16, works: u16) -> SocketAddr {
    let (triggered, looks) = (AtomicUsize::new(0), AtomicUsize::new(0));
    serve(move |head, _| {
        if head.starts_with("POST /detect") {
            triggered.fetch_add(1, Ordering::SeqCst);
            return json(trigger, r#"{"id":"job-7"}"#);
        }
        if head.starts_with("GET /works") {
            return json(works, "{}");
        }
        let at = if triggered.load(Ordering::SeqCst) == 0 { 0 } else { looks.fetch_add(1, Ordering::SeqCst) + 1 };
        json(200, &format!(r#"{{"state":{}}}"#, states[at.min(states.len() - 1)]))
    })
    .await
}

async fn tell(yaml: &str, address: SocketAddr, clauses: &[&str]) -> Vec<String> {
    told(&look(&spec::<Transition>(yaml), address, clauses).await)
}

const SPEC: &str = "{ observe: { get: /health, at: $.state, every: 5ms }, trigger: { post: /detect }, path: [None, DOWNLOADING, CONVERTING, ENABLED], \
                    never: [FAILED], within: 10s";

fn yaml(more: &str) -> String {
    format!("{SPEC}{more} }}")
}

#[track_caller]
fn all_held(told: &[String]) {
    assert!(!told.is_empty() && told.iter().all(|t| t.ends_with("held")), "{told:?}");
}

#[track_caller]
fn has(told: &[String], part: &str) {
    assert!(told.iter().any(|t| t.contains(part)), "{part} is not in {told:?}");
}

const GOOD: &[&str] = &[r#""None""#, r#""DOWNLOADING""#, r#""CONVERTING""#, r#""ENABLED""#];

#[tokio::test]
async fn a_state_that_takes_its_path_is_held_and_its_way_is_told() {
    let address = moving(GOOD, 202, 200).await;
    let kind = spec::<Transition>(&yaml(", works: { get: /works }"));
    let mut seen = Observation::default();
    kind.probe(&round::<Transition>(&[PATH, SETTLES, "transition/never"]), &context(address), &mut seen).await.unwrap();
    all_held(&told(&kind.judge(&seen)));
    let told = kind.tell(&seen);
    assert!(told.summary.starts_with("None -> DOWNLOADING -> CONVERTING -> ENABLED in "), "{}", told.summary);
    assert_eq!(told.measurements[0].name, "time_to_settle");
}

#[tokio::test]
async fn a_state_that_goes_back_or_elsewhere_ends_the_check_at_once() {
    let back = moving(&[r#""None""#, r#""CONVERTING""#, r#""DOWNLOADING""#], 202, 200).await;
    let told = tell(&yaml(", may-skip: [DOWNLOADING]"), back, &[PATH, SETTLES]).await;
    has(&told, "proof `CONVERTING` -> `DOWNLOADING`");
    has(&told, "unseen the path was left");
    let null = moving(&["null"], 202, 200).await;
    has(&tell(&yaml(""), null, &[PATH]).await, "proof `null`, which the path does not know; null is not the word `None`");
    let failed = moving(&[r#""None""#, r#""FAILED""#], 202, 200).await;
    has(&tell(&yaml(""), failed, &["transition/never"]).await, "proof `FAILED` at ");
}

#[tokio::test]
async fn a_state_that_was_left_out_is_proven_where_every_state_lasts() {
    let skipping: &[&str] = &[r#""None""#, r#""DOWNLOADING""#, r#""ENABLED""#];
    has(&tell(&yaml(""), moving(skipping, 202, 200).await, &[PATH]).await, "unsure `CONVERTING` was not seen");
    has(&tell(&yaml(", lasts-at-least: 9s"), moving(skipping, 202, 200).await, &[PATH]).await, "without `CONVERTING`");
}

#[tokio::test]
async fn a_state_that_is_stuck_is_broken_after_the_deadline() {
    let stuck = moving(&GOOD[..2], 202, 200).await;
    let yaml = yaml("").replace("10s", "80ms");
    let told = tell(&yaml, stuck, &[PATH, SETTLES]).await;
    has(&told, "counted 3+0/");
    has(&told, "held");
}

#[tokio::test]
async fn a_state_that_was_final_already_is_not_triggered() {
    let triggers = Arc::new(AtomicUsize::new(0));
    let count = triggers.clone();
    let address = serve(move |head, _| {
        count.fetch_add(usize::from(head.starts_with("POST")), Ordering::SeqCst);
        json(200, r#"{"state":"ENABLED"}"#)
    })
    .await;
    let told = tell(&yaml(""), address, &[PATH, SETTLES]).await;
    assert_eq!(told, ["unseen it was at `ENABLED` already when first seen, so there was no way to look at", "held"]);
    assert_eq!(triggers.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_trigger_that_is_refused_breaks_the_clause_and_ends_the_wait() {
    has(&tell(&yaml(""), moving(GOOD, 401, 200).await, &[SETTLES]).await, "proof the trigger was answered by 401");
    has(&tell(&yaml(""), moving(GOOD, 503, 200).await, &[SETTLES]).await, "counted 1+0/1 once");
    let elsewhere = yaml(", capture: { job: $.job_id }").replace("/health", "/jobs/x");
    has(&tell(&elsewhere, moving(GOOD, 202, 200).await, &[SETTLES]).await, "proof nothing there");
}

#[tokio::test]
async fn a_state_that_is_reached_and_does_not_work_is_told() {
    let yaml = yaml(", works: { get: /works }");
    has(&tell(&yaml, moving(GOOD, 202, 404).await, &[SETTLES]).await, "works: proof 404");
    has(&tell(&yaml, moving(GOOD, 202, 503).await, &[SETTLES]).await, "works: counted 1+0/1");
}

#[tokio::test]
async fn a_second_look_at_the_last_state_triggers_nothing_again() {
    let triggers = Arc::new(AtomicUsize::new(0));
    let (count, works) = (triggers.clone(), AtomicUsize::new(0));
    let address = serve(move |head, _| {
        if head.starts_with("POST") {
            count.fetch_add(1, Ordering::SeqCst);
            return json(202, "{}");
        }
        if head.starts_with("GET /works") {
            return json(if works.fetch_add(1, Ordering::SeqCst) == 0 { 503 } else { 200 }, "{}");
        }
        json(200, if count.load(Ordering::SeqCst) == 0 { r#"{"state":"CONVERTING"}"# } else { r#"{"state":"ENABLED"}"# })
    })
    .await;
    let kind = spec::<Transition>(&yaml(", works: { get: /works }"));
    let (mut seen, cx, first) = (Observation::default(), context(address), round::<Transition>(&[SETTLES]));
    kind.probe(&first, &cx, &mut seen).await.unwrap();
    has(&told(&kind.judge(&seen)), "works: counted 1+0/1");
    let focus = Some([(super::table::SETTLES, "works".into())].into());
    let again = Round { number: 1, focus, samples: NonZeroU32::new(9), step: Duration::from_millis(5), ..first };
    kind.probe(&again, &cx, &mut seen).await.unwrap();
    has(&told(&kind.judge(&seen)), "works: counted 1+0/10");
    assert_eq!(triggers.load(Ordering::SeqCst), 1);
}

/// A job whose progress takes these values, one a look; its result is there once it is complete, or never.
async fn job(values: &'static [&'static str], result: u16) -> SocketAddr {
    let looks = AtomicUsize::new(0);
    serve(move |head, _| {
        if head.starts_with("POST /jobs") {
            return json(202, r#"{"id":"job-7"}"#);
        }
        if head.starts_with("GET /jobs/job-7/result") {
            return json(result, "{}");
        }
        if !head.starts_with("GET /jobs/job-7 ") {
            return json(404, "{}");
        }
        let at = looks.fetch_add(1, Ordering::SeqCst).min(values.len() - 1);
        let state = if at == values.len() - 1 { "done" } else { "running" };
        json(200, &format!(r#"{{"state":"{state}","progress":{}}}"#, values[at]))
    })
    .await
}

/// `${job}` is known only at run time; the tests of a kind read specs without a suite around them, so it stands as a literal.
const JOB: &str = "{ trigger: { post: /jobs }, observe: { get: /jobs/job-7, at: $.state, every: 5ms }, path: [queued, running, done], \
                   progress: { at: $.progress, result: { get: /jobs/job-7/result } } }";

#[tokio::test]
async fn progress_that_goes_forward_and_a_result_that_is_there_are_held() {
    all_held(&tell(JOB, job(&["null", "0", "40", "40", "100"], 200).await, &[MONOTONIC]).await);
    all_held(&tell(JOB, job(&[r#""10%""#, r#""100%""#], 200).await, &[MONOTONIC]).await);
}

#[tokio::test]
async fn progress_that_goes_back_is_proof() {
    has(&tell(JOB, job(&["0", "60", "40", "100"], 200).await, &[MONOTONIC]).await, "progress: proof 60, then 40 at ");
    has(
        &tell(JOB, job(&[r#""soon""#, r#""soon""#, "null"], 200).await, &[MONOTONIC]).await,
        "progress: unseen the progress is no number: soon",
    );
}

#[tokio::test]
async fn complete_without_a_result_is_proof_and_a_result_that_fails_is_counted() {
    has(&tell(JOB, job(&["0", "100", "100", "100"], 404).await, &[MONOTONIC]).await, "result: proof 404");
    has(&tell(JOB, job(&["0", "100"], 503).await, &[MONOTONIC]).await, "result: counted 3+0/3");
}

#[tokio::test]
async fn a_service_that_is_not_there_is_broken_and_no_error() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    has(&tell(&yaml(""), address, &[SETTLES]).await, "counted 1+0/1 once");
    let alone = "{ observe: { get: /health, at: $.state }, path: [A, B], within: 60ms }";
    has(&tell(alone, address, &[PATH, SETTLES]).await, "counted 3+0/");
    let silent = serve(|_, _| Reply::Close).await;
    has(&tell(alone, silent, &[PATH]).await, "unseen no answer told a state");
}
