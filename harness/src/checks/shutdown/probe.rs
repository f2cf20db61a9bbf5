//! Fills the service with work, asks it to end, and watches everything at once. The only I/O of `shutdown`.

use super::look::{Ended, Flight, Observation};
use super::spec::{BEYOND, READY, Real, Spec};
use super::table;
use crate::kind::{BoxFuture, Call, Context, Exit, FaultError, How, ProbeError, Round, Signal};
use crate::reader::With;
use crate::transport::{self, OutBody, Wishes};
use crate::words::Request;
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::{self, FuturesUnordered};
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

mod events;
mod restart;
#[cfg(test)]
mod tests;

/// Time between two polls of readiness.
const STEP: Duration = Duration::from_millis(20);
/// Longest wait for one answer about readiness: a hanging one is none.
const PATIENCE: Duration = Duration::from_secs(1);
/// From the sending of the load to the signal: what was connected is taken by then, and a fresh request was answered after it.
const LEAD: Duration = Duration::from_millis(300);
/// Longest wait for an idle connection.
const CONNECT: Duration = Duration::from_secs(2);

/// Something that has come to its end.
enum Event {
    Load(Flight),
    Upload(Flight),
    Stream(Flight),
    Poll(Flight),
    Exit(Result<Exit, FaultError>),
    Killed,
    /// The grace is over, or it is time for the rest of the upload.
    Time(Timer),
}

enum Timer {
    Patience,
    Upload,
}

type Pending<'a> = FuturesUnordered<BoxFuture<'a, Result<Event, ProbeError>>>;

pub(super) async fn probe(spec: &Spec, round: &Round, cx: &Context, seen: &mut Observation) -> Result<(), ProbeError> {
    seen.asked = round.clauses.iter().map(|c| c.0.to_owned()).collect();
    let origin = seen.origin(cx);
    if let Some(ready) = spec.ready.as_ref().filter(|_| round.wants(table::LEAVES_FIRST)) {
        seen.unready = until_ready(ready, cx, origin).await?;
    }
    let idle = idle(spec, cx).await;
    seen.idle = u32::try_from(idle.len()).unwrap_or(u32::MAX);
    let gate = CancellationToken::new();
    let mut pending = Pending::new();
    for _ in 0..spec.concurrency() {
        pending.push(Box::pin(load(spec, cx, origin)));
    }
    if let Some(upload) = &spec.upload {
        pending.push(Box::pin(half(upload, cx, origin, gate.clone(), spec.grace())));
    }
    for streams in spec.streams.iter().flat_map(|streams| (0..spec.streams()).map(move |_| streams)) {
        pending.push(Box::pin(events::stream(streams, spec, cx, origin)));
    }
    lead(spec, cx, origin, &mut pending, seen).await?;

    let signalled = cx.stopwatch().now();
    seen.signalled = Some(cx.stopwatch().between(origin, signalled));
    cx.saw("asked to end");
    let is_polled = spec.ready.is_some() && seen.unready.is_none() && round.wants(table::LEAVES_FIRST);
    pending.push(Box::pin(async move { Ok(Event::Exit(cx.stand().signal(spec.part(), Signal::Terminate).await)) }));
    pending.push(timer(Timer::Patience, spec.grace() + BEYOND));
    pending.push(timer(Timer::Upload, spec.grace() / 3));
    if let Some(ready) = spec.ready.as_ref().filter(|_| is_polled) {
        pending.push(Box::pin(poll(ready, cx, origin, Duration::ZERO)));
    }
    while let Some(event) = pending.next().await {
        match event? {
            Event::Load(flight) => seen.load.add(flight, seen.signalled),
            Event::Upload(flight) => seen.upload.add(flight, seen.signalled),
            // What ends after the grace was ended by us.
            Event::Stream(flight) if seen.runs_on.is_none() => seen.streams.add(flight, seen.signalled),
            Event::Stream(_) => {}
            Event::Poll(flight) => {
                cx.saw(format!("after the signal: {}", flight.seen.brief()));
                seen.leaving.add(flight);
                match &spec.ready {
                    Some(ready) if seen.leaving.gone.is_none() && seen.runs_on.is_none() => {
                        pending.push(Box::pin(poll(ready, cx, origin, STEP)));
                    }
                    _ => gate.cancel(),
                }
            }
            Event::Exit(Ok(exit)) if seen.runs_on.is_none() => {
                let took = cx.stopwatch().since(signalled);
                // The stand saw the end itself; what came between is ours.
                let hi = exit.after.map_or(took.hi, |after| after.min(took.hi));
                let took = crate::model::Interval { lo: took.lo.min(hi), hi };
                seen.exit = Some(Ended { code: exit.code, signal: exit.signal, took });
                cx.saw(format!("ended after {took}"));
                gate.cancel();
            }
            Event::Exit(Ok(_)) | Event::Killed => {}
            Event::Exit(Err(error)) => return Err(ProbeError(error.0)),
            Event::Time(Timer::Upload) => gate.cancel(),
            Event::Time(Timer::Patience) if seen.exit.is_none() => {
                seen.runs_on = Some(cx.stopwatch().since(signalled));
                pending.push(Box::pin(async move {
                    // Whatever comes of it: what it holds open ends with it, or with our own patience.
                    let _ = tokio::time::timeout(BEYOND, cx.stand().signal(spec.part(), Signal::Kill)).await;
                    Ok(Event::Killed)
                }));
            }
            Event::Time(Timer::Patience) => {}
        }
        if is_all_seen(spec, seen, is_polled) {
            break;
        }
    }
    drop(pending);
    drop(idle);
    if round.wants(table::RESTARTS) && seen.exit.is_some() {
        restart::restart(spec, cx, seen).await;
    }
    Ok(())
}

/// Timers may still run; nothing else may.
fn is_all_seen(spec: &Spec, seen: &Observation, is_polled: bool) -> bool {
    let has_ended = seen.exit.is_some() || seen.runs_on.is_some();
    let is_landed = seen.load.sent >= spec.concurrency() && (spec.upload.is_none() || seen.upload.sent > 0);
    let is_streamed = seen.streams.sent >= spec.streams() || seen.runs_on.is_some();
    let is_gone = !is_polled || seen.leaving.gone.is_some() || seen.runs_on.is_some();
    has_ended && is_landed && is_streamed && is_gone
}

fn timer<'a>(timer: Timer, after: Duration) -> BoxFuture<'a, Result<Event, ProbeError>> {
    Box::pin(async move {
        tokio::time::sleep(after).await;
        Ok(Event::Time(timer))
    })
}

/// Polls until it is ready. What the last poll said, if it never is.
async fn until_ready(ready: &With<Request, Real>, cx: &Context, origin: Instant) -> Result<Option<crate::kind::Seen>, ProbeError> {
    loop {
        let Event::Poll(flight) = poll(ready, cx, origin, Duration::ZERO).await? else { continue };
        if flight.fine {
            return Ok(None);
        }
        cx.saw(format!("not ready yet: {}", flight.seen.brief()));
        if cx.stopwatch().since(origin).lo >= READY {
            return Ok(Some(flight.seen));
        }
        cx.pause(STEP * 5).await;
    }
}

async fn poll(ready: &With<Request, Real>, cx: &Context, origin: Instant, after: Duration) -> Result<Event, ProbeError> {
    tokio::time::sleep(after).await;
    let call = cx.call(&ready.a, &How::probe(PATIENCE)).await?;
    Flight::of(ready.b.expect.as_ref(), &call, cx, origin, |status| status == 200).map(Event::Poll)
}

/// A connection of its own, and time until the service must have ended.
fn how(spec: &Spec) -> How {
    let mut how = How::caller(spec.grace() + LEAD + BEYOND * 2);
    how.wishes.fresh = true;
    how
}

async fn load(spec: &Spec, cx: &Context, origin: Instant) -> Result<Event, ProbeError> {
    let call = cx.call(&spec.load.a, &how(spec)).await?;
    Flight::of(spec.load.b.expect.as_ref(), &call, cx, origin, |status| (200..300).contains(&status)).map(Event::Load)
}

/// Half of the body at once, the other half when the gate opens.
async fn half(
    upload: &With<Request, Real>,
    cx: &Context,
    origin: Instant,
    gate: CancellationToken,
    grace: Duration,
) -> Result<Event, ProbeError> {
    let mut out = upload.a.outgoing(&cx.target().base, cx.values(), false).map_err(|e| ProbeError(e.to_string()))?;
    let OutBody::Bytes(bytes) = out.body.clone() else { return Err(ProbeError("the upload carries no body".to_owned())) };
    let middle = bytes.len() / 2;
    let (first, rest) = (bytes.slice(..middle), bytes.slice(middle..));
    let again = transport::curl(&cx.target().endpoint, &out);
    let factory = move || -> futures_util::stream::BoxStream<'static, io::Result<Bytes>> {
        let (first, rest, gate) = (first.clone(), rest.clone(), gate.clone());
        let rest = stream::once(async move {
            gate.cancelled().await;
            Ok(rest)
        });
        stream::once(async move { Ok(first) }).chain(rest).boxed()
    };
    out.body = OutBody::Stream { len: Some(bytes.len() as u64), factory: Arc::new(factory) };
    let total = grace + LEAD + BEYOND * 2;
    let wishes = Wishes { fresh: true, timeouts: transport::Timeouts { connect: total, first_byte: total, total }, ..Wishes::default() };
    let answer = cx.exchange().send(&cx.target().endpoint, &out, &wishes).await;
    let (began, ended) = match &answer {
        Ok(answer) => (answer.began, answer.ended),
        Err(failed) if failed.trouble.own().is_some() => return Err(ProbeError(format!("{}: {failed}", out.shown))),
        Err(failed) => (failed.began, failed.ended),
    };
    let began = began.into_std();
    let took = cx.stopwatch().between(began, ended.into_std());
    let call = Call { took, began, answer, sent: out.shown, again, request_id: String::new(), trace_id: String::new() };
    Flight::of(upload.b.expect.as_ref(), &call, cx, origin, |status| (200..300).contains(&status)).map(Event::Upload)
}

/// Idle connections, never used and used once in turn; those that cannot be had are not there.
async fn idle(spec: &Spec, cx: &Context) -> Vec<TcpStream> {
    let mut open = Vec::new();
    for n in 0..spec.idle() {
        let Some(mut stream) = connect(cx).await else { break };
        let is_plain = cx.target().endpoint.url.scheme() == "http";
        if n % 2 == 1 && is_plain && tokio::time::timeout(CONNECT, use_once(&mut stream, cx)).await.is_err() {
            continue;
        }
        open.push(stream);
    }
    open
}

/// A bare connection to the service; none where it is not reached by one.
async fn connect(cx: &Context) -> Option<TcpStream> {
    let endpoint = &cx.target().endpoint;
    if endpoint.proxy.is_some() || endpoint.unix.is_some() {
        return None;
    }
    let host = endpoint.url.host_str()?.trim_start_matches('[').trim_end_matches(']');
    let port = endpoint.url.port_or_known_default()?;
    transport::tcp(host, port, CONNECT).await.ok().map(|dialed| dialed.stream)
}

/// One request whose answer is of no interest; whatever goes wrong, the connection is idle afterwards.
async fn use_once(stream: &mut TcpStream, cx: &Context) {
    let url = &cx.target().endpoint.url;
    let host = url.host_str().unwrap_or_default();
    let request = format!("HEAD {} HTTP/1.1\r\nhost: {host}\r\n\r\n", url.path());
    let mut head = Vec::with_capacity(1024);
    if stream.write_all(request.as_bytes()).await.is_err() {
        return;
    }
    while !head.windows(4).any(|w| w == b"\r\n\r\n") && head.len() < 64 * 1024 {
        if stream.read_buf(&mut head).await.is_ok_and(|n| n > 0) {
            continue;
        }
        return;
    }
}

/// Lets the load get under way. A request on a fresh connection is answered after it: queues of listeners are first in, first out.
async fn lead(spec: &Spec, cx: &Context, origin: Instant, pending: &mut Pending<'_>, seen: &mut Observation) -> Result<(), ProbeError> {
    let settle = async {
        tokio::time::sleep(LEAD).await;
        match &spec.ready {
            Some(ready) => poll(ready, cx, origin, Duration::ZERO).await.map(Some),
            None => Ok(None),
        }
    };
    tokio::pin!(settle);
    loop {
        tokio::select! {
            settled = &mut settle => {
                if let Some(Event::Poll(last)) = settled? {
                    match last.fine {
                        // A listener that closes at once leaves no later one to compare with.
                        true => seen.leaving.last_ready = Some(last.seen),
                        false => seen.unready = Some(last.seen),
                    }
                }
                return Ok(());
            }
            Some(event) = pending.next() => match event? {
                Event::Load(flight) => seen.load.add(flight, None),
                Event::Upload(flight) => seen.upload.add(flight, None),
                Event::Stream(flight) => seen.streams.add(flight, None),
                _ => {}
            },
        }
    }
}
