//! The task of a relay, which accepts, and one task for each connection.

use super::carry::carry;
use super::gate::Gate;
use super::switch::Switch;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Most connections at once; others wait in the queue.
const MOST: usize = 4096;
/// Pause after an accept that failed: descriptors are used up, most likely.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// What is counted.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) accepted: watch::Sender<u64>,
    pub(super) living: AtomicUsize,
    /// When this machine last kept the relay from its work, and how.
    pub(super) hampered: Mutex<Option<(Instant, String)>>,
}

/// One living connection, counted for as long as this is held.
#[derive(Debug)]
pub(super) struct Living(Arc<Counts>);

impl Counts {
    /// Counts one more.
    pub(super) fn live(self: &Arc<Self>) -> Living {
        self.living.fetch_add(1, Ordering::SeqCst);
        Living(self.clone())
    }

    /// Notes that the relay, and neither side of it, broke a connection.
    fn hampered(&self, error: &io::Error) {
        *self.hampered.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), error.to_string()));
    }
}

impl Drop for Living {
    fn drop(&mut self) {
        self.0.living.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Accepts until the relay is gone.
pub(super) async fn keep(switch: Arc<Switch>, gone: CancellationToken) {
    let room = Arc::new(Semaphore::new(MOST));
    let accepting = async {
        loop {
            let mut permit = Some(room.clone().acquire_owned().await.expect("the semaphore is never closed"));
            let taken = tokio::select! {
                taken = poll_fn(|cx| switch.poll_take(cx, &mut permit)) => taken,
                () = switch.changed() => continue,
            };
            // One that was gone before it was taken says nothing about the next.
            if let Err(error) = taken
                && error.kind() != io::ErrorKind::ConnectionAborted
            {
                switch.counts().hampered(&error);
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    };
    tokio::select! {
        () = accepting => {}
        () = gone.cancelled() => {}
    }
}

/// One connection to its end. Where one side breaks off, or the mode ends it, both sides are reset.
pub(super) async fn connection(mut client: TcpStream, upstream: SocketAddr, gate: &Gate, over: &CancellationToken, counts: &Counts) {
    // A connection that refuses it is dead already, which is seen at once.
    let _ = client.set_nodelay(true);
    let reached = tokio::select! {
        biased;
        () = over.cancelled() => Err(io::ErrorKind::ConnectionReset.into()),
        reached = reach(upstream, gate) => reached,
    };
    let mut server = match reached {
        Ok(server) => server,
        Err(error) => {
            if is_ours(&error) {
                counts.hampered(&error);
            }
            return reset(&client);
        }
    };
    let is_broken = tokio::select! {
        biased;
        () = over.cancelled() => true,
        carried = carry(&mut client, &mut server, gate) => carried.is_err(),
    };
    if is_broken {
        reset(&client);
        reset(&server);
    }
}

/// Reaches the dependency, once the gate is open.
async fn reach(upstream: SocketAddr, gate: &Gate) -> io::Result<TcpStream> {
    gate.open(&mut gate.changes()).await;
    let socket = if upstream.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    let stream = socket.connect(upstream).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Whether this machine has nothing left to connect with: no descriptor, no port, no memory.
fn is_ours(error: &io::Error) -> bool {
    use nix::errno::Errno;
    let ours = [Errno::EMFILE, Errno::ENFILE, Errno::ENOBUFS, Errno::ENOMEM, Errno::EADDRNOTAVAIL];
    error.raw_os_error().is_some_and(|code| ours.contains(&Errno::from_raw(code)))
}

/// Makes closing this connection a reset. One that cannot be is dead already.
pub(super) fn reset(stream: &TcpStream) {
    let _ = stream.set_zero_linger();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_this_machine_lacks_is_its_own_trouble() {
        for (code, expected) in [(nix::libc::EMFILE, true), (nix::libc::EADDRNOTAVAIL, true), (nix::libc::ECONNREFUSED, false)] {
            assert_eq!(is_ours(&io::Error::from_raw_os_error(code)), expected, "{code}");
        }
        assert!(!is_ours(&io::ErrorKind::ConnectionReset.into()));
    }
}
