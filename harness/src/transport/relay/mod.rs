//! A TCP proxy on loopback in front of a dependency, which can be cut, silenced, slowed and mended while connections live.
//!
//! Whatever is provisioned reaches its dependencies through one of these; checks go around it.

mod carry;
mod door;
mod gate;
mod keeper;
mod mode;
mod switch;
#[cfg(test)]
mod tests;

pub use mode::{Mode, Pace};

use keeper::Counts;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use switch::Switch;
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

/// A relay that runs. Dropping it closes its listener and every connection.
#[derive(Debug)]
pub struct Relay {
    address: SocketAddr,
    switch: Arc<Switch>,
    counts: Arc<Counts>,
    _ends_with_us: DropGuard,
}

impl Relay {
    /// Listens on a free port of loopback and passes everything on to `upstream`.
    ///
    /// # Errors
    /// What the system said: no free port, no descriptor.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn start(upstream: SocketAddr) -> io::Result<Self> {
        let door = door::Door::open()?;
        let address = door.address();
        let counts = Arc::new(Counts::default());
        let switch = Arc::new(Switch::new(door, upstream, counts.clone()));
        let gone = CancellationToken::new();
        tokio::spawn(keeper::keep(switch.clone(), gone.clone()));
        Ok(Self { address, switch, counts, _ends_with_us: gone.drop_guard() })
    }

    /// Where it listens; the same for its whole life, also while it refuses.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes what happens to new and living connections. Once this returns the mode is in force: nothing that the old mode
    /// would have passed on is passed on any more.
    ///
    /// # Errors
    /// What the system said: the port could not be listened on again, the queue could not be filled. The relay then stays as
    /// far as it got; setting a mode again is allowed.
    pub async fn set(&self, mode: Mode) -> io::Result<()> {
        self.switch.set(mode).await
    }

    /// How many connections it has accepted in its life. A relay that nobody uses proves nothing when it is cut.
    #[must_use]
    pub fn accepted(&self) -> u64 {
        *self.counts.accepted.borrow()
    }

    /// Waits until somebody has connected; at once if somebody has.
    pub async fn used(&self) {
        let mut accepted: watch::Receiver<u64> = self.counts.accepted.subscribe();
        // The sender lives in `counts`, which we hold.
        let _ = accepted.wait_for(|n| *n > 0).await;
    }

    /// What kept it from its work since then, if this machine did: no descriptor, no port. What it broke so is nobody else's fault.
    #[must_use]
    pub fn hampered(&self, since: tokio::time::Instant) -> Option<String> {
        let hampered = self.counts.hampered.lock().unwrap_or_else(PoisonError::into_inner);
        hampered.as_ref().filter(|(at, _)| *at >= since).map(|(_, why)| why.clone())
    }

    /// How many connections it carries now.
    #[must_use]
    pub fn living(&self) -> usize {
        self.counts.living.load(Ordering::SeqCst)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.switch.close();
    }
}
