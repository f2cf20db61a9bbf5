//! The body of an HTTP/1 answer as it comes: strict as everywhere, and without a buffer while nothing comes.

use super::{
    super::{
        answer::Answer,
        ask::{Caps, Step},
        chunked::Chunks,
        h1::{Conn, of_read},
        head::Framed,
        trouble::{Stage, Trouble},
        upload::Upload,
        wire::Wire,
    },
    Came, EndedBy, close,
};
use bytes::Bytes;
use std::{
    io,
    mem::MaybeUninit,
    pin::Pin,
    task::{Context, Poll, ready},
};
use tokio::{
    io::{AsyncRead as _, ReadBuf},
    time::Instant,
};

/// Most bytes of one read. On the stack, for as long as it takes: ten thousand idle streams have no buffer at all.
const READ: usize = 32 << 10;

/// A body, and the connection that brings it.
pub(super) struct Body {
    wire: Wire,
    framed: Framed,
    chunks: Chunks,
    caps: Caps,
    /// What came with the head, and when.
    early: Option<(Instant, Bytes)>,
    /// What is still to be sent of the request.
    upload: Option<Box<Upload>>,
    got: u64,
    /// What is told once the bytes before it have been handed out.
    next: Option<Step<EndedBy>>,
    quiet: bool,
}

impl Body {
    /// Of the answer whose head was just read from `conn`.
    pub(super) fn new(conn: Conn, upload: Upload, framed: Framed, caps: Caps, answer: &mut Answer) -> Self {
        let (wire, rest) = conn.into_parts();
        let upload = upload.ended.is_none().then(|| Box::new(upload));
        let early = Some((Instant::now(), rest));
        let next = match framed {
            Framed::Without => Some(Ok(EndedBy::Empty)),
            Framed::Length(0) => Some(Ok(EndedBy::Length)),
            _ => None,
        };
        if next.is_some() {
            answer.excess = early.as_ref().map_or(0, |(_, rest): &(Instant, Bytes)| rest.len() as u64);
        }
        Self { wire, framed, chunks: Chunks::default(), caps, early, upload, got: 0, next, quiet: true }
    }

    /// Ends the connection with a reset.
    pub(super) fn abort(mut self: Box<Self>) {
        self.quiet = false;
        close::with_reset(&self.wire);
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>, answer: &mut Answer) -> Poll<Step<Came>> {
        loop {
            if let Some(next) = self.next.clone() {
                return Poll::Ready(next.map(Came::End));
            }
            self.poll_upload(cx)?;
            let (at, body) = match self.early.take() {
                Some((at, rest)) => (at, self.unframed(&rest, answer)),
                None => {
                    let mut space = [const { MaybeUninit::uninit() }; READ];
                    let mut read = ReadBuf::uninit(&mut space);
                    let outcome = ready!(Pin::new(&mut self.wire).poll_read(cx, &mut read));
                    let at = Instant::now();
                    match outcome {
                        Ok(()) if !read.filled().is_empty() => (at, self.unframed(read.filled(), answer)),
                        Ok(()) => return Poll::Ready(self.closed().map(Came::End)),
                        // A peer that closes without TLS's own goodbye has closed all the same.
                        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Poll::Ready(self.closed().map(Came::End)),
                        Err(e) => return Poll::Ready(Err(of_read(&e, Stage::Body))),
                    }
                }
            };
            if !body.is_empty() {
                return Poll::Ready(Ok(Came::Piece(at, body)));
            }
        }
    }

    fn poll_upload(&mut self, cx: &mut Context<'_>) -> Step<()> {
        if let Some(upload) = &mut self.upload
            && let Poll::Ready(sent) = upload.poll(&mut self.wire, cx)
        {
            self.upload = None;
            sent?;
        }
        Ok(())
    }

    /// The bytes of the body among those that were read. Where it ends, or breaks, `next` says so afterwards.
    fn unframed(&mut self, read: &[u8], answer: &mut Answer) -> Bytes {
        let body = match self.framed {
            Framed::Without => Bytes::new(),
            Framed::UntilClose => Bytes::copy_from_slice(read),
            Framed::Length(told) => {
                let part = usize::try_from(told - self.got).unwrap_or(usize::MAX).min(read.len());
                if self.got + part as u64 == told {
                    answer.excess = (read.len() - part) as u64;
                    self.next = Some(Ok(EndedBy::Length));
                }
                Bytes::copy_from_slice(&read[..part])
            }
            Framed::Chunked => {
                let mut body = Vec::new();
                let fed = self.chunks.feed(read, &self.caps, |part| {
                    body.extend_from_slice(part);
                    Ok(())
                });
                match fed {
                    Ok((_, None)) => {}
                    Ok((taken, Some(trailers))) => {
                        answer.trailers = trailers;
                        answer.excess = (read.len() - taken) as u64;
                        self.next = Some(Ok(EndedBy::LastChunk));
                    }
                    Err(trouble) => self.next = Some(Err(trouble)),
                }
                body.into()
            }
        };
        self.got += body.len() as u64;
        body
    }

    /// What it means that the connection was closed here.
    fn closed(&self) -> Step<EndedBy> {
        match self.framed {
            Framed::Length(told) => Err(Trouble::Truncated { got: self.got, told: Some(told) }),
            Framed::Chunked => Err(Trouble::Truncated { got: self.got, told: None }),
            Framed::Without => Ok(EndedBy::Empty),
            Framed::UntilClose => Ok(EndedBy::Close),
        }
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        if self.quiet {
            close::quietly(&mut self.wire);
        }
    }
}
