//! Plain clients, which write all of a body before they read: whether they see the answer, and what comes behind it.

use super::{MIB, REFUSED, body, narrow, push, status};
use crate::transport::{
    testing::{Server, read_head},
    *,
};
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

#[tokio::test]
async fn a_plain_client_loses_the_answer_of_a_server_that_does_not_linger_and_only_of_such_a_one() {
    let lingering = |linger: bool| {
        Server::start(move |_, mut stream: TcpStream| async move {
            stream.set_nodelay(true).unwrap();
            read_head(&mut stream).await;
            stream.read_exact(&mut [0; 1000]).await.unwrap();
            stream.write_all(REFUSED).await.unwrap();
            if linger {
                stream.shutdown().await.unwrap();
                let _ = stream.read_to_end(&mut Vec::new()).await;
            }
        })
    };
    let plain = Push { plain: true, hold: Some((65_536, Duration::from_secs(5))), ..Push::new(body(MIB)) };
    let (good, bad) = (lingering(true).await, lingering(false).await);
    for _ in 0..20 {
        assert_eq!(status(&push(&good.endpoint(), &plain).await), 413);
        let lost = push(&bad.endpoint(), &plain).await;
        assert_eq!(lost.outcome.unwrap_err().trouble.name(), "write-failed", "{:?}", lost.sent);
    }
}

#[tokio::test]
async fn a_plain_client_that_had_written_all_before_the_answer_came_sees_the_reset_behind_it() {
    let slow = |lingers: bool| {
        Server::start(move |_, mut stream: TcpStream| async move {
            read_head(&mut stream).await;
            // Nothing of it is read, and all of it is there.
            while stream.peek(&mut [0; 20_000]).await.unwrap() < 20_000 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            stream.write_all(REFUSED).await.unwrap();
            stream.shutdown().await.unwrap();
            if lingers {
                let _ = stream.read_to_end(&mut Vec::new()).await;
            }
        })
    };
    let plain = Push { plain: true, hold: Some((10_000, Duration::from_millis(20))), ..Push::new(body(20_000)) };
    for lingers in [true, false] {
        let pushed = push(&slow(lingers).await.endpoint(), &plain).await;
        assert_eq!((status(&pushed), pushed.sent.silent, pushed.sent.torn), (413, true, !lingers), "{:?}", pushed.sent);
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_look_of_a_plain_client_begins_when_all_before_it_has_left() {
    let listener = narrow();
    let endpoint = Endpoint::new(format!("http://{}", listener.local_addr().unwrap()).parse().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        read_head(&mut stream).await;
        // A second for what has no room in the system over there.
        for _ in 0..100 {
            stream.read_exact(&mut [0; 1000]).await.unwrap();
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        stream.write_all(REFUSED).await.unwrap();
    });
    let plain = Push { plain: true, hold: Some((150_000, Duration::from_secs(20))), ..Push::new(body(300_000)) };
    let pushed = push(&endpoint, &plain).await;
    assert!(!pushed.sent.silent, "{:?}", pushed.sent);
    assert_eq!(pushed.outcome.unwrap_err().trouble.name(), "write-failed", "{:?}", pushed.sent);
}
