//! Tries a clause's probe on two small servers of this process before the service is blamed: one that keeps it, one that breaks it.

use super::attempt::{Terms, judge};
use super::decide::Control;
use crate::kind::{CheckKind, Context, Round, Script, ScriptStep, Target, Twin};
use crate::model::{ClauseId, Found};
use crate::transport::Endpoint;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Longest time that both twins together may take: above it the record of stalls alone decides.
const LONGEST: Duration = Duration::from_millis(1000);
/// The same once the run is over: checking ends within a second of the deadline, whatever happens.
const LONGEST_WHEN_OVER: Duration = Duration::from_millis(400);
/// Samples that each twin is probed with, if time allows.
const SAMPLES: u32 = 5;
/// Bytes of a request that are read before it is answered.
const MOST_HEAD: usize = 64 * 1024;

/// How long a control may take under these terms.
pub(crate) fn budget(terms: &Terms<'_>) -> Duration {
    if terms.over.is_cancelled() || tokio::time::Instant::now() >= terms.end { LONGEST_WHEN_OVER } else { LONGEST }
}

/// Runs the same probe and the same judge against both twins.
pub(crate) async fn run<K: CheckKind>(kind: &K, cx: &Context, clause: ClauseId, budget: Duration) -> Control {
    let (Some(good), Some(bad)) = (kind.control(clause, Twin::Good), kind.control(clause, Twin::Bad)) else {
        return Control::Unmade;
    };
    let once = good.costs.saturating_add(bad.costs);
    if once > budget * 4 / 5 {
        return Control::Unmade;
    }
    let fits = (budget / 2).as_micros() / once.as_micros().max(1);
    let samples = u32::try_from(fits).unwrap_or(SAMPLES).clamp(1, SAMPLES);
    let both = async {
        for (twin, script) in [(Twin::Good, good), (Twin::Bad, bad)] {
            if let Err(how) = try_twin(kind, cx, clause, twin, script, samples).await {
                return Control::Machine(how);
            }
        }
        Control::Sound
    };
    match tokio::time::timeout(budget, both).await {
        Ok(control) => control,
        Err(_) => Control::Machine(format!("the probe of `{clause}` did not come to an end on a server of this machine")),
    }
}

async fn try_twin<K: CheckKind>(kind: &K, cx: &Context, clause: ClauseId, twin: Twin, script: Script, samples: u32) -> Result<(), String> {
    let server = Server::start(script).await.map_err(|e| format!("no control server could be started: {e}"))?;
    let round = Round {
        number: 0,
        clauses: Arc::new([clause].into()),
        focus: None,
        samples: NonZeroU32::new(samples),
        enough_bad: super::decide::ENOUGH_BAD,
        step: Duration::from_millis(5),
    };
    let mut seen = K::Observation::default();
    kind.probe(&round, &cx.aimed_at(server.target(cx.target())), &mut seen).await.map_err(|e| e.0)?;
    let readings = judge(kind, &seen)?;
    let mut of_clause = readings.iter().filter(|r| r.clause == clause).map(|r| &r.found).peekable();
    let looked = of_clause.peek().is_some();
    match twin {
        Twin::Good if looked && of_clause.all(held) => Ok(()),
        Twin::Good => Err(format!("`{clause}` does not hold on a known-good server of this machine either")),
        Twin::Bad if of_clause.any(caught) => Ok(()),
        Twin::Bad => Err(format!("`{clause}` is not caught on a known-bad server of this machine")),
    }
}

fn held(found: &Found) -> bool {
    matches!(found, Found::Held { .. } | Found::Counted { bad: 0, near: 0, .. })
}

fn caught(found: &Found) -> bool {
    matches!(found, Found::Proof(_)) || matches!(found, Found::Counted { bad, .. } if *bad > 0)
}

/// A control server; gone, with all its connections, when it is dropped.
pub(crate) struct Server {
    address: SocketAddr,
    accepting: tokio::task::JoinHandle<()>,
}

impl Server {
    /// Serves the script on a free port of the loopback interface.
    pub(crate) async fn start(script: Script) -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let script = Arc::new(script);
        let asked = Arc::new(AtomicUsize::new(0));
        let accepting = tokio::spawn(async move {
            let mut open = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                while open.try_join_next().is_some() {}
                let (script, asked) = (script.clone(), asked.clone());
                open.spawn(async move { answer(stream, &script, &asked).await });
            }
        });
        Ok(Self { address, accepting })
    }

    /// The address it listens on.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The target that the service is, moved to this server.
    fn target(&self, like: &Target) -> Target {
        let url = format!("http://{}/", self.address());
        let url = url::Url::parse(&url).expect("a socket address makes a URL");
        let mut base = like.base.clone();
        base.url = url.clone();
        Target { name: like.name.clone(), base, endpoint: Endpoint::new(url) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// One connection: a request's head is read, then the script says what happens. Trouble on it is the probe's to see.
async fn answer(mut stream: TcpStream, script: &Script, asked: &AtomicUsize) {
    let mut head = Vec::with_capacity(1024);
    while !head.windows(4).any(|w| w == b"\r\n\r\n") {
        match stream.read_buf(&mut head).await {
            Ok(n) if n > 0 && head.len() < MOST_HEAD => {}
            _ => return,
        }
    }
    let turn = asked.fetch_add(1, Ordering::Relaxed);
    let Some(step) = script.steps.get(turn).or(script.steps.last()) else { return };
    match step {
        ScriptStep::Answer { delay, bytes } => {
            if !delay.is_zero() {
                tokio::time::sleep(*delay).await;
            }
            let is_head = head.starts_with(b"HEAD ");
            let end = bytes.windows(4).position(|w| w == b"\r\n\r\n").map_or(bytes.len(), |i| i + 4);
            let sent = if is_head { &bytes[..end] } else { &bytes[..] };
            if stream.write_all(sent).await.is_ok() && stream.shutdown().await.is_ok() {
                // The body of the request, if there is one: closing on unread bytes would reset the connection under the answer.
                let mut rest = [0; 8192];
                while stream.read(&mut rest).await.is_ok_and(|n| n > 0) {}
            }
        }
        ScriptStep::Reset => {
            let socket = socket_that_resets(stream);
            drop(socket);
        }
        ScriptStep::Silence => std::future::pending().await,
    }
}

/// Closing with lingering zero sends RST in place of FIN (RFC 9293 §3.10.7).
fn socket_that_resets(stream: TcpStream) -> TcpStream {
    let _ = stream.set_zero_linger();
    stream
}
