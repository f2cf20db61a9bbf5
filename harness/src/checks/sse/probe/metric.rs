//! Reads one gauge of the service.

use crate::kind::{Context, How, ProbeError, Seen};
use crate::words::{Request, gauge};
use std::time::{Duration, Instant};

/// Longest wait for one reading.
const PATIENCE: Duration = Duration::from_secs(10);

/// The answer, and its value of the gauge or why it has none.
///
/// # Errors
/// Where the request cannot be made.
pub(super) async fn read(cx: &Context, request: &Request, name: &str, origin: Instant) -> Result<(Seen, Result<f64, String>), ProbeError> {
    let call = cx.call(request, &How::caller(PATIENCE)).await?;
    let seen = Seen::of(&call, cx.stopwatch(), origin);
    let text = call.answer.as_ref().ok().filter(|a| (200..300).contains(&a.status)).map(|a| String::from_utf8_lossy(&a.body));
    let value = match text {
        None => Err(format!("{} was answered by {}", seen.sent, seen.brief())),
        Some(text) => gauge(&text, name).ok_or_else(|| format!("{} has no gauge `{name}`", seen.sent)),
    };
    Ok((seen, value))
}
