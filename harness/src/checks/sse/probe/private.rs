//! Knocks as those who may not read a stream, and watches another tenant's stream while our jobs are driven.

use super::drive::{self, Driver};
use super::reader::{FEW_EVENTS, Reader, Step, Wish};
use super::room;
use super::watch::{self, Watched};
use crate::checks::sse::look::{Knock, Ledger, Observation, Other, Tape};
use crate::checks::sse::spec::{Drive, FOREIGN, ID, Spec};
use crate::checks::sse::table;
use crate::kind::{Context, ProbeError, Round};
use crate::reader::With;
use crate::words::{Json, Request};
use std::time::{Duration, Instant};

/// How long the first event of a stream that should not have opened is waited for, as evidence.
const EVIDENCE: Duration = Duration::from_millis(500);
/// How long another tenant's stream is read on once our jobs are over, where no heartbeat is promised, and at most.
const LEAKS: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(20);
/// Knocks that are kept.
const KEPT: usize = 500;

pub(super) async fn probe(spec: &Spec, round: &Round, cx: &Context, seen: &mut Observation) -> Result<(), ProbeError> {
    let origin = seen.origin(cx);
    let Some(private) = &spec.b.private else { return Ok(()) };
    let tries = if round.focus.is_some() { round.samples_or(3).min(round.enough_bad.max(1) * 2) } else { 1 };
    for (case, request) in private.refused().filter(|(case, _)| round.wants_case(table::PRIVATE, case)) {
        for _ in 0..tries {
            knock(spec, case, request, cx, origin, &mut seen.private.knocks).await?;
        }
    }
    let Some(drive) = &spec.b.drive else { return Ok(()) };
    if let Some(request) = private.foreign.as_ref().filter(|_| round.wants_case(table::PRIVATE, FOREIGN)) {
        foreign(spec, request, drive, tries, cx, origin, &mut seen.private.knocks).await?;
    }
    if let Some(request) = private.other.as_ref().filter(|_| round.focus.is_none()) {
        let Some(_room) = room::claim(2, &[table::PRIVATE], cx, seen).await else { return Ok(()) };
        other(spec, request, drive, cx, origin, seen.private.other.insert(Other::default())).await?;
    }
    Ok(())
}

/// One request that must be refused.
async fn knock(
    spec: &Spec,
    case: &'static str,
    request: &Request,
    cx: &Context,
    origin: Instant,
    knocks: &mut Vec<Knock>,
) -> Result<(), ProbeError> {
    if knocks.len() >= KEPT {
        return Ok(());
    }
    knocks.push(Knock { case: case.to_owned(), ..Knock::default() });
    let knock = knocks.last_mut().expect("one was just added");
    let opened =
        Reader::open(spec, request, &Wish { name: case, keep: FEW_EVENTS, ..Wish::default() }, cx, origin, &mut knock.tape).await?;
    if let Some(mut reader) = opened {
        let first = async { while knock.tape.arrivals.is_empty() && reader.step(cx, &mut knock.tape).await != Step::Over {} };
        _ = tokio::time::timeout(EVIDENCE, first).await;
    }
    knock.is_over = true;
    Ok(())
}

/// Asks for the stream of a job of ours as another tenant.
async fn foreign(
    spec: &Spec,
    request: &Request,
    drive: &With<Request, Drive>,
    tries: u32,
    cx: &Context,
    origin: Instant,
    knocks: &mut Vec<Knock>,
) -> Result<(), ProbeError> {
    let mut ledger = Ledger::default();
    let Some(job) = drive::submit(cx, &drive.a, &drive.b.id.value, origin, &mut ledger).await? else {
        knocks.push(Knock { case: FOREIGN.to_owned(), unsent: Some(ledger.emptiness()), ..Knock::default() });
        return Ok(());
    };
    let cx = cx.with_values(cx.values().clone().with(ID, Json::String(job.id), false));
    let ours = request.shown_as(&spec.a);
    for _ in 0..tries {
        knock(spec, FOREIGN, request, &cx, origin, knocks).await?;
        if let Some(knock) = knocks.last_mut().filter(|k| k.tape.head.status == Some(404) && k.ours.is_none()) {
            let mut tape = Tape::default();
            Reader::open(spec, &ours, &Wish { name: "ours", ..Wish::default() }, &cx, origin, &mut tape).await?;
            knock.ours = Some(tape);
        }
    }
    Ok(())
}

/// Drives jobs of ours beside another tenant's stream.
async fn other(
    spec: &Spec,
    request: &Request,
    drive: &With<Request, Drive>,
    cx: &Context,
    origin: Instant,
    seen: &mut Other,
) -> Result<(), ProbeError> {
    let open =
        async |request, name, tape: &mut Tape| Reader::open(spec, request, &Wish { name, ..Wish::default() }, cx, origin, tape).await;
    let Some(mut ours) = open(&spec.a, "ours", &mut seen.ours).await? else { return Ok(()) };
    let Some(mut theirs) = open(request, "other", &mut seen.theirs).await? else { return Ok(()) };
    let mut driver = Driver::new(cx, &drive.a, &drive.b.id.value, origin, &[(drive.b.jobs(), drive.b.step())]);
    let mut streams = [Watched { reader: &mut ours, tape: &mut seen.ours }, Watched { reader: &mut theirs, tape: &mut seen.theirs }];
    watch::drive(spec, &mut driver, &mut seen.ledger, &mut streams, cx).await?;
    // What is held back comes with the next bytes, a heartbeat at the latest.
    let patience = spec.b.silence().map_or(LEAKS, |silence| (silence + silence / 16).min(LONGEST));
    _ = tokio::time::timeout(patience, theirs.step(cx, &mut seen.theirs)).await;
    seen.is_drained = true;
    Ok(())
}
