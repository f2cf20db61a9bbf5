//! A small service of this process that can be asked to end and started again, with one flaw or none: the stand of these tests.

use crate::kind::testing::setting;
use crate::kind::{BoxFuture, Context, Exit, FaultError, Lease, Setting, Signal, Stand, Unavailable};
use crate::model::FaultKind;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Notify;

/// What it does wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Flaw {
    #[default]
    None,
    /// The listener is closed while it still says that it is ready.
    ClosesFirst,
    /// What is in flight is cut off when the listener closes.
    Cuts,
    /// Only uploads are cut off.
    CutsUploads,
    /// Streams end in the middle of an event.
    SplitsEvents,
    /// Streams are cut off without the end of their body.
    CutsStreams,
    /// It ends with this exit code.
    Code(i32),
    /// SIGTERM itself ends it.
    BySignal(i32),
    /// It never ends.
    NeverEnds,
    /// It ends only when every idle connection is closed.
    WaitsForIdle,
    /// It never listens again.
    NeverBindsAgain,
    /// It cannot be started again.
    CannotStart,
    /// It was never ready.
    NeverReady,
}

pub(super) struct Service {
    flaw: Flaw,
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Mutex<Option<tokio::task::JoinHandle<()>>>,
}

struct Shared {
    flaw: Flaw,
    draining: AtomicBool,
    working: AtomicUsize,
    idle: AtomicUsize,
    news: Notify,
    cut: tokio_util::sync::CancellationToken,
}

impl Service {
    pub(super) async fn start(flaw: Flaw) -> Arc<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port on loopback");
        let shared = Arc::new(Shared {
            flaw,
            draining: AtomicBool::new(false),
            working: AtomicUsize::new(0),
            idle: AtomicUsize::new(0),
            news: Notify::new(),
            cut: tokio_util::sync::CancellationToken::new(),
        });
        let address = listener.local_addr().expect("a bound socket has an address");
        let accepting = tokio::spawn(accept(listener, shared.clone()));
        Arc::new(Self { flaw, address, shared, accepting: Mutex::new(Some(accepting)) })
    }

    /// A context aimed at it, whose stand it is.
    pub(super) fn context(self: &Arc<Self>) -> Context {
        Context::new(Setting { stand: self.clone(), ..setting(self.address) })
    }

    fn close(&self) {
        if let Some(accepting) = self.accepting.lock().expect("no panic while it is held").take() {
            accepting.abort();
        }
    }

    async fn terminate(&self) -> Exit {
        let shared = &self.shared;
        if self.flaw != Flaw::ClosesFirst {
            shared.draining.store(true, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(120)).await;
        }
        self.close();
        if self.flaw == Flaw::Cuts {
            shared.cut.cancel();
        }
        let busy = || {
            let idle = if self.flaw == Flaw::WaitsForIdle { shared.idle.load(Ordering::SeqCst) } else { 0 };
            shared.working.load(Ordering::SeqCst) + idle > 0
        };
        while busy() || self.flaw == Flaw::NeverEnds {
            let news = shared.news.notified();
            if busy() || self.flaw == Flaw::NeverEnds {
                news.await;
            }
        }
        let (code, signal) = match self.flaw {
            Flaw::Code(code) => (Some(code), None),
            Flaw::BySignal(signal) => (None, Some(signal)),
            _ => (Some(0), None),
        };
        Exit { code, signal, after: None }
    }
}

impl Stand for Service {
    fn can(&self, _dependency: &str, _fault: FaultKind) -> Result<(), Unavailable> {
        Ok(())
    }

    fn inject<'a>(&'a self, dependency: &'a str, fault: FaultKind) -> BoxFuture<'a, Result<Lease, FaultError>> {
        assert_eq!((dependency, fault), ("service", FaultKind::Restart));
        Box::pin(async move {
            if self.flaw == Flaw::CannotStart {
                return Err(FaultError("its executable is gone".to_owned()));
            }
            if self.flaw != Flaw::NeverBindsAgain {
                let socket = TcpSocket::new_v4().expect("a socket");
                socket.set_reuseaddr(true).expect("an option that every system has");
                socket.bind(self.address).expect("the port is free again");
                let listener = socket.listen(64).expect("a bound socket");
                *self.accepting.lock().expect("no panic while it is held") = Some(tokio::spawn(accept(listener, self.shared.clone())));
            }
            Ok(Lease::new("restart", || Box::pin(async { Ok(()) }), |_| {}))
        })
    }

    fn signal<'a>(&'a self, part: &'a str, signal: Signal) -> BoxFuture<'a, Result<Exit, FaultError>> {
        assert_eq!(part, "service");
        Box::pin(async move {
            match signal {
                Signal::Terminate => Ok(self.terminate().await),
                _ => {
                    self.close();
                    self.shared.cut.cancel();
                    Ok(Exit { code: None, signal: Some(9), after: None })
                }
            }
        })
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        let shared = shared.clone();
        // Connections outlive the listener: they are no part of its task.
        tokio::spawn(async move {
            let cut = shared.cut.clone();
            tokio::select! {
                () = converse(stream, &shared) => {}
                () = cut.cancelled() => {}
            }
            shared.news.notify_waiters();
        });
    }
}

/// Counts for as long as it lives.
struct Counted<'a>(&'a AtomicUsize);

impl<'a> Counted<'a> {
    fn of(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

async fn converse(mut stream: TcpStream, shared: &Shared) {
    let idle = Counted::of(&shared.idle);
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
            break at + 4;
        }
        if !stream.read_buf(&mut bytes).await.is_ok_and(|n| n > 0) {
            return;
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
    let (status, body) = if head.starts_with("head ") {
        let _ = stream.write_all(b"HTTP/1.1 200 X\r\ncontent-length: 0\r\n\r\n").await;
        let mut more = [0; 64];
        while stream.read(&mut more).await.is_ok_and(|n| n > 0) {}
        return;
    } else if head.starts_with("get /ready") {
        let unready = shared.draining.load(Ordering::SeqCst) || shared.flaw == Flaw::NeverReady;
        (if unready { 503 } else { 200 }, "{}")
    } else if head.starts_with("get /events") {
        drop(idle);
        let _working = Counted::of(&shared.working);
        return events(&mut stream, shared).await;
    } else {
        drop(idle);
        let _working = Counted::of(&shared.working);
        if head.starts_with("post ") {
            let length = head.lines().find_map(|l| l.strip_prefix("content-length: ")).and_then(|n| n.parse::<usize>().ok()).unwrap_or(0);
            while bytes.len() < end + length {
                if shared.flaw == Flaw::CutsUploads && shared.draining.load(Ordering::SeqCst) {
                    return;
                }
                let read = tokio::time::timeout(Duration::from_millis(20), stream.read_buf(&mut bytes)).await;
                if matches!(read, Ok(Ok(0) | Err(_))) {
                    return;
                }
            }
        } else if head.starts_with("get /slow") {
            tokio::time::sleep(Duration::from_millis(700)).await;
        }
        answer(&mut stream, 200, "{}").await;
        return;
    };
    answer(&mut stream, status, body).await;
}

/// An event now and then, until it is asked to end.
async fn events(stream: &mut TcpStream, shared: &Shared) {
    let head = "HTTP/1.1 200 X\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    let chunk = |text: &str| format!("{:x}\r\n{text}\r\n", text.len());
    let mut next = head.to_owned();
    while stream.write_all(next.as_bytes()).await.is_ok() && !shared.draining.load(Ordering::SeqCst) {
        tokio::time::sleep(Duration::from_millis(20)).await;
        next = chunk("data: on and on\n\n");
    }
    let last = match shared.flaw {
        Flaw::SplitsEvents => chunk("data: on a") + "0\r\n\r\n",
        Flaw::CutsStreams => chunk(": bye\n\n"),
        _ => chunk(": bye\n\n") + "0\r\n\r\n",
    };
    // Whoever does not listen any more misses it.
    let _ = stream.write_all(last.as_bytes()).await;
}

async fn answer(stream: &mut TcpStream, status: u16, body: &str) {
    let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
    if stream.write_all(answer.as_bytes()).await.is_ok() {
        let _ = stream.shutdown().await;
    }
}
