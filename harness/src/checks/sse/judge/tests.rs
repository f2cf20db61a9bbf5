//! Cases by hand for what real servers do not do on demand: order, loss, seams, batches, guard bands.

use super::super::Sse;
use super::super::look::{Arrival, Batch, Cut, Delay, Ended, Fetched, Job, Leg, Live, Observation, Own, Replay, Subscriber, Tape};
use super::judge;
use crate::kind::testing::{spec, told};
use crate::kind::{Seen, Snag};
use crate::model::Interval;
use std::time::Duration;

const MS: fn(u64) -> Duration = Duration::from_millis;
const SPEC: &str = "get: /events, timely-within: 250ms, drive: { post: /jobs, id: $.id }, identify: { job: $.job, order: [event-id, $.n] }, \
                    ends-with: [done, failed], cuts: 2, progress: $.p, result: { get: '/jobs/${id}' }";

fn kind(more: &str) -> Sse {
    spec::<Sse>(&format!("{{ {SPEC}{more} }}"))
}

/// Events as `ID JOB.N NAME`, one every millisecond; `-` is none, `~` after a number is progress.
fn arrivals(text: &str) -> Vec<Arrival> {
    let one = |(i, line): (usize, &str)| {
        let mut words = line.split_whitespace();
        let mut word = || words.next().filter(|w| *w != "-").map(str::to_owned);
        let (id, place, name) = (word(), word(), word().unwrap_or_default());
        let (name, progress) = name.split_once('~').map_or((name.clone(), None), |(n, p)| (n.to_owned(), p.parse().ok()));
        let (job, number) =
            place.as_deref().and_then(|p| p.split_once('.')).map_or((None, None), |(j, n)| (Some(j.to_owned()), n.parse().ok()));
        let hash = format!("{job:?}{number:?}{name}{progress:?}");
        Arrival { at: MS(100 + i as u64), id, job, sequence: number, progress, name, hash, ..Arrival::default() }
    };
    text.split(',').map(str::trim).filter(|l| !l.is_empty()).enumerate().map(one).collect()
}

fn tape(name: &str, events: &str) -> Tape {
    let arrivals = arrivals(events);
    let head = Seen {
        status: Some(200),
        headers: vec![("content-type".to_owned(), "text/event-stream; charset=utf-8".to_owned())],
        ..Seen::default()
    };
    Tape { name: name.to_owned(), head, events: arrivals.len() as u64, bytes: 100, arrivals, ..Tape::default() }
}

fn jobs(names: &str) -> Vec<Job> {
    names.split_whitespace().map(|id| Job { id: id.to_owned(), sent: MS(10), answered: MS(20) }).collect()
}

fn live(names: &str, tapes: Vec<Tape>) -> Live {
    let subscribers = tapes.into_iter().map(|tape| Subscriber { tape, ..Subscriber::default() }).collect();
    let mut live = Live { subscribers, is_drained: true, left: MS(10_000), ..Live::default() };
    live.ledger.jobs = jobs(names);
    live
}

fn observed(clause: &str, live: Live) -> Observation {
    Observation { asked: vec![clause.to_owned()], live, ..Observation::default() }
}

#[track_caller]
fn check(clause: &str, names: &str, events: &str, expected: &str) {
    let told = told(&judge(&kind("").spec, &observed(clause, live(names, vec![tape("direct", events)]))));
    assert!(told[0].strip_prefix("direct: ").unwrap_or(&told[0]).starts_with(expected), "{told:?}");
}

const ORDERED: &str = "sse/ordered";
const IDENTIFIED: &str = "sse/identified";
const ENDS: &str = "sse/ends";
const GOOD: &str = "1 a.0 accepted, 2 b.0 accepted, 3 a.1 progress~50, 4 a.2 done, 5 b.1 progress~20, 6 b.2 done";

#[test]
fn events_in_their_order_are_held_and_a_swap_is_proof() {
    check(ORDERED, "a b", GOOD, "held");
    check(ORDERED, "a b", "2 b.0 accepted, 1 a.0 accepted", "proof `accepted` of b, id 2, number 0, then `accepted` of a, id 1, number 0");
    check(ORDERED, "a", "9 a.0 accepted, 10 a.1 done", "held");
    check(ORDERED, "a", "1 a.1 done, 2 a.0 accepted", "proof `done` of a, id 1, number 1, then");
    // Others may do as they like.
    check(ORDERED, "a", "5 x.0 accepted, 3 x.1 done, 7 a.0 accepted", "held");
}

#[test]
fn what_was_acknowledged_and_never_came_is_lost() {
    check(ORDERED, "a b c", GOOD, "proof 1 of 3 acknowledged jobs have no event, c is the first");
    check(ORDERED, "a", "1 a.0 accepted, 3 a.2 done", "proof number 1 of a never came");
    check(ORDERED, "a b", "1 a.0 accepted, 2 b.1 progress, 3 a.1 done", "proof number 0 of b never came");
    check(ORDERED, "", "", "unseen no job was made");
    check(ORDERED, "a", "", "proof 1 of 1 acknowledged jobs have no event");
}

#[test]
fn an_event_that_only_another_subscriber_got_is_lost() {
    let less = GOOD.replace("6 b.2 done", "");
    let seen = observed(ORDERED, live("a b", vec![tape("direct", GOOD), tape("gzip", &less)]));
    let told = told(&judge(&kind("").spec, &seen));
    assert_eq!(told[0], "direct: held");
    assert!(
        told[1].starts_with("gzip: proof 1 events came on the stream `direct` and not here, the first is `done` of b, id 6"),
        "{told:?}"
    );
}

#[test]
fn an_event_that_another_subscriber_got_just_before_we_left_is_not_lost() {
    let less = GOOD.replace("6 b.2 done", "");
    let mut live = live("a b", vec![tape("direct", GOOD), tape("gzip", &less)]);
    live.left = MS(300);
    assert_eq!(told(&judge(&kind("").spec, &observed(ORDERED, live))), ["direct: held", "gzip: held"]);
}

#[test]
fn without_an_id_no_order_is_held_and_events_are_counted() {
    let by_id = spec::<Sse>(&format!("{{ {SPEC} }}").replace("[event-id, $.n]", "event-id"));
    let judged = |tapes| told(&judge(&by_id.spec, &observed(ORDERED, live("a", tapes))));
    assert!(judged(vec![tape("direct", "- a. x, - a. done")])[0].starts_with("direct: unseen no event of the driven jobs has an id"));
    // What each delivery stamps anew is the same event all the same; one less of it is lost.
    let stamped = |n: usize| {
        let mut tape = tape(["direct", "gzip"][n % 2], "1 a. x, - a. y, - a. y");
        tape.arrivals.iter_mut().for_each(|a| a.hash += &n.to_string());
        tape
    };
    assert_eq!(judged(vec![stamped(0), stamped(1)]), ["direct: held", "gzip: held"]);
    let mut less = stamped(1);
    less.arrivals.pop();
    assert!(judged(vec![stamped(0), less])[1].starts_with("gzip: proof 1 events came on the stream `direct` and not here"));
}

#[test]
fn nothing_is_lost_on_a_stream_that_did_not_live_to_see_it() {
    let mut cut = tape("direct", "1 a.0 accepted");
    cut.ended =
        Some(Ended::Broken { snag: Snag { name: "reset".to_owned(), text: "reset".to_owned(), confusable: true }, in_event: false });
    let told_of = |seen: &Observation| told(&judge(&kind("").spec, seen));
    assert!(
        told_of(&observed(ORDERED, live("a b", vec![cut])))[0]
            .starts_with("direct: unsure the stream broke off after the event at +100 ms")
    );
    let mut early = live("a b", vec![tape("direct", "1 a.0 accepted")]);
    early.is_drained = false;
    assert!(told_of(&observed(ORDERED, early))[0].starts_with("direct: unseen the deadline came"));
}

#[test]
fn an_id_that_is_missing_or_stands_twice_is_proof() {
    check(IDENTIFIED, "a b", GOOD, "held");
    check(IDENTIFIED, "a", "1 a.0 accepted, - a.1 done", "proof 1 of 2 events have none, the first is `done` of a, number 1");
    check(IDENTIFIED, "a", "1 a.0 accepted, 1 a.1 done", "proof id 1 stands on two different events");
    check(IDENTIFIED, "a", "1 a.0 accepted, 1 a.0 accepted", "proof id 1 stands on the same event twice");
    check(IDENTIFIED, "a", "1 a.0 accepted, 2 a.0 accepted", "proof number 0 of a stands on the same event twice");
    check(IDENTIFIED, "a", "1 x.0 other, - x.1 other", "unseen no event of the driven jobs came");
}

#[test]
fn a_job_ends_once_and_after_all_else() {
    check(ENDS, "a b", GOOD, "held");
    check(ENDS, "a", "1 a.0 accepted, 2 a.1 progress", "proof none within 10.00 s for 1 of 1 jobs: a, its last is `progress`");
    check(ENDS, "a", "1 a.0 done, 2 a.1 done", "proof two of a: `done` of a, id 1, number 0, then `done` of a, id 2");
    check(ENDS, "a", "1 a.0 failed, 2 a.1 done", "proof two of a");
    check(ENDS, "a", "1 a.0 done, 2 a.1 progress~90", "proof `done` of a, id 1, number 0, then `progress`");
    check(ENDS, "a", "1 a.0 progress~50, 2 a.1 progress~40, 3 a.2 done", "proof 50 in `progress` of a, id 1, number 0, then 40 in");
    check(ENDS, "a", "1 a.0 progress~50, 2 a.1 progress~50, 3 a.2 done~100", "held");
}

#[test]
fn a_result_that_is_not_there_at_once_is_proof_and_a_503_is_counted() {
    let with = |status: u16, fine: bool| {
        let mut seen = observed(ENDS, live("a b", vec![tape("direct", GOOD)]));
        seen.ends.results = vec![
            Fetched { job: "a".to_owned(), seen: Seen { status: Some(200), ..Seen::default() }, fine: true, missed: None },
            Fetched { job: "b".to_owned(), seen: Seen { status: Some(status), ..Seen::default() }, fine, missed: None },
        ];
        told(&judge(&kind("").spec, &seen))[1].clone()
    };
    assert_eq!(with(200, true), "result: held");
    assert_eq!(with(404, false), "result: proof 404 without a body, right after the terminal event of b; 1 of 2 failed");
    assert_eq!(with(503, false), "result: counted 1+0/2");
}

/// Delays of first events as `LO..HI` in milliseconds.
fn timely(more: &str, delays: &[(u64, u64)], pairs: u32, together: u32) -> Vec<String> {
    let mut seen = observed("sse/timely", live("a", vec![tape("direct", GOOD)]));
    let subscriber = &mut seen.live.subscribers[0];
    subscriber.delays = delays.iter().map(|(lo, hi)| Delay { job: "a".to_owned(), took: Interval { lo: MS(*lo), hi: MS(*hi) } }).collect();
    subscriber.batch = Batch { pairs, together, ..Batch::default() };
    told(&judge(&spec::<Sse>(&format!("{{ {SPEC} }}").replace("id: $.id", &format!("id: $.id{more}"))).spec, &seen))
}

#[test]
fn late_events_are_counted_beyond_one_in_a_hundred() {
    assert_eq!(timely("", &[(1, 5); 20], 20, 0), ["direct: held", "direct/batch: held"]);
    let of = |late: usize, of: usize| -> String {
        let delays: Vec<_> = (0..of).map(|i| if i < late { (251, 300) } else { (1, 5) }).collect();
        timely(", repeatable: true", &delays, 20, 0)[0].clone()
    };
    assert_eq!(of(1, 20), "direct: counted 1+0/20");
    assert_eq!(of(1, 100), "direct: held");
    assert_eq!(of(2, 100), "direct: counted 1+0/100");
    let near: Vec<_> = (0..20).map(|i| if i < 1 { (200, 300) } else { (1, 5) }).collect();
    assert_eq!(timely("", &near, 20, 0)[0], "direct: counted 0+1/20 once");
    // One late event could be noise, and a submit is not made again: that is a doubt, and three are none.
    let two: Vec<_> = (0..20).map(|i| if i < 2 { (251, 300) } else { (1, 5) }).collect();
    assert!(timely("", &two, 20, 0)[0].starts_with("direct: unsure 2 of 20 events came late"));
    let three: Vec<_> = (0..20).map(|i| if i < 3 { (251, 300) } else { (1, 5) }).collect();
    assert_eq!(timely("", &three, 20, 0)[0], "direct: counted 3+0/20 once");
}

#[test]
fn events_that_never_come_are_late_too() {
    let one = timely("", &[], 0, 0);
    assert!(one[0].starts_with("direct: unsure 1 of 1 events came late, 1 of them never"), "{one:?}");
    assert_eq!(one[1], "direct/batch: unseen no event of 1 jobs came");
    let mut seen = observed("sse/timely", live("a b c d", vec![tape("direct", "")]));
    let told_of = |seen: &Observation| told(&judge(&kind("").spec, seen));
    assert_eq!(told_of(&seen)[0], "direct: counted 4+0/4 once");
    // Before all had drained nobody knows.
    seen.live.is_drained = false;
    assert_eq!(told_of(&seen)[0], "direct: unseen no event of 4 jobs came");
}

#[test]
fn a_fifth_of_the_pairs_may_come_together_and_too_few_pairs_prove_nothing() {
    assert_eq!(timely("", &[(1, 5); 20], 20, 4)[1], "direct/batch: held");
    assert_eq!(timely("", &[(1, 5); 20], 20, 5)[1], "direct/batch: counted 5+0/20 once");
    assert!(timely("", &[(1, 5); 20], 19, 19)[1].starts_with("direct/batch: unsure 19 pairs"));
}

fn leg(last_id: &str, events: &str, cut: bool) -> Leg {
    let mut tape = tape("client", events);
    tape.opened = MS(102);
    Leg {
        last_id: Some(last_id.to_owned()).filter(|id| !id.is_empty()),
        tape,
        cut: cut.then_some(Cut { at: MS(100), is_reset: true, in_event: false }),
    }
}

#[track_caller]
fn replayed(witness: &str, legs: Vec<Leg>, expected: &str) {
    replayed_so(witness, legs, |_| (), expected);
}

#[track_caller]
fn replayed_so(witness: &str, legs: Vec<Leg>, change: impl FnOnce(&mut Replay), expected: &str) {
    let mut seen = Observation { asked: vec!["sse/replay".to_owned()], ..Observation::default() };
    seen.replay.ledger.jobs = jobs("a");
    seen.replay.witness = Some(tape("witness", witness));
    seen.replay.legs = legs;
    seen.replay.is_drained = true;
    seen.replay.left = MS(10_000);
    change(&mut seen.replay);
    let told = told(&judge(&kind("").spec, &seen));
    assert!(told[0].starts_with(expected), "{told:?}");
}

const ALL: &str = "1 a.0 x, 2 a.1 x, 3 a.2 x, 4 a.3 x, 5 a.4 x, 6 a.5 x";

#[test]
fn exactly_the_rest_is_held_and_too_few_seams_prove_nothing() {
    let whole = || vec![leg("", "1 a.0 x, 2 a.1 x", true), leg("2", "3 a.2 x, 4 a.3 x", true), leg("4", "5 a.4 x, 6 a.5 x", false)];
    replayed(ALL, whole(), "held");
    // The client came a little later than the witness.
    replayed(&format!("0 a.9 x, {ALL}"), whole(), "held");
    replayed(ALL, vec![leg("", "1 a.0 x, 2 a.1 x", true), leg("2", "3 a.2 x, 4 a.3 x, 5 a.4 x, 6 a.5 x", false)], "unsure 1 of 2 cuts");
    replayed(ALL, vec![leg("", "", true), leg("2", "", true), leg("2", "", false)], "unsure 0 of 2 cuts");
}

#[test]
fn a_gap_is_told_by_its_place() {
    let seam = vec![leg("", "1 a.0 x, 2 a.1 x", true), leg("2", "4 a.3 x", true), leg("4", "5 a.4 x, 6 a.5 x", false)];
    replayed(
        ALL,
        seam,
        "proof a gap at a seam: `x` of a, id 3, number 2 came to the witness, and never here, 2.0 ms after the cut, while the client was away",
    );
    let inside = vec![leg("", "1 a.0 x, 2 a.1 x", true), leg("2", "3 a.2 x", true), leg("3", "4 a.3 x, 6 a.5 x", false)];
    replayed(ALL, inside, "proof a gap inside connection 3: `x` of a, id 5");
    let tail = vec![leg("", "1 a.0 x, 2 a.1 x", true), leg("2", "3 a.2 x, 4 a.3 x", true), leg("4", "5 a.4 x", false)];
    replayed(ALL, tail, "proof a gap inside connection 3: `x` of a, id 6");
}

#[test]
fn what_comes_twice_or_otherwise_is_proof() {
    let twice = vec![leg("", "1 a.0 x, 2 a.1 x", true), leg("2", "2 a.1 x, 3 a.2 x, 4 a.3 x", true), leg("4", "5 a.4 x, 6 a.5 x", false)];
    replayed(ALL, twice, "proof an event twice at a seam: `x` of a, id 2, number 1 had come before");
    let full = vec![leg("", "1 a.0 x, 2 a.1 x, 3 a.2 x", true), leg("3", "1 a.0 x, 2 a.1 x, 3 a.2 x, 4 a.3 x, 5 a.4 x, 6 a.5 x", false)];
    replayed(
        ALL,
        full,
        "proof an event twice at a seam: `x` of a, id 1, number 0 had come before, and 2 more of the 6 events of this connection",
    );
    let swapped = vec![leg("", "1 a.0 x, 2 a.1 x", true), leg("2", "4 a.3 x, 3 a.2 x", true), leg("4", "5 a.4 x, 6 a.5 x", false)];
    replayed(ALL, swapped, "proof out of order: `x` of a, id 4, number 3, then `x` of a, id 3");
    let old = vec![leg("", "1 a.0 x, 2 a.1 x", true), leg("2", "0 a.9 x, 3 a.2 x, 4 a.3 x", true), leg("4", "5 a.4 x, 6 a.5 x", false)];
    replayed(ALL, old, "proof `x` of a, id 0, number 9 came here, and not to the witness");
}

#[test]
fn a_reconnect_that_is_refused_takes_the_ground_away() {
    let mut refused = leg("2", "", false);
    refused.tape.head = Seen { status: Some(503), ..Seen::default() };
    replayed(ALL, vec![leg("", "1 a.0 x, 2 a.1 x", true), refused], "unseen 1 of 1 reconnects were answered by no stream: 503");
}

#[test]
fn what_is_not_ours_and_what_may_be_on_its_way_is_not_held_against_a_replay() {
    let hello = "- - connected";
    let greeted = |witness: &str, hello: &str| {
        let legs = vec![
            leg("", &format!("{hello}, 1 a.0 x, 2 a.1 x"), true),
            leg("2", &format!("{hello}, 3 a.2 x, 9 z.1 y, 9 z.1 y, 4 a.3 x"), true),
            leg("4", &format!("{hello}, 5 a.4 x, 6 a.5 x"), false),
        ];
        replayed(&format!("{witness}, {ALL}, 8 z.0 y"), legs, "held");
    };
    greeted(hello, hello);
    greeted("- - connected-to-another", hello);
    // An event that one of both had not yet got when we left.
    let short = || vec![leg("", "1 a.0 x, 2 a.1 x", true), leg("2", "3 a.2 x, 4 a.3 x", true), leg("4", "5 a.4 x", false)];
    replayed_so(ALL, short(), |r| r.left = MS(300), "held");
    let more = || vec![leg("", "1 a.0 x, 2 a.1 x", true), leg("2", "3 a.2 x, 4 a.3 x", true), leg("4", "5 a.4 x, 6 a.5 x, 7 a.6 x", false)];
    replayed(ALL, more(), "proof `x` of a, id 7, number 6 came here");
    replayed_so(ALL, more(), |r| r.left = MS(300), "held");
    replayed_so(ALL, more(), |r| r.is_drained = false, "unseen the deadline came");
    replayed_so(ALL, more(), |r| (r.is_drained, r.is_gone) = (false, true), "unsure the client stopped coming back after 3 connections");
    let ended = |r: &mut Replay| r.witness.as_mut().unwrap().ended = Some(Ended::Whole { in_event: false });
    replayed_so(ALL, more(), ended, "unsure the service ended the stream");
}

#[test]
fn jobs_may_reach_two_connections_in_another_order_unless_ids_promise_it() {
    let two = "1 a.0 x, 2 b.0 x, 3 a.1 x, 4 b.1 x, 5 a.2 x, 6 b.2 x";
    let legs = || vec![leg("", "2 b.0 x, 1 a.0 x", true), leg("2", "3 a.1 x, 5 a.2 x, 4 b.1 x", true), leg("4", "6 b.2 x", false)];
    let mut seen = Observation { asked: vec!["sse/replay".to_owned()], ..Observation::default() };
    seen.replay = Replay { witness: Some(tape("witness", two)), legs: legs(), is_drained: true, left: MS(10_000), ..Replay::default() };
    seen.replay.ledger.jobs = jobs("a b");
    let per_job = spec::<Sse>(&format!("{{ {SPEC} }}").replace("[event-id, $.n]", "$.n"));
    assert_eq!(told(&judge(&per_job.spec, &seen)), ["held"]);
    assert!(told(&judge(&kind("").spec, &seen))[0].starts_with("proof out of order: `x` of b, id 2"), "ids are ordered over the stream");
    // Ids that count the events of each job stand on two events, and neither is the other.
    let counted = "1 a.0 x, 1 b.0 x, 2 a.1 x, 2 b.1 x, 3 a.2 x, 3 b.2 x";
    seen.replay.witness = Some(tape("witness", counted));
    seen.replay.legs = vec![leg("", "1 a.0 x, 1 b.0 x", true), leg("1", "2 a.1 x, 2 b.1 x", true), leg("2", "3 a.2 x, 3 b.2 x", false)];
    assert_eq!(told(&judge(&per_job.spec, &seen)), ["held"]);
    seen.replay.legs[1].tape.arrivals.pop();
    assert!(told(&judge(&per_job.spec, &seen))[0].starts_with("proof a gap at a seam: `x` of b, id 2"));
}

#[test]
fn ids_are_missing_only_where_an_event_of_ours_came_without_one() {
    let bare = |events: &str| vec![leg("", events, true), leg("", "", true), leg("", "", false)];
    replayed(ALL, bare("- a.0 x"), "proof no event has an id");
    replayed(ALL, bare(""), "unsure 0 of 2 cuts");
    replayed(ALL, bare("- - connected"), "unsure 0 of 2 cuts");
}

#[test]
fn seams_into_which_nothing_fell_prove_nothing() {
    let mut legs = vec![leg("", "1 a.0 x, 2 a.1 x", true), leg("2", "3 a.2 x, 4 a.3 x", true), leg("4", "5 a.4 x, 6 a.5 x", false)];
    legs.iter_mut().for_each(|l| l.tape.opened = MS(100));
    replayed(ALL, legs, "unsure something was produced while the client was away in 0 of 2 cuts, and 1 are needed");
}

#[test]
fn connections_that_are_left_before_anything_new_came_prove_nothing_of_what_is_new() {
    let mut legs = vec![leg("", "1 a.0 x, 2 a.1 x", true), leg("2", "3 a.2 x, 4 a.3 x", true), leg("4", "5 a.4 x, 6 a.5 x", false)];
    legs.iter_mut().skip(1).for_each(|l| l.tape.opened = MS(9_000));
    replayed(ALL, legs, "unsure after 0 of 2 cuts the client got from what it had missed to what was new, and 1 are needed");
}

#[test]
fn who_comes_back_so_often_may_be_told_to_wait() {
    let mut wait = leg("2", "", false);
    wait.tape.head = Seen { status: Some(429), ..Seen::default() };
    let mut seen = Observation { asked: vec!["sse/type".to_owned()], opened: vec![tape("", "")], ..Observation::default() };
    seen.replay.legs = vec![leg("", "1 a.0 x", true), wait.clone(), wait.clone(), wait];
    assert_eq!(told(&judge(&kind("").spec, &seen))[0], "held");
}

#[test]
fn the_stream_of_one_job_may_say_that_it_closes_and_nothing_more_of_the_job() {
    let own = |events: &str| {
        let mut tape = tape("per-job", events);
        tape.ended = Some(Ended::Whole { in_event: false });
        let mut seen = observed(ENDS, live("a b", vec![self::tape("direct", GOOD)]));
        seen.ends.own = vec![Own { job: jobs("a").pop(), tape, is_watched: true, ..Own::default() }];
        told(&judge(&kind(", per-job: { get: '/jobs/${id}/events' }").spec, &seen))
    };
    let of = |told: Vec<String>| told.into_iter().find(|t| t.starts_with("per-job: ")).unwrap();
    assert_eq!(of(own("1 a.0 x, 2 a.1 done, - - close")), "per-job: held");
    assert!(of(own("1 a.0 x, 2 a.1 done, 3 a.2 x")).starts_with("per-job: proof `done` of a, id 2, number 1, then `x`"));
    assert!(of(own("1 a.0 x, 2 a.1 done, - - x~40")).starts_with("per-job: proof `done` of a, id 2, number 1, then `x`"));
}
