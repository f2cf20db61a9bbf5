//! The task of a relay: accepts, starts a task for each connection, and changes the mode for all of them.

use super::carry::carry;
use super::door::Door;
use super::gate::Gate;
use super::mode::Mode;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};
use tokio_util::sync::{CancellationToken, DropGuard};

/// Most connections at once; others wait in the queue.
const MOST: usize = 4096;
/// Pause after an accept that failed: descriptors are used up, most likely.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);
/// Longest wait until connections that are told to end have ended.
const ENDING: Duration = Duration::from_secs(2);

/// A change of mode, and whom to tell that it is in force.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) mode: Mode,
    pub(super) done: oneshot::Sender<io::Result<()>>,
}

/// What is counted.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) accepted: watch::Sender<u64>,
    pub(super) living: AtomicUsize,
}

/// The task.
#[derive(Debug)]
pub(super) struct Keeper {
    door: Door,
    upstream: SocketAddr,
    gate: Arc<Gate>,
    mode: Mode,
    epoch: Epoch,
    room: Arc<Semaphore>,
    counts: Arc<Counts>,
}

impl Keeper {
    pub(super) fn new(door: Door, upstream: SocketAddr, counts: Arc<Counts>) -> Self {
        let room = Arc::new(Semaphore::new(MOST));
        Self { door, upstream, gate: Arc::new(Gate::new()), mode: Mode::Pass, epoch: Epoch::new(), room, counts }
    }

    /// Runs until the relay is dropped.
    pub(super) async fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        loop {
            tokio::select! {
                biased;
                order = orders.recv() => match order {
                    None => return,
                    Some(order) => {
                        let entered = self.enter(order.mode).await;
                        // Whoever asked may have gone; the mode holds all the same.
                        let _ = order.done.send(entered);
                    }
                },
                accepted = accept(&mut self.door, &self.room, self.mode) => match accepted {
                    Ok((client, permit)) => self.take(client, permit),
                    Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
                },
            }
        }
    }

    async fn enter(&mut self, mode: Mode) -> io::Result<()> {
        self.mode = mode;
        self.gate.set(mode);
        let door = match mode {
            Mode::Refuse => {
                self.door.shut();
                Ok(())
            }
            Mode::Swallow => self.door.fill().await,
            Mode::Pass | Mode::Blackhole | Mode::Slow(_) | Mode::Reset => self.door.reopen(),
        };
        if mode.ends_living() {
            std::mem::replace(&mut self.epoch, Epoch::new()).end().await;
        }
        door
    }

    fn take(&mut self, client: TcpStream, permit: OwnedSemaphorePermit) {
        self.counts.accepted.send_modify(|n| *n += 1);
        if self.mode == Mode::Reset {
            return reset(&client);
        }
        let (gate, counts, upstream) = (self.gate.clone(), self.counts.clone(), self.upstream);
        let (over, alive) = (self.epoch.over.clone(), self.epoch.alive.clone());
        counts.living.fetch_add(1, Ordering::SeqCst);
        tokio::spawn(async move {
            connection(client, upstream, &gate, &over).await;
            counts.living.fetch_sub(1, Ordering::SeqCst);
            drop((permit, alive));
        });
    }
}

/// The next connection and the room for it. None comes while the queue is full on purpose.
async fn accept(door: &mut Door, room: &Arc<Semaphore>, mode: Mode) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
    if mode == Mode::Swallow {
        return std::future::pending().await;
    }
    let permit = room.clone().acquire_owned().await.expect("the semaphore is never closed");
    Ok((door.accept().await?, permit))
}

/// One connection to its end. Where one side breaks off, or the mode ends it, both sides are reset.
async fn connection(mut client: TcpStream, upstream: SocketAddr, gate: &Gate, over: &CancellationToken) {
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
fn reset(stream: &TcpStream) {
    let _ = stream.set_zero_linger();
}

/// The connections that live between two modes that end connections. Dropping it ends them.
#[derive(Debug)]
struct Epoch {
    over: CancellationToken,
    _ends_with_us: DropGuard,
    /// Held by every connection; nothing is ever sent.
    alive: mpsc::Sender<Infallible>,
    gone: mpsc::Receiver<Infallible>,
}

impl Epoch {
    fn new() -> Self {
        let over = CancellationToken::new();
        let (alive, gone) = mpsc::channel(1);
        Self { _ends_with_us: over.clone().drop_guard(), over, alive, gone }
    }

    /// Ends its connections and waits until they are closed.
    async fn end(self) {
        let Self { over, _ends_with_us, alive, mut gone } = self;
        over.cancel();
        drop(alive);
        let _ = tokio::time::timeout(ENDING, gone.recv()).await;
    }
}
