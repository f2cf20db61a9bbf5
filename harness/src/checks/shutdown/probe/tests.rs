//! The whole of it against a service of this process that ends well, and against one with just one flaw.

use crate::checks::shutdown::{Observation, Shutdown};
use crate::kind::CheckKind as _;
use crate::kind::testing::{round, spec, told};
use stand::{Flaw, Service};

mod stand;

const ALL: &[&str] = &["shutdown/leaves-first", "shutdown/finishes", "shutdown/exits", "shutdown/restarts"];
const SPEC: &str = "{ load: { get: /slow, concurrency: 3 }, upload: { post: /upload, text: twenty bytes of text }, ready: { get: /ready }, within: 3s, \
                    idle: 2, restarts-within: 2s }";

async fn look(yaml: &str, flaw: Flaw) -> (Vec<String>, String) {
    let service = Service::start(flaw).await;
    let kind = spec::<Shutdown>(yaml);
    let mut seen = Observation::default();
    kind.probe(&round::<Shutdown>(ALL), &service.context(), &mut seen).await.expect("the harness itself does not fail");
    let text = serde_json::to_string(&seen).expect("an observation is JSON");
    assert!(serde_json::from_str::<Observation>(&text).is_ok(), "an observation can be read back");
    (told(&kind.judge(&seen)), kind.tell(&seen).summary)
}

#[track_caller]
fn only(told: &[String], broken: &str) {
    let others: Vec<_> = told.iter().filter(|t| !t.ends_with("held")).collect();
    assert!(others.len() == 1 && others[0].starts_with(broken), "{broken} is not all in {told:?}");
}

/// The clauses come in the order of their names: `exits`, `finishes` (load, upload), `leaves-first`, `restarts`.
#[tokio::test]
async fn a_service_that_ends_well_holds_every_clause() {
    let (told, summary) = look(SPEC, Flaw::None).await;
    assert_eq!(told, ["held", "load: held", "upload: held", "held", "held"]);
    assert!(summary.starts_with("4 of 4 in flight finished, exit code 0 after "), "{summary}");
    assert_eq!(look(SPEC, Flaw::BySignal(15)).await.0[0], "held");
}

#[tokio::test]
async fn a_listener_that_closes_while_it_is_ready_is_caught() {
    only(&look(SPEC, Flaw::ClosesFirst).await.0, "counted 1+0/1 once");
}

#[tokio::test]
async fn requests_that_are_cut_off_are_caught() {
    let (told, summary) = look(SPEC, Flaw::Cuts).await;
    assert_eq!(&told[1..3], ["load: counted 3+0/3 once", "upload: counted 1+0/1 once"]);
    assert!(summary.starts_with("0 of 4 in flight finished"), "{summary}");
    only(&look(SPEC, Flaw::CutsUploads).await.0, "upload: counted 1+0/1 once");
}

const STREAMS: &str = "{ load: { get: /slow, concurrency: 1 }, streams: { get: /events, count: 2 }, within: 3s, idle: 0 }";
const FINISHES: &[&str] = &["shutdown/finishes"];

/// What is said of the streams.
async fn streams(yaml: &str, flaw: Flaw) -> String {
    let service = Service::start(flaw).await;
    let kind = spec::<Shutdown>(yaml);
    let mut seen = Observation::default();
    kind.probe(&round::<Shutdown>(FINISHES), &service.context(), &mut seen).await.expect("the harness itself does not fail");
    told(&kind.judge(&seen)).into_iter().find(|t| t.starts_with("stream: ")).expect("streams are asked for")
}

#[tokio::test]
async fn a_stream_ends_behind_an_event_or_is_caught() {
    assert_eq!(streams(STREAMS, Flaw::None).await, "stream: held");
    let split = streams(STREAMS, Flaw::SplitsEvents).await;
    assert!(split.starts_with("stream: proof it ends inside the event at byte ") && split.contains("data: on a\""), "{split}");
    assert_eq!(streams(STREAMS, Flaw::CutsStreams).await, "stream: counted 2+0/2 once");
}

#[tokio::test]
async fn a_stream_that_did_not_open_or_was_cut_by_us_proves_nothing() {
    let shut = streams(&STREAMS.replace("/events", "/ready"), Flaw::NeverReady).await;
    assert!(shut.starts_with("stream: unseen every request had ended before the signal (503"), "{shut}");
    let killed = streams(&STREAMS.replace("3s", "500ms"), Flaw::NeverEnds).await;
    assert!(killed.starts_with("stream: held") || killed.starts_with("stream: unseen they were open until it was killed"), "{killed}");
}

#[tokio::test]
async fn a_wrong_end_is_proof_and_sigterm_s_own_is_fine() {
    only(&look(SPEC, Flaw::Code(1)).await.0, "proof exit code 1 after ");
    only(&look(SPEC, Flaw::BySignal(9)).await.0, "proof ended by signal 9 (137) after ");
    assert_eq!(look(SPEC, Flaw::Code(143)).await.0[0], "held");
    only(&look(&SPEC.replace("idle: 2", "idle: 2, exit: 7"), Flaw::None).await.0, "proof exit code 0 after ");
}

#[tokio::test]
async fn a_service_that_does_not_end_is_broken_once_the_grace_is_over() {
    let yaml = SPEC.replace("3s", "1500ms");
    let (told, summary) = look(&yaml, Flaw::NeverEnds).await;
    assert_eq!((told[0].as_str(), told[4].as_str()), ("counted 1+0/1 once", "unseen it did not end, so it was not started again"));
    assert!(summary.contains("still running after"), "{summary}");
    assert_eq!(look(&yaml, Flaw::WaitsForIdle).await.0[0], "counted 1+0/1 once");
}

#[tokio::test]
async fn a_service_that_does_not_come_back_is_caught() {
    let yaml = SPEC.replace("restarts-within: 2s", "restarts-within: 200ms");
    only(&look(&yaml, Flaw::NeverBindsAgain).await.0, "counted 1+0/1 once");
    only(&look(&yaml, Flaw::CannotStart).await.0, "unsure it was not started again: its executable is gone");
}

#[tokio::test]
async fn requests_that_had_ended_before_the_signal_prove_nothing() {
    let (told, _) = look(&SPEC.replace("/slow", "/quick"), Flaw::None).await;
    assert!(told[1].starts_with("load: unseen every request had ended before the signal (200 {} in "), "{told:?}");
}
