//! Cases by hand for those who may not read, many subscribers, slow ones, those who leave, and restarts.

use super::super::Sse;
use super::super::look::{
    Arrival, Block, CleansUp, Driven, Ended, FanOut, Job, Knock, Ledger, Miss, Observation, Other, Phase, Restart, Skew, Slip, Slow, Stuck,
    Tape,
};
use super::judge;
use crate::kind::testing::{spec, told};
use crate::kind::{Seen, Snag};
use crate::model::Interval;
use std::time::Duration;

const MS: fn(u64) -> Duration = Duration::from_millis;
const PRIVATE: &str = "{ get: /events, drive: { post: /jobs, id: $.id }, identify: { job: $.job }, \
                       private: { without: { get: /events, auth: none }, foreign: { get: '/jobs/${id}/events' }, other: { get: /events } } }";
const FAN_OUT: &str = "{ get: /events, drive: { post: /jobs, id: $.id }, identify: { job: $.job }, fan-out: 3, skew-within: 100ms }";
const SLOW: &str = "{ get: /events, identify: { job: $.job }, slow-consumer: { post: /jobs, id: $.id, json: { note: '${payload}' }, \
                    becomes: evicted, memory: { get: /metrics, gauge: waiting, grows-by: 1MiB } } }";
const CLEANS_UP: &str = "{ get: /events, cleans-up: { get: /metrics, gauge: streams } }";
const RESTART: &str = "{ get: /events, drive: { post: /jobs, id: $.id }, identify: { job: $.job, order: event-id }, restart: service }";

fn head(status: u16, media: &str) -> Seen {
    Seen { status: Some(status), headers: vec![("content-type".to_owned(), media.to_owned())], ..Seen::default() }
}

/// A stream with these events, as `ID JOB NAME`.
fn stream(events: &[&str]) -> Tape {
    let one = |(i, text): (usize, &&str)| {
        let mut words = text.split(' ').map(|word| Some(word.to_owned()).filter(|w| w != "-"));
        let mut word = || words.next().flatten();
        let (id, job) = (word(), word());
        Arrival { at: MS(i as u64), id, job, name: word().unwrap_or_default(), hash: (*text).to_owned(), ..Arrival::default() }
    };
    let arrivals: Vec<Arrival> = events.iter().enumerate().map(one).collect();
    Tape { head: head(200, "text/event-stream"), events: arrivals.len() as u64, bytes: 10, arrivals, ..Tape::default() }
}

fn answered(status: u16) -> Tape {
    Tape { head: head(status, "application/json"), ..Tape::default() }
}

fn broken(mut tape: Tape) -> Tape {
    let snag = Snag { name: "reset".to_owned(), text: "the connection was reset".to_owned(), confusable: true };
    tape.ended = Some(Ended::Broken { snag, in_event: false });
    tape
}

fn ledger(names: &str) -> Ledger {
    let job = |id: &str| Job { id: id.to_owned(), sent: MS(0), answered: MS(1) };
    Ledger { jobs: names.split_whitespace().map(job).collect(), ..Ledger::default() }
}

fn judged(yaml: &str, clause: &str, seen: impl FnOnce(&mut Observation)) -> Vec<String> {
    let mut observation = Observation { asked: vec![clause.to_owned()], ..Observation::default() };
    seen(&mut observation);
    told(&judge(&spec::<Sse>(yaml).spec, &observation))
}

#[track_caller]
fn starts(told: &str, expected: &str) {
    assert!(told.starts_with(expected), "{expected} is not how this begins: {told}");
}

/// What is told of one knock.
#[track_caller]
fn knocked(case: &str, tape: Tape, expected: &str) {
    knocked_as_we(case, tape, None, expected);
}

/// The same, where this came when we asked for it too.
#[track_caller]
fn knocked_as_we(case: &str, tape: Tape, ours: Option<Tape>, expected: &str) {
    let told = judged(PRIVATE, "sse/private", |seen| {
        seen.private.knocks.push(Knock { case: case.to_owned(), tape, ours, is_over: true, ..Knock::default() });
    });
    let told = told.iter().find(|t| t.starts_with(case)).expect("each case is told");
    starts(told, &format!("{case}: {expected}"));
}

#[test]
fn only_a_refusal_before_the_stream_is_one() {
    knocked("without", answered(401), "held");
    knocked("without", answered(403), "held");
    knocked("without", answered(404), "proof 404");
    knocked("foreign", answered(403), "held");
    knocked("without", answered(302), "proof 302");
    knocked("without", answered(503), "counted 1+0/1");
    knocked("without", stream(&["- - error"]), "proof 200 and an event stream that begins with `error`");
    knocked("foreign", stream(&[]), "proof 200 and an event stream that is silent");
}

#[test]
fn a_job_that_is_not_there_for_another_tenant_must_be_there_for_us() {
    knocked_as_we("foreign", answered(404), Some(stream(&[])), "held");
    knocked_as_we("foreign", answered(404), Some(answered(204)), "held");
    let expected = "unseen its answer is 404, and the stream is not there for us either: 404";
    knocked_as_we("foreign", answered(404), Some(answered(404)), expected);
    knocked("foreign", answered(404), "unseen the deadline came");
}

fn others(ours: Tape, theirs: Tape, jobs: &str) -> String {
    let told = judged(PRIVATE, "sse/private", |seen| {
        seen.private.other = Some(Other { ledger: ledger(jobs), ours, theirs, is_drained: true });
    });
    told[2].clone()
}

#[test]
fn one_event_of_ours_on_another_tenants_stream_is_proof_and_an_empty_one_of_ours_is_no_pass() {
    assert_eq!(others(stream(&["1 a x"]), stream(&["9 z x"]), "a"), "other: held");
    starts(&others(stream(&["1 a x"]), stream(&["9 z x", "1 a x"]), "a"), "other: proof 1 events of our jobs on another tenant's stream");
    starts(&others(stream(&[]), stream(&[]), "a"), "other: unseen no event of our jobs came on our own stream either");
    starts(&others(stream(&["1 a x"]), answered(401), "a"), "other: unseen the stream did not open");
    starts(&others(stream(&["1 a x"]), broken(stream(&[])), "a"), "other: unsure the stream broke off");
    starts(&others(broken(stream(&["1 a x"])), stream(&[]), "a b"), "other: unsure the stream broke off");
    starts(&others(stream(&["1 a x"]), stream(&[]), ""), "other: unseen no job was made");
}

fn fanned(drive: FanOut) -> Vec<String> {
    judged(FAN_OUT, "sse/fan-out", |seen| seen.fan_outs.push(drive))
}

fn whole() -> FanOut {
    let skew = |i: usize| Skew { event: format!("event {i}"), took: Interval::exact(MS(10)) };
    FanOut {
        ledger: ledger("a b"),
        asked: 3,
        is_asked: true,
        open: 3,
        sample: Some(stream(&[])),
        events: 20,
        arrivals: 60,
        skews: (0..20).map(skew).collect(),
        is_drained: true,
        is_quiet: true,
        ..FanOut::default()
    }
}

#[test]
fn an_event_that_one_of_many_missed_is_proof() {
    assert_eq!(fanned(whole()), ["all: held", "skew: held"]);
    let miss = Miss { subscriber: 2, event: "`done` of a".to_owned(), at: MS(5), is_hole: false };
    let busy = FanOut { missing: 1, misses: vec![miss.clone()], is_quiet: false, ..whole() };
    starts(&fanned(busy)[0], "all: unsure events still came 10.00 s after the last job was acknowledged, 1 of them");
    let passed_over = FanOut { missing: 1, misses: vec![Miss { is_hole: true, ..miss.clone() }], is_quiet: false, ..whole() };
    starts(&fanned(passed_over)[0], "all: proof 1 events never came to a subscriber");
    let told = fanned(FanOut { missing: 1, misses: vec![miss], ..whole() });
    starts(&told[0], "all: proof 1 events never came to a subscriber: `done` of a came to others, and never to subscriber 2");
    let told = fanned(FanOut { silent: vec!["b".to_owned()], ..whole() });
    starts(&told[0], "all: proof 1 acknowledged jobs have no event for anybody, b is the first");
    let told = fanned(FanOut { silent: vec!["b".to_owned()], is_full: true, ..whole() });
    starts(&told[0], "all: unsure more events of jobs came, others' too, than are kept");
    let told = fanned(FanOut { events: 0, arrivals: 0, ledger: Ledger::default(), skews: Vec::new(), ..whole() });
    assert!(told.iter().all(|t| t.contains("unseen no job was made")), "{told:?}");
    assert!(fanned(FanOut { is_drained: false, ..whole() })[0].starts_with("all: unseen the deadline came"));
}

#[test]
fn a_stream_that_is_refused_or_ends_among_many_is_bad() {
    let some = FanOut { is_asked: false, open: 0, refused: Some(answered(503)), is_drained: false, ..whole() };
    starts(&fanned(some)[0], "all: unseen the deadline came");
    let told = fanned(FanOut { open: 2, refused: Some(answered(503)), ..whole() });
    assert_eq!(told[0], "all: counted 1+0/3 once");
    let ended = |ended| FanOut { ended, end: Some(broken(stream(&[]))), ..whole() };
    assert_eq!(fanned(ended(3))[0], "all: counted 3+0/3 once");
    starts(&fanned(ended(1))[0], "all: unsure 1 of 3 streams ended while jobs were driven, which may be noise");
    let both = |one: FanOut, other: FanOut| judged(FAN_OUT, "sse/fan-out", |seen| seen.fan_outs = vec![one, other])[0].clone();
    assert_eq!(both(ended(1), whole()), "all: held", "the drive after it was whole");
    assert_eq!(both(ended(2), ended(1)), "all: counted 2+0/3 once", "three are no noise");
    starts(&both(ended(1), FanOut { silent: vec!["b".to_owned()], ..whole() }), "all: proof 1 acknowledged jobs");
}

#[test]
fn what_cannot_be_read_on_any_stream_of_the_check_is_told() {
    let bad = || {
        let slip = Slip { name: "utf8".to_owned(), text: "bytes that are not UTF-8 at byte 6".to_owned(), at: MS(3) };
        Tape { slips: vec![slip], ..stream(&["1 a x"]) }
    };
    let told = judged(FAN_OUT, "sse/utf8", |seen| seen.fan_outs.push(FanOut { sample: Some(bad()), ..whole() }));
    starts(&told[0], "proof bytes that are not UTF-8");
    let told = judged(PRIVATE, "sse/utf8", |seen| seen.private.other = Some(Other { theirs: bad(), ..Other::default() }));
    starts(&told[0], "proof bytes that are not UTF-8");
    let told = judged(SLOW, "sse/utf8", |seen| seen.slow.other = Some(bad()));
    starts(&told[0], "proof bytes that are not UTF-8");
}

#[test]
fn skews_are_counted_and_those_of_a_stall_are_left_out() {
    let with = |late: usize, near: usize| {
        let mut drive = whole();
        drive.skews[..late].iter_mut().for_each(|s| s.took = Interval::exact(MS(150)));
        drive.skews[late..late + near].iter_mut().for_each(|s| s.took = Interval { lo: MS(50), hi: MS(150) });
        fanned(drive)[1].clone()
    };
    assert_eq!(with(0, 5), "skew: held");
    starts(&with(0, 15), "skew: unsure 5 events are too few");
    starts(&with(2, 0), "skew: unsure 2 of 20 events came up to 150 ms apart");
    assert_eq!(with(3, 0), "skew: counted 3+0/20 once");
}

fn flowed(jobs: &str, took: &[u64], bytes: u64) -> Phase {
    let took = took.iter().map(|ms| Interval::exact(MS(*ms))).collect();
    Phase { ledger: ledger(jobs), took, bytes, is_whole: true }
}

fn past(change: impl FnOnce(&mut Slow)) -> Vec<String> {
    let mut slow = Slow {
        slow: Some(broken(stream(&["1 b x"]))),
        other: Some(stream(&["1 b x", "2 b x"])),
        before: flowed("a", &[10; 20], 5 << 20),
        beside: flowed("b", &[12; 20], 5 << 20),
        memory: vec![0.0, 1000.0, 900_000.0],
        missing: 1,
        shared: 1,
        is_over: true,
        ..Slow::default()
    };
    change(&mut slow);
    judged(SLOW, "sse/slow-consumer", |seen| seen.slow = slow)
}

#[test]
fn a_slow_subscriber_that_is_evicted_and_holds_up_nobody_is_fine() {
    assert_eq!(past(|_| ()), ["others: held", "memory: held", "slow: held"]);
    let told = past(|s| s.beside.bytes = 3 << 20);
    assert!(told.iter().all(|t| t.contains("unseen 3145728 bytes flowed past the slow subscriber")), "{told:?}");
    let told = past(|s| s.before.is_whole = false);
    assert!(told.iter().all(|t| t.contains("unseen a job had no event, also without a slow subscriber")), "{told:?}");
}

#[test]
fn others_are_held_up_by_three_jobs_or_by_one_that_never_comes() {
    let late = |n: usize| past(|s| s.beside.took[..n].iter_mut().for_each(|t| *t = Interval::exact(MS(600))))[0].clone();
    assert_eq!(late(2), "others: held");
    let busy = past(|s| {
        s.beside.took[..3].iter_mut().for_each(|t| *t = Interval::exact(MS(600)));
        s.afterwards = flowed("c", &[500; 10], 1 << 20);
    });
    assert_eq!(busy[0], "others: held", "it was the machine that became busy");
    starts(&late(3), "others: proof 3 of 20 jobs took longer than 510 ms");
    let stuck = |freed: Option<u64>, lo: u64| {
        past(|s| {
            s.beside.is_whole = false;
            let waited = Interval { lo: MS(lo), hi: MS(4000) };
            s.stuck = Some(Stuck { job: None, waited, freed: freed.map(|ms| Interval::exact(MS(ms))) });
        })
    };
    starts(
        &stuck(Some(20), 4000)[0],
        "others: proof a submit was not answered in 4.00 s after 5242880 bytes had flowed; it came 20 ms after",
    );
    assert_eq!(stuck(None, 4000)[0], "others: counted 1+0/1 once");
    starts(&stuck(Some(20), 100)[0], "others: unsure a submit was not answered");
    starts(&stuck(Some(20), 4000)[2], "slow: unseen others were held up");
}

#[test]
fn memory_that_grows_with_what_nobody_reads_is_proof() {
    starts(&past(|s| s.memory = vec![10.0, 5e6, 20.0])[1], "memory: proof waiting went from 10 to 5000000");
    starts(&past(|s| s.memory = vec![4e6, 5e6])[1], "memory: held");
    starts(&past(|s| s.unread = Some("no gauge".to_owned()))[1], "memory: unseen no gauge");
}

#[test]
fn what_becomes_of_a_slow_subscriber_is_what_was_declared() {
    let fate = |becomes: &str, ended: bool, missing: u32| {
        let yaml = SLOW.replace("becomes: evicted", &format!("becomes: {becomes}"));
        let mut slow = Slow {
            slow: Some(if ended { broken(stream(&[])) } else { stream(&[]) }),
            other: Some(stream(&["1 b x"])),
            before: flowed("a", &[10; 20], 5 << 20),
            beside: flowed("b", &[12; 20], 5 << 20),
            memory: vec![0.0, 0.0],
            is_over: true,
            ..Slow::default()
        };
        (slow.missing, slow.shared) = (missing, 5 - missing);
        judged(&yaml, "sse/slow-consumer", |seen| seen.slow = slow)[2].clone()
    };
    starts(&fate("evicted", true, 3), "slow: held");
    starts(&fate("evicted", false, 3), "slow: proof its stream is open, and 3 of 5 events never came: lost in silence");
    starts(&fate("evicted", true, 0), "slow: unsure it got all 5 events, and then the connection was reset: that is no eviction");
    starts(&fate("evicted", false, 0), "slow: unsure it got all 5 events after all");
    starts(&fate("lossless", false, 0), "slow: held");
    starts(&fate("lossless", true, 3), "slow: proof the connection was reset, and 3 of 5 events never came");
    starts(&fate("lossless", false, 3), "slow: proof its stream is open, and 3 of 5");
}

#[test]
fn what_was_on_its_way_to_a_slow_subscriber_is_not_lost() {
    let told = |flows: bool, is_flood: bool| {
        let slow = Tape { is_flood, ..stream(&["1 b x"]) };
        past(|s| (s.slow, s.flows, s.missing) = (Some(slow), flows, 3))[2].clone()
    };
    starts(&told(false, false), "slow: proof its stream is open, and 3 of 4 events never came");
    starts(&told(true, false), "slow: unsure it still read when its time was up, and 3 of 4 events had not come");
    starts(&told(false, true), "slow: unsure the stream brought over 1 events, and was left");
}

#[test]
fn a_gauge_that_cannot_be_read_half_way_leaves_the_rest_to_be_judged() {
    let told = past(|s| (s.memory, s.unread) = (vec![0.0, 5.0], Some("GET /metrics has no gauge `waiting`".to_owned())));
    assert_eq!(told, ["others: held", "memory: unseen GET /metrics has no gauge `waiting`", "slow: held"]);
}

fn left(before: f64, meanwhile: f64, after: [f64; 2]) -> Vec<String> {
    left_beside(before, meanwhile, after, None)
}

/// The same, where others opened so many beside the control.
fn left_beside(before: f64, meanwhile: f64, after: [f64; 2], drift: Option<f64>) -> Vec<String> {
    let block = |is_reset, after| Block { is_reset, asked: 250, left: 250, after: Some(after), ..Block::default() };
    judged(CLEANS_UP, "sse/cleans-up", |seen| {
        seen.cleans_up = CleansUp {
            before: Some(before),
            held: 50,
            meanwhile: Some(meanwhile),
            blocks: vec![block(false, after[0]), block(true, after[1])],
            drift,
            ..CleansUp::default()
        };
    })
}

#[test]
fn a_gauge_that_does_not_come_back_is_proof_for_the_way_in_which_streams_were_left() {
    assert_eq!(left(2.0, 52.0, [2.0, 2.0]), ["closed: held", "reset: held"]);
    let leaks = left(2.0, 52.0, [2.0, 127.0]);
    assert_eq!(leaks[0], "closed: held");
    starts(&leaks[1], "reset: proof streams was 2 before and 127 at the lowest within 5.00 s after");
    starts(&left(2.0, 52.0, [252.0, 252.0])[0], "closed: proof streams was 2 before and 252");
    assert_eq!(left(2.0, 52.0, [252.0, 252.0])[1], "reset: held");
    starts(&left(2.0, 52.0, [4.0, 4.0])[0], "closed: unsure");
    let few = left(2.0, 52.0, [7.0, 7.0]);
    starts(&few[0], "closed: unsure streams was 2 before and 7 at the lowest within 5.00 s after: so few of 250");
    assert_eq!(few[1], "reset: held", "users who came meanwhile, and stayed");
    let blind = left(0.0, 0.0, [0.0, 0.0]);
    assert!(blind.iter().all(|t| t.contains("unseen `streams` was 0 and 0 once 50 more streams were open")), "{blind:?}");
}

#[test]
fn a_small_leak_is_proof_where_nobody_else_opens_streams_and_what_others_open_is_none() {
    starts(&left_beside(2.0, 52.0, [7.0, 7.0], Some(0.0))[0], "closed: proof streams was 2 before and 7");
    starts(&left_beside(2.0, 52.0, [6.0, 6.0], Some(0.0))[0], "closed: unsure streams was 2 before and 6");
    starts(
        &left_beside(2.0, 52.0, [14.0, 26.0], Some(6.0))[1],
        "reset: unsure streams was 14 before and 26 at the lowest within 5.00 s after: so few of 250 may be streams that others opened meanwhile, \
         who opened 6 while ours stayed open",
    );
    starts(&left_beside(2.0, 52.0, [62.0, 122.0], Some(40.0))[0], "closed: unsure streams was 2 before and 62");
    starts(&left_beside(2.0, 52.0, [252.0, 252.0], Some(40.0))[0], "closed: proof streams was 2 before and 252");
}

#[test]
fn servers_that_see_by_their_next_heartbeat_that_a_reader_has_gone_have_time_for_two() {
    let yaml = CLEANS_UP.replace("get: /events,", "get: /events, heartbeat-within: 15s,");
    let told = judged(&yaml, "sse/cleans-up", |seen| {
        let blocks = vec![Block { asked: 250, left: 250, after: Some(252.0), ..Block::default() }];
        seen.cleans_up = CleansUp { before: Some(2.0), held: 50, meanwhile: Some(52.0), blocks, ..CleansUp::default() };
    });
    starts(&told[0], "closed: proof streams was 2 before and 252 at the lowest within 30.00 s after");
}

fn restarted(before: &[&str], after: &[&str], resumed: Tape) -> Vec<String> {
    let driven = |events: &[&str], jobs| Driven { ledger: ledger(jobs), tape: stream(events), is_drained: true };
    let told = judged(RESTART, "sse/identified", |seen| {
        seen.restart = Restart {
            before: driven(before, "a"),
            after: driven(after, "b"),
            back: Some(Interval::exact(MS(50))),
            last_id: before.last().and_then(|t| t.split(' ').next()).filter(|id| *id != "-").map(str::to_owned),
            resumed: Some(resumed),
            is_watched: true,
            ..Restart::default()
        };
    });
    told[1..].to_vec()
}

#[test]
fn ids_go_on_above_a_restart() {
    let ids = |before: &[&str], after: &[&str]| restarted(before, after, answered(410))[0].clone();
    assert_eq!(ids(&["1 a x", "2 a x"], &["7 b x"]), "restart: held");
    starts(&ids(&["1 a x", "2 a x"], &["1 b x"]), "restart: proof `x` of a, id 2 before the restart, and `x` of b, id 1 after it");
    starts(&ids(&["u-1 a x"], &["u-1 b x"]), "restart: proof `x` of a, id u-1 before");
    assert_eq!(ids(&["u-1 a x"], &["u-2 b x"]), "restart: held");
}

#[test]
fn an_id_of_before_a_restart_is_resumed_after_or_answered_by_a_signal() {
    let (before, after) = (&["1 a x"], &["7 b x", "8 b x"]);
    let old = |resumed: Tape| restarted(before, after, resumed)[1].clone();
    assert_eq!(old(answered(410)), "restart/old-id: held");
    assert_eq!(old(stream(&["9 - resync"])), "restart/old-id: held");
    assert_eq!(old(stream(&["- - connected", "9 - resync"])), "restart/old-id: held", "a greeting goes before all else");
    assert_eq!(old(stream(&["- - connected"])), "restart/old-id: counted 1+0/1 once");
    assert_eq!(old(stream(&["7 b x", "8 b x"])), "restart/old-id: held");
    starts(&old(stream(&["8 b x"])), "restart/old-id: proof the stream goes on with `x` of b, id 8, and `x` of b, id 7 never came");
    assert_eq!(old(stream(&[])), "restart/old-id: counted 1+0/1 once");
    assert_eq!(old(answered(503)), "restart/old-id: counted 1+0/1 once");
    starts(&restarted(&["- a x"], after, answered(410))[1], "restart/old-id: unseen no event had an id before the restart");
}
