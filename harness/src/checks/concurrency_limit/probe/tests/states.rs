//! Jobs whose fate or state is not told as it should be, and what may be said of the limit then.

use super::house::{Flaw, House};
use super::{EXACT, JOBS, REQUESTS, WORK, all_have, all_held, has, jobs, requests, spec, tell_of};
use crate::kind::testing::{look_in, setting, told};
use crate::kind::{Context, Setting};
use crate::transport::{Exchange, Options, Permits};
use futures_util::future::join_all;

fn cancelled() -> String {
    format!("{JOBS}, cancel: {{ delete: '/tasks/${{id}}' }}")
}

#[tokio::test]
async fn a_service_that_accepts_nothing_after_the_first_waves_is_broken_and_not_a_panic() {
    has(&tell_of(Flaw::RefusesInTheEnd, WORK, &cancelled(), &[EXACT]).await, "k+1: counted 3+0/3 once");
}

#[tokio::test]
async fn a_job_without_an_id_is_one_bad_wave_and_no_reason_for_another() {
    let told = jobs(Flaw::ForgetsAnId, &[EXACT]).await;
    // Its job holds a slot for a while, and no other wave is bad for that.
    has(&told, "k: unsure intermittent: 1 of");
}

#[tokio::test]
async fn a_look_that_failed_is_repeated_and_whoever_has_ended_is_not_asked_for_again() {
    const ALL: &[&str] = &[EXACT, "limit/status", "limit/returns"];
    for told in join_all([jobs(Flaw::Blinks, ALL), jobs(Flaw::ForgetsWhatEnded, ALL)]).await {
        all_held(&told);
    }
}

#[tokio::test]
async fn jobs_that_wait_in_a_state_of_their_own_hold_no_slot() {
    let queue = JOBS.replace("refused: 429, ", "").replace("done:", "waiting: [queued], done:");
    let told = [Flaw::QueuesJobs, Flaw::QueuesJobsHigh, Flaw::QueuesJobsLow].map(|flaw| tell_of(flaw, WORK, &queue, &[EXACT]));
    let told = join_all(told).await;
    all_held(&told[0]);
    assert_eq!(told[0].len(), 4, "{told:?}");
    has(&told[1], "k+1: counted 3+0/3 once");
    has(&told[2], "k: counted 3+0/3 once");
    // Where a refusal is declared, waiting is none.
    let refused = JOBS.replace("done:", "waiting: [queued], done:");
    has(&tell_of(Flaw::QueuesJobs, WORK, &refused, &["limit/status"]).await, "counted");
}

#[tokio::test]
async fn several_submissions_that_are_one_job_prove_nothing() {
    has(
        &jobs(Flaw::OneId, &[EXACT]).await,
        "k: unsure in 5 waves it was never certain that all met: 3 submissions were answered by the same id",
    );
}

#[tokio::test]
async fn a_slot_that_was_missing_in_the_first_wave_is_told() {
    let told = requests(Flaw::Grows, &[EXACT]).await;
    has(&told, "k: unsure intermittent: 1 of 4 waves: in the first of them, 3 sent: 2 admitted at once, 1 refused");
    has(&told, "2k+10: held");
}

#[tokio::test]
async fn what_is_refused_and_begun_later_is_found() {
    has(&jobs(Flaw::BeginsLater, &["limit/no-effect"]).await, "counted 3+0/3 once");
}

#[tokio::test]
async fn work_that_goes_on_for_callers_who_have_gone_is_not_held_against_the_next_case() {
    let told = requests(Flaw::QueuesBlindly, &["limit/returns"]).await;
    has(&told, "failure: held");
    has(&told, "abort: held");
}

#[tokio::test]
async fn what_the_environment_does_not_allow_is_not_judged_and_no_trouble() {
    let sample = REQUESTS.replace("work-ms: 400", &format!("work-ms: 400, pad: {}", "x".repeat(1000)));
    let three = format!("{REQUESTS}, replicas: {{ count: 3 }}");
    let rows = [
        (None, Some(500), &sample, "unseen of the bytes that the environment allows to be uploaded 500B are left, and "),
        (None, Some(5000), &sample, "k: unseen of the bytes"),
        (None, Some(20_000), &sample, "k: held"),
        (None, Some(20_000), &sample, "2k+10: unseen of the bytes"),
        (Some(7), None, &three, "that one more is not cannot be shown: the environment allows 7 connections at once, and 12 are needed"),
    ];
    let told = rows.map(|(connections, upload, text, _)| async move {
        let address = House::open(Flaw::None, 3, WORK).await;
        let exchange = Exchange::new(Options { permits: Permits::new(None, connections, upload) });
        let cx = Context::new(Setting { exchange, ..setting(address) });
        told(&look_in(&spec(&format!("{{ {text} }}")), &cx, &[EXACT, "limit/retry-after", "limit/returns"]).await)
    });
    for ((_, _, _, expected), told) in rows.iter().zip(join_all(told).await) {
        has(&told, expected);
    }
    // One after the other is asked for with what is left of it.
    all_have(&[(Flaw::None, REQUESTS, &[EXACT], &["2k+10: held"])]).await;
}
