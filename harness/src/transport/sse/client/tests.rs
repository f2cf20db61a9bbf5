//! The client against scripted services: what it sends when it connects again, when it stops, and where it strays.

use super::*;
use crate::transport::{
    Timeouts, Trouble,
    sse::Item,
    testing::{Server, read_head},
};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const LONG: Duration = Duration::from_secs(20);
const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n\r\n";

/// What a service does on one connection: sends these bytes, and then closes or stays.
#[derive(Clone, Copy)]
enum Does {
    Close(&'static str),
    Stay(&'static str),
}

/// A service with a script a connection (the last again and again), and the `Last-Event-ID` of each request.
async fn service(script: &'static [Does]) -> (Server, Arc<Mutex<Vec<Option<String>>>>) {
    let ids = Arc::new(Mutex::new(Vec::new()));
    let seen = ids.clone();
    let server = Server::start(move |number, mut stream| {
        let seen = seen.clone();
        async move {
            let head = read_head(&mut stream).await;
            let id = head.lines().find_map(|line| line.strip_prefix("last-event-id: ")).map(str::to_owned);
            seen.lock().expect("nobody panics with it").push(id);
            let (Does::Close(bytes) | Does::Stay(bytes)) = script[number.min(script.len() - 1)];
            // A client that cuts reads no more.
            let _ = stream.write_all(bytes.as_bytes()).await;
            if let Does::Stay(_) = script[number.min(script.len() - 1)] {
                let _ = stream.read_to_end(&mut Vec::new()).await;
            }
        }
    })
    .await;
    (server, ids)
}

fn setup(server: &Server) -> Setup {
    let opening = Opening { timeouts: Timeouts { connect: LONG, first_byte: LONG, total: LONG }, ..Opening::default() };
    let open = opener(Exchange::default(), server.endpoint(), Outgoing::get(server.url("/")), opening);
    Setup { wait: Duration::from_millis(5), wait_most: LONG, attempts: 3, ..Setup::new(open) }
}

/// In short: `open`, `data`, `end …`, `differs …`, `stopped …`.
fn shown(heard: Heard) -> String {
    match heard {
        Heard::Opened { answer, last_id, .. } => format!("open {} {}", answer.status, last_id.as_deref().unwrap_or("-")),
        Heard::Failed { failed, .. } => format!("failed {}", failed.trouble.name()),
        Heard::Item { item: Item::Event(event), .. } => event.data,
        Heard::Item { item: Item::Comment { head, .. }, .. } => format!(":{head}"),
        Heard::Item { item: Item::Retry { millis, .. }, .. } => format!("retry {millis}"),
        Heard::Item { item: Item::Fault { fault, .. }, .. } => format!("!{}", fault.name()),
        Heard::Ended { end: End::Broken(trouble), .. } => format!("end {}", trouble.name()),
        Heard::Ended { end: End::Body(_), tail, .. } => format!("end{}", if tail.incomplete { " incomplete" } else { "" }),
        Heard::Ended { end: End::Cut(_), tail, .. } => format!("cut{}", if tail.incomplete { " incomplete" } else { "" }),
        Heard::Ended { end: End::Left, .. } => "left".to_owned(),
        Heard::Ended { end: End::OverCap, .. } => "end over cap".to_owned(),
        Heard::Differs { difference, .. } => format!("differs: {difference}"),
        Heard::Stopped(stop) => format!("stopped {stop:?}"),
    }
}

/// Everything up to the stop, or the first so many things.
async fn hear(client: &mut Client, most: usize) -> Vec<String> {
    let mut all = Vec::new();
    while all.len() < most {
        match tokio::time::timeout(LONG, client.next()).await.expect("it does not hang") {
            Some(heard) => all.push(shown(heard)),
            None => break,
        }
    }
    all
}

fn ids(ids: &Mutex<Vec<Option<String>>>) -> Vec<String> {
    ids.lock().expect("nobody panics with it").iter().map(|id| id.clone().unwrap_or_else(|| "-".to_owned())).collect()
}

macro_rules! events {
    ($($body:literal)*) => {
        concat!("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n", $($body),*)
    };
}

#[tokio::test]
async fn a_client_that_was_cut_asks_for_what_follows_the_last_whole_event() {
    let (server, seen) = service(&[
        Does::Stay(events!("id: 1\ndata: a\n\n" "id: 2\ndata: b\n\n" "id: 3\ndata: c\n\n")),
        Does::Stay(events!("id: 3\ndata: c\n\n" "id: 4\ndata: d\n\n")),
        Does::Close(events!("id: 4\ndata: d\n\n")),
    ])
    .await;
    let cuts = [Cut::Events(2, How::WithReset), Cut::Bytes(17, How::Quietly)];
    let mut client = Client::new(setup(&server).cut(cuts));
    let heard = hear(&mut client, 99).await;
    let expected = ["open 200 -", "a", "b", "cut", "open 200 2", "c", "cut incomplete", "open 200 3", "d", "end", "stopped Attempts"];
    assert_eq!(heard, expected);
    assert_eq!(ids(&seen), ["-", "2", "3"], "what comes with a cut event is not taken, and half an event does not count");
    assert_eq!(client.handed_on(), 4);
    assert!(client.next().await.is_none());
}

#[tokio::test]
async fn the_id_that_the_client_forgets_is_put_right_and_told() {
    let (server, seen) = service(&[
        Does::Close(events!("id: 42\ndata: one\n\n")),
        Does::Close(events!("data: without\n\n")),
        Does::Close(events!("id: 43\n\n")),
        Does::Close(events!("data: last\n\n")),
    ])
    .await;
    let mut client = Client::new(Setup { attempts: 4, ..setup(&server) });
    let heard = hear(&mut client, 99).await;
    assert_eq!(ids(&seen), ["-", "42", "42", "43"]);
    let forgets = "differs: it would send Last-Event-ID none where \"42\" is right";
    let not_alone = "differs: it would send Last-Event-ID none where \"43\" is right";
    assert_eq!(
        heard,
        [
            "open 200 -",
            "one",
            "end",
            "open 200 42",
            "without",
            "end",
            forgets,
            "open 200 42",
            "end",
            not_alone,
            "open 200 43",
            "last",
            "end",
            "stopped Attempts"
        ]
    );
}

#[tokio::test]
async fn an_id_to_begin_with_is_sent_and_kept() {
    let (server, seen) = service(&[Does::Close(events!("data: a\n\n"))]).await;
    let mut client = Client::new(Setup { last_id: "start-9".to_owned(), attempts: 2, ..setup(&server) });
    hear(&mut client, 99).await;
    assert_eq!(ids(&seen), ["start-9", "start-9"]);
    // Beyond ASCII a header carries it as it is.
    let mut client = Client::new(Setup { last_id: "n-ü-9".to_owned(), attempts: 1, ..setup(&server) });
    let heard = hear(&mut client, 99).await;
    assert_eq!(heard[0], "open 200 n-ü-9", "{heard:?}");
    let mut client = Client::new(Setup { last_id: "bell\u{7}".to_owned(), ..setup(&server) });
    assert_eq!(hear(&mut client, 99).await, ["stopped Id"]);
}

#[tokio::test]
async fn an_id_that_no_header_can_carry_is_named() {
    let (server, seen) = service(&[Does::Close(events!("id: a\u{7}\ndata: a\n\n"))]).await;
    let heard = hear(&mut Client::new(setup(&server)), 99).await;
    assert_eq!(heard[..3], ["open 200 -", "a", "end"]);
    assert!(heard[3].starts_with("differs: it gives up: invalid parameter") && heard[4] == "stopped Id", "{heard:?}");
    assert_eq!(ids(&seen), ["-"]);
}

#[tokio::test]
async fn a_204_ends_it_although_the_client_would_go_on() {
    let (server, seen) = service(&[Does::Close(events!("id: 1\ndata: a\n\n")), Does::Stay("HTTP/1.1 204 No Content\r\n\r\n")]).await;
    let mut client = Client::new(setup(&server));
    let heard = hear(&mut client, 99).await;
    assert_eq!(heard, ["open 200 -", "a", "end", "open 204 1", "differs: it connects again after a 204", "left", "stopped NoContent"]);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(ids(&seen).len(), 2);
}

#[tokio::test]
async fn an_answer_that_is_no_event_stream_ends_it() {
    let (server, _) = service(&[Does::Close("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<p>data: x\n\n")]).await;
    assert_eq!(hear(&mut Client::new(setup(&server)), 99).await, ["open 200 -", "left", "stopped WrongType(Some(\"text/html\"))"]);
    // At the very beginning a client gives up; once it was connected it tries again.
    let (server, _) = service(&[Does::Close("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n")]).await;
    assert_eq!(hear(&mut Client::new(setup(&server)), 99).await, ["open 503 -", "left", "stopped Client(\"unexpected response: 503\")"]);
    let (server, seen) = service(&[
        Does::Close(events!("id: 1\ndata: a\n\n")),
        Does::Close("HTTP/1.1 503 No\r\nContent-Type: text/event-stream\r\nContent-Length: 9\r\n\r\ndata: x\n\n"),
        Does::Close(events!("data: b\n\n")),
    ])
    .await;
    let heard = hear(&mut Client::new(setup(&server)), 99).await;
    assert_eq!(heard, ["open 200 -", "a", "end", "open 503 1", "left", "open 200 1", "b", "end", "stopped Attempts"]);
    assert_eq!(ids(&seen), ["-", "1", "1"]);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (server, seen) = service(&[Does::Close("HTTP/1.1 307 No\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n")]).await;
    let heard = hear(&mut Client::new(setup(&server)), 99).await;
    assert!(heard[0] == "open 307 -" && heard[2].starts_with("stopped Client(\"maximum redirect limit"), "{heard:?}");
    assert_eq!(ids(&seen).len(), 1);
}

#[tokio::test]
async fn no_connection_at_all_is_told() {
    let (server, _) = service(&[Does::Close("")]).await;
    let heard = hear(&mut Client::new(setup(&server)), 99).await;
    assert!(heard[0] == "failed eof" && heard[1].starts_with("stopped Client("), "{heard:?}");
}

#[tokio::test]
async fn where_the_client_refuses_what_the_standard_reads_it_is_told_and_ours_goes_on_counting() {
    let (server, seen) =
        service(&[Does::Close(events!("data: a\n\nfoo: bar\n\nid: 2\ndata: b\n\n")), Does::Close(events!("data: c\n\n"))]).await;
    let mut client = Client::new(Setup { attempts: 2, ..setup(&server) });
    let heard = hear(&mut client, 99).await;
    assert!(heard.contains(&"b".to_owned()), "{heard:?}");
    assert!(heard.contains(&"differs: it gives up: invalid event".to_owned()), "{heard:?}");
    assert!(heard.contains(&"differs: it hands 1 events less on than came".to_owned()), "{heard:?}");
    assert_eq!(ids(&seen), ["-", "2"]);
}

#[tokio::test]
async fn an_endless_line_ends_it_in_bounded_memory() {
    let server = Server::start(|_, mut stream| async move {
        let _ = read_head(&mut stream).await;
        let _ = stream.write_all(format!("{HEAD}data: ").as_bytes()).await;
        while stream.write_all(&[b'x'; 64 << 10]).await.is_ok() {}
    })
    .await;
    let mut client = Client::new(setup(&server));
    assert_eq!(hear(&mut client, 99).await, ["open 200 -", "!line-over-cap", "end over cap", "stopped OverCap"]);
}

#[tokio::test]
async fn a_retry_of_years_does_not_hold_it_up() {
    let (server, seen) = service(&[Does::Close(events!("retry: 1000000000000\ndata: a\n\n"))]).await;
    let wait_most = Duration::from_millis(50);
    let mut client = Client::new(Setup { attempts: 2, wait_most, ..setup(&server) });
    let heard = hear(&mut client, 99).await;
    assert_eq!(heard.iter().filter(|h| h.starts_with("differs: it waits longer")).count(), 2, "{heard:?}");
    assert_eq!(ids(&seen).len(), 2);
}

#[tokio::test]
async fn a_connection_is_cut_when_that_is_asked_for() {
    let (server, _) = service(&[Does::Stay(events!("id: 1\ndata: a\n\n"))]).await;
    let mut client = Client::new(setup(&server));
    assert_eq!(hear(&mut client, 2).await, ["open 200 -", "a"]);
    assert!(tokio::time::timeout(Duration::from_millis(50), client.next()).await.is_err(), "nothing more comes");
    client.cut(How::WithReset);
    assert_eq!(hear(&mut client, 3).await, ["cut", "open 200 1", "a"]);
}

#[tokio::test]
async fn a_broken_stream_is_told_with_its_trouble_and_the_client_comes_again() {
    let (server, seen) = service(&[
        Does::Close("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 99\r\n\r\nid: 1\ndata: a\n\nid: 2\nda"),
        Does::Close(events!("data: b\n\n")),
    ])
    .await;
    let mut client = Client::new(Setup { attempts: 2, ..setup(&server) });
    assert_eq!(hear(&mut client, 99).await, ["open 200 -", "a", "end truncated", "open 200 1", "b", "end", "stopped Attempts"]);
    assert_eq!(ids(&seen), ["-", "1"]);
}

#[tokio::test]
async fn the_opener_is_asked_for_every_connection_and_its_trouble_is_kept() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let open: Opener = Arc::new(move |ask: Ask| {
        count.fetch_add(1, SeqCst);
        assert_eq!((ask.attempt, ask.last_id), (0, None));
        Box::pin(async {
            // Nobody listens on the port of a server that has gone.
            let url: url::Url = "http://127.0.0.1:1/".parse().expect("valid");
            Exchange::default().open(&Endpoint::new(url.clone()), &Outgoing::get(url), &Opening::default()).await
        })
    });
    let mut client = Client::new(Setup::new(open));
    match client.next().await {
        Some(Heard::Failed { failed, .. }) => assert!(matches!(failed.trouble, Trouble::ConnectRefused { .. }), "{failed}"),
        other => panic!("{other:?}"),
    }
    assert!(matches!(client.next().await, Some(Heard::Stopped(Stop::Client(_)))));
    assert_eq!(asked.load(SeqCst), 1);
}
