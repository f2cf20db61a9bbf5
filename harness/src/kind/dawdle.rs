//! A caller that is slow on purpose, as kinds use it.

use super::context::Prepared;
use super::{Context, How, ProbeError, Stopwatch};
use crate::model::Interval;
use crate::transport::dawdle::{self, Dawdle, Ending, Heard, Shown};
use crate::transport::{Endpoint, Failed, Outgoing, OwnTrouble, Trouble};
use crate::words::Request;
use std::time::{Duration, Instant};

/// A connection on which a request goes out as slowly as a kind likes. Dropped, it is closed.
pub struct Dawdler {
    inner: Dawdle,
    watch: Stopwatch,
    out: Outgoing,
    endpoint: Endpoint,
    /// What is sent, secrets masked: `GET /ready`.
    pub sent: String,
    /// The time to wait for the end counts from here at the earliest, and from there at the latest.
    from: (Instant, Instant),
}

/// What the other side did to a slow caller.
#[derive(Clone, Debug)]
pub struct Cut {
    /// From what began the time to the first byte of an answer or the end, or to the end of our patience: `lo` is when it was surely
    /// still silent, `hi` when something was noticed. Stalls of this machine need no other allowance.
    pub took: Interval,
    /// The status of the answer, and its beginning, if there was one.
    pub status: Option<u16>,
    /// The beginning of what was said.
    pub said: String,
    /// Whether anything was said.
    pub is_answered: bool,
    /// Whether the connection has ended, and by a reset.
    pub ended: Option<Ending>,
    /// Whether it was given up because the environment did not allow one byte more.
    pub is_spent: bool,
}

impl Context {
    /// Opens a connection for this request, and sends nothing on it.
    ///
    /// # Errors
    /// [`ProbeError`] as from [`Context::call`]; inside, what stood in the way of a connection.
    pub async fn dawdle(&self, request: &Request, how: &How) -> Result<Result<Dawdler, Box<Failed>>, ProbeError> {
        let Prepared { out, endpoint, .. } = self.prepare(request, how)?;
        match self.exchange().dawdle(&endpoint, &out, &how.wishes).await {
            Ok(inner) => {
                let from = (inner.began.into_std(), self.stopwatch().now());
                let (watch, sent) = (self.stopwatch().clone(), out.shown.clone());
                Ok(Ok(Dawdler { inner, watch, out, endpoint: endpoint.into_owned(), sent, from }))
            }
            Err(failed) if failed.trouble.own().is_some() => Err(ProbeError(format!("{}: {failed}", out.shown))),
            Err(failed) => Ok(Err(failed)),
        }
    }
}

impl Dawdler {
    /// Length of the body, in bytes.
    #[must_use]
    pub fn body_len(&self) -> usize {
        self.inner.body_len()
    }

    /// Sends the head but for its end. The time counts from the dial on, since a service may count from there.
    ///
    /// # Errors
    /// [`ProbeError`] where this machine is to blame; inside, what stood in the way, such as an environment that allows no more bytes.
    pub async fn send_head(&mut self) -> Result<Result<(), Trouble>, ProbeError> {
        let sent = self.inner.send_head().await;
        self.from.1 = self.watch.now();
        self.told(sent)
    }

    /// Sends the head and so many bytes of the body. The time counts from there.
    ///
    /// # Errors
    /// As [`Dawdler::send_head`].
    pub async fn send_body(&mut self, bytes: usize) -> Result<Result<(), Trouble>, ProbeError> {
        self.from.0 = self.watch.now();
        let sent = self.inner.send_body(bytes).await;
        self.from.1 = self.watch.now();
        self.told(sent)
    }

    /// Sends the whole request and reads its answer. The time counts from there. Gives the status, and this where the connection stays.
    ///
    /// # Errors
    /// As [`Dawdler::send_head`].
    pub async fn ask(self) -> Result<Result<(u16, Option<Self>), Box<Failed>>, ProbeError> {
        let Self { inner, watch, out, endpoint, sent, .. } = self;
        let asked = watch.now();
        match inner.ask().await {
            Ok((answer, on)) => {
                let from = (asked, watch.now());
                Ok(Ok((answer.status, on.map(|inner| Self { inner, watch, out, endpoint, sent, from }))))
            }
            Err(failed) if is_ours(&failed.trouble) => Err(ProbeError(format!("{sent}: {failed}"))),
            Err(failed) => Ok(Err(failed)),
        }
    }

    /// Waits until the connection is ended, at most so long from what began the time; a byte more goes out each `drip`.
    pub async fn listen(&mut self, within: Duration, drip: Option<Duration>) -> Cut {
        let (earliest, latest) = self.from;
        let end = tokio::time::Instant::from_std(latest + within);
        let Heard { quiet, said, status, bytes, ended, is_spent } = self.inner.listen(end, drip).await;
        let first = [said, ended.map(|(at, _)| at)].into_iter().flatten().min();
        let at = first.map_or_else(|| self.watch.now(), tokio::time::Instant::into_std);
        let quiet = quiet.map_or(latest, tokio::time::Instant::into_std);
        let took = Interval { lo: quiet.saturating_duration_since(latest), hi: at.saturating_duration_since(earliest) };
        Cut { took, status, said: beginning(&bytes), is_answered: said.is_some(), ended: ended.map(|(_, how)| how), is_spent }
    }

    /// A command for a shell that is as slow for so long.
    #[must_use]
    pub fn again(&self, shown: Shown, time: Duration) -> String {
        dawdle::dawdling(&self.endpoint, &self.out, shown, time)
    }

    fn told(&self, sent: Result<(), Trouble>) -> Result<Result<(), Trouble>, ProbeError> {
        match sent {
            Err(trouble) if is_ours(&trouble) => Err(ProbeError(format!("{}: {trouble}", self.sent))),
            other => Ok(other),
        }
    }
}

/// Whether this machine is to blame. What the environment does not allow is nobody's fault.
fn is_ours(trouble: &Trouble) -> bool {
    trouble.own().is_some_and(|own| own != OwnTrouble::UploadSpent)
}

/// The first line of what was said, for people.
fn beginning(bytes: &[u8]) -> String {
    let line = bytes.split(|b| *b == b'\r' || *b == b'\n').next().unwrap_or_default();
    String::from_utf8_lossy(&line[..line.len().min(100)]).into_owned()
}
