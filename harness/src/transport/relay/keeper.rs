//! The task of a relay, which accepts, and one task for each connection.

use super::carry::carry;
use super::gate::Gate;
use super::switch::Switch;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::{Semaphore, watch};
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
            if taken.is_err_and(|e| e.kind() != io::ErrorKind::ConnectionAborted) {
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
pub(super) async fn connection(mut client: TcpStream, upstream: SocketAddr, gate: &Gate, over: &CancellationToken) {
    // A connection that refuses it is dead already, which is seen at once.
    let _ = client.set_nodelay(true);
    let reached = tokio::select! {
        biased;
        () = over.cancelled() => Err(io::ErrorKind::ConnectionReset.into()),
        reached = reach(upstream, gate) => reached,
    };
    let Ok(mut server) = reached else { return reset(&client) };
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

/// Makes closing this connection a reset. One that cannot be is dead already.
pub(super) fn reset(stream: &TcpStream) {
    let _ = stream.set_zero_linger();
}
