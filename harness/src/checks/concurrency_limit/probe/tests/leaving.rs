//! What is left behind, and told, when a check does not come to its end.

use super::super::super::ConcurrencyLimit;
use super::super::super::look::Observation;
use super::house::{Flaw, House};
use super::{EXACT, JOBS, spec};
use crate::kind::testing::{Reply, context, round, serve};
use crate::kind::{CheckKind as _, Context};
use crate::transport::{Outgoing, Wishes};
use std::time::Duration;

/// So long that no job ends by itself while a test looks at it.
const LONG: Duration = Duration::from_secs(60);

/// Waits until the service says that so many jobs run.
async fn until_running(cx: &Context, wanted: usize) {
    let endpoint = &cx.target().endpoint;
    let asking = Outgoing::get(endpoint.url.join("/running").expect("a path joins every URL"));
    for _ in 0..600 {
        let answer = cx.exchange().send(endpoint, &asking, &Wishes { fresh: true, ..Wishes::default() }).await;
        if answer.is_ok_and(|answer| answer.body == format!(r#"{{"count":{wanted}}}"#).as_bytes()) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{wanted} jobs were never seen to run");
}

/// A check that is cut off while its first job runs, and has left.
async fn cut(flaw: Flaw, text: &str) -> (Context, ConcurrencyLimit, Observation) {
    let cx = context(House::open(flaw, 3, LONG).await);
    let kind = spec(&format!("{{ {text} }}"));
    let mut seen = Observation::default();
    let probing = round::<ConcurrencyLimit>(&[EXACT]);
    tokio::select! {
        _ = kind.probe(&probing, &cx, &mut seen) => panic!("a job of a minute does not end"),
        () = async { until_running(&cx, 1).await; tokio::time::sleep(Duration::from_millis(300)).await } => {}
    }
    kind.leave(&cx, &mut seen).await;
    (cx, kind, seen)
}

#[tokio::test]
async fn a_job_that_goes_on_when_the_check_is_cut_off_is_ended_by_request() {
    let cancelled = format!("{JOBS}, cancel: {{ delete: '/tasks/${{id}}' }}");
    for flaw in [Flaw::None, Flaw::Blinks] {
        let (cx, kind, seen) = cut(flaw, &cancelled).await;
        assert!(seen.jobs.accepted == 1 && seen.jobs.open.is_empty() && kind.advises(&seen).is_empty(), "{:?}", seen.jobs);
        until_running(&cx, 0).await;
    }
}

#[tokio::test]
async fn a_job_that_nobody_can_end_is_named() {
    let (_, kind, seen) = cut(Flaw::None, JOBS).await;
    let told: Vec<String> = kind.advises(&seen).into_iter().map(|advice| advice.what).collect();
    assert_eq!(told, ["jobs that this check began and that may go on: 1 (0)"]);
}

#[tokio::test]
async fn a_submission_that_was_never_answered_is_told() {
    let cx = context(serve(|_, _| Reply::Silence).await);
    let kind = spec(&format!("{{ {JOBS} }}"));
    let mut seen = Observation::default();
    let probing = round::<ConcurrencyLimit>(&[EXACT]);
    let cut = tokio::time::timeout(Duration::from_millis(500), kind.probe(&probing, &cx, &mut seen)).await;
    assert!(cut.is_err(), "nothing is answered");
    kind.leave(&cx, &mut seen).await;
    let told = kind.advises(&seen);
    assert!(told.len() == 1 && told[0].what.starts_with("submissions that were never answered, or by no id: 1;"), "{told:?}");
}
