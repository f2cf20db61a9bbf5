//! The nine rules on hand-written readings; each case stands beside its broken twin.

use super::*;
use crate::model::{At, Source};
use proptest::prelude::*;

const A: ClauseId = ClauseId("x/a");
const B: ClauseId = ClauseId("x/b");

fn asks(clause: ClauseId, scope: Scope) -> Asked {
    let source = Arc::new(Source::new("s.suite.yaml", "first line\n  within: 5s\n"));
    let at = At { line: 2, column: 3, start: 13, len: 6 };
    Asked { clause, origin: Origin { source, at }, always: true, impact: Impact::Read, scope }
}

fn one() -> Vec<Asked> {
    vec![asks(A, Scope::Here)]
}

fn finding() -> Finding {
    Finding::new("200", "503")
}

fn n(n: u32) -> NonZeroU32 {
    NonZeroU32::new(n).expect("tests count from one")
}

fn counted(bad: u32, near: u32, of: u32) -> Vec<Reading> {
    vec![Reading::of(A, Found::Counted { bad, near, of: n(of), worst: finding(), repeatable: true })]
}

fn once(bad: u32, near: u32, of: u32) -> Vec<Reading> {
    vec![Reading::of(A, Found::Counted { bad, near, of: n(of), worst: finding(), repeatable: false })]
}

fn held() -> Vec<Reading> {
    vec![Reading::of(A, Found::Held { n: n(5) })]
}

/// One round was probed.
fn first() -> History {
    History { rounds: 1, looked: Duration::from_secs(1), ..History::default() }
}

fn sound() -> History {
    History { controls: vec![(A, Control::Sound)], ..first() }
}

/// The case was sent back when so much had been counted.
fn after(of: u32, near: u32) -> History {
    History { rounds: 2, bases: [((A, Case::Borrowed("")), Base { of, near })].into(), ..sound() }
}

/// `fail`, `pass`, …; or `again 60`, `control`, `anew`; with the words that the clause says.
#[track_caller]
fn check(asked: &[Asked], seen: &[Reading], history: &History, expected: &str) {
    let told = match next(asked, seen, history) {
        Step::Again(round) => format!("again {}", round.samples.map_or(0, NonZeroU32::get)),
        Step::Anew => "anew".to_owned(),
        Step::Control(clause) => format!("control {clause}"),
        Step::Settled(settled) => {
            let why = settled.clauses.iter().find_map(|c| c.why.clone());
            let why = settled.reason.or(why).map(|w| format!(": {w}")).unwrap_or_default();
            format!("{}{why}", settled.verdict)
        }
    };
    let is_so = told == expected || told.starts_with(&format!("{expected}:")) || (expected.contains(':') && told.starts_with(expected));
    assert!(is_so, "{told:?} is not {expected:?}");
}

#[test]
fn rule_1_nothing_judged_is_never_a_pass() {
    check(&one(), &held(), &first(), "pass");
    check(&one(), &[], &first(), "inconclusive: it was asked for, and nothing of it was seen");
    check(&[], &[], &first(), "inconclusive: it asks for no clause");
    check(&[], &held(), &first(), "inconclusive: it asks for no clause");
    let unseen = [Reading::of(A, Found::Unseen { why: Unseen::NothingToJudge("an empty stream".into()) })];
    check(&one(), &unseen, &first(), "inconclusive: an empty stream");
    check(&one(), &[Reading::of(A, Found::held(0, "no sample"))], &first(), "inconclusive: no sample");
}

#[test]
fn rule_1_a_look_that_was_cut_short_is_never_a_pass() {
    let cut = |ended| History { ended: Some(ended), ..first() };
    check(&one(), &held(), &cut(Ended::Complete), "pass");
    check(&one(), &held(), &cut(Ended::OutOfTime), "inconclusive: all that was seen held, and the deadline came");
    check(&one(), &held(), &cut(Ended::Cancelled), "inconclusive: all that was seen held, and the run was interrupted");
    let broken = [Reading::of(A, Found::Proof(finding()))];
    check(&one(), &broken, &cut(Ended::OutOfTime), "fail");
}

#[test]
fn rule_1_what_may_not_be_judged_here_is_no_trouble_unless_skips_are_denied() {
    let denied = History { deny_skips: true, ..first() };
    let both = [asks(A, Scope::Here), asks(B, Scope::NotHere("production".into()))];
    check(&both, &held(), &first(), "pass");
    check(&both, &held(), &denied, "inconclusive: a clause may not be judged here");
    let none = [asks(B, Scope::NotHere("production".into()))];
    check(&none, &[], &first(), "skip: production");
    check(&none, &[], &denied, "inconclusive");
    let by_stand = [Reading::of(A, Found::Unseen { why: Unseen::NotPermitted("no stand".into()) })];
    check(&one(), &by_stand, &first(), "skip: no stand");
    check(&one(), &by_stand, &denied, "inconclusive");
}

#[test]
fn rule_1_what_is_not_due_is_told_and_no_skip_but_alone_it_is_never_a_pass() {
    let denied = History { deny_skips: true, ..first() };
    let both = [asks(A, Scope::Here), asks(B, Scope::Here)];
    let quiet = |clause| Reading::of(clause, Found::Unseen { why: Unseen::NotDue("nothing came".into()) });
    let beside = [held().remove(0), quiet(B)];
    check(&both, &beside, &first(), "pass: nothing came");
    check(&both, &beside, &denied, "pass: nothing came");
    check(&one(), &[quiet(A)], &first(), "skip: nothing came");
    check(&one(), &[quiet(A)], &denied, "inconclusive: nothing came");
    let Step::Settled(settled) = next(&both, &beside, &denied) else { panic!("there is no more to see") };
    let verdicts: Vec<_> = settled.clauses.iter().map(|c| c.verdict).collect();
    assert_eq!(verdicts, [ClauseVerdict::Held, ClauseVerdict::NotJudged]);
}

#[test]
fn rule_1_one_clause_seen_does_not_speak_for_another() {
    let both = [asks(A, Scope::Here), asks(B, Scope::Here)];
    check(&both, &held(), &first(), "inconclusive: it was asked for, and nothing of it was seen");
    check(&both, &[held().remove(0), Reading::of(B, Found::Held { n: n(1) })], &first(), "pass");
}

#[test]
fn rule_2_a_time_near_its_limit_is_measured_finer_and_then_told_as_unsure() {
    check(&one(), &counted(0, 0, 5), &first(), "pass");
    check(&one(), &counted(0, 2, 5), &first(), "again 20");
    check(&one(), &counted(0, 2, 25), &after(5, 2), "pass");
    check(&one(), &counted(0, 3, 25), &after(5, 2), "again 20");
    check(&one(), &counted(0, 2, 6), &after(5, 2), "again 20");
    let last = History { rounds: MOST_ROUNDS, ..after(5, 2) };
    check(&one(), &counted(0, 3, 25), &last, "inconclusive: the limit lies inside the measured interval");
    check(&one(), &once(0, 1, 1), &first(), "inconclusive: the limit lies inside the measured interval");
}

#[test]
fn rule_3_proof_fails_at_one() {
    check(&one(), &[Reading::of(A, Found::Proof(finding()))], &first(), "fail");
    check(&one(), &held(), &first(), "pass");
}

#[test]
fn rule_3_confusable_evidence_fails_at_the_third_of_sixty_fresh_samples() {
    check(&one(), &counted(1, 0, 5), &first(), "again 60");
    // One call that is sent sixty times in all.
    check(&one(), &counted(1, 0, 1), &first(), "again 59");
    check(&one(), &counted(1, 0, 60), &after(1, 0), "inconclusive: intermittent (1 of 60)");
    check(&one(), &counted(2, 0, 35), &after(5, 0), "again 30");
    check(&one(), &counted(3, 0, 40), &after(5, 0), "fail");
    check(&one(), &counted(2, 0, 65), &after(5, 0), "inconclusive: intermittent (2 of 65)");
    check(&one(), &counted(1, 0, 65), &after(5, 0), "inconclusive: intermittent (1 of 65)");
    check(&one(), &counted(0, 0, 65), &after(5, 0), "pass");
    check(&one(), &counted(1, 0, 200), &first(), "again 60");
}

#[test]
fn rule_3_what_may_not_be_sent_again_fails_on_the_first() {
    check(&one(), &once(1, 0, 1), &sound(), "fail: seen once, not repeated");
    check(&one(), &once(0, 0, 1), &sound(), "pass");
    check(&one(), &once(1, 0, 1), &first(), "control x/a");
}

#[test]
fn rule_3_when_time_is_up_the_samples_so_far_decide() {
    let late = History { ended: Some(Ended::OutOfTime), ..sound() };
    check(&one(), &counted(3, 0, 5), &late, "fail");
    check(&one(), &counted(2, 0, 5), &late, "inconclusive: 2 of 5 bad, and no time was left");
    check(&one(), &counted(0, 1, 5), &late, "inconclusive: the limit lies inside");
    check(&one(), &[], &late, "inconclusive: the deadline came before");
    let complete = History { ended: Some(Ended::Complete), ..sound() };
    check(&one(), &counted(2, 0, 5), &complete, "inconclusive: intermittent (2 of 5)");
}

#[test]
fn rule_4_nothing_is_blamed_before_a_control_and_nothing_on_a_broken_machine() {
    let with = |control| History { controls: vec![(A, control)], ..first() };
    check(&one(), &counted(3, 0, 5), &first(), "control x/a");
    check(&one(), &counted(3, 0, 5), &with(Control::Sound), "fail");
    check(&one(), &counted(3, 0, 5), &with(Control::Unmade), "fail");
    check(&one(), &counted(3, 0, 5), &with(Control::Machine("so".into())), "inconclusive: this machine, not the service: so");
    let other = History { controls: vec![(B, Control::Sound)], ..first() };
    check(&one(), &counted(3, 0, 5), &other, "control x/a");
}

#[test]
fn rule_5_a_stall_is_looked_at_anew_and_never_blamed() {
    let stalled = History { stalled: Duration::from_secs(5), ..sound() };
    check(&one(), &counted(5, 0, 5), &stalled, "anew");
    let again = History { restarts: MOST_RESTARTS, ..stalled.clone() };
    check(&one(), &counted(5, 0, 5), &again, "inconclusive: this machine stood still for 5.00 s");
    check(&one(), &held(), &stalled, "pass");
    check(&one(), &[Reading::of(A, Found::Proof(finding()))], &stalled, "fail");
    let short = History { stalled: Duration::from_millis(249), ..sound() };
    check(&one(), &counted(5, 0, 5), &short, "fail");
    let of_a_long_look = History { looked: Duration::from_secs(101), ..stalled.clone() };
    check(&one(), &counted(5, 0, 5), &of_a_long_look, "fail");
    let mut writes = one();
    writes[0].impact = Impact::Write;
    check(&writes, &counted(5, 0, 5), &stalled, "inconclusive: this machine stood still");
}

#[test]
fn rule_8_the_harness_s_own_trouble_is_an_error_and_blames_nobody() {
    let broke = History { ended: Some(Ended::Harness("no descriptors".into())), ..sound() };
    check(&one(), &counted(5, 0, 5), &broke, "error: no descriptors");
    check(&one(), &[], &broke, "error: no descriptors");
    check(&one(), &[Reading::of(A, Found::Proof(finding()))], &broke, "fail");
}

#[test]
fn rule_9_a_finding_points_at_the_line_that_asked() {
    let Step::Settled(settled) = next(&one(), &counted(3, 0, 5), &sound()) else { panic!("it is settled") };
    let finding = settled.clauses[0].finding.clone().expect("it is broken");
    let place = finding.place.expect("it has a place");
    assert_eq!((place.file.as_str(), place.line, place.column, place.width), ("s.suite.yaml", 2, 3, 6));
    assert_eq!(finding.details, [("counted".to_owned(), "3 of 5 bad".to_owned())]);
}

#[test]
fn the_worst_clause_decides() {
    let both = [asks(A, Scope::Here), asks(B, Scope::Here)];
    let proof = Reading::of(B, Found::Proof(finding()));
    let unsure = Reading::of(B, Found::Unsure { why: "dark".into(), wants: None });
    check(&both, &[held().remove(0), proof.clone()], &first(), "fail");
    check(&both, &[held().remove(0), unsure.clone()], &first(), "inconclusive: dark");
    let broke = History { ended: Some(Ended::Harness("h".into())), ..first() };
    check(&both, &[unsure], &broke, "error: h");
    check(&both, &[proof], &broke, "fail: h");
}

#[test]
fn what_an_unsure_reading_wants_it_gets_while_there_is_time() {
    let wants = |wants| vec![Reading::of(A, Found::Unsure { why: "dark".into(), wants })];
    check(&one(), &wants(Some(Want::Samples(n(7)))), &first(), "again 7");
    check(&one(), &wants(Some(Want::Finer(Duration::from_millis(1)))), &first(), "again 20");
    check(&one(), &wants(None), &first(), "inconclusive: dark");
    let late = History { rounds: MOST_ROUNDS, ..first() };
    check(&one(), &wants(Some(Want::Samples(n(7)))), &late, "inconclusive: dark");
}

/// How good what is told is: 0 fail … 3 pass; none while it goes on.
fn goodness(seen: &[Reading], history: &History) -> Option<u8> {
    match next(&one(), seen, history) {
        Step::Settled(s) => Some(match s.verdict {
            Verdict::Fail => 0,
            Verdict::Error => 1,
            Verdict::Pass => 3,
            _ => 2,
        }),
        _ => None,
    }
}

fn any_end() -> impl Strategy<Value = Option<Ended>> {
    let ends = [None, Some(Ended::Complete), Some(Ended::OutOfTime), Some(Ended::Cancelled), Some(Ended::Harness("h".into()))];
    proptest::sample::select(ends.to_vec())
}

proptest! {
    #[test]
    fn more_bad_samples_never_make_a_better_verdict(
        of in 1u32..200, bad in 0u32..200, more in 0u32..200, near in 0u32..50, base in 0u32..200, rounds in 1u8..8,
        repeatable: bool, stalled in 0u64..1000, ended in any_end(),
    ) {
        let of = of.max(bad + more);
        let history = History { rounds, ended, stalled: Duration::from_millis(stalled), restarts: MOST_RESTARTS, ..after(base, near / 2) };
        let read = |bad| vec![Reading::of(A, Found::Counted { bad, near, of: n(of), worst: finding(), repeatable })];
        if let (Some(fewer), Some(many)) = (goodness(&read(bad), &history), goodness(&read(bad + more), &history)) {
            prop_assert!(many <= fewer, "{bad} bad: {fewer}, {} bad: {many}", bad + more);
        }
    }

    #[test]
    fn a_bad_sample_is_never_part_of_a_pass(of in 1u32..200, bad in 1u32..200, near in 0u32..50, base in 0u32..200, rounds in 1u8..8, ended in any_end()) {
        let history = History { rounds, ended, ..after(base, near / 2) };
        prop_assert_ne!(goodness(&counted(bad, near, of.max(bad)), &history), Some(3));
    }
}
