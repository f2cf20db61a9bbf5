//! Undoes faults whose leases were dropped: by a deadline, a cancelled check, or a panic.

use crate::kind::{BoxFuture, FaultError, Lease};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::task::JoinSet;

/// Undoes what others left, and knows what could not be undone. Cheap to clone; clones share.
#[derive(Clone, Debug)]
pub(crate) struct Janitor(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    runtime: Handle,
    under_way: Mutex<JoinSet<()>>,
    failed: Mutex<Vec<String>>,
}

impl Janitor {
    /// A janitor that works on the present runtime.
    pub(crate) fn new() -> Self {
        Self(Arc::new(Inner { runtime: Handle::current(), under_way: Mutex::default(), failed: Mutex::default() }))
    }

    /// A lease on a fault that this future undoes. Nothing may have been broken before it exists.
    pub(crate) fn lease(&self, what: String, undo: impl Future<Output = Result<(), FaultError>> + Send + 'static) -> Lease {
        let (told, taker) = (self.clone(), self.clone());
        let undoing = async move {
            let undone = undo.await;
            if let Err(e) = &undone {
                told.0.failed.lock().unwrap_or_else(PoisonError::into_inner).push(e.to_string());
            }
            undone
        };
        Lease::new(what, move || Box::pin(undoing), move |undoing| taker.take(undoing))
    }

    fn take(&self, undoing: BoxFuture<'static, Result<(), FaultError>>) {
        let undo = async {
            // Its failure is noted by the lease itself.
            let _ = undoing.await;
        };
        let mut under_way = self.0.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        while under_way.try_join_next().is_some() {}
        under_way.spawn_on(undo, &self.0.runtime);
    }

    /// Waits until everything that was left is undone. Answers with what could not be, in this run so far.
    pub(crate) async fn done(&self, budget: Duration) -> Vec<String> {
        let mut under_way = std::mem::take(&mut *self.0.under_way.lock().unwrap_or_else(PoisonError::into_inner));
        let all = async { while under_way.join_next().await.is_some() {} };
        let is_late = tokio::time::timeout(budget, all).await.is_err();
        let mut failed = self.0.failed.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if is_late {
            failed.push("a fault could not be undone in time".to_owned());
        }
        failed
    }
}
