//! HTTP/1 on real sockets: what each hostile server is called, and that a good one is left in peace.

use crate::transport::{
    testing::{OK, Server, Then, hasty, named, patient, read_head, speak},
    *,
};
use bytes::Bytes;
use http::{HeaderValue, Method, header};
use std::{sync::Arc, time::Duration};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

async fn check(answer: &str, then: Then, wishes: &Wishes, expected: &str) -> Box<Failed> {
    let server = Server::saying(answer, then).await;
    let (name, failed) = named(server.get(wishes).await);
    let shown: String = answer.chars().take(100).collect();
    assert_eq!(name, expected, "{shown:?} {then:?}: {failed}");
    failed
}

#[tokio::test]
async fn a_good_answer_is_brought_back_as_it_was() {
    let server = Server::saying(OK, Then::Again).await;
    let answer = server.get(&Wishes { sha256: true, ..patient() }).await.expect("a good answer");
    assert_eq!((answer.status, answer.version, answer.body.as_slice()), (200, Version::Http11, &b"hello"[..]));
    assert_eq!(answer.headers[1], ("X-Case".to_owned(), b"Kept".to_vec()));
    assert_eq!(answer.sha256.as_deref(), Some("2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"));
    assert!(answer.body_complete && answer.sent_whole && !answer.reused && answer.excess == 0);
    assert_eq!(answer.remote, Some(server.addr));
}

#[tokio::test]
async fn every_end_of_a_body_is_understood() {
    for (wire, then) in [
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\nSum: 1\r\n\r\n", Then::Hold),
        ("HTTP/1.1 200 OK\r\n\r\nhello", Then::Close),
        ("HTTP/1.0 200\r\n\r\nhello", Then::Close),
        ("HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", Then::Hold),
    ] {
        let answer = Server::saying(wire, then).await.get(&patient()).await.expect("a good answer");
        assert_eq!((answer.status, answer.body.as_slice()), (200, &b"hello"[..]), "{wire:?}");
        assert!(answer.body_complete);
        assert_eq!(answer.informational, if wire.contains("103") { vec![103] } else { vec![] });
        assert_eq!(answer.trailers.len(), usize::from(wire.contains("Sum")));
    }
}

#[tokio::test]
async fn bytes_that_are_not_http_are_named() {
    for (wire, expected) in [
        ("<html>no head</html>\r\n", "framing-not-http"),
        ("SSH-2.0-OpenSSH_9\r\n", "framing-not-http"),
        ("HTTP/3.7 200 OK\r\n\r\n", "framing-version"),
        ("HTTP/1.1 099 Low\r\n\r\n", "framing-status-line"),
        ("HTTP/1.1 1000 High\r\n\r\n", "framing-status-line"),
        ("HTTP/1.1 200 OK\nContent-Length: 0\n\n", "framing-bare-lf"),
        ("HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 0\r\n\r\n", "framing-obs-fold"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello", "framing-two-lengths"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", "framing-two-lengths"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "framing-length-and-chunked"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n", "framing-chunk-size"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n", "framing-chunk-size"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nhello", "framing-chunk-size"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello world\r\n0\r\n\r\n", "framing-chunk-end"),
    ] {
        let failed = check(wire, Then::Hold, &patient(), expected).await;
        assert!(!failed.trouble.confusable() && failed.trouble.own().is_none(), "one instance is proof: {failed}");
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_named_by_where() {
    check("", Then::Close, &patient(), "eof").await;
    check("", Then::Reset, &patient(), "reset").await;
    check("HTTP/1.1 200 OK\r\nContent-", Then::Close, &patient(), "eof-in-head").await;
    let told = check("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", Then::Close, &patient(), "truncated").await;
    assert_eq!(told.trouble, Trouble::Truncated { got: 5, told: Some(9) });
    let partial = told.partial.expect("the head came");
    assert_eq!((partial.status, partial.body.as_slice(), partial.body_complete), (200, &b"hello"[..], false));
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n";
    assert_eq!(check(chunked, Then::Close, &patient(), "truncated").await.trouble, Trouble::Truncated { got: 5, told: None });
}

#[tokio::test]
async fn a_reset_in_the_body_keeps_what_came() {
    let failed = check("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", Then::Reset, &patient(), "reset-in-body").await;
    assert_eq!(failed.partial.expect("the head came").body, b"hello");
}

#[tokio::test]
async fn silence_is_named_by_how_far_it_went() {
    let failed = check("", Then::Hold, &hasty(), "first-byte-timeout").await;
    assert!(failed.to_string().contains("connected"), "{failed}");
    check("HTTP/1.1 200 OK\r\nA", Then::Hold, &hasty(), "head-timeout").await;
    let failed = check("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", Then::Hold, &hasty(), "total-timeout").await;
    assert!(matches!(failed.trouble, Trouble::TotalTimeout { stage: Stage::Body, got: 5, .. }), "{failed}");
}

#[tokio::test]
async fn one_byte_at_a_time_does_not_outlive_the_total() {
    let server = Server::start(|_, mut stream| async move {
        read_head(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n").await;
        let mut tick = tokio::time::interval(Duration::from_millis(5));
        while stream.write_all(b"x").await.is_ok() {
            tick.tick().await;
        }
    })
    .await;
    assert_eq!(named(server.get(&hasty()).await).0, "total-timeout");
}

#[tokio::test]
async fn what_has_no_end_is_stopped_at_its_cap() {
    let server = Server::start(|_, mut stream| async move {
        read_head(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
        while stream.write_all(&[b'x'; 65536]).await.is_ok() {}
    })
    .await;
    let mut wishes = patient();
    wishes.limits.body_max = 4 << 20;
    let (name, failed) = named(server.get(&wishes).await);
    assert_eq!(name, "body-over-cap");
    let partial = failed.partial.expect("the head came");
    assert_eq!((partial.body.len(), partial.body_len), (1 << 20, 4 << 20));

    let header = format!("HTTP/1.1 200 OK\r\n{}\r\n", "A: b\r\n".repeat(10_000));
    check(&header, Then::Hold, &patient(), "too-many-headers").await;
    check(&format!("HTTP/1.1 200 OK\r\nA: {}", "x".repeat(70_000)), Then::Hold, &patient(), "head-over-cap").await;
    check(&"HTTP/1.1 100 Continue\r\n\r\n".repeat(10_000), Then::Hold, &patient(), "too-many-informational").await;
}

#[tokio::test]
async fn a_body_after_head_is_seen() {
    let head = Outgoing::new(Method::HEAD, "http://x/".parse().expect("valid"));
    for (wire, expected) in [(OK, 5), ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", 0)] {
        let server = Server::saying(wire, Then::Again).await;
        let request = Outgoing { url: server.url("/"), ..head.clone() };
        for fresh in [true, false] {
            let wishes = Wishes { fresh, ..patient() };
            let answer = Exchange::default().send(&server.endpoint(), &request, &wishes).await.expect("a good head");
            assert_eq!((answer.status, answer.excess, answer.body.len()), (200, expected, 0), "fresh {fresh}");
        }
    }
}

#[tokio::test]
async fn a_connection_with_bytes_left_over_is_not_used_again() {
    for (wire, connections) in [(OK.to_owned(), 1), (format!("{OK}!"), 3)] {
        let server = Server::saying(wire.clone(), Then::Again).await;
        let exchange = Exchange::default();
        for _ in 0..3 {
            let answer = exchange.send(&server.endpoint(), &Outgoing::get(server.url("/")), &patient()).await.expect("an answer");
            assert_eq!(answer.body, b"hello");
            assert_eq!(answer.excess, u64::from(wire.ends_with('!')));
        }
        assert_eq!(server.connections(), connections, "{wire:?}");
    }
}

#[tokio::test]
async fn connections_are_shared_unless_fresh_ones_are_wished() {
    let server = Server::saying(OK, Then::Again).await;
    let exchange = Exchange::default();
    let get = Outgoing::get(server.url("/"));
    let fresh = Wishes { fresh: true, ..patient() };
    let mut reused = Vec::new();
    for wishes in [&patient(), &patient(), &fresh, &patient()] {
        reused.push(exchange.send(&server.endpoint(), &get, wishes).await.expect("an answer").reused);
    }
    assert_eq!(reused, [false, true, false, true]);
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn a_reused_connection_that_dies_unheard_is_dialled_again_once() {
    // The first connection answers one request and closes at the second; the others answer all.
    let server = Server::start(|number, mut stream| async move {
        if number == 0 {
            read_head(&mut stream).await;
            let _ = stream.write_all(OK.as_bytes()).await;
            read_head(&mut stream).await;
        } else {
            speak(stream, OK.into(), Then::Again).await;
        }
    })
    .await;
    let exchange = Exchange::default();
    let get = Outgoing::get(server.url("/"));
    let first = exchange.send(&server.endpoint(), &get, &patient()).await.expect("an answer");
    let second = exchange.send(&server.endpoint(), &get, &patient()).await.expect("an answer, by a new connection");
    assert_eq!((first.redialed, second.redialed, second.reused, server.connections()), (false, true, false, 2));
}

#[tokio::test]
async fn a_fresh_connection_that_dies_unheard_is_not_dialled_again() {
    let server = Server::saying("", Then::Close).await;
    assert_eq!(named(server.get(&patient()).await).0, "eof");
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_post_is_never_risked_on_a_used_connection() {
    let server = Server::start(|_, mut stream| async move {
        loop {
            let head = read_head(&mut stream).await;
            if head.is_empty() {
                return;
            }
            if head.starts_with("POST") {
                stream.read_exact(&mut [0; 2]).await.expect("the body follows");
            }
            let _ = stream.write_all(OK.as_bytes()).await;
        }
    })
    .await;
    let exchange = Exchange::default();
    let post = Outgoing::new(Method::POST, server.url("/")).body(&b"{}"[..]);
    exchange.send(&server.endpoint(), &Outgoing::get(server.url("/")), &patient()).await.expect("an answer");
    let answer = exchange.send(&server.endpoint(), &post, &patient()).await.expect("an answer");
    assert_eq!((answer.reused, answer.sent_body, answer.sent_whole, server.connections()), (false, 2, true, 2));
}

#[tokio::test]
async fn an_early_refusal_of_a_large_body_is_heard() {
    let server = Server::start(|_, mut stream| async move {
        read_head(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 413 Too Large\r\nContent-Length: 5\r\nConnection: close\r\n\r\nlarge").await;
    })
    .await;
    let post = Outgoing::new(Method::POST, server.url("/")).body(vec![0; 20_000_000]);
    for _ in 0..20 {
        let answer = Exchange::default().send(&server.endpoint(), &post, &patient()).await.expect("413 is an answer");
        assert_eq!((answer.status, answer.body.as_slice(), answer.sent_whole), (413, &b"large"[..], false));
    }
}

#[tokio::test]
async fn a_connection_that_dies_under_a_body_without_an_answer_is_a_failed_write() {
    let server = Server::start(|_, mut stream| async move {
        read_head(&mut stream).await;
    })
    .await;
    let post = Outgoing::new(Method::POST, server.url("/")).body(vec![0; 20_000_000]);
    let (name, failed) = named(Exchange::default().send(&server.endpoint(), &post, &patient()).await);
    assert_eq!(name, "write-failed", "{failed}");
}

#[tokio::test]
async fn a_streamed_body_is_chunked_where_its_length_is_unknown() {
    for (len, expected) in [(None, "2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n"), (Some(5), "abcde")] {
        let server = Server::start(move |_, mut stream| async move {
            let head = read_head(&mut stream).await;
            assert_eq!(head.contains("transfer-encoding: chunked"), len.is_none(), "{head}");
            let mut body = vec![0; expected.len()];
            stream.read_exact(&mut body).await.expect("the body follows");
            let _ = stream.write_all(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()).as_bytes()).await;
            let _ = stream.write_all(&body).await;
        })
        .await;
        let factory: BodyFactory = Arc::new(|| {
            let parts = [Bytes::from_static(b"ab"), Bytes::from_static(b"cde")];
            Box::pin(futures_util::stream::iter(parts.map(Ok)))
        });
        let mut post = Outgoing::new(Method::POST, server.url("/"));
        post.body = OutBody::Stream { len, factory };
        let answer = Exchange::default().send(&server.endpoint(), &post, &patient()).await.expect("an answer");
        assert_eq!((answer.body.as_slice(), answer.sent_body), (expected.as_bytes(), 5));
    }
}

#[tokio::test]
async fn the_head_of_a_request_says_what_was_asked_and_no_more() {
    let server = Server::start(|_, mut stream| async move {
        let head = read_head(&mut stream).await;
        let _ = stream.write_all(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{head}", head.len()).as_bytes()).await;
    })
    .await;
    let mut get = Outgoing::get(server.url("/a%20b?c=d#e"));
    get.host_override = Some("api.example".to_owned());
    get.headers.push((header::ACCEPT, HeaderValue::from_static("text/x")));
    let answer = Exchange::default().send(&server.endpoint(), &get, &patient()).await.expect("an answer");
    let expected = format!("GET /a%20b?c=d HTTP/1.1\r\nhost: api.example\r\nuser-agent: {}\r\naccept: text/x\r\n\r\n", request::USER_AGENT);
    assert_eq!(String::from_utf8_lossy(&answer.body), expected);
}

#[tokio::test]
async fn redirects_are_followed_within_the_origin_and_only_if_wished() {
    let server = Server::start(|_, mut stream| async move {
        loop {
            let head = read_head(&mut stream).await;
            let answer = match head.split(' ').nth(1) {
                None => return,
                Some("/start") => "HTTP/1.1 302 Found\r\nLocation: /end\r\nContent-Length: 0\r\n\r\n",
                Some("/away") => "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.2:1/\r\nContent-Length: 0\r\n\r\n",
                Some("/loop") => "HTTP/1.1 302 Found\r\nLocation: /loop\r\nContent-Length: 0\r\n\r\n",
                Some(_) => OK,
            };
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    })
    .await;
    let exchange = Exchange::default();
    let follow = Wishes { follow_redirects: 5, ..patient() };
    let status = async |path: &str, wishes: &Wishes| {
        let sent = exchange.send(&server.endpoint(), &Outgoing::get(server.url(path)), wishes).await;
        sent.map(|answer| (answer.status, answer.redirects.len())).map_err(|failed| failed.trouble)
    };
    assert_eq!(status("/start", &patient()).await, Ok((302, 0)));
    assert_eq!(status("/start", &follow).await, Ok((200, 1)));
    assert_eq!(status("/away", &follow).await, Ok((302, 0)), "another origin is never asked");
    assert_eq!(status("/loop", &follow).await, Err(Trouble::RedirectLoop { hops: 5 }));
}

#[tokio::test]
async fn nobody_listening_is_refused() {
    let server = Server::saying(OK, Then::Close).await;
    let mut gone = server.endpoint();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a loopback port is free");
    let port = listener.local_addr().expect("a bound socket has an address").port();
    drop(listener);
    gone.url.set_port(Some(port)).expect("http URLs have ports");
    let sent = Exchange::default().send(&gone, &Outgoing::get(gone.url.clone()), &patient()).await;
    let (name, failed) = named(sent);
    assert_eq!((name, failed.trouble.own()), ("connect-refused", None));
    assert!(failed.trouble.confusable());
}

#[tokio::test]
async fn a_limit_on_connections_makes_room_by_closing_idle_ones() {
    let one = Server::saying(OK, Then::Again).await;
    let two = Server::saying(OK, Then::Again).await;
    let exchange = Exchange::new(Options { permits: Permits::new(None, Some(1), None) });
    for _ in 0..3 {
        for server in [&one, &two] {
            exchange.send(&server.endpoint(), &Outgoing::get(server.url("/")), &patient()).await.expect("an answer");
        }
    }
    assert_eq!((one.connections(), two.connections()), (3, 3));
}

#[tokio::test]
async fn giving_up_closes_the_connection() {
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let server = Server::start(move |_, mut stream| {
        let tell = tell.clone();
        async move {
            read_head(&mut stream).await;
            let _ = tell.send("asked");
            let _ = stream.read_to_end(&mut Vec::new()).await;
            let _ = tell.send("closed");
        }
    })
    .await;
    let wishes = patient();
    tokio::select! {
        outcome = server.get(&wishes) => panic!("nobody answers, got {outcome:?}"),
        event = told.recv() => assert_eq!(event, Some("asked")),
    }
    assert_eq!(told.recv().await, Some("closed"));
}

#[tokio::test]
async fn an_upload_beyond_what_is_allowed_is_never_sent() {
    let server = Server::saying(OK, Then::Again).await;
    let exchange = Exchange::new(Options { permits: Permits::new(None, None, Some(4)) });
    let post = Outgoing::new(Method::POST, server.url("/")).body(&b"hello"[..]);
    let (name, failed) = named(exchange.send(&server.endpoint(), &post, &patient()).await);
    assert_eq!((name, failed.trouble.own()), ("own-upload-spent", Some(OwnTrouble::UploadSpent)));
}
