//! Outages by hand: limits that lie inside an interval, stalls of this machine, what was cut short.

use super::super::super::Ready;
use super::super::super::look::{Leaving, Observation, Outage, Poll, Sample};
use super::super::judge;
use super::MS;
use crate::kind::testing::{spec, told};
use crate::kind::{Seen, Snag};
use crate::model::{Excerpt, Interval};
use std::time::Duration;

const SUITE: &str = "{ get: /ready, hard: [db], falls-within: 1s, recovers-within: 1s }";
const READY: &str = r#"{"status":"ready","db":"ok"}"#;
const DOWN: &str = r#"{"status":"not ready","db":"down"}"#;

fn poll(at: u64, status: u16) -> Poll {
    let body = if status == 200 { READY } else { DOWN };
    let body = Excerpt::of(body.as_bytes(), Seen::BODY);
    let (at, took) = (Interval::exact(MS(at)), Interval::exact(MS(5)));
    Poll { seen: Seen { at, took, status: Some(status), utf8: true, body, ..Seen::default() }, ready: status == 200, missed: None }
}

/// No answer in two seconds, of which this machine may have slept all but `awake`.
fn timeout(at: u64, awake: u64) -> Poll {
    let mut poll = poll(at, 0);
    let snag = Snag { name: "first-byte-timeout".to_owned(), text: "no byte".to_owned(), confusable: true };
    (poll.seen.status, poll.seen.trouble, poll.seen.took) = (None, Some(snag), Interval { lo: MS(awake), hi: MS(2000) });
    poll
}

fn sample(poll: &Poll, lag: Duration) -> Sample<'_> {
    let since = Interval { lo: poll.seen.at.lo, hi: poll.seen.at.hi + poll.seen.took.hi + lag };
    Sample { poll, ready: poll.ready, since, replica: "", limit: MS(1000) }
}

/// One loss of `db` by black hole, seen by these polls; `lag` is how long it may have taken to be in force.
fn outage(down: &[Poll], up: &[Poll], lag: Duration) -> Outage {
    let mut outage = Outage { dependency: "db".to_owned(), family: "db/blackhole".to_owned(), ..Outage::default() };
    outage.case.clone_from(&outage.family);
    outage.before = poll(0, 200).seen;
    for (state, turned) in [(&mut outage.down.turned, false), (&mut outage.up.turned, false)] {
        state.insert(String::new(), turned);
    }
    down.iter().for_each(|poll| outage.down.add(&sample(poll, lag)));
    up.iter().for_each(|poll| outage.up.add(&sample(poll, lag)));
    (outage.down.is_over, outage.up.is_over) = (true, true);
    outage
}

#[track_caller]
fn check(clause: &str, outage: Outage, expected: &str) {
    let mut seen = Observation { asked: vec![clause.to_owned()], ready: Some(poll(0, 200)), ..Observation::default() };
    seen.outages.push(outage);
    let told = told(&judge(&spec::<Ready>(SUITE).spec, &seen));
    assert!(told.iter().any(|t| t.starts_with(&format!("db/blackhole: {expected}"))), "{expected} is not in {told:?}");
}

fn falls(down: &[Poll], lag: u64, expected: &str) {
    check("ready/falls", outage(down, &[], MS(lag)), expected);
}

#[test]
fn a_fall_is_in_time_late_or_between() {
    falls(&[poll(0, 200), poll(990, 503)], 0, "held");
    falls(&[poll(900, 200), poll(990, 503)], 10, "unsure it fell after 900 ms to 1.00 s, and the limit of 1.00 s lies between");
    falls(&[poll(1000, 200), poll(1100, 503)], 0, "unsure");
    falls(&[poll(1010, 200), poll(1020, 200), poll(1030, 200), poll(1100, 503)], 0, "counted 3+0/4");
    falls(&[poll(1010, 200), poll(1020, 200), poll(1030, 200)], 0, "proof 200");
}

#[test]
fn an_answer_that_never_came_is_bad_unless_this_machine_slept() {
    falls(&[timeout(0, 2000), poll(2100, 503)], 0, "counted 1+0/2");
    falls(&[timeout(0, 10), poll(500, 503)], 0, "counted 0+1/2");
    falls(&[poll(0, 500), poll(500, 503)], 0, "counted 1+0/2");
}

#[test]
fn an_outage_that_was_cut_short_proves_neither() {
    let mut cut = outage(&[poll(0, 200)], &[], MS(0));
    cut.down.is_over = false;
    check("ready/falls", cut, "unseen the deadline came");
    let mut cut = outage(&[poll(1010, 200), poll(1020, 200), poll(1030, 200)], &[], MS(0));
    cut.down.is_over = false;
    check("ready/falls", cut, "counted 3+0/3");
}

#[test]
fn a_recovery_is_in_time_late_between_or_not_seen() {
    let after = |up: &[Poll], expected: &str| check("ready/recovers", outage(&[poll(100, 503)], up, MS(0)), expected);
    after(&[poll(0, 503), poll(500, 200)], "held");
    after(&[poll(900, 503), poll(998, 200)], "unsure it was ready again after 900 ms to 1.00 s");
    after(&[poll(1010, 503), poll(1020, 503), poll(1030, 503), poll(1040, 200)], "counted 3+0/4");
    after(&[poll(1010, 503), poll(1020, 503), poll(1030, 503)], "counted 3+0/3");
    after(&[], "unseen the deadline came");
    check("ready/recovers", outage(&[poll(100, 200)], &[poll(0, 200)], MS(0)), "unseen it never fell");
}

#[test]
fn one_transition_down_and_one_up_is_steady_and_more_are_not() {
    let turns = |down: &[Poll], up: &[Poll], expected: &str| check("ready/steady", outage(down, up, MS(0)), expected);
    turns(&[poll(0, 200), poll(100, 503)], &[poll(0, 503), poll(100, 200)], "held");
    turns(&[poll(0, 503), poll(100, 200), poll(200, 503)], &[poll(0, 200)], "counted 1+0/4");
    turns(&[poll(0, 503)], &[poll(0, 200), poll(100, 503), poll(200, 200)], "counted 1+0/4");
}

#[track_caller]
fn leaves(polls: &[Poll], expected: &str) {
    let mut leaving = Leaving { last_ready: Some(poll(0, 200).seen), ..Leaving::default() };
    polls.iter().for_each(|poll| leaving.add(poll));
    let seen = Observation {
        asked: vec!["ready/leaves-first".to_owned()],
        ready: Some(poll(0, 200)),
        leaving: Some(leaving),
        ..Observation::default()
    };
    let told = told(&judge(&spec::<Ready>(SUITE).spec, &seen));
    assert!(told[0].starts_with(expected), "{told:?}");
}

#[test]
fn nobody_there_right_after_a_ready_answer_is_proof_and_after_a_gap_it_is_not() {
    let refused = |at| {
        let mut poll = timeout(at, 2000);
        poll.seen.took = Interval::exact(MS(1));
        poll.seen.trouble = Some(Snag { name: "connect-refused".to_owned(), text: "refused".to_owned(), confusable: true });
        poll
    };
    leaves(&[poll(10, 200), poll(20, 503), refused(30)], "held");
    leaves(&[poll(10, 200), refused(30)], "proof ready, and at most 21 ms later nobody listened");
    leaves(&[poll(10, 200), refused(900)], "unsure nothing was seen");
    leaves(&[poll(10, 200)], "unsure");
}
