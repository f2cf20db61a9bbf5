//! One HTTP/1 exchange on a connection: sends and reads at once, so that an early answer is heard, and reads strictly.

use super::{
    answer::{Answer, TlsSeen},
    ask::{Step, Wishes},
    body::Body,
    chunked::Chunks,
    head::{Framed, Head, Scan, framed, persists},
    permits::Held,
    tls,
    trouble::{OwnTrouble, Stage, Trouble},
    upload::Upload,
    wire::Wire,
};
use bytes::Bytes;
use std::{
    future::poll_fn,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, ReadBuf},
    time::{Instant, sleep_until, timeout_at},
};

/// How long a body that must not be there is waited for on a fresh connection.
const EXCESS: Duration = Duration::from_millis(50);
/// How long the service is given to close first, which spares this machine's ports.
const LINGER: Duration = Duration::from_millis(100);
/// For every so many bytes of a body that were sent one more informational answer may come.
const PROGRESS: u64 = 4 << 10;
/// The size of the buffer at first, and while a long body is read.
const BUFFER: (usize, usize) = (8 << 10, 64 << 10);

/// A connection to a service.
pub(crate) struct Conn {
    pub wire: Wire,
    pub remote: Option<SocketAddr>,
    pub tls: Option<Arc<TlsSeen>>,
    /// Has carried an exchange before.
    pub used: bool,
    /// It was reset under who read.
    is_reset: bool,
    _held: Held,
    buf: Vec<u8>,
    start: usize,
    end: usize,
}

/// When the exchange must have ended.
#[derive(Clone, Copy)]
pub(crate) struct Limit {
    pub at: Instant,
    pub total: Duration,
}

enum Moved {
    Sent,
    Read,
    End,
}

impl Conn {
    pub(crate) fn new(wire: Wire, remote: Option<SocketAddr>, tls: Option<Arc<TlsSeen>>, held: Held) -> Self {
        Self { wire, remote, tls, used: false, is_reset: false, _held: held, buf: vec![0; BUFFER.0], start: 0, end: 0 }
    }

    /// Nothing has come since the last exchange: no close, and no bytes that belong to no request.
    pub(crate) async fn idle(&mut self) -> bool {
        poll_fn(|cx| Poll::Ready(self.start == self.end && self.poll_read(cx).is_pending())).await
    }

    /// Whether something is there already: bytes of an answer, a close or a reset. Nothing is waited for, and nothing of it is lost.
    pub(crate) fn has_come(&mut self) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        if !self.unread().is_empty() || self.wire.poll_readable(&mut cx).is_ready() {
            return true;
        }
        // Under TLS what can be read may be nothing of an answer: only reading tells.
        !self.wire.tells_readable() && self.poll_read(&mut cx).is_ready()
    }

    /// Waits in the background, for a moment, until the service has closed its side.
    pub(crate) fn linger(mut self) {
        tokio::spawn(async move {
            let closed = poll_fn(|cx| {
                loop {
                    self.end = 0;
                    self.start = 0;
                    match ready!(self.poll_read(cx)) {
                        Ok(n) if n > 0 => {}
                        _ => return Poll::Ready(()),
                    }
                }
            });
            // Whether it closed or not: now the connection is dropped.
            let _ = timeout_at(Instant::now() + LINGER, closed).await;
        });
    }

    /// The connection for who reads on in another way, and what was read of it and not used.
    pub(crate) fn into_parts(self) -> (Wire, Bytes) {
        let rest = Bytes::copy_from_slice(self.unread());
        (self.wire, rest)
    }

    fn unread(&self) -> &[u8] {
        &self.buf[self.start..self.end]
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        } else if self.end == self.buf.len() && self.start > 0 {
            self.buf.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        } else if self.end == self.buf.len() {
            // Only a head waits here to become whole, and its cap stops it.
            self.buf.resize(self.buf.len() * 2, 0);
        }
        let mut buf = ReadBuf::new(&mut self.buf[self.end..]);
        match ready!(Pin::new(&mut self.wire).poll_read(cx, &mut buf)) {
            Ok(()) => {
                let n = buf.filled().len();
                self.end += n;
                Poll::Ready(Ok(n))
            }
            // A peer that closes without TLS's own goodbye has closed all the same.
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => Poll::Ready(Ok(0)),
            Err(e) => {
                self.is_reset |= e.kind() == io::ErrorKind::ConnectionReset;
                Poll::Ready(Err(e))
            }
        }
    }

    /// Sends on and waits for more, whichever is first.
    async fn moved(&mut self, upload: &mut Upload, stage: Stage) -> Step<Moved> {
        poll_fn(|cx| {
            let read = |polled: Poll<io::Result<usize>>| {
                Poll::Ready(match ready!(polled) {
                    Ok(0) => Ok(Moved::End),
                    Ok(_) => Ok(Moved::Read),
                    Err(e) => Err(of_read(&e, stage)),
                })
            };
            if upload.listens()
                && let Poll::Ready(read) = read(self.poll_read(cx))
            {
                return Poll::Ready(read);
            }
            if upload.ended.is_none()
                && let Poll::Ready(sent) = upload.poll(&mut self.wire, cx)
            {
                return Poll::Ready(sent.map(|()| Moved::Sent));
            }
            if upload.listens() {
                return Poll::Pending;
            }
            read(self.poll_read(cx))
        })
        .await
    }
}

/// How it went with the rest of a body whose answer had come.
pub(crate) enum Rest {
    /// It was sent, and nothing was said meanwhile.
    Sent,
    /// These bytes came: an answer that nobody asked for.
    Unasked(Vec<u8>),
    /// The connection was closed.
    Closed,
}

/// Sends what is left of a body whose answer has come already.
///
/// # Errors
/// Where the connection is reset, or it does not come to an end in time.
pub(crate) async fn rest(conn: &mut Conn, upload: &mut Upload, limit: Limit) -> Step<Rest> {
    loop {
        if !conn.unread().is_empty() {
            return Ok(Rest::Unasked(conn.unread().to_vec()));
        }
        if upload.ended.is_some() {
            return Ok(if upload.whole { Rest::Sent } else { Rest::Closed });
        }
        match timeout_at(limit.at, conn.moved(upload, Stage::Send)).await {
            Ok(Ok(Moved::Sent | Moved::Read)) => {}
            Ok(Ok(Moved::End)) => return Ok(Rest::Closed),
            Ok(Err(trouble)) => return Err(trouble),
            Err(_) => return Err(Trouble::TotalTimeout { after: limit.total, stage: Stage::Send, got: 0 }),
        }
    }
}

/// Listens for so long to what nobody asked for. None: nothing came.
pub(crate) async fn unasked(conn: &mut Conn, time: Duration) -> Option<Rest> {
    if conn.unread().is_empty() {
        match timeout_at(Instant::now() + time, poll_fn(|cx| conn.poll_read(cx))).await {
            Ok(Ok(n)) if n > 0 => {}
            Ok(_) => return Some(Rest::Closed),
            Err(_) => return None,
        }
    }
    Some(Rest::Unasked(conn.unread().to_vec()))
}

/// Whether a connection on which an answer came whole is reset within so long: the other side closed it on bytes that it had not read.
pub(crate) async fn is_torn(conn: &mut Conn, time: Duration) -> bool {
    let until = Instant::now() + time;
    while let Ok(Ok(n)) = timeout_at(until, poll_fn(|cx| conn.poll_read(cx))).await {
        if n == 0 {
            // The reset comes behind the close, and reading does not tell it.
            sleep_until(until).await;
            break;
        }
        conn.start = conn.end;
    }
    conn.is_reset || conn.wire.has_failed()
}

/// Carries one exchange out. What came is in `answer`, whatever the outcome. Gives whether the connection may be used again.
///
/// # Errors
/// Whatever keeps the answer from being valid and whole.
pub(crate) async fn exchange(
    conn: &mut Conn,
    upload: &mut Upload,
    to_head: bool,
    wishes: &Wishes,
    limit: Limit,
    answer: &mut Answer,
) -> Step<bool> {
    let outcome = run(conn, upload, to_head, wishes, limit, answer).await;
    told(outcome, conn, upload, answer)
}

/// Sends the request and reads the head of its answer, and no further. Gives how its body ends.
///
/// # Errors
/// Whatever keeps the head from being valid and whole.
pub(crate) async fn head(
    conn: &mut Conn,
    upload: &mut Upload,
    to_head: bool,
    wishes: &Wishes,
    limit: Limit,
    answer: &mut Answer,
) -> Step<Framed> {
    let outcome = read_framed(conn, upload, to_head, wishes, limit, answer).await;
    told(outcome, conn, upload, answer).map(|(framed, _)| framed)
}

/// Notes what was sent, and names the trouble after it where that is the cause.
fn told<T>(outcome: Step<T>, conn: &Conn, upload: &Upload, answer: &mut Answer) -> Step<T> {
    answer.sent_body = upload.sent_body;
    answer.sent_whole = upload.whole;
    match outcome {
        // Sending broke off and nothing was heard: that is the whole story.
        Err(Trouble::Reset { stage: Stage::Head } | Trouble::Eof { got: 0 }) if !upload.whole => {
            let cause = conn.wire.write_error().map_or_else(|| "closed by the service".to_owned(), |kind| kind.to_string());
            Err(Trouble::WriteFailed { sent: upload.sent_body, detail: cause })
        }
        other => other,
    }
}

async fn run(conn: &mut Conn, upload: &mut Upload, to_head: bool, wishes: &Wishes, limit: Limit, answer: &mut Answer) -> Step<bool> {
    let (how, persists) = read_framed(conn, upload, to_head, wishes, limit, answer).await?;
    let mut body = Body::new(answer, wishes)?;
    let read = read_body(conn, upload, how, wishes, limit, &mut body, answer).await;
    let ended = body.finish(read.is_ok(), answer);
    read?;
    ended?;
    if how == Framed::Without && wishes.fresh && conn.unread().is_empty() {
        let until = limit.at.min(Instant::now() + EXCESS);
        // Nothing more is the good case; an error or a close ends the waiting just as well.
        let _ = timeout_at(until, poll_fn(|cx| conn.poll_read(cx))).await;
    } else if how != Framed::UntilClose && answer.status != 101 {
        poll_fn(|cx| {
            // What is there is taken in; nothing is waited for.
            let _ = conn.poll_read(cx);
            Poll::Ready(())
        })
        .await;
    }
    answer.excess = if answer.status == 101 { 0 } else { conn.unread().len() as u64 };
    conn.used = true;
    let clean = how != Framed::UntilClose && answer.excess == 0 && upload.whole && conn.wire.write_error().is_none();
    Ok(clean && persists && !wishes.close)
}

/// The head of the final answer: how its body ends, and whether the connection may be used again after it.
async fn read_framed(
    conn: &mut Conn,
    upload: &mut Upload,
    to_head: bool,
    wishes: &Wishes,
    limit: Limit,
    answer: &mut Answer,
) -> Step<(Framed, bool)> {
    let head = read_head(conn, upload, wishes, limit, answer).await?;
    answer.status = head.status;
    answer.version = head.version;
    let (how, persists) = (framed(&head, to_head), persists(&head));
    answer.headers = head.fields;
    Ok((how?, persists))
}

async fn read_head(conn: &mut Conn, upload: &mut Upload, wishes: &Wishes, limit: Limit, answer: &mut Answer) -> Step<Head> {
    let began = Instant::now();
    let mut scan = Scan::default();
    let (mut heard, mut informational) = (false, 0_u64);
    loop {
        if !conn.unread().is_empty()
            && let Some(head) = scan.head(conn.unread(), &wishes.limits)?
        {
            conn.start += head.len;
            upload.hear(head.status, &conn.wire);
            if head.status >= 200 || head.status == 101 {
                return Ok(head);
            }
            informational += 1;
            if answer.informational.len() < wishes.limits.informational {
                answer.informational.push(head.status);
            }
            // Some tell now and then how much of a body has come (RFC 9110 §15.2 allows any number).
            let most = wishes.limits.informational as u64 + upload.sent_body / PROGRESS;
            if informational > most {
                return Err(Trouble::TooManyInformational { cap: most });
            }
            scan = Scan::default();
            continue;
        }
        let deadline = upload.ended.map_or(limit.at, |sent| limit.at.min(sent + wishes.timeouts.first_byte));
        let got = conn.unread().len() as u64;
        match timeout_at(deadline, conn.moved(upload, Stage::Head)).await {
            Ok(Ok(Moved::Sent)) => answer.phases.sent = began.elapsed(),
            Ok(Ok(Moved::Read)) if !heard => {
                heard = true;
                answer.phases.first_byte = began.elapsed();
            }
            Ok(Ok(Moved::Read)) => {}
            Ok(Ok(Moved::End)) => return Err(Trouble::Eof { got }),
            Ok(Err(trouble)) => return Err(trouble),
            Err(_) => return Err(late(upload, deadline, limit, heard, got)),
        }
    }
}

/// What to call it that no whole head came in time: by what was seen, whichever limit struck.
fn late(upload: &Upload, deadline: Instant, limit: Limit, heard: bool, got: u64) -> Trouble {
    match upload.ended {
        None => Trouble::TotalTimeout { after: limit.total, stage: Stage::Send, got: 0 },
        Some(sent) if !heard => Trouble::FirstByteTimeout { after: deadline - sent },
        Some(sent) if deadline < limit.at => Trouble::HeadTimeout { after: deadline - sent, got },
        Some(_) => Trouble::TotalTimeout { after: limit.total, stage: Stage::Head, got: 0 },
    }
}

async fn read_body(
    conn: &mut Conn,
    upload: &mut Upload,
    how: Framed,
    wishes: &Wishes,
    limit: Limit,
    body: &mut Body,
    answer: &mut Answer,
) -> Step<()> {
    let began = Instant::now();
    let mut chunks = Chunks::default();
    loop {
        let unread = &conn.buf[conn.start..conn.end];
        match how {
            Framed::Without => return Ok(()),
            Framed::Length(told) => {
                let part = usize::try_from(told - body.wire).unwrap_or(usize::MAX).min(unread.len());
                body.take(&unread[..part])?;
                conn.start += part;
                if body.wire == told {
                    return Ok(());
                }
                grow(&mut conn.buf, told);
            }
            Framed::Chunked => {
                let (taken, end) = chunks.feed(unread, &wishes.limits, |part| body.take(part))?;
                conn.start += taken;
                if let Some(trailers) = end {
                    answer.trailers = trailers;
                    return Ok(());
                }
                grow(&mut conn.buf, body.wire);
            }
            Framed::UntilClose => {
                body.take(unread)?;
                conn.start = conn.end;
                grow(&mut conn.buf, body.wire);
            }
        }
        let got = body.wire;
        match timeout_at(limit.at, conn.moved(upload, Stage::Body)).await {
            Ok(Ok(Moved::Sent)) => answer.phases.sent = answer.phases.first_byte + began.elapsed(),
            Ok(Ok(Moved::Read)) => {}
            Ok(Ok(Moved::End)) => {
                return match how {
                    Framed::Length(told) => Err(Trouble::Truncated { got, told: Some(told) }),
                    Framed::Chunked => Err(Trouble::Truncated { got, told: None }),
                    Framed::Without | Framed::UntilClose => Ok(()),
                };
            }
            Ok(Err(trouble)) => return Err(trouble),
            Err(_) => return Err(Trouble::TotalTimeout { after: limit.total, stage: Stage::Body, got }),
        }
    }
}

/// A long body is read in larger pieces.
fn grow(buf: &mut Vec<u8>, expected: u64) {
    if expected > BUFFER.1 as u64 && buf.len() < BUFFER.1 {
        buf.resize(BUFFER.1, 0);
    }
}

/// What it means that reading failed in this part of the answer.
pub(crate) fn of_read(e: &io::Error, stage: Stage) -> Trouble {
    if let Some(trouble) = tls::of_io(e) {
        return trouble;
    }
    OwnTrouble::of(e).map_or(Trouble::Reset { stage }, Trouble::Own)
}
