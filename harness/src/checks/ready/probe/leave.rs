//! Asks the service to end and polls readiness until nobody listens any more. The last thing that is done to a service.

use super::super::judge;
use super::super::look::{Leaving, Observation};
use super::super::spec::{SERVICE, Spec};
use super::super::table::LEAVES_FIRST;
use super::{poll, timed};
use crate::kind::{Context, ProbeError, Round, Signal};
use crate::model::Found;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Distance of two polls: a service that leaves has little time.
const STEP: Duration = Duration::from_millis(5);
/// Longest time that a service is watched which neither leaves nor closes its listener.
const LONGEST: Duration = Duration::from_secs(30);
/// The round from which on nothing else is waited for.
const LAST_CALL: u8 = 2;

/// Asks it to end, once, when no other clause wants another look at it.
pub(super) async fn leave(spec: &Spec, round: &Round, cx: &Context, seen: &mut Observation) -> Result<(), ProbeError> {
    if !round.clauses.contains(&LEAVES_FIRST) || round.number < LAST_CALL && others_want_more(spec, seen) {
        return Ok(());
    }
    let before = poll(spec, cx, seen).await?;
    if !before.ready {
        return Ok(());
    }
    seen.leaving = Some(Leaving { last_ready: Some(before.seen), ..Leaving::default() });
    let asked = cx.stopwatch().now();
    let has_ended = AtomicBool::new(false);
    // It may take its time to end; what is asked here is over once nobody listens.
    let signal = async {
        match cx.stand().signal(SERVICE, Signal::Terminate).await {
            Ok(_) => {
                has_ended.store(true, Ordering::Relaxed);
                std::future::pending().await
            }
            Err(e) => ProbeError(format!("`{SERVICE}` could not be asked to end: {e}")),
        }
    };
    let polls = async {
        loop {
            let last_one = has_ended.load(Ordering::Relaxed);
            let (poll, _) = timed(spec, cx, seen).await?;
            cx.saw(format!("leaving: {}", poll.seen.line()));
            let watched = cx.stopwatch().since(asked);
            let leaving = seen.leaving.as_mut().expect("set above");
            leaving.add(&poll);
            leaving.watched = watched;
            if leaving.closed.is_some() || last_one || watched.lo > LONGEST {
                return Ok(());
            }
            tokio::time::sleep(STEP).await;
        }
    };
    tokio::select! {
        trouble = signal => Err(trouble),
        polled = polls => polled,
    }
}

/// Whether any reading is not settled yet: the service must be alive for another look.
fn others_want_more(spec: &Spec, seen: &Observation) -> bool {
    judge::judge(spec, seen).iter().filter(|reading| reading.clause != LEAVES_FIRST).any(|reading| match &reading.found {
        Found::Counted { bad, near, repeatable, .. } => *repeatable && (*bad > 0 || *near > 0) && *bad < 3,
        Found::Unsure { wants, .. } => wants.is_some(),
        _ => false,
    })
}
