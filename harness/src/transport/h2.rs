//! HTTP/2 exchanges, by way of hyper: one connection carries many, each held to the same caps and limits.

use super::{
    answer::{Answer, TlsSeen, Version},
    ask::{OutBody, Outgoing, Step, Wishes},
    body::Body,
    h1::Limit,
    permits::{Held, Permits},
    pool::Key,
    request,
    trouble::{OwnTrouble, Stage, Trouble},
    wire::Wire,
};
use bytes::Bytes;
use futures_util::stream::BoxStream;
use http::{HeaderMap, Request, Uri, header};
use http_body::{Body as _, Frame, SizeHint};
use hyper::{
    body::Incoming,
    client::conn::http2::{Builder, SendRequest},
};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::{
    collections::HashMap,
    error::Error,
    future::poll_fn,
    io,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
    task::{Context, Poll, ready},
};
use tokio::time::{Instant, timeout_at};
use tokio_util::task::AbortOnDropHandle;

/// A connection that carries many exchanges at once. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Conn {
    sender: SendRequest<Sending>,
    remote: Option<SocketAddr>,
    tls: Option<Arc<TlsSeen>>,
    /// The task that drives the connection ends when the last clone is dropped.
    _driver: Arc<AbortOnDropHandle<()>>,
}

/// The connections of a run, one a key.
#[derive(Default)]
pub(crate) struct Pool(Mutex<HashMap<Key, Conn>>);

impl Pool {
    pub(crate) fn get(&self, key: &Key) -> Option<Conn> {
        let mut pool = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if pool.get(key)?.sender.is_closed() {
            pool.remove(key);
            return None;
        }
        pool.get(key).cloned()
    }

    pub(crate) fn put(&self, key: Key, conn: &Conn) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key, conn.clone());
    }

    /// Lets go of every connection; exchanges that are going on keep theirs until they end.
    pub(crate) fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Conn {
    /// Begins HTTP/2 on a connection.
    pub(crate) async fn open(
        wire: Wire,
        remote: Option<SocketAddr>,
        tls: Option<Arc<TlsSeen>>,
        held: Option<Held>,
        wishes: &Wishes,
        limit: Limit,
    ) -> Step<Self> {
        let mut builder = Builder::new(TokioExecutor::new());
        builder.timer(TokioTimer::new());
        if let Some(size) = wishes.receive_buffer {
            builder.initial_stream_window_size(size);
            // The connection's own window cannot be smaller (RFC 9113 §6.9.2).
            builder.initial_connection_window_size(size.max(65_535));
        }
        builder.max_header_list_size(u32::try_from(wishes.limits.head).unwrap_or(u32::MAX));
        let shaking = timeout_at(limit.at, builder.handshake(TokioIo::new(wire)));
        let (sender, connection) = match shaking.await {
            Ok(shaken) => shaken.map_err(|e| of_hyper(&e))?,
            Err(_) => return Err(Trouble::TotalTimeout { after: limit.total, stage: Stage::Connect, got: 0 }),
        };
        let driver = tokio::spawn(async move {
            let _held = held;
            // Its error reaches every exchange on it.
            let _ = connection.await;
        });
        Ok(Self { sender, remote, tls, _driver: Arc::new(AbortOnDropHandle::new(driver)) })
    }

    /// Carries one exchange out. What came is in `answer`, whatever the outcome.
    pub(crate) async fn exchange(
        mut self,
        out: &Outgoing,
        wishes: &Wishes,
        limit: Limit,
        permits: &Permits,
        answer: &mut Answer,
    ) -> Step<()> {
        let sent = Arc::new(Sent::default());
        let began = self.begin(answer);
        let request = render(out, wishes, permits, sent.clone())?;
        let outcome = self.run(request, wishes, limit, began, &sent, answer).await;
        sent.told(outcome, answer)
    }

    /// Sends the request and reads the head of its answer, and no further.
    ///
    /// # Errors
    /// Whatever keeps the head from being whole.
    pub(crate) async fn head(
        &mut self,
        out: &Outgoing,
        wishes: &Wishes,
        limit: Limit,
        permits: &Permits,
        answer: &mut Answer,
    ) -> Step<Incoming> {
        let sent = Arc::new(Sent::default());
        let began = self.begin(answer);
        let request = render(out, wishes, permits, sent.clone())?;
        let outcome = self.read_head(request, wishes, limit, began, &sent, answer).await;
        sent.told(outcome, answer)
    }

    fn begin(&self, answer: &mut Answer) -> Instant {
        answer.remote = self.remote;
        answer.tls.clone_from(&self.tls);
        Instant::now()
    }

    async fn run(
        &mut self,
        request: Request<Sending>,
        wishes: &Wishes,
        limit: Limit,
        began: Instant,
        sent: &Sent,
        answer: &mut Answer,
    ) -> Step<()> {
        let mut incoming = self.read_head(request, wishes, limit, began, sent, answer).await?;
        let mut body = Body::new(answer, wishes)?;
        let mut trailers = None;
        let read = async {
            loop {
                let frame = match timeout_at(limit.at, poll_fn(|cx| Pin::new(&mut incoming).poll_frame(cx))).await {
                    Ok(None) => return Ok(()),
                    Ok(Some(frame)) => frame.map_err(|e| of_hyper(&e))?,
                    Err(_) => return Err(Trouble::TotalTimeout { after: limit.total, stage: Stage::Body, got: body.wire }),
                };
                match frame.into_data() {
                    Ok(data) => body.take(&data)?,
                    Err(frame) => trailers = frame.into_trailers().ok(),
                }
            }
        }
        .await;
        let ended = body.finish(read.is_ok(), answer);
        answer.trailers = trailers.as_ref().map(fields).unwrap_or_default();
        read.and(ended)
    }

    async fn read_head(
        &mut self,
        request: Request<Sending>,
        wishes: &Wishes,
        limit: Limit,
        began: Instant,
        sent: &Sent,
        answer: &mut Answer,
    ) -> Step<Incoming> {
        let mut waiting = pin!(self.sender.send_request(request));
        let has_body = !sent.whole.load(SeqCst);
        let first_byte = limit.at.min(began + wishes.timeouts.first_byte);
        let mut deadline = if has_body { limit.at } else { first_byte };
        let response = loop {
            match timeout_at(deadline, &mut waiting).await {
                Ok(response) => break response.map_err(|e| of_hyper(&e))?,
                Err(_) if !sent.whole.load(SeqCst) => {
                    return Err(Trouble::TotalTimeout { after: limit.total, stage: Stage::Send, got: 0 });
                }
                Err(_) if deadline < limit.at && has_body => deadline = limit.at,
                Err(_) => return Err(Trouble::FirstByteTimeout { after: deadline - began }),
            }
        };
        answer.phases.first_byte = began.elapsed();
        answer.phases.sent = answer.phases.first_byte;
        let (head, incoming) = response.into_parts();
        answer.status = head.status.as_u16();
        answer.version = Version::Http2;
        answer.headers = fields(&head.headers);
        if answer.headers.len() > wishes.limits.headers {
            return Err(Trouble::TooManyHeaders { cap: wishes.limits.headers as u64 });
        }
        Ok(incoming)
    }
}

pub(crate) fn fields(map: &HeaderMap) -> Vec<(String, Vec<u8>)> {
    map.iter().map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec())).collect()
}

fn render(out: &Outgoing, wishes: &Wishes, permits: &Permits, sent: Arc<Sent>) -> Step<Request<Sending>> {
    let bad = || Trouble::Own(OwnTrouble::Request);
    let uri = Uri::builder()
        .scheme(out.url.scheme())
        .authority(request::authority(out))
        .path_and_query(&out.url[url::Position::BeforePath..url::Position::AfterQuery])
        .build()
        .map_err(|_| bad())?;
    let mut built = Request::builder().method(out.method.clone()).uri(uri).version(http::Version::HTTP_2);
    for (name, value) in request::fields(out, wishes, true) {
        // Fields that belong to one connection have no place here (RFC 9113 §8.2.2); the authority stands for Host.
        if ![header::HOST, header::CONNECTION, header::TRANSFER_ENCODING].contains(&name) {
            built = built.header(name, value);
        }
    }
    built.body(Sending::new(&out.body, permits.clone(), sent)).map_err(|_| bad())
}

/// What has been handed over of a request's body.
#[derive(Default)]
struct Sent {
    bytes: AtomicU64,
    whole: AtomicBool,
    spent: AtomicBool,
}

impl Sent {
    /// Notes what was sent, and whether that is why the exchange ended.
    fn told<T>(&self, outcome: Step<T>, answer: &mut Answer) -> Step<T> {
        answer.sent_body = self.bytes.load(SeqCst);
        answer.sent_whole = self.whole.load(SeqCst);
        if self.spent.load(SeqCst) { Err(Trouble::Own(OwnTrouble::UploadSpent)) } else { outcome }
    }
}

/// The body of a request as hyper wants it.
struct Sending {
    bytes: Option<Bytes>,
    stream: Option<BoxStream<'static, io::Result<Bytes>>>,
    len: Option<u64>,
    permits: Permits,
    sent: Arc<Sent>,
}

impl Sending {
    fn new(body: &OutBody, permits: Permits, sent: Arc<Sent>) -> Self {
        let (bytes, stream, len) = match body {
            OutBody::Empty => (None, None, Some(0)),
            OutBody::Bytes(bytes) => (Some(bytes.clone()).filter(|b| !b.is_empty()), None, Some(bytes.len() as u64)),
            OutBody::Stream { len, factory } => (None, Some(factory()), *len),
        };
        sent.whole.store(bytes.is_none() && stream.is_none(), SeqCst);
        Self { bytes, stream, len, permits, sent }
    }
}

impl http_body::Body for Sending {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let next = match (self.bytes.take(), &mut self.stream) {
            (Some(bytes), _) => Some(Ok(bytes)),
            (None, Some(stream)) => ready!(stream.as_mut().poll_next(cx)),
            (None, None) => None,
        };
        match next {
            None => {
                self.sent.whole.store(true, SeqCst);
                Poll::Ready(None)
            }
            Some(Err(e)) => Poll::Ready(Some(Err(e))),
            Some(Ok(bytes)) => {
                if self.permits.upload(bytes.len() as u64).is_err() {
                    self.sent.spent.store(true, SeqCst);
                    return Poll::Ready(Some(Err(io::Error::other("the allowed upload is spent"))));
                }
                self.sent.bytes.fetch_add(bytes.len() as u64, SeqCst);
                if self.stream.is_none() {
                    self.sent.whole.store(true, SeqCst);
                }
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_none() && self.stream.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        match (&self.bytes, self.len) {
            (Some(bytes), _) => SizeHint::with_exact(bytes.len() as u64),
            (None, Some(len)) if self.stream.is_some() => SizeHint::with_exact(len),
            (None, None) => SizeHint::default(),
            _ => SizeHint::with_exact(0),
        }
    }
}

/// The causes stand behind the error; the innermost says most.
pub(crate) fn of_hyper(e: &hyper::Error) -> Trouble {
    let mut detail = e.to_string();
    let mut cause = e.source();
    while let Some(inner) = cause {
        if let Some(trouble) = inner.downcast_ref::<io::Error>().and_then(OwnTrouble::of) {
            return Trouble::Own(trouble);
        }
        detail = format!("{detail}: {inner}");
        cause = inner.source();
    }
    Trouble::Http2 { detail }
}
