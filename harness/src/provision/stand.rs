//! The world that this run has started: which parts, where they listen, what can be broken, and how all of it is stopped again.

use super::can::{can, is_service};
use super::janitor::Janitor;
use super::part::Part;
use super::spec::{PartSpec, Spec};
use crate::kind::{BoxFuture, Exit, FaultError, Lease, Signal, Stand, Unavailable, Unwell};
use crate::model::FaultKind;
use crate::transport::relay::{Mode, Pace};
use nix::sys::signal::Signal as Number;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OwnedMutexGuard;

/// What `slow` is: every answer two seconds later, and no more than 64 KiB a second. Later than any sensible limit of a
/// liveness probe, and still an answer.
const SLOW: Mode = Mode::Slow(Pace { delay: Duration::from_secs(1), bytes_per_second: 64 << 10 });
/// How long a fault waits for the undoing of another one on the same part.
const TURN: Duration = Duration::from_secs(30);
/// How long a cut waits for the first connection: cutting what nobody uses proves nothing.
const USED: Duration = Duration::from_secs(5);

/// Everything that was started. Dropping it kills what still runs.
#[derive(Debug)]
pub struct Provisioned {
    dependencies: Vec<(PartSpec, Arc<Part>)>,
    service: (PartSpec, Arc<Part>),
    target: Arc<str>,
    values: Vec<(String, String)>,
    janitor: Janitor,
}

/// Something that went wrong with what was started, and was not meant to.
#[derive(Clone, Debug)]
pub(crate) struct Amiss {
    /// What it is.
    pub(crate) what: String,
    /// The last lines that the part wrote.
    pub(crate) lines: Vec<String>,
    /// Whether a service cannot be blamed for what it did meanwhile.
    pub(crate) excuses: bool,
}

impl Provisioned {
    pub(crate) fn new(spec: &Spec, dependencies: Vec<Part>, service: Part, values: Vec<(String, String)>) -> Self {
        let dependencies = spec.dependencies.iter().cloned().zip(dependencies.into_iter().map(Arc::new)).collect();
        let service = (spec.service.clone(), Arc::new(service));
        Self { dependencies, service, target: spec.target.clone(), values, janitor: Janitor::new() }
    }

    /// Where the service listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.service.1.address
    }

    /// What the dependencies set, with their own addresses: checks go around the relays.
    pub fn values(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Stops everything: the service first, then what it depended on; what is still broken ends with it. Answers with what could
    /// not be stopped, by name.
    pub async fn stop(&self, budget: Duration) -> Vec<String> {
        let ends = tokio::time::Instant::now() + budget;
        let left = || ends.saturating_duration_since(tokio::time::Instant::now());
        self.janitor.abandon().await;
        let service = self.service.1.stop(left()).await;
        let stopping = self.dependencies.iter().map(|(_, part)| part.stop(left()));
        service.into_iter().chain(futures_util::future::join_all(stopping).await.into_iter().flatten()).collect()
    }

    /// The last lines that a part wrote; empty if there is no such part.
    #[must_use]
    pub fn last_lines(&self, part: &str) -> Vec<String> {
        self.part(part).map(|p| p.last_lines()).unwrap_or_default()
    }

    /// What has gone wrong since then with what was started, dependencies first.
    pub(crate) fn amiss(&self, since: tokio::time::Instant) -> Vec<Amiss> {
        let mut amiss = Vec::new();
        for (part, is_service) in self.dependencies.iter().map(|(_, part)| (part, false)).chain([(&self.service.1, true)]) {
            if let Some(how) = part.gone() {
                let name = if is_service { "the service".to_owned() } else { format!("the dependency `{}`", part.name) };
                amiss.push(Amiss { what: format!("{name} ended by itself ({how})"), lines: part.last_lines(), excuses: !is_service });
            }
            if let Some(why) = part.relay.as_ref().and_then(|relay| relay.hampered(since)) {
                let what = format!("this machine kept the relay before `{}` from its work ({why})", part.name);
                amiss.push(Amiss { what, lines: Vec::new(), excuses: true });
            }
        }
        amiss
    }

    fn part(&self, name: &str) -> Option<&Arc<Part>> {
        let dependency = self.dependencies.iter().map(|(_, part)| part).find(|part| &*part.name == name);
        dependency.or_else(|| is_service(&self.target, name).then_some(&self.service.1))
    }

    fn specs(&self) -> Vec<PartSpec> {
        self.dependencies.iter().map(|(spec, _)| spec.clone()).collect()
    }

    async fn broken(&self, name: &str, fault: FaultKind) -> Result<Lease, FaultError> {
        self.can(name, fault).map_err(|e| FaultError(e.0))?;
        let part = self.part(name).expect("what can be broken is a part").clone();
        let turn = tokio::time::timeout(TURN, part.turn.clone().lock_owned()).await;
        let turn = turn.map_err(|_| FaultError(format!("another fault of `{name}` is still in force, so it cannot be sent {fault}")))?;
        match fault {
            FaultKind::Refuse => self.cut(part, Mode::Refuse, fault, turn).await,
            FaultKind::Blackhole => self.cut(part, Mode::Blackhole, fault, turn).await,
            FaultKind::Swallow => self.cut(part, Mode::Swallow, fault, turn).await,
            FaultKind::Slow => self.cut(part, SLOW, fault, turn).await,
            FaultKind::Reset => self.cut(part, Mode::Reset, fault, turn).await,
            FaultKind::Pause => {
                let lease = self.lease(&part, fault, turn, |part| async move { part.send(Number::SIGCONT).await });
                part.send(Number::SIGSTOP).await.map(|()| lease)
            }
            FaultKind::Kill => {
                let lease = self.lease(&part, fault, turn, |part| async move { part.revive().await });
                part.kill().await.map(|()| lease)
            }
            FaultKind::Terminate => {
                let lease = self.lease(&part, fault, turn, |part| async move { part.revive().await });
                part.end(Number::SIGTERM).await.map(|_| lease)
            }
            FaultKind::Restart => {
                let lease = self.lease(&part, fault, turn, |part| async move { part.revive().await });
                part.kill().await?;
                part.revive().await.map(|()| lease)
            }
        }
    }

    async fn cut(&self, part: Arc<Part>, mode: Mode, fault: FaultKind, turn: OwnedMutexGuard<()>) -> Result<Lease, FaultError> {
        let relay = part.relay.as_ref().expect("what can be cut has a relay");
        if tokio::time::timeout(USED, relay.used()).await.is_err() {
            let why = "the service has never connected to it by the address that this run gave it, so cutting it would prove nothing";
            return Err(FaultError(format!("`{}` cannot be sent {fault}: {why}", part.name)));
        }
        let lease = self.lease(&part, fault, turn, |part| async move { part.relay(Mode::Pass).await });
        part.relay(mode).await.map(|()| lease)
    }

    /// Made before anything is broken: whoever stops waiting in the middle leaves nothing broken either.
    fn lease<F>(&self, part: &Arc<Part>, fault: FaultKind, turn: OwnedMutexGuard<()>, undo: impl FnOnce(Arc<Part>) -> F) -> Lease
    where
        F: Future<Output = Result<(), FaultError>> + Send + 'static,
    {
        let undo = undo(part.clone());
        self.janitor.lease(format!("{fault} of {}", part.name), async move {
            let undone = undo.await;
            drop(turn);
            undone
        })
    }
}

impl Stand for Provisioned {
    fn can(&self, dependency: &str, fault: FaultKind) -> Result<(), Unavailable> {
        can(&self.specs(), &self.service.0, &self.target, dependency, fault)
    }

    fn inject<'a>(&'a self, dependency: &'a str, fault: FaultKind) -> BoxFuture<'a, Result<Lease, FaultError>> {
        Box::pin(self.broken(dependency, fault))
    }

    fn signal<'a>(&'a self, part: &'a str, signal: Signal) -> BoxFuture<'a, Result<Exit, FaultError>> {
        Box::pin(async move {
            let found =
                self.part(part).ok_or_else(|| FaultError(format!("`{part}` was not started by this run and is sent no signals")))?;
            let running = Exit { code: None, signal: None, after: None };
            match signal {
                Signal::Terminate => found.end(Number::SIGTERM).await,
                Signal::Kill => found.end(Number::SIGKILL).await,
                Signal::Stop => found.send(Number::SIGSTOP).await.map(|()| running),
                Signal::Continue => found.send(Number::SIGCONT).await.map(|()| running),
            }
        })
    }

    fn well(&self) -> BoxFuture<'_, Result<(), Unwell>> {
        Box::pin(async move {
            let unwell = |is_service| move |why: String| Unwell { is_service, why };
            self.janitor.done(TURN).await;
            // What the service needs first: it could not be well before.
            for (_, part) in &self.dependencies {
                part.well().await.map_err(|e| unwell(false)(e.0))?;
            }
            self.service.1.well().await.map_err(|e| unwell(true)(e.0))
        })
    }
}
