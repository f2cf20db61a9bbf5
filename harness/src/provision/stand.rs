//! The world that this run has started: which parts, where they listen, and how all of it is stopped again.

use super::lease::LeaseFile;
use crate::kind::{BoxFuture, Exit, FaultError, Lease, Signal, Stand, Unavailable};
use crate::model::FaultKind;
use crate::transport::process::{Process, ProcessError};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How long one part is given to end in order before it is killed.
const GRACE: Duration = Duration::from_secs(5);

/// Everything that was started. Dropping it kills what still runs.
#[derive(Debug, Default)]
pub struct Provisioned {
    parts: Mutex<Vec<Started>>,
    /// Where the service listens.
    pub(crate) service: Option<SocketAddr>,
}

/// One part that runs.
#[derive(Debug)]
pub(crate) struct Started {
    pub(crate) name: Arc<str>,
    pub(crate) address: SocketAddr,
    pub(crate) process: Process,
    /// Removed when the process has been stopped.
    pub(crate) lease: Option<LeaseFile>,
}

impl Provisioned {
    pub(crate) fn new(parts: Vec<Started>, service: SocketAddr) -> Self {
        Self { parts: Mutex::new(parts), service: Some(service) }
    }

    /// Stops everything, the service first, then what it depended on. Answers with what could not be stopped, by name.
    pub async fn stop(&self, budget: Duration) -> Vec<String> {
        let parts = std::mem::take(&mut *self.parts.lock().expect("no panic while parts are held"));
        let ends = tokio::time::Instant::now() + budget;
        let mut left = Vec::new();
        for mut part in parts.into_iter().rev() {
            let time = ends.saturating_duration_since(tokio::time::Instant::now());
            // Only a process that SIGKILL does not end is left: the kernel holds it.
            if let Err(ProcessError::Immortal(pid)) = part.process.stop(GRACE.min(time)).await {
                left.push(format!("{} (process {pid}) still runs", part.name));
                std::mem::forget(part.lease.take());
            }
        }
        left
    }

    /// The last lines that a part wrote; empty if there is no such part.
    #[must_use]
    pub fn last_lines(&self, part: &str) -> Vec<String> {
        let parts = self.parts.lock().expect("no panic while parts are held");
        parts.iter().find(|p| &*p.name == part).map(|p| p.process.last_lines()).unwrap_or_default()
    }
}

impl Stand for Provisioned {
    fn can(&self, dependency: &str, fault: FaultKind) -> Result<(), Unavailable> {
        Err(Unavailable(refusal(dependency, fault)))
    }

    fn inject<'a>(&'a self, dependency: &'a str, fault: FaultKind) -> BoxFuture<'a, Result<Lease, FaultError>> {
        Box::pin(async move { Err(FaultError(refusal(dependency, fault))) })
    }

    fn signal<'a>(&'a self, part: &'a str, signal: Signal) -> BoxFuture<'a, Result<Exit, FaultError>> {
        Box::pin(async move { Err(FaultError(format!("this version sends no {signal:?} to `{part}`"))) })
    }
}

fn refusal(dependency: &str, fault: FaultKind) -> String {
    format!("this version injects no faults, so `{dependency}` is not sent `{fault}`")
}
