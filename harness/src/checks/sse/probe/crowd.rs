//! Opens many streams, some at the same time.

use super::reader::{Reader, Wish};
use crate::checks::sse::look::Tape;
use crate::checks::sse::spec::Spec;
use crate::kind::{Context, ProbeError};
use futures_util::StreamExt as _;
use futures_util::stream;
use std::time::{Duration, Instant};

/// Streams that are opened at the same time: more would only wait for each other.
const DIALS: usize = 32;
/// A stream that has not opened so long after its own time was up waits for a connection that this environment does not allow.
const PERMIT: Duration = Duration::from_secs(2);

/// Streams that were asked for.
#[derive(Default)]
pub(super) struct Crowd<'s> {
    /// Those that opened, each with its head.
    pub(super) open: Vec<(Tape, Reader<'s>)>,
    /// The first that did not.
    pub(super) refused: Option<Tape>,
    /// The environment allows no more at once.
    pub(super) is_limited: bool,
}

/// Opens so many streams.
///
/// # Errors
/// Where a request cannot be made.
pub(super) async fn open<'s>(spec: &'s Spec, name: &str, count: u32, cx: &Context, origin: Instant) -> Result<Crowd<'s>, ProbeError> {
    let one = async |_| {
        let mut tape = Tape::default();
        let reader = Reader::open(spec, &spec.a, &Wish { name, ..Wish::default() }, cx, origin, &mut tape).await;
        (tape, reader)
    };
    let mut opening = stream::iter(0..count).map(one).buffer_unordered(DIALS);
    let mut crowd = Crowd::default();
    loop {
        match tokio::time::timeout(spec.b.head() + PERMIT, opening.next()).await {
            Ok(Some((tape, reader))) => match reader? {
                Some(reader) => crowd.open.push((tape, reader)),
                None => _ = crowd.refused.get_or_insert(tape),
            },
            Ok(None) => return Ok(crowd),
            Err(_) => {
                crowd.is_limited = true;
                return Ok(crowd);
            }
        }
    }
}
