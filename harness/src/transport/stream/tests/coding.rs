//! Gzip on the wire.

use super::*;
use flate2::{Compression, write::GzEncoder};
use std::io::Write as _;

const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n";

#[tokio::test]
async fn what_the_service_flushed_is_here_while_the_stream_goes_on() {
    let (server, tell) = prompted().await;
    let opening = Opening { decode: true, ..opening() };
    say(&tell, HEAD);
    let mut stream = soon(Exchange::default().open(&server.endpoint(), &Outgoing::get(server.url("/")), &opening)).await.expect("opens");
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    for text in ["data: one\n\n", "data: two\n\n", ": ping\n\n"] {
        encoder.write_all(text.as_bytes()).expect("memory");
        encoder.flush().expect("memory");
        assert!(tell.send(Say::Bytes(std::mem::take(encoder.get_mut()))).is_ok());
        assert_eq!(piece(&mut stream).await, text);
    }
    assert!(tell.send(Say::Bytes(encoder.finish().expect("memory"))).is_ok());
    drop(tell);
    assert_eq!(rest(&mut stream).await, (String::new(), Ok(Some(EndedBy::Close))));
}

#[tokio::test]
async fn a_coding_that_breaks_off_or_was_not_offered_is_named() {
    let opening = Opening { decode: true, ..opening() };
    let (server, tell) = prompted().await;
    say(&tell, HEAD);
    let mut stream = soon(Exchange::default().open(&server.endpoint(), &Outgoing::get(server.url("/")), &opening)).await.expect("opens");
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(b"data: one\n\n").expect("memory");
    encoder.flush().expect("memory");
    assert!(tell.send(Say::Bytes(std::mem::take(encoder.get_mut()))).is_ok());
    drop(tell);
    assert_eq!(rest(&mut stream).await, ("data: one\n\n".to_owned(), Err("decode-corrupt")));

    let (server, tell) = prompted().await;
    say(&tell, "HTTP/1.1 200 OK\r\nContent-Encoding: br\r\n\r\n");
    let outcome = soon(Exchange::default().open(&server.endpoint(), &Outgoing::get(server.url("/")), &opening)).await;
    assert_eq!(outcome.expect_err("it was not offered").trouble.name(), "decode-coding");
}

#[tokio::test]
async fn gzip_is_offered_only_where_it_is_undone_and_bytes_are_left_alone_otherwise() {
    for (decode, given, expected) in [(true, None, Some("gzip")), (false, None, None), (true, Some("br"), Some("br"))] {
        let server = Server::start(|_, mut stream: TcpStream| async move {
            let head = read_head(&mut stream).await;
            let line = head.lines().find_map(|l| l.strip_prefix("accept-encoding: ")).unwrap_or("none").to_owned();
            let _ = stream.write_all(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{line}", line.len()).as_bytes()).await;
        })
        .await;
        let mut get = Outgoing::get(server.url("/"));
        if let Some(given) = given {
            get = get.header(http::header::ACCEPT_ENCODING, http::HeaderValue::from_static(given));
        }
        let opening = Opening { decode, ..opening() };
        let mut stream = soon(Exchange::default().open(&server.endpoint(), &get, &opening)).await.expect("opens");
        assert_eq!(rest(&mut stream).await.0, expected.unwrap_or("none"));
    }
    let server = Server::saying(format!("{HEAD}not gzip at all"), crate::transport::testing::Then::Close).await;
    assert_eq!(rest(&mut open(&server).await).await.0, "not gzip at all");
}
