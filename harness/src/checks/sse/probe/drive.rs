//! Makes jobs at a rate, and writes those that are acknowledged into the ledger.

use super::marks::{one, text};
use crate::checks::sse::look::{Job, Ledger};
use crate::checks::sse::spec::SUBMIT;
use crate::kind::{BoxFuture, Call, Context, How, ProbeError, Seen};
use crate::words::{Document, Path, Request};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use std::time::{Duration, Instant};
use tokio::time::sleep_until;

/// Submits under way at once: a service that does not answer gets no more of them.
const IN_FLIGHT: usize = 64;

/// A drive of jobs.
pub(super) struct Driver<'c> {
    cx: &'c Context,
    request: &'c Request,
    id: &'c Path,
    origin: Instant,
    calls: FuturesUnordered<BoxFuture<'c, Result<Call, ProbeError>>>,
    /// Jobs that are still to be made, and the time between two of them: phase by phase.
    phases: Vec<(u32, Duration)>,
    due: tokio::time::Instant,
}

impl<'c> Driver<'c> {
    /// A drive that makes so many jobs at each pace, one phase after the other.
    pub(super) fn new(cx: &'c Context, request: &'c Request, id: &'c Path, origin: Instant, phases: &[(u32, Duration)]) -> Self {
        let mut phases: Vec<_> = phases.iter().copied().filter(|(jobs, _)| *jobs > 0).collect();
        phases.reverse();
        Self { cx, request, id, origin, calls: FuturesUnordered::new(), phases, due: tokio::time::Instant::now() }
    }

    /// All jobs were made and answered.
    pub(super) fn is_done(&self) -> bool {
        self.phases.is_empty() && self.calls.is_empty()
    }

    /// Makes no more jobs.
    pub(super) fn stop(&mut self) {
        self.phases.clear();
    }

    /// Waits for the next thing to do and does it: a job that is due, or an answer. Nothing is lost where the future is dropped.
    ///
    /// # Errors
    /// Where a request cannot be made.
    pub(super) async fn step(&mut self, ledger: &mut Ledger) -> Result<(), ProbeError> {
        let is_due = !self.phases.is_empty() && self.calls.len() < IN_FLIGHT;
        tokio::select! {
            Some(call) = self.calls.next(), if !self.calls.is_empty() => {
                note(&call?, self.id, self.cx, self.origin, ledger);
            }
            () = sleep_until(self.due), if is_due => self.submit(ledger),
            else => {}
        }
        Ok(())
    }

    fn submit(&mut self, ledger: &mut Ledger) {
        let Some((left, pace)) = self.phases.last_mut() else { return };
        *left -= 1;
        // What is late is not made up for: a burst would be produced together.
        self.due = (self.due + *pace).max(tokio::time::Instant::now());
        if *left == 0 {
            self.phases.pop();
        }
        ledger.sent = ledger.sent.saturating_add(1);
        let (cx, request) = (self.cx, self.request);
        self.calls.push(Box::pin(async move { cx.call(request, &How::caller(SUBMIT)).await }));
    }
}

/// Makes one job and waits for its answer.
///
/// # Errors
/// Where the request cannot be made.
pub(super) async fn submit(
    cx: &Context,
    request: &Request,
    id: &Path,
    origin: Instant,
    ledger: &mut Ledger,
) -> Result<Option<Job>, ProbeError> {
    ledger.sent = ledger.sent.saturating_add(1);
    let call = cx.call(request, &How::caller(SUBMIT)).await?;
    Ok(note(&call, id, cx, origin, ledger))
}

/// Writes an answer into the ledger.
fn note(call: &Call, id: &Path, cx: &Context, origin: Instant, ledger: &mut Ledger) -> Option<Job> {
    let since = |at: Instant| at.saturating_duration_since(origin);
    let found = match &call.answer {
        Ok(answer) if (200..300).contains(&answer.status) && answer.body_complete => {
            Document::read(&answer.body).ok().and_then(|document| text(one(&document, id)?))
        }
        _ => None,
    };
    let Some(found) = found else {
        ledger.refused = ledger.refused.saturating_add(1);
        ledger.refusal.get_or_insert_with(|| Seen::of(call, cx.stopwatch(), origin));
        return None;
    };
    let job = Job { id: found, sent: since(call.began), answered: since(call.began + call.took.hi) };
    ledger.add(job.clone());
    Some(job)
}
