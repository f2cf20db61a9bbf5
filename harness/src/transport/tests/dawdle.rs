//! Slow requests against real sockets: what is sent and when, and that whatever the other side does is heard.

use super::tls;
use crate::transport::dawdle::{Dawdle, Ending, Shown, dawdling};
use crate::transport::{
    Endpoint, Exchange, Options, Outgoing, Permits,
    testing::{OK, Server, Then, patient, read_head, speak},
};
use http::{HeaderValue, Method, header};
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::mpsc,
    time::Instant,
};

const LONG: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(100);

async fn open(server: &Server, out: &Outgoing) -> Dawdle {
    let opened = Exchange::default().dawdle(&server.endpoint(), out, &patient()).await;
    opened.unwrap_or_else(|failed| panic!("{failed}"))
}

fn post(server: &Server) -> Outgoing {
    Outgoing::new(Method::POST, server.url("/up")).body("0123456789")
}

/// A server that tells what it has read when so many bytes came in all, and then closes.
async fn reader(bytes: usize) -> (Server, mpsc::UnboundedReceiver<Vec<u8>>) {
    let (told, tells) = mpsc::unbounded_channel();
    let server = Server::start(move |_, mut stream| {
        let told = told.clone();
        async move {
            let mut all = Vec::new();
            while all.len() < bytes && stream.read_buf(&mut all).await.is_ok_and(|n| n > 0) {}
            let _ = told.send(all);
        }
    })
    .await;
    (server, tells)
}

#[tokio::test]
async fn a_head_drips_on_and_never_ends() {
    let (server, mut tells) = reader(220).await;
    let mut slow = open(&server, &Outgoing::get(server.url("/health"))).await;
    slow.send_head().await.expect("it goes out");
    let heard = slow.listen(Instant::now() + LONG, Some(Duration::from_millis(1))).await;
    assert!(matches!(heard.ended, Some((_, Ending::Closed | Ending::Reset))) && heard.said.is_none(), "{heard:?}");
    let all = String::from_utf8(tells.recv().await.expect("it was read")).expect("text");
    assert!(all.starts_with("GET /health HTTP/1.1\r\n") && !all.contains("\r\n\r\n"), "{all}");
    assert!(all.contains("\r\nx-dawdle: aaaa"), "{all}");
}

#[tokio::test]
async fn a_body_drips_on_but_for_its_last_byte() {
    let (server, mut tells) = reader(10_000).await;
    let mut slow = open(&server, &post(&server)).await;
    assert_eq!(slow.body_len(), 10);
    slow.send_body(5).await.expect("it goes out");
    let heard = slow.listen(Instant::now() + SHORT * 5, Some(Duration::from_millis(1))).await;
    assert_eq!(heard.ended, None, "nobody closed");
    drop(slow);
    let all = String::from_utf8(tells.recv().await.expect("it was read")).expect("text");
    assert!(all.contains("content-length: 10\r\n") && all.ends_with("\r\n\r\n012345678"), "{all}");
}

#[tokio::test]
async fn an_answer_and_the_close_after_it_are_both_heard_and_what_is_informational_is_no_answer() {
    let server = Server::start(|_, mut stream| async move {
        // A head without an end is all that comes.
        let _ = stream.read(&mut [0; 4096]).await;
        let _ = stream.write_all(b"HTTP/1.1 102 Processing\r\n\r\n").await;
        tokio::time::sleep(SHORT).await;
        let _ = stream.write_all(b"HTTP/1.1 408 Late\r\ncontent-length: 0\r\n\r\n").await;
        tokio::time::sleep(SHORT).await;
    })
    .await;
    let mut slow = open(&server, &Outgoing::get(server.url("/"))).await;
    slow.send_head().await.expect("it goes out");
    let heard = slow.listen(Instant::now() + LONG, None).await;
    let ((closed, how), said) = (heard.ended.expect("closed"), heard.said.expect("answered"));
    assert_eq!((heard.status, how), (Some(408), Ending::Closed));
    assert!(said - slow.began >= SHORT && closed - said >= SHORT / 2, "{heard:?}");
}

#[tokio::test]
async fn a_connection_is_listened_to_after_a_whole_exchange_where_it_stays() {
    let server = Server::start(|_, mut stream| async move {
        if !read_head(&mut stream).await.is_empty() {
            let _ = stream.write_all(OK.as_bytes()).await;
            tokio::time::sleep(SHORT).await;
        }
    })
    .await;
    let (answer, on) = open(&server, &Outgoing::get(server.url("/"))).await.ask().await.unwrap_or_else(|failed| panic!("{failed}"));
    assert_eq!(answer.status, 200);
    let heard = on.expect("it stays").listen(Instant::now() + LONG, None).await;
    assert!(matches!(heard.ended, Some((_, Ending::Closed))), "{heard:?}");
    let server = Server::saying("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n", Then::Close).await;
    let (_, on) = open(&server, &Outgoing::get(server.url("/"))).await.ask().await.unwrap_or_else(|failed| panic!("{failed}"));
    assert!(on.is_none(), "it said that it closes");
}

#[tokio::test]
async fn an_encrypted_connection_can_be_slow_too() {
    let authority = tls::Authority::new();
    let acceptor = tls::acceptor(authority.certificate("localhost", (2000, 4000)), &["http/1.1"]);
    let server = Server::start(move |_, stream| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else { return };
            let mut all = Vec::new();
            while all.len() < 200 && stream.read_buf(&mut all).await.is_ok_and(|n| n > 0) {}
            let _ = stream.write_all(b"HTTP/1.1 408 Late\r\ncontent-length: 0\r\n\r\n").await;
            let _ = stream.shutdown().await;
        }
    })
    .await;
    let endpoint = tls::endpoint(&server, Some(authority.pem.clone()));
    let out = Outgoing::get(endpoint.url.clone());
    let mut slow = Exchange::default().dawdle(&endpoint, &out, &patient()).await.unwrap_or_else(|failed| panic!("{failed}"));
    slow.send_head().await.expect("it goes out");
    let heard = slow.listen(Instant::now() + LONG, Some(Duration::from_millis(1))).await;
    assert_eq!(heard.status, Some(408), "{heard:?}");
    assert!(heard.ended.is_some());
}

#[tokio::test]
async fn what_may_not_be_uploaded_is_not_sent_and_who_cannot_be_reached_is_told() {
    let server = Server::start(|_, stream| speak(stream, OK.into(), Then::Hold)).await;
    let exchange = Exchange::new(Options { permits: Permits::new(None, None, Some(4)) });
    let mut slow = exchange.dawdle(&server.endpoint(), &post(&server), &patient()).await.unwrap_or_else(|failed| panic!("{failed}"));
    let trouble = slow.send_body(5).await.expect_err("four bytes are allowed");
    assert_eq!(trouble.name(), "own-upload-spent");
    let nowhere = Endpoint::new(url::Url::parse("http://127.0.0.1:1/").expect("a URL"));
    let out = Outgoing::get(nowhere.url.clone());
    let failed = Exchange::default().dawdle(&nowhere, &out, &patient()).await.err().expect("nobody listens");
    assert_eq!(failed.trouble.name(), "connect-refused");
}

#[test]
fn a_command_shows_it_again_without_what_is_secret() {
    let mut secret = HeaderValue::from_static("Bearer it's-a-secret");
    secret.set_sensitive(true);
    let endpoint = Endpoint::new(url::Url::parse("http://127.0.0.1:8080/").expect("a URL"));
    let out = Outgoing::get(endpoint.url_for("/health").expect("a URL")).header(header::AUTHORIZATION, secret);
    let shown = |shown| dawdling(&endpoint, &out, shown, Duration::from_secs(3));
    let head = "printf '%s\\r\\n' 'GET /health HTTP/1.1' 'host: 127.0.0.1:8080' 'authorization: ***'";
    assert_eq!(shown(Shown::Head), format!("{{ {head}; sleep 4; }} | nc 127.0.0.1 8080"));
    assert_eq!(shown(Shown::NoBody), format!("{{ {head} ''; sleep 4; }} | nc 127.0.0.1 8080"));
    assert_eq!(shown(Shown::Nothing), "{ sleep 4; } | nc 127.0.0.1 8080");
    let dripping = format!("{{ {head}; printf 'x-dawdle: '; while sleep 0.2; do printf a; done; }} | nc 127.0.0.1 8080");
    assert_eq!(shown(Shown::DrippingHead), dripping);
}
