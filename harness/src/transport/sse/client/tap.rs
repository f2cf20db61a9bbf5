//! The transport under the client: opens our connections, reads along, cuts.

use super::{
    super::{
        super::{Answer, EndedBy, Streaming},
        Item, Limits, Parser,
    },
    Ask, LAST_EVENT_ID, Opener,
    compare::Compare,
    heard::{Cut, Difference, End, Heard, How, Stop},
    lock,
};
use bytes::Bytes;
use futures_util::Stream;
use http::{HeaderValue, Request, Response};
use launchdarkly_sdk_transport::{ByteStream, HttpTransport, ResponseFuture, TransportError};
use std::{
    collections::VecDeque,
    future::pending,
    io, mem,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker, ready},
};
use sync_wrapper::{SyncFuture, SyncStream};
use tokio::time::Instant;

/// What the client, its tap and its connections share.
pub(super) struct State {
    open: Opener,
    limits: Limits,
    attempts: u32,
    cuts: VecDeque<Cut>,
    /// Connections asked for so far.
    asked: u32,
    /// What the next connection must send.
    pub last_id: String,
    pub heard: VecDeque<Heard>,
    pub compare: Compare,
    pub stop: Option<Stop>,
    /// Since when the client has had no connection, and none on the way.
    pub waiting_since: Option<Instant>,
    pub last_words: String,
    connected: bool,
    cut_now: Option<How>,
    /// Who reads the connection.
    waker: Option<Waker>,
}

impl State {
    pub(super) fn new(open: Opener, limits: Limits, last_id: String, attempts: u32, cuts: Vec<Cut>) -> Self {
        Self {
            open,
            limits,
            attempts,
            cuts: cuts.into(),
            asked: 0,
            last_id,
            heard: VecDeque::new(),
            compare: Compare::default(),
            stop: None,
            waiting_since: None,
            last_words: String::new(),
            connected: false,
            cut_now: None,
            waker: None,
        }
    }

    /// The connection at hand, or the last one.
    fn attempt(&self) -> u32 {
        self.asked.saturating_sub(1)
    }

    pub(super) fn differs(&mut self, difference: Difference) {
        let attempt = self.attempt();
        self.heard.push_back(Heard::Differs { attempt, difference });
    }

    pub(super) fn compare(&mut self, name: &str, data: &str, id: Option<&str>) {
        if let Some(difference) = self.compare.handed_on(name, data, id) {
            self.differs(difference);
        }
    }

    /// The client is done with a connection, and wants another.
    fn settle(&mut self) {
        if let Some(difference) = self.compare.settle() {
            self.differs(difference);
        }
    }

    pub(super) fn cut(&mut self, how: How) {
        if self.connected {
            self.cut_now = Some(how);
            if let Some(waker) = self.waker.take() {
                waker.wake();
            }
        }
    }

    /// The client wants a connection; none where it gets none any more.
    fn ask(&mut self, client: Option<String>) -> Option<(Ask, Cut)> {
        self.settle();
        self.waiting_since = None;
        if self.stop.is_none() && self.asked >= self.attempts {
            self.stop = Some(Stop::Attempts);
        }
        if self.stop.is_none() && HeaderValue::from_bytes(self.last_id.as_bytes()).is_err() {
            self.stop = Some(Stop::Id);
        }
        if self.stop.is_some() {
            return None;
        }
        let ask = Ask { attempt: self.asked, last_id: Some(self.last_id.clone()).filter(|id| !id.is_empty()) };
        self.asked += 1;
        if client != ask.last_id {
            self.differs(Difference::LastEventId { client, right: ask.last_id.clone() });
        }
        Some((ask, self.cuts.pop_front().unwrap_or(Cut::Never)))
    }
}

/// The transport.
#[derive(Clone)]
pub(super) struct Tap(pub Arc<Mutex<State>>);

impl HttpTransport for Tap {
    fn request(&self, request: Request<Option<Bytes>>) -> ResponseFuture {
        let client = request.headers().get(LAST_EVENT_ID).map(|id| String::from_utf8_lossy(id.as_bytes()).into_owned());
        Box::pin(SyncFuture::new(connect(self.0.clone(), client)))
    }
}

async fn connect(shared: Arc<Mutex<State>>, client: Option<String>) -> Result<Response<ByteStream>, TransportError> {
    let Some((Ask { attempt, last_id }, cut)) = lock(&shared).ask(client) else {
        // The client is about to be dropped.
        return pending().await;
    };
    let open = lock(&shared).open.clone();
    let opened = open(Ask { attempt, last_id: last_id.clone() }).await;
    let mut state = lock(&shared);
    let streaming = match opened {
        Ok(streaming) => streaming,
        Err(failed) => {
            let text = failed.to_string();
            state.heard.push_back(Heard::Failed { attempt, last_id, failed });
            state.waiting_since = Some(Instant::now());
            return Err(broken(text));
        }
    };
    let answer = Arc::new(streaming.answer().clone());
    state.heard.push_back(Heard::Opened { attempt, last_id, answer: answer.clone() });
    match answer.status {
        204 => {
            state.differs(Difference::IgnoresNoContent);
            state.stop = Some(Stop::NoContent);
        }
        200 if !is_event_stream(&answer) => {
            state.stop = Some(Stop::WrongType(answer.header_text("content-type").map(std::borrow::Cow::into_owned)));
        }
        _ => {}
    }
    let parser = Parser::resuming(state.limits, &state.last_id);
    state.connected = true;
    state.cut_now = None;
    drop(state);
    let mut response = Response::builder().status(answer.status);
    for (name, value) in &answer.headers {
        response = response.header(name.as_str(), value.as_slice());
    }
    let body =
        Body { shared, attempt, parser, reading: answer.status == 200, streaming: Some(streaming), cut, bytes: 0, events: 0, last: None };
    let body: ByteStream = Box::pin(SyncStream::new(body));
    response.body(body).map_err(TransportError::new)
}

/// `text/event-stream`, with parameters or without (HTML §9.2.2).
fn is_event_stream(answer: &Answer) -> bool {
    answer.header("content-type").is_some_and(|value| {
        let essence = value.split(|b| *b == b';').next().unwrap_or_default().trim_ascii();
        essence.eq_ignore_ascii_case(b"text/event-stream")
    })
}

fn broken(text: String) -> TransportError {
    TransportError::new(io::Error::other(text))
}

/// The body of one connection, on its way to the client.
struct Body {
    shared: Arc<Mutex<State>>,
    attempt: u32,
    parser: Parser<Instant>,
    /// It is an event stream: the body of an error answer is not read as one.
    reading: bool,
    streaming: Option<Streaming>,
    cut: Cut,
    bytes: u64,
    events: u64,
    /// What the client is told once it has the bytes before it: an error, or that the body has ended.
    last: Option<Result<(), String>>,
}

impl Stream for Body {
    type Item = Result<Bytes, TransportError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            let now = {
                let mut state = lock(&this.shared);
                state.waker = Some(cx.waker().clone());
                state.cut_now.take()
            };
            if let Some(how) = now.or_else(|| this.cut.due(this.bytes, this.events)) {
                this.over(End::Cut(how));
            }
            let Some(streaming) = &mut this.streaming else {
                return Poll::Ready(this.last.take().and_then(Result::err).map(|text| Err(broken(text))));
            };
            match ready!(streaming.poll_next(cx)) {
                Ok(Some(piece)) => {
                    let taken = this.take(&piece.bytes, piece.at);
                    if this.parser.is_done() {
                        this.over(End::OverCap);
                    } else if let Some(how) = this.cut.due(this.bytes, this.events) {
                        this.over(End::Cut(how));
                    }
                    return Poll::Ready(Some(Ok(piece.bytes.slice(..taken))));
                }
                Ok(None) => {
                    let by = streaming.ended_by().unwrap_or(EndedBy::Close);
                    this.over(End::Body(by));
                }
                Err(trouble) => this.over(End::Broken(trouble)),
            }
        }
    }
}

impl Body {
    /// Reads bytes up to the cut, and gives how many those are.
    fn take(&mut self, bytes: &[u8], at: Instant) -> usize {
        let most = match self.cut {
            Cut::Bytes(most, _) => usize::try_from(most - self.bytes).unwrap_or(usize::MAX).min(bytes.len()),
            Cut::Never | Cut::Events(..) => bytes.len(),
        };
        let bytes = &bytes[..most];
        if let (Cut::Events(..), true) = (self.cut, self.reading) {
            // Line by line, since the event that it is cut behind may come with others.
            let mut taken = 0;
            for line in bytes.split_inclusive(|b| matches!(b, b'\n' | b'\r')) {
                self.read(line, at);
                taken += line.len();
                if self.cut.due(self.bytes, self.events).is_some() {
                    break;
                }
            }
            return taken;
        }
        self.read(bytes, at);
        bytes.len()
    }

    fn read(&mut self, bytes: &[u8], at: Instant) {
        self.bytes += bytes.len() as u64;
        if !self.reading {
            return;
        }
        let Self { shared, parser, events, attempt, .. } = self;
        let mut state = lock(shared);
        parser.feed(bytes, at, &mut |item| {
            if let Item::Event(event) = &item {
                *events += 1;
                state.compare.came(event);
            }
            state.heard.push_back(Heard::Item { attempt: *attempt, item });
        });
    }

    /// The connection is over: it is closed, and everybody is told.
    fn over(&mut self, end: End) {
        let Some(streaming) = self.streaming.take() else { return };
        match end {
            End::Cut(How::WithReset) => streaming.abort(),
            _ => drop(streaming),
        }
        let parser = mem::replace(&mut self.parser, Parser::new(Limits::default()));
        let mut state = lock(&self.shared);
        parser.last_event_id().clone_into(&mut state.last_id);
        state.connected = false;
        state.waiting_since = Some(Instant::now());
        self.last = Some(match &end {
            End::Body(_) | End::Cut(How::Quietly) | End::Left => Ok(()),
            End::Broken(trouble) => Err(trouble.to_string()),
            End::Cut(How::WithReset) => Err("the connection was reset".to_owned()),
            End::OverCap => Err("a line or an event goes beyond its cap".to_owned()),
        });
        if end == End::OverCap {
            state.stop.get_or_insert(Stop::OverCap);
        }
        let last_id = state.last_id.clone();
        state.heard.push_back(Heard::Ended { attempt: self.attempt, end, tail: parser.end(), last_id });
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        self.over(End::Left);
    }
}

impl Cut {
    /// The cut, if it is due behind so many bytes and events.
    fn due(self, bytes: u64, events: u64) -> Option<How> {
        match self {
            Self::Events(n, how) if events >= n => Some(how),
            Self::Bytes(n, how) if bytes >= n => Some(how),
            Self::Never | Self::Events(..) | Self::Bytes(..) => None,
        }
    }
}
