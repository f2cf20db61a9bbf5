//! Cuts the client that users have off again and again while jobs are driven, and lets it come back after the last event that it was given.

use super::drive::Driver;
use super::reader::{Reader, Wish};
use crate::checks::sse::judge::seams;
use crate::checks::sse::look::{Ledger, Leg, Observation, Replay, Tape};
use crate::checks::sse::spec::{APART, Drive, Spec};
use crate::kind::{Context, ProbeError};
use crate::reader::With;
use crate::transport::sse::client::{Cut, How};
use crate::words::Request;
use dice::Dice;
use std::collections::HashSet;
use std::time::Duration;
use user::User;

mod dice;
mod user;

/// Most events that come between two cuts.
const EVENTS: u64 = 4;
/// Cuts in the middle of the bytes come behind so many of them: a few events.
const BYTES: std::ops::Range<u64> = 100..900;
/// Jobs that are driven for each cut at most, beyond the declared ones; and then slowly, where events take their time.
const JOBS: u32 = 5;
const SLOW_JOBS: u32 = 10;
/// How long nothing new may come, once the client has all that the witness has.
const QUIET: Duration = Duration::from_millis(300);

pub(super) async fn probe(spec: &Spec, drive: &With<Request, Drive>, cx: &Context, seen: &mut Observation) -> Result<(), ProbeError> {
    let origin = seen.origin(cx);
    let Some(cuts) = spec.b.cuts.as_ref().map(|c| c.value) else { return Ok(()) };
    let replay = &mut seen.replay;
    replay.witness = Some(Tape::default());
    let Replay { ledger, witness: Some(tape), legs, is_drained, remarks } = replay else { return Ok(()) };
    let Some(mut witness) = Reader::open(spec, &spec.a, &Wish { name: "witness", ..Wish::default() }, cx, origin, tape).await? else {
        return Ok(());
    };
    let mut dice = Dice::of(cx.run_id());
    let jobs = drive.b.jobs().max(cuts.saturating_mul(JOBS));
    let phases = [(jobs, drive.b.step()), (cuts.saturating_mul(SLOW_JOBS), APART.max(drive.b.step()))];
    let mut driver = Driver::new(cx, &drive.a, &drive.b.id.value, origin, &phases);
    let mut user = User::new(spec, cx, origin, plan(&mut dice, cuts));
    let mut driven: Option<tokio::time::Instant> = None;
    let (mut last, mut told) = (tokio::time::Instant::now(), 0);
    loop {
        if seams(legs) >= cuts && user.is_uncut() {
            driver.stop();
        }
        if driver.is_done() {
            driven.get_or_insert_with(tokio::time::Instant::now);
        }
        let end = driven.map(|driven| {
            let latest = driven + spec.b.drains_within();
            if has_all(spec, ledger, tape, legs) { latest.min(last + QUIET) } else { latest }
        });
        tokio::select! {
            stepped = driver.step(ledger), if !driver.is_done() => stepped?,
            _ = witness.step(cx, tape), if witness.is_open() => {
                // Heartbeats are no news.
                if tape.events > told {
                    told = tape.events;
                    last = tokio::time::Instant::now();
                }
            }
            came = user.step(cx, legs, remarks) => {
                if came? {
                    last = tokio::time::Instant::now();
                }
                // Cuts that fell between events prove nothing: others take their place while there are events.
                if user.is_uncut() && seams(legs) < cuts && !driver.is_done() && legs.last().is_some_and(|l| !l.tape.arrivals.is_empty()) {
                    user.cut(if dice.roll(2) == 0 { How::Quietly } else { How::WithReset });
                }
            }
            () = tokio::time::sleep_until(end.unwrap_or_else(tokio::time::Instant::now)), if end.is_some() => break,
        }
        cx.saw(format!("{} connections, {} events", legs.len(), tape.events));
        if user.is_gone() || !witness.is_open() {
            break;
        }
    }
    *is_drained = true;
    Ok(())
}

/// When each connection is cut, and how: half of them in the middle of the bytes.
fn plan(dice: &mut Dice, cuts: u32) -> Vec<Cut> {
    let one = |_| {
        let how = if dice.roll(2) == 0 { How::Quietly } else { How::WithReset };
        match dice.roll(2) {
            0 => Cut::Events(dice.roll(EVENTS) + 1, how),
            _ => Cut::Bytes(BYTES.start + dice.roll(BYTES.end - BYTES.start), how),
        }
    };
    (0..cuts).map(one).collect()
}

/// Both have every end that is due, and the client has all that the witness has.
fn has_all(spec: &Spec, ledger: &Ledger, witness: &Tape, legs: &[Leg]) -> bool {
    let ended: HashSet<&str> = witness
        .arrivals
        .iter()
        .filter(|a| spec.b.ends_with.is_none() || spec.b.is_terminal(&a.name))
        .filter_map(|a| a.job.as_deref())
        .collect();
    if !ledger.jobs.iter().all(|j| ended.contains(j.id.as_str())) {
        return false;
    }
    let got: HashSet<String> = legs.iter().flat_map(|l| &l.tape.arrivals).map(|a| a.key()).collect();
    let Some(from) = witness.arrivals.iter().position(|a| got.contains(&a.key())) else { return false };
    witness.arrivals[from..].iter().all(|a| got.contains(&a.key()))
}
