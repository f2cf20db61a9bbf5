//! The same over HTTP/2: a connection for each request, so that no limit of streams stands between, and its last byte behind a gate.

use super::super::{
    answer::{Answer, Failed},
    ask::{OutBody, Outgoing, Step},
    connect,
    exchange::Exchange,
    h1::Limit,
    h2::Conn,
    permits::{Held as Place, Permits},
    pool::Key,
    trouble::{OwnTrouble, Stage, Trouble},
    wire::Mark,
};
use super::Order;
use super::hold::failed;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    sync::oneshot,
    time::{Instant, timeout_at},
};
use tokio_util::task::AbortOnDropHandle;

/// Longest life of a request whose caller does not say how long he waits: he does when he asks for its answer.
const LIFE: Duration = Duration::from_secs(24 * 3600);
/// How long whoever gives a request up leaves its connection open, so that the other side sees the stream reset before it.
const AFTER_RESET: Duration = Duration::from_millis(250);

/// A request whose last byte waits at its gate.
pub(super) struct Gated {
    pub(super) pair: Option<(SocketAddr, SocketAddr)>,
    open: oneshot::Sender<()>,
    there: oneshot::Receiver<()>,
    going: Going,
}

/// A request whose gate is open.
pub(super) struct Going {
    /// When its last byte was written.
    mark: Arc<Mark>,
    /// When the rest began to be sent: from here on the engine counts.
    sends_from: Instant,
    /// Whoever drops it gives the request up, and its connection with it.
    task: AbortOnDropHandle<Result<Answer, Box<Failed>>>,
    /// Kept, so that it outlives the exchange that is given up.
    line: Conn,
}

/// Both ends of a gate, as the body of the request needs them.
struct Gate {
    open: oneshot::Receiver<()>,
    there: oneshot::Sender<()>,
    mark: Arc<Mark>,
}

impl Exchange {
    /// Opens a connection and sends everything of the request but its last byte.
    pub(super) async fn hold_stream(&self, order: &Order, place: Place, answer: &mut Answer) -> Step<Gated> {
        self.permits().upload(order.body_len())?;
        let key = Key::of(&order.endpoint, &order.out.url).ok_or(Trouble::Own(OwnTrouble::Request))?;
        let total = order.wishes.timeouts.total;
        let end = answer.began + total;
        let mut wire = connect::open(&key, &order.endpoint, &order.wishes, self.tls(), end, answer).await?;
        let mark = Arc::new(Mark::default());
        wire.marked_by(mark.clone());
        let pair = wire.pair();
        let conn = Conn::open(wire, answer.remote, answer.tls.clone(), Some(place), &order.wishes, Limit { at: end, total }).await?;
        let ((open, opened), (told, there)) = (oneshot::channel(), oneshot::channel());
        let out = gated(&order.out, Gate { open: opened, there: told, mark: mark.clone() })?;
        let mut wishes = order.wishes.clone();
        wishes.timeouts.first_byte = LIFE;
        let (mut begun, line) = (answer.clone(), conn.clone());
        let sends_from = Instant::now();
        let task = AbortOnDropHandle::new(tokio::spawn(async move {
            let limit = Limit { at: Instant::now() + LIFE, total: LIFE };
            let outcome = conn.exchange(&out, &wishes, limit, &Permits::default(), &mut begun).await;
            begun.ended = Instant::now();
            match outcome {
                Ok(()) => Ok(begun),
                Err(trouble) => Err(failed(trouble, begun)),
            }
        }));
        let mut gated = Gated { pair, open, there, going: Going { mark, sends_from, task, line } };
        // Whoever is answered before, or loses the connection, is held as well: what came of it is told when it is asked for.
        match timeout_at(end, gated.is_there()).await {
            Ok(()) => Ok(gated),
            Err(_) => Err(Trouble::TotalTimeout { after: total, stage: Stage::Send, got: 0 }),
        }
    }
}

impl Gated {
    /// Waits until all but the last byte was taken from us, or the exchange is over.
    async fn is_there(&mut self) {
        tokio::select! {
            _ = &mut self.there => {}
            () = self.going.is_over() => {}
        }
    }

    /// Whether it was answered, or lost, before its last byte.
    pub(super) fn is_over(&self) -> bool {
        self.going.task.is_finished()
    }

    /// Opens the gate. Its last byte is written by the task that drives the connection: [`Mark`] tells when.
    pub(super) fn release(self) -> Going {
        // Where the exchange is over nobody waits at the gate.
        let _ = self.open.send(());
        self.going
    }

    /// Goes away: with the connection, or by a reset of the stream first (RFC 9113 §5.4.2).
    pub(super) fn abort(self, reset: bool) {
        self.going.abort(reset);
    }
}

impl Going {
    async fn is_over(&self) {
        while !self.task.is_finished() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Waits until the last byte was written, or the exchange is over.
    pub(super) async fn is_released(&self) -> Instant {
        loop {
            if let Some(at) = self.mark.at() {
                return at;
            }
            if self.task.is_finished() {
                return Instant::now();
            }
            tokio::time::sleep(Duration::from_micros(200)).await;
        }
    }

    /// The answer, whose time counts from `at`.
    pub(super) async fn answer(mut self, at: Instant, end: Instant) -> Result<Answer, Box<Failed>> {
        let answer = match timeout_at(end, &mut self.task).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(failed(Trouble::Own(OwnTrouble::Request), Answer::begun(at))),
            Err(_) => {
                self.task.abort();
                Err(failed(Trouble::FirstByteTimeout { after: end - at }, Answer::begun(at)))
            }
        };
        // What was answered before its last byte was there was answered at once.
        match answer {
            Ok(mut answer) => {
                answer.phases.first_byte = (self.sends_from + answer.phases.first_byte).saturating_duration_since(at);
                (answer.began, answer.ended) = (at, answer.ended.max(at));
                answer.phases.total = answer.ended - at;
                Ok(answer)
            }
            Err(mut failed) => {
                (failed.began, failed.ended) = (at, failed.ended.max(at));
                Err(failed)
            }
        }
    }

    pub(super) fn abort(self, reset: bool) {
        let Self { task, line, .. } = self;
        task.abort();
        if reset {
            tokio::spawn(async move {
                tokio::time::sleep(AFTER_RESET).await;
                drop(line);
            });
        }
    }
}

/// The same request with a body that waits before its last byte; before its end where it has none.
fn gated(out: &Outgoing, gate: Gate) -> Step<Outgoing> {
    let (first, last, len) = match &out.body {
        OutBody::Empty => (Bytes::new(), None, None),
        OutBody::Bytes(bytes) if bytes.is_empty() => (Bytes::new(), None, Some(0)),
        OutBody::Bytes(bytes) => (bytes.slice(..bytes.len() - 1), Some(bytes.slice(bytes.len() - 1..)), Some(bytes.len() as u64)),
        OutBody::Stream { .. } => return Err(Trouble::Own(OwnTrouble::Request)),
    };
    // A body is made once: a held request is never sent a second time.
    let gate = Mutex::new(Some(gate));
    let factory = move || {
        let gate = gate.lock().unwrap_or_else(PoisonError::into_inner).take();
        let (first, last) = (first.clone(), last.clone());
        let begin = stream::iter(Some(Ok(first)).filter(|first: &io::Result<Bytes>| first.as_ref().is_ok_and(|bytes| !bytes.is_empty())));
        let end = stream::once(async move {
            let gone = || io::Error::other("given up");
            let Gate { open, there, mark } = gate.ok_or_else(gone)?;
            let _ = there.send(());
            open.await.map_err(|_| gone())?;
            mark.arm();
            Ok(last)
        });
        begin.chain(end.filter_map(|last: io::Result<Option<Bytes>>| async move { last.transpose() })).boxed()
    };
    Ok(Outgoing { body: OutBody::Stream { len, factory: Arc::new(factory) }, ..out.clone() })
}
