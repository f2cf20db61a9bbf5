//! HTTP/1: each way in which a body can come and end, and how a connection is left.

use super::*;
use crate::transport::testing::{Then, speak};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::SeqCst},
};
use tokio::{
    io::AsyncReadExt,
    sync::{Notify, oneshot},
};

const CHUNKED: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

#[tokio::test]
async fn the_head_is_there_before_any_byte_of_the_body() {
    let (server, tell) = prompted().await;
    say(&tell, CHUNKED);
    let mut stream = soon(open(&server)).await;
    let head = stream.answer();
    assert_eq!((head.status, head.header_text("content-type").as_deref()), (200, Some("text/event-stream")));
    assert_eq!((head.remote, head.reused, head.body_len), (Some(server.addr), false, 0));
    assert!(head.phases.total >= head.phases.connect && head.ended - head.began == head.phases.total);
    let nothing = tokio::time::timeout(Duration::from_millis(50), stream.next()).await;
    assert!(nothing.is_err(), "nothing was sent");
    say(&tell, "7\r\nfor you\r\n");
    assert_eq!(piece(&mut stream).await, "for you", "the read that was given up lost nothing");
}

#[tokio::test]
async fn pieces_come_as_they_are_sent_without_their_framing() {
    for (head, pieces, end, ended) in [
        (CHUNKED, &["3\r\none\r\n", "3\r\ntwo\r\n2\r\n, \r\n", "5\r\nthree\r\n"][..], "0\r\nSum: 1\r\n\r\n", EndedBy::LastChunk),
        ("HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n", &["one", "two, "], "three", EndedBy::Length),
        ("HTTP/1.1 200 OK\r\n\r\n", &["one", "two, ", "three"], "", EndedBy::Close),
        ("HTTP/1.0 200 OK\r\n\r\n", &["one", "two, ", "three"], "", EndedBy::Close),
        ("HTTP/1.1 204 No Content\r\n\r\n", &[], "", EndedBy::Empty),
        ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", &[], "", EndedBy::Length),
    ] {
        let (server, tell) = prompted().await;
        say(&tell, head);
        let mut stream = soon(open(&server)).await;
        let mut last = None;
        for (wire, expected) in pieces.iter().zip(["one", "two, ", "three"]) {
            say(&tell, wire);
            let came = soon(stream.next()).await.expect("no trouble").expect("the body goes on");
            assert_eq!(came.bytes, expected, "{head:?}");
            assert!(last < Some(came.at), "each has its own moment");
            last = Some(came.at);
        }
        assert_eq!(stream.ended_by(), None);
        say(&tell, end);
        drop(tell);
        let (text, end) = rest(&mut stream).await;
        assert_eq!(end, Ok(Some(ended)), "{head:?}");
        assert_eq!(text, if ended == EndedBy::Length && !pieces.is_empty() { "three" } else { "" });
        assert_eq!(stream.received(), if pieces.is_empty() { 0 } else { 13 });
        assert_eq!(stream.answer().trailers.len(), usize::from(ended == EndedBy::LastChunk));
        assert_eq!(soon(stream.next()).await, Ok(None), "the end stays the end");
    }
}

#[tokio::test]
async fn what_came_with_the_head_is_the_first_piece() {
    let server = Server::saying(format!("{CHUNKED}5\r\nearly\r\n"), Then::Hold).await;
    assert_eq!(piece(&mut open(&server).await).await, "early");
}

#[tokio::test]
async fn a_body_that_breaks_off_is_named_and_what_came_before_is_given_first() {
    for (wire, then, text, expected) in [
        (format!("{CHUNKED}5\r\nhello\r\n"), Then::Close, "hello", Err("truncated")),
        (format!("{CHUNKED}5\r\nhel"), Then::Close, "hel", Err("truncated")),
        (format!("{CHUNKED}5\r\nhello\r\nnonsense"), Then::Hold, "hello", Err("framing-chunk-size")),
        (format!("{CHUNKED}5\r\nhello!\r\n"), Then::Hold, "hello", Err("framing-chunk-end")),
        ("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello".to_owned(), Then::Close, "hello", Err("truncated")),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello, and more".to_owned(), Then::Hold, "hello", Ok(Some(EndedBy::Length))),
    ] {
        let server = Server::saying(wire.clone(), then).await;
        let mut stream = open(&server).await;
        assert_eq!(rest(&mut stream).await, (text.to_owned(), expected), "{wire:?}");
        assert_eq!(stream.answer().excess, if wire.ends_with("more") { 10 } else { 0 });
        let again = soon(stream.next()).await.map_err(|t| t.name());
        assert_eq!(again.err(), expected.err(), "the same again");
    }
}

#[tokio::test]
async fn a_reset_in_the_body_is_no_end() {
    for head in [CHUNKED, "HTTP/1.1 200 OK\r\n\r\n"] {
        let (server, tell) = prompted().await;
        say(&tell, head);
        let mut stream = soon(open(&server)).await;
        say(&tell, "2\r\nhi\r\n");
        assert!(piece(&mut stream).await.contains("hi"));
        assert!(tell.send(Say::Reset).is_ok());
        assert_eq!(rest(&mut stream).await.1, Err("reset-in-body"), "{head:?}");
    }
}

#[tokio::test]
async fn a_head_that_does_not_come_or_is_none_is_named() {
    for (wire, then, expected) in [
        ("", Then::Hold, "first-byte-timeout"),
        ("HTTP/1.1 200 OK\r\nA: ", Then::Hold, "head-timeout"),
        ("", Then::Close, "eof"),
        ("HTTP/1.1 200", Then::Close, "eof-in-head"),
        ("", Then::Reset, "reset"),
        ("data: no head\n\n", Then::Hold, "framing-not-http"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", Then::Hold, "framing-length-and-chunked"),
    ] {
        let server = Server::saying(wire, then).await;
        let mut opening = opening();
        if expected.ends_with("timeout") {
            opening.timeouts.first_byte = Duration::from_millis(300);
        }
        let outcome = soon(Exchange::default().open(&server.endpoint(), &Outgoing::get(server.url("/")), &opening)).await;
        let failed = outcome.expect_err("there is no valid head");
        assert_eq!(failed.trouble.name(), expected, "{wire:?} {then:?}: {failed}");
        assert_eq!(failed.partial.is_some(), expected == "framing-length-and-chunked");
    }
}

#[tokio::test]
async fn every_stream_has_a_connection_of_its_own() {
    let server = Server::saying("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", Then::Again).await;
    let exchange = Exchange::default();
    let get = Outgoing::get(server.url("/"));
    let wishes = crate::transport::testing::patient();
    exchange.send(&server.endpoint(), &get, &wishes).await.expect("an answer");
    for _ in 0..2 {
        let mut stream = exchange.open(&server.endpoint(), &get, &opening()).await.expect("a stream opens");
        assert_eq!(rest(&mut stream).await.0, "ok");
    }
    assert!(exchange.send(&server.endpoint(), &get, &wishes).await.expect("an answer").reused);
    assert_eq!(server.connections(), 3);
}

/// What the service sees of the end, after `leave` was done to a stream that had not been read to its end.
async fn seen_by_the_service(leave: impl FnOnce(Streaming)) -> Result<(), std::io::ErrorKind> {
    let (say_seen, seen) = oneshot::channel();
    let (slot, more) = (Arc::new(std::sync::Mutex::new(Some(say_seen))), Arc::new(Notify::new()));
    let sent = Arc::new(AtomicUsize::new(0));
    let server = Server::start({
        let (more, sent) = (more.clone(), sent.clone());
        move |_, mut stream: TcpStream| {
            let (slot, more, sent) = (slot.clone(), more.clone(), sent.clone());
            async move {
                let _ = read_head(&mut stream).await;
                stream.write_all(CHUNKED.as_bytes()).await.expect("the client is there");
                more.notified().await;
                stream.write_all(b"5\r\nhello\r\n").await.expect("the client is there");
                sent.store(1, SeqCst);
                let end = stream.read(&mut [0; 16]).await.map(|n| assert_eq!(n, 0)).map_err(|e| e.kind());
                let slot = slot.lock().expect("nobody panics with it").take();
                slot.expect("one connection").send(end).expect("the test waits");
            }
        }
    })
    .await;
    let stream = soon(open(&server)).await;
    more.notify_one();
    soon(async {
        while sent.load(SeqCst) == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
    leave(stream);
    soon(seen).await.expect("the server tells")
}

#[tokio::test]
async fn an_abort_is_a_reset() {
    assert_eq!(seen_by_the_service(Streaming::abort).await, Err(std::io::ErrorKind::ConnectionReset));
}

#[tokio::test]
async fn a_drop_is_no_reset_even_with_unread_bytes() {
    assert_eq!(seen_by_the_service(drop).await, Ok(()));
}

#[tokio::test]
async fn a_small_receive_buffer_holds_the_sender_up() {
    const MORE: usize = 8 << 20;
    let sent = Arc::new(AtomicUsize::new(0));
    let server = Server::start({
        let sent = sent.clone();
        move |_, mut stream: TcpStream| {
            let sent = sent.clone();
            async move {
                let _ = read_head(&mut stream).await;
                stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.expect("the client is there");
                while sent.load(SeqCst) < MORE && stream.write_all(&[b'x'; 4096]).await.is_ok() {
                    sent.fetch_add(4096, SeqCst);
                }
            }
        }
    })
    .await;
    let opening = Opening { receive_buffer: Some(8 << 10), ..opening() };
    let mut stream = Exchange::default().open(&server.endpoint(), &Outgoing::get(server.url("/")), &opening).await.expect("a stream opens");
    // It has stopped once nothing was taken for a while; more than its own send buffer (4 MiB at most) never goes.
    let mut last = 0;
    soon(async {
        loop {
            tokio::time::sleep(Duration::from_millis(200)).await;
            match sent.load(SeqCst) {
                now if now == last && now > 0 => break,
                now => last = now,
            }
        }
    })
    .await;
    assert!(last < MORE, "the sender was not held up: {last}");
    let (text, end) = rest(&mut stream).await;
    assert_eq!((text.len(), end), (MORE, Ok(Some(EndedBy::Close))), "and nothing is lost");
}

#[tokio::test]
async fn the_body_of_a_request_goes_on_while_the_answer_comes() {
    let server = Server::start(|_, mut stream: TcpStream| async move {
        let _ = read_head(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\nfirst").await.expect("the client is there");
        let mut body = vec![0; 1 << 20];
        stream.read_exact(&mut body).await.expect("the body comes");
        stream.write_all(format!(" {}", body.iter().filter(|b| **b == b'y').count()).as_bytes()).await.expect("the client is there");
    })
    .await;
    let post = Outgoing::new(http::Method::POST, server.url("/")).body(vec![b'y'; 1 << 20]);
    let mut stream = soon(Exchange::default().open(&server.endpoint(), &post, &opening())).await.expect("a stream opens");
    assert_eq!(rest(&mut stream).await.0, format!("first {}", 1 << 20));
}

#[tokio::test]
async fn a_unix_socket_streams_as_well() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("s");
    let listener = tokio::net::UnixListener::bind(&path).expect("it listens");
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a client");
        let _ = read_head(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\nhello").await.expect("the client is there");
    });
    let endpoint = Endpoint { unix: Some(path), ..Endpoint::new("http://here/".parse().expect("valid")) };
    let get = Outgoing::get(endpoint.url.clone());
    let mut stream = soon(Exchange::default().open(&endpoint, &get, &opening())).await.expect("a stream opens");
    assert_eq!(rest(&mut stream).await, ("hello".to_owned(), Ok(Some(EndedBy::Close))));
    stream.abort();
}

#[test]
fn a_stream_that_waits_is_small() {
    let size = std::mem::size_of::<Streaming>();
    assert!(size <= 128, "{size} bytes");
    let _ = speak;
}
