//! What is read in calls that were written by hand.

use super::{Look, Miss, Observation, Trouble};
use crate::checks::http::Http;
use crate::kind::testing::{spec, told};
use crate::kind::{CheckKind as _, Script, ScriptStep, Twin};
use crate::model::{ClauseId, Found, Interval};
use std::time::Duration;

const LIMIT: &str = "{ get: /a, expect: { within: 300ms, json: { $.a: 1 }, headers: { b: c } } }";

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A good call that took from `lo` to `hi` milliseconds.
fn took(lo: u64, hi: u64) -> Look {
    Look {
        sent: "GET /a".to_owned(),
        status: Some(200),
        took: Interval { lo: ms(lo), hi: ms(hi) },
        trouble: None,
        misses: Vec::new(),
        answer: None,
        request_id: "r".to_owned(),
        trace_id: "t".to_owned(),
        again: "curl".to_owned(),
    }
}

fn missing(clause: &str, confusable: bool) -> Look {
    let miss = |observed: &str| Miss {
        clause: clause.to_owned(),
        expected: "one thing".to_owned(),
        observed: observed.to_owned(),
        confusable,
        at: [3, 7, 40, 2],
    };
    Look { misses: vec![miss("another"), miss("a third")], ..took(1, 1) }
}

fn troubled(confusable: bool, timeout: bool) -> Look {
    let trouble = Trouble { what: "it broke".to_owned(), confusable, timeout };
    Look { status: None, trouble: Some(trouble), ..took(400, 400) }
}

/// What is read of one clause in these calls, in a spec that asks for every clause that is used here.
#[track_caller]
fn check(clause: &str, looks: Vec<Look>, expected: &str) {
    let readings = spec::<Http>(LIMIT).judge(&Observation { looks, ..Observation::default() });
    let at = readings.iter().position(|r| r.clause.0 == clause).expect("the clause is read");
    assert_eq!(told(&readings)[at], expected, "{clause}");
}

#[test]
fn a_clause_is_held_by_calls_and_never_by_none() {
    for clause in ["http/status", "http/json", "http/headers", "http/within"] {
        check(clause, vec![took(1, 1), took(2, 2)], "held");
    }
    let nothing = spec::<Http>(LIMIT).judge(&Observation::default());
    assert!(!nothing.iter().any(|r| matches!(r.found, Found::Held { .. })), "{nothing:?}");
}

#[test]
fn a_time_is_held_against_its_limit_as_an_interval() {
    check("http/within", vec![took(1, 300)], "held");
    check("http/within", vec![took(300, 301)], "counted 0+1/1");
    check("http/within", vec![took(10, 5000)], "counted 0+1/1");
    check("http/within", vec![took(301, 302)], "counted 1+0/1");
    check("http/within", vec![took(1, 2), took(301, 302), took(299, 400), took(900, 900)], "counted 2+1/4");
}

#[test]
fn a_call_that_timed_out_is_slow_and_one_that_broke_off_is_not() {
    check("http/within", vec![troubled(true, true)], "counted 1+0/1");
    check("http/within", vec![troubled(true, false)], "unseen no answer came whose time could be taken");
    check("http/within", vec![troubled(true, false), took(1, 1)], "held");
}

#[test]
fn a_timeout_that_this_machine_slept_through_is_not_blamed_and_no_pass_either() {
    let slept = || Look { took: Interval { lo: ms(90), hi: ms(400) }, ..troubled(true, true) };
    let woke = || Look { took: Interval { lo: ms(390), hi: ms(400) }, ..troubled(true, true) };
    check("http/status", vec![slept()], "counted 0+1/1");
    check("http/status", vec![woke(), slept(), woke()], "counted 2+1/3");
    check("http/status", vec![Look { took: Interval { lo: ms(90), hi: ms(400) }, ..troubled(true, false) }], "counted 1+0/1");
}

#[test]
fn noise_is_counted_and_what_noise_cannot_make_is_proof() {
    check("http/status", vec![took(1, 1), troubled(true, true), missing("http/status", true)], "counted 2+0/3");
    check("http/status", vec![took(1, 1), troubled(false, false)], "proof it broke");
    check("http/status", vec![troubled(true, true), missing("http/status", false)], "proof another");
    check("http/status", vec![missing("http/json", false)], "held");
    check("http/json", vec![took(1, 1), missing("http/json", false), took(1, 1)], "proof another");
    check("http/headers", vec![missing("http/json", false)], "held");
}

#[test]
fn what_an_answer_holds_is_read_in_answers_with_a_declared_status_only() {
    let why = "unseen no answer with the declared status came";
    check("http/json", vec![missing("http/status", true)], why);
    check("http/json", vec![troubled(true, true)], why);
    check("http/json", vec![missing("http/status", true), took(1, 1)], "held");
}

#[test]
fn a_finding_says_all_that_was_missed_where_and_how_to_see_it_again() {
    let readings = spec::<Http>(LIMIT).judge(&Observation { looks: vec![missing("http/json", false)], ..Observation::default() });
    let finding = readings.iter().find_map(|r| if let Found::Proof(f) = &r.found { Some(f) } else { None }).expect("one proof");
    assert_eq!((finding.expected.as_str(), finding.observed.as_str(), finding.sent.as_str()), ("one thing", "another", "GET /a"));
    assert_eq!((finding.at.map(|at| (at.line, at.column)), finding.again.as_deref()), (Some((3, 7)), Some("curl")));
    assert_eq!((finding.request_id.as_deref(), finding.trace_id.as_deref()), (Some("r"), Some("t")));
    assert!(finding.details.contains(&("also".to_owned(), "expected one thing, got a third".to_owned())), "{finding:?}");
    assert!(finding.details.iter().any(|(name, _)| name == "took"), "{finding:?}");
}

#[test]
fn more_calls_are_pointless_after_a_proof_or_three_bad_ones_of_a_kind() {
    #[track_caller]
    fn check(looks: Vec<Look>, expected: bool) {
        assert_eq!(Observation { looks, ..Observation::default() }.is_enough(&spec::<Http>(LIMIT), 3), expected);
    }
    check(vec![took(1, 1)], false);
    check(vec![missing("http/status", true), missing("http/status", true)], false);
    check(vec![missing("http/status", true), missing("http/status", true), troubled(true, false)], true);
    check(vec![took(301, 301), took(301, 301), took(299, 301)], false);
    check(vec![took(301, 301), took(301, 301), took(301, 301)], true);
    check(vec![missing("http/json", false)], true);
}

/// Mistakes that only the whole spec shows: their line and column, and what is said.
#[track_caller]
fn mistakes(yaml: &str, expected: &[&str]) {
    let told: Vec<String> =
        spec::<Http>(yaml).demands().mistakes.iter().map(|m| format!("{}:{} {}", m.at.line, m.at.column, m.what)).collect();
    assert_eq!(told, expected, "{yaml}");
}

#[test]
fn a_spec_that_would_prove_nothing_is_a_mistake() {
    mistakes("{ get: /a, samples: 20, echoes: [request-id], wait: 2s, expect: { within: 1s } }", &[]);
    mistakes("{ get: /a, samples: 0 }", &["1:21 http.samples: no call is made with 0 samples"]);
    mistakes("{ get: /a, samples: 1001 }", &["1:21 http.samples: more than 1000 calls are a load test"]);
    mistakes("{ post: /a, samples: 2 }", &["1:22 http.samples: this request is to be sent once"]);
    mistakes("{ post: /a, samples: 2, repeatable: true }", &[]);
    mistakes("{ get: /a, echoes: [] }", &["1:20 http.echoes: it asks for nothing, so it would prove nothing"]);
    mistakes("{ get: /a, wait: 0s }", &["1:18 http.wait: no answer can come in no time"]);
    mistakes("{ get: /a, expect: { within: 0s } }", &["1:30 http.expect.within: no answer can come in no time"]);
    mistakes(
        "{ get: /a, wait: 1s, expect: { within: 1s } }",
        &["1:18 http.wait: a call that is not waited for longer than `expect.within` cannot be seen to be slow"],
    );
}

#[test]
fn time_is_declared_by_the_limit_and_a_call_is_waited_for_longer_than_that() {
    #[track_caller]
    fn check(yaml: &str, longest: u64, certain: u64, wait: u64) {
        let kind = spec::<Http>(yaml);
        let demands = kind.demands();
        assert_eq!((demands.longest, demands.certain, kind.wait(ms(7500))), (ms(longest), ms(certain), ms(wait)), "{yaml}");
    }
    check("get: /a", 0, 0, 7500);
    check("{ get: /a, expect: { within: 300ms } }", 300, 3900, 1300);
    check("{ get: /a, expect: { within: 20s }, samples: 2 }", 40_000, 120_000, 40_000);
    check("{ post: /a, expect: { within: 20s } }", 20_000, 40_000, 40_000);
    check("{ get: /a, wait: 20s }", 20_000, 60_000, 20_000);
}

#[test]
fn a_request_that_changes_something_is_sent_once_unless_it_says_otherwise() {
    for (yaml, once) in [
        ("get: /a", false),
        ("post: /a", true),
        ("put: /a", true),
        ("delete: /a", true),
        ("{ post: /a, repeatable: true }", false),
        ("{ get: /a, repeatable: false }", true),
    ] {
        assert_eq!(spec::<Http>(yaml).demands().sent_once, once, "{yaml}");
    }
}

#[test]
fn a_control_keeps_or_breaks_the_clause_and_costs_less_than_a_second() {
    let control = |yaml: &str, clause, twin| spec::<Http>(yaml).control(ClauseId(clause), twin);
    let head = |script: Option<Script>| match script.expect("a control can be made").steps.remove(0) {
        ScriptStep::Answer { bytes, .. } => String::from_utf8_lossy(&bytes).lines().next().unwrap_or_default().to_owned(),
        other => format!("{other:?}"),
    };
    assert_eq!(head(control("{ get: /a, expect: { status: [404, 410] } }", "http/status", Twin::Good)), "HTTP/1.1 404 Control");
    assert_eq!(head(control("get: /a", "http/status", Twin::Bad)), "Reset");
    let slow = control(LIMIT, "http/within", Twin::Bad).expect("a control can be made").costs;
    assert!(slow > ms(300) && slow < ms(600), "{slow:?}");
    assert!(control("{ get: /a, expect: { within: 5s } }", "http/within", Twin::Bad).is_none(), "it would cost too much");
    assert!(control(LIMIT, "http/json", Twin::Good).is_none());
}
