//! What is said of servers that are bad in every way, and of machines that cannot tell.

use crate::checks::fake::{Fake, Instead, Twins};
use crate::model::{ClauseVerdict, Outcome, Verdict};
use crate::plan::Entry;
use crate::run::testing::{Heard, Reply, TestServer, edit, entry_of, plan};
use crate::run::{Options, Session};
use crate::suite::Eventually;
use std::sync::Arc;
use std::time::Duration;

fn options() -> Options {
    Options::new(std::env::temp_dir().join("allclear-tests"))
}

async fn outcome_of(server: &TestServer, entry: Entry) -> Outcome {
    let heard = Heard::default();
    let session = Session::new(Arc::new(plan(server.address, vec![entry])), options(), heard.sink());
    session.run_all().await;
    heard.outcomes().remove(0)
}

/// The verdict, and the words with which it is explained.
#[track_caller]
fn told(outcome: &Outcome) -> String {
    let why = outcome.reason.clone().or_else(|| outcome.troubles().find_map(|c| c.why.clone()));
    format!("{}{}", outcome.verdict, why.map(|w| format!(": {w}")).unwrap_or_default())
}

async fn check(reply: impl Fn(usize, &str) -> Reply + Send + Sync + 'static, fake: Fake, expected: &str) -> Outcome {
    let server = TestServer::start(reply).await;
    let outcome = outcome_of(&server, entry_of("a", fake)).await;
    assert!(told(&outcome).starts_with(expected), "{:?} does not start with {expected:?}: {outcome:#?}", told(&outcome));
    outcome
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

#[tokio::test]
async fn a_good_server_passes_at_the_first_look_and_leaves_no_observation() {
    let outcome = check(|_, _| Reply::Status(200), Fake::default(), "pass").await;
    assert_eq!((outcome.rounds, outcome.observation.is_none(), outcome.summary.as_str()), (1, true, "200"));
}

#[tokio::test]
async fn a_server_that_always_fails_resets_or_says_nothing_fails() {
    let outcome = check(|_, _| Reply::Status(503), Fake::default(), "fail").await;
    let finding = outcome.clauses[0].finding.clone().unwrap();
    assert_eq!((finding.observed.as_str(), finding.place.unwrap().line, outcome.observation.is_some()), ("503", 1, true));
    check(|_, _| Reply::Reset, Fake::default(), "fail").await;
    check(|_, _| Reply::Silence, Fake { timeout: ms(100), ..Fake::default() }, "fail").await;
}

#[tokio::test]
async fn one_bad_first_answer_is_intermittent_and_never_retried_to_green() {
    let bad_once = |n, _: &str| if n == 2 { Reply::Status(503) } else { Reply::Status(200) };
    let outcome = check(bad_once, Fake::default(), "inconclusive: intermittent (1 of 65)").await;
    assert_eq!(outcome.clauses[0].verdict, ClauseVerdict::Intermittent);
}

#[tokio::test]
async fn every_check_leaves_in_order_whatever_ended_it() {
    for instead in [None, Some(Instead::Hang), Some(Instead::Panic), Some(Instead::PanicInJudge), Some(Instead::HarnessTrouble)] {
        let left = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let count = left.clone();
        let server = TestServer::start(move |_, path| {
            count.fetch_add(usize::from(path == "/left"), std::sync::atomic::Ordering::SeqCst);
            Reply::Status(200)
        })
        .await;
        let mut entry = entry_of("a", Fake { instead, leaves: true, ..Fake::default() });
        entry.timeout = ms(500);
        outcome_of(&server, entry).await;
        assert_eq!(left.load(std::sync::atomic::Ordering::SeqCst), 1, "{instead:?}");
    }
}

#[tokio::test]
async fn what_may_not_be_repeated_fails_on_the_first_and_is_sent_once() {
    let server = TestServer::start(|_, _| Reply::Status(500)).await;
    let outcome = outcome_of(&server, entry_of("a", Fake { samples: 1, repeatable: false, ..Fake::default() })).await;
    assert!(told(&outcome).starts_with("fail: seen once, not repeated"), "{}", told(&outcome));
    assert_eq!(server.hits(), 1);
}

#[tokio::test]
async fn one_leak_is_proof() {
    let leaks = |n, _: &str| if n == 4 { Reply::Body("leak") } else { Reply::Body("fine") };
    check(leaks, Fake::default(), "fail").await;
}

#[tokio::test]
async fn too_slow_fails_and_exactly_the_limit_is_never_a_pass() {
    let fake = || Fake { within: Some(ms(60)), ..Fake::default() };
    let slow = check(|_, _| Reply::After(ms(300)), fake(), "").await;
    assert!(matches!(slow.verdict, Verdict::Fail | Verdict::Inconclusive), "{slow:#?}");
    let at_limit = check(|_, _| Reply::After(ms(60)), fake(), "").await;
    assert_ne!(at_limit.verdict, Verdict::Pass, "an answer that leaves after the limit is not within it");
    check(|_, _| Reply::Status(200), Fake { within: Some(Duration::from_secs(4)), ..Fake::default() }, "pass").await;
}

#[tokio::test]
async fn a_machine_on_which_controls_go_wrong_blames_nobody() {
    let machine = "inconclusive: this machine, not the service: ";
    check(|_, _| Reply::Status(503), Fake { control: Twins::BothBad, ..Fake::default() }, machine).await;
    check(|_, _| Reply::Status(503), Fake { control: Twins::BothGood, ..Fake::default() }, machine).await;
    check(|_, _| Reply::Status(503), Fake { control: Twins::None, ..Fake::default() }, "fail").await;
}

#[tokio::test]
async fn a_panic_is_an_error_that_says_so_and_shows_no_secret() {
    let fake = |instead| Fake { instead: Some(instead), ..Fake::default() };
    let outcome = check(|_, _| Reply::Status(200), fake(Instead::Panic), "error: the probe of `fake` panicked: as it was told").await;
    assert!(outcome.reason.unwrap().ends_with("with ***"));
    check(|_, _| Reply::Status(200), fake(Instead::PanicInJudge), "error: the judge of `fake` panicked").await;
    check(|_, _| Reply::Status(200), fake(Instead::HarnessTrouble), "error: the sample is missing").await;
}

#[tokio::test]
async fn a_probe_that_sees_nothing_does_not_pass() {
    let fake = Fake { instead: Some(Instead::SeeNothing), ..Fake::default() };
    check(|_, _| Reply::Status(200), fake, "inconclusive: it was asked for, and nothing of it was seen").await;
}

#[tokio::test]
async fn the_timeout_of_a_check_ends_it_and_what_was_seen_is_judged() {
    let server = TestServer::start(|_, _| Reply::Status(200)).await;
    let mut entry = entry_of("a", Fake { instead: Some(Instead::Hang), ..Fake::default() });
    entry.timeout = ms(50);
    let outcome = outcome_of(&server, entry).await;
    assert!(told(&outcome).starts_with("inconclusive: the deadline came before it could be judged"), "{}", told(&outcome));

    let server = TestServer::start(|n, _| if n < 3 { Reply::Status(503) } else { Reply::Silence }).await;
    let mut entry = entry_of("a", Fake { timeout: Duration::from_secs(60), ..Fake::default() });
    entry.timeout = ms(500);
    let outcome = outcome_of(&server, entry).await;
    assert_eq!(told(&outcome), "fail", "three were bad before the time was up");
}

/// A fixed stream of coin tosses: every run of the test is the same.
fn toss(n: usize, seed: u64) -> f64 {
    let mut z = (n as u64).wrapping_add(seed << 32).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
}

/// A flaw in one request of `one_in` is told (fail, or loudly intermittent) at least as often as n samples promise:
/// 1 - (1 - 1/k)^n. Held against that rate less six standard deviations of 200 runs: one wrong alarm in a thousand million.
async fn told_at_the_promised_rate(one_in: u32, samples: u32) {
    const RUNS: u32 = 200;
    let server =
        TestServer::start(
            move |n, _| if toss(n, u64::from(one_in)) < 1.0 / f64::from(one_in) { Reply::Status(503) } else { Reply::Status(200) },
        )
        .await;
    let mut not_passed = 0;
    let entries = (0..RUNS).map(|i| entry_of(&i.to_string(), Fake { samples, control: Twins::None, ..Fake::default() })).collect();
    let heard = Heard::default();
    Session::new(Arc::new(plan(server.address, entries)), options(), heard.sink()).run_all().await;
    for outcome in heard.outcomes() {
        assert!(matches!(outcome.verdict, Verdict::Pass | Verdict::Fail | Verdict::Inconclusive), "{outcome:#?}");
        not_passed += u32::from(outcome.verdict != Verdict::Pass);
    }
    let promised = 1.0 - (1.0 - 1.0 / f64::from(one_in)).powi(i32::try_from(samples).unwrap());
    let runs = f64::from(RUNS);
    let least = runs * promised - 6.0 * (runs * promised * (1.0 - promised)).sqrt();
    assert!(
        f64::from(not_passed) >= least,
        "1 in {one_in}, {samples} samples: told in {not_passed} of {RUNS}, promised {least:.0} at least"
    );
}

#[tokio::test]
async fn a_flaw_in_every_second_fifth_or_twentieth_request_is_told_at_the_promised_rate() {
    told_at_the_promised_rate(2, 5).await;
    told_at_the_promised_rate(5, 5).await;
    told_at_the_promised_rate(20, 5).await;
    told_at_the_promised_rate(20, 20).await;
}

fn eventually(within: Duration) -> Entry {
    let mut entry = entry_of("a", Fake { samples: 1, ..Fake::default() });
    edit(&mut entry).eventually = Some(Eventually { within, every: Some(ms(5)), fails_on: None });
    entry
}

#[tokio::test]
async fn eventually_passes_once_it_holds_and_tells_when() {
    let server = TestServer::start(|n, _| Reply::Status(if n < 6 { 503 } else { 200 })).await;
    let outcome = outcome_of(&server, eventually(Duration::from_secs(20))).await;
    assert_eq!((told(&outcome).as_str(), outcome.rounds, server.hits()), ("pass", 7, 7));
    assert!(outcome.summary.contains("7 polls"), "{}", outcome.summary);
    assert_eq!(outcome.measurements[0].name, "time_to_hold");
}

#[tokio::test]
async fn eventually_fails_when_it_never_holds_and_shows_the_last_three_polls() {
    let server = TestServer::start(|_, _| Reply::Status(503)).await;
    let outcome = outcome_of(&server, eventually(ms(200))).await;
    assert_eq!(told(&outcome), "fail");
    let finding = outcome.clauses[0].finding.clone().unwrap();
    assert_eq!(finding.details.iter().filter(|(label, text)| label == "last" && text.contains("503")).count(), 3, "{finding:#?}");
    assert!(finding.details.iter().any(|(label, _)| label == "since"), "{finding:#?}");
}

#[tokio::test]
async fn eventually_polls_until_the_third_bad_one_even_where_its_time_is_short() {
    let server = TestServer::start(|_, _| Reply::Status(503)).await;
    let outcome = outcome_of(&server, eventually(ms(1))).await;
    assert_eq!((told(&outcome).as_str(), server.hits()), ("fail", 3));
}

#[tokio::test]
async fn a_poll_that_hangs_is_as_bad_as_one_that_fails() {
    let hang = || Fake { samples: 1, timeout: ms(150), ..Fake::default() };
    let server = TestServer::start(|_, _| Reply::Silence).await;
    let mut entry = entry_of("a", hang());
    edit(&mut entry).consistently = Some(ms(10));
    assert_eq!((told(&outcome_of(&server, entry).await).as_str(), server.hits()), ("fail", 3));

    // Three have hung when the timeout of the check comes, in the midst of the fourth.
    let server = TestServer::start(|n, _| if n < 3 { Reply::Status(503) } else { Reply::Silence }).await;
    let mut entry = entry_of("a", Fake { timeout: Duration::from_secs(60), ..hang() });
    edit(&mut entry).eventually = Some(Eventually { within: ms(1), every: Some(ms(100)), fails_on: None });
    entry.timeout = ms(1500);
    assert_eq!(told(&outcome_of(&server, entry).await), "fail");
}

#[tokio::test]
async fn a_deadline_before_the_promised_time_breaks_nothing_and_proves_nothing() {
    let server = TestServer::start(|_, _| Reply::Status(503)).await;
    let mut entry = eventually(Duration::from_secs(20));
    entry.timeout = ms(300);
    let outcome = outcome_of(&server, entry).await;
    let told_so = told(&outcome);
    assert!(told_so.starts_with("inconclusive: the deadline came after "), "{told_so}");
    assert!(told_so.contains(" of the 20.00 s that it may take; last seen at +") && told_so.ends_with(": 503"), "{told_so}");

    let server = TestServer::start(|_, _| Reply::Status(200)).await;
    let mut entry = entry_of("a", Fake { samples: 1, ..Fake::default() });
    edit(&mut entry).consistently = Some(Duration::from_secs(20));
    entry.timeout = ms(300);
    let outcome = outcome_of(&server, entry).await;
    assert!(told(&outcome).starts_with("inconclusive: the deadline came before it could be judged"), "{}", told(&outcome));
}

/// What stands in a suite, read as the suites are.
fn written<T: serde::de::DeserializeOwned>(yaml: &str) -> T {
    let source = crate::reader::open("t.suite.yaml", yaml.as_bytes()).unwrap_or_else(|p| panic!("{p:?}"));
    let document = crate::reader::parse(&source).unwrap_or_else(|p| panic!("{p:?}"));
    crate::reader::read(&source, &document.root, "").unwrap_or_else(|p| panic!("{p:?}"))
}

fn http(yaml: &str, fails_on: Option<&str>) -> Entry {
    let mut entry = entry_of("a", Fake::default());
    let check = edit(&mut entry);
    check.kind = crate::checks::Kind::Http(Box::new(written(yaml)));
    check.eventually = Some(Eventually { within: Duration::from_secs(20), every: Some(ms(5)), fails_on: fails_on.map(written) });
    entry.asked = vec![crate::kind::Asked { clause: crate::model::ClauseId("http/json"), ..entry.asked.remove(0) }];
    entry
}

#[tokio::test]
async fn fails_on_ends_a_poll_at_once_and_only_in_its_own_state() {
    let states = |n: usize, _: &str| Reply::Body(if n < 4 { r#"{"state":"running"}"# } else { r#"{"state":"failed"}"# });
    let wants_done = "{ get: /a, expect: { json: { $.state: done } } }";
    let server = TestServer::start(states).await;
    let outcome = outcome_of(&server, http(wants_done, Some("json: { $.state: failed }"))).await;
    assert_eq!((outcome.verdict, server.hits()), (Verdict::Fail, 5), "{outcome:#?}");
    let finding = outcome.clauses[0].finding.clone().unwrap();
    assert!(finding.details.iter().any(|(label, text)| label == "fails-on" && text.starts_with("met at +")), "{finding:#?}");

    let ends_well = |n: usize, _: &str| Reply::Body(if n < 4 { r#"{"state":"running"}"# } else { r#"{"state":"done"}"# });
    let server = TestServer::start(ends_well).await;
    let outcome = outcome_of(&server, http(wants_done, Some("json: { $.state: failed }"))).await;
    assert_eq!((outcome.verdict, server.hits()), (Verdict::Pass, 5), "{outcome:#?}");
}

#[tokio::test]
async fn consistently_passes_fails_at_the_third_bad_poll_and_tells_two_as_intermittent() {
    let consistently = |span| {
        let mut entry = entry_of("a", Fake { samples: 1, ..Fake::default() });
        edit(&mut entry).consistently = Some(span);
        entry
    };
    let server = TestServer::start(|_, _| Reply::Status(200)).await;
    assert_eq!(told(&outcome_of(&server, consistently(ms(300))).await), "pass");
    let server = TestServer::start(|n, _| Reply::Status(if n == 1 { 503 } else { 200 })).await;
    let outcome = outcome_of(&server, consistently(ms(300))).await;
    assert!(told(&outcome).starts_with("inconclusive: intermittent (1 of "), "{}", told(&outcome));
    let server = TestServer::start(|n, _| Reply::Status(if n > 2 { 503 } else { 200 })).await;
    assert_eq!(told(&outcome_of(&server, consistently(Duration::from_secs(20))).await), "fail");
    assert_eq!(server.hits(), 6, "the third bad poll ends it");
}

#[tokio::test]
async fn intermittent_is_advisory_where_the_environment_says_so() {
    let server = TestServer::start(|n, _| Reply::Status(if n == 1 { 503 } else { 200 })).await;
    let mut plan = plan(server.address, vec![entry_of("a", Fake::default())]);
    plan.intermittent_is_advisory = true;
    let heard = Heard::default();
    Session::new(Arc::new(plan), options(), heard.sink()).run_all().await;
    assert_eq!(heard.outcomes()[0].severity, crate::model::Severity::Advisory);
}
