//! Speaks HTTP/2 before a service that speaks HTTP/1.1: each request goes on, on a connection of its own, once it is whole.

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, server::conn::http2::Builder, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::{io, net::SocketAddr};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// Serves for as long as the runtime lives.
pub(super) async fn open(service: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port on loopback");
    let address = listener.local_addr().expect("a bound socket has an address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let serve = service_fn(move |request| forward(service, request));
            // It ends when the client closes.
            tokio::spawn(async move { drop(Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), serve).await) });
        }
    });
    address
}

async fn forward(service: SocketAddr, request: Request<Incoming>) -> io::Result<Response<Full<Bytes>>> {
    let head = format!("{} {} HTTP/1.1\r\n", request.method(), request.uri().path());
    let body = request.into_body().collect().await.map_err(io::Error::other)?.to_bytes();
    let dialed = crate::transport::tcp("127.0.0.1", service.port(), std::time::Duration::from_secs(20)).await;
    let mut stream = dialed.map_err(|trouble| io::Error::other(trouble.to_string()))?.stream;
    stream.write_all(format!("{head}content-length: {}\r\n\r\n", body.len()).as_bytes()).await?;
    stream.write_all(&body).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(|| io::Error::other("no answer"))?;
    let status = head.split(' ').nth(1).unwrap_or_default();
    Response::builder().status(status).body(Full::new(Bytes::copy_from_slice(body.as_bytes()))).map_err(io::Error::other)
}
