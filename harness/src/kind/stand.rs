//! What can be done to the world under test: faults that undo themselves, signals to parts.

use crate::model::FaultKind;
use std::{fmt, future::Future, pin::Pin, time::Duration};

/// A future that a trait object can return.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The world under test. Provisioning implements it; [`Bare`] is a world in which nothing can be broken.
pub trait Stand: Send + Sync {
    /// Whether the fault can be injected into the dependency. Pure: plan and lint ask it.
    ///
    /// # Errors
    /// [`Unavailable`] with the reason, as people read it.
    fn can(&self, dependency: &str, fault: FaultKind) -> Result<(), Unavailable>;

    /// Injects the fault. It lasts until the lease is mended or dropped.
    fn inject<'a>(&'a self, dependency: &'a str, fault: FaultKind) -> BoxFuture<'a, Result<Lease, FaultError>>;

    /// Sends a signal to a part and waits for what comes of it: after [`Signal::Terminate`] and [`Signal::Kill`] until it has
    /// ended, however long that takes (the caller has the patience). The service is `service`, or the name of its target.
    /// A part that has ended is started again by [`FaultKind::Restart`].
    fn signal<'a>(&'a self, part: &'a str, signal: Signal) -> BoxFuture<'a, Result<Exit, FaultError>>;

    /// Waits, within bounds, until every part answers as it did when it was started; starts those that have ended again.
    /// The core asks it after each check that breaks something, before others use the same stand.
    ///
    /// # Errors
    /// [`Unwell`]: who does not, and what was seen last.
    fn well(&self) -> BoxFuture<'_, Result<(), Unwell>> {
        Box::pin(async { Ok(()) })
    }
}

/// Why a fault cannot be had here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unavailable(pub String);

/// A fault could not be injected, mended, or a signal not sent: the harness's trouble, not the service's.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct FaultError(pub String);

/// The stand is not what it was, although every fault has been undone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct Unwell {
    /// Whether it is the service that does not answer: its own failure. Else the harness could not put back what it broke.
    pub is_service: bool,
    /// What was seen.
    pub why: String,
}

/// Signals that parts are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM: end, in order.
    Terminate,
    /// SIGKILL: end, at once.
    Kill,
    /// SIGSTOP: stand still.
    Stop,
    /// SIGCONT: go on.
    Continue,
}

/// How a part ended after a signal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exit {
    /// Exit code, if it ended by itself.
    pub code: Option<i32>,
    /// The signal that ended it, if one did.
    pub signal: Option<i32>,
    /// How long after the signal; `None` if it still runs.
    pub after: Option<Duration>,
}

/// The undoing of a fault, under way.
type Undoing = BoxFuture<'static, Result<(), FaultError>>;

/// A fault in force. Mended by [`Lease::mend`], and by dropping it on every other way out.
pub struct Lease {
    what: String,
    undo: Option<Box<dyn FnOnce() -> Undoing + Send>>,
    janitor: Option<Box<dyn FnOnce(Undoing) + Send>>,
}

impl Lease {
    /// A lease whose undo runs on `mend`, or is handed to the janitor when the lease is dropped.
    pub fn new(
        what: impl Into<String>,
        undo: impl FnOnce() -> Undoing + Send + 'static,
        janitor: impl FnOnce(Undoing) + Send + 'static,
    ) -> Self {
        Self { what: what.into(), undo: Some(Box::new(undo)), janitor: Some(Box::new(janitor)) }
    }

    /// Undoes the fault now and waits until it is undone.
    ///
    /// # Errors
    /// [`FaultError`] if the undo failed; the janitor tries no second time.
    pub async fn mend(mut self) -> Result<(), FaultError> {
        match self.undo.take() {
            Some(undo) => undo().await,
            None => Ok(()),
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let (Some(undo), Some(janitor)) = (self.undo.take(), self.janitor.take()) {
            janitor(undo());
        }
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Lease").field(&self.what).finish()
    }
}

/// A world that is only looked at: everything that would break something is unavailable, with a reason.
#[derive(Clone, Debug, Default)]
pub struct Bare;

impl Bare {
    fn reason(dependency: &str, fault: FaultKind) -> String {
        format!("nothing in this environment can {fault} `{dependency}`: it is not provisioned by this run")
    }
}

impl Stand for Bare {
    fn can(&self, dependency: &str, fault: FaultKind) -> Result<(), Unavailable> {
        Err(Unavailable(Self::reason(dependency, fault)))
    }

    fn inject<'a>(&'a self, dependency: &'a str, fault: FaultKind) -> BoxFuture<'a, Result<Lease, FaultError>> {
        Box::pin(async move { Err(FaultError(Self::reason(dependency, fault))) })
    }

    fn signal<'a>(&'a self, part: &'a str, _signal: Signal) -> BoxFuture<'a, Result<Exit, FaultError>> {
        Box::pin(async move { Err(FaultError(format!("`{part}` was not started by this run and is sent no signals"))) })
    }
}
