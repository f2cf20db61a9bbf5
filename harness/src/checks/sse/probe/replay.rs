//! Cuts the client that users have off again and again while jobs are driven, and lets it come back after the last event that it was given.

use super::deadline::{self, Deadline};
use super::drive::Driver;
use super::reader::{Reader, Wish};
use super::room;
use crate::checks::sse::look::{Arrival, Ledger, Leg, Observation, Replay, Tape, crossed, missed, seams};
use crate::checks::sse::spec::{APART, Drive, SETTLED, Spec};
use crate::checks::sse::table;
use crate::kind::{Context, ProbeError};
use crate::reader::With;
use crate::transport::sse::client::{Cut, How};
use crate::words::Request;
use dice::Dice;
use progress::Progress;
use std::time::Duration;
use user::User;

mod dice;
pub(super) mod progress;
mod user;

/// Most events that come between two cuts.
const EVENTS: u64 = 4;
/// Cuts in the middle of the bytes come behind so many of them: a few events.
const BYTES: std::ops::Range<u64> = 100..900;
/// Jobs that are driven for each cut at most, beyond the declared ones; and then slowly, where events take their time.
const JOBS: u32 = 5;
const SLOW_JOBS: u32 = 10;
/// How long nothing new may come, once the client has all that the witness has.
const QUIET: Duration = SETTLED;
/// Connections for each cut at most: where nothing is produced, more of them show no more.
const CONNECTIONS: u32 = 3;

pub(super) async fn probe(spec: &Spec, drive: &With<Request, Drive>, cx: &Context, seen: &mut Observation) -> Result<(), ProbeError> {
    let origin = seen.origin(cx);
    let Some(cuts) = spec.b.cuts.as_ref().map(|c| c.value) else { return Ok(()) };
    let Some(_room) = room::claim(2, &[table::REPLAY], cx, seen).await else { return Ok(()) };
    let replay = &mut seen.replay;
    replay.witness = Some(Tape::default());
    let Replay { ledger, witness: Some(tape), legs, is_drained, is_gone, left, remarks } = replay else { return Ok(()) };
    let Some(mut witness) = Reader::open(spec, &spec.a, &Wish { name: "witness", ..Wish::default() }, cx, origin, tape).await? else {
        return Ok(());
    };
    let mut dice = Dice::of(cx.run_id());
    let jobs = drive.b.jobs().max(cuts.saturating_mul(JOBS));
    let phases = [(jobs, drive.b.step()), (cuts.saturating_mul(SLOW_JOBS), APART.max(drive.b.step()))];
    let mut driver = Driver::new(cx, &drive.a, &drive.b.id.value, origin, &phases);
    let mut user = User::new(spec, cx, origin, plan(&mut dice, cuts), drive.b.step());
    let mut progress = Progress::default();
    let mut driven: Option<Deadline> = None;
    let (mut is_enough, mut looked) = (false, 0);
    let most = usize::try_from(cuts.saturating_mul(CONNECTIONS)).unwrap_or(usize::MAX);
    let (mut last, mut told) = (cx.stopwatch().now(), 0);
    loop {
        progress.note(spec, tape, legs);
        // Looking at all that came takes its time on a busy stream: once for each connection, when it has got to what is new.
        if user.is_uncut() && !is_enough && looked < legs.len() && progress.is_live() {
            looked = legs.len();
            is_enough = has_enough(legs, tape, ledger, cuts);
            // Cuts that fell between events prove nothing: others take their place while there are events.
            if !is_enough && looked < most && !driver.is_done() {
                user.cut(if dice.roll(2) == 0 { How::Quietly } else { How::WithReset });
            }
        }
        if user.is_uncut() && (is_enough || looked >= most) {
            driver.stop();
        }
        if driver.is_done() {
            driven.get_or_insert_with(|| Deadline::after(cx, spec.b.drains_within()));
        }
        let end = driven.map(|latest| {
            let quiet = Deadline::since(last, QUIET);
            latest.sooner(Some(quiet).filter(|_| progress.has_all(ledger)), cx)
        });
        tokio::select! {
            stepped = driver.step(ledger), if !driver.is_done() => stepped?,
            _ = witness.step(cx, tape), if witness.is_open() => {
                // Heartbeats are no news.
                if tape.events > told {
                    told = tape.events;
                    last = cx.stopwatch().now();
                }
            }
            came = user.step(cx, legs, remarks) => {
                if came? {
                    last = cx.stopwatch().now();
                }
            }
            () = deadline::wait(end, cx) => {
                *is_drained = true;
                break;
            }
        }
        cx.saw(format!("{} connections, {} events", legs.len(), tape.events));
        if user.is_gone() || !witness.is_open() || driven.is_some_and(|latest| latest.is_overrun(cx)) {
            *is_gone = user.is_gone();
            break;
        }
    }
    *left = cx.stopwatch().now().saturating_duration_since(origin);
    Ok(())
}

/// Enough cuts had events of our jobs on both sides, and enough of them some while the client was away: a cut during which nothing was
/// produced shows nothing of what is replayed, and one that is followed by another before anything new came shows nothing of what comes then. What others do on the stream counts for nothing.
pub(super) fn has_enough(legs: &[Leg], witness: &Tape, ledger: &Ledger, cuts: u32) -> bool {
    let ours = ledger.ids();
    let is_ours = |a: &Arrival| a.job.as_deref().is_some_and(|job| ours.contains(job));
    let least = Replay::missed_at_least(cuts);
    seams(legs, is_ours) >= cuts && missed(legs, witness, is_ours) >= least && crossed(legs, witness, is_ours) >= least
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
