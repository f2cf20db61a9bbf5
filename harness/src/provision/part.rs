//! One part of the provisioned world: its process, which may be paused, ended and started again, and the relay in front of it.

use super::folder::Folder;
use super::launch::{Launch, Running, Trouble};
use super::start::Started;
use crate::kind::{Exit, FaultError};
use crate::transport::process::{Output, ProcessError};
use crate::transport::relay::{Mode, Relay};
use nix::sys::signal::Signal as Number;
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt as _;
use std::sync::{Arc, Mutex as Lock};
use std::time::Duration;
use tokio::sync::Mutex;

/// How long one part is given to end in order before it is killed.
const GRACE: Duration = Duration::from_secs(5);
/// How long a killed process may take until it is gone.
const GONE: Duration = Duration::from_secs(2);
/// How long a dependency that was ended may refuse to start again: children that outlive it for a moment (those of PostgreSQL hold its
/// shared memory) keep it from that.
const AGAIN: Duration = Duration::from_secs(5);
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(100);
/// How long a part may take until it answers again.
const WELL: Duration = Duration::from_secs(20);

/// One part that was started.
#[derive(Debug)]
pub(crate) struct Part {
    /// Its name.
    pub(crate) name: Arc<str>,
    /// Where it listens itself: this is how checks reach it.
    pub(crate) address: SocketAddr,
    /// How the service reaches it.
    pub(crate) relay: Option<Relay>,
    /// Held while a fault is in force: one at a time.
    pub(crate) turn: Arc<Mutex<()>>,
    launch: Launch,
    running: Mutex<Running>,
    output: Lock<Output>,
    /// Dropped after the process, which lives in it.
    folder: Lock<Option<Folder>>,
}

impl Part {
    pub(super) fn new(name: Arc<str>, started: Started, relay: Option<Relay>) -> Self {
        let Started { launch, running, address, folder } = started;
        let output = Lock::new(running.process.output());
        Self { name, address, relay, turn: Arc::default(), launch, running: Mutex::new(running), output, folder: Lock::new(folder) }
    }

    /// The last lines that it wrote.
    pub(crate) fn last_lines(&self) -> Vec<String> {
        self.output.lock().expect("no panic while an output is changed").last_lines()
    }

    /// How it has ended, if it has by itself: nobody here sent it a signal that ends it.
    pub(crate) fn gone(&self) -> Option<String> {
        // Whoever holds it is about to end it or to start it again.
        let mut running = self.running.try_lock().ok()?;
        let status = if running.is_doomed { None } else { running.process.ended() };
        status.map(|status| status.to_string())
    }

    /// Changes what its relay does.
    pub(crate) async fn relay(&self, mode: Mode) -> Result<(), FaultError> {
        let Some(relay) = &self.relay else { return Ok(()) };
        relay.set(mode).await.map_err(|e| FaultError(format!("the relay before `{}` cannot be set: {e}", self.name)))
    }

    /// Sends a signal that does not end it.
    pub(crate) async fn send(&self, number: Number) -> Result<(), FaultError> {
        let mut running = self.running.lock().await;
        match running.process.ended() {
            Some(status) => Err(FaultError(format!("`{}` has ended before it was sent {number}: {status}", self.name))),
            None => {
                running.process.signal(number);
                Ok(())
            }
        }
    }

    /// Sends a signal that ends it and waits until it has ended. Once it has, connections to it are refused, as they would be
    /// without a relay.
    pub(crate) async fn end(&self, number: Number) -> Result<Exit, FaultError> {
        let mut running = self.running.lock().await;
        if let Some(status) = running.process.ended() {
            return Err(FaultError(format!("`{}` has ended before it was sent {number}: {status}", self.name)));
        }
        let sent = tokio::time::Instant::now();
        running.is_doomed = true;
        running.process.signal(number);
        let status = running.process.exit().await.map_err(|e| FaultError(format!("`{}`: {e}", self.name)))?;
        let after = sent.elapsed();
        running.lease = None;
        self.relay(Mode::Refuse).await?;
        Ok(Exit { code: status.code(), signal: status.signal(), after: Some(after) })
    }

    /// Ends it at once; nothing happens if it has ended.
    pub(crate) async fn kill(&self) -> Result<(), FaultError> {
        self.relay(Mode::Refuse).await?;
        let mut running = self.running.lock().await;
        running.is_doomed = true;
        self.bury(&mut running).await
    }

    async fn bury(&self, running: &mut Running) -> Result<(), FaultError> {
        running.process.signal(Number::SIGKILL);
        match tokio::time::timeout(GONE, running.process.exit()).await {
            Ok(Ok(_)) => {
                running.lease = None;
                Ok(())
            }
            Ok(Err(e)) => Err(FaultError(format!("`{}`: {e}", self.name))),
            Err(_) => Err(FaultError(format!("`{}` does not end, not even by SIGKILL", self.name))),
        }
    }

    /// Starts it again where it was, if it has ended or was told to; it is ready then, and reached as before.
    pub(crate) async fn revive(&self) -> Result<(), FaultError> {
        let mut running = self.running.lock().await;
        if running.is_doomed {
            self.bury(&mut running).await?;
        }
        if running.process.ended().is_some() {
            running.lease = None;
            let started = self.start_again().await;
            let (again, address) = started.map_err(|t| FaultError(format!("`{}` could not be started again: {}", self.name, t.told())))?;
            if address != self.address {
                return Err(FaultError(format!("`{}` listens at {address} now; it was at {}", self.name, self.address)));
            }
            *self.output.lock().expect("no panic while an output is changed") = again.process.output();
            *running = again;
        }
        self.relay(Mode::Pass).await
    }

    /// What is told of the service is told of its first try: a second one could hide that it fails now and then.
    async fn start_again(&self) -> Result<(Running, SocketAddr), Trouble> {
        let began = tokio::time::Instant::now();
        loop {
            match self.launch.start(Some(self.address)).await {
                Err(Trouble::Start { .. }) if self.relay.is_some() && began.elapsed() < AGAIN => tokio::time::sleep(PAUSE).await,
                started => return started,
            }
        }
    }

    /// Waits until it answers as it did when it was started; starts it again if it has ended.
    pub(crate) async fn well(&self) -> Result<(), FaultError> {
        self.revive().await?;
        let mut last = String::new();
        let ready = self.launch.ready(self.address);
        match tokio::time::timeout(WELL, ready.wait(&mut last)).await {
            Ok(()) => Ok(()),
            Err(_) => Err(FaultError(format!("`{}` is not well again within {} s: {last}", self.name, WELL.as_secs()))),
        }
    }

    /// Ends it in order, within the budget. Answers with its name if the kernel holds it.
    pub(crate) async fn stop(&self, budget: Duration) -> Option<String> {
        let Ok(mut running) = tokio::time::timeout(budget, self.running.lock()).await else {
            return Some(format!("{} was still being changed", self.name));
        };
        // Only a process that SIGKILL does not end is left.
        if let Err(ProcessError::Immortal(pid)) = running.process.stop(GRACE.min(budget)).await {
            std::mem::forget(running.lease.take());
            return Some(format!("{} (process {pid}) still runs", self.name));
        }
        running.lease = None;
        let folder = self.folder.lock().expect("no panic while a folder is taken").take();
        // Removing many files takes its time, and may be tried more than once.
        let _ = tokio::task::spawn_blocking(move || drop(folder)).await;
        None
    }
}
