//! Each experiment on a service of this process that is good, and on one with just that flaw.

use super::super::ConcurrencyLimit;
use crate::kind::testing::{context, look, look_in, round, setting, told};
use crate::kind::{CheckKind as _, Context, Setting};
use crate::model::{Rate, Source};
use crate::reader::{Resolver, Value, expand, parse, read};
use crate::transport::{Exchange, Options, Permits};
use house::{Flaw, House};
use std::sync::Arc;
use std::time::Duration;

mod beyond;
mod cancelling;
mod front;
mod house;
mod leaving;
mod returning;
mod slower;
mod states;

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

/// Each flaw with a service of its own, all side by side: their time is spent waiting. Every line is to be among what is told.
async fn all_have(rows: &[(Flaw, &str, &[&str], &[&str])]) {
    let told = rows.iter().map(|(flaw, spec, clauses, _)| tell_of(*flaw, WORK, spec, clauses));
    for ((flaw, _, _, parts), told) in rows.iter().zip(futures_util::future::join_all(told).await) {
        for part in *parts {
            assert!(told.iter().any(|t| t.contains(part)), "{flaw:?}: {part} is not in {told:#?}");
        }
    }
}

#[tokio::test]
async fn a_limit_that_is_not_where_it_should_be_is_told_with_where_it_is() {
    all_have(&[
        (Flaw::Absent, REQUESTS, &[EXACT], &["k: held", "k+1: counted 3+0/3 once"]),
        (Flaw::OffByOneLow, REQUESTS, &[EXACT], &["k: counted 3+0/3 once"]),
        (Flaw::OffByOneHigh, REQUESTS, &[EXACT], &["k+1: counted 3+0/3 once"]),
        (Flaw::Twice, REQUESTS, &[EXACT], &["k+1: counted 3+0/3 once", "2k+10: counted 3+0/3 once"]),
        (Flaw::OffByOneLow, JOBS, &[EXACT], &["k: counted 3+0/3 once"]),
        (Flaw::OffByOneHigh, JOBS, &[EXACT], &["k+1: counted 3+0/3 once"]),
        // Once every slot was held, one is lost.
        (Flaw::LosesOne, REQUESTS, &[EXACT], &["k: counted 3+0/"]),
    ])
    .await;
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
async fn several_processes_have_the_limit_each_and_are_told_apart_by_their_names() {
    let pair = "post: /work, json: { work-ms: 400 }, limit: 3, refused: 429, replicas: { count: 2 }";
    let apart = "post: /work, json: { work-ms: 400 }, limit: 3, refused: 429, replicas: { count: 2, header: X-Instance-Id }";
    all_have(&[
        (Flaw::Pair, pair, &[EXACT], &["k: held", "k+1: held", "2k+10: held"]),
        (Flaw::Pair, apart, &[EXACT], &["k: held", "k+1: held", "2k+10: held"]),
        (Flaw::Absent, pair, &[EXACT], &["2k+10: counted 3+0/3 once"]),
        // Six in all, as promised, but one of the two takes more than its three.
        (Flaw::UnevenPair, pair, &[EXACT], &["2k+10: held"]),
        (Flaw::UnevenPair, apart, &[EXACT], &["2k+10: counted 3+0/3 once"]),
    ])
    .await;
}

#[tokio::test]
async fn refusals_have_their_status_and_come_at_once() {
    all_have(&[
        (Flaw::Status503, REQUESTS, &[EXACT, "limit/status"], &["k+1: held", "counted "]),
        (Flaw::Queues, REQUESTS, &[EXACT, "limit/status"], &["k+1: held", "2k+10: held", "counted "]),
        (Flaw::RefusesLate, REQUESTS, &[EXACT, "limit/status"], &["k+1: held", "2k+10: held", "counted "]),
    ])
    .await;
}

#[tokio::test]
async fn a_wait_in_place_of_a_refusal_is_fine_where_no_status_is_declared() {
    let told = tell_of(Flaw::Queues, WORK, "post: /work, limit: 3", &[EXACT]).await;
    all_held(&told);
}

#[tokio::test]
async fn a_refusal_that_lies_about_when_to_come_again_is_found() {
    const CLAUSE: &[&str] = &["limit/retry-after"];
    all_have(&[
        (Flaw::RetryAbsent, REQUESTS, CLAUSE, &["header: proof no Retry-After, in "]),
        (Flaw::RetryZero, REQUESTS, CLAUSE, &["header: proof Retry-After: 0, in "]),
        (Flaw::RetryLong, REQUESTS, CLAUSE, &["honest: counted 3+0/3 once"]),
        (Flaw::RetryLong, JOBS, CLAUSE, &["honest: counted 3+0/3 once"]),
    ])
    .await;
}

#[tokio::test]
async fn a_refusal_that_tells_too_little_is_found() {
    let cancelled = format!("{JOBS}, cancel: {{ delete: '/tasks/${{id}}' }}");
    let long = Duration::from_millis(1800);
    for told in [
        tell_of(Flaw::RetryShort, long, REQUESTS, &["limit/retry-after"]),
        tell_of(Flaw::RetryShort, long, &cancelled, &["limit/retry-after"]),
    ] {
        let told = told.await;
        has(&told, "header: held");
        has(&told, "honest: counted 3+0/3 once");
    }
}

#[tokio::test]
async fn a_slot_that_does_not_come_back_is_found() {
    const CLAUSE: &[&str] = &["limit/returns"];
    all_have(&[
        (Flaw::LeakOnAbort, REQUESTS, CLAUSE, &["success: held", "failure: held", "abort: counted 3+0/3 once"]),
        (Flaw::LeakOnFailure, REQUESTS, CLAUSE, &["success: held", "failure: counted 3+0/3 once"]),
        (Flaw::LeakOnFailure, JOBS, CLAUSE, &["success: held", "failure: counted 3+0/3 once"]),
    ])
    .await;
}

#[tokio::test]
async fn what_is_refused_and_begun_all_the_same_is_found() {
    const CLAUSE: &[&str] = &["limit/no-effect"];
    let found: &[&str] = &["counted 3+0/3 once"];
    all_have(&[(Flaw::RefusedIsBegun, REQUESTS, CLAUSE, found), (Flaw::RefusedIsBegun, JOBS, CLAUSE, found)]).await;
}

#[tokio::test]
async fn health_that_falls_when_all_slots_are_held_is_found() {
    const CLAUSE: &[&str] = &["limit/alive"];
    all_have(&[(Flaw::HealthWhenFull, REQUESTS, CLAUSE, &["counted"]), (Flaw::HealthSlowWhenFull, REQUESTS, CLAUSE, &["counted"])]).await;
}

#[tokio::test]
async fn what_is_no_such_endpoint_is_named() {
    let jobs_of_anything = JOBS.replace("post: /tasks,", "post: /work,");
    all_have(&[
        (
            Flaw::Login,
            REQUESTS,
            &[EXACT, "limit/status"],
            &["proof 401 {\"error\":\"who are you\"}: it asks for a login", "not even one alone was served"],
        ),
        (Flaw::Redirects, REQUESTS, &[EXACT], &["proof 302 without a body: it sends on to /login"]),
        (Flaw::Closes, REQUESTS, &[EXACT], &["counted 3+0/3 once"]),
        (Flaw::Anything, REQUESTS, &[EXACT], &["unsure one alone takes only"]),
        (Flaw::Anything, &jobs_of_anything, &[EXACT], &["proof 200 {}"]),
        (Flaw::ClosesBeyond, REQUESTS, &[EXACT], &["k+1: counted 3+0/3 once"]),
    ])
    .await;
}

#[tokio::test]
async fn slots_are_counted_over_http_2_as_well_one_request_a_connection() {
    const CLAUSES: &[&str] = &[EXACT, "limit/status", "limit/returns"];
    let text =
        "{ post: /work, http: 2, json: { work-ms: 400 }, limit: 3, refused: 429, fails: { post: /work, http: 2, json: { fail: true } } }";
    let told = [Flaw::None, Flaw::OffByOneHigh, Flaw::LeakOnAbort].map(|flaw| async move {
        let address = front::open(House::open(flaw, 3, WORK).await).await;
        told(&look(&spec(text), address, CLAUSES).await)
    });
    let [good, high, leaks] = futures_util::future::join_all(told).await.try_into().expect("three");
    all_held(&good);
    has(&high, "k+1: counted 3+0/3 once");
    has(&leaks, "abort: counted 3+0/3 once");
}

#[tokio::test]
async fn answers_that_hold_no_slot_prove_nothing() {
    // Three are worked on and remembered; from then on the answer is there at once.
    let told = requests(Flaw::Remembers, &[EXACT]).await;
    has(&told, "k: unsure in 5 waves it was never certain that all met: the first was served after");
}

#[tokio::test]
async fn a_service_that_must_warm_up_is_judged_once_it_is_warm() {
    all_held(&requests(Flaw::WarmsUp, &[EXACT]).await);
}

#[tokio::test]
async fn a_service_that_never_answers_is_told_within_the_patience_of_the_check() {
    let address = House::open(Flaw::Silent, 3, WORK).await;
    let cx = Context::new(Setting { patience: Duration::from_millis(200), ..setting(address) });
    let told = told(&look_in(&spec(&format!("{{ {REQUESTS} }}")), &cx, &[EXACT]).await);
    // It may be work that takes longer than that.
    has(&told, "unsure one alone had no answer in 2");
}

#[tokio::test]
async fn no_more_connections_are_opened_than_the_environment_allows() {
    let kind = &spec(&format!("{{ {REQUESTS} }}"));
    let rows = [(4, "unseen the environment allows 4 connections at once, and 5 are needed"), (6, "k+1: held"), (8, "2k+10: held")];
    let told = rows.map(|(most, _)| async move {
        let address = House::open(Flaw::None, 3, WORK).await;
        let exchange = Exchange::new(Options { permits: Permits::new(None, Some(most), None) });
        told(&look_in(kind, &Context::new(Setting { exchange, ..setting(address) }), &[EXACT]).await)
    });
    for ((_, expected), told) in rows.iter().zip(futures_util::future::join_all(told).await) {
        has(&told, expected);
    }
}

#[tokio::test]
async fn jobs_are_ended_by_request_as_soon_as_they_have_served() {
    const ALL: &[&str] = &[EXACT, "limit/status", "limit/retry-after", "limit/returns", "limit/no-effect", "limit/alive"];
    let cancelled = format!("{JOBS}, cancel: {{ delete: '/tasks/${{id}}' }}");
    all_held(&tell_of(Flaw::None, WORK, &cancelled, ALL).await);
    // It says 202, and the slot comes back when the state says so.
    all_held(&tell_of(Flaw::EndsSlowly, WORK, &cancelled, &[EXACT]).await);
    let told = tell_of(Flaw::FreesTogether, WORK * 4, &cancelled, &[EXACT]).await;
    for part in ["k: held", "k+1: held", "2k+10: held", "next: counted "] {
        has(&told, part);
    }
}

#[tokio::test]
async fn what_one_burst_does_not_show_is_found() {
    all_have(&[
        // Who only limits how often work begins takes one more half-way.
        (Flaw::LimitsStarts, REQUESTS, &[EXACT], &["k: held", "k+1: counted 3+0/4 once"]),
        // A queue that never answers is none.
        (Flaw::HangsBeyond, "post: /work, limit: 3", &[EXACT], &["k: held", "k+1: counted 3+0/3 once"]),
        (Flaw::CutsTheFirst, REQUESTS, &[EXACT], &["k: held", "alone: unsure intermittent: 2 of 5 sent alone were not served: "]),
        (Flaw::LeakOnRefusal, REQUESTS, &["limit/returns"], &["success: counted 3+0/3 once"]),
    ])
    .await;
}

#[tokio::test]
async fn each_edge_above_the_limit_is_looked_at_three_times() {
    let address = House::open(Flaw::None, 3, WORK).await;
    let mut seen = super::Observation::default();
    let clauses = [EXACT, "limit/retry-after"];
    let kind = spec(&format!("{{ {REQUESTS} }}"));
    kind.probe(&round::<ConcurrencyLimit>(&clauses), &context(address), &mut seen).await.unwrap();
    let later = seen.trials["k+1"].waves.iter().filter(|wave| wave.is_good() && wave.half_way.is_some()).count();
    assert!(later >= 3 && seen.trials["k+1"].good() >= 6 && seen.trials["2k+10"].good() >= 3, "{:?}", seen.trials);
    assert!(seen.honest.tries.len() >= 2, "{:?}", seen.honest);
}

#[tokio::test]
async fn what_is_cut_off_while_it_is_held_is_no_refusal_and_no_fault() {
    let told = [(Flaw::Impatient, 8), (Flaw::ImpatientAbsent, 2)].map(|(flaw, per_second)| async move {
        let address = House::open(flaw, 3, WORK).await;
        let rate = Rate { count: per_second, per: Duration::from_secs(1) };
        let exchange = Exchange::new(Options { permits: Permits::new(Some(rate), None, None) });
        told(
            &look_in(
                &spec("{ post: /work, json: { work-ms: 400 }, limit: 3 }"),
                &Context::new(Setting { exchange, ..setting(address) }),
                &[EXACT],
            )
            .await,
        )
    });
    let [good, absent] = futures_util::future::join_all(told).await.try_into().expect("two");
    // The largest wave is, and on a busy machine a smaller one may be, held longer than this service waits.
    assert!(good.iter().any(|t| t.contains("it was never certain that all met: the service gave ")), "{good:?}");
    assert!(!good.iter().any(|t| t.contains("proof ") || t.contains("counted ")), "{good:?}");
    // As many as the limit may be held for so long, and one more may not.
    assert!(!absent.iter().any(|t| t.starts_with("k+1: held")), "{absent:?}");
}

#[tokio::test]
async fn slots_are_told_by_the_first_byte_of_answers_that_come_one_after_the_other() {
    let address = House::open(Flaw::OneLine, 8, WORK * 2).await;
    let told = told(&look(&spec("{ post: /work, limit: 8, refused: 429 }"), address, &[EXACT]).await);
    all_held(&told);
}

#[tokio::test]
async fn a_failure_that_takes_no_slot_proves_nothing() {
    let fails = "fails: { post: /work, json: { fail: true } }";
    let other = REQUESTS.replace(fails, "fails: { get: /nothing }");
    let of_jobs = JOBS.replace("fails: { post: /tasks, json: { fail: true } }", "fails: { get: /nothing }");
    assert!(other != REQUESTS && of_jobs != JOBS);
    all_have(&[
        (
            Flaw::None,
            &other,
            &["limit/returns"],
            &["success: held", "failure: unseen the request of `fails` is none that takes a slot: 404"],
        ),
        (Flaw::None, &of_jobs, &["limit/returns"], &["failure: unseen the request of `fails` began no job: 404"]),
    ])
    .await;
}
