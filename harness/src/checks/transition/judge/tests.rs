//! Cases by hand for what real servers do not do on demand: the guard band, polls that lie apart. And the mistakes of specs.

use super::super::Transition;
use super::super::look::{Observation, Stay};
use super::{judge, settled_after};
use crate::kind::testing::{spec, told};
use crate::kind::{CheckKind as _, Seen};
use crate::model::Interval;
use std::time::Duration;

const MS: fn(u64) -> Duration = Duration::from_millis;
const SPEC: &str = "observe: { get: /health, at: $.state }, path: [None, DOWNLOADING, CONVERTING, ENABLED], never: [FAILED]";

/// A state, the moment of its first answer and that of its last poll, in milliseconds.
type Seq<'a> = &'a [(&'a str, u64, u64)];

fn observed(kind: &Transition, clause: &str, states: Seq<'_>) -> Observation {
    let mut seen = Observation { asked: vec![clause.to_owned()], ..Observation::default() };
    for (state, from, until) in states {
        seen.stays.push(Stay {
            state: (*state).to_owned(),
            place: kind.spec.path.iter().position(|p| p.show() == *state),
            forbidden: *state == "FAILED",
            from: Interval::exact(MS(*from)),
            until: Interval::exact(MS(*until)),
            polls: 1,
            example: Seen::default(),
        });
        seen.told += 1;
        seen.polls += 1;
    }
    seen.kept.polls = 3;
    seen.kept.whole = true;
    seen
}

#[track_caller]
fn check(more: &str, clause: &str, states: Seq<'_>, expected: &str) {
    let kind = spec::<Transition>(&format!("{{ {SPEC}{more} }}"));
    let told = told(&judge(&kind.spec, &observed(&kind, clause, states)));
    assert!(told[0].starts_with(expected), "{told:?}");
}

const PATH: &str = "transition/path";
const SETTLES: &str = "transition/settles";

#[test]
fn a_path_that_is_kept_is_held_and_one_that_is_not_is_proof() {
    let whole: Seq<'_> = &[("None", 1, 40), ("DOWNLOADING", 50, 90), ("CONVERTING", 100, 190), ("ENABLED", 200, 300)];
    check("", PATH, whole, "held");
    check("", PATH, &[("CONVERTING", 1, 40), ("ENABLED", 50, 90)], "held");
    check("", PATH, &[("CONVERTING", 1, 40), ("DOWNLOADING", 50, 90)], "proof `CONVERTING` -> `DOWNLOADING` at +50 ms, against the path");
    check("", PATH, &[("None", 1, 40), ("VERIFYING", 50, 90)], "proof `None` -> `VERIFYING` at +50 ms, which the path does not know");
    check("", PATH, &[("null", 1, 40)], "proof `null`, which the path does not know; null is not the word `None`");
    check("", PATH, &[("none", 1, 40)], "proof `none`, which the path does not know; the path says `None`");
    check("", PATH, &[("ENABLED", 1, 40), ("None", 50, 60)], "proof `ENABLED` -> `None`");
}

#[test]
fn a_state_that_may_have_passed_between_two_polls_is_not_called_missing_unless_the_polls_prove_it() {
    let without: Seq<'_> = &[("None", 1, 40), ("DOWNLOADING", 50, 90), ("ENABLED", 140, 200)];
    check("", PATH, without, "unsure `CONVERTING` was not seen between `DOWNLOADING` and `ENABLED`, and may have passed in the 50 ms");
    check(", may-skip: [CONVERTING]", PATH, without, "held");
    check(", may-skip: [DOWNLOADING]", PATH, without, "unsure");
    check(", lasts-at-least: 51ms", PATH, without, "proof `DOWNLOADING` -> `ENABLED` within 50 ms, without `CONVERTING`");
    check(", lasts-at-least: 50ms", PATH, without, "unsure");
    let two: Seq<'_> = &[("None", 1, 40), ("ENABLED", 120, 200)];
    check(", lasts-at-least: 41ms", PATH, two, "proof `None` -> `ENABLED` within 80 ms, without `DOWNLOADING`, `CONVERTING`");
    check(", lasts-at-least: 40ms", PATH, two, "unsure");
}

#[test]
fn where_it_was_final_already_the_path_is_not_judged_and_fresh_makes_that_a_doubt() {
    let kind = spec::<Transition>(&format!("{{ {SPEC} }}"));
    let readings = judge(&kind.spec, &observed(&kind, PATH, &[("ENABLED", 1, 40)]));
    let crate::model::Found::Unseen { why: crate::model::Unseen::NotPermitted(why) } = &readings[0].found else { panic!("{readings:?}") };
    assert_eq!(why, "it was at `ENABLED` already when first seen, so there was no way to look at");
    check("", SETTLES, &[("ENABLED", 1, 40)], "held");
    let fresh = spec::<Transition>(&format!("{{ {SPEC}, fresh: true }}"));
    let readings = judge(&fresh.spec, &observed(&fresh, PATH, &[("ENABLED", 1, 40)]));
    assert!(matches!(&readings[0].found, crate::model::Found::Unseen { why: crate::model::Unseen::NothingToJudge(_) }), "{readings:?}");
    check(", fresh: true", PATH, &[("DOWNLOADING", 1, 40), ("CONVERTING", 50, 60), ("ENABLED", 70, 90)], "unseen it was to be fresh");
}

#[test]
fn the_deadline_is_kept_broken_or_inside_the_interval() {
    let seen: Seq<'_> = &[("CONVERTING", 1, 90), ("ENABLED", 110, 200)];
    check(", within: 110ms", SETTLES, seen, "held");
    check(", within: 100ms", SETTLES, seen, "unsure `ENABLED` came 90 ms to 110 ms after the trigger");
    check(", within: 80ms", SETTLES, seen, "counted 1+0/2 once");
    let kind = spec::<Transition>(&format!("{{ {SPEC} }}"));
    let mut late = observed(&kind, SETTLES, seen);
    late.triggered = Interval::exact(MS(60));
    assert_eq!(settled_after(&kind.spec, &late), Some(Interval { lo: MS(30), hi: MS(50) }), "it counts from the trigger");
}

#[test]
fn a_state_that_is_not_reached_is_broken_after_the_deadline_and_not_judged_before() {
    let kind = spec::<Transition>(&format!("{{ {SPEC}, within: 100ms }}"));
    let mut seen = observed(&kind, SETTLES, &[("None", 1, 40), ("DOWNLOADING", 50, 150)]);
    assert!(told(&judge(&kind.spec, &seen))[0].starts_with("unseen the deadline came"));
    seen.late = 3;
    assert_eq!(told(&judge(&kind.spec, &seen)), ["counted 3+0/2 once"]);
    let none =
        Observation { late: 3, blank: Some(Seen { status: Some(503), ..Seen::default() }), polls: 9, ..observed(&kind, SETTLES, &[]) };
    assert_eq!(told(&judge(&kind.spec, &none)), ["counted 3+0/9 once"]);
}

#[test]
fn a_last_state_that_is_left_is_proof_and_one_that_is_not_answered_is_counted() {
    check("", SETTLES, &[("CONVERTING", 1, 40), ("ENABLED", 50, 90), ("CONVERTING", 100, 110)], "proof `CONVERTING` within 50 ms of it");
    let kind = spec::<Transition>(&format!("{{ {SPEC} }}"));
    let mut seen = observed(&kind, SETTLES, &[("CONVERTING", 1, 40), ("ENABLED", 50, 90)]);
    seen.kept.blank = 2;
    assert_eq!(told(&judge(&kind.spec, &seen)), ["counted 2+0/3"]);
    (seen.kept.blank, seen.kept.whole) = (0, false);
    assert!(told(&judge(&kind.spec, &seen))[0].starts_with("unseen the deadline came"));
}

#[test]
fn a_forbidden_state_is_proof_of_its_own_clause_and_of_no_other() {
    let failed: Seq<'_> = &[("None", 1, 40), ("DOWNLOADING", 50, 90), ("FAILED", 100, 110)];
    check("", "transition/never", failed, "proof `FAILED` at +100 ms");
    check("", "transition/never", &[("None", 1, 40)], "held");
    check("", "transition/never", &[], "unseen no answer told a state");
    check("", PATH, failed, "held");
    check("", SETTLES, failed, "unseen a forbidden state ended it");
}

#[track_caller]
fn mistaken(yaml: &str, expected: Option<&str>) {
    let mistakes = spec::<Transition>(yaml).demands().mistakes;
    assert_eq!(mistakes.first().map(|m| m.what.as_str()), expected, "{yaml}");
}

#[test]
fn mistakes_that_only_the_whole_spec_shows_are_told() {
    mistaken(&format!("{{ {SPEC}, may-skip: [DOWNLOADING] }}"), None);
    mistaken(&format!("{{ {SPEC}, may-skip: [UPLOADING] }}"), Some("may-skip: `UPLOADING` is not in `path`"));
    mistaken(&format!("{{ {SPEC}, may-skip: [ENABLED] }}"), Some("may-skip: `ENABLED` is the state that must be reached"));
    mistaken(
        &format!("{{ {SPEC}, within: 1s, lasts-at-least: 2s }}"),
        Some("lasts-at-least: one state lasts longer than `within` gives for all"),
    );
    mistaken(&format!("{{ {SPEC}, capture: {{ job: $.id }} }}"), Some("capture: there is no trigger whose answer could give a value"));
    mistaken("{ observe: { get: /x, at: $.s }, path: [A] }", Some("path: one state is no path"));
    mistaken("{ observe: { get: /x, at: $.s }, path: [A, B, A] }", Some("path: `A` stands twice"));
    mistaken("{ observe: { get: /x, at: $.s }, path: [A, B], never: [B] }", Some("never: `B` is in `path` too"));
    mistaken(
        "{ observe: { post: /x, at: $.s }, path: [A, B] }",
        Some("observe: its request may not be sent again, and the state is polled"),
    );
}

#[test]
fn the_longest_time_is_honest() {
    let demands = spec::<Transition>(&format!("{{ {SPEC}, within: 60s, steady-for: 3s, works: {{ get: /x }} }}")).demands();
    assert_eq!(demands.longest, Duration::from_secs(60 + 3 + 5 + 10));
}
