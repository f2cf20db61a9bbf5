//! Opens one stream and writes it onto its tape, piece by piece.

use super::broken::broken;
use super::marks::Marks;
use crate::checks::sse::look::{Arrival, Ended, Slip, Tape};
use crate::checks::sse::spec::{LINE, Spec};
use crate::kind::{Call, Context, How, ProbeError, Seen};
use crate::transport::sse::{Item, Limits, Parser};
use crate::transport::{Opening, Streaming, Timeouts, Trouble};
use crate::words::Request;
use std::future::poll_fn;
use std::task::{Poll, ready};
use std::time::{Duration, Instant};

/// Events that are kept of a stream that is looked at for its beginning alone.
pub(super) const FEW_EVENTS: usize = 100;
/// Reading a piece for so long is a stall of ours.
const BUSY: Duration = Duration::from_millis(5);
/// How long the body of an answer that is no stream is read for, as evidence.
const EVIDENCE: Duration = Duration::from_millis(500);

/// How a stream is opened.
#[derive(Clone, Debug)]
pub(super) struct Wish<'w> {
    /// Which one it is, for people.
    pub(super) name: &'w str,
    /// Resume after this id.
    pub(super) last_id: Option<&'w str>,
    /// Offer gzip.
    pub(super) gzip: bool,
    /// Bytes of a line at most.
    pub(super) line: usize,
    /// Events that are kept at most. Default: as many as a tape holds.
    pub(super) keep: usize,
    /// Size of the receive buffer; none: the system's.
    pub(super) receive_buffer: Option<u32>,
    /// Longest wait for the head. Default: what the spec says.
    pub(super) patience: Option<Duration>,
}

impl Default for Wish<'_> {
    fn default() -> Self {
        Self { name: "", last_id: None, gzip: false, line: LINE, keep: usize::MAX, receive_buffer: None, patience: None }
    }
}

/// A stream that is open.
#[derive(Debug)]
pub(super) struct Reader<'s> {
    origin: Instant,
    /// When the head was whole.
    opened: Instant,
    marks: Marks<'s>,
    stream: Option<Streaming>,
    parser: Parser<Duration>,
    keep: usize,
}

/// What one piece brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Bytes, and so perhaps events.
    Came(Instant),
    /// Nothing more will come.
    Over,
}

impl<'s> Reader<'s> {
    /// Opens a stream. What came of it stands on the tape; none: it is no event stream.
    ///
    /// # Errors
    /// Where the request cannot be made, or this machine has no room for it.
    pub(super) async fn open(
        spec: &'s Spec,
        request: &Request,
        wish: &Wish<'_>,
        cx: &Context,
        origin: Instant,
        tape: &mut Tape,
    ) -> Result<Option<Self>, ProbeError> {
        let (how, mut opening) = opening(wish.patience.unwrap_or_else(|| spec.b.head()), wish.last_id, wish.gzip);
        opening.receive_buffer = wish.receive_buffer;
        let opened = cx.open(request, &how, &opening).await?;
        wish.name.clone_into(&mut tape.name);
        tape.took = opened.took;
        let (mut answer, mut stream) = match opened.stream {
            Ok(stream) => (Ok(stream.answer().clone()), Some(stream)),
            Err(failed) => (Err(failed), None),
        };
        let head = |answer| {
            let call = Call {
                took: opened.took,
                began: opened.began,
                answer,
                sent: opened.sent.clone(),
                again: opened.again.clone(),
                request_id: opened.request_id.clone(),
                trace_id: opened.trace_id.clone(),
            };
            head_of(call, cx, origin)
        };
        tape.head = head(answer.clone());
        let whole = opened.began + opened.took.hi;
        tape.opened = whole.saturating_duration_since(origin);
        if !tape.is_event_stream() {
            if let (Ok(answer), Some(stream)) = (&mut answer, &mut stream) {
                evidence(stream, &mut answer.body).await;
                answer.body_len = answer.body.len() as u64;
            }
            tape.head = head(answer);
            return Ok(None);
        }
        Ok(Some(Self::on(spec, wish, origin, whole, stream)))
    }

    /// A reader of what comes behind a head that was whole at `opened`.
    pub(super) fn on(spec: &'s Spec, wish: &Wish<'_>, origin: Instant, opened: Instant, stream: Option<Streaming>) -> Self {
        let limits = Limits { line: wish.line, ..Limits::default() };
        let parser = Parser::resuming(limits, wish.last_id.unwrap_or_default());
        Self { origin, opened, marks: Marks::of(spec), stream, parser, keep: wish.keep }
    }

    /// When the head was whole.
    pub(super) fn opened(&self) -> Instant {
        self.opened
    }

    /// Leaves the stream by a reset.
    pub(super) fn abort(self) {
        if let Some(stream) = self.stream {
            stream.abort();
        }
    }

    /// Whether more can come.
    pub(super) fn is_open(&self) -> bool {
        self.stream.is_some()
    }

    /// What a client would resume after.
    pub(super) fn last_id(&self) -> &str {
        self.parser.last_event_id()
    }

    /// Writes the next piece onto the tape. Nothing is lost where the future is dropped.
    pub(super) async fn step(&mut self, cx: &Context, tape: &mut Tape) -> Step {
        poll_fn(|task| self.poll_step(task, cx, tape, &mut |_, _| {})).await
    }

    /// The same for those who poll several; `on` sees each event with its data.
    pub(super) fn poll_step(
        &mut self,
        task: &mut std::task::Context<'_>,
        cx: &Context,
        tape: &mut Tape,
        on: &mut impl FnMut(&Arrival, &str),
    ) -> Poll<Step> {
        let Some(stream) = &mut self.stream else { return Poll::Ready(Step::Over) };
        match ready!(stream.poll_next(task)) {
            Ok(Some(piece)) => Poll::Ready(self.take(&piece.bytes, piece.at.into_std(), cx, tape, on)),
            Ok(None) => {
                self.end(None, tape);
                Poll::Ready(Step::Over)
            }
            Err(trouble) => {
                self.end(Some(trouble), tape);
                Poll::Ready(Step::Over)
            }
        }
    }

    /// Writes bytes that came at `at` onto the tape.
    pub(super) fn take(&mut self, bytes: &[u8], at: Instant, cx: &Context, tape: &mut Tape, on: &mut impl FnMut(&Arrival, &str)) -> Step {
        tape.first_byte.get_or_insert_with(|| cx.stopwatch().between(self.opened, at));
        tape.bytes += bytes.len() as u64;
        let (marks, began) = (self.marks, cx.stopwatch().now());
        self.parser.feed(bytes, at.saturating_duration_since(self.origin), &mut |item| write(item, &|at| at, &marks, tape, on));
        let ended = cx.stopwatch().now();
        if ended.saturating_duration_since(began) >= BUSY {
            // Whatever comes meanwhile is read late, and that is our doing.
            cx.stopwatch().stalls().note(began, ended);
        }
        tape.truncate(self.keep);
        if tape.is_full() {
            tape.is_flood = true;
            self.stream = None;
        } else if self.parser.is_done() {
            self.stream = None;
        }
        Step::Came(at)
    }

    fn end(&mut self, trouble: Option<Trouble>, tape: &mut Tape) {
        self.stream = None;
        let limits = Limits::default();
        let last = self.parser.last_event_id().to_owned();
        // The parser stays to tell the last id; what it held of an event is told and forgotten.
        let tail = std::mem::replace(&mut self.parser, Parser::resuming(limits, &last)).end();
        let in_event = tail.incomplete;
        tape.ended = Some(match trouble {
            None => Ended::Whole { in_event },
            Some(trouble) => broken(&trouble, in_event, tape),
        });
    }
}

/// How every stream of a check is asked for.
pub(super) fn opening(patience: Duration, last_id: Option<&str>, gzip: bool) -> (How, Opening) {
    let mut how = How::caller(patience).with_header("accept", "text/event-stream").with_header("cache-control", "no-cache");
    if let Some(id) = last_id {
        how = how.with_header("last-event-id", id);
    }
    if !gzip {
        // Without it any coding may be chosen (RFC 9110, section 12.5.3), and none is undone here.
        how = how.with_header("accept-encoding", "identity");
    }
    let timeouts = Timeouts { connect: patience, first_byte: patience, total: patience };
    (how, Opening { timeouts, decode: gzip, ..Opening::default() })
}

/// The head of an answer, as evidence.
pub(super) fn head_of(call: Call, cx: &Context, origin: Instant) -> Seen {
    Seen::of(&call, cx.stopwatch(), origin)
}

/// Puts one item where it belongs; `since` tells how long after the beginning of the check its time is.
pub(super) fn write<T: Copy>(
    item: Item<T>,
    since: &impl Fn(T) -> Duration,
    marks: &Marks<'_>,
    tape: &mut Tape,
    on: &mut impl FnMut(&Arrival, &str),
) {
    match item {
        Item::Event(event) => {
            tape.events += 1;
            if !tape.is_full() {
                let arrival = marks.read(&event, since(event.at));
                on(&arrival, &event.data);
                tape.keep(arrival);
            }
        }
        Item::Comment { head, .. } => {
            tape.comments += 1;
            tape.comment.get_or_insert(head);
        }
        Item::Retry { millis, .. } => tape.retry = Some(tape.retry.map_or(millis, |before| before.min(millis))),
        Item::Fault { at, fault } => tape.slip(Slip { name: fault.name().to_owned(), text: fault.to_string(), at: since(at) }),
    }
}

/// The beginning of a body that is no stream.
async fn evidence(stream: &mut Streaming, body: &mut Vec<u8>) {
    let read = async {
        while body.len() < Seen::BODY {
            match stream.next().await {
                Ok(Some(piece)) => body.extend_from_slice(&piece.bytes),
                Ok(None) | Err(_) => break,
            }
        }
    };
    // An error page that goes on for ever has been seen well enough.
    _ = tokio::time::timeout(EVIDENCE, read).await;
    body.truncate(Seen::BODY);
}
