//! A small scripted server for the tests of this floor: it says exactly the bytes it is told to, and counts what it sees.

use super::{Answer, Endpoint, Exchange, Failed, Outgoing, Timeouts, Wishes};
use std::{
    future::Future,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use url::Url;

/// A listening server; it ends with the test's runtime.
pub(super) struct Server {
    pub addr: SocketAddr,
    connections: Arc<AtomicUsize>,
}

/// What happens to the connection after the last byte of an answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Then {
    Close,
    Reset,
    /// Stays open and reads on without a word.
    Hold,
    /// Answers the next request the same way.
    Again,
}

impl Server {
    /// Handles each connection with its own number, from 0.
    pub(super) async fn start<F: Future<Output = ()> + Send>(handle: impl Fn(usize, TcpStream) -> F + Clone + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port is free");
        let addr = listener.local_addr().expect("a bound socket has an address");
        let connections = Arc::new(AtomicUsize::new(0));
        let count = connections.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let number = count.fetch_add(1, SeqCst);
                let handle = handle.clone();
                tokio::spawn(async move { handle(number, stream).await });
            }
        });
        Self { addr, connections }
    }

    /// Gives every request the same answer.
    pub(super) async fn saying(answer: impl Into<Vec<u8>>, then: Then) -> Self {
        let answer = answer.into();
        Self::start(move |_, stream| speak(stream, answer.clone(), then)).await
    }

    pub(super) fn url(&self, path: &str) -> Url {
        Url::parse(&format!("http://{}{path}", self.addr)).expect("the URL is valid")
    }

    pub(super) fn endpoint(&self) -> Endpoint {
        Endpoint::new(self.url("/"))
    }

    pub(super) fn connections(&self) -> usize {
        self.connections.load(SeqCst)
    }

    /// One GET of `/` by a new engine.
    pub(super) async fn get(&self, wishes: &Wishes) -> Result<Answer, Box<Failed>> {
        Exchange::default().send(&self.endpoint(), &Outgoing::get(self.url("/")), wishes).await
    }
}

/// What a good server says.
pub(super) const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Case: Kept\r\n\r\nhello";

/// Generous: no test below waits for them in the good case.
pub(super) fn patient() -> Wishes {
    let long = Duration::from_secs(20);
    Wishes { timeouts: Timeouts { connect: long, first_byte: long, total: long }, ..Wishes::default() }
}

/// For what ends by a timeout only.
pub(super) fn hasty() -> Wishes {
    let short = Duration::from_millis(400);
    let mut wishes = patient();
    wishes.timeouts.first_byte = short;
    wishes.timeouts.total = short * 2;
    wishes
}

#[track_caller]
pub(super) fn named(outcome: Result<Answer, Box<Failed>>) -> (&'static str, Box<Failed>) {
    match outcome {
        Ok(answer) => panic!("expected a failure, got {answer:?}"),
        Err(failed) => (failed.trouble.name(), failed),
    }
}

/// Reads requests without a body, and answers each.
pub(super) async fn speak(mut stream: TcpStream, answer: Vec<u8>, then: Then) {
    stream.set_nodelay(true).expect("a connected socket takes options");
    while !read_head(&mut stream).await.is_empty() {
        // A client that gave up has seen enough.
        let _ = stream.write_all(&answer).await;
        match then {
            Then::Again => {}
            Then::Close => return,
            Then::Reset => {
                stream.set_zero_linger().expect("a connected socket takes options");
                return;
            }
            Then::Hold => {
                let _ = stream.read_to_end(&mut Vec::new()).await;
                return;
            }
        }
    }
}

/// The head of the next request; empty where the client closed.
pub(super) async fn read_head(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return String::new(),
        }
    }
    String::from_utf8(head).expect("our own heads are ASCII")
}
