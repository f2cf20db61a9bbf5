//! What the deadline leaves, by hand.

use super::super::ConcurrencyLimit;
use super::super::count::{Proves, Wave};
use super::super::look::{Observation, Trial};
use super::judge;
use crate::kind::testing::{spec, told};
use crate::model::Interval;
use std::time::Duration;

fn observed(waves: &[Proves], done: bool) -> Vec<String> {
    let kind = spec::<ConcurrencyLimit>("{ post: /work, limit: 2 }");
    let mut seen = Observation { asked: vec!["limit/exact".to_owned()], ..Observation::default() };
    seen.lone.done = true;
    seen.lone.takes = vec![Interval::exact(Duration::from_millis(600))];
    let waves = waves.iter().map(|proves| Wave { sent: 2, admitted: 2, proves: proves.clone(), ..Wave::default() }).collect();
    seen.trials.insert("k".to_owned(), Trial { wanted: 3, waves, done, ..Trial::default() });
    told(&judge(&kind.spec, &seen))
}

#[track_caller]
fn check(waves: &[Proves], done: bool, expected: &str) {
    let told = observed(waves, done);
    assert!(told[0].starts_with(&format!("k: {expected}")), "{told:?}");
}

#[test]
fn one_or_two_bad_waves_are_a_doubt_and_three_are_none() {
    use Proves::{Kept, Over, Under, Void};
    check(&[Kept, Kept, Kept], true, "held");
    check(&[Kept, Under, Kept, Kept, Under, Kept], true, "unsure intermittent: 2 of 6 waves");
    check(&[Over, Kept, Over, Over], true, "counted 3+0/4 once");
    check(&[Void("a stall".to_owned()), Kept, Kept], true, "unsure in 3 waves it was never certain that all met: a stall");
}

#[test]
fn what_the_deadline_cuts_off_is_not_judged_unless_it_is_clear_already() {
    use Proves::{Kept, Over};
    check(&[Kept, Kept], false, "unseen the deadline");
    check(&[Over, Over, Over], false, "counted 3+0/3 once");
    check(&[Over, Kept], false, "unseen the deadline");
}

#[test]
fn one_late_refusal_is_told_and_three_are_none_too_few() {
    let kind = spec::<ConcurrencyLimit>("{ post: /work, limit: 2, refused: 429 }");
    let told = |late, near, right| {
        let mut seen = Observation { asked: vec!["limit/status".to_owned()], ..Observation::default() };
        seen.lone.done = true;
        seen.lone.takes = vec![Interval::exact(Duration::from_millis(600))];
        let kept = vec![Wave { sent: 2, admitted: 2, proves: Proves::Kept, ..Wave::default() }; 3];
        seen.trials.insert("k".to_owned(), Trial { wanted: 3, waves: kept, done: true, ..Trial::default() });
        (seen.refusals.late, seen.refusals.near, seen.refusals.right) = (late, near, right);
        told(&judge(&kind.spec, &seen)).concat()
    };
    assert_eq!(told(0, 0, 9), "held");
    assert_eq!(told(0, 1, 9), "held");
    assert!(told(1, 0, 9).starts_with("unsure intermittent: 1 of 9 were refused late"), "{}", told(1, 0, 9));
    assert!(told(1, 0, 1).starts_with("unsure"), "{}", told(1, 0, 1));
    assert!(told(0, 1, 1).starts_with("unsure 1 of 1 refusals came so near"), "{}", told(0, 1, 1));
    assert_eq!(told(3, 0, 9), "counted 3+0/9 once");
}
