//! Encrypted streams.

use super::*;
use crate::transport::tests::tls::{Authority, acceptor, endpoint};
use tokio::io::AsyncReadExt;

const HEAD: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

/// Says a head and a piece, and then tells how the client left.
async fn serve(then: impl Fn(Result<usize, std::io::ErrorKind>) + Clone + Send + Sync + 'static) -> (Server, Endpoint) {
    let authority = Authority::new();
    let acceptor = acceptor(authority.certificate("localhost", (2000, 4000)), &["http/1.1"]);
    let server = Server::start(move |_, stream| {
        let (acceptor, then) = (acceptor.clone(), then.clone());
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else { return };
            let _ = read_head(&mut stream).await;
            stream.write_all(HEAD.as_bytes()).await.expect("the client is there");
            stream.write_all(b"5\r\nhello\r\n").await.expect("the client is there");
            stream.flush().await.expect("the client is there");
            then(stream.read(&mut [0; 16]).await.map_err(|e| e.kind()));
        }
    })
    .await;
    let endpoint = endpoint(&server, Some(authority.pem));
    (server, endpoint)
}

#[tokio::test]
async fn pieces_come_decrypted_and_the_goodbye_is_tls_own() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let (_server, endpoint) = serve(move |left| {
        let _ = tell.send(left);
    })
    .await;
    let exchange = Exchange::default();
    let get = Outgoing::get(endpoint.url.clone());
    let mut stream = soon(exchange.open(&endpoint, &get, &opening())).await.expect("a stream opens");
    assert!(stream.answer().tls.is_some());
    assert_eq!(piece(&mut stream).await, "hello");
    drop(stream);
    assert_eq!(soon(told.recv()).await, Some(Ok(0)), "close_notify came: anything else is an error to rustls");
    soon(exchange.open(&endpoint, &get, &opening())).await.expect("a stream opens").abort();
    let left = soon(told.recv()).await.expect("the server tells");
    assert!(matches!(left, Err(std::io::ErrorKind::ConnectionReset | std::io::ErrorKind::BrokenPipe)), "{left:?}");
}
