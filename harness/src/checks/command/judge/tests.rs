//! Cases by hand for what real programs do not do on demand: the guard band. And the mistakes of specs.

use super::super::Command;
use super::{Observation, Run, judge};
use crate::kind::CheckKind as _;
use crate::kind::testing::{spec, told};
use crate::model::Interval;
use std::time::Duration;

const MS: fn(u64) -> Duration = Duration::from_millis;

#[track_caller]
fn within(more: &str, took: Interval, has_ended: bool, expected: [&str; 2]) {
    let kind = spec::<Command>(&format!("{{ run: [x], within: 100ms{more} }}"));
    let run = Run { has_ended, code: has_ended.then_some(0), took, ..Run::default() };
    let told = told(&judge(&kind.spec, &Observation { runs: vec![run] }));
    assert!(told.iter().zip(expected).all(|(t, e)| t.starts_with(e)), "{told:?}");
}

#[test]
fn a_time_is_kept_broken_or_inside_the_interval() {
    within("", Interval::exact(MS(100)), true, ["held", "held"]);
    within("", Interval::exact(MS(101)), true, ["held", "counted 1+0/1 once"]);
    within("", Interval { lo: MS(90), hi: MS(110) }, true, ["held", "unsure it took 90 ms to 110 ms"]);
    within(", repeatable: true", Interval { lo: MS(90), hi: MS(110) }, true, ["held", "counted 0+1/1"]);
    within(", repeatable: true", Interval::exact(MS(101)), true, ["held", "counted 1+0/1"]);
    within(", wait: 1s", Interval::exact(MS(1001)), false, ["counted 1+0/1 once", "counted 1+0/1 once"]);
    within(", wait: 1s", Interval { lo: MS(200), hi: MS(1001) }, false, ["unsure", "counted 1+0/1 once"]);
}

#[test]
fn nothing_was_run_is_no_pass() {
    let kind = spec::<Command>("{ run: [x], within: 1s, stdout: x }");
    assert!(told(&judge(&kind.spec, &Observation::default())).iter().all(|t| t.starts_with("unseen")));
}

#[track_caller]
fn mistaken(yaml: &str, expected: Option<&str>) {
    let mistakes = spec::<Command>(yaml).demands().mistakes;
    assert_eq!(mistakes.first().map(|m| m.what.as_str()), expected, "{yaml}");
}

#[test]
fn mistakes_that_only_the_whole_spec_shows_are_told() {
    mistaken("{ run: [./smoke.sh, --fast], within: 5s, wait: 10s }", None);
    mistaken("{ run: ./smoke.sh --fast }", Some("run: one text is one program, and no shell splits it"));
    mistaken("{ run: [] }", Some("run: names no program"));
    mistaken(
        "{ run: x, within: 5s, wait: 5s }",
        Some("wait: a program that is not waited for longer than `within` cannot be seen to be slow"),
    );
    mistaken("{ run: x, exit: -1 }", Some("exit: expected 0 to 255, got -1"));
    mistaken("{ run: x, env: { A=B: c } }", Some("env: `A=B` is no name of a variable"));
}

#[test]
fn it_starts_programs_is_one_shot_and_its_longest_time_is_honest() {
    let demands = spec::<Command>("{ run: x, within: 5s }").demands();
    assert_eq!((demands.starts_programs, demands.single_shot, demands.longest), (true, true, Duration::from_secs(10)));
    assert_eq!(spec::<Command>("{ run: x }").demands().longest, Duration::ZERO);
}
