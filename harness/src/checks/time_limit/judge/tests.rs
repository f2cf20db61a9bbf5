//! What the end of a slow caller is worth, by when it came and how.

use super::super::TimeLimit;
use super::*;
use crate::kind::testing::spec;
use crate::model::Interval;

const HEAD: Way = Way::HeadStopped;
const BODY: Way = Way::BodyStopped;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn slow(lo: u64, hi: u64, end: End, status: Option<u16>) -> Slow {
    let is_closed = end != End::Open;
    Slow { took: Interval { lo: ms(lo), hi: ms(hi) }, end, status, is_closed, sent: "GET /".to_owned(), ..Slow::default() }
}

/// Against 2 s, give or take 500 ms.
#[track_caller]
fn check(way: Way, slow: &Slow, expected: &str) {
    let kind: TimeLimit = spec("{ get: /, slow-headers: 2s, slow-body: { post: /up, text: some, after: 2s }, idle: 2s }");
    let told = match weigh_one(&kind.spec, way, slow) {
        Weighed::Fine => "fine".to_owned(),
        Weighed::Bad(what) => format!("bad {what}"),
        Weighed::Near(what) => format!("near {what}"),
        Weighed::Nothing(what) => format!("nothing {what}"),
        Weighed::Barred(what) => format!("barred {what}"),
    };
    assert!(told.starts_with(expected), "{told}");
}

#[test]
fn a_cut_is_in_time_within_the_guard_band_and_wrong_only_if_surely_outside() {
    for (lo, hi, expected) in [
        (2000, 2001, "fine"),
        (1500, 1600, "fine"),
        (2400, 2500, "fine"),
        (1300, 1400, "bad closed after 1.30 s to 1.40 s already"),
        (2501, 2600, "bad closed only after"),
        (2400, 2600, "near"),
        (1400, 1600, "near"),
        (1000, 1600, "near"),
    ] {
        check(HEAD, &slow(lo, hi, End::Closed, None), expected);
    }
}

#[test]
fn a_connection_that_stays_open_is_bad_if_this_machine_was_awake() {
    check(HEAD, &slow(3000, 3001, End::Open, None), "bad still open after 3.00 s");
    check(HEAD, &slow(2400, 3001, End::Open, None), "near");
    check(
        HEAD,
        &Slow { is_closed: false, ..slow(2000, 2000, End::Answered, Some(408)) },
        "bad answered by 408 after 2.00 s, and the connection stays open",
    );
}

#[test]
fn an_answer_and_a_close_are_a_cut_and_a_success_is_none() {
    check(HEAD, &slow(2000, 2000, End::Answered, Some(408)), "fine");
    check(HEAD, &slow(2000, 2001, End::Reset, None), "fine");
    check(HEAD, &slow(2000, 2000, End::Answered, Some(200)), "bad answered by 200 after 2.00 s: 200 to a part of a request");
    check(HEAD, &slow(3, 3, End::Answered, Some(400)), "bad answered by 400 after 3.0 ms already");
    check(HEAD, &Slow::never("GET /", "connection refused"), "bad it did not come so far: connection refused");
}

#[test]
fn an_endpoint_that_does_not_wait_for_a_body_leaves_nothing_to_judge() {
    check(
        BODY,
        &slow(3, 3, End::Answered, Some(401)),
        "nothing GET / was answered by 401 after 3.0 ms, without waiting for the body: it asks for a login",
    );
    check(
        BODY,
        &slow(3, 3, End::Answered, Some(200)),
        "nothing GET / was answered by 200 after 3.0 ms, without waiting for the body: it takes whatever comes",
    );
    check(BODY, &slow(3, 3, End::Answered, Some(408)), "bad answered by 408 after 3.0 ms already");
    check(BODY, &slow(3, 3, End::Answered, Some(500)), "bad answered by 500 after 3.0 ms already");
    check(BODY, &slow(3, 3, End::Closed, None), "bad closed after 3.0 ms already");
    check(BODY, &slow(2000, 2000, End::Answered, Some(400)), "fine");
}

/// What three rounds of these callers come to.
#[track_caller]
fn told(round: &[Slow], expected: &str) {
    let kind: TimeLimit = spec("{ get: /, slow-body: { post: /up, text: some, after: 2s } }");
    let seen = Observation {
        asked: vec!["time/slow-body".to_owned()],
        before: Ordinary { good: 1, ..Ordinary::default() },
        rounds: [(BODY.name().to_owned(), vec![round.to_vec(); 3])].into(),
        done: true,
        ..Observation::default()
    };
    let readings = judge(&kind.spec, &seen);
    let told = crate::kind::testing::told(&readings);
    assert!(told.len() == 1 && told[0].starts_with(expected), "{told:?}");
}

#[test]
fn one_who_is_sent_away_does_not_hide_others_who_are_held_for_ever() {
    let (login, kept) = (slow(3, 3, End::Answered, Some(401)), slow(3000, 3001, End::Open, None));
    let cut = slow(2000, 2001, End::Closed, None);
    told(&[login.clone(), kept.clone(), cut.clone()], "stopped: counted 3+0/3");
    told(&[kept, login.clone()], "stopped: counted 3+0/3");
    told(&[login, cut], "stopped: unseen GET / was answered by 401");
}

#[test]
fn what_the_environment_does_not_allow_is_not_judged_and_is_no_end() {
    let cut = slow(2000, 2001, End::Closed, None);
    told(&[Slow::barred("POST /up"), cut.clone()], "stopped: unseen the environment's `limits.upload` was spent before POST /up");
    told(&[Slow::barred("POST /up"), slow(3000, 3001, End::Open, None), cut], "stopped: counted 3+0/3");
}
