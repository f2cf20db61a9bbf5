//! Cases by hand for what real services do not do on demand: the guard band, polls that lie apart. And the mistakes of specs.

use super::super::Shutdown;
use super::super::look::{Ended, Flight, Observation};
use super::judge;
use crate::kind::testing::{spec, told};
use crate::kind::{CheckKind as _, Seen, Snag};
use crate::model::Interval;
use std::time::Duration;

const MS: fn(u64) -> Duration = Duration::from_millis;
const SPEC: &str = "load: { get: /slow }, ready: { get: /ready }, within: 2s, restarts-within: 2s";

fn observed(clause: &str) -> Observation {
    Observation { asked: vec![clause.to_owned()], signalled: Some(Interval::exact(MS(1000))), ..Observation::default() }
}

fn poll(at: u64, status: Option<u16>) -> Flight {
    let trouble = status.is_none().then(|| Snag { name: "connect-refused".into(), text: "connection refused".into(), confusable: true });
    let seen = Seen { at: Interval::exact(MS(at)), took: Interval::exact(MS(1)), status, trouble, ..Seen::default() };
    Flight { seen, fine: status == Some(200), missed: None }
}

#[track_caller]
fn check(seen: &Observation, expected: &str) {
    let told = told(&judge(&spec::<Shutdown>(&format!("{{ {SPEC} }}")).spec, seen));
    assert!(told[0].starts_with(expected), "{told:?}");
}

#[track_caller]
fn leaves(polls: &[(u64, Option<u16>)], expected: &str) {
    let mut seen = observed("shutdown/leaves-first");
    polls.iter().for_each(|(at, status)| seen.leaving.add(poll(*at, *status)));
    check(&seen, expected);
}

#[test]
fn what_came_first_is_told_where_the_polls_lie_close() {
    leaves(&[(1001, Some(200)), (1020, Some(503)), (1040, None)], "held");
    leaves(&[(1001, Some(503)), (1040, None)], "held");
    leaves(&[(1001, Some(200)), (1020, None)], "counted 1+0/1 once");
    leaves(&[(1001, Some(200)), (1099, None)], "counted 1+0/1 once");
    leaves(&[(1001, Some(200)), (1101, None)], "unsure the last ready poll and the first that was not answered lie 101 ms apart");
    leaves(&[(1001, Some(503)), (1020, Some(200)), (1040, None)], "counted 1+0/1 once");
    leaves(&[(1001, None)], "unseen no poll was answered");
    leaves(&[(1001, Some(200))], "unseen the deadline came");
}

#[track_caller]
fn exits(code: Option<i32>, signal: Option<i32>, took: Interval, expected: &str) {
    check(&Observation { exit: Some(Ended { code, signal, took }), ..observed("shutdown/exits") }, expected);
}

#[test]
fn the_end_has_a_code_and_a_time() {
    exits(Some(0), None, Interval::exact(MS(2000)), "held");
    exits(Some(143), None, Interval::exact(MS(10)), "held");
    exits(None, Some(15), Interval::exact(MS(10)), "held");
    exits(None, Some(9), Interval::exact(MS(10)), "proof ended by signal 9 (137) after 10 ms");
    exits(Some(1), None, Interval::exact(MS(10)), "proof exit code 1 after 10 ms");
    exits(Some(0), None, Interval::exact(MS(2001)), "counted 1+0/1 once");
    exits(Some(0), None, Interval { lo: MS(1900), hi: MS(2100) }, "unsure it ended after 1.90 s to 2.10 s");
    check(&Observation { runs_on: Some(Interval::exact(MS(3000))), ..observed("shutdown/exits") }, "counted 1+0/1 once");
    check(&Observation { runs_on: Some(Interval { lo: MS(1500), hi: MS(3000) }), ..observed("shutdown/exits") }, "unsure it still ran");
    check(&observed("shutdown/exits"), "unseen the deadline came");
}

#[test]
fn only_what_was_in_flight_is_counted() {
    let mut seen = observed("shutdown/finishes");
    seen.load.add(poll(900, Some(200)), seen.signalled);
    seen.runs_on = Some(Interval::exact(MS(3000)));
    check(&seen, "load: unseen every request had ended before the signal");
    seen.load.add(poll(1500, Some(200)), seen.signalled);
    check(&seen, "load: held");
    seen.load.add(poll(1500, Some(503)), seen.signalled);
    check(&seen, "load: counted 1+0/2 once");
    seen.load.add(poll(1500, Some(404)), seen.signalled);
    check(&seen, "load: proof 404 without a body; 2 of 3 in flight were lost");
}

#[track_caller]
fn restarts(took: Option<Interval>, waited: Option<Interval>, expected: &str) {
    let mut seen = observed("shutdown/restarts");
    (seen.restart.took, seen.restart.waited) = (took, waited);
    check(&seen, expected);
}

#[test]
fn the_start_after_the_end_has_a_time() {
    restarts(Some(Interval::exact(MS(1999))), None, "held");
    restarts(Some(Interval { lo: MS(1990), hi: MS(2010) }), None, "unsure it took 1.99 s to 2.01 s");
    restarts(Some(Interval::exact(MS(2001))), None, "counted 1+0/1 once");
    restarts(None, Some(Interval::exact(MS(3000))), "counted 1+0/1 once");
    restarts(None, None, "unseen the deadline came");
}

#[track_caller]
fn mistaken(yaml: &str, expected: Option<&str>) {
    let mistakes = spec::<Shutdown>(yaml).demands().mistakes;
    assert_eq!(mistakes.first().map(|m| m.what.as_str()), expected, "{yaml}");
}

#[test]
fn mistakes_that_only_the_whole_spec_shows_are_told() {
    mistaken(&format!("{{ {SPEC} }}"), None);
    mistaken("{ load: { get: /slow, concurrency: 0 } }", Some("load.concurrency: expected 1 to 1000, got 0"));
    mistaken("{ load: { get: /slow }, upload: { post: /x } }", Some("upload: its request carries no body"));
    mistaken("{ load: { get: /slow }, exit: 256 }", Some("exit: expected 0 to 255, got 256"));
    mistaken(
        "{ load: { get: /slow }, ready: { post: /ready } }",
        Some("ready: its request may not be sent again, and readiness is polled"),
    );
    mistaken("{ load: { get: /slow }, within: 0 }", Some("within: expected more than 0"));
}

#[test]
fn faults_are_demanded_of_the_part_and_the_longest_time_is_honest() {
    let demands = spec::<Shutdown>(&format!("{{ {SPEC}, part: worker }}")).demands();
    assert!(demands.faults.len() == 5 && demands.faults.iter().all(|(_, part, _)| part == "worker"), "{:?}", demands.faults);
    assert_eq!(demands.longest, Duration::from_secs(15 + 2 + 3 + 5));
}
