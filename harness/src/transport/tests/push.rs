//! Generated bodies against servers that take them, refuse them early, close on them, or lose track of them.

mod plain;

use super::tls::{Authority, acceptor, endpoint};
use crate::transport::{
    testing::{Server, patient, read_head},
    *,
};
use bytes::Bytes;
use http::{Method, Response};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use sha2::{Digest as _, Sha256};
use std::{convert::Infallible, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
    sync::mpsc,
};

const MIB: u64 = 1 << 20;
const REFUSED: &[u8] = b"HTTP/1.1 413 X\r\ncontent-length: 5\r\nconnection: close\r\n\r\nlarge";
const REFUSED_OPEN: &[u8] = b"HTTP/1.1 413 X\r\ncontent-length: 5\r\n\r\nlarge";

fn body(len: u64) -> Runs {
    let block = Bytes::from((0..65_536_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect::<Vec<_>>());
    let rest = block.slice(..usize::try_from(len % 65_536).unwrap());
    Runs::new([(block, len / 65_536), (rest, 1)])
}

async fn push(endpoint: &Endpoint, push: &Push) -> Pushed {
    let out = Outgoing::new(Method::POST, endpoint.url_for("/upload").unwrap());
    Exchange::default().push(endpoint, &out, push, &patient()).await
}

#[track_caller]
fn status(pushed: &Pushed) -> u16 {
    match &pushed.outcome {
        Ok(answer) => answer.status,
        Err(failed) => panic!("{failed} after {:?}", pushed.sent),
    }
}

fn field(head: &str, name: &str) -> Option<String> {
    head.lines().find_map(|l| l.split_once(": ").filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.to_owned()))
}

/// Reads a body by its framing: its length and hash.
async fn read_body(stream: &mut (impl AsyncRead + Unpin), head: &str) -> (u64, String) {
    let (mut hash, mut len) = (Sha256::new(), 0);
    let mut stream = tokio::io::BufReader::with_capacity(1 << 16, stream);
    loop {
        let size = match field(head, "content-length") {
            Some(told) if len > 0 || told == "0" => {
                assert_eq!(len.to_string(), told);
                0
            }
            Some(told) => told.parse().unwrap(),
            None => {
                let mut line = Vec::new();
                while !line.ends_with(b"\r\n") {
                    line.push(stream.read_u8().await.unwrap());
                }
                u64::from_str_radix(std::str::from_utf8(&line).unwrap().trim(), 16).unwrap()
            }
        };
        let mut part = vec![0; 65_536];
        let mut left = size;
        while left > 0 {
            let most = part.len().min(usize::try_from(left).unwrap());
            let n = stream.read(&mut part[..most]).await.unwrap();
            hash.update(&part[..n]);
            left -= n as u64;
            len += n as u64;
        }
        if field(head, "content-length").is_none() {
            stream.read_u16().await.unwrap();
        }
        if size == 0 {
            return (len, crate::transport::body::hex(&hash.finalize()));
        }
    }
}

/// Takes every body and says its length and hash.
async fn take(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    let head = read_head(&mut stream).await;
    if head.contains("100-continue") {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await.unwrap();
    }
    let (len, sha256) = read_body(&mut stream, &head).await;
    let text = format!("{len} {sha256}");
    let answer = format!("HTTP/1.1 201 X\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{text}", text.len());
    stream.write_all(answer.as_bytes()).await.unwrap();
}

#[tokio::test]
async fn a_body_arrives_whole_whichever_way_it_is_cut() {
    let server = Server::start(|_, stream| take(stream)).await;
    for len in [0, 1, 65_536, 200_001] {
        for cut in [Cut::Whole, Cut::Chunks, Cut::Tiny] {
            for expect in [None, Some(Duration::from_secs(20))] {
                let runs = body(len);
                let pushed = push(&server.endpoint(), &Push { cut, expect, ..Push::new(runs.clone()) }).await;
                assert_eq!(status(&pushed), 201);
                let told = String::from_utf8(pushed.outcome.unwrap().body).unwrap();
                assert_eq!(told, format!("{len} {}", runs.sha256()), "{cut:?}");
                let Sent { handed, left, whole, unanswered, .. } = pushed.sent;
                assert_eq!((handed, left, whole, unanswered), (len, len, true, false), "{cut:?}");
            }
        }
    }
}

#[tokio::test]
async fn an_early_refusal_is_seen_every_time_though_the_server_closes_without_lingering() {
    let server = Server::start(|_, mut stream: TcpStream| async move {
        stream.set_nodelay(true).unwrap();
        read_head(&mut stream).await;
        let _ = stream.write_all(REFUSED).await;
    })
    .await;
    for len in [8 * MIB, 32 * MIB] {
        for cut in [Cut::Whole, Cut::Chunks] {
            for _ in 0..25 {
                let pushed = push(&server.endpoint(), &Push { cut, ..Push::new(body(len)) }).await;
                assert_eq!(status(&pushed), 413);
                assert!(!pushed.sent.whole && pushed.sent.handed < len, "{:?}", pushed.sent);
            }
        }
    }
}

#[tokio::test]
async fn the_same_under_tls() {
    let authority = Authority::new();
    let acceptor = acceptor(authority.certificate("localhost", (2000, 4000)), &["http/1.1"]);
    let server = Server::start(move |_, stream: TcpStream| {
        let acceptor = acceptor.clone();
        async move {
            stream.set_nodelay(true).unwrap();
            let Ok(mut stream) = acceptor.accept(stream).await else { return };
            if read_head(&mut stream).await.contains("content-length: 70000\r\n") {
                return drop(stream.write_all(b"HTTP/1.1 200 X\r\ncontent-length: 0\r\n\r\n").await);
            }
            let _ = stream.write_all(REFUSED).await;
            let _ = stream.flush().await;
        }
    })
    .await;
    let endpoint = endpoint(&server, Some(authority.pem.clone()));
    for _ in 0..15 {
        let pushed = push(&endpoint, &Push::new(body(8 * MIB))).await;
        assert_eq!(status(&pushed), 413);
        assert!(pushed.sent.handed < 8 * MIB, "{:?}", pushed.sent);
    }
    assert_eq!(status(&push(&endpoint, &Push::new(body(70_000))).await), 200);
}

#[tokio::test]
async fn a_final_answer_ends_the_sending_though_the_server_reads_on() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let server = Server::start(move |_, mut stream: TcpStream| {
        let tell = tell.clone();
        async move {
            read_head(&mut stream).await;
            let mut part = vec![0; 1 << 20];
            let mut got = 0;
            loop {
                let n = stream.read(&mut part).await.unwrap_or(0);
                if got < MIB && got + n as u64 >= MIB {
                    stream.write_all(REFUSED).await.unwrap();
                }
                got += n as u64;
                if n == 0 {
                    return tell.send(got).unwrap();
                }
            }
        }
    })
    .await;
    for cut in [Cut::Whole, Cut::Chunks] {
        let pushed = push(&server.endpoint(), &Push { cut, ..Push::new(body(256 * MIB)) }).await;
        assert_eq!(status(&pushed), 413);
        let sent = pushed.sent;
        let got = told.recv().await.unwrap();
        assert!(sent.handed < 200 * MIB && got < 200 * MIB, "{sent:?}, {got} arrived");
        let by = if cfg!(target_os = "linux") { Counter::Kernel } else { Counter::Writes };
        assert!(sent.left <= sent.handed && sent.by == by, "{sent:?}");
    }
}

#[tokio::test]
async fn who_takes_a_body_may_say_so_before_its_end_and_is_not_cut_off() {
    let streaming = Server::start(|_, mut stream: TcpStream| async move {
        let head = read_head(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 X\r\ntransfer-encoding: chunked\r\n\r\n").await.unwrap();
        let (_, sha256) = read_body(&mut stream, &head).await;
        stream.write_all(format!("40\r\n{sha256}\r\n0\r\n\r\n").as_bytes()).await.unwrap();
    })
    .await;
    let hasty = Server::start(|_, mut stream: TcpStream| async move {
        let head = read_head(&mut stream).await;
        stream.write_all(b"HTTP/1.1 202 X\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        assert_eq!(read_body(&mut stream, &head).await.0, 16 * MIB);
        let _ = stream.read_to_end(&mut Vec::new()).await;
    })
    .await;
    for cut in [Cut::Whole, Cut::Chunks] {
        let pushed = push(&streaming.endpoint(), &Push { cut, ..Push::new(body(16 * MIB)) }).await;
        assert_eq!((status(&pushed), pushed.sent.handed, pushed.sent.whole), (200, 16 * MIB, true));
        assert_eq!(String::from_utf8(pushed.outcome.unwrap().body).unwrap(), body(16 * MIB).sha256());
    }
    let pushed = push(&hasty.endpoint(), &Push::new(body(16 * MIB))).await;
    assert_eq!((status(&pushed), pushed.sent.handed, pushed.sent.whole), (202, 16 * MIB, true));
}

#[tokio::test]
async fn a_body_that_is_said_to_be_taken_and_is_not_read_was_not_sent_whole() {
    let server = Server::start(|_, mut stream: TcpStream| async move {
        read_head(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 X\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok").await.unwrap();
        stream.shutdown().await.unwrap();
        let _ = stream.read_to_end(&mut Vec::new()).await;
    })
    .await;
    let pushed = push(&server.endpoint(), &Push::new(body(64 * MIB))).await;
    assert_eq!((status(&pushed), pushed.sent.whole), (200, false), "{:?}", pushed.sent);
    assert!(pushed.sent.handed < 64 * MIB, "{:?}", pushed.sent);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_slow_way_is_told_from_a_service_that_does_not_read() {
    let pushed = async |reads: bool| {
        let server = Server::start(move |_, mut stream: TcpStream| async move {
            read_head(&mut stream).await;
            let mut part = vec![0; 64 << 10];
            loop {
                tokio::time::sleep(Duration::from_millis(10)).await;
                if reads && stream.read(&mut part).await.unwrap_or(0) == 0 {
                    return;
                }
            }
        })
        .await;
        let out = Outgoing::new(Method::POST, server.url("/upload"));
        let total = Duration::from_secs(1);
        let wishes = Wishes { timeouts: Timeouts { total, ..Timeouts::default() }, ..patient() };
        Exchange::default().push(&server.endpoint(), &out, &Push::new(body(1024 * MIB)), &wishes).await
    };
    for reads in [true, false] {
        let pushed = pushed(reads).await;
        let failed = pushed.outcome.unwrap_err();
        assert_eq!((failed.trouble.name(), pushed.sent.slow), ("total-timeout", reads), "{:?}", pushed.sent);
    }
}

#[tokio::test]
async fn a_hold_tells_a_refusal_in_time_from_one_that_wants_the_whole_body() {
    let early = Server::start(|_, mut stream: TcpStream| async move {
        read_head(&mut stream).await;
        stream.read_exact(&mut vec![0; 100_001]).await.unwrap();
        stream.write_all(REFUSED).await.unwrap();
        let _ = stream.read_to_end(&mut Vec::new()).await;
    })
    .await;
    let late = Server::start(|_, mut stream: TcpStream| async move {
        let head = read_head(&mut stream).await;
        read_body(&mut stream, &head).await;
        stream.write_all(REFUSED).await.unwrap();
    })
    .await;
    let held = |time| Push { hold: Some((150_000, time)), ..Push::new(body(300_000)) };
    let pushed = push(&early.endpoint(), &held(Duration::from_secs(20))).await;
    assert_eq!((status(&pushed), pushed.sent.handed, pushed.sent.whole), (413, 150_000, false));
    let pushed = push(&late.endpoint(), &held(Duration::from_millis(200))).await;
    assert_eq!((status(&pushed), pushed.sent.handed, pushed.sent.whole), (413, 300_000, true));
}

#[tokio::test]
async fn what_is_refused_before_it_is_sent_costs_no_byte_and_a_server_without_that_word_is_not_waited_for() {
    let refusing = Server::start(|_, mut stream: TcpStream| async move {
        read_head(&mut stream).await;
        stream.write_all(REFUSED).await.unwrap();
    })
    .await;
    let expecting = |time| Push { expect: Some(time), ..Push::new(body(100_000)) };
    let pushed = push(&refusing.endpoint(), &expecting(Duration::from_secs(20))).await;
    assert_eq!((status(&pushed), pushed.sent.handed), (413, 0));
    let deaf = Server::start(|_, mut stream: TcpStream| async move {
        let head = read_head(&mut stream).await;
        assert_eq!(read_body(&mut stream, &head).await.0, 100_000);
        stream.write_all(b"HTTP/1.1 201 X\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    })
    .await;
    let pushed = push(&deaf.endpoint(), &expecting(Duration::from_millis(100))).await;
    assert_eq!((status(&pushed), pushed.sent.unanswered, pushed.sent.whole), (201, true, true));
}

#[tokio::test]
async fn a_reset_without_an_answer_is_named_with_what_was_sent() {
    let server = Server::start(|_, mut stream: TcpStream| async move {
        read_head(&mut stream).await;
        stream.read_exact(&mut [0; 1000]).await.unwrap();
    })
    .await;
    let pushed = push(&server.endpoint(), &Push::new(body(32 * MIB))).await;
    let failed = pushed.outcome.unwrap_err();
    assert_eq!((failed.trouble.name(), failed.trouble.confusable()), ("write-failed", true), "{failed}");
    assert!(pushed.sent.handed < 32 * MIB);
}

/// Refuses each body after its head, and goes on in this way.
#[derive(Clone, Copy, PartialEq)]
enum Then {
    Drain,
    ParseOn,
    /// Reads the first request that it finds there, and answers it behind the next one.
    Behind,
    GiveUp,
    Hangup,
    Say(&'static [u8]),
}

async fn refusing(then: Then) -> Server {
    Server::start(move |_, mut stream: TcpStream| async move {
        stream.set_nodelay(true).unwrap();
        let head = read_head(&mut stream).await;
        let refused = if let Then::Say(answer) = then { answer } else { REFUSED_OPEN };
        stream.write_all(refused).await.unwrap();
        match then {
            Then::Drain => {
                read_body(&mut stream, &head).await;
                assert!(read_head(&mut stream).await.starts_with("GET /next HTTP/1.1\r\n"));
                stream.write_all(b"HTTP/1.1 200 X\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
            }
            Then::ParseOn => {
                let mut line = [0; 1000];
                stream.read_exact(&mut line).await.unwrap();
                stream.write_all(b"HTTP/1.1 400 X\r\ncontent-length: 0\r\n\r\n").await.unwrap();
                let _ = stream.read_to_end(&mut Vec::new()).await;
            }
            Then::Behind => {
                read_body(&mut stream, &head).await;
                read_head(&mut stream).await;
                let ok = "HTTP/1.1 200 X\r\ncontent-length: 2\r\n\r\nok";
                stream.write_all([ok, ok].concat().as_bytes()).await.unwrap();
                let _ = stream.read_to_end(&mut Vec::new()).await;
            }
            Then::GiveUp => _ = stream.read_exact(&mut vec![0; 1 << 20]).await.unwrap(),
            Then::Hangup | Then::Say(_) => {}
        }
    })
    .await
}

#[tokio::test]
async fn the_next_request_on_the_same_connection_tells_whether_the_rest_of_a_body_was_taken_for_one() {
    async fn after(then: Then, cut: Cut) -> After {
        let server = refusing(then).await;
        let next = Some(Outgoing::get(server.url("/next")));
        // Who closes does so at once, however busy this machine is.
        let lull = Duration::from_millis(if then == Then::Hangup { 5000 } else { 50 });
        push(&server.endpoint(), &Push { cut, next, lull, ..Push::new(body(MIB)) }).await.next.expect("there was an answer")
    }
    // The reader of this test's server wants no more than there is, so only lengths that were told are drained.
    for _ in 0..5 {
        let drained = after(Then::Drain, Cut::Whole).await;
        assert!(matches!(&drained, After::Answered(answer) if answer.status == 200 && answer.body == b"ok"), "{drained:?}");
        let behind = after(Then::Behind, Cut::Whole).await;
        assert!(matches!(&behind, After::Unasked(bytes) if bytes.starts_with(b"HTTP/1.1 200")), "{behind:?}");
        assert!(matches!(after(Then::GiveUp, Cut::Whole).await, After::ClosedLater));
        for cut in [Cut::Whole, Cut::Chunks] {
            let lost = after(Then::ParseOn, cut).await;
            let unasked = matches!(&lost, After::Unasked(bytes) if bytes.starts_with(b"HTTP/1.1 400"));
            assert!(unasked || matches!(&lost, After::Answered(answer) if answer.status == 400), "{lost:?}");
            assert!(matches!(after(Then::Hangup, cut).await, After::Closed));
            assert!(matches!(after(Then::Say(REFUSED), cut).await, After::Closed));
        }
    }
}

#[tokio::test]
async fn no_more_is_sent_than_the_environment_allows() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let server = Server::start(move |_, mut stream: TcpStream| {
        let tell = tell.clone();
        async move {
            read_head(&mut stream).await;
            let mut all = Vec::new();
            let _ = stream.read_to_end(&mut all).await;
            tell.send(all.len() as u64).unwrap();
        }
    })
    .await;
    for cut in [Cut::Whole, Cut::Chunks, Cut::Tiny] {
        let permits = Permits::new(None, None, Some(MIB));
        let exchange = Exchange::new(Options { permits: permits.clone() });
        let out = Outgoing::new(Method::POST, server.url("/"));
        let pushed = exchange.push(&server.endpoint(), &out, &Push { cut, ..Push::new(body(2 * MIB)) }, &patient()).await;
        assert_eq!(pushed.outcome.unwrap_err().trouble.own(), Some(OwnTrouble::UploadSpent));
        let (left, arrived) = (permits.upload_left().expect("there is a limit"), told.recv().await.unwrap());
        assert!(arrived <= MIB - left, "{arrived} arrived, {left} are left");
    }
}

#[tokio::test]
async fn http2_carries_a_generated_body_and_its_early_refusal() {
    type Asked = http::Request<hyper::body::Incoming>;
    async fn answer(request: Asked) -> Result<Response<Full<Bytes>>, Infallible> {
        if request.uri().path() == "/refused" {
            return Ok(Response::builder().status(413).body(Full::default()).unwrap());
        }
        let body = request.into_body().collect().await.map(|b| b.to_bytes()).unwrap_or_default();
        Ok(Response::new(Full::new(format!("{} {:x}", body.len(), Sha256::digest(&body)).into())))
    }
    let server = Server::start(|_, stream| async move {
        let served = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
            .serve_connection(TokioIo::new(stream), hyper::service::service_fn(answer));
        // It ends when the client closes.
        let _ = served.await;
    })
    .await;
    let endpoint = Endpoint { version: Speak::Http2, ..server.endpoint() };
    for cut in [Cut::Whole, Cut::Chunks] {
        let pushed = push(&endpoint, &Push { cut, ..Push::new(body(MIB + 1)) }).await;
        assert_eq!(status(&pushed), 200);
        assert_eq!(String::from_utf8(pushed.outcome.unwrap().body).unwrap(), format!("{} {}", MIB + 1, body(MIB + 1).sha256()));
        let out = Outgoing::new(Method::POST, server.url("/refused"));
        let push = Push { cut, ..Push::new(body(32 * MIB)) };
        let pushed = Exchange::default().push(&endpoint, &out, &push, &patient()).await;
        assert_eq!(status(&pushed), 413);
        assert!(pushed.sent.handed < 32 * MIB, "{:?}", pushed.sent);
    }
}

/// Listens for connections that have room for next to nothing.
fn narrow() -> tokio::net::TcpListener {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
    socket.listen(16).unwrap()
}

/// Passes on what it reads at this pace, in bytes a second, and holds next to nothing itself.
async fn slow_way(to: std::net::SocketAddr, pace: u64) -> std::net::SocketAddr {
    let listener = narrow();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            let far = tcp("127.0.0.1", to.port(), Duration::from_secs(20)).await.expect("somebody listens").stream;
            let (mut asks, mut is_told) = near.into_split();
            let (mut answers, mut is_asked) = far.into_split();
            tokio::spawn(async move { tokio::io::copy(&mut answers, &mut is_told).await });
            tokio::spawn(async move {
                let mut part = [0; 4096];
                while let Ok(n @ 1..) = asks.read(&mut part).await {
                    if is_asked.write_all(&part[..n]).await.is_err() {
                        break;
                    }
                    tokio::time::sleep(Duration::from_millis(n as u64 * 1000 / pace)).await;
                }
            });
        }
    });
    address
}

#[tokio::test]
async fn a_hold_on_http2_begins_when_all_before_it_has_left_this_machine() {
    const LIMIT: u64 = 100_000;
    let server = Server::start(|_, stream| async move {
        let answer = hyper::service::service_fn(|request: http::Request<hyper::body::Incoming>| async move {
            let (mut body, mut len) = (request.into_body(), 0);
            while let Some(Ok(frame)) = body.frame().await {
                len += frame.data_ref().map_or(0, |data| data.len() as u64);
                if len > LIMIT {
                    break;
                }
            }
            Ok::<_, Infallible>(Response::builder().status(413).body(Full::<Bytes>::default()).unwrap())
        });
        // Windows in which all of it has room, as behind a proxy that reads ahead.
        let served = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
            .initial_stream_window_size(1 << 30)
            .initial_connection_window_size(1 << 30)
            .serve_connection(TokioIo::new(stream), answer);
        // It ends when the client closes.
        let _ = served.await;
    })
    .await;
    // Two and a half seconds on the way up to the hold, which is shorter.
    let slow = slow_way(server.addr, 80_000).await;
    let url = format!("http://{slow}").parse().unwrap();
    let endpoint = Endpoint { version: Speak::Http2, ..Endpoint::new(url) };
    let pushed = push(&endpoint, &Push { hold: Some((196_608, Duration::from_millis(800))), ..Push::new(body(400_000)) }).await;
    assert_eq!((status(&pushed), pushed.sent.whole, pushed.sent.by), (413, false, Counter::Library), "{:?}", pushed.sent);
}

#[tokio::test]
async fn an_upload_may_be_told_how_far_it_has_come() {
    let server = Server::start(|_, mut stream: TcpStream| async move {
        stream.set_nodelay(true).unwrap();
        read_head(&mut stream).await;
        for _ in 0..100 {
            stream.read_exact(&mut vec![0; 10_000]).await.unwrap();
            stream.write_all(b"HTTP/1.1 104 Upload Resumption Supported\r\n\r\n").await.unwrap();
        }
        stream.write_all(b"HTTP/1.1 201 X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await.unwrap();
    })
    .await;
    let pushed = push(&server.endpoint(), &Push::new(body(1_000_000))).await;
    assert_eq!(status(&pushed), 201);
    assert!(pushed.outcome.unwrap().informational.len() <= 32, "they are told, and no more of them than were expected are kept");
}

#[tokio::test]
async fn what_had_left_of_tiny_chunks_is_told_without_their_framing() {
    let listener = narrow();
    let endpoint = Endpoint::new(format!("http://{}", listener.local_addr().unwrap()).parse().unwrap());
    let (done, is_done) = tokio::sync::oneshot::channel::<()>();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        read_head(&mut stream).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        stream.write_all(REFUSED).await.unwrap();
        // Nothing more is read until it was counted.
        let _ = is_done.await;
    });
    let pushed = push(&endpoint, &Push { cut: Cut::Tiny, ..Push::new(body(60_000)) }).await;
    drop(done);
    assert_eq!(status(&pushed), 413);
    let Sent { left, handed, by, .. } = pushed.sent;
    // Some thousand bytes have room over there: a sixth of them is body. Most of what the system took is still on this side.
    assert!(by == Counter::Writes || (100..handed).contains(&left), "{:?}", pushed.sent);
}
