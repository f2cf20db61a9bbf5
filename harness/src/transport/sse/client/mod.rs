//! The client that users have (crate `eventsource-client`), over connections of our own: it decides when to connect again, and every byte
//! that it reads goes through our parser first.
//!
//! Where it strays from the standard, that is told as a difference and put right: what is judged is the service.

mod compare;
mod heard;
mod tap;
#[cfg(test)]
mod tests;

pub use heard::{Cut, Difference, End, Heard, How, Stop};

use super::{
    super::{Endpoint, Exchange, Failed, Opening, Outgoing, Streaming},
    Limits,
};
use eventsource_client::{BoxStream, Client as _, ClientBuilder, Error, ReconnectOptions, SSE};
use futures_util::future::BoxFuture;
use http::{
    HeaderName, HeaderValue,
    header::{ACCEPT, CACHE_CONTROL},
};
use std::{
    fmt,
    future::{Future as _, poll_fn},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};
use tap::{State, Tap};
use tokio::time::{Instant, Sleep, sleep_until};

/// A connection that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// Which, from 0.
    pub attempt: u32,
    /// What it must send as `Last-Event-ID`.
    pub last_id: Option<String>,
}

/// Opens the connections of a client.
pub type Opener = Arc<dyn Fn(Ask) -> BoxFuture<'static, Result<Streaming, Box<Failed>>> + Send + Sync>;

/// What a client does.
#[derive(Clone)]
pub struct Setup {
    /// Opens its connections.
    pub open: Opener,
    /// What is kept in memory at most.
    pub limits: Limits,
    /// The last event id to begin with. Default: none.
    pub last_id: String,
    /// How long is waited before the client connects again where the service names no `retry`; half of it at least. Default: 100 ms.
    pub wait: Duration,
    /// How long is waited at most, whatever `retry` says. Default: 5 s.
    pub wait_most: Duration,
    /// Connections at most. Default: 100.
    pub attempts: u32,
    /// When each connection is cut, in order; further ones are not.
    pub cuts: Vec<Cut>,
}

impl Setup {
    /// With every default.
    #[must_use]
    pub fn new(open: Opener) -> Self {
        let (wait, wait_most) = (Duration::from_millis(100), Duration::from_secs(5));
        Self { open, limits: Limits::default(), last_id: String::new(), wait, wait_most, attempts: 100, cuts: Vec::new() }
    }

    /// The same with these cuts.
    #[must_use]
    pub fn cut(mut self, cuts: impl IntoIterator<Item = Cut>) -> Self {
        self.cuts = cuts.into_iter().collect();
        self
    }
}

impl fmt::Debug for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Setup").field("last_id", &self.last_id).field("cuts", &self.cuts).finish_non_exhaustive()
    }
}

/// Opens each connection by the same request, with its `Last-Event-ID`, and says that it takes event streams and wants no stored one.
#[must_use]
pub fn opener(exchange: Exchange, endpoint: Endpoint, out: Outgoing, opening: Opening) -> Opener {
    let mut out = out;
    for (name, value) in [(ACCEPT, "text/event-stream"), (CACHE_CONTROL, "no-store")] {
        if !out.headers.iter().any(|(given, _)| *given == name) {
            out.headers.push((name, HeaderValue::from_static(value)));
        }
    }
    Arc::new(move |ask| {
        let (exchange, endpoint, mut out, opening) = (exchange.clone(), endpoint.clone(), out.clone(), opening.clone());
        let name = HeaderName::from_static(LAST_EVENT_ID);
        out.headers.retain(|(given, _)| *given != name);
        // The tap has seen to it that it can be one.
        if let Some(Ok(id)) = ask.last_id.map(|id| HeaderValue::from_bytes(id.as_bytes())) {
            out.headers.push((name, id));
        }
        Box::pin(async move { exchange.open(&endpoint, &out, &opening).await })
    })
}

const LAST_EVENT_ID: &str = "last-event-id";

/// A client at work. It does nothing while [`Client::next`] is not awaited.
pub struct Client {
    state: Arc<Mutex<State>>,
    wait: Duration,
    wait_most: Duration,
    stream: Option<BoxStream<Result<SSE, Error>>>,
    /// Ends a wait that is too long.
    alarm: Option<Pin<Box<Sleep>>>,
}

impl Client {
    /// Opens nothing yet.
    #[must_use]
    pub fn new(setup: Setup) -> Self {
        let Setup { open, limits, last_id, wait, wait_most, attempts, cuts } = setup;
        let state = Arc::new(Mutex::new(State::new(open, limits, last_id, attempts, cuts)));
        let stream = Some(stream(&state, wait, false));
        Self { state, wait, wait_most, stream, alarm: None }
    }

    /// What happens next; none after [`Heard::Stopped`]. Nothing is lost where the future is dropped.
    pub async fn next(&mut self) -> Option<Heard> {
        poll_fn(|cx| self.poll(cx)).await
    }

    /// Cuts the connection that is open, if one is, as soon as [`Client::next`] is awaited.
    pub fn cut(&self, how: How) {
        self.lock().cut(how);
    }

    /// Events that the client itself has handed on so far.
    #[must_use]
    pub fn handed_on(&self) -> u64 {
        self.lock().compare.handed_on
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Heard>> {
        loop {
            {
                let mut state = self.lock();
                if let Some(heard) = state.heard.pop_front() {
                    return Poll::Ready(Some(heard));
                }
                if state.stop.is_some() && self.stream.is_some() {
                    drop(state);
                    // Its connection is closed with it, before anybody is told that it is over.
                    self.stream = None;
                    let mut state = self.lock();
                    if let Some(stop) = state.stop.clone() {
                        state.heard.push_back(Heard::Stopped(stop));
                    }
                    continue;
                }
            }
            let Some(stream) = &mut self.stream else { return Poll::Ready(None) };
            match stream.as_mut().poll_next(cx) {
                Poll::Ready(item) => self.told(item),
                Poll::Pending if !self.lock().heard.is_empty() || self.lock().stop.is_some() => {}
                Poll::Pending if self.is_overdue(cx) => {
                    let than = self.wait_most;
                    self.lock().differs(Difference::WaitsLonger { than });
                    self.again();
                }
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// What the client hands on. An error may hold a connection, whose end takes the lock: no arm drops one while it is held.
    fn told(&mut self, item: Option<Result<SSE, Error>>) {
        match item {
            Some(Ok(SSE::Event(event))) => self.lock().compare(&event.event_type, &event.data, event.id.as_deref()),
            Some(Ok(SSE::Connected(_) | SSE::Comment(_))) => {}
            Some(Err(error)) => {
                let words = error.to_string();
                match error {
                    Error::InvalidLine(_) | Error::InvalidEvent => self.lock().differs(Difference::Refused { error: words }),
                    // It cannot write the id into a header, and ends. Whether it can be written at all is found out anew.
                    Error::InvalidParameter(_) => {
                        self.lock().differs(Difference::Refused { error: words });
                        self.again();
                    }
                    other => {
                        drop(other);
                        self.lock().last_words = words;
                    }
                }
            }
            None => {
                let mut state = self.lock();
                let words = std::mem::take(&mut state.last_words);
                state.stop.get_or_insert(Stop::Client(words));
            }
        }
    }

    /// Lets it begin anew, at once.
    fn again(&mut self) {
        self.lock().waiting_since = None;
        self.stream = Some(stream(&self.state, self.wait, true));
    }

    /// It has been waiting for too long to connect again.
    fn is_overdue(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(since) = self.lock().waiting_since else {
            self.alarm = None;
            return false;
        };
        let at: Instant = since + self.wait_most;
        let alarm = match &mut self.alarm {
            Some(alarm) if alarm.deadline() == at => alarm,
            other => other.insert(Box::pin(sleep_until(at))),
        };
        alarm.as_mut().poll(cx).is_ready()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("is_over", &self.stream.is_none()).finish_non_exhaustive()
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    // Nothing panics while it holds the lock and leaves less than a whole state.
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The crate's own client. Where it goes is decided by the tap, so its URL is a name without an address.
fn stream(state: &Arc<Mutex<State>>, wait: Duration, again: bool) -> BoxStream<Result<SSE, Error>> {
    let reconnect = ReconnectOptions::reconnect(true).retry_initial(again).delay(wait).delay_max(wait).backoff_factor(1).build();
    let builder = ClientBuilder::for_url("http://stream.invalid/").expect("the URL is valid").reconnect(reconnect).redirect_limit(0);
    let last_id = lock(state).last_id.clone();
    let can_say = !last_id.is_empty() && HeaderValue::from_str(&last_id).is_ok();
    let builder = if can_say { builder.last_event_id(last_id) } else { builder };
    builder.build_with_transport(Tap(state.clone())).stream()
}
