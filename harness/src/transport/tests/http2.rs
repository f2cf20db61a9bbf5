//! HTTP/2, with prior knowledge and by negotiation, and what stands in for it.

use super::tls::{Authority, acceptor, endpoint};
use crate::transport::{
    testing::{OK, Server, Then, hasty, named, patient, read_head},
    *,
};
use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, server::conn::http2::Builder, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::convert::Infallible;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Answers with the body that was sent, or else with what was asked.
async fn echo(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    if request.uri().path() == "/never" {
        std::future::pending::<()>().await;
    }
    let line = format!("{} {}", request.method(), request.uri());
    let body = request.into_body().collect().await.map(|b| b.to_bytes()).unwrap_or_default();
    Ok(Response::new(Full::new(if body.is_empty() { line.into() } else { body })))
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
    // It ends when the client closes.
    let _ = Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service_fn(echo)).await;
}

fn http2(server: &Server) -> Endpoint {
    Endpoint { version: Speak::Http2, ..server.endpoint() }
}

#[tokio::test]
async fn one_connection_carries_all_unless_fresh_ones_are_wished() {
    let server = Server::start(|_, stream| serve(stream)).await;
    let exchange = Exchange::default();
    let fresh = Wishes { fresh: true, ..patient() };
    for (wishes, reused) in [(&patient(), false), (&patient(), true), (&fresh, false), (&patient(), true)] {
        let answer = exchange.send(&http2(&server), &Outgoing::get(server.url("/a?b")), wishes).await.expect("an answer");
        assert_eq!((answer.status, answer.version, answer.reused), (200, Version::Http2, reused));
        assert_eq!(String::from_utf8_lossy(&answer.body), format!("GET {}", server.url("/a?b")));
    }
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn a_large_body_goes_there_and_comes_back() {
    let server = Server::start(|_, stream| serve(stream)).await;
    let post = Outgoing::new(Method::POST, server.url("/")).body(vec![b'x'; 3 << 20]);
    let answer = Exchange::default().send(&http2(&server), &post, &patient()).await.expect("an answer");
    assert_eq!((answer.body_len, answer.sent_body, answer.sent_whole), (3 << 20, 3 << 20, true));
    let mut wishes = patient();
    wishes.limits.body_max = 1 << 20;
    assert_eq!(named(Exchange::default().send(&http2(&server), &post, &wishes).await).0, "body-over-cap");
}

#[tokio::test]
async fn silence_and_a_sudden_end_are_named() {
    let server = Server::start(|_, stream| serve(stream)).await;
    let get = Outgoing::get(server.url("/never"));
    assert_eq!(named(Exchange::default().send(&http2(&server), &get, &hasty()).await).0, "first-byte-timeout");
    let server = Server::start(|_, mut stream| async move {
        let _ = stream.read_u8().await;
    })
    .await;
    let get = Outgoing::get(server.url("/"));
    let (name, failed) = named(Exchange::default().send(&http2(&server), &get, &patient()).await);
    assert_eq!(name, "http2", "{failed}");
}

#[tokio::test]
async fn a_service_that_speaks_http1_only_is_named() {
    let server = Server::saying(OK, Then::Hold).await;
    let (name, failed) = named(Exchange::default().send(&http2(&server), &Outgoing::get(server.url("/")), &hasty()).await);
    assert!(matches!(name, "http2" | "first-byte-timeout"), "{failed}");

    let authority = Authority::new();
    for (alpn, expected) in [(&["http/1.1"][..], Err("not-http2")), (&[][..], Err("not-http2")), (&["h2"][..], Ok(200))] {
        let acceptor = acceptor(authority.certificate("localhost", (2000, 4000)), alpn);
        let server = Server::start(move |_, stream| {
            let acceptor = acceptor.clone();
            async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
                    serve(stream).await;
                } else if !read_head(&mut stream).await.is_empty() {
                    let _ = stream.write_all(OK.as_bytes()).await;
                }
            }
        })
        .await;
        let endpoint = Endpoint { version: Speak::Http2, ..endpoint(&server, Some(authority.pem.clone())) };
        let sent = Exchange::default().send(&endpoint, &Outgoing::get(endpoint.url.clone()), &patient()).await;
        assert_eq!(sent.map(|a| a.status).map_err(|f| f.trouble.name()), expected, "{alpn:?}");
    }
}
