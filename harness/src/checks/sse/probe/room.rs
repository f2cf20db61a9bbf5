//! Room for the streams of one experiment and for a request beside them, asked for before anything is opened.

use crate::checks::sse::look::{NoRoom, Observation};
use crate::kind::Context;
use crate::model::ClauseId;
use crate::transport::Claim;

/// The place of a request beside the streams: one that makes a job, or reads a gauge.
const BESIDE: usize = 1;

/// Waits until so many streams can be open with a request beside them, whatever other checks hold. None where the environment never
/// allows that: then nothing is opened, and these clauses are not judged.
pub(super) async fn claim(streams: usize, clauses: &[ClauseId], cx: &Context, seen: &mut Observation) -> Option<Claim> {
    let (permits, needed) = (cx.exchange().permits(), streams + BESIDE);
    cx.saw(format!("waits until {needed} connections may be open"));
    let claim = permits.claim(needed).await;
    if claim.is_none() {
        let allowed = permits.most_connections().unwrap_or_default();
        let why = format!("`limits` of this environment allow {allowed} connections at once, and {needed} are needed");
        seen.no_room.extend(clauses.iter().map(|clause| NoRoom { clause: clause.0.to_owned(), why: why.clone() }));
    }
    claim
}
