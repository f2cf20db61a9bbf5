//! Watches the streams of single jobs to their end, and knocks once more after it.

use super::deadline::Deadline;
use super::drive;
use super::reader::{FEW_EVENTS, Reader, Step, Wish};
use crate::checks::sse::look::{Ledger, Observation, Own, Tape};
use crate::checks::sse::spec::{Drive, ID, Spec};
use crate::kind::{Context, ProbeError};
use crate::reader::With;
use crate::words::{Json, Path, Request};
use std::time::{Duration, Instant};

/// Jobs that are made to be watched.
const GOOD: usize = 2;
/// How long the end of a stream is waited for once its terminal event was there, and whether a second one ends.
const END: Duration = Duration::from_secs(2);

pub(super) async fn probe(spec: &Spec, drive: &With<Request, Drive>, cx: &Context, seen: &mut Observation) -> Result<(), ProbeError> {
    let Some(per_job) = &spec.b.per_job else { return Ok(()) };
    let origin = seen.origin(cx);
    for _ in 0..GOOD {
        seen.ends.own.push(Own::default());
        let own = seen.ends.own.last_mut().expect("one was just added");
        watch(spec, per_job, &drive.a, &drive.b.id.value, cx, origin, own).await?;
    }
    if let Some(failing) = &spec.b.failing {
        seen.ends.own.push(Own { is_failing: true, ..Own::default() });
        let own = seen.ends.own.last_mut().expect("one was just added");
        let id = failing.b.id.as_ref().unwrap_or(&drive.b.id);
        watch(spec, per_job, &failing.a, &id.value, cx, origin, own).await?;
    }
    Ok(())
}

async fn watch(
    spec: &Spec,
    per_job: &Request,
    make: &Request,
    id: &Path,
    cx: &Context,
    origin: Instant,
    own: &mut Own,
) -> Result<(), ProbeError> {
    let mut ledger = Ledger::default();
    let Some(job) = drive::submit(cx, make, id, origin, &mut ledger).await? else {
        own.refusal = Some(ledger.emptiness());
        return Ok(());
    };
    let cx = cx.with_values(cx.values().clone().with(ID, Json::String(job.id.clone()), false));
    own.job = Some(job);
    let Some(mut reader) = Reader::open(spec, per_job, &Wish { name: "per-job", ..Wish::default() }, &cx, origin, &mut own.tape).await?
    else {
        return Ok(());
    };
    let mut until = Deadline::after(&cx, spec.b.drains_within());
    let mut has_ended = false;
    while !until.is_overrun(&cx) {
        let step = tokio::select! {
            step = reader.step(&cx, &mut own.tape) => step,
            () = until.wait(&cx) => break,
        };
        if step == Step::Over {
            break;
        }
        if !has_ended && own.tape.arrivals.iter().any(|a| spec.b.is_terminal(&a.name)) {
            has_ended = true;
            until = Deadline::after(&cx, END);
        }
    }
    own.is_watched = has_ended || !until.is_overrun(&cx);
    if own.tape.ended.is_some() && has_ended && !own.is_failing {
        let mut again = Tape::default();
        let last_id = Some(reader.last_id()).filter(|id| !id.is_empty());
        let wish = Wish { name: "per-job, finished", last_id, keep: FEW_EVENTS, ..Wish::default() };
        if let Some(mut reader) = Reader::open(spec, per_job, &wish, &cx, origin, &mut again).await? {
            let rest = async { while reader.step(&cx, &mut again).await != Step::Over {} };
            Deadline::after(&cx, END).bound(&cx, rest).await;
        }
        own.again = Some(again);
    }
    Ok(())
}
