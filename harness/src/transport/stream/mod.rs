//! Answers that are read while they come: each piece with the moment at which it was read.

mod close;
mod gunzip;
mod h1;
mod h2;
mod open;
#[cfg(test)]
mod tests;

use super::{
    answer::Answer,
    ask::{Caps, Step, Timeouts, Wishes},
    dial::Pins,
    permits::Held,
    trouble::Trouble,
};
use bytes::Bytes;
use gunzip::Gunzip;
use std::{
    fmt,
    future::poll_fn,
    task::{Context, Poll, ready},
};
use tokio::time::Instant;

/// How a stream is opened.
#[derive(Clone, Debug, Default)]
pub struct Opening {
    /// How long is waited for the connection, and from the last byte of the request to the whole head; `total` is for both
    /// together. The body has no deadline: whoever reads it has one.
    pub timeouts: Timeouts,
    /// What is read of the head at most, and of a trailer section. The body has no cap: whoever reads it has one.
    pub limits: Caps,
    /// The size of the receive buffer: of the socket (`SO_RCVBUF`, before it connects; Linux doubles it), and with HTTP/2 also the
    /// window of the stream. In bytes. Default: the system's.
    pub receive_buffer: Option<u32>,
    /// Offer gzip (unless an Accept-Encoding is given) and undo it as it comes: what was flushed there comes out here at once.
    /// Default: false.
    pub decode: bool,
    /// Where the addresses of one check are kept. Default: none.
    pub pins: Option<Pins>,
}

impl Opening {
    /// The same as the engine knows it.
    fn wishes(&self) -> Wishes {
        Wishes {
            fresh: true,
            limits: self.limits,
            timeouts: self.timeouts,
            pins: self.pins.clone(),
            receive_buffer: self.receive_buffer,
            ..Wishes::default()
        }
    }
}

/// Bytes of a body that were read at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// When they were read: of one read of the connection, or of one DATA frame.
    pub at: Instant,
    /// The bytes, without chunk framing, decoded where that was asked for. Never empty.
    pub bytes: Bytes,
}

/// What told that a body has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndedBy {
    /// There is none, whatever the head says: the answer to HEAD, 1xx, 204, 304.
    Empty,
    /// All bytes that the head announced have come.
    Length,
    /// The last chunk.
    LastChunk,
    /// The connection was closed, and the head announced neither length nor chunks: a whole body and a broken one look alike.
    Close,
    /// END_STREAM, or RST_STREAM without an error (RFC 9113 §8.1).
    EndStream,
}

/// An answer whose body is still coming. On a connection of its own, which is closed without a reset when this is dropped, and its
/// permit given back.
pub struct Streaming {
    answer: Box<Answer>,
    body: Body,
    gunzip: Option<Box<Gunzip>>,
    received: u64,
    over: Option<Result<EndedBy, Trouble>>,
    _held: Held,
}

/// Where the bytes come from.
enum Body {
    Http1(Box<h1::Body>),
    Http2(Box<h2::Body>),
}

/// What a connection gives next.
enum Came {
    Piece(Instant, Bytes),
    End(EndedBy),
}

impl Streaming {
    /// The head of the answer, and how long it took; `ended` is when it was whole. Its body is empty. Trailers are added when they come.
    #[must_use]
    pub fn answer(&self) -> &Answer {
        &self.answer
    }

    /// The next bytes; none once the body has ended, as [`Streaming::ended_by`] tells. Nothing is lost where the future is dropped.
    ///
    /// # Errors
    /// Whatever keeps the body from coming whole; the same again for whoever asks again. Bytes that came before it are given first.
    pub async fn next(&mut self) -> Result<Option<Piece>, Trouble> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// The same for those who poll.
    ///
    /// # Errors
    /// As [`Streaming::next`].
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Piece>, Trouble>> {
        loop {
            match &self.over {
                None => {}
                Some(Ok(_)) => return Poll::Ready(Ok(None)),
                Some(Err(trouble)) => return Poll::Ready(Err(trouble.clone())),
            }
            let came = match &mut self.body {
                Body::Http1(body) => ready!(body.poll(cx, &mut self.answer)),
                Body::Http2(body) => ready!(body.poll(cx, &mut self.answer)),
            };
            match came.and_then(|came| self.decoded(came)) {
                Ok(Some(piece)) => return Poll::Ready(Ok(Some(piece))),
                Ok(None) => {}
                Err(trouble) => self.over = Some(Err(trouble)),
            }
        }
    }

    /// What told that the body has ended; none while it has not, or where it broke off.
    #[must_use]
    pub fn ended_by(&self) -> Option<EndedBy> {
        self.over.as_ref().and_then(|over| over.as_ref().ok()).copied()
    }

    /// Bytes of the body that have come, as they were sent: without chunk framing, and before decoding.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.received
    }

    /// Ends the connection hard: with a reset (HTTP/1 over TCP), or RST_STREAM (HTTP/2, error code CANCEL).
    pub fn abort(self) {
        match self.body {
            Body::Http1(body) => body.abort(),
            Body::Http2(body) => drop(body),
        }
    }

    fn decoded(&mut self, came: Came) -> Step<Option<Piece>> {
        match came {
            Came::End(by) => {
                if let Some(gunzip) = &mut self.gunzip
                    && self.received > 0
                {
                    gunzip.finish()?;
                }
                self.over = Some(Ok(by));
                Ok(None)
            }
            Came::Piece(at, bytes) => {
                self.received += bytes.len() as u64;
                let Some(gunzip) = &mut self.gunzip else { return Ok(Some(Piece { at, bytes })) };
                let (out, outcome) = gunzip.feed(&bytes);
                if let Err(trouble) = outcome {
                    self.over = Some(Err(trouble));
                }
                Ok((!out.is_empty()).then(|| Piece { at, bytes: out.into() }))
            }
        }
    }
}

impl fmt::Debug for Streaming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Streaming")
            .field("status", &self.answer.status)
            .field("received", &self.received)
            .field("over", &self.over)
            .finish_non_exhaustive()
    }
}
