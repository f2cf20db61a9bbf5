//! Cuts a client off again and again while jobs are driven, and lets it come back after the last event that it was given.

use super::drive::Driver;
use super::reader::{Reader, Step, Wish};
use crate::checks::sse::judge::seams;
use crate::checks::sse::look::{Cut, Ledger, Leg, Observation, Replay, Tape};
use crate::checks::sse::spec::{Drive, Spec};
use crate::kind::{BoxFuture, Context, ProbeError};
use crate::reader::With;
use crate::words::Request;
use dice::Dice;
use std::collections::HashSet;
use std::future::poll_fn;
use std::task::Poll;
use std::time::{Duration, Instant};

mod dice;

/// Most events that come between two cuts.
const EVENTS: u64 = 4;
/// Longest time that the client is away.
const AWAY: u64 = 40;
/// Jobs that are driven for each cut at most, beyond the declared ones.
const JOBS: u32 = 5;
/// How long nothing new may come, once the client has all that the witness has.
const QUIET: Duration = Duration::from_millis(300);

/// A leg that is being opened: its tape, and the reader if it is a stream.
type Opening<'s> = BoxFuture<'s, Result<(Leg, Option<Reader<'s>>), ProbeError>>;

/// Where the client is.
enum Client<'s> {
    Away { until: tokio::time::Instant },
    Opening(Opening<'s>),
    There(Box<There<'s>>),
    /// It cannot come back: the last answer was no stream, or the service ended it for good.
    Gone,
}

/// A client with a stream.
struct There<'s> {
    reader: Reader<'s>,
    /// Cut after so many events of this connection; none: never again.
    after: Option<usize>,
    /// And then in the middle of what comes next.
    in_event: bool,
}

pub(super) async fn probe(spec: &Spec, drive: &With<Request, Drive>, cx: &Context, seen: &mut Observation) -> Result<(), ProbeError> {
    let origin = seen.origin(cx);
    let Some(cuts) = spec.b.cuts.as_ref().map(|c| c.value) else { return Ok(()) };
    let replay = &mut seen.replay;
    replay.witness = Some(Tape::default());
    let Replay { ledger, witness: Some(tape), legs, is_drained, .. } = replay else { return Ok(()) };
    let Some(mut witness) = Reader::open(spec, &spec.a, &Wish { name: "witness", ..Wish::default() }, cx, origin, tape).await? else {
        return Ok(());
    };
    let mut dice = Dice::of(cx.run_id());
    let jobs = drive.b.jobs().max(cuts.saturating_mul(JOBS));
    let mut driver = Driver::new(cx, &drive.a, &drive.b.id.value, origin, &[(jobs, drive.b.step())]);
    let mut client = Client::Opening(open(spec, cx, origin, None));
    let mut last_id = String::new();
    let mut driven: Option<tokio::time::Instant> = None;
    let mut last = tokio::time::Instant::now();
    loop {
        let enough = legs_are_enough(legs, cuts);
        if enough {
            driver.stop();
            // From here on the client stays, and gets the rest.
            if let Client::There(there) = &mut client {
                there.after = None;
            }
        }
        if driver.is_done() {
            driven.get_or_insert_with(tokio::time::Instant::now);
        }
        let end = driven.map(|driven| {
            let drained = has_all(spec, ledger, tape, legs) && matches!(&client, Client::There(t) if t.after.is_none());
            let latest = driven + spec.b.drains_within();
            if drained { latest.min(last + QUIET) } else { latest }
        });
        tokio::select! {
            stepped = driver.step(ledger), if !driver.is_done() => stepped?,
            _ = witness.step(cx, tape), if witness.is_open() => last = tokio::time::Instant::now(),
            next = client.step(cx, legs) => {
                last = tokio::time::Instant::now();
                match next? {
                    Next::Stays => {}
                    Next::Came(leg, reader) => {
                        legs.push(leg);
                        client = match reader {
                            None => Client::Gone,
                            Some(reader) => {
                                // It is not cut once nothing more is made: a cut without events behind it proves nothing.
                                let after = (!enough && !driver.is_done()).then(|| dice.roll(EVENTS) as usize + 1);
                                Client::There(Box::new(There { reader, after, in_event: dice.roll(2) == 0 }))
                            }
                        };
                    }
                    Next::Comes => client = Client::Opening(open(spec, cx, origin, Some(last_id.clone()).filter(|id| !id.is_empty()))),
                    Next::Cut { in_event } => {
                        let Client::There(there) = &mut client else { continue };
                        let is_reset = dice.roll(2) == 0;
                        there.reader.last_id().clone_into(&mut last_id);
                        there.reader.leave(is_reset);
                        let at = cx.stopwatch().now().saturating_duration_since(origin);
                        if let Some(leg) = legs.last_mut() {
                            leg.cut = Some(Cut { at, is_reset, in_event });
                        }
                        // Half of the time it is back at once.
                        let away = if dice.roll(2) == 0 { 0 } else { dice.roll(AWAY) };
                        client = Client::Away { until: tokio::time::Instant::now() + Duration::from_millis(away) };
                    }
                    Next::Ended => {
                        // The service ended it; a client comes back after that too.
                        let Client::There(there) = &mut client else { continue };
                        there.reader.last_id().clone_into(&mut last_id);
                        let most = cuts as usize * 3 + 8;
                        client = match legs.len() < most {
                            true => Client::Away { until: tokio::time::Instant::now() + Duration::from_millis(AWAY) },
                            false => Client::Gone,
                        };
                    }
                }
            }
            () = tokio::time::sleep_until(end.unwrap_or_else(tokio::time::Instant::now)), if end.is_some() => break,
        }
        cx.saw(format!("{} connections, {} events", legs.len(), tape.events));
        if matches!(client, Client::Gone) || !witness.is_open() {
            break;
        }
    }
    *is_drained = true;
    Ok(())
}

fn legs_are_enough(legs: &[Leg], cuts: u32) -> bool {
    seams(legs) >= cuts
}

/// Both have every end that is due, and the client has all that the witness has.
fn has_all(spec: &Spec, ledger: &Ledger, witness: &Tape, legs: &[Leg]) -> bool {
    let ended: HashSet<&str> =
        witness.arrivals.iter().filter(|a| spec.b.ends_with.is_none() || spec.b.is_terminal(&a.name)).filter_map(|a| a.job.as_deref()).collect();
    if !ledger.jobs.iter().all(|j| ended.contains(j.id.as_str())) {
        return false;
    }
    let got: HashSet<String> = legs.iter().flat_map(|l| &l.tape.arrivals).map(|a| a.key()).collect();
    let Some(from) = witness.arrivals.iter().position(|a| got.contains(&a.key())) else { return false };
    witness.arrivals[from..].iter().all(|a| got.contains(&a.key()))
}

/// Opens a connection of the client.
fn open<'s>(spec: &'s Spec, cx: &'s Context, origin: Instant, last_id: Option<String>) -> Opening<'s> {
    Box::pin(async move {
        let mut leg = Leg { last_id, ..Leg::default() };
        let wish = Wish { name: "client", last_id: leg.last_id.as_deref(), ..Wish::default() };
        let reader = Reader::open(spec, &spec.a, &wish, cx, origin, &mut leg.tape).await?;
        Ok((leg, reader))
    })
}

/// What a client does next.
enum Next<'s> {
    Stays,
    Comes,
    Came(Leg, Option<Reader<'s>>),
    Cut { in_event: bool },
    Ended,
}

impl<'s> Client<'s> {
    /// Waits for what happens to it next. Nothing is lost where the future is dropped.
    async fn step(&mut self, cx: &Context, legs: &mut [Leg]) -> Result<Next<'s>, ProbeError> {
        match self {
            Self::Gone => std::future::pending().await,
            Self::Away { until } => {
                tokio::time::sleep_until(*until).await;
                Ok(Next::Comes)
            }
            Self::Opening(opening) => opening.await.map(|(leg, reader)| Next::Came(leg, reader)),
            Self::There(there) => {
                let Some(leg) = legs.last_mut() else { return Ok(Next::Ended) };
                Ok(poll_fn(|task| there.poll(task, cx, &mut leg.tape)).await)
            }
        }
    }
}

impl There<'_> {
    fn poll<'n>(&mut self, task: &mut std::task::Context<'_>, cx: &Context, tape: &mut Tape) -> Poll<Next<'n>> {
        let is_due = self.after.is_some_and(|after| tape.arrivals.len() >= after);
        if !is_due {
            return self.reader.poll_step(task, cx, tape, &mut |_, _| {}).map(|step| match step {
                Step::Over => Next::Ended,
                Step::Came(_) => {
                    let is_due = self.after.is_some_and(|after| tape.arrivals.len() >= after);
                    if is_due && !self.in_event { Next::Cut { in_event: false } } else { Next::Stays }
                }
            });
        }
        // The cut falls into the middle of the next piece: its first half is read, the rest is lost with the connection.
        self.reader.poll_piece(task, tape).map(|piece| match piece {
            None => Next::Ended,
            Some(piece) => {
                let half = &piece.bytes[..piece.bytes.len() / 2];
                self.reader.take(half, piece.at.into_std(), cx, tape, &mut |_, _| {});
                Next::Cut { in_event: true }
            }
        })
    }
}
