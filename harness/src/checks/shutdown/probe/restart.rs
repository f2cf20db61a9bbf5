//! Starts the service again once it has ended, and tries to connect until it is there.

use super::connect;
use crate::checks::shutdown::look::Observation;
use crate::checks::shutdown::spec::{BEYOND, Spec};
use crate::kind::Context;
use crate::model::{FaultKind, Interval};
use std::time::Duration;

/// Time between two tries.
const STEP: Duration = Duration::from_millis(5);

pub(super) async fn restart(spec: &Spec, cx: &Context, seen: &mut Observation) {
    let limit = spec.restarts_within().unwrap_or_default();
    let began = cx.stopwatch().now();
    let patience = limit + (limit / 2).max(BEYOND);
    let starting = cx.stand().inject(spec.part(), FaultKind::Restart);
    tokio::pin!(starting);
    // The lease is held to the end: what it undoes is the restart itself.
    let mut lease = None;
    // Until the last try that met nobody it was surely not there.
    let mut absent = Duration::ZERO;
    let found = loop {
        let took = cx.stopwatch().since(began);
        if took.lo >= patience {
            seen.restart.waited = Some(took);
            break None;
        }
        tokio::select! {
            biased;
            started = &mut starting, if lease.is_none() && seen.restart.failed.is_none() => match started {
                Ok(held) => lease = Some(held),
                Err(why) => seen.restart.failed = Some(why.0),
            },
            stream = connect(cx) => match stream {
                Some(_) => break Some(Interval { lo: absent, hi: cx.stopwatch().since(began).hi }),
                None => {
                    absent = took.lo;
                    seen.restart.trouble = Some("connections are refused".to_owned());
                    tokio::time::sleep(STEP).await;
                }
            },
        }
        if seen.restart.failed.is_some() {
            break None;
        }
    };
    seen.restart.took = found;
    if found.is_some() && lease.is_none() && seen.restart.failed.is_none() {
        // It takes connections; the stand may still wait for more than that.
        lease = tokio::time::timeout(patience, &mut starting).await.ok().and_then(Result::ok);
    }
    if let Some(lease) = lease {
        // A restart leaves nothing to undo; were it not so, the core's look at the stand would tell.
        let _ = lease.mend().await;
    }
}
