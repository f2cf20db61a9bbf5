//! Salvos against real sockets: nothing is answered before its last byte, all of them meet, and what is given up is given up.

use super::tls;
use crate::model::Rate;
use crate::transport::{
    Endpoint, Exchange, Options, OutBody, Outgoing, Permits, Speak,
    held::{Order, Released, Settled},
    testing::{OK, Server, Then, patient, read_head, speak},
};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, server::conn::http2::Builder, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::Barrier,
    time::Instant,
};

const LONG: Duration = Duration::from_secs(20);

fn orders(server: &Server, n: usize, body: &str) -> Vec<Order> {
    let order = |i: usize| {
        let mut out = Outgoing::new(http::Method::POST, server.url(&format!("/{i}")));
        if !body.is_empty() {
            out.body = OutBody::Bytes(body.to_owned().into());
        }
        Order { endpoint: server.endpoint(), out, wishes: patient() }
    };
    (0..n).map(order).collect()
}

async fn answers(released: Released) -> BTreeMap<u16, usize> {
    let end = Instant::now() + LONG;
    let all = released.flights.into_iter().map(|flight| async move {
        match flight {
            Ok(flight) => flight.answer(end).await.map(|answer| answer.status),
            Err(failed) => Err(failed),
        }
    });
    let mut told = BTreeMap::new();
    for status in futures_util::future::join_all(all).await {
        *told.entry(status.unwrap_or_else(|failed| panic!("{failed}"))).or_default() += 1;
    }
    told
}

/// Reads a request with a body of that length; whether it came whole.
async fn read_request(stream: &mut (impl AsyncReadExt + Unpin), body: usize) -> bool {
    !read_head(stream).await.is_empty() && stream.read_exact(&mut vec![0; body]).await.is_ok()
}

#[tokio::test]
async fn nothing_is_whole_before_the_release_and_all_of_it_right_after() {
    for body in ["", r#"{"work-ms":300}"#] {
        let whole = Arc::new(AtomicUsize::new(0));
        let all = Arc::new(Barrier::new(40));
        let (count, meet) = (whole.clone(), all.clone());
        let server = Server::start(move |_, mut stream| {
            let (count, meet) = (count.clone(), meet.clone());
            async move {
                if read_request(&mut stream, body.len()).await {
                    count.fetch_add(1, SeqCst);
                    // Answered only once all 40 are here: they do meet.
                    meet.wait().await;
                    let _ = stream.write_all(OK.as_bytes()).await;
                }
            }
        })
        .await;
        let salvo = Exchange::default().hold(&orders(&server, 40, body)).await.expect("it may");
        assert_eq!((salvo.held(), salvo.lost().count()), (40, 0));
        let settled = salvo.settled(LONG).await;
        assert_eq!(settled, if cfg!(target_os = "linux") { Settled::Acknowledged } else { Settled::Accepted });
        assert_eq!(whole.load(SeqCst), 0, "the last byte is not there");
        let released = salvo.release().await;
        assert_eq!(released.flights.len(), 40);
        let at: Vec<_> = released.flights.iter().map(|flight| flight.as_ref().expect("held").at).collect();
        assert!(at.is_sorted() && at[0] >= released.began && at[39] <= released.ended);
        assert_eq!(answers(released).await, [(200, 40)].into());
    }
}

#[tokio::test]
async fn many_are_released_from_several_threads_and_stay_in_their_order() {
    let server = Server::start(|_, mut stream| async move {
        let head = read_head(&mut stream).await;
        let path = head.split(' ').nth(1).unwrap_or_default();
        let _ = stream.write_all(format!("HTTP/1.1 200 OK\r\ncontent-length: 0\r\nx-path: {path}\r\n\r\n").as_bytes()).await;
    })
    .await;
    let salvo = Exchange::default().hold(&orders(&server, 299, "")).await.expect("it may");
    assert_eq!(salvo.held(), 299, "{:?}", salvo.lost().map(ToString::to_string).collect::<Vec<_>>());
    salvo.settled(LONG).await;
    let released = salvo.release().await;
    assert_eq!(released.flights.len(), 299);
    let end = Instant::now() + LONG;
    for (i, flight) in released.flights.into_iter().enumerate() {
        let flight = flight.expect("it was held");
        assert!(flight.at >= released.began && flight.at <= released.ended);
        let answer = flight.answer(end).await.unwrap_or_else(|failed| panic!("{failed}"));
        assert_eq!(answer.header_text("x-path").as_deref(), Some(format!("/{i}").as_str()));
    }
}

#[tokio::test]
async fn an_encrypted_salvo_is_released_too() {
    let authority = tls::Authority::new();
    let acceptor = tls::acceptor(authority.certificate("localhost", (2000, 4000)), &["http/1.1"]);
    let server = Server::start(move |_, stream| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else { return };
            if read_request(&mut stream, 5).await {
                let _ = stream.write_all(OK.as_bytes()).await;
            }
        }
    })
    .await;
    let endpoint = tls::endpoint(&server, Some(authority.pem.clone()));
    let out = Outgoing::new(http::Method::POST, endpoint.url.clone()).body("hello");
    let orders = vec![Order { endpoint, out, wishes: patient() }; 8];
    let salvo = Exchange::default().hold(&orders).await.expect("it may");
    assert_eq!(salvo.held(), 8, "{:?}", salvo.lost().map(ToString::to_string).collect::<Vec<_>>());
    salvo.settled(LONG).await;
    // What the handshake left to be read is nothing of an answer.
    let released = salvo.release().await;
    assert_eq!(early(&released), 0);
    assert_eq!(answers(released).await, [(200, 8)].into());
}

/// How many were answered, or lost, before their last byte.
fn early(released: &Released) -> usize {
    released.flights.iter().flatten().filter(|flight| flight.early).count()
}

#[tokio::test]
async fn an_answer_that_comes_before_the_last_byte_is_heard_also_when_the_connection_is_closed() {
    let server = Server::saying("HTTP/1.1 429 Full\r\ncontent-length: 0\r\n\r\n", Then::Close).await;
    // The head ends before the body does, and this server answers to the head.
    let salvo = Exchange::default().hold(&orders(&server, 3, "hello")).await.expect("it may");
    for _ in 0..10 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let released = salvo.release().await;
    assert_eq!(early(&released), 3);
    assert_eq!(answers(released).await, [(429, 3)].into());
}

#[tokio::test]
async fn over_http_2_each_request_has_a_connection_and_waits_before_its_last_byte() {
    for body in ["", r#"{"work-ms":300}"#] {
        let (whole, all) = (Arc::new(AtomicUsize::new(0)), Arc::new(Barrier::new(20)));
        let (count, meet) = (whole.clone(), all.clone());
        let server = Server::start(move |_, stream| {
            let (count, meet) = (count.clone(), meet.clone());
            let answer = service_fn(move |request: Request<Incoming>| {
                let (count, meet) = (count.clone(), meet.clone());
                async move {
                    let got = request.into_body().collect().await?.to_bytes();
                    count.fetch_add(1, SeqCst);
                    // Answered only once all 20 are here: they do meet.
                    meet.wait().await;
                    Ok::<_, hyper::Error>(Response::new(Full::new(got)))
                }
            });
            async move { drop(Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), answer).await) }
        })
        .await;
        let mut orders = orders(&server, 20, body);
        orders.iter_mut().for_each(|order| order.endpoint.version = Speak::Http2);
        let salvo = Exchange::default().hold(&orders).await.expect("it may");
        assert_eq!((salvo.held(), salvo.lost().count()), (20, 0));
        let settled = salvo.settled(LONG).await;
        assert_eq!(settled, if cfg!(target_os = "linux") { Settled::Acknowledged } else { Settled::Accepted });
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(whole.load(SeqCst), 0, "the last byte is not there");
        let released = salvo.release().await;
        assert_eq!(early(&released), 0);
        let at: Vec<_> = released.flights.iter().flatten().map(|flight| flight.at).collect();
        assert!(at.iter().all(|at| (released.began..=released.ended).contains(at)), "{:?}", released.spread());
        assert_eq!(answers(released).await, [(200, 20)].into());
        assert_eq!(server.connections(), 20);
    }
}

#[tokio::test]
async fn what_is_given_up_over_http_2_is_never_whole() {
    for reset in [false, true] {
        let (ended, mut ends) = tokio::sync::mpsc::unbounded_channel();
        let server = Server::start(move |_, stream| {
            let ended = ended.clone();
            let answer = service_fn(move |request: Request<Incoming>| {
                let ended = ended.clone();
                async move {
                    let _ = ended.send(request.into_body().collect().await.is_ok());
                    Ok::<_, hyper::Error>(Response::new(Full::<bytes::Bytes>::default()))
                }
            });
            async move { drop(Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), answer).await) }
        })
        .await;
        let mut orders = orders(&server, 2, "hello");
        orders.iter_mut().for_each(|order| order.endpoint.version = Speak::Http2);
        let salvo = Exchange::default().hold(&orders).await.expect("it may");
        salvo.settled(LONG).await;
        salvo.abort(reset);
        for _ in 0..2 {
            // Dropped with its connection it may say nothing at all; it never says that it came whole.
            let told = tokio::time::timeout(Duration::from_secs(2), ends.recv()).await.ok().flatten();
            assert_ne!(told, Some(true));
            assert!(told.is_some() || !reset, "a reset is seen");
        }
    }
}

#[tokio::test]
async fn whoever_drops_what_he_released_over_http_2_leaves_no_connection_behind() {
    let (ended, mut ends) = tokio::sync::mpsc::unbounded_channel();
    let server = Server::start(move |_, stream| {
        let ended = ended.clone();
        // It never answers.
        let answer = service_fn(|_: Request<Incoming>| std::future::pending::<Result<Response<Full<bytes::Bytes>>, hyper::Error>>());
        async move {
            drop(Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), answer).await);
            let _ = ended.send(());
        }
    })
    .await;
    let mut orders = orders(&server, 2, "hello");
    orders.iter_mut().for_each(|order| order.endpoint.version = Speak::Http2);
    let salvo = Exchange::default().hold(&orders).await.expect("it may");
    salvo.settled(LONG).await;
    drop(salvo.release().await);
    for _ in 0..2 {
        tokio::time::timeout(LONG, ends.recv()).await.expect("the connection ends").expect("the server lives");
    }
}

#[tokio::test]
async fn what_is_given_up_ends_without_a_whole_request() {
    for reset in [false, true] {
        let (ended, mut ends) = tokio::sync::mpsc::unbounded_channel();
        let server = Server::start(move |_, mut stream| {
            let ended = ended.clone();
            async move {
                let mut all = Vec::new();
                let read = stream.read_to_end(&mut all).await.map(|_| all.ends_with(b"hell"));
                let _ = ended.send(read.map_err(|e| e.kind()));
            }
        })
        .await;
        let salvo = Exchange::default().hold(&orders(&server, 2, "hello")).await.expect("it may");
        salvo.settled(LONG).await;
        salvo.abort(reset);
        for _ in 0..2 {
            let told = ends.recv().await.expect("the server lives");
            assert_eq!(told, if reset { Err(std::io::ErrorKind::ConnectionReset) } else { Ok(true) });
        }
    }
}

#[tokio::test]
async fn a_service_that_is_not_there_loses_each_request_by_name() {
    let server = Server::start(|_, stream| speak(stream, Vec::new(), Then::Close)).await;
    let mut orders = orders(&server, 2, "");
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("bound");
    orders[1].endpoint = Endpoint::new(format!("http://{free}/").parse().expect("valid"));
    orders[1].out.url = orders[1].endpoint.url.clone();
    let salvo = Exchange::default().hold(&orders).await.expect("it may");
    assert_eq!(salvo.held(), 1);
    assert_eq!(salvo.lost().map(|failed| failed.trouble.name()).collect::<Vec<_>>(), ["connect-refused"]);
}

#[tokio::test]
async fn the_permits_hold_for_a_salvo_as_for_all_others() {
    let server = Server::saying(OK, Then::Close).await;
    let rate = Rate { count: 100, per: Duration::from_secs(1) };
    let exchange = Exchange::new(Options { permits: Permits::new(Some(rate), Some(6), Some(1000)) });
    let began = Instant::now();
    let salvo = exchange.hold(&orders(&server, 6, "hello")).await.expect("it may");
    assert!(began.elapsed() >= Duration::from_millis(50), "six requests at 100 a second");
    drop(salvo);
    assert_eq!(exchange.hold(&orders(&server, 7, "")).await.expect_err("it never may").name(), "own-request");
    let many = orders(&server, 2, &"x".repeat(600));
    let salvo = exchange.hold(&many).await.expect("it may");
    assert_eq!(salvo.lost().map(|failed| failed.trouble.name()).collect::<Vec<_>>(), ["own-upload-spent"]);
}
