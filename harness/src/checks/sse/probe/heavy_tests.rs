//! The experiments with tenants, many subscribers, those who leave and restarts, on servers of this process.

use crate::checks::sse::{Observation, Sse};
use crate::kind::testing::{Leave, Reply, answer, context, json, look, look_in, round, serve, setting, spec, told};
use crate::kind::{CheckKind as _, Context, Setting};
use crate::transport::{Exchange, Options, Permits};
use std::net::SocketAddr;
use std::time::Duration;

const MS: fn(u64) -> Duration = Duration::from_millis;
const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n: hello\n\n";

fn stream(parts: &[(u64, &str)], leave: Leave) -> Reply {
    let head = std::iter::once((Duration::ZERO, HEAD.as_bytes().to_vec()));
    Reply::Parts(head.chain(parts.iter().map(|(after, text)| (MS(*after), text.as_bytes().to_vec()))).collect(), leave)
}

async fn tell(yaml: &str, address: SocketAddr, clause: &str) -> Vec<String> {
    told(&look(&spec::<Sse>(yaml), address, &[clause]).await)
}

#[track_caller]
fn has(told: &[String], part: &str) {
    assert!(told.iter().any(|t| t.contains(part)), "{part} is not in {told:?}");
}

const PRIVATE: &str = "{ get: /events, private: { without: { get: /events, auth: none, headers: { x-who: nobody } }, \
                       expired: { get: /events, headers: { x-who: expired } } } }";

#[tokio::test]
async fn who_may_not_read_is_refused_or_it_is_proof() {
    let good = serve(|head, _| if head.contains("x-who") { json(401, "{}") } else { stream(&[], Leave::Stay) }).await;
    assert_eq!(tell(PRIVATE, good, "sse/private").await, ["without: held", "expired: held"]);
    let late = serve(|head, _| match head.contains("expired") {
        true => stream(&[(0, "event: error\ndata: no\n\n")], Leave::Close),
        false if head.contains("nobody") => json(403, "{}"),
        false => stream(&[], Leave::Stay),
    });
    let told = tell(PRIVATE, late.await, "sse/private").await;
    assert_eq!(told[0], "without: held");
    has(&told, "expired: proof 200 and an event stream that begins with `error`");
}

#[tokio::test]
async fn an_event_that_is_held_back_on_another_tenants_stream_is_waited_for() {
    const OTHER: &str = "{ get: /events, heartbeat-within: 5s, drive: { post: /jobs, id: $.id, jobs: 1 }, identify: { job: $.job }, \
                         drains-within: 5s, private: { other: { get: /events, headers: { x-who: them } } } }";
    let event = "id: 1\ndata: {\"job\":\"a\"}\n\n";
    let leaks = serve(move |head, _| match head.starts_with("POST") {
        true => json(202, r#"{"id":"a"}"#),
        false => stream(&[(if head.contains("x-who") { 1800 } else { 300 }, event)], Leave::Stay),
    });
    has(&tell(OTHER, leaks.await, "sse/private").await, "other: proof 1 events of our jobs on another tenant's stream");
}

const FAN_OUT: &str = "{ get: /events, fan-out: 5, skew-within: 2s, drive: { post: /jobs, id: $.id, jobs: 1 }, identify: { job: $.job }, \
                       drains-within: 2500ms }";

/// Answers submits, and tells of the job on each stream but those that `deaf` names by their number.
async fn crowd(deaf: fn(usize) -> bool) -> SocketAddr {
    let event = "id: 1\ndata: {\"job\":\"a\"}\n\n";
    serve(move |head, n| match head.starts_with("POST") {
        true => json(202, r#"{"id":"a"}"#),
        false if deaf(n) => stream(&[], Leave::Stay),
        // The streams are open by then, however slow this machine is.
        false => stream(&[(700, event)], Leave::Stay),
    })
    .await
}

#[tokio::test]
async fn many_subscribers_get_the_event_or_the_one_that_does_not_is_told() {
    let told = tell(FAN_OUT, crowd(|_| false).await, "sse/fan-out").await;
    assert_eq!(told[0], "all: held");
    has(&told, "skew: unsure 1 events are too few");
    let told = tell(FAN_OUT, crowd(|n| n == 3).await, "sse/fan-out").await;
    has(&told, "all: proof 1 events never came to a subscriber: `message` of a, id 1 came to others, and never to subscriber");
    let told = tell(FAN_OUT, crowd(|_| true).await, "sse/fan-out").await;
    has(&told, "all: proof 1 acknowledged jobs have no event for anybody, a is the first");
}

#[tokio::test]
async fn a_service_that_takes_fewer_streams_than_are_promised_is_told() {
    let few = serve(|head, n| match head.starts_with("POST") {
        true => json(202, r#"{"id":"a"}"#),
        false if n > 2 => json(429, "{}"),
        false => stream(&[(300, "id: 1\ndata: {\"job\":\"a\"}\n\n")], Leave::Stay),
    });
    let told = tell(FAN_OUT, few.await, "sse/fan-out").await;
    has(&told, "all: counted 2+0/5 once");
}

const CLEANS_UP: &str = "{ get: /events, cleans-up: { get: /metrics, gauge: streams, closes: 50, within: 200ms } }";

#[tokio::test]
async fn a_gauge_that_is_missing_or_counts_no_streams_proves_nothing() {
    let metrics =
        |text: &'static str| move |head: &str, _| if head.contains("/metrics") { answer(200, &[], text) } else { stream(&[], Leave::Stay) };
    let told = tell(CLEANS_UP, serve(metrics("other 1\n")).await, "sse/cleans-up").await;
    assert!(told.iter().all(|t| t.contains("unseen GET /metrics has no gauge `streams`")), "{told:?}");
    let told = tell(CLEANS_UP, serve(metrics("streams 7\n")).await, "sse/cleans-up").await;
    assert!(told.iter().all(|t| t.contains("so it does not count them")), "{told:?}");
}

#[tokio::test]
async fn a_gauge_that_only_rises_is_a_leak() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    let ever = AtomicUsize::new(0);
    let leak = serve(move |head, _| match head.contains("/metrics") {
        true => answer(200, &[], &format!("streams {}\n", ever.load(Ordering::SeqCst))),
        false => {
            ever.fetch_add(1, Ordering::SeqCst);
            stream(&[], Leave::Stay)
        }
    });
    let told = tell(CLEANS_UP, leak.await, "sse/cleans-up").await;
    assert!(told.len() == 2 && told.iter().all(|t| t.contains(": proof streams was ")), "{told:?}");
}

/// Streams are counted, one of each block for ever; from the control on, each reading is higher by `others`.
async fn leak(others: usize) -> SocketAddr {
    use std::sync::atomic::{AtomicUsize, Ordering};
    let (opened, read) = (AtomicUsize::new(0), AtomicUsize::new(0));
    serve(move |head, _| {
        if !head.contains("/metrics") {
            opened.fetch_add(1, Ordering::SeqCst);
            return stream(&[], Leave::Stay);
        }
        let opened = opened.load(Ordering::SeqCst);
        let value = match opened {
            // The first reading after the first 25 finds them open; they are gone then.
            25 if read.fetch_add(1, Ordering::SeqCst) == 0 => 25,
            0..=50 => opened / 25,
            _ => 52 + others * read.fetch_add(1, Ordering::SeqCst),
        };
        answer(200, &[], &format!("streams {value}\n"))
    })
    .await
}

#[tokio::test]
async fn a_few_that_are_left_are_told_by_a_control_in_which_nobody_leaves() {
    let told = tell(CLEANS_UP, leak(0).await, "sse/cleans-up").await;
    assert!(told.len() == 2 && told.iter().all(|t| t.contains(": proof streams was ")), "{told:?}");
    let told = tell(CLEANS_UP, leak(3).await, "sse/cleans-up").await;
    assert!(told.len() == 2 && told.iter().all(|t| t.contains("may be streams that others opened meanwhile, who opened ")), "{told:?}");
}

const SLOW: &str = "{ get: /events, identify: { job: $.job }, drains-within: 300ms, slow-consumer: { post: /jobs, id: $.id, \
                    json: { note: '${payload}' }, becomes: evicted, flow: 5MiB } }";

#[tokio::test]
async fn without_jobs_or_events_nothing_is_said_of_slow_subscribers() {
    let refused = serve(|head, _| if head.starts_with("POST") { json(401, "{}") } else { stream(&[], Leave::Stay) }).await;
    let told = tell(SLOW, refused, "sse/slow-consumer").await;
    assert!(told.len() == 2 && told.iter().all(|t| t.contains("unseen no job was made: POST /jobs was answered by 401")), "{told:?}");
    let mute = serve(|head, _| if head.starts_with("POST") { json(202, r#"{"id":"a"}"#) } else { stream(&[], Leave::Stay) }).await;
    let told = tell(SLOW, mute, "sse/slow-consumer").await;
    assert!(told.iter().all(|t| t.contains("unseen a job had no event, also without a slow subscriber")), "{told:?}");
}

const RESTART: &str = "{ get: /events, drive: { post: /jobs, id: $.id, jobs: 1 }, identify: { job: $.job, order: event-id }, \
                       drains-within: 500ms, restart: service }";

#[tokio::test]
async fn a_restart_that_cannot_be_had_proves_nothing() {
    let told = tell(RESTART, crowd(|_| false).await, "sse/identified").await;
    has(&told, "restart: unseen nothing in this environment can restart `service`");
    has(&told, "restart/old-id: unseen nothing in this environment can restart `service`");
}

#[tokio::test]
async fn more_streams_than_the_environment_allows_are_not_judged() {
    let setting = setting(crowd(|_| false).await);
    let permits = Permits::new(None, Some(3), None);
    let cx = Context::new(Setting { exchange: Exchange::new(Options { permits }), ..setting });
    let kind = spec::<Sse>(&FAN_OUT.replace("get: /events,", "get: /events, open-within: 100ms,"));
    let told = told(&look_in(&kind, &cx, &["sse/fan-out"]).await);
    has(&told, "all: unseen `limits` of this environment allow 1 streams at once, and 5 are asked for");
}

#[tokio::test]
async fn streams_leave_a_place_for_what_makes_their_events() {
    let setting = setting(crowd(|_| false).await);
    let permits = Permits::new(None, Some(5), None);
    let cx = Context::new(Setting { exchange: Exchange::new(Options { permits }), ..setting });
    let told = told(&look_in(&spec::<Sse>(FAN_OUT), &cx, &["sse/fan-out"]).await);
    has(&told, "all: unseen `limits` of this environment allow 3 streams at once, and 5 are asked for");
}

/// A context in which so many connections may be open at once.
fn allowing(connections: usize, address: SocketAddr) -> Context {
    let permits = Permits::new(None, Some(connections), None);
    Context::new(Setting { exchange: Exchange::new(Options { permits }), ..setting(address) })
}

const DRIVEN: &str = "{ get: /events, timely-within: 20s, drive: { post: /jobs, id: $.id, jobs: 1 }, drains-within: 20s, \
                      identify: { job: $.job, order: event-id }, ends-with: message, cuts: 1, \
                      private: { without: { get: /events, auth: none, headers: { x-who: nobody } }, other: { get: /events } }, \
                      framed: { post: /jobs, json: { note: '${payload}' }, payload: $.note }, \
                      slow-consumer: { post: /jobs, json: { note: '${payload}' }, becomes: evicted }, restart: service }";

#[tokio::test]
async fn what_takes_more_connections_than_are_allowed_is_not_judged_and_never_waits_for_them() {
    let server = serve(|head, _| match head.contains("x-who") {
        true => json(401, "{}"),
        false => stream(&[], Leave::Stay),
    });
    let (cx, kind) = (allowing(1, server.await), spec::<Sse>(DRIVEN));
    for (clause, needed) in [
        ("sse/timely", 3),
        ("sse/ordered", 2),
        ("sse/ends", 2),
        ("sse/identified", 2),
        ("sse/replay", 3),
        ("sse/private", 3),
        ("sse/framed", 2),
        ("sse/slow-consumer", 3),
    ] {
        let clauses = [clause];
        let looking = look_in(&kind, &cx, &clauses);
        let told = told(&tokio::time::timeout(MS(20_000), looking).await.expect("nothing is waited for"));
        let why = format!("unseen `limits` of this environment allow 1 connections at once, and {needed} are needed");
        let (known, rest): (Vec<_>, Vec<_>) = told.iter().partition(|t| t.starts_with("without: "));
        assert!(!rest.is_empty() && rest.iter().all(|t| t.ends_with(&why)), "{clause}: {told:?}");
        assert!(known.iter().all(|t| *t == "without: held"), "what could be looked at is judged: {told:?}");
    }
}

#[tokio::test]
async fn checks_side_by_side_do_not_wait_for_each_others_connections_for_ever() {
    let cx = allowing(3, crowd(|_| false).await);
    let kind = spec::<Sse>(DRIVEN);
    // Each holds two streams, and drives its job beside them.
    let both = async { tokio::join!(look_in(&kind, &cx, &["sse/timely"]), look_in(&kind, &cx, &["sse/timely"])) };
    let (one, other) = tokio::time::timeout(MS(60_000), both).await.expect("the second waits for the first, and for nothing else");
    for told in [told(&one), told(&other)] {
        assert_eq!((told[0].as_str(), told[2].as_str()), ("direct: held", "gzip: held"), "{told:?}");
    }
}

#[tokio::test]
async fn what_did_not_open_is_kept_where_the_deadline_comes_first() {
    let few = serve(|head, n| match head.starts_with("POST") {
        true => json(202, r#"{"id":"a"}"#),
        false if n > 0 => Reply::Silence,
        false => json(503, "{}"),
    });
    let (kind, mut seen) = (spec::<Sse>(FAN_OUT), Observation::default());
    let (clauses, cx) = (round::<Sse>(&["sse/fan-out"]), context(few.await));
    assert!(tokio::time::timeout(MS(1500), kind.probe(&clauses, &cx, &mut seen)).await.is_err());
    let refused = seen.fan_outs[0].refused.as_ref().expect("one was refused before the deadline");
    assert_eq!(refused.head.status, Some(503));
    has(&told(&kind.judge(&seen)), "all: unseen the deadline came");
}

#[tokio::test]
async fn what_many_subscribers_got_is_kept_where_the_deadline_comes_first() {
    let kind = spec::<Sse>(&FAN_OUT.replace("2500ms", "60s"));
    let mut seen = Observation::default();
    let (clauses, cx) = (round::<Sse>(&["sse/fan-out"]), context(crowd(|n| n == 3).await));
    assert!(tokio::time::timeout(MS(5000), kind.probe(&clauses, &cx, &mut seen)).await.is_err());
    assert_eq!((seen.fan_outs[0].events, seen.fan_outs[0].is_drained), (1, false));
    has(&told(&kind.judge(&seen)), "all: unseen the deadline came");
}

#[tokio::test]
async fn one_of_many_that_does_not_open_is_asked_for_again() {
    let once = serve(|head, n| match head.starts_with("POST") {
        true => json(202, r#"{"id":"a"}"#),
        false if n == 1 => json(503, "{}"),
        false => stream(&[(700, "id: 1\ndata: {\"job\":\"a\"}\n\n")], Leave::Stay),
    });
    assert_eq!(tell(FAN_OUT, once.await, "sse/fan-out").await[0], "all: held");
}

#[tokio::test]
async fn a_foreign_job_that_nobody_finds_proves_nothing() {
    const FOREIGN: &str = "{ get: /events, headers: { x-who: us }, drive: { post: /jobs, id: $.id }, identify: { job: $.job }, \
                           private: { foreign: { get: '/jobs/${id}/events', headers: { x-who: them } } } }";
    let answers = |is_there: bool| {
        serve(move |head, _| match head.starts_with("POST") {
            true => json(202, r#"{"id":"a"}"#),
            false if head.contains("/jobs/") && (!is_there || head.contains("them")) => json(404, "{}"),
            false => stream(&[], Leave::Stay),
        })
    };
    assert_eq!(tell(FOREIGN, answers(true).await, "sse/private").await, ["foreign: held"]);
    let told = tell(FOREIGN, answers(false).await, "sse/private").await;
    has(&told, "foreign: unseen its answer is 404, and the stream is not there for us either: 404");
}
