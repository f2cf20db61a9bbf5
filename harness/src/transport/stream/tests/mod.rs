//! Streams on real sockets, one file for each way of speaking.

mod coding;
mod http1;
mod http2;
mod permits;
mod tls;

use crate::transport::{
    testing::{Server, read_head},
    *,
};
use std::{future::Future, time::Duration};
use tokio::{io::AsyncWriteExt, net::TcpStream, sync::mpsc};

/// Long enough for a busy machine; nothing below waits for it in the good case.
const LONG: Duration = Duration::from_secs(20);

/// Waits for everything long.
fn opening() -> Opening {
    Opening { timeouts: Timeouts { connect: LONG, first_byte: LONG, total: LONG }, ..Opening::default() }
}

async fn open(server: &Server) -> Streaming {
    Exchange::default().open(&server.endpoint(), &Outgoing::get(server.url("/")), &opening()).await.expect("a stream opens")
}

async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LONG, future).await.expect("it does not hang")
}

/// The text of the next piece.
async fn piece(stream: &mut Streaming) -> String {
    let piece = soon(stream.next()).await.expect("no trouble").expect("the body goes on");
    String::from_utf8(piece.bytes.to_vec()).expect("the tests speak UTF-8")
}

/// Everything up to the end, and how that came.
async fn rest(stream: &mut Streaming) -> (String, Result<Option<EndedBy>, &'static str>) {
    let mut text = Vec::new();
    let ended = soon(async {
        loop {
            match stream.next().await {
                Ok(Some(piece)) => text.extend_from_slice(&piece.bytes),
                Ok(None) => return Ok(stream.ended_by()),
                Err(trouble) => return Err(trouble.name()),
            }
        }
    })
    .await;
    (String::from_utf8_lossy(&text).into_owned(), ended)
}

/// What a server says next: bytes, or a hard end.
enum Say {
    Bytes(Vec<u8>),
    Reset,
}

/// A server that reads a head and then says what it is told to, when it is told to; it closes when the sender is dropped.
async fn prompted() -> (Server, mpsc::UnboundedSender<Say>) {
    let (tell, told) = mpsc::unbounded_channel();
    let told = std::sync::Arc::new(tokio::sync::Mutex::new(told));
    let server = Server::start(move |_, mut stream: TcpStream| {
        let told = told.clone();
        async move {
            let _ = read_head(&mut stream).await;
            stream.set_nodelay(true).expect("a connected socket takes options");
            let mut told = told.lock().await;
            while let Some(say) = told.recv().await {
                match say {
                    Say::Bytes(bytes) => stream.write_all(&bytes).await.expect("the client is there"),
                    Say::Reset => return stream.set_zero_linger().expect("a connected socket takes options"),
                }
            }
        }
    })
    .await;
    (server, tell)
}

fn say(tell: &mpsc::UnboundedSender<Say>, text: &str) {
    assert!(tell.send(Say::Bytes(text.as_bytes().to_vec())).is_ok(), "the server is there");
}
