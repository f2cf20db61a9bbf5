//! What the environment allows holds for streams too, and is given back.

use super::*;
use crate::{model::Rate, transport::testing::Then};

#[tokio::test]
async fn a_stream_holds_its_place_until_it_is_dropped_or_aborted() {
    let server = Server::saying("HTTP/1.1 200 OK\r\n\r\nhello", Then::Hold).await;
    let exchange = Exchange::new(Options { permits: Permits::new(None, Some(1), None) });
    let get = Outgoing::get(server.url("/"));
    let endpoint = server.endpoint();
    for leave in [|stream: Streaming| drop(stream), Streaming::abort] {
        let first = soon(exchange.open(&endpoint, &get, &opening())).await.expect("a stream opens");
        let waiting = tokio::time::timeout(Duration::from_millis(100), exchange.open(&endpoint, &get, &opening())).await;
        assert!(waiting.is_err(), "the only place is taken");
        leave(first);
        drop(soon(exchange.open(&endpoint, &get, &opening())).await.expect("the place is free again"));
    }
    // A used connection that is kept for later makes room.
    let other = Server::saying("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", Then::Again).await;
    let wishes = crate::transport::testing::patient();
    exchange.send(&other.endpoint(), &Outgoing::get(other.url("/")), &wishes).await.expect("an answer");
    drop(soon(exchange.open(&endpoint, &get, &opening())).await.expect("room is made"));
}

#[tokio::test]
async fn a_stream_that_fails_to_open_gives_its_place_back() {
    let server = Server::saying("no http", Then::Hold).await;
    let exchange = Exchange::new(Options { permits: Permits::new(None, Some(1), None) });
    for _ in 0..3 {
        soon(exchange.open(&server.endpoint(), &Outgoing::get(server.url("/")), &opening())).await.expect_err("no head");
    }
}

#[tokio::test]
async fn opening_counts_as_a_request() {
    let server = Server::saying("HTTP/1.1 200 OK\r\n\r\nhello", Then::Hold).await;
    let rate = Rate { count: 1, per: Duration::from_millis(200) };
    let exchange = Exchange::new(Options { permits: Permits::new(Some(rate), None, None) });
    let began = tokio::time::Instant::now();
    for _ in 0..3 {
        soon(exchange.open(&server.endpoint(), &Outgoing::get(server.url("/")), &opening())).await.expect("a stream opens");
    }
    assert!(began.elapsed() >= Duration::from_millis(400), "{:?}", began.elapsed());
}
