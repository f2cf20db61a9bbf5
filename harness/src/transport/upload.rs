//! The sending half of an HTTP/1 exchange: the head and the body of a request, handed to the wire piece by piece.

mod trail;

use super::{
    ask::{OutBody, Step},
    kernel,
    permits::Permits,
    push::{Counter, Fed, Feed, Sent, all_left},
    trouble::{OwnTrouble, Trouble},
    wire::Wire,
};
use bytes::Bytes;
use futures_util::stream::{BoxStream, StreamExt};
use std::{
    io,
    ops::Range,
    pin::Pin,
    task::{Context, Poll, ready},
};
use tokio::{io::AsyncWrite, task::JoinHandle, time::Instant};
use trail::{Stretch, Trail, of_body};

/// A body up to this size travels in the same write as its head.
const TOGETHER: usize = 16 << 10;

/// What is still to be sent, and what has been.
pub(crate) struct Upload {
    piece: Piece,
    rest: Rest,
    permits: Permits,
    /// Bytes of the body that the system took.
    pub sent_body: u64,
    /// When sending ended: all is sent, or the connection died.
    pub ended: Option<Instant>,
    /// All was sent.
    pub whole: bool,
    /// Bytes that the system took in all, and which of the last of them were which of the body.
    on_wire: u64,
    trail: Trail,
    heard: Option<Heard>,
    /// A 2xx came, be the body at its end or not.
    is_taken: bool,
    /// When the system last took some of it.
    moved: Option<Instant>,
}

/// How much had been sent when the refusal came.
struct Heard {
    sent: Sent,
    on_wire: u64,
    /// How much of what was on the wire still waited then, where the kernel was asked.
    waiting: Option<JoinHandle<Option<u64>>>,
}

struct Piece {
    bytes: Bytes,
    at: usize,
    /// Which of the bytes belong to the body; the others are head or framing.
    body: Range<usize>,
    /// Every how many bytes of them one byte of the body stands; 0: all belong to it.
    stride: usize,
}

enum Rest {
    Nothing,
    Bytes(Bytes),
    Stream { stream: BoxStream<'static, io::Result<Bytes>>, left: Option<u64> },
    Feed(Box<Feed>),
}

impl Upload {
    /// To send `head` and then `body`.
    ///
    /// # Errors
    /// Where the environment does not allow that many bytes.
    pub(crate) fn new(mut head: Vec<u8>, body: &OutBody, permits: &Permits) -> Step<Self> {
        let start = head.len();
        let (together, rest) = match body {
            OutBody::Empty => (0, Rest::Nothing),
            OutBody::Bytes(bytes) => {
                permits.upload(bytes.len() as u64)?;
                if bytes.len() <= TOGETHER {
                    head.extend_from_slice(bytes);
                    (bytes.len(), Rest::Nothing)
                } else {
                    (0, Rest::Bytes(bytes.clone()))
                }
            }
            OutBody::Stream { len, factory } => (0, Rest::Stream { stream: factory(), left: *len }),
        };
        let piece = Piece { bytes: head.into(), at: 0, body: start..start + together, stride: 0 };
        Ok(Self::begin(piece, rest, permits))
    }

    /// To send `head` and then a generated body, reading before each piece of it.
    pub(crate) fn push(head: Vec<u8>, feed: Feed, permits: &Permits) -> Self {
        let (piece, rest) = (framing(head.into()), Rest::Feed(Box::new(feed)));
        Self::begin(piece, rest, permits)
    }

    fn begin(piece: Piece, rest: Rest, permits: &Permits) -> Self {
        let (permits, trail) = (permits.clone(), Trail::default());
        Self { piece, rest, permits, sent_body: 0, ended: None, whole: false, on_wire: 0, trail, heard: None, is_taken: false, moved: None }
    }

    /// Whether an answer is looked for before more is sent, and ends the sending.
    pub(crate) fn listens(&self) -> bool {
        matches!(self.rest, Rest::Feed(_))
    }

    /// The head of an answer came: the word to go on, or the end of sending. Who takes a body may say so before its end and read on, so
    /// only what refuses it ends the sending (RFC 9112 §9.5).
    pub(crate) fn hear(&mut self, status: u16, wire: &Wire) {
        let Rest::Feed(feed) = &mut self.rest else { return };
        match status {
            100 => feed.go(),
            200..=299 => {
                feed.release();
                self.is_taken = true;
            }
            300.. => {
                self.heard = Some(self.heard_now(wire));
                self.ended.get_or_insert_with(Instant::now);
            }
            _ => {}
        }
    }

    /// Whether a generated body is held back, or waits for the word to go on.
    pub(crate) fn is_waiting(&self) -> bool {
        matches!(&self.rest, Rest::Feed(feed) if feed.is_waiting())
    }

    /// Whether it had not come to its end, and the system took some of it since then.
    pub(crate) fn moved_since(&self, then: Instant) -> bool {
        self.ended.is_none() && self.moved.is_some_and(|at| at >= then)
    }

    /// How much of a generated body was sent before it was refused, or in all where it was not.
    pub(crate) async fn sent(&mut self, wire: &Wire) -> Sent {
        let Heard { sent, on_wire, waiting } = self.heard.take().unwrap_or_else(|| self.heard_now(wire));
        let Some(waiting) = waiting else { return sent };
        // Who reads the table does not panic, and is not stopped but with all else.
        let Ok(Some(waiting)) = waiting.await else { return sent };
        let left = if waiting == 0 { sent.handed } else { self.trail.body_at(on_wire.saturating_sub(waiting)).min(sent.handed) };
        Sent { left, by: Counter::Kernel, ..sent }
    }

    /// Of a body that was taken all has left: the kernel is asked where it says something.
    fn heard_now(&self, wire: &Wire) -> Heard {
        let sent = Sent::of_writes(self.sent_body, self.whole);
        let Rest::Feed(feed) = &self.rest else { return Heard { sent, on_wire: self.on_wire, waiting: None } };
        let asks = feed.counts && !(self.is_taken && self.whole);
        Heard {
            sent: Sent { unanswered: feed.unanswered, invited: feed.invited, silent: feed.silent, ..sent },
            on_wire: self.on_wire,
            waiting: asks.then(|| kernel::unsent_of(wire.pair())),
        }
    }

    /// Goes on with a body that an answer had cut short.
    pub(crate) fn resume(&mut self) {
        if !self.whole {
            self.ended = None;
        }
        self.release();
    }

    /// Whether a generated body waits at its hold.
    pub(crate) fn is_holding(&self) -> bool {
        matches!(&self.rest, Rest::Feed(feed) if feed.is_holding())
    }

    /// Nothing keeps a generated body back any more.
    pub(crate) fn release(&mut self) {
        if let Rest::Feed(feed) = &mut self.rest {
            feed.release();
        }
    }

    /// Sends on. Ready once sending has ended, whole or because the connection died.
    pub(crate) fn poll(&mut self, wire: &mut Wire, cx: &mut Context<'_>) -> Poll<Step<()>> {
        loop {
            while self.piece.at < self.piece.bytes.len() {
                let written = Pin::new(&mut *wire).poll_write(cx, &self.piece.bytes[self.piece.at..]);
                if wire.write_error().is_some() {
                    return self.end(false);
                }
                match ready!(written) {
                    Ok(n) => self.count(n),
                    Err(e) => return Poll::Ready(Err(self.failed(&e))),
                }
            }
            match self.next_piece(wire, cx) {
                Poll::Ready(Ok(true)) => {}
                Poll::Ready(Ok(false)) => break,
                Poll::Ready(Err(trouble)) => return Poll::Ready(Err(trouble)),
                Poll::Pending => {
                    // What TLS still holds goes out while the next piece is waited for.
                    return match Pin::new(&mut *wire).poll_flush(cx) {
                        Poll::Ready(Err(e)) => Poll::Ready(Err(self.failed(&e))),
                        _ => Poll::Pending,
                    };
                }
            }
        }
        match ready!(Pin::new(&mut *wire).poll_flush(cx)) {
            Ok(()) => self.end(wire.write_error().is_none()),
            Err(e) => Poll::Ready(Err(self.failed(&e))),
        }
    }

    fn end(&mut self, whole: bool) -> Poll<Step<()>> {
        self.ended = Some(Instant::now());
        self.whole = whole;
        Poll::Ready(Ok(()))
    }

    fn failed(&self, e: &io::Error) -> Trouble {
        let sent = self.sent_body;
        OwnTrouble::of(e).map_or_else(|| Trouble::WriteFailed { sent, detail: e.to_string() }, Trouble::Own)
    }

    fn count(&mut self, n: usize) {
        self.moved = Some(Instant::now());
        let Piece { at, body, stride, .. } = &mut self.piece;
        let now = *at + n;
        self.sent_body += of_body(body, *stride, now) - of_body(body, *stride, *at);
        self.on_wire += n as u64;
        *at = now;
    }

    /// Takes up the next piece; false: there is none.
    fn next_piece(&mut self, wire: &Wire, cx: &mut Context<'_>) -> Poll<Step<bool>> {
        let next = match &mut self.rest {
            Rest::Nothing => return Poll::Ready(Ok(false)),
            Rest::Bytes(bytes) => plain(std::mem::take(bytes)),
            Rest::Feed(feed) => {
                let Some(Fed { bytes, body, stride }) = ready!(feed.poll_next(cx, &|given| Box::pin(all_left(wire.pair(), given, 1))))
                else {
                    return Poll::Ready(Ok(false));
                };
                if let Err(spent) = self.permits.upload(bytes.len() as u64) {
                    return Poll::Ready(Err(spent));
                }
                self.trail.add(Stretch { wire: self.on_wire, body: self.sent_body, of_body: body.clone(), stride });
                self.piece = Piece { bytes, at: 0, body, stride };
                return Poll::Ready(Ok(true));
            }
            Rest::Stream { stream, left } => {
                let bytes = match ready!(stream.poll_next_unpin(cx)).transpose() {
                    Ok(bytes) => bytes,
                    Err(_) => return Poll::Ready(Err(Trouble::Own(OwnTrouble::Request))),
                };
                if let Err(spent) = self.permits.upload(bytes.as_ref().map_or(0, Bytes::len) as u64) {
                    return Poll::Ready(Err(spent));
                }
                match (bytes, left) {
                    (None, Some(0)) => Piece::default(),
                    (None, None) => framing(Bytes::from_static(b"0\r\n\r\n")),
                    (Some(bytes), None) if bytes.is_empty() => return self.next_piece(wire, cx),
                    (Some(bytes), None) => {
                        self.piece = chunk(&bytes);
                        return Poll::Ready(Ok(true));
                    }
                    (Some(bytes), Some(left)) if bytes.len() as u64 <= *left => {
                        *left -= bytes.len() as u64;
                        self.piece = plain(bytes);
                        return Poll::Ready(Ok(true));
                    }
                    // Longer or shorter than its own head says: the service would be blamed for our mistake.
                    (_, Some(_)) => return Poll::Ready(Err(Trouble::Own(OwnTrouble::Request))),
                }
            }
        };
        self.rest = Rest::Nothing;
        self.piece = next;
        Poll::Ready(Ok(true))
    }
}

impl Default for Piece {
    fn default() -> Self {
        framing(Bytes::new())
    }
}

fn framing(bytes: Bytes) -> Piece {
    Piece { bytes, at: 0, body: 0..0, stride: 0 }
}

fn plain(bytes: Bytes) -> Piece {
    let body = 0..bytes.len();
    Piece { bytes, at: 0, body, stride: 0 }
}

fn chunk(bytes: &Bytes) -> Piece {
    let mut framed = format!("{:x}\r\n", bytes.len()).into_bytes();
    let body = framed.len()..framed.len() + bytes.len();
    framed.extend_from_slice(bytes);
    framed.extend_from_slice(b"\r\n");
    Piece { bytes: framed.into(), at: 0, body, stride: 0 }
}
