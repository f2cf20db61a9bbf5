//! Each experiment on a server of this process that is good, and on one with just that flaw.

use crate::checks::sse::{Observation, Sse};
use crate::kind::testing::{Leave, Reply, answer, context, json, look, look_in, round, serve, spec, told, without_body};
use crate::kind::{CheckKind as _, Context};
use crate::model::{Found, Reading, Unseen};
use std::net::SocketAddr;
use std::time::Duration;

mod http2;

const MS: fn(u64) -> Duration = Duration::from_millis;
const TYPE: &str = "sse/type";
const UTF8: &str = "sse/utf8";
const OPENS: &str = "sse/opens";
const HEARTBEAT: &str = "sse/heartbeat";
const STALE: &str = "sse/stale";
const IDLE: &str = "{ get: /events }";

const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";

/// A stream that says these bytes, each after a while.
fn stream(parts: &[(u64, &[u8])], leave: Leave) -> Reply {
    let head = std::iter::once((Duration::ZERO, HEAD.as_bytes().to_vec()));
    Reply::Parts(head.chain(parts.iter().map(|(after, bytes)| (MS(*after), bytes.to_vec()))).collect(), leave)
}

async fn tell(yaml: &str, address: SocketAddr, clauses: &[&str]) -> Vec<String> {
    told(&look(&spec::<Sse>(yaml), address, clauses).await)
}

#[track_caller]
fn has(told: &[String], part: &str) {
    assert!(told.iter().any(|t| t.contains(part)), "{part} is not in {told:?}");
}

#[tokio::test]
async fn a_good_stream_is_held() {
    let good = serve(|_, _| stream(&[(0, b": hello\n\n"), (20, b"data: x\n\n")], Leave::Stay)).await;
    assert_eq!(tell(IDLE, good, &[TYPE, UTF8]).await, ["held", "stream: held", "held"]);
    assert_eq!(tell("{ get: /events, open-within: 5s }", good, &[OPENS]).await, ["held"]);
}

#[tokio::test]
async fn a_stream_is_asked_for_without_a_coding() {
    let picky = serve(|head, _| match head.to_ascii_lowercase().contains("\r\naccept-encoding: identity\r\n") {
        true => stream(&[(0, b": hello\n\n")], Leave::Stay),
        false => answer(200, &["content-type: text/event-stream", "content-encoding: gzip"], "coded"),
    });
    assert_eq!(tell(IDLE, picky.await, &[TYPE, UTF8]).await, ["held", "stream: held", "held"]);
}

#[tokio::test]
async fn a_silent_stream_leaves_its_bytes_unjudged_and_that_is_no_doubt() {
    let silent = serve(|_, _| stream(&[], Leave::Stay)).await;
    let readings = look(&spec::<Sse>(IDLE), silent, &[TYPE, UTF8]).await;
    assert_eq!(told(&readings)[..1], ["held"]);
    let is_quiet = |r: &Reading| matches!(&r.found, Found::Unseen { why: Unseen::NotDue(why) } if why.starts_with("the stream was silent"));
    assert!(readings.len() == 3 && readings[1..].iter().all(is_quiet), "{readings:?}");
}

/// What is told of the type of an answer.
async fn type_of(reply: impl Fn(&str, usize) -> Reply + Send + Sync + 'static) -> Vec<String> {
    tell(IDLE, serve(reply).await, &[TYPE]).await
}

#[tokio::test]
async fn whatever_is_no_stream_is_named() {
    has(&type_of(|_, _| answer(200, &["content-type: text/html"], "<html>login</html>")).await, "proof 200 text/html");
    has(&type_of(|_, _| json(200, "{}")).await, "proof 200 application/json");
    has(&type_of(|_, _| answer(200, &[], "data: x\n\n")).await, "proof 200 without a content type");
    has(&type_of(|_, _| without_body(answer(204, &[], ""))).await, "proof 204 without a body, which tells a client never to come back");
    has(&type_of(|_, _| answer(302, &["location: /login"], "")).await, "proof 302 without a body, a redirect to /login");
    has(&type_of(|_, _| json(401, r#"{"error":"no token"}"#)).await, r#"proof 401 {"error":"no token"}"#);
    has(&type_of(|_, _| answer(201, &["content-type: text/event-stream"], "")).await, "proof 201");
    has(&type_of(|_, _| json(503, "{}")).await, "counted 1+0/1");
    has(&type_of(|_, _| Reply::Close).await, "counted 1+0/1");
}

#[tokio::test]
async fn what_cannot_be_read_is_named() {
    has(&type_of(|_, _| stream(&[(0, b"retry: 0\n\ndata: x\n\n")], Leave::Stay)).await, "proof `retry: 0`");
    let told = type_of(|_, _| stream(&[(0, b"data: "), (0, &[b'x'; 1 << 16])], Leave::Repeat)).await;
    has(&told, "proof the line at byte 0 goes on beyond 1114112 bytes");
    has(&type_of(|_, _| stream(&[(0, b": hel"), (50, b"lo")], Leave::Reset)).await, "stream: counted 1+0/1");
    let chunked: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n: hello\n\n\r\n";
    let bad = type_of(move |_, _| Reply::Bytes(chunked.to_vec())).await;
    has(&bad, "stream: proof after 0 bytes");
}

#[tokio::test]
async fn a_text_of_a_mebibyte_fits_into_a_line_and_larger_ones_where_they_are_declared() {
    let large = format!("data: {{\"job\":\"of others\",\"note\":\"{}\"}}\n\n", "x".repeat(1 << 20));
    let beside = serve(move |_, _| stream(&[(0, large.as_bytes())], Leave::Stay)).await;
    assert_eq!(tell(IDLE, beside, &[TYPE]).await, ["held", "stream: held"]);
    let line = |up_to: &str| {
        let framed = format!("framed: {{ post: /jobs, id: $.id, json: {{ note: '${{payload}}' }}, payload: $.note, up-to: {up_to} }}");
        spec::<Sse>(&format!("{{ get: /events, identify: {{ job: $.job }}, {framed} }}")).spec.b.line()
    };
    assert_eq!([line("64KiB"), line("1MiB"), line("8MiB")], [(1 << 20) + (64 << 10), 6 << 20, 48 << 20]);
}

#[tokio::test]
async fn an_invalid_sequence_is_found_across_chunks_and_a_cut_character_is_fine() {
    let whole = serve(|_, _| stream(&[(0, b"data: \xe2"), (30, b"\x82\xac\n\n")], Leave::Stay)).await;
    assert_eq!(tell(IDLE, whole, &[UTF8]).await, ["held"]);
    let broken = serve(|_, _| stream(&[(0, b"data: \xe2"), (30, b"\x82\n\n")], Leave::Stay)).await;
    has(&tell(IDLE, broken, &[UTF8]).await, "proof bytes that are not UTF-8 at byte 6");
}

#[tokio::test]
async fn floods_of_events_and_of_comments_end_in_bounded_memory() {
    for line in [&b"data: x\n\n"[..], b": x\n"] {
        let flood = serve(move |_, _| stream(&[(0, &line.repeat(4096))], Leave::Repeat)).await;
        let kind = spec::<Sse>("{ get: /events, heartbeat-within: 300ms }");
        let mut seen = Observation::default();
        kind.probe(&round::<Sse>(&[TYPE, HEARTBEAT]), &context(flood), &mut seen).await.unwrap();
        assert!(seen.opened[0].arrivals.len() <= 100, "a stream that is looked at for its beginning");
        let tape = seen.silence.tape.as_ref().unwrap();
        assert!(tape.arrivals.len() <= 200 && seen.silence.gaps.len() <= 200, "{} events are kept", tape.arrivals.len());
        assert!(tape.events + tape.comments > 10_000, "it was a flood");
        assert!(serde_json::to_string(&seen).unwrap().len() < 200_000);
    }
}

#[tokio::test]
async fn headers_that_wait_for_the_first_event_are_late() {
    let late = serve(|_, _| Reply::Late(MS(400), HEAD.as_bytes().to_vec())).await;
    assert_eq!(tell("{ get: /events, open-within: 100ms }", late, &[OPENS]).await, ["counted 5+0/5"]);
    let never = serve(|_, _| Reply::Silence).await;
    let told = tell("{ get: /events, open-within: 20ms }", never, &[OPENS]).await;
    assert_eq!(told, ["counted 3+0/3"], "a head that never comes is late too");
}

const BEATS: &str = "{ get: /events, heartbeat-within: 300ms }";

#[tokio::test]
async fn a_stream_that_beats_with_comments_is_held() {
    let beats = serve(|_, _| stream(&[(40, &b": hb\n\n"[..]); 60], Leave::Stay)).await;
    assert_eq!(tell(BEATS, beats, &[HEARTBEAT]).await, ["held"]);
}

#[tokio::test]
async fn a_stream_that_falls_silent_is_counted_each_time() {
    let silent = serve(|_, _| stream(&[(0, b": hello\n\n")], Leave::Stay)).await;
    let told = tell(BEATS, silent, &[HEARTBEAT]).await;
    assert_eq!(told, ["counted 3+0/4"], "the hello came at once, then three silences");
}

#[tokio::test]
async fn an_idle_stream_that_the_service_ends_is_a_doubt() {
    let ends = serve(|_, _| stream(&[(0, b": hello\n\n"), (20, b": bye\n\n")], Leave::Close)).await;
    let told = tell(BEATS, ends, &[HEARTBEAT]).await;
    assert!(told[0].starts_with("unsure the idle stream ended after") && told[0].ends_with("the service ended it"), "{told:?}");
}

#[tokio::test]
async fn a_heartbeat_that_is_an_event_is_proof() {
    let named = serve(|_, _| stream(&[(30, &b"event: heartbeat\ndata: {}\n\n"[..]); 40], Leave::Stay)).await;
    has(&tell(BEATS, named, &[HEARTBEAT]).await, "proof an event named `heartbeat` with 2 bytes of data");
    let nameless = serve(|_, _| stream(&[(30, &b"data: .\n\n"[..]); 250], Leave::Stay)).await;
    let with_jobs = "{ get: /events, heartbeat-within: 1s, identify: { job: $.job } }";
    has(&tell(with_jobs, nameless, &[HEARTBEAT]).await, "proof an event named `message`");
    has(&tell("{ get: /events, heartbeat-within: 1s }", nameless, &[HEARTBEAT]).await, "unsure an event named `message`");
}

#[tokio::test]
async fn events_of_others_that_leave_no_time_for_a_heartbeat_prove_none() {
    let parts: Vec<(u64, String)> = (0..60).map(|i| (30, format!("data: event {i}\n\n"))).collect();
    let busy = serve(move |_, _| stream(&parts.iter().map(|(ms, text)| (*ms, text.as_bytes())).collect::<Vec<_>>(), Leave::Stay)).await;
    has(&tell(BEATS, busy, &[HEARTBEAT]).await, "so often that no heartbeat was due");
}

#[tokio::test]
async fn a_greeting_is_no_heartbeat_and_beats_between_events_are() {
    let busy = |greeting: &str, beat: &'static str| {
        let event = |i: u64| (30, format!("data: event {i}\n\n"));
        let beats = |i: u64| std::iter::once(event(i)).chain((!beat.is_empty()).then(|| (30, beat.to_owned())));
        let parts: Vec<(u64, String)> = std::iter::once((0, greeting.to_owned())).chain((0..80).flat_map(beats)).collect();
        serve(move |_, _| stream(&parts.iter().map(|(ms, text)| (*ms, text.as_bytes())).collect::<Vec<_>>(), Leave::Stay))
    };
    has(&tell(BEATS, busy(": hello\n\n", "").await, &[HEARTBEAT]).await, "so often that no heartbeat was due: 0 silences");
    assert_eq!(tell(BEATS, busy(": hello\n\n", ": hb\n\n").await, &[HEARTBEAT]).await, ["held"]);
}

const STALES: &str = "{ get: /events, stale: [old] }";

#[tokio::test]
async fn an_old_id_is_answered_by_a_signal_or_broken() {
    let resync = serve(|head, _| {
        let is_old = head.to_ascii_lowercase().contains("last-event-id: old\r\n");
        stream(&[(10, if is_old { b"event: resync\nid: 9\ndata: {}\n\n" } else { b": hello\n\n" })], Leave::Stay)
    });
    assert_eq!(tell(STALES, resync.await, &[STALE]).await, ["old: held"]);
    let greets = serve(|_, _| stream(&[(0, b"event: connected\ndata: {}\n\n"), (20, b"event: resync\ndata: {}\n\n")], Leave::Stay)).await;
    assert_eq!(tell(STALES, greets, &[STALE]).await, ["old: held"]);
    let refused = serve(|head, _| if head.contains("old") { json(410, "{}") } else { stream(&[], Leave::Stay) }).await;
    assert_eq!(tell(STALES, refused, &[STALE]).await, ["old: held"]);
    let goes_on = serve(|_, _| stream(&[(10, b"event: progress\nid: 12\ndata: {}\n\n")], Leave::Stay)).await;
    has(&tell(STALES, goes_on, &[STALE]).await, "old: proof the stream goes on with `progress`, id 12, as if nothing were missing");
    let silent = serve(|_, _| stream(&[(0, b": hello\n\n")], Leave::Stay)).await;
    assert_eq!(tell(STALES, silent, &[STALE]).await, ["old: counted 1+0/1"]);
    let page = serve(|head, _| if head.contains("old") { answer(302, &["location: /"], "") } else { stream(&[], Leave::Stay) }).await;
    has(&tell(STALES, page, &[STALE]).await, "old: proof 302");
}

const DRIVEN: &str = "{ get: /events, timely-within: 2s, drive: { post: /jobs, id: $.id, jobs: 3, rate: 100/s }, \
                      identify: { job: $.job, order: event-id }, ends-with: done, drains-within: 200ms }";

#[tokio::test]
async fn a_drive_that_is_refused_proves_nothing() {
    let refused =
        serve(|head, _| if head.starts_with("POST") { json(401, "{}") } else { stream(&[(0, b": hello\n\n")], Leave::Stay) }).await;
    let told = tell(DRIVEN, refused, &["sse/timely", "sse/ordered", "sse/identified", "sse/ends"]).await;
    assert!(told.len() >= 6 && told.iter().all(|t| t.contains("unseen no job was made: POST /jobs was answered by 401")), "{told:?}");
}

#[tokio::test]
async fn jobs_without_events_are_lost_and_never_held() {
    let mute = serve(|head, n| {
        if head.starts_with("POST") { json(202, &format!(r#"{{"id":"j{n}"}}"#)) } else { stream(&[(0, b": hello\n\n")], Leave::Stay) }
    });
    let told = tell(DRIVEN, mute.await, &["sse/timely", "sse/ordered", "sse/identified", "sse/ends"]).await;
    assert!(told.iter().all(|t| !t.contains("held")), "{told:?}");
    // Three are declared, and then slower ones, since three make too few pairs to tell a batch.
    has(&told, "direct: unseen no event of 26 jobs came");
    has(&told, "direct: proof 26 of 26 acknowledged jobs have no event");
    has(&told, "proof none within 200 ms for 26 of 26 jobs");
}

/// A stream whose head comes only once the first event has been made; then everything at once.
fn held_back() -> impl Fn(&str, usize) -> Reply + Send + Sync + 'static {
    let (jobs, made) = tokio::sync::watch::channel(0_u32);
    move |head, _| {
        if head.starts_with("POST") {
            jobs.send_modify(|n| *n += 1);
            return json(202, &format!(r#"{{"id":"j{}"}}"#, *jobs.borrow()));
        }
        let mut made = made.clone();
        Reply::Soon(Box::pin(async move {
            // As many events as fill a buffer.
            _ = made.wait_for(|n| *n >= 20).await;
            let events: String = (1..=*made.borrow()).map(|n| format!("id: {n}\nevent: done\ndata: {{\"job\":\"j{n}\"}}\n\n")).collect();
            stream(&[(0, events.as_bytes())], Leave::Stay)
        }))
    }
}

#[tokio::test]
async fn a_head_that_waits_for_events_leaves_them_late_and_that_is_seen() {
    let spec = DRIVEN.replace("timely-within: 2s", "timely-within: 500ms, open-within: 100ms").replace("200ms", "2s");
    let told = tell(&spec, serve(held_back()).await, &[TYPE, OPENS, "sse/timely", "sse/ordered"]).await;
    has(&told, "counted 3+0/3");
    has(&told, "counted 3+0/5");
    assert!(told.iter().any(|t| t.starts_with("direct: counted ")), "{told:?}");
    has(&told, "unseen no stream opened: sse/type tells more");
}

#[tokio::test]
async fn a_head_that_events_do_not_bring_either_holds_them_back_for_good() {
    let mute = serve(|head, n| if head.starts_with("POST") { json(202, &format!(r#"{{"id":"j{n}"}}"#)) } else { Reply::Silence }).await;
    let spec = DRIVEN.replace("timely-within: 2s", "timely-within: 100ms, open-within: 20ms").replace("200ms", "500ms");
    let told = tell(&spec, mute, &[TYPE, "sse/timely"]).await;
    assert!(told.iter().any(|t| t == "direct: counted 26+0/26 once") && told.iter().all(|t| !t.contains("held")), "{told:?}");
}

#[tokio::test]
async fn a_look_that_is_cut_off_in_the_middle_can_still_be_judged() {
    let mute = serve(|head, n| {
        if head.starts_with("POST") { json(202, &format!(r#"{{"id":"j{n}"}}"#)) } else { stream(&[(0, b": hello\n\n")], Leave::Stay) }
    });
    let kind = spec::<Sse>(&DRIVEN.replace("200ms", "60s"));
    let mut seen = Observation::default();
    let (clauses, cx) = (round::<Sse>(&[TYPE, "sse/ordered", "sse/ends"]), context(mute.await));
    let looked = tokio::time::timeout(MS(700), kind.probe(&clauses, &cx, &mut seen)).await;
    assert!(looked.is_err());
    let told = told(&kind.judge(&seen));
    assert_eq!(told.iter().filter(|t| t.ends_with("held")).count(), 2, "the type of what opened: {told:?}");
    assert_eq!(told.iter().filter(|t| t.contains("unseen the deadline came")).count(), 2, "{told:?}");
}

#[tokio::test]
async fn a_control_that_is_late_is_caught_and_one_that_is_not_is_held() {
    use crate::kind::Twin;
    let kind = spec::<Sse>("{ get: /events, open-within: 100ms }");
    for (twin, expected) in [(Twin::Good, "held"), (Twin::Bad, "counted 5+0/5")] {
        let script = kind.control(crate::checks::sse::table::OPENS, twin).unwrap();
        let crate::kind::ScriptStep::Answer { delay, bytes } = script.steps[0].clone() else { panic!("an answer") };
        let address = serve(move |_, _| Reply::Late(delay, bytes.clone())).await;
        let cx: Context = context(address);
        assert_eq!(told(&look_in(&kind, &cx, &[OPENS]).await), [expected]);
    }
}
