//! Cases by hand for what real servers do not do on demand: the guard band, deadlines, stalls. And the mistakes of specs.

use super::super::Ready;
use super::super::look::{Observation, Poll};
use super::{judge, lag};
use crate::kind::testing::{spec, told};
use crate::kind::{CheckKind as _, Seen, Snag};
use crate::model::Interval;
use std::time::Duration;

mod outage;

const MS: fn(u64) -> Duration = Duration::from_millis;

fn poll(at: u64, took: u64, ready: bool) -> Poll {
    let status = Some(if ready { 200 } else { 503 });
    let seen = Seen { at: Interval::exact(MS(at)), took: Interval::exact(MS(took)), status, utf8: true, ..Seen::default() };
    Poll { seen, ready, missed: None }
}

fn observed(polls: Vec<Poll>) -> Observation {
    let mut seen = Observation { asked: vec!["ready/becomes".to_owned()], ..Observation::default() };
    for poll in polls {
        if poll.ready {
            seen.ready = Some(poll.clone());
        }
        seen.waiting.add(poll);
    }
    seen
}

#[track_caller]
fn check(within: &str, seen: &Observation, expected: &str) {
    let kind = spec::<Ready>(&format!("{{ get: /ready, within: {within} }}"));
    let told = told(&judge(&kind.spec, seen));
    assert!(told[0].starts_with(expected), "{within}: {told:?}");
}

#[test]
fn the_deadline_is_kept_broken_or_inside_the_interval() {
    let seen = observed(vec![poll(0, 2, false), poll(50, 2, false), poll(100, 2, true)]);
    assert_eq!(lag(&seen), Some(Interval { lo: MS(50), hi: MS(102) }));
    check("102ms", &seen, "held");
    check("101ms", &seen, "unsure it became ready after 50 ms to 102 ms");
    check("50ms", &seen, "unsure");
    check("49ms", &seen, "counted 2+0/3");
}

#[test]
fn ready_at_once_is_held_if_the_answer_itself_came_in_time() {
    check("10ms", &observed(vec![poll(0, 5, true)]), "held");
    check("10ms", &observed(vec![poll(0, 20, true)]), "unsure");
}

#[test]
fn not_ready_before_the_deadline_is_not_judged_and_after_it_is_broken() {
    let mut seen = observed(vec![poll(0, 2, false), poll(50, 2, false), poll(110, 2, false)]);
    check("100ms", &seen, "unseen the deadline came");
    seen.overdue = true;
    check("100ms", &seen, "counted 3+0/3");
    check("100ms", &Observation { asked: seen.asked.clone(), ..Observation::default() }, "unseen");
}

#[test]
fn a_timeout_while_this_machine_stood_still_is_near_and_not_bad() {
    let mut stalled = poll(110, 2000, false);
    stalled.seen.took = Interval { lo: MS(10), hi: MS(2000) };
    stalled.seen.trouble = Some(Snag { name: "total-timeout".to_owned(), text: "late".to_owned(), confusable: true });
    let mut seen = observed(vec![stalled]);
    seen.overdue = true;
    check("100ms", &seen, "counted 0+1/1");
}

#[test]
fn steady_for_half_of_the_time_is_not_judged_and_a_flap_in_it_is_counted() {
    let kind = spec::<Ready>("{ get: /ready, steady-for: 1s }");
    let steady = |polls: Vec<Poll>, to_the_end| {
        let mut seen = observed(vec![poll(0, 2, true)]);
        seen.asked = vec!["ready/steady".to_owned()];
        polls.into_iter().for_each(|poll| seen.steady.add(poll));
        seen.steady_to_the_end = to_the_end;
        told(&judge(&kind.spec, &seen)).remove(0)
    };
    assert_eq!(steady(vec![poll(500, 2, true), poll(1000, 2, true)], true), "held");
    let half = steady(vec![poll(500, 2, true)], false);
    assert!(half.starts_with("unseen the deadline came"), "{half}");
    let flap = steady(vec![poll(500, 2, false)], false);
    assert!(flap.starts_with("counted 1+0/1"), "{flap}");
}

#[track_caller]
fn mistaken(yaml: &str, expected: Option<&str>) {
    let mistakes = spec::<Ready>(yaml).demands().mistakes;
    assert_eq!(mistakes.first().map(|m| m.what.as_str()), expected, "{yaml}");
}

#[test]
fn mistakes_that_only_the_whole_spec_shows_are_told() {
    mistaken("{ get: /ready, within: 30s, hard: [db], soft: [cache], falls-within: 5s, recovers-within: 10s }", None);
    mistaken("{ get: /ready, hard: [db], soft: [db], falls-within: 5s }", Some("soft: `db` is named under `hard` too"));
    mistaken("{ get: /ready, hard: [db, db], falls-within: 5s }", Some("hard: `db` stands twice"));
    mistaken("{ get: /ready, falls-within: 5s }", Some("falls-within: says how it goes without a hard dependency, and none is named"));
    mistaken("{ get: /ready, hard: [db] }", Some("hard: names dependencies, and nothing is promised of their loss"));
    mistaken(
        "{ get: /ready, boot-id: { get: /version, at: $.b }, hard: [db], falls-within: 5s }",
        Some("boot-id: says which process it is, and nothing is promised of its recovery"),
    );
    mistaken(
        "{ get: /ready, boot-id: { get: /version }, hard: [db], recovers-within: 5s }",
        Some("boot-id: expected one of `at` and `header`"),
    );
    mistaken(
        "{ get: /ready, expect: { within: 1s } }",
        Some("expect.within: says nothing here: how long one answer may take is `answers-within`"),
    );
    mistaken(
        "{ get: /ready, real: { get: /jobs, expect: { within: 1s } } }",
        Some("real.expect.within: says nothing here: how long its answer may take is `real.within`"),
    );
    mistaken("{ get: /ready, steady-for: 0 }", Some("steady-for: expected more than 0"));
    mistaken(
        "{ get: /ready, within: 1s, answers-within: 2s }",
        Some("answers-within: one answer may take longer than `within` gives for becoming ready"),
    );
}

#[test]
fn faults_are_demanded_for_each_dependency_and_the_longest_time_is_honest() {
    let demands =
        spec::<Ready>("{ get: /ready, within: 30s, steady-for: 2s, hard: [db], soft: [cache], falls-within: 5s, recovers-within: 10s }")
            .demands();
    let of = |clause| demands.faults.iter().filter(|(c, ..)| *c == clause).count();
    use super::super::table::{FALLS, LEAVES_FIRST, RECOVERS, SOFT};
    assert_eq!([FALLS, RECOVERS, SOFT, LEAVES_FIRST].map(of), [2, 2, 2, 1]);
    // Each loss: the limit, a quarter more to tell late from never, one answer; the same for the way back.
    let loss = MS(5000 + 1250 + 2000 + 10_000 + 2500 + 2000);
    assert_eq!(demands.longest, MS(30_000 + 2000 + 2000) + (loss + MS(2 * 2000)) * 2 * 2 + loss * 2);
}
