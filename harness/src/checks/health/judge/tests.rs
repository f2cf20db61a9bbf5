//! Cases by hand for what real servers do not do on demand: the guard band, stalls, growth. And the mistakes of specs.

use super::super::Health;
use super::super::look::{Gauge, Growth, Look, Observation};
use super::judge;
use crate::kind::testing::{spec, told};
use crate::kind::{CheckKind as _, Seen, Snag, Twin};
use crate::model::Interval;
use std::time::Duration;

const MS: fn(u64) -> Duration = Duration::from_millis;

fn took(lo: u64, hi: u64) -> Look {
    let seen = Seen { took: Interval { lo: MS(lo), hi: MS(hi) }, status: Some(200), utf8: true, ..Seen::default() };
    Look { seen, right: true, ..Look::default() }
}

fn timeout(lo: u64, hi: u64) -> Look {
    let mut look = took(lo, hi);
    look.right = false;
    look.seen.status = None;
    look.seen.trouble = Some(Snag { name: "first-byte-timeout".to_owned(), text: "no byte".to_owned(), confusable: true });
    look
}

#[track_caller]
fn check(clause: &str, looks: Vec<Look>, expected: &str) {
    let mut seen = Observation { asked: vec![clause.to_owned()], ..Observation::default() };
    looks.into_iter().for_each(|look| seen.plain.add(look));
    let told = told(&judge(&spec::<Health>("{ get: /health, within: 100ms }").spec, &seen));
    assert!(told[0].starts_with(expected), "{told:?}");
}

#[test]
fn a_time_is_held_near_or_bad_by_where_its_limit_lies() {
    check("health/fast", vec![took(90, 100)], "held");
    check("health/fast", vec![took(90, 101)], "counted 0+1/1");
    check("health/fast", vec![took(101, 101), took(1, 1)], "counted 1+0/2");
    check("health/fast", vec![timeout(1200, 1200)], "counted 1+0/1");
    check("health/fast", vec![timeout(50, 1200)], "counted 0+1/1");
    check("health/fast", vec![], "unseen no answer came");
}

#[test]
fn a_timeout_in_which_this_machine_stood_still_is_near_for_the_code() {
    check("health/code", vec![timeout(1200, 1200), took(1, 1)], "counted 1+0/2");
    check("health/code", vec![timeout(50, 1200), took(1, 1)], "counted 0+1/2");
    check("health/code", vec![timeout(1100, 1200), took(1, 1)], "counted 1+0/2");
    check("health/code", vec![took(1, 1)], "held");
}

#[test]
fn hundreds_of_good_answers_are_counted_and_few_are_kept() {
    let mut seen = Observation::default();
    for _ in 0..1000 {
        seen.plain.add(took(1, 1));
    }
    seen.plain.add(timeout(9, 9));
    assert_eq!((seen.plain.count(), seen.plain.kept.len(), seen.plain.whole()), (1001, 129, 1000));
}

#[track_caller]
fn grown(values: [f64; 3], expected: &str) {
    let gauges = vec![Gauge { name: "fds".to_owned(), values: values.to_vec() }];
    let seen = Observation {
        asked: vec!["health/no-growth".to_owned()],
        growth: Growth { gauges, probes: 200, ..Growth::default() },
        ..Observation::default()
    };
    let told = told(&judge(&spec::<Health>("{ get: /health, growth: { get: /metrics } }").spec, &seen));
    assert!(told[0].starts_with(expected), "{values:?}: {told:?}");
}

#[test]
fn growth_is_what_rises_with_both_blocks() {
    grown([10.0, 10.0, 11.0], "held");
    grown([10.0, 60.0, 60.0], "held");
    grown([10.0, 30.0, 50.0], "proof");
    grown([10.0, 210.0, 410.0], "proof fds went 10 -> 210 -> 410");
}

#[track_caller]
fn mistaken(yaml: &str, expected: Option<&str>) {
    let mistakes = spec::<Health>(yaml).demands().mistakes;
    assert_eq!(mistakes.first().map(|m| m.what.as_str()), expected, "{yaml}");
}

#[test]
fn mistakes_that_only_the_whole_spec_shows_are_told() {
    mistaken("{ get: /health, within: 200ms, samples: 20, independent-of: [db], outage: 5s }", None);
    mistaken("{ get: /health, samples: 0 }", Some("samples: expected at least 1, got 0"));
    mistaken("{ get: /health, within: 0 }", Some("within: expected more than 0"));
    mistaken("{ get: /health, expect: { within: 1s } }", Some("expect.within: says nothing here: how long an answer may take is `within`"));
    mistaken("{ get: /health, outage: 5s }", Some("outage: says how long dependencies are lost, and none is named"));
    mistaken("{ get: /health, independent-of: [db, db] }", Some("independent-of: `db` stands twice"));
    mistaken("{ get: /health, under-load: { get: /slow, concurrency: 0 } }", Some("under-load.concurrency: expected 1 to 1000, got 0"));
    mistaken("{ get: /health, growth: { get: /metrics, probes: 3 } }", Some("growth.probes: expected 50 to 10000, got 3"));
}

#[test]
fn an_outage_is_demanded_of_every_kind_for_each_dependency() {
    let demands = spec::<Health>("{ get: /health, independent-of: [db, cache] }").demands();
    assert_eq!(demands.faults.len(), 8);
    assert!(demands.longest >= Duration::from_secs(40));
}

#[test]
fn controls_are_made_where_they_are_quick_and_say_what_the_spec_asks() {
    let of = |yaml: &str, clause, twin| spec::<Health>(yaml).control(clause, twin).is_some();
    use super::table::{CODE, FAST, OPEN};
    assert!(of("get: /health", CODE, Twin::Good) && of("get: /health", CODE, Twin::Bad));
    assert!(of("{ get: /health, within: 100ms }", FAST, Twin::Bad));
    assert!(!of("{ get: /health, within: 5s }", FAST, Twin::Bad));
    assert!(!of("{ get: /health, expect: { json: { $.a: 1 } } }", CODE, Twin::Good), "no script could keep it");
    assert!(!of("get: /health", OPEN, Twin::Good));
}
