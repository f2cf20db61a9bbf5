//! The same over HTTP/2, where some of it has no meaning.

use super::service::LIMIT;
use super::{ALL, only};
use crate::checks::size_limit::SizeLimit;
use crate::kind::testing::{look, spec, told};
use bytes::Bytes;
use http::{Method, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::convert::Infallible;
use std::net::SocketAddr;
use tokio::net::TcpListener;

const SPEC: &str = "{ post: /uploads, http: 2, limit: 100KiB, find: true, next: { get: /health } }";
/// What has to wait for a word, or for a connection of its own, is no question there.
const NOT_THERE: [&str; 2] = ["size/answer-arrives unseen with HTTP/2", "size/in-sync unseen with HTTP/2"];

/// Takes bodies up to a limit, and answers as soon as one is larger; or, late, at its end.
async fn serve(limit: u64, is_late: bool) -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port on loopback");
    let address = listener.local_addr().expect("a bound socket has an address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let answer = service_fn(move |request| answer(request, limit, is_late));
            let serving = hyper::server::conn::http2::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), answer);
            // It ends when the client closes.
            tokio::spawn(async move { drop(serving.await) });
        }
    });
    address
}

async fn answer(request: http::Request<Incoming>, limit: u64, is_late: bool) -> Result<Response<Full<Bytes>>, Infallible> {
    let with = |status| Ok(Response::builder().status(status).body(Full::default()).expect("a status makes an answer"));
    if request.method() == Method::GET {
        return with(200);
    }
    let (mut body, mut len) = (request.into_body(), 0);
    while let Some(Ok(frame)) = body.frame().await {
        len += frame.data_ref().map_or(0, |data| data.len() as u64);
        if len > limit && !is_late {
            break;
        }
    }
    with(if len > limit { 413 } else { 201 })
}

#[tokio::test]
async fn the_limit_is_held_to_the_byte_and_what_has_no_meaning_there_is_not_judged() {
    let clauses: Vec<_> = ALL.iter().copied().filter(|c| *c != "size/no-trace").collect();
    let kind = spec::<SizeLimit>(SPEC);
    let readings = look(&kind, serve(LIMIT, false).await, &clauses).await;
    only(&readings, &NOT_THERE);
    assert!(
        readings.iter().any(|r| r.case == "B+1/chunked") && !readings.iter().any(|r| r.case.contains("expect")),
        "{:?}",
        told(&readings)
    );
    let high = look(&kind, serve(LIMIT + 1, false).await, &["size/accepts", "size/refuses", "size/edge"]).await;
    only(&high, &["size/refuses B+1/content-length: proof", "size/refuses B+1/chunked: proof", "size/edge proof accepts 102,401 bytes"]);
    let late = look(&kind, serve(LIMIT, true).await, &["size/refuses", "size/early"]).await;
    only(&late, &["size/early content-length: counted 1+0/1", "size/early chunked: counted 1+0/1"]);
}
