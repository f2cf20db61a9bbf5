//! A request that goes out as slowly as its caller likes, on a connection of its own, while all that the other side does is noticed.

mod shown;

pub use shown::{Shown, dawdling};

use super::{
    answer::{Answer, Failed},
    ask::{Caps, Endpoint, OutBody, Outgoing, Speak, Step, Wishes},
    connect,
    exchange::{Exchange, failed, limit},
    h1::{self, Conn},
    head::Scan,
    permits::{Held, Permits},
    pool::Key,
    request,
    trouble::{OwnTrouble, Stage, Trouble},
    upload::Upload,
    wire::Wire,
};
use bytes::Bytes;
use http::Method;
use std::{future::poll_fn, io, pin::Pin, task::Poll, task::ready, time::Duration};
use tokio::{
    io::{AsyncReadExt as _, AsyncWrite as _},
    time::{Instant, sleep_until, timeout_at},
};

/// The field that a head goes on with for as long as anyone likes.
const DRIPPED: &[u8] = b"x-dawdle: ";
/// Most bytes of an answer that are kept.
const KEPT: usize = 16 << 10;

/// A connection on which a request is sent as slowly as its caller likes.
pub struct Dawdle {
    wire: Wire,
    _place: Held,
    permits: Permits,
    /// How it was reached, and which wishes it was opened with.
    opened: Box<Answer>,
    wishes: Wishes,
    to_head: bool,
    head: Bytes,
    body: Bytes,
    /// Bytes of the body that were sent; none: not even the head is whole.
    in_body: Option<usize>,
    /// Bytes that were sent after the part of the head that is sent at once.
    dripped: usize,
    /// Before the connection was dialled.
    pub began: Instant,
}

/// Time between two looks at a connection on which nothing is heard.
const LOOK: Duration = Duration::from_millis(10);

/// What the other side did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// Until then it had surely neither said anything nor ended, however late this machine is with noticing; none: not even at first.
    pub quiet: Option<Instant>,
    /// When the first byte of a final answer came.
    pub said: Option<Instant>,
    /// Its status, where its head came whole and is valid.
    pub status: Option<u16>,
    /// The beginning of what was said.
    pub bytes: Vec<u8>,
    /// When the connection ended, and how.
    pub ended: Option<(Instant, Ending)>,
    /// Whether it was given up because the environment did not allow one byte more.
    pub is_spent: bool,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The other side closed it.
    Closed,
    /// It was reset.
    Reset,
}

impl Exchange {
    /// Opens a connection for a request, as fast as the environment's limits allow, and sends nothing on it. Always HTTP/1.1; the body
    /// of the request is empty or in memory.
    ///
    /// # Errors
    /// [`Failed`] where no connection can be had, or the request cannot be sent this way.
    pub async fn dawdle(&self, endpoint: &Endpoint, out: &Outgoing, wishes: &Wishes) -> Result<Dawdle, Box<Failed>> {
        self.permits().request().await;
        let place = self.permits().connection(|| self.make_room()).await;
        let began = Instant::now();
        let mut answer = Box::new(Answer::begun(began));
        match self.try_dawdle(endpoint, out, wishes, &mut answer).await {
            Ok((wire, body)) => {
                let through = endpoint.proxy.as_ref().filter(|_| out.url.scheme() == "http" && endpoint.unix.is_none());
                let head = request::head(out, wishes, through).into();
                let (permits, to_head, wishes) = (self.permits().clone(), out.method == Method::HEAD, wishes.clone());
                Ok(Dawdle { wire, _place: place, permits, opened: answer, wishes, to_head, head, body, in_body: None, dripped: 0, began })
            }
            Err(trouble) => Err(failed(trouble, *answer, Instant::now())),
        }
    }

    async fn try_dawdle(&self, endpoint: &Endpoint, out: &Outgoing, wishes: &Wishes, answer: &mut Answer) -> Step<(Wire, Bytes)> {
        let body = match &out.body {
            _ if endpoint.version == Speak::Http2 => return Err(Trouble::Own(OwnTrouble::Request)),
            OutBody::Empty => Bytes::new(),
            OutBody::Bytes(bytes) => bytes.clone(),
            OutBody::Stream { .. } => return Err(Trouble::Own(OwnTrouble::Request)),
        };
        let key = Key::of(endpoint, &out.url).ok_or(Trouble::Own(OwnTrouble::Request))?;
        let end = limit(wishes, Duration::ZERO, answer).at;
        Ok((connect::open(&key, endpoint, wishes, self.tls(), end, answer).await?, body))
    }
}

impl Dawdle {
    /// Length of the body, in bytes.
    #[must_use]
    pub fn body_len(&self) -> usize {
        self.body.len()
    }

    /// Sends the head but for the empty line that ends it.
    ///
    /// # Errors
    /// As [`Dawdle::send_body`].
    pub async fn send_head(&mut self) -> Result<(), Trouble> {
        let part = self.head.slice(..self.head.len() - 2);
        self.put(&part).await
    }

    /// Sends the head and so many bytes of the body.
    ///
    /// # Errors
    /// Where the environment does not allow so many bytes, or they cannot be sent in the time that was wished for.
    pub async fn send_body(&mut self, bytes: usize) -> Result<(), Trouble> {
        let bytes = bytes.min(self.body.len());
        self.permits.upload(bytes as u64)?;
        let part = [&self.head[..], &self.body[..bytes]].concat();
        self.in_body = Some(bytes);
        self.put(&part).await
    }

    /// Sends the whole request and reads the whole answer. Gives it, and the connection where it may be used again.
    ///
    /// # Errors
    /// As [`Exchange::send`].
    pub async fn ask(self) -> Result<(Answer, Option<Self>), Box<Failed>> {
        let Self { wire, _place, permits, opened, wishes, to_head, head, body, began, .. } = self;
        let mut answer = Answer::begun(Instant::now());
        (answer.remote, answer.tls) = (opened.remote, opened.tls.clone());
        let mut conn = Conn::new(wire, opened.remote, opened.tls.clone(), Held::default());
        let limit = limit(&wishes, Duration::ZERO, &answer);
        let sent = match body.is_empty() {
            true => OutBody::Empty,
            false => OutBody::Bytes(body.clone()),
        };
        let outcome = match Upload::new(head.to_vec(), &sent, &permits) {
            Ok(mut upload) => h1::exchange(&mut conn, &mut upload, to_head, &wishes, limit, &mut answer).await,
            Err(trouble) => Err(trouble),
        };
        answer.ended = Instant::now();
        answer.phases.total = answer.ended - answer.began;
        match outcome {
            Ok(again) => {
                let (wire, _) = conn.into_parts();
                let on = Self { wire, _place, permits, opened, wishes, to_head, head, body, in_body: None, dripped: 0, began };
                Ok((answer, again.then_some(on)))
            }
            Err(trouble) => {
                let ended = answer.ended;
                Err(failed(trouble, answer, ended))
            }
        }
    }

    /// Waits until the connection ends, at most until `end`; meanwhile one more byte is sent each `drip`, of a field that never ends or of
    /// the body, but never its last one. Where the environment does not allow the next one the waiting ends: whoever went on in silence
    /// would not be slow in that way any more.
    pub async fn listen(&mut self, end: Instant, drip: Option<Duration>) -> Heard {
        let mut heard = Heard::default();
        let mut unread = Vec::new();
        let mut next = drip.map(|every| Instant::now() + every);
        // What had come before a look is heard at the next one: both are told to the task by the same turn of the driver. So a look at
        // which nothing is heard tells of the time of the look before it, and a stall between the two makes nothing uncertain but itself.
        let mut look = Instant::now();
        loop {
            let mut buffer = [0; 4096];
            tokio::select! {
                biased;
                read = self.wire.read(&mut buffer) => {
                    let now = Instant::now();
                    match read {
                        Ok(n) if n > 0 => heard.hear(&buffer[..n], &mut unread, now),
                        Ok(_) => heard.ended = Some((now, Ending::Closed)),
                        // TLS that ends without its own goodbye is closed all the same.
                        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => heard.ended = Some((now, Ending::Closed)),
                        Err(_) => heard.ended = Some((now, Ending::Reset)),
                    }
                    if heard.ended.is_some() {
                        return heard;
                    }
                }
                () = sleep_until(next.unwrap_or(end)), if next.is_some() && heard.said.is_none() => {
                    next = match (drip, self.drop()) {
                        (_, Err(_)) => {
                            heard.is_spent = true;
                            return heard;
                        }
                        (Some(every), Ok(Some(byte))) => {
                            self.let_go(byte).await;
                            Some(Instant::now() + every)
                        }
                        _ => None,
                    };
                }
                () = sleep_until(end.min(look + LOOK)) => {
                    if heard.said.is_none() {
                        heard.quiet = Some(look);
                    }
                    look = Instant::now();
                    if look >= end {
                        return heard;
                    }
                }
            }
        }
    }

    /// The next byte that may be sent without ending anything.
    fn drop(&mut self) -> Step<Option<u8>> {
        Ok(match &mut self.in_body {
            Some(at) if *at + 1 < self.body.len() => {
                self.permits.upload(1)?;
                *at += 1;
                Some(self.body[*at - 1])
            }
            Some(_) => None,
            None => {
                self.dripped += 1;
                Some(DRIPPED.get(self.dripped - 1).copied().unwrap_or(b'a'))
            }
        })
    }

    /// Hands one byte to the system without waiting: where it does not fit the other side reads nothing anyway, or is gone.
    async fn let_go(&mut self, byte: u8) {
        poll_fn(|cx| {
            let _ = Pin::new(&mut self.wire).poll_write(cx, &[byte]);
            let _ = Pin::new(&mut self.wire).poll_flush(cx);
            Poll::Ready(())
        })
        .await;
    }

    /// Hands bytes to the system. Where the other side has gone meanwhile, listening will tell.
    async fn put(&mut self, bytes: &[u8]) -> Step<()> {
        let total = self.wishes.timeouts.total;
        let (wire, mut at) = (&mut self.wire, 0);
        let all = poll_fn(|cx| {
            while at < bytes.len() {
                let written = Pin::new(&mut *wire).poll_write(cx, &bytes[at..]);
                if wire.write_error().is_some() {
                    return Poll::Ready(Ok(()));
                }
                at += ready!(written)?;
            }
            let flushed = Pin::new(&mut *wire).poll_flush(cx);
            if wire.write_error().is_some() { Poll::Ready(Ok(())) } else { flushed }
        });
        match timeout_at(Instant::now() + total, all).await {
            Ok(sent) => sent.map_err(|e| OwnTrouble::of(&e).map_or(Trouble::Reset { stage: Stage::Send }, Trouble::Own)),
            Err(_) => Err(Trouble::TotalTimeout { after: total, stage: Stage::Send, got: 0 }),
        }
    }
}

impl Heard {
    /// Notes what came; what is only informational is no answer.
    fn hear(&mut self, bytes: &[u8], unread: &mut Vec<u8>, now: Instant) {
        let room = KEPT.saturating_sub(self.bytes.len()).min(bytes.len());
        self.bytes.extend_from_slice(&bytes[..room]);
        if self.status.is_some() || unread.len() + bytes.len() > KEPT {
            return;
        }
        self.said.get_or_insert(now);
        unread.extend_from_slice(bytes);
        while let Ok(Some(head)) = Scan::default().head(unread, &Caps::default()) {
            if head.status >= 200 {
                self.status = Some(head.status);
                return;
            }
            unread.drain(..head.len);
            if unread.is_empty() {
                self.said = None;
                return;
            }
        }
    }
}
