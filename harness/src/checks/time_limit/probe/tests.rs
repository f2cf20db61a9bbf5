//! Each way to be slow on a service of this process that keeps its times, and on one with just that flaw; side by side, since all of it is waiting.

use super::super::TimeLimit;
use crate::kind::testing::{look_in, round, setting, spec, told};
use crate::kind::{CheckKind as _, Context, Setting};
use crate::transport::{Exchange, Options, Permits};
use futures_util::future::join_all;
use house::Flaw;
use std::net::SocketAddr;
use std::time::Duration;

mod house;

const ALL: &[&str] = &["time/served", "time/slow-headers", "time/slow-body", "time/idle"];
/// 64 bytes, so that it can be dripped.
const SPEC: &str = "{ get: /health, slow-headers: 1s, idle: 2s, unused: 2s, \
                    slow-body: { post: /up, text: '0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef', after: 1s, dripping: true } }";

fn context(address: SocketAddr) -> Context {
    Context::new(Setting { patience: Duration::from_secs(2), ..setting(address) })
}

async fn tell(flaw: Flaw) -> Vec<String> {
    let address = house::open(flaw).await;
    told(&look_in(&spec::<TimeLimit>(SPEC), &context(address), ALL).await)
}

#[track_caller]
fn has(told: &[String], part: &str, flaw: Flaw) {
    assert!(told.iter().any(|t| t.contains(part)), "{flaw:?}: {part} is not in {told:#?}");
}

#[tokio::test]
async fn a_service_that_keeps_its_times_is_held_to_all_of_them() {
    let told = tell(Flaw::None).await;
    assert!(told.len() == 8 && told.iter().all(|t| t.ends_with("held")), "{told:#?}");
    let told = tell(Flaw::ClosesInSilence).await;
    assert!(told.len() == 8 && told.iter().all(|t| t.ends_with("held")), "{told:#?}");
}

#[tokio::test]
async fn each_flaw_is_found_by_its_clause_and_by_no_other() {
    let rows: &[(Flaw, &[&str])] = &[
        (Flaw::HeadNever, &["stopped: counted 3+0/3 once", "dripping: counted 3+0/3 once"]),
        (Flaw::HeadAnew, &["dripping: counted 3+0/3 once"]),
        (Flaw::BodyNever, &["stopped: counted 3+0/3 once", "dripping: counted 3+0/3 once"]),
        (Flaw::BodyAnew, &["dripping: counted 3+0/3 once"]),
        (Flaw::IdleNever, &["used: counted 3+0/3 once", "unused: counted 3+0/3 once"]),
        (Flaw::IdleHalf, &["used: counted 3+0/3 once", "unused: counted 3+0/3 once"]),
        (Flaw::AnswersAndStays, &["stopped: counted 3+0/3 once"]),
    ];
    let told = join_all(rows.iter().map(|(flaw, _)| tell(*flaw))).await;
    for ((flaw, expected), told) in rows.iter().zip(&told) {
        for part in *expected {
            has(told, part, *flaw);
        }
        let bad = told.iter().filter(|t| t.contains("counted") || t.contains("proof")).count();
        assert!(*flaw == Flaw::AnswersAndStays || bad == expected.len(), "{flaw:?}: {told:#?}");
    }
}

#[tokio::test]
async fn what_is_no_such_endpoint_is_named() {
    let rows: &[(Flaw, &[&str])] = &[
        (Flaw::Login, &["before: proof 401 {}: it asks for a login", "unseen an ordinary request is not answered"]),
        (Flaw::Redirects, &["before: proof 302 {}: it sends on to /login"]),
        (Flaw::ClosesAtOnce, &["before: counted 3+0/3 once"]),
        (Flaw::Silent, &["before: counted 3+0/3 once"]),
        (Flaw::ClosesEach, &["used: unseen it answers 200 and closes the connection"]),
        (Flaw::TakesAnything, &["stopped: unseen POST /up was answered by 200", "it takes whatever comes"]),
        (Flaw::LoginForBodies, &["stopped: unseen POST /up was answered by 401", "it asks for a login"]),
        (Flaw::FailsAfterwards, &["before: held", "after: counted 3+0/3 once"]),
    ];
    let told = join_all(rows.iter().map(|(flaw, _)| tell(*flaw))).await;
    for ((flaw, expected), told) in rows.iter().zip(&told) {
        for part in *expected {
            has(told, part, *flaw);
        }
    }
}

#[tokio::test]
async fn a_body_that_is_too_short_to_drip_is_told() {
    let address = house::open(Flaw::None).await;
    let kind = spec::<TimeLimit>("{ get: /health, slow-body: { post: /up, text: short, after: 1s, dripping: true } }");
    let told = told(&look_in(&kind, &context(address), &["time/slow-body"]).await);
    assert_eq!(told, ["stopped: held", "dripping: unseen the body has 5 bytes, and 64 are needed to be slow with it"]);
}

#[tokio::test]
async fn no_more_connections_are_held_than_the_environment_allows() {
    let (address, most) = house::open_counting().await;
    let exchange = Exchange::new(Options { permits: Permits::new(None, Some(2), None) });
    let cx = Context::new(Setting { exchange, ..setting(address) });
    let told = told(&look_in(&spec::<TimeLimit>("{ get: /health, slow-headers: 1s }"), &cx, &["time/slow-headers"]).await);
    assert!(told.iter().all(|t| t.ends_with("held")), "{told:?}");
    assert!(most.load(std::sync::atomic::Ordering::SeqCst) <= 2);
}

#[tokio::test]
async fn bytes_that_may_not_be_sent_are_no_slow_body_and_no_failure_of_this_machine() {
    // Six halves of 64 bytes, and eight more for three who need eight each; then not even those.
    for (upload, stopped) in [(200, "held"), (40, "unseen the environment's `limits.upload` was spent before POST /up")] {
        let address = house::open(Flaw::BodyAnew).await;
        let exchange = Exchange::new(Options { permits: Permits::new(None, None, Some(upload)) });
        let cx = Context::new(Setting { exchange, ..setting(address) });
        let told = told(&look_in(&spec::<TimeLimit>(SPEC), &cx, &["time/slow-body"]).await);
        assert!(told.len() == 2 && told[0].starts_with(&format!("stopped: {stopped}")), "{told:?}");
        assert!(told[1].starts_with("dripping: unseen the environment's `limits.upload` was spent before POST /up"), "{told:?}");
    }
}

#[tokio::test]
async fn what_was_seen_until_a_deadline_can_be_judged() {
    let address = house::open(Flaw::None).await;
    let kind = spec::<TimeLimit>(SPEC);
    let (cx, mut seen) = (context(address), super::Observation::default());
    let cut = tokio::time::timeout(Duration::from_millis(500), kind.probe(&round::<TimeLimit>(ALL), &cx, &mut seen)).await;
    assert!(cut.is_err());
    let told = told(&kind.judge(&seen));
    assert!(told.iter().skip(1).all(|t| t.contains("unseen the deadline came")), "{told:?}");
}
