//! Drives jobs while some streams are read, until each job has ended on the first of them.

use super::drive::Driver;
use super::reader::{Reader, Step};
use crate::checks::sse::look::{Ledger, Tape};
use crate::checks::sse::spec::Spec;
use crate::kind::{Context, ProbeError};
use std::collections::HashSet;
use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

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
    let mut driven: Option<Instant> = None;
    let mut last = Instant::now();
    loop {
        if driver.is_done() {
            driven.get_or_insert_with(Instant::now);
        }
        if let Some(first) = streams.first() {
            progress.note(spec, first.tape);
        }
        let end = driven.map(|driven| {
            let latest = driven + spec.b.drains_within();
            if progress.has_all(spec, ledger) {
                latest.min(last + if spec.b.ends_with.is_some() { AFTERWARDS } else { QUIET })
            } else {
                latest
            }
        });
        tokio::select! {
            stepped = driver.step(ledger), if !driver.is_done() => stepped?,
            came = any(streams, cx) => if came {
                last = Instant::now();
            },
            () = sleep_until(end.unwrap_or_else(Instant::now)), if end.is_some() => return Ok(()),
        }
        cx.saw(format!("{} jobs, {} events", ledger.jobs.len(), streams.first().map_or(0, |s| s.tape.events)));
        if !streams.first().is_some_and(|s| s.reader.is_open()) {
            return Ok(());
        }
    }
}

/// Waits for the next piece on any of the streams; with none open, for ever. Whether it brought an event.
pub(super) async fn any(streams: &mut [Watched<'_, '_>], cx: &Context) -> bool {
    poll_fn(|task| {
        for stream in streams.iter_mut().filter(|s| s.reader.is_open()) {
            let before = stream.tape.events;
            if let Poll::Ready(step) = stream.reader.poll_step(task, cx, stream.tape, &mut |_, _| {}) {
                return Poll::Ready(matches!(step, Step::Came(_)) && stream.tape.events > before);
            }
        }
        Poll::Pending
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
