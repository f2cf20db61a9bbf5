//! Each experiment on a service of this process that is good, and on one with just that flaw.

use super::super::ConcurrencyLimit;
use crate::kind::testing::{context, look, look_in, round, setting, told};
use crate::kind::{CheckKind as _, Context, Setting};
use crate::model::Source;
use crate::reader::{Resolver, Value, expand, parse, read};
use crate::transport::{Exchange, Options, Permits};
use house::{Flaw, House};
use std::sync::Arc;
use std::time::Duration;

mod house;

const EXACT: &str = "limit/exact";
const WORK: Duration = Duration::from_millis(400);
const REQUESTS: &str = "post: /work, json: { work-ms: 400 }, limit: 3, refused: 429, alive: { get: /health, within: 200ms }, \
                        effect: { get: /tasks, at: $.count }, fails: { post: /work, json: { fail: true } }";
const JOBS: &str = "post: /tasks, limit: 3, counts: jobs, id: $.id, refused: 429, alive: { get: /health }, effect: { get: /tasks, at: $.count }, \
                    outcome: { get: '/tasks/${id}', at: $.state, done: [succeeded], failed: [failed], every: 10ms }, \
                    fails: { post: /tasks, json: { fail: true } }";

/// A spec as a suite has it, where `${id}` is known only at run time.
fn spec(yaml: &str) -> ConcurrencyLimit {
    struct Later;
    impl Resolver for Later {
        fn value(&self, _: &str) -> Value {
            Value::Deferred
        }
    }
    let source = Arc::new(Source::new("test.yaml", yaml));
    let mut root = parse(&source).expect("YAML").root;
    let problems = expand(&source, &mut root, "", &Later);
    assert!(problems.is_empty(), "{problems:?}");
    read(&source, &root, "").unwrap_or_else(|problems| panic!("{yaml}: {problems:?}"))
}

async fn tell_of(flaw: Flaw, takes: Duration, spec_text: &str, clauses: &[&str]) -> Vec<String> {
    let address = House::open(flaw, 3, takes).await;
    told(&look(&spec(&format!("{{ {spec_text} }}")), address, clauses).await)
}

async fn requests(flaw: Flaw, clauses: &[&str]) -> Vec<String> {
    tell_of(flaw, WORK, REQUESTS, clauses).await
}

async fn jobs(flaw: Flaw, clauses: &[&str]) -> Vec<String> {
    tell_of(flaw, WORK, JOBS, clauses).await
}

#[track_caller]
fn all_held(told: &[String]) {
    assert!(!told.is_empty() && told.iter().all(|t| t.ends_with("held")), "{told:#?}");
}

#[track_caller]
fn has(told: &[String], part: &str) {
    assert!(told.iter().any(|t| t.contains(part)), "{part} is not in {told:#?}");
}

#[tokio::test]
async fn a_service_that_keeps_its_limit_is_held_to_all_of_it() {
    let all = [EXACT, "limit/status", "limit/retry-after", "limit/returns", "limit/no-effect", "limit/alive"];
    let told = requests(Flaw::None, &all).await;
    all_held(&told);
    assert_eq!(told.len(), 3 + 1 + 2 + 3 + 1 + 1, "{told:?}");
}

#[tokio::test]
async fn jobs_that_hold_the_slots_are_counted_by_their_states() {
    let all = [EXACT, "limit/status", "limit/retry-after", "limit/returns", "limit/no-effect", "limit/alive"];
    let told = jobs(Flaw::None, &all).await;
    all_held(&told);
    assert_eq!(told.len(), 4 + 1 + 2 + 3 + 1 + 1, "{told:?}");
}

#[tokio::test]
async fn no_job_is_left_when_the_check_ends() {
    let address = House::open(Flaw::None, 3, WORK).await;
    let kind = spec(&format!("{{ {JOBS} }}"));
    let mut seen = super::Observation::default();
    kind.probe(&round::<ConcurrencyLimit>(&[EXACT]), &context(address), &mut seen).await.unwrap();
    assert!(seen.jobs.accepted >= 16 && seen.jobs.open.is_empty(), "{:?}", seen.jobs);
    assert!(kind.tell(&seen).summary.contains("jobs begun"), "{}", kind.tell(&seen).summary);
}

#[tokio::test]
async fn a_limit_that_is_not_where_it_should_be_is_told_with_where_it_is() {
    let told = requests(Flaw::Absent, &[EXACT]).await;
    has(&told, "k: held");
    has(&told, "k+1: counted 3+0/3 once");
    has(&requests(Flaw::OffByOneLow, &[EXACT]).await, "k: counted 3+0/3 once");
    has(&requests(Flaw::OffByOneHigh, &[EXACT]).await, "k+1: counted 3+0/3 once");
    let told = requests(Flaw::Twice, &[EXACT]).await;
    has(&told, "2k+10: counted 3+0/3 once");
    has(&jobs(Flaw::OffByOneLow, &[EXACT]).await, "k: counted 3+0/3 once");
    has(&jobs(Flaw::OffByOneHigh, &[EXACT]).await, "k+1: counted 3+0/3 once");
}

#[tokio::test]
async fn a_finding_says_how_many_were_admitted_and_what_that_may_mean() {
    let address = House::open(Flaw::Twice, 3, WORK).await;
    let kind = spec(&format!("{{ {REQUESTS} }}"));
    let readings = look(&kind, address, &[EXACT]).await;
    let finding = readings.iter().find_map(|r| if let crate::model::Found::Counted { worst, .. } = &r.found { Some(worst) } else { None });
    let finding = finding.expect("it is broken");
    assert_eq!(finding.expected, "3 requests at once, and not one more");
    assert_eq!(finding.observed, "4 of 4 were admitted at once");
    let limit = finding.details.iter().find(|(name, _)| name == "limit").map(|(_, text)| text.as_str());
    assert_eq!(limit, Some("6 at once: 2 times 3, as where each of 2 processes counts for itself"));
}

#[tokio::test]
async fn refusals_have_their_status_and_come_at_once() {
    has(&requests(Flaw::Status503, &["limit/status"]).await, "counted 14+0/14 once");
    let told = requests(Flaw::Queues, &[EXACT, "limit/status"]).await;
    has(&told, "k+1: held");
    assert!(told.last().is_some_and(|t| t.starts_with("counted")), "{told:?}");
}

#[tokio::test]
async fn a_wait_in_place_of_a_refusal_is_fine_where_no_status_is_declared() {
    let told = tell_of(Flaw::Queues, WORK, "post: /work, limit: 3", &[EXACT]).await;
    all_held(&told);
}

#[tokio::test]
async fn a_refusal_that_lies_about_when_to_come_again_is_found() {
    has(&requests(Flaw::RetryAbsent, &["limit/retry-after"]).await, "header: proof no Retry-After, in 14 of 14 refusals");
    has(&requests(Flaw::RetryZero, &["limit/retry-after"]).await, "header: proof Retry-After: 0, in 14 of 14 refusals");
    has(&requests(Flaw::RetryLong, &["limit/retry-after"]).await, "honest: counted 3+0/3 once");
}

#[tokio::test]
async fn a_refusal_that_tells_too_little_is_found() {
    let told = tell_of(Flaw::RetryShort, Duration::from_millis(1800), REQUESTS, &["limit/retry-after"]).await;
    has(&told, "header: held");
    has(&told, "honest: counted 3+0/3 once");
}

#[tokio::test]
async fn a_slot_that_does_not_come_back_is_found() {
    let told = requests(Flaw::LeakOnAbort, &["limit/returns"]).await;
    has(&told, "success: held");
    has(&told, "failure: held");
    has(&told, "abort: counted 3+0/3 once");
    has(&requests(Flaw::LeakOnFailure, &["limit/returns"]).await, "failure: counted 3+0/3 once");
    has(&jobs(Flaw::LeakOnFailure, &["limit/returns"]).await, "failure: counted 3+0/3 once");
}

#[tokio::test]
async fn a_slot_that_is_lost_once_all_were_held_breaks_the_limit_and_the_return() {
    let told = requests(Flaw::LosesOne, &[EXACT]).await;
    has(&told, "k: counted 3+0/");
}

#[tokio::test]
async fn what_is_refused_and_begun_all_the_same_is_found() {
    has(&requests(Flaw::RefusedIsBegun, &["limit/no-effect"]).await, "counted 3+0/3 once");
    has(&jobs(Flaw::RefusedIsBegun, &["limit/no-effect"]).await, "counted 3+0/3 once");
}

#[tokio::test]
async fn health_that_falls_when_all_slots_are_held_is_found() {
    let told = requests(Flaw::HealthWhenFull, &["limit/alive"]).await;
    assert!(told[0].starts_with("counted"), "{told:?}");
    let told = requests(Flaw::HealthSlowWhenFull, &["limit/alive"]).await;
    assert!(told[0].starts_with("counted"), "{told:?}");
}

#[tokio::test]
async fn what_is_no_such_endpoint_is_named() {
    has(&requests(Flaw::Login, &[EXACT, "limit/status"]).await, "proof 401 {\"error\":\"who are you\"}: it asks for a login");
    has(&requests(Flaw::Redirects, &[EXACT]).await, "proof 302 without a body: it sends on to /login");
    has(&requests(Flaw::Closes, &[EXACT]).await, "counted 3+0/3 once");
    has(&requests(Flaw::Anything, &[EXACT]).await, "unsure one alone takes only");
    has(&requests(Flaw::ClosesBeyond, &[EXACT]).await, "k+1: counted 3+0/3 once");
    let told = tell_of(Flaw::Anything, WORK, &JOBS.replace("post: /tasks,", "post: /work,"), &[EXACT]).await;
    has(&told, "proof 200 {}");
}

#[tokio::test]
async fn a_service_that_never_answers_is_told_within_the_patience_of_the_check() {
    let address = House::open(Flaw::Silent, 3, WORK).await;
    let cx = Context::new(Setting { patience: Duration::from_millis(200), ..setting(address) });
    let told = told(&look_in(&spec(&format!("{{ {REQUESTS} }}")), &cx, &[EXACT]).await);
    has(&told, "counted 3+0/3 once");
}

#[tokio::test]
async fn no_more_connections_are_opened_than_the_environment_allows() {
    let address = House::open(Flaw::None, 3, WORK).await;
    let kind = spec(&format!("{{ {REQUESTS} }}"));
    for (most, expected) in [(4, "unseen the environment allows 4 connections at once, and 5 are needed"), (6, "k+1: held"), (8, "2k+10: held")] {
        let exchange = Exchange::new(Options { permits: Permits::new(None, Some(most), None) });
        let cx = Context::new(Setting { exchange, ..setting(address) });
        let told = told(&look_in(&kind, &cx, &[EXACT]).await);
        has(&told, expected);
    }
}
