//! Each experiment on a service of this process that is good, and on one with just that flaw; side by side, since most of it is waiting.

use super::super::RateLimit;
use super::super::spec::Windows;
use crate::kind::testing::{look_in, round, setting, spec, told};
use crate::kind::{CheckKind as _, Context, Setting};
use crate::model::Rate;
use crate::transport::{Exchange, Options, Permits};
use futures_util::future::join_all;
use house::Flaw;
use std::net::SocketAddr;
use std::time::Duration;

mod house;

const ALL: &[&str] = &["rate/quota", "rate/retry-after", "rate/fields", "rate/edge", "rate/key"];
const QUOTA: usize = 4;
/// Long enough for a burst on a busy machine.
const WINDOW: Duration = Duration::from_millis(700);
const SPEC: &str = "{ get: /limited, quota: 4, window: 700ms, fields: [ratelimit, x-ratelimit] }";

fn context(address: SocketAddr) -> Context {
    Context::new(Setting { patience: Duration::from_secs(2), ..setting(address) })
}

async fn tell(flaw: Flaw, windows: Windows, window: Duration, text: &str, clauses: &[&str]) -> Vec<String> {
    let address = house::open(flaw, windows, QUOTA, window).await;
    told(&look_in(&spec::<RateLimit>(text), &context(address), clauses).await)
}

/// Whether one of the readings says so.
#[track_caller]
fn has(told: &[String], part: &str, of: impl std::fmt::Debug) {
    assert!(told.iter().any(|t| t.contains(part)), "{of:?}: {part} is not in {told:#?}");
}

#[tokio::test]
async fn a_service_that_keeps_its_rate_is_held_to_all_of_it() {
    let sliding = tell(Flaw::None, Windows::Sliding, WINDOW, SPEC, ALL);
    let fixed = SPEC.replace("window: 700ms", "window: 700ms, windows: fixed");
    let refill = SPEC.replace("window: 700ms", "window: 700ms, windows: refill");
    let but_edge = ["rate/quota", "rate/retry-after", "rate/fields", "rate/key"];
    let fixed = tell(Flaw::None, Windows::Fixed, WINDOW, &fixed, &but_edge);
    let refill = tell(Flaw::None, Windows::Refill, WINDOW, &refill, ALL);
    // A window of the clock that was full counts on into the next one, so that its length tells no caller when to come again.
    let weighted = SPEC.replace("window: 700ms", "window: 700ms, windows: weighted");
    let but_again = ["rate/quota", "rate/fields", "rate/edge", "rate/key"];
    let weighted = tell(Flaw::None, Windows::Weighted, WINDOW, &weighted, &but_again);
    let (sliding, fixed, refill, weighted) = futures_util::join!(sliding, fixed, refill, weighted);
    let all = 3 + 2 + 2 + 1 + 3;
    for (told, count) in [(&sliding, all), (&fixed, all - 1), (&refill, all), (&weighted, all - 2)] {
        assert!(told.len() == count && told.iter().all(|t| t.ends_with("held")), "{told:#?}");
    }
}

#[tokio::test]
async fn each_flaw_is_found_by_its_clause_and_by_no_other() {
    let rows: &[(Flaw, &str)] = &[
        (Flaw::Absent, "admits: counted 3+0/3 once"),
        (Flaw::OneLess, "admits: counted 3+0/3 once"),
        (Flaw::OneMore, "admits: counted 3+0/3 once"),
        (Flaw::Status503, "refuses: counted"),
        (Flaw::RetryAbsent, "header: proof no Retry-After"),
        (Flaw::RetryZero, "header: proof Retry-After: 0"),
        (Flaw::RetryLong, "honest: counted 3+0/3 once"),
        (Flaw::FieldsLie, "ratelimit: counted"),
        (Flaw::FieldsAbsent, "ratelimit: proof no such field"),
        (Flaw::OtherQuota, "x-ratelimit: proof 5"),
        (Flaw::OnlyLeft, "x-ratelimit: proof no such field"),
        (Flaw::OnlyLeft, "ratelimit: proof no such field"),
        (Flaw::Wordy, "x-ratelimit: proof no number: plenty"),
        (Flaw::Spoofed, "x-forwarded-for: counted"),
        (Flaw::Trips, "x-forwarded-for: unsure no call with `x-forwarded-for` was refused within the window; 10 were neither"),
        (Flaw::FromFirstCall, "counted 3+0/3 once"),
        (Flaw::ByTheClock, "counted 3+0/3 once"),
    ];
    let told = join_all(rows.iter().map(|(flaw, _)| tell(*flaw, Windows::Sliding, WINDOW, SPEC, ALL))).await;
    for ((flaw, expected), told) in rows.iter().zip(&told) {
        has(told, expected, flaw);
        let clause = expected.split(':').next().filter(|_| expected.contains(": "));
        let of_another = |t: &&String| {
            clause.is_some_and(|clause| !t.starts_with(clause) && !t.starts_with("x-ratelimit") && !t.starts_with("ratelimit"))
        };
        let wrong: Vec<_> = told.iter().filter(of_another).filter(|t| t.contains("counted") || t.contains("proof")).collect();
        assert!(wrong.is_empty(), "{flaw:?}: {wrong:?}");
    }
}

#[tokio::test]
async fn a_counter_that_weighs_the_window_before_is_held_to_what_is_declared() {
    let weighted = SPEC.replace("window: 700ms", "window: 700ms, windows: weighted");
    let rows = [(Flaw::OneMore, Windows::Weighted), (Flaw::OneLess, Windows::Weighted)];
    let told = join_all(rows.map(|(flaw, windows)| tell(flaw, windows, WINDOW, &weighted, &["rate/quota"]))).await;
    for ((flaw, _), told) in rows.iter().zip(&told) {
        has(told, "admits: counted 3+0", flaw);
    }
    // Who forgets all at an edge is none of these.
    let told = tell(Flaw::None, Windows::Fixed, WINDOW, &weighted, &["rate/edge"]).await;
    has(&told, "counted", "fixed");
}

#[tokio::test]
async fn a_reset_that_lies_before_anything_can_be_due_is_found() {
    let text = "{ get: /limited, quota: 4, window: 4s, fields: [ratelimit, x-ratelimit] }";
    let window = Duration::from_secs(4);
    let (flawed, good) = futures_util::join!(
        tell(Flaw::ResetSoon, Windows::Sliding, window, text, &["rate/fields"]),
        tell(Flaw::None, Windows::Sliding, window, text, &["rate/fields"]),
    );
    has(&flawed, "ratelimit: counted 3+0", "reset");
    has(&flawed, "x-ratelimit: counted 3+0", "reset");
    assert!(good.iter().all(|t| t.ends_with("held")), "{good:?}");
}

#[tokio::test]
async fn a_call_that_was_lost_before_the_first_was_served_is_told() {
    let told = tell(Flaw::Stumbles, Windows::Sliding, WINDOW, SPEC, &["rate/quota"]).await;
    has(&told, "admits: unsure intermittent: 1 of 2 calls alone", "stumbles");
    has(&told, "refuses: held", "stumbles");
}

#[test]
fn what_was_told_too_rarely_is_a_doubt() {
    use super::super::look::{Burst, NAMES, Named, Observation, Proves, Try, Turned};
    let kind = spec::<RateLimit>(SPEC);
    let tell = |trues: usize, asked: u32| {
        let seen = Observation {
            asked: vec!["rate/retry-after".to_owned(), "rate/key".to_owned()],
            bursts: vec![Burst { proves: Proves::Kept, ..Burst::default() }; 2],
            bursts_done: true,
            says: 5,
            tries: vec![Try { turned: Turned::True, ..Try::default() }; trues],
            tries_done: true,
            names: NAMES.map(|name| (name.to_owned(), Named { asked, ..Named::default() })).into(),
            names_done: true,
            ..Observation::default()
        };
        told(&kind.judge(&seen))
    };
    assert!(tell(2, 5).iter().all(|t| t.ends_with("held")), "{:?}", tell(2, 5));
    has(&tell(1, 5), "honest: unsure it was true 1 time", "one try");
    has(&tell(2, 4), "x-real-ip: unsure only 4 calls", "four calls");
}

#[test]
fn a_name_that_nothing_was_learnt_of_is_a_doubt_and_never_left_out() {
    use super::super::look::{Burst, Named, Observation, Proves};
    let kind = spec::<RateLimit>(SPEC);
    let all_due = Named { due: 205, ..Named::default() };
    let seen = Observation {
        asked: vec!["rate/key".to_owned()],
        bursts: vec![Burst { proves: Proves::Kept, ..Burst::default() }; 2],
        bursts_done: true,
        names: [("forwarded".to_owned(), Named { asked: 5, ..Named::default() }), ("x-real-ip".to_owned(), all_due)].into(),
        names_done: true,
        ..Observation::default()
    };
    let told = told(&kind.judge(&seen));
    has(&told, "forwarded: held", "refused");
    has(&told, "x-real-ip: unsure no call with `x-real-ip` was refused within the window; 205 were admitted", "due");
    has(&told, "x-forwarded-for: unsure no call", "never called");
}

#[test]
fn names_are_claimed_for_longer_than_the_edge_of_a_fixed_window_lets_in() {
    let claims = |windows: &str| spec::<RateLimit>(&format!("{{ get: /, quota: 300, window: 2s, windows: {windows} }}")).spec.b.claims();
    assert_eq!(["fixed", "sliding", "weighted"].map(claims), [305, 5, 5]);
}

#[tokio::test]
async fn a_window_that_is_too_short_is_found() {
    let window = Duration::from_secs(2);
    let kinds = [(Windows::Sliding, "sliding"), (Windows::Fixed, "fixed"), (Windows::Refill, "refill"), (Windows::Weighted, "weighted")];
    let told = join_all(kinds.map(|(windows, name)| async move {
        let text = format!("{{ get: /limited, quota: 4, window: 2s, windows: {name} }}");
        let told = |flaw| tell(flaw, windows, window, &text, &["rate/quota"]);
        futures_util::join!(told(Flaw::ShortWindow), told(Flaw::None))
    }))
    .await;
    for ((_, name), (short, good)) in kinds.iter().zip(&told) {
        has(short, "lasts: counted 3+0", name);
        assert!(good.len() == 3 && good.iter().all(|t| t.ends_with("held")), "{name}: {good:?}");
    }
    // An edge that forgets all is another matter, and of `rate/edge`.
    let clock = tell(Flaw::ByTheClock, Windows::Sliding, WINDOW, SPEC, &["rate/quota"]).await;
    has(&clock, "lasts: held", "windows of the clock");
}

#[tokio::test]
async fn a_time_to_come_again_that_is_too_short_is_found_where_the_window_is_long_enough() {
    let text = "{ get: /limited, quota: 4, window: 3s }";
    let told = tell(Flaw::RetryShort, Windows::Sliding, Duration::from_secs(3), text, &["rate/retry-after"]).await;
    has(&told, "header: held", "too short");
    has(&told, "honest: counted 3+0", "too short");
}

#[tokio::test]
async fn what_is_no_such_endpoint_is_named() {
    let rows: &[(Flaw, &str)] = &[
        (Flaw::Login, "proof 401 who are you: it asks for a login"),
        (Flaw::Redirects, "proof 302 without a body: it sends on to /login"),
        (Flaw::Closes, "counted 3+0/3 once"),
        (Flaw::Silent, "counted 3+0/3 once"),
        (Flaw::Anything, "admits: counted 3+0/3 once"),
    ];
    let clauses = ["rate/quota", "rate/key"];
    let told = join_all(rows.iter().map(|(flaw, _)| tell(*flaw, Windows::Sliding, WINDOW, SPEC, &clauses))).await;
    for ((flaw, expected), told) in rows.iter().zip(&told) {
        has(told, expected, flaw);
        has(told, "unseen", flaw);
    }
}

#[tokio::test]
async fn nothing_is_sent_where_the_environment_is_too_slow_for_a_burst() {
    let address = house::open(Flaw::None, Windows::Sliding, QUOTA, WINDOW).await;
    let rate = Rate { count: 5, per: Duration::from_secs(1) };
    let exchange = Exchange::new(Options { permits: Permits::new(Some(rate), None, None) });
    let cx = Context::new(Setting { exchange, ..setting(address) });
    let told = told(&look_in(&spec::<RateLimit>(SPEC), &cx, &["rate/quota"]).await);
    has(&told, "unseen the environment allows one request each 200 ms, so that 9 take 1.80 s", "rate");
}

#[tokio::test]
async fn what_was_seen_until_a_deadline_can_be_judged() {
    let address = house::open(Flaw::None, Windows::Sliding, QUOTA, WINDOW).await;
    let kind = spec::<RateLimit>(SPEC);
    let mut seen = super::Observation::default();
    let cx = context(address);
    let cut = tokio::time::timeout(WINDOW / 2, kind.probe(&round::<RateLimit>(ALL), &cx, &mut seen)).await;
    assert!(cut.is_err());
    let told = told(&kind.judge(&seen));
    assert!(told.iter().all(|t| t.contains("unseen the deadline came")), "{told:?}");
}
