//! Opens many streams, some at the same time.

use super::reader::{Reader, Step, Wish};
use crate::checks::sse::look::Tape;
use crate::checks::sse::spec::Spec;
use crate::kind::{Context, ProbeError};
use futures_util::StreamExt as _;
use futures_util::stream;
use std::future::poll_fn;
use std::task::Poll;
use std::time::{Duration, Instant};

/// Streams that are opened at the same time: more would only wait for each other.
const DIALS: usize = 32;
/// A stream that has not opened so long after its own time was up waits for a connection that this environment does not allow.
const PERMIT: Duration = Duration::from_secs(2);

/// Time between two looks at what came on those that are open, and pieces that are read of each then.
const DRAIN: Duration = Duration::from_millis(500);
const PIECES: u32 = 64;
/// Places for connections beside the streams: for what makes events, and for a gauge.
const SPARE: usize = 2;
/// How often those that did not open are asked for again, where they are few enough to be noise.
const REDIALS: u32 = 2;
const MOST_REDIALED: u32 = 16;
/// Refusals that are kept.
const KEPT: usize = 100;

/// Streams that were asked for.
#[derive(Default)]
pub(super) struct Crowd<'s> {
    /// Those that opened, each with its head.
    pub(super) open: Vec<(Tape, Reader<'s>)>,
    /// The first that did not.
    pub(super) refused: Option<Tape>,
    /// The environment allows no more at once than so many.
    pub(super) limit: Option<u32>,
}

/// Opens so many streams. Few that do not open are asked for again: a GET may be repeated, and one of many is lost to noise.
///
/// # Errors
/// Where a request cannot be made.
pub(super) async fn open<'s>(spec: &'s Spec, name: &str, count: u32, cx: &Context, origin: Instant) -> Result<Crowd<'s>, ProbeError> {
    let mut crowd = Crowd::default();
    let most = cx.exchange().permits().most_connections();
    if let Some(most) = most.filter(|most| *most < count as usize + SPARE) {
        // All the places would be taken, and whatever makes events or reads a gauge would wait for one for ever.
        crowd.limit = Some(number(most.saturating_sub(SPARE)));
        return Ok(crowd);
    }
    let mut wanted = count;
    for dial in 0..=REDIALS {
        let refused = some(spec, name, wanted, cx, origin, &mut crowd).await?;
        wanted = number(refused.len());
        let is_noise = dial < REDIALS && (1..=MOST_REDIALED).contains(&wanted) && crowd.limit.is_none();
        if !is_noise {
            crowd.refused = refused.into_iter().next();
            break;
        }
    }
    Ok(crowd)
}

/// Opens so many of them; those that did not open.
async fn some<'s>(
    spec: &'s Spec,
    name: &str,
    count: u32,
    cx: &Context,
    origin: Instant,
    crowd: &mut Crowd<'s>,
) -> Result<Vec<Tape>, ProbeError> {
    let one = async |_| {
        let mut tape = Tape::default();
        let reader = Reader::open(spec, &spec.a, &Wish { name, ..Wish::default() }, cx, origin, &mut tape).await;
        (tape, reader)
    };
    let mut refused = Vec::new();
    let mut opening = stream::iter(0..count).map(one).buffer_unordered(DIALS);
    let patience = spec.b.head() + PERMIT;
    let mut since = cx.stopwatch().now();
    let mut drained = since;
    loop {
        if cx.stopwatch().now().saturating_duration_since(drained) >= DRAIN {
            drained = cx.stopwatch().now();
            drain(&mut crowd.open, cx).await;
        }
        match tokio::time::timeout(DRAIN, opening.next()).await {
            Ok(Some((tape, reader))) => {
                since = cx.stopwatch().now();
                match reader? {
                    Some(reader) => crowd.open.push((tape, reader)),
                    None if refused.len() < KEPT => refused.push(tape),
                    None => {}
                }
            }
            Ok(None) => return Ok(refused),
            // Only where places are limited can one be waited for, and a machine that stood still has not waited.
            Err(_) if cx.exchange().permits().most_connections().is_none() || cx.stopwatch().since(since).lo < patience => {}
            Err(_) => {
                crowd.limit = Some(number(crowd.open.len()));
                return Ok(refused);
            }
        }
    }
}

/// Reads what there is on those that are open: a service may take who does not read for a slow one. Nothing was driven yet, so no event
/// of it is kept.
async fn drain(open: &mut [(Tape, Reader<'_>)], cx: &Context) {
    for (tape, reader) in open {
        poll_fn(|task| {
            for _ in 0..PIECES {
                match reader.poll_step(task, cx, tape, &mut |_, _| {}) {
                    Poll::Ready(Step::Came(_)) => {}
                    Poll::Ready(Step::Over) | Poll::Pending => break,
                }
            }
            Poll::Ready(())
        })
        .await;
        tape.arrivals.clear();
    }
}

fn number(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
