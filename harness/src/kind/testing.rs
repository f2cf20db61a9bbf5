//! For the tests of kinds: a server of this process that answers by a function, a context aimed at it, a spec from YAML.

use super::{Bare, BoxFuture, CheckKind, Context, Round, Setting, Stopwatch, Target};
use crate::model::{Found, Reading, Redactor, Secret, Source};
use crate::transport::{Endpoint, Exchange};
use crate::words::{Base, Values};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// What a request is answered by.
pub(crate) enum Reply {
    /// These bytes, and the connection is closed.
    Bytes(Vec<u8>),
    /// The same after a while.
    Late(Duration, Vec<u8>),
    /// The connection is closed without a byte.
    Close,
    /// What this future makes of it, once it is there.
    Soon(BoxFuture<'static, Reply>),
    /// These bytes, each after a while; then the connection is left in this way.
    Parts(Vec<(Duration, Vec<u8>)>, Leave),
    /// Nothing, until the client goes.
    Silence,
}

/// How a connection is left once all was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leave {
    /// It stays open until the client goes.
    Stay,
    /// It is closed.
    Close,
    /// It is reset.
    Reset,
    /// The last bytes are said again and again, for as long as they are taken.
    Repeat,
}

/// An answer with a JSON body, as a good service gives it.
pub(crate) fn json(status: u16, body: &str) -> Reply {
    answer(status, &["content-type: application/json", "cache-control: no-store"], body)
}

/// An answer with these header lines.
pub(crate) fn answer(status: u16, headers: &[&str], body: &str) -> Reply {
    let lines: String = headers.iter().map(|h| format!("{h}\r\n")).collect();
    Reply::Bytes(format!("HTTP/1.1 {status} X\r\n{lines}content-length: {}\r\nconnection: close\r\n\r\n{body}", body.len()).into_bytes())
}

/// The same without its body, for HEAD.
pub(crate) fn without_body(reply: Reply) -> Reply {
    match reply {
        Reply::Bytes(bytes) => {
            let end = bytes.windows(4).position(|w| w == b"\r\n\r\n").map_or(bytes.len(), |i| i + 4);
            Reply::Bytes(bytes[..end].to_vec())
        }
        other => other,
    }
}

/// Serves on a free port for as long as the runtime lives. The function gets the head of each request and its number, from 0.
pub(crate) async fn serve(reply: impl Fn(&str, usize) -> Reply + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port on loopback");
    let address = listener.local_addr().expect("a bound socket has an address");
    let (reply, count) = (Arc::new(reply), Arc::new(AtomicUsize::new(0)));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (reply, count) = (reply.clone(), count.clone());
            tokio::spawn(async move {
                let (mut head, mut buffer) = (Vec::new(), [0; 4096]);
                while !head.windows(4).any(|w| w == b"\r\n\r\n") {
                    match stream.read(&mut buffer).await {
                        Ok(0) | Err(_) => return,
                        Ok(n) => head.extend_from_slice(&buffer[..n]),
                    }
                }
                let text = String::from_utf8_lossy(&head).into_owned();
                let mut now = reply(&text, count.fetch_add(1, Ordering::SeqCst));
                if let Reply::Soon(soon) = now {
                    now = soon.await;
                }
                let bytes = match now {
                    Reply::Bytes(bytes) => bytes,
                    Reply::Late(after, bytes) => {
                        tokio::time::sleep(after).await;
                        bytes
                    }
                    Reply::Close | Reply::Soon(_) => return,
                    Reply::Parts(parts, leave) => return say(stream, parts, leave).await,
                    Reply::Silence => {
                        while stream.read(&mut buffer).await.is_ok_and(|n| n > 0) {}
                        return;
                    }
                };
                if stream.write_all(&bytes).await.is_ok() {
                    _ = stream.shutdown().await;
                    while stream.read(&mut buffer).await.is_ok_and(|n| n > 0) {}
                }
            });
        }
    });
    address
}

/// Says the parts one after the other, and leaves.
async fn say(mut stream: tokio::net::TcpStream, parts: Vec<(Duration, Vec<u8>)>, leave: Leave) {
    let mut last = Vec::new();
    for (after, bytes) in parts {
        tokio::time::sleep(after).await;
        if stream.write_all(&bytes).await.is_err() {
            return;
        }
        last = bytes;
    }
    match leave {
        Leave::Stay => while stream.read(&mut [0; 512]).await.is_ok_and(|n| n > 0) {},
        Leave::Close => _ = stream.shutdown().await,
        Leave::Reset => _ = socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)),
        Leave::Repeat => while stream.write_all(&last).await.is_ok() {},
    }
}

/// A context aimed at the address, with one secret: `canary-0123456789`.
pub(crate) fn context(address: SocketAddr) -> Context {
    Context::new(setting(address))
}

/// The parts of that context.
pub(crate) fn setting(address: SocketAddr) -> Setting {
    let url = url::Url::parse(&format!("http://{address}/")).expect("a socket address makes a URL");
    setting_of(Target { name: "api".into(), base: Base { url: url.clone(), headers: Vec::new() }, endpoint: Endpoint::new(url) })
}

/// A context aimed at a target.
pub(crate) fn context_of(target: Target) -> Context {
    Context::new(setting_of(target))
}

fn setting_of(target: Target) -> Setting {
    Setting {
        target: Arc::new(target),
        exchange: Exchange::default(),
        stand: Arc::new(Bare),
        values: Values::default(),
        stopwatch: Stopwatch::default(),
        patience: Duration::from_secs(10),
        run_id: "run".into(),
        trace: None,
        canaries: Arc::new(Redactor::new([&Secret::new("canary-0123456789")])),
        saw: tokio::sync::watch::Sender::new(String::new()),
        cancelled: tokio_util::sync::CancellationToken::new(),
        job: None,
    }
}

/// A spec as it stands in a suite.
#[track_caller]
pub(crate) fn spec<K: CheckKind>(yaml: &str) -> K {
    match read(yaml) {
        Ok(kind) => kind,
        Err(problems) => panic!("{yaml}: {problems:?}"),
    }
}

/// The same, or what is wrong with it.
pub(crate) fn read<K: CheckKind>(yaml: &str) -> Result<K, Vec<crate::reader::Problem>> {
    let source = Arc::new(Source::new("test.yaml", yaml));
    let document = crate::reader::parse(&source).map_err(|problem| vec![*problem])?;
    crate::reader::read(&source, &document.root, "")
}

/// The first look at these clauses.
pub(crate) fn round<K: CheckKind>(clauses: &[&str]) -> Round {
    let ids = K::CLAUSES.iter().map(|c| c.id).filter(|id| clauses.contains(&id.0)).collect();
    Round { number: 0, clauses: Arc::new(ids), focus: None, samples: None, enough_bad: 3, step: Duration::from_millis(20) }
}

/// One look, and its readings.
pub(crate) async fn look<K: CheckKind>(kind: &K, address: SocketAddr, clauses: &[&str]) -> Vec<Reading> {
    look_in(kind, &context(address), clauses).await
}

/// One look in this context, and its readings.
pub(crate) async fn look_in<K: CheckKind>(kind: &K, cx: &Context, clauses: &[&str]) -> Vec<Reading> {
    let mut seen = K::Observation::default();
    kind.probe(&round::<K>(clauses), cx, &mut seen).await.expect("the harness itself does not fail");
    let text = serde_json::to_string(&seen).expect("an observation is JSON");
    assert!(serde_json::from_str::<K::Observation>(&text).is_ok(), "an observation can be read back");
    kind.judge(&seen)
}

/// `case: held | proof OBSERVED | counted BAD/OF | …`, in order.
pub(crate) fn told(readings: &[Reading]) -> Vec<String> {
    let one = |r: &Reading| {
        let found = match &r.found {
            Found::Held { .. } => "held".to_owned(),
            Found::Proof(f) => format!("proof {}", f.observed),
            Found::Counted { bad, near, of, repeatable, .. } => {
                let once = if *repeatable { "" } else { " once" };
                format!("counted {bad}+{near}/{of}{once}")
            }
            Found::Unsure { why, .. } => format!("unsure {why}"),
            Found::Unseen { why } => format!("unseen {why}"),
        };
        if r.case.is_empty() { found } else { format!("{}: {found}", r.case) }
    };
    readings.iter().map(one).collect()
}
