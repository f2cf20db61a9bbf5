//! An interrupt from outside: which signal came, and that everything is to end in order.

use std::sync::{Arc, OnceLock};
use tokio_util::sync::CancellationToken;

/// Raised by whoever handles signals, read by the session. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Interrupt {
    token: CancellationToken,
    signal: Arc<OnceLock<String>>,
}

impl Interrupt {
    /// Ends the run in order: probes are cancelled, clean-up runs, every check has an outcome. `signal` is `SIGINT`,
    /// `SIGTERM` or `SIGHUP`; the first one counts.
    pub fn raise(&self, signal: &str) {
        let _ = self.signal.set(signal.to_owned());
        self.token.cancel();
    }

    /// The signal that came, if one did.
    #[must_use]
    pub fn signal(&self) -> Option<&str> {
        self.signal.get().map(String::as_str)
    }

    /// Waits until it is raised.
    pub async fn raised(&self) {
        self.token.cancelled().await;
    }
}
