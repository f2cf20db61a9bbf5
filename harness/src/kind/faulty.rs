//! For the tests of kinds: dependencies on real sockets, a stand that cuts them, and a service that asks them.

use super::testing::{Reply, json};
use super::{BoxFuture, Context, Exit, FaultError, Lease, Setting, Signal, Stand, Unavailable};
use crate::model::FaultKind;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// How late everything is while a dependency is slow.
const LATE: Duration = Duration::from_millis(800);

/// A dependency that answers `?` by `!` on a real socket, and can be cut.
#[derive(Clone)]
pub(crate) struct Dependency {
    /// Where it is asked.
    pub(crate) address: SocketAddr,
    mode: watch::Sender<Option<FaultKind>>,
}

impl Dependency {
    /// Starts one on a free port; it lives as long as the runtime.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port on loopback");
        let address = listener.local_addr().expect("a bound socket has an address");
        let mode = watch::Sender::new(None);
        tokio::spawn(serve(listener, address, mode.clone()));
        Self { address, mode }
    }

    /// Whether it answers a fresh question in time.
    pub(crate) async fn answers(&self, patience: Duration) -> bool {
        let asked = async {
            #[expect(clippy::disallowed_methods, reason = "the service under test dials its own dependency")]
            let mut stream = TcpStream::connect(self.address).await?;
            stream.write_all(b"?").await?;
            stream.read_u8().await
        };
        tokio::time::timeout(patience, asked).await.is_ok_and(|answer| answer.is_ok_and(|byte| byte == b'!'))
    }

    /// Waits until no fault is in force.
    pub(crate) async fn is_back(&self) {
        _ = self.mode.subscribe().wait_for(Option::is_none).await;
    }

    /// The fault that is in force.
    pub(crate) fn fault(&self) -> Option<FaultKind> {
        *self.mode.borrow()
    }
}

/// Accepts while it may. While it refuses, its port is bound and nobody listens: so no other test can take it.
async fn serve(listener: TcpListener, address: SocketAddr, mode: watch::Sender<Option<FaultKind>>) {
    let mut changes = mode.subscribe();
    let mut listener = Some(listener);
    loop {
        if *changes.borrow_and_update() == Some(FaultKind::Refuse) {
            drop(listener.take());
            let kept = TcpSocket::new_v4().expect("a socket can be made");
            kept.set_reuseaddr(true).expect("an option of every socket");
            kept.bind(address).expect("its own port, free a moment ago");
            if changes.wait_for(|now| *now != Some(FaultKind::Refuse)).await.is_err() {
                return;
            }
            listener = Some(kept.listen(128).expect("a bound socket can listen"));
        }
        let open = listener.as_ref().expect("it listens unless it refuses");
        tokio::select! {
            changed = changes.changed() => if changed.is_err() { return },
            accepted = open.accept() => if let Ok((stream, _)) = accepted {
                tokio::spawn(answer(stream, mode.subscribe()));
            },
        }
    }
}

async fn answer(mut stream: TcpStream, mode: watch::Receiver<Option<FaultKind>>) {
    while let Ok(b'?') = stream.read_u8().await {
        let now = *mode.borrow();
        match now {
            Some(FaultKind::Blackhole) => return std::future::pending().await,
            Some(FaultKind::Slow) => tokio::time::sleep(LATE).await,
            Some(_) => {
                _ = stream.set_zero_linger();
                return;
            }
            None => {}
        }
        if stream.write_all(b"!").await.is_err() {
            return;
        }
    }
}

/// A stand that can cut its dependencies and tell its service to end.
#[derive(Clone, Default)]
pub(crate) struct Faulty {
    /// The dependencies by name.
    pub(crate) dependencies: BTreeMap<String, Dependency>,
    /// Cancelled when the service is asked to end.
    pub(crate) ending: CancellationToken,
    /// Cancelled by the service once it is gone.
    pub(crate) gone: CancellationToken,
}

impl Faulty {
    /// A stand with dependencies of these names.
    pub(crate) async fn with(names: &[&str]) -> Self {
        let mut stand = Self::default();
        for name in names {
            stand.dependencies.insert((*name).to_owned(), Dependency::start().await);
        }
        stand
    }

    /// The context aimed at the address, with this stand in it.
    pub(crate) fn context(&self, address: SocketAddr) -> Context {
        Context::new(Setting { stand: Arc::new(self.clone()), ..super::testing::setting(address) })
    }

    /// No fault is in force.
    pub(crate) fn is_whole(&self) -> bool {
        self.dependencies.values().all(|d| d.fault().is_none())
    }
}

impl Stand for Faulty {
    fn can(&self, dependency: &str, _fault: FaultKind) -> Result<(), Unavailable> {
        self.dependencies.get(dependency).map(|_| ()).ok_or_else(|| Unavailable(format!("there is no `{dependency}`")))
    }

    fn inject<'a>(&'a self, dependency: &'a str, fault: FaultKind) -> BoxFuture<'a, Result<Lease, FaultError>> {
        Box::pin(async move {
            let cut = self.dependencies.get(dependency).ok_or_else(|| FaultError(format!("there is no `{dependency}`")))?;
            cut.mode.send_replace(Some(fault));
            let mode = cut.mode.clone();
            let undo = move || -> BoxFuture<'static, Result<(), FaultError>> {
                mode.send_replace(None);
                Box::pin(async { Ok(()) })
            };
            Ok(Lease::new(format!("{dependency}: {fault}"), undo, |undoing| {
                tokio::spawn(undoing);
            }))
        })
    }

    fn signal<'a>(&'a self, part: &'a str, _signal: Signal) -> BoxFuture<'a, Result<Exit, FaultError>> {
        Box::pin(async move {
            if part != "service" {
                return Err(FaultError(format!("there is no part `{part}`")));
            }
            self.ending.cancel();
            let left = tokio::time::timeout(Duration::from_secs(3), self.gone.cancelled()).await;
            Ok(Exit { code: left.is_ok().then_some(0), signal: None, after: left.ok().map(|()| Duration::ZERO) })
        })
    }
}

/// What a service knows of a dependency: a task of its own asks it again and again, so that no answer has to wait for it.
#[derive(Clone)]
pub(crate) struct Watcher(Arc<AtomicBool>);

impl Watcher {
    /// Asks every 20 ms and waits at most 100 ms for the answer; `sees` may bend what was found.
    pub(crate) fn of(dependency: &Dependency, mut sees: impl FnMut(bool) -> bool + Send + 'static) -> Self {
        let state = Arc::new(AtomicBool::new(true));
        let (told, dependency) = (state.clone(), dependency.clone());
        tokio::spawn(async move {
            loop {
                let up = dependency.answers(Duration::from_millis(100)).await;
                told.store(sees(up), Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        Self(state)
    }

    /// What it saw last.
    pub(crate) fn is_up(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// Readiness as a good service tells it: 503 without the hard dependency, `degraded` without the soft one, both by name.
pub(crate) fn standing(db: bool, cache: bool) -> Reply {
    let word = |up| if up { "ok" } else { "down" };
    let (status, says) = match (db, cache) {
        (true, true) => (200, "ready"),
        (true, false) => (200, "degraded"),
        (false, _) => (503, "not ready"),
    };
    json(status, &format!(r#"{{"status":"{says}","db":"{}","cache":"{}"}}"#, word(db), word(cache)))
}
