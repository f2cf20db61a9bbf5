//! Requests that are sent all but for their last byte, and whose last bytes then go out in one loop: how many meet at once is known.
//!
//! Every connection is open, its encryption agreed on and the rest of its request acknowledged by the other side before the first last
//! byte leaves. What is left to chance is one small write each.

mod hold;
mod order;
mod release;
mod streams;

pub use order::Order;
pub use release::{Flight, Released};

use super::{answer::Failed, h1::Conn, kernel::Queues};
use order::Prepared;
use std::{net::SocketAddr, time::Duration};
use tokio::time::{Instant, sleep};

/// Time between the first two looks into the kernel's tables; twice as long each time after, since they may be long and an acknowledgement
/// may be put off for 40 ms.
const STEP: Duration = Duration::from_millis(2);
/// The longest time between two looks.
const LONGEST: Duration = Duration::from_millis(32);

/// Requests on connections of their own, each waiting for its last byte. Dropped, they are all given up.
#[derive(Debug)]
pub struct Salvo(Vec<Result<Held, Box<Failed>>>);

/// One request without its last byte.
enum Held {
    /// Over HTTP/1.1: its last byte is written in the loop itself.
    Bytes(Single),
    /// Over HTTP/2: its last byte is behind a gate.
    Frames(streams::Gated),
}

/// One request over HTTP/1.1 without its last byte.
struct Single {
    conn: Box<Conn>,
    prepared: Prepared,
    /// Bytes of the body that have been handed to the system.
    sent_body: u64,
}

/// How it is known that everything but the last bytes is on the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// The kernel says that all of it was acknowledged.
    Acknowledged,
    /// The system took all of it; it does not say more.
    Accepted,
    /// So many connections had bytes left that were not acknowledged when the time was over.
    Stuck(usize),
}

impl Salvo {
    /// How many requests wait for their last byte.
    #[must_use]
    pub fn held(&self) -> usize {
        self.0.iter().filter(|held| held.is_ok()).count()
    }

    /// What kept the others from getting so far.
    pub fn lost(&self) -> impl Iterator<Item = &Failed> {
        self.0.iter().filter_map(|held| held.as_ref().err().map(|failed| &**failed))
    }

    /// Waits until the kernel says that the other side has everything but the last bytes, or until the time is over.
    pub async fn settled(&self, within: Duration) -> Settled {
        let end = Instant::now() + within;
        let mut step = STEP;
        if self.0.iter().flatten().any(|held| matches!(held, Held::Frames(_))) {
            // What was taken from us is on its way to the system, in the hands of another task.
            sleep(STEP).await;
        }
        let pairs: Vec<_> = self.0.iter().flatten().filter_map(Held::pair).collect();
        if pairs.is_empty() {
            return Settled::Accepted;
        }
        loop {
            // The tables grow with the machine's connections, and reading them blocks.
            let Ok(Some(queues)) = tokio::task::spawn_blocking(Queues::read).await else { return Settled::Accepted };
            // A connection that is not in the table any more has nothing to send.
            let stuck = pairs.iter().filter(|(local, remote)| queues.unsent(*local, *remote).unwrap_or_default() > 0).count();
            if stuck == 0 {
                return Settled::Acknowledged;
            }
            if Instant::now() >= end {
                return Settled::Stuck(stuck);
            }
            sleep(step).await;
            step = (step * 2).min(LONGEST);
        }
    }

    /// Gives every request up, its last byte unsent: by closing, or by a reset.
    pub fn abort(self, reset: bool) {
        for held in self.0.into_iter().flatten() {
            match held {
                Held::Bytes(single) => single.conn.wire.end(reset),
                Held::Frames(gated) => gated.abort(reset),
            }
        }
    }
}

impl Held {
    /// Whether it was answered, or its connection lost, while it waits for its last byte.
    fn is_over(&mut self) -> bool {
        match self {
            Self::Bytes(single) => single.conn.has_come(),
            Self::Frames(gated) => gated.is_over(),
        }
    }

    /// Its connection, as the kernel knows it. None where the other side closed it while the request was being sent: an answer may be there
    /// all the same.
    fn pair(&self) -> Option<(SocketAddr, SocketAddr)> {
        match self {
            Self::Bytes(single) => single.conn.wire.pair().filter(|_| single.conn.wire.write_error().is_none()),
            Self::Frames(gated) => gated.pair,
        }
    }
}

impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Held").field(&self.pair()).finish()
    }
}
