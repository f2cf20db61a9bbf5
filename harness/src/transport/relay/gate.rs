//! The gate that every byte passes: it shuts between two writes, never in the middle of one, so that a cut is in force at once.

use super::mode::{Mode, Pace};
use std::sync::{PoisonError, RwLock};
use tokio::sync::watch;

/// Shared by all connections of a relay.
#[derive(Debug)]
pub(super) struct Gate {
    mode: RwLock<Mode>,
    changes: watch::Sender<()>,
}

impl Gate {
    pub(super) fn new() -> Self {
        Self { mode: RwLock::default(), changes: watch::Sender::new(()) }
    }

    /// Changes the mode. When this returns no write of the old mode is under way.
    pub(super) fn set(&self, mode: Mode) {
        *self.mode.write().unwrap_or_else(PoisonError::into_inner) = mode;
        self.changes.send_replace(());
    }

    /// Tells every later change. Ask for it before the mode is looked at.
    pub(super) fn changes(&self) -> Changes {
        Changes(self.changes.subscribe())
    }

    pub(super) fn mode(&self) -> Mode {
        *self.mode.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does `write`, which must not wait, unless the gate is shut; the mode stands still for so long.
    pub(super) fn pass<T>(&self, write: impl FnOnce(Option<Pace>) -> T) -> Option<T> {
        let mode = self.mode.read().unwrap_or_else(PoisonError::into_inner);
        (!mode.is_silent()).then(|| write(mode.pace()))
    }

    /// Waits until the gate is open.
    pub(super) async fn open(&self, changes: &mut Changes) {
        while self.mode().is_silent() {
            changes.next().await;
        }
    }
}

/// The changes of one gate, as one connection sees them.
#[derive(Debug)]
pub(super) struct Changes(watch::Receiver<()>);

impl Changes {
    /// Waits for a change since the last one that was waited for.
    pub(super) async fn next(&mut self) {
        if self.0.changed().await.is_err() {
            // The gate is gone, and with it the relay: whoever waits here is about to be ended.
            std::future::pending::<()>().await;
        }
    }
}
