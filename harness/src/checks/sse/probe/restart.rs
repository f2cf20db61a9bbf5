//! Drives jobs, has the service ended and started again, drives more, and comes back with the last id of before.

use super::deadline::Deadline;
use super::drive::Driver;
use super::reader::{Reader, Step, Wish};
use super::room;
use super::watch::{self, Watched};
use crate::checks::sse::look::{Driven, Observation, Tape};
use crate::checks::sse::spec::{Drive, Spec};
use crate::checks::sse::table;
use crate::kind::{Context, ProbeError, Weight};
use crate::model::FaultKind;
use crate::reader::With;
use crate::words::Request;
use std::time::{Duration, Instant};

/// Jobs that are enough on either side.
const JOBS: u32 = 10;
/// How long a stream is waited for once the service runs again, and how long lies between two tries.
const AGAIN: Duration = Duration::from_secs(10);
const STEP: Duration = Duration::from_millis(50);
/// How long the answer to the old id is read for.
const SIGNAL: Duration = Duration::from_secs(2);

pub(super) async fn probe(
    spec: &Spec,
    part: &str,
    drive: &With<Request, Drive>,
    cx: &Context,
    seen: &mut Observation,
) -> Result<(), ProbeError> {
    let origin = seen.origin(cx);
    let Some(_room) = room::claim(1, &[table::IDENTIFIED], cx, seen).await else { return Ok(()) };
    let seen = &mut seen.restart;
    let Some(before) = open(spec, "before", None, cx, origin, &mut seen.before.tape).await? else { return Ok(()) };
    seen.last_id = run(spec, drive, before, cx, origin, &mut seen.before).await?;
    if seen.before.ledger.jobs.is_empty() {
        return Ok(());
    }
    cx.saw("the service is ended and started again");
    let began = cx.stopwatch().now();
    let lease = match cx.stand().inject(part, FaultKind::Restart).await {
        Ok(lease) => lease,
        Err(why) => {
            seen.failed = Some(why.0);
            return Ok(());
        }
    };
    let again = tokio::time::Instant::now() + AGAIN;
    let after = loop {
        seen.after.tape = Tape::default();
        let opened = open(spec, "after", None, cx, origin, &mut seen.after.tape).await?;
        if opened.is_some() || seen.after.tape.head.weight() == Weight::Proof || tokio::time::Instant::now() >= again {
            break opened;
        }
        tokio::time::sleep(STEP).await;
    };
    if let Some(after) = after {
        seen.back = Some(cx.stopwatch().since(began));
        run(spec, drive, after, cx, origin, &mut seen.after).await?;
        if let Some(last_id) = seen.last_id.clone() {
            let tape = seen.resumed.insert(Tape::default());
            if let Some(mut reader) = open(spec, "resumed", Some(&last_id), cx, origin, tape).await? {
                // Until a signal is there, or all that came since.
                let jobs = seen.after.ledger.ids();
                let ours = |tape: &Tape| tape.arrivals.iter().filter(|a| a.job.as_deref().is_some_and(|j| jobs.contains(j))).count();
                let due = ours(&seen.after.tape);
                let is_told = |tape: &Tape| tape.begins(|name| spec.b.is_resync(name)).is_some_and(|a| spec.b.is_resync(&a.name));
                let mut passed = (0, 0);
                let read = async {
                    while passed.1 < due && !is_told(tape) && reader.step(cx, tape).await != Step::Over {
                        if tape.arrivals.len() > passed.0 {
                            passed = (tape.arrivals.len(), ours(tape));
                        }
                    }
                };
                Deadline::after(cx, SIGNAL).bound(cx, read).await;
            }
            seen.is_watched = true;
        }
    }
    // A restart leaves nothing to undo; were it not so, the core's look at the stand would tell.
    let _ = lease.mend().await;
    Ok(())
}

async fn open<'s>(
    spec: &'s Spec,
    name: &str,
    last_id: Option<&str>,
    cx: &Context,
    origin: Instant,
    tape: &mut Tape,
) -> Result<Option<Reader<'s>>, ProbeError> {
    Reader::open(spec, &spec.a, &Wish { name, last_id, line: spec.b.line(), ..Wish::default() }, cx, origin, tape).await
}

/// Drives some jobs on a stream; the id of its last event.
async fn run(
    spec: &Spec,
    drive: &With<Request, Drive>,
    mut reader: Reader<'_>,
    cx: &Context,
    origin: Instant,
    seen: &mut Driven,
) -> Result<Option<String>, ProbeError> {
    let mut driver = Driver::new(cx, &drive.a, &drive.b.id.value, origin, &[(drive.b.jobs().min(JOBS), drive.b.step())]);
    let mut streams = [Watched { reader: &mut reader, tape: &mut seen.tape }];
    watch::drive(spec, &mut driver, &mut seen.ledger, &mut streams, cx).await?;
    seen.is_drained = true;
    Ok(Some(reader.last_id().to_owned()).filter(|id| !id.is_empty()))
}
