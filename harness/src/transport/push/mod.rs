//! Sends a generated body and listens all the while: a refusal that comes in the middle ends the sending and is heard.
//!
//! HTTP/1 only sends on while nothing is there to be read, one piece at a time, so that what was sent before a refusal can be told.

mod after;
mod feed;
mod gzip;
mod leaving;
mod runs;

pub use after::After;
pub(crate) use feed::{Fed, Feed};
pub(crate) use leaving::{Leaving, all_left};
pub use runs::{Pieces, Runs};

use super::{
    answer::{Answer, Failed},
    ask::{BodyFactory, Endpoint, OutBody, Outgoing, Speak, Step, Wishes},
    connect,
    exchange::Exchange,
    h1::{self, Conn, Limit},
    h2,
    kernel::{self, Pair},
    permits::Held,
    pool::Key,
    request,
    trouble::{OwnTrouble, Stage, Trouble},
    upload::Upload,
    wire::Wire,
};
use futures_util::{StreamExt as _, stream};
use http::{HeaderName, HeaderValue, Method, header};
use serde::{Deserialize, Serialize};
use std::{future::poll_fn, sync::Arc, task::Poll, time::Duration};
use tokio::time::{Instant, sleep, timeout_at};

/// How often the kernel's queue is looked at once the time is over, and the time between: 2 s in all.
const LOOKS: u32 = 20;
const BETWEEN: Duration = Duration::from_millis(100);
/// How long a close is waited for where nothing else is said.
const LULL: Duration = Duration::from_millis(50);
/// How long a reset is waited for behind an answer that a plain client may have been lucky to see.
const BEHIND: Duration = Duration::from_millis(20);

/// How a body is sent.
#[derive(Clone, Debug)]
pub struct Push {
    /// The body.
    pub body: Runs,
    /// How it is framed.
    pub cut: Cut,
    /// Say `Expect: 100-continue` and wait so long for the word (RFC 9110 §10.1.1). Default: not said.
    pub expect: Option<Duration>,
    /// Stop after so many bytes of the body, for at most this long once they have left this machine: a final answer ends the wait and the sending.
    pub hold: Option<(u64, Duration)>,
    /// As a plain client does it: everything is written before anything is read, and a write that fails is the end. Such a client waits
    /// at its hold until there is something to read, or the time is over, and then writes on without reading, piece by piece.
    pub plain: bool,
    /// What is sent next on the same connection, if the answer leaves it open; first the rest of the body. With it, and where it is a plain
    /// client's, the kernel is not asked how much had left.
    pub next: Option<Outgoing>,
    /// How long a close is waited for before the rest of the body is sent for that: who closes in this time has closed with his answer.
    pub lull: Duration,
}

/// How the length of a body is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cut {
    /// By Content-Length.
    Whole,
    /// In chunks of at most 64 KiB.
    Chunks,
    /// In chunks, the last 64 KiB of the body in chunks of one byte.
    Tiny,
}

impl Push {
    /// Sends this body with its length told, as fast as it goes.
    #[must_use]
    pub fn new(body: Runs) -> Self {
        Self { body, cut: Cut::Whole, expect: None, hold: None, plain: false, next: None, lull: LULL }
    }

    /// Nothing is expected of who gets no content (RFC 9110 §10.1.1).
    fn expect(&self) -> Option<Duration> {
        self.expect.filter(|_| !self.body.is_empty())
    }
}

/// What came of it.
#[derive(Debug)]
pub struct Pushed {
    /// The answer, or the trouble with what was seen of one.
    pub outcome: Result<Answer, Box<Failed>>,
    /// How much was sent before it.
    pub sent: Sent,
    /// What came of the next request; none where none was to be sent, or no answer came.
    pub next: Option<After>,
}

/// How much of a body was sent when the final answer came, or when sending ended without one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// Bytes that the system had taken.
    pub handed: u64,
    /// Bytes that the other side's system had acknowledged, at most as many as were handed over; under TLS give or take its framing.
    /// Where the kernel does not count them: what was handed over.
    pub left: u64,
    /// Who counted `left`.
    pub by: Counter,
    /// All of it was handed over.
    pub whole: bool,
    /// `100 Continue` was waited for in vain, and the body sent all the same.
    pub unanswered: bool,
    /// `100 Continue` came.
    pub invited: bool,
    /// Some of it was still on its way, and moving, when the time was over.
    pub slow: bool,
    /// The time at its hold ran out without an answer.
    #[serde(default)]
    pub silent: bool,
    /// A plain client whose hold was silent had its answer, and then a reset: it was closed on bytes that were not read, and only who had
    /// written all of them by then could see the answer.
    #[serde(default)]
    pub torn: bool,
}

/// Who counted how much of a body had left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Counter {
    /// Nobody but the system that took it.
    #[default]
    Writes,
    /// The kernel, by what was acknowledged.
    Kernel,
    /// The HTTP/2 library that took it, and holds some of it back until there is room.
    Library,
}

impl Sent {
    /// What the system took: all that is known without the kernel's own count.
    pub(crate) fn of_writes(handed: u64, whole: bool) -> Self {
        Self { handed, left: handed, whole, ..Self::default() }
    }
}

impl Exchange {
    /// Sends one request with a generated body, on a connection of its own. The body of `out` is not looked at.
    ///
    /// With HTTP/2 the cut only says whether the length is told; nothing is expected, and nothing is sent next.
    pub async fn push(&self, endpoint: &Endpoint, out: &Outgoing, push: &Push, wishes: &Wishes) -> Pushed {
        let wishes = Wishes { fresh: true, follow_redirects: 0, ..wishes.clone() };
        if endpoint.version == Speak::Http2 {
            return self.push_http2(endpoint, out, push, &wishes).await;
        }
        let (wire, held, limit, mut answer) = match self.opened(endpoint, out, &wishes).await {
            Ok(opened) => opened,
            Err(failed) => return *failed,
        };
        let mut conn = Conn::new(wire, answer.remote, answer.tls.clone(), held);
        let through = endpoint.proxy.as_ref().filter(|_| out.url.scheme() == "http" && endpoint.unix.is_none());
        let framed = framed(out, push);
        let mut upload = Upload::push(request::head(&framed, &wishes, through), Feed::new(push, answer.phases.connect), self.permits());
        let mut written = Ok(());
        if push.plain {
            written = write_all(&mut conn, &mut upload, limit).await;
        }
        let outcome = match written {
            Ok(()) => h1::exchange(&mut conn, &mut upload, out.method == Method::HEAD, &wishes, limit, &mut answer).await,
            Err(trouble) => Err(trouble),
        };
        let outcome = match outcome {
            Ok(again) if upload.ended.is_none() => {
                let rest = rest_of_taken(&mut conn, &mut upload, limit).await;
                (answer.sent_body, answer.sent_whole) = (upload.sent_body, upload.whole);
                rest.map(|()| again)
            }
            other => other,
        };
        answer.ended = Instant::now();
        answer.phases.total = answer.ended - answer.began;
        let mut sent = upload.sent(&conn.wire).await;
        sent.torn = push.plain && sent.silent && outcome.is_ok() && h1::is_torn(&mut conn, BEHIND).await;
        if let Err(trouble) = &outcome {
            sent.slow = is_slow(trouble, &mut upload, &conn.wire, limit).await;
        }
        match outcome {
            Ok(again) => {
                let next = match push.next.as_ref().filter(|_| !push.plain) {
                    Some(next) => Some(after::next(self, &mut conn, &mut upload, &answer, next, &wishes, through, push.lull).await),
                    None => None,
                };
                if !again && next.is_none() && upload.whole {
                    conn.linger();
                }
                Pushed { outcome: Ok(answer), sent, next }
            }
            Err(trouble) => failed(trouble, answer, sent),
        }
    }

    /// A connection of its own, as soon as the permits allow, with the end of its time and the answer that begins with it.
    async fn opened(&self, endpoint: &Endpoint, out: &Outgoing, wishes: &Wishes) -> Result<(Wire, Held, Limit, Answer), Box<Pushed>> {
        self.permits().request().await;
        let mut answer = Answer::begun(Instant::now());
        let Some(key) = Key::of(endpoint, &out.url) else {
            return Err(Box::new(failed(Trouble::Own(OwnTrouble::Request), answer, Sent::default())));
        };
        let held = self.permits().connection(|| self.make_room()).await;
        answer.began = Instant::now();
        let total = wishes.timeouts.total;
        let limit = Limit { at: answer.began + total, total };
        match Box::pin(connect::open(&key, endpoint, wishes, self.tls(), limit.at, &mut answer)).await {
            Ok(wire) => Ok((wire, held, limit, answer)),
            Err(trouble) => Err(Box::new(failed(trouble, answer, Sent::default()))),
        }
    }

    async fn push_http2(&self, endpoint: &Endpoint, out: &Outgoing, push: &Push, wishes: &Wishes) -> Pushed {
        let (wire, held, limit, mut answer) = match self.opened(endpoint, out, wishes).await {
            Ok(opened) => opened,
            Err(failed) => return *failed,
        };
        let len = (push.cut == Cut::Whole).then(|| push.body.len());
        let mut out = out.clone();
        out.body = OutBody::Stream { len, factory: streamed(push, wire.pair()) };
        let talked = async {
            let conn = h2::Conn::open(wire, answer.remote, answer.tls.clone(), Some(held), wishes, limit).await?;
            conn.exchange(&out, wishes, limit, self.permits(), &mut answer).await
        }
        .await;
        answer.ended = Instant::now();
        answer.phases.total = answer.ended - answer.began;
        let sent = Sent { by: Counter::Library, ..Sent::of_writes(answer.sent_body, answer.sent_whole) };
        match talked {
            Ok(()) => Pushed { outcome: Ok(answer), sent, next: None },
            Err(trouble) => failed(trouble, answer, sent),
        }
    }
}

/// The body as a stream for the connection between these addresses, with its hold.
fn streamed(push: &Push, pair: Pair) -> BodyFactory {
    let (body, hold) = (push.body.clone(), push.hold);
    Arc::new(move || {
        let pieces = (body.pieces(), 0_u64, hold);
        stream::unfold(pieces, move |(mut pieces, mut given, mut hold)| async move {
            // Bounded by the window of the service, which is small: no piece need be cut at the hold.
            if let Some((_, time)) = hold.take_if(|(at, _)| given >= *at) {
                // It was taken by a library that hands it to the kernel when there is room: on a slow way that takes longer than the hold.
                all_left(pair, given, 2).await;
                sleep(time).await;
            }
            let piece = pieces.next()?;
            given += piece.len() as u64;
            Some((Ok(piece), (pieces, given, hold)))
        })
        .boxed()
    })
}

/// The request with the fields that tell its framing.
fn framed(out: &Outgoing, push: &Push) -> Outgoing {
    let mut out = out.clone();
    out.body = OutBody::Empty;
    let mut put = |name: HeaderName, value: HeaderValue| {
        out.headers.retain(|(given, _)| *given != name);
        out.headers.push((name, value));
    };
    match push.cut {
        Cut::Whole => put(header::CONTENT_LENGTH, push.body.len().into()),
        Cut::Chunks | Cut::Tiny => put(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked")),
    }
    if push.expect().is_some() {
        put(header::EXPECT, HeaderValue::from_static("100-continue"));
    }
    out
}

/// Sends the rest of a body to who has said before its end that he takes it. Where he closes the connection instead, it is not whole.
///
/// # Errors
/// Where the time is over, or this machine is in trouble.
async fn rest_of_taken(conn: &mut Conn, upload: &mut Upload, limit: Limit) -> Step<()> {
    match h1::rest(conn, upload, limit).await {
        Err(trouble @ (Trouble::TotalTimeout { .. } | Trouble::Own(_))) => Err(trouble),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Whether the time was over while the body still went out. The kernel's queue tells: nothing is put into it any more, so where it gets
/// shorter the way is slow, and where it does not nobody reads. Where it is not known: whether some was taken in the last half of the time.
async fn is_slow(trouble: &Trouble, upload: &mut Upload, wire: &Wire, limit: Limit) -> bool {
    if !matches!(trouble, Trouble::TotalTimeout { .. } | Trouble::FirstByteTimeout { .. }) {
        return false;
    }
    let Some(first) = unsent(wire).await else { return upload.moved_since(limit.at - limit.total / 2) };
    if first == 0 {
        return upload.ended.is_none() && !upload.is_waiting();
    }
    for _ in 0..LOOKS {
        sleep(BETWEEN).await;
        if unsent(wire).await.is_some_and(|waiting| waiting < first) {
            return true;
        }
    }
    false
}

/// Bytes that the kernel still holds, where it tells.
async fn unsent(wire: &Wire) -> Option<u64> {
    kernel::unsent_of(wire.pair()).await.ok().flatten()
}

/// Writes everything without reading; a write that fails ends it.
async fn write_all(conn: &mut Conn, upload: &mut Upload, limit: Limit) -> Step<()> {
    let late = |_| Trouble::TotalTimeout { after: limit.total, stage: Stage::Send, got: 0 };
    loop {
        let stepped = timeout_at(
            limit.at,
            poll_fn(|cx| match upload.poll(&mut conn.wire, cx) {
                Poll::Ready(step) => Poll::Ready(step.map(|()| true)),
                // It does not read, but the answer is there: the next write is the one that a reset would break.
                Poll::Pending if upload.is_holding() => conn.wire.poll_readable(cx).map(|()| Ok(false)),
                Poll::Pending => Poll::Pending,
            }),
        )
        .await;
        if !stepped.map_err(late)?? {
            upload.release();
            continue;
        }
        if upload.whole {
            return Ok(());
        }
        let detail = conn.wire.write_error().map_or_else(|| "closed by the service".to_owned(), |kind| kind.to_string());
        return Err(Trouble::WriteFailed { sent: upload.sent_body, detail });
    }
}

fn failed(trouble: Trouble, mut answer: Answer, sent: Sent) -> Pushed {
    answer.ended = Instant::now();
    answer.phases.total = answer.ended - answer.began;
    let Answer { phases, began, ended, remote, reused, .. } = answer;
    let partial = (answer.status != 0).then_some(answer);
    Pushed { outcome: Err(Box::new(Failed { trouble, phases, began, ended, remote, reused, partial })), sent, next: None }
}
