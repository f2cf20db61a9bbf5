//! The switch of a relay: door, gate and living connections are changed on the spot by whoever asks, and by no task that would
//! have to be woken first. On a machine whose cores are busy each wake-up may take as long as a slice of its scheduler.

use super::door::{self, Door};
use super::gate::Gate;
use super::keeper::{self, Counts};
use super::mode::Mode;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::{Notify, OwnedMutexGuard, OwnedSemaphorePermit, mpsc};
use tokio_util::sync::{CancellationToken, DropGuard};

/// Longest wait until connections that are told to end have ended.
const ENDING: Duration = Duration::from_secs(2);

/// Shared by a relay and the task that accepts for it.
#[derive(Debug)]
pub(super) struct Switch {
    upstream: SocketAddr,
    gate: Arc<Gate>,
    counts: Arc<Counts>,
    /// A connection comes in, or the mode changes: never both at once, so that none is taken for a mode that is over.
    state: Mutex<State>,
    /// Told after each change: whoever accepts looks at the door anew.
    changed: Notify,
    /// One change at a time, to its end.
    turn: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Debug)]
struct State {
    door: Door,
    epoch: Epoch,
}

impl Switch {
    pub(super) fn new(door: Door, upstream: SocketAddr, counts: Arc<Counts>) -> Self {
        let state = Mutex::new(State { door, epoch: Epoch::new() });
        Self { upstream, gate: Arc::new(Gate::new()), counts, state, changed: Notify::new(), turn: Arc::default() }
    }

    /// Changes the mode. What needs no answer from anybody is done before this waits for the first time.
    pub(super) async fn set(self: &Arc<Self>, mode: Mode) -> io::Result<()> {
        let turn = self.turn.clone().lock_owned().await;
        let (door, ended) = self.enter(mode);
        if let Some(ended) = ended {
            ended.gone().await;
        }
        match (mode, door) {
            // A task of its own: it goes on to its end, also where nobody waits for it any more.
            (Mode::Swallow, Ok(())) => {
                tokio::spawn(self.clone().fill(turn)).await.unwrap_or_else(|e| Err(io::Error::other(format!("the queue: {e}"))))
            }
            (_, done) => done,
        }
    }

    /// The mode is in force for new connections and for every byte when this returns; the connections that it ends are told.
    fn enter(&self, mode: Mode) -> (io::Result<()>, Option<Ended>) {
        let mut state = self.state();
        self.gate.set(mode);
        let door = match mode {
            Mode::Refuse => {
                state.door.shut();
                Ok(())
            }
            Mode::Swallow => state.door.narrow(),
            Mode::Pass | Mode::Blackhole | Mode::Slow(_) | Mode::Reset => state.door.reopen(),
        };
        let ended = mode.ends_living().then(|| std::mem::replace(&mut state.epoch, Epoch::new()).end());
        drop(state);
        self.changed.notify_one();
        (door, ended)
    }

    /// Fills the queue. Nothing is accepted meanwhile, so the lock is free between two steps.
    async fn fill(self: Arc<Self>, _turn: OwnedMutexGuard<()>) -> io::Result<()> {
        let address = self.state().door.address();
        for _ in 0..door::MOST_FILLERS {
            match door::fill(address).await? {
                Some(filler) => self.state().door.keep(filler)?,
                None => return Ok(()),
            }
        }
        Err(io::Error::other("the system still answers connections although the queue is full"))
    }

    /// Closes the door and ends every connection.
    pub(super) fn close(&self) {
        let mut state = self.state();
        state.door.shut();
        drop(std::mem::replace(&mut state.epoch, Epoch::new()).end());
    }

    /// What is counted.
    pub(super) fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Waits until the mode has changed since the last time that this was waited for.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Takes the next connection, if the mode lets one in; `permit` is the room that it takes.
    pub(super) fn poll_take(&self, cx: &mut Context<'_>, permit: &mut Option<OwnedSemaphorePermit>) -> Poll<io::Result<()>> {
        let mut state = self.state();
        let mode = self.gate.mode();
        if mode == Mode::Swallow {
            return Poll::Pending;
        }
        let client = std::task::ready!(state.door.poll_accept(cx))?;
        self.counts.accepted.send_modify(|n| *n += 1);
        if mode == Mode::Reset {
            keeper::reset(&client);
        } else {
            self.carry(client, permit.take(), &state.epoch);
        }
        Poll::Ready(Ok(()))
    }

    fn carry(&self, client: TcpStream, permit: Option<OwnedSemaphorePermit>, epoch: &Epoch) {
        let (gate, counts, upstream) = (self.gate.clone(), self.counts.clone(), self.upstream);
        let (over, alive) = (epoch.over.clone(), epoch.alive.clone());
        let living = counts.live();
        tokio::spawn(async move {
            keeper::connection(client, upstream, &gate, &over, &counts).await;
            drop((living, permit, alive));
        });
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
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

    /// Tells its connections to end.
    fn end(self) -> Ended {
        self.over.cancel();
        Ended(self.gone)
    }
}

/// Connections that were told to end.
#[derive(Debug)]
struct Ended(mpsc::Receiver<Infallible>);

impl Ended {
    /// Waits until they are closed.
    async fn gone(mut self) {
        let _ = tokio::time::timeout(ENDING, self.0.recv()).await;
    }
}
