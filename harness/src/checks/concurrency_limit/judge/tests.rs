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
