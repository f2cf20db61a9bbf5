//! A service of this process that keeps its times, 1 s for a head and a body and 2 s for a rest, with at most one flaw.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, timeout_at};

/// What is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    None,
    /// Cuts off without a word, which is fine.
    ClosesInSilence,
    HeadNever,
    /// Each byte of a head begins its time anew.
    HeadAnew,
    BodyNever,
    BodyAnew,
    IdleNever,
    IdleHalf,
    /// Says 408, and reads on for ever.
    AnswersAndStays,
    Login,
    Redirects,
    ClosesAtOnce,
    Silent,
    /// Closes after each answer.
    ClosesEach,
    /// Answers a body before it is there.
    TakesAnything,
    LoginForBodies,
    /// Serves nobody any more once a slow caller was cut off.
    FailsAfterwards,
}

const SHORT: Duration = Duration::from_secs(1);
const NEVER: Duration = Duration::from_secs(600);

struct House {
    flaw: Flaw,
    has_cut: AtomicBool,
    open: AtomicUsize,
    most: Arc<AtomicUsize>,
}

/// Serves for as long as the runtime lives.
pub(super) async fn open(flaw: Flaw) -> SocketAddr {
    serve(flaw, Arc::default()).await
}

/// A good one, and the most connections that it had at once.
pub(super) async fn open_counting() -> (SocketAddr, Arc<AtomicUsize>) {
    let most = Arc::<AtomicUsize>::default();
    (serve(Flaw::None, most.clone()).await, most)
}

async fn serve(flaw: Flaw, most: Arc<AtomicUsize>) -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port on loopback");
    let address = listener.local_addr().expect("a bound socket has an address");
    let house = Arc::new(House { flaw, has_cut: AtomicBool::default(), open: AtomicUsize::default(), most });
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let house = house.clone();
            tokio::spawn(async move {
                house.most.fetch_max(house.open.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                house.talk(stream).await;
                house.open.fetch_sub(1, Ordering::SeqCst);
            });
        }
    });
    address
}

impl House {
    async fn talk(&self, mut stream: TcpStream) {
        if self.flaw == Flaw::ClosesAtOnce {
            return;
        }
        loop {
            let idle = match self.flaw {
                Flaw::IdleNever => NEVER,
                Flaw::IdleHalf => SHORT,
                _ => SHORT * 2,
            };
            let mut all = Vec::new();
            if !more(&mut stream, &mut all, Instant::now() + idle).await {
                return;
            }
            let (mut end, is_anew) =
                (Instant::now() + if self.flaw == Flaw::HeadNever { NEVER } else { SHORT }, self.flaw == Flaw::HeadAnew);
            while !all.windows(4).any(|w| w == b"\r\n\r\n") {
                if !more(&mut stream, &mut all, end).await {
                    return self.cut(stream).await;
                }
                if is_anew {
                    end = Instant::now() + SHORT;
                }
            }
            let text = String::from_utf8_lossy(&all).to_ascii_lowercase();
            let (head, body) = text.split_once("\r\n\r\n").expect("found above");
            let length: usize = head.lines().find_map(|l| l.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
            let (mut came, answers_early) = (body.len(), matches!(self.flaw, Flaw::TakesAnything | Flaw::LoginForBodies));
            let (mut end, is_anew) =
                (Instant::now() + if self.flaw == Flaw::BodyNever { NEVER } else { SHORT }, self.flaw == Flaw::BodyAnew);
            while came < length && !answers_early {
                let before = all.len();
                if !more(&mut stream, &mut all, end).await {
                    return self.cut(stream).await;
                }
                came += all.len() - before;
                if is_anew {
                    end = Instant::now() + SHORT;
                }
            }
            let (status, more) = match self.flaw {
                Flaw::Login => (401, ""),
                Flaw::LoginForBodies if length > 0 => (401, ""),
                Flaw::Redirects => (302, "location: /login\r\n"),
                Flaw::FailsAfterwards if self.has_cut.load(Ordering::SeqCst) => (503, ""),
                Flaw::Silent => return std::future::pending().await,
                Flaw::ClosesEach => (200, "connection: close\r\n"),
                _ => (200, ""),
            };
            let answer = format!("HTTP/1.1 {status} X\r\n{more}content-length: 2\r\n\r\n{{}}");
            if stream.write_all(answer.as_bytes()).await.is_err() || self.flaw == Flaw::ClosesEach {
                return;
            }
        }
    }

    async fn cut(&self, mut stream: TcpStream) {
        self.has_cut.store(true, Ordering::SeqCst);
        if self.flaw != Flaw::ClosesInSilence {
            // Whoever has gone needs no answer.
            let _ = stream.write_all(b"HTTP/1.1 408 Late\r\nconnection: close\r\ncontent-length: 0\r\n\r\n").await;
        }
        if self.flaw == Flaw::AnswersAndStays {
            while more(&mut stream, &mut Vec::new(), Instant::now() + NEVER).await {}
        }
        // As servers do, so that the answer is not lost by a reset.
        let _ = stream.shutdown().await;
        while more(&mut stream, &mut Vec::new(), Instant::now() + SHORT).await {}
    }
}

/// Whether more came before that moment.
async fn more(stream: &mut TcpStream, all: &mut Vec<u8>, end: Instant) -> bool {
    matches!(timeout_at(end, stream.read_buf(all)).await, Ok(Ok(n)) if n > 0)
}
