//! Undoes faults whose leases were dropped: by a deadline, a cancelled check, or a panic.

use crate::kind::{BoxFuture, FaultError, Lease};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::task::JoinSet;

/// Undoes what others left. Cheap to clone; clones share.
#[derive(Clone, Debug)]
pub(crate) struct Janitor(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    runtime: Handle,
    under_way: Mutex<JoinSet<()>>,
}

impl Janitor {
    /// A janitor that works on the present runtime.
    pub(crate) fn new() -> Self {
        Self(Arc::new(Inner { runtime: Handle::current(), under_way: Mutex::default() }))
    }

    /// A lease on a fault that this future undoes. Nothing may have been broken before it exists.
    pub(crate) fn lease(&self, what: String, undo: impl Future<Output = Result<(), FaultError>> + Send + 'static) -> Lease {
        let taker = self.clone();
        Lease::new(what, move || Box::pin(undo), move |undoing| taker.take(undoing))
    }

    fn take(&self, undoing: BoxFuture<'static, Result<(), FaultError>>) {
        let undo = async {
            // Whether it worked is seen by whoever asks whether the stand is well.
            let _ = undoing.await;
        };
        let mut under_way = self.0.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        while under_way.try_join_next().is_some() {}
        under_way.spawn_on(undo, &self.0.runtime);
    }

    /// Waits until everything that was left is undone, or has taken too long.
    pub(crate) async fn done(&self, budget: Duration) {
        let mut under_way = self.begun();
        let all = async { while under_way.join_next().await.is_some() {} };
        // What takes longer is given up with the set.
        let _ = tokio::time::timeout(budget, all).await;
    }

    /// Gives up what is not undone yet: all of it is about to be ended anyway.
    pub(crate) async fn abandon(&self) {
        self.begun().shutdown().await;
    }

    fn begun(&self) -> JoinSet<()> {
        std::mem::take(&mut *self.0.under_way.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
