//! Reads the marker right after a poll: what held then, held no earlier.

use super::super::look::{Observation, Poll, held};
use super::super::spec::Marker;
use crate::kind::{Context, How, ProbeError, Seen};
use crate::reader::With;
use crate::words::Request;
use std::time::Duration;

/// Longest wait for one reading.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

pub(super) async fn read(
    patience: Duration,
    marker: &With<Request, Marker>,
    poll: &Poll,
    cx: &Context,
    seen: &mut Observation,
) -> Result<(), ProbeError> {
    let origin = seen.origin(cx);
    let call = cx.call(&marker.a, &How::caller(patience)).await?;
    let now = Seen::of(&call, cx.stopwatch(), origin);
    let expect = marker.b.expectation();
    // The marker may stand in the answer of a service that is not ready, so the code says nothing of it.
    let (holds, _) = held(&call, &now, Some(&expect), cx, |_| true)?;
    let readable = now.whole();
    match (poll.ready, holds, readable) {
        (true, true, _) => seen.marker.held += 1,
        (true, false, true) => {
            seen.marker.lie.get_or_insert_with(|| (poll.seen.clone(), now));
        }
        (true, false, false) => seen.marker.unreadable = Some(format!("{} was answered by {}", now.sent, now.brief())),
        (false, false, _) => seen.marker.awaited += 1,
        (false, true, _) => {}
    }
    Ok(())
}
