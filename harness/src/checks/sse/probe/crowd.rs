//! Opens many streams, some at the same time.

use super::reader::{Reader, Step, Wish};
use crate::checks::sse::look::Tape;
use crate::checks::sse::spec::Spec;
use crate::kind::{Context, ProbeError};
use crate::transport::Claim;
use futures_util::StreamExt as _;
use futures_util::stream;
use std::future::poll_fn;
use std::task::Poll;
use std::time::{Duration, Instant};

/// Streams that are opened at the same time: more would only wait for each other.
const DIALS: usize = 32;
/// Time between two looks at what came on those that are open, and pieces that are read of each then.
const DRAIN: Duration = Duration::from_millis(500);
const PIECES: u32 = 64;
/// Places for connections beside the streams: for what makes events, and for a gauge.
const SPARE: usize = 2;
/// How often those that did not open are asked for again, where they are few enough to be noise.
const REDIALS: u32 = 2;
const MOST_REDIALED: u32 = 16;

/// Streams that were asked for.
#[derive(Default)]
pub(super) struct Crowd<'s> {
    /// Those that opened, each with its head.
    pub(super) open: Vec<(Tape, Reader<'s>)>,
    /// The environment allows no more at once than so many.
    pub(super) limit: Option<u32>,
    /// Their places, and those beside them, for as long as they are held.
    pub(super) room: Option<Claim>,
}

/// Opens so many streams. Few that do not open are asked for again: a GET may be repeated, and one of many is lost to noise. The first
/// that did not open is in `refused` at once, so that it is there whatever comes.
///
/// # Errors
/// Where a request cannot be made.
pub(super) async fn open<'s>(
    spec: &'s Spec,
    name: &str,
    count: u32,
    cx: &Context,
    origin: Instant,
    refused: &mut Option<Tape>,
) -> Result<Crowd<'s>, ProbeError> {
    let mut crowd = Crowd::default();
    let permits = cx.exchange().permits();
    // Else all the places would be taken, and whatever makes events or reads a gauge would wait for one for ever.
    crowd.room = permits.claim(count as usize + SPARE).await;
    if crowd.room.is_none() {
        crowd.limit = Some(number(permits.most_connections().unwrap_or_default().saturating_sub(SPARE)));
        return Ok(crowd);
    }
    let mut wanted = count;
    for dial in 0..=REDIALS {
        wanted = some(spec, name, wanted, cx, origin, &mut crowd, refused).await?;
        if dial == REDIALS || !(1..=MOST_REDIALED).contains(&wanted) {
            break;
        }
        *refused = None;
    }
    Ok(crowd)
}

/// Opens so many of them; how many did not open.
async fn some<'s>(
    spec: &'s Spec,
    name: &str,
    count: u32,
    cx: &Context,
    origin: Instant,
    crowd: &mut Crowd<'s>,
    refused: &mut Option<Tape>,
) -> Result<u32, ProbeError> {
    let one = async |_| {
        let mut tape = Tape::default();
        let reader = Reader::open(spec, &spec.a, &Wish { name, ..Wish::default() }, cx, origin, &mut tape).await;
        (tape, reader)
    };
    let mut lost = 0;
    let mut opening = stream::iter(0..count).map(one).buffer_unordered(DIALS);
    let mut drained = cx.stopwatch().now();
    loop {
        if cx.stopwatch().now().saturating_duration_since(drained) >= DRAIN {
            drained = cx.stopwatch().now();
            drain(&mut crowd.open, cx).await;
        }
        match tokio::time::timeout(DRAIN, opening.next()).await {
            Ok(Some((tape, reader))) => match reader? {
                Some(reader) => crowd.open.push((tape, reader)),
                None => {
                    lost += 1;
                    refused.get_or_insert(tape);
                }
            },
            Ok(None) => return Ok(lost),
            Err(_) => {}
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
