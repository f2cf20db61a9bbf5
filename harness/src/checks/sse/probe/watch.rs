//! Drives jobs while some streams are read, until each job has ended on the first of them.

use super::deadline::{self, Deadline};
use super::drive::Driver;
use super::reader::{Reader, Step};
use crate::checks::sse::look::{Ledger, Tape};
use crate::checks::sse::spec::Spec;
use crate::kind::{Context, ProbeError};
use std::collections::HashSet;
use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

/// How long is waited for what must not come, once everything that must has come.
const AFTERWARDS: Duration = Duration::from_millis(300);
/// Where nothing says what ends a job: it has ended when nothing came for so long.
const QUIET: Duration = Duration::from_millis(500);

/// A stream, and where it is written.
pub(super) struct Watched<'r, 's> {
    pub(super) reader: &'r mut Reader<'s>,
    pub(super) tape: &'r mut Tape,
}

/// How far the first stream is.
#[derive(Default)]
struct Progress {
    read: usize,
    begun: HashSet<String>,
    ended: HashSet<String>,
}

/// Reads until every job has ended on the first stream and a little longer, that stream is over, or its time is up.
///
/// # Errors
/// Where a request cannot be made.
pub(super) async fn drive(
    spec: &Spec,
    driver: &mut Driver<'_>,
    ledger: &mut Ledger,
    streams: &mut [Watched<'_, '_>],
    cx: &Context,
) -> Result<(), ProbeError> {
    let mut progress = Progress::default();
    let mut driven: Option<Deadline> = None;
    let mut last = cx.stopwatch().now();
    loop {
        if driver.is_done() {
            driven.get_or_insert_with(|| Deadline::after(cx, spec.b.drains_within()));
        }
        if let Some(first) = streams.first() {
            progress.note(spec, first.tape);
        }
        let end = driven.map(|latest| {
            let quiet = Deadline::since(last, if spec.b.ends_with.is_some() { AFTERWARDS } else { QUIET });
            latest.sooner(Some(quiet).filter(|_| progress.has_all(spec, ledger)), cx)
        });
        tokio::select! {
            stepped = driver.step(ledger), if !driver.is_done() => stepped?,
            came = any(streams, cx) => if came {
                last = cx.stopwatch().now();
            },
            () = deadline::wait(end, cx) => return Ok(()),
        }
        cx.saw(format!("{} jobs, {} events", ledger.jobs.len(), streams.first().map_or(0, |s| s.tape.events)));
        let is_overrun = driven.is_some_and(|latest| latest.is_overrun(cx));
        if is_overrun || !streams.first().is_some_and(|s| s.reader.is_open()) {
            return Ok(());
        }
    }
}

/// Waits for the next piece on any of the streams; with none open, for ever. Whether it brought an event. Each is asked every time, so
/// that one that always has more does not hold up the others.
pub(super) async fn any(streams: &mut [Watched<'_, '_>], cx: &Context) -> bool {
    poll_fn(|task| {
        let mut came = None;
        for stream in streams.iter_mut().filter(|s| s.reader.is_open()) {
            let before = stream.tape.events;
            if let Poll::Ready(step) = stream.reader.poll_step(task, cx, stream.tape, &mut |_, _| {}) {
                let is_event = matches!(step, Step::Came(_)) && stream.tape.events > before;
                came = Some(came.unwrap_or(false) || is_event);
            }
        }
        came.map_or(Poll::Pending, Poll::Ready)
    })
    .await
}

impl Progress {
    fn note(&mut self, spec: &Spec, tape: &Tape) {
        for arrival in &tape.arrivals[self.read..] {
            let Some(job) = &arrival.job else { continue };
            self.begun.insert(job.clone());
            if spec.b.is_terminal(&arrival.name) {
                self.ended.insert(job.clone());
            }
        }
        self.read = tape.arrivals.len();
    }

    fn has_all(&self, spec: &Spec, ledger: &Ledger) -> bool {
        let done = if spec.b.ends_with.is_some() { &self.ended } else { &self.begun };
        done.len() >= ledger.jobs.len() && ledger.jobs.iter().all(|j| done.contains(&j.id))
    }
}
