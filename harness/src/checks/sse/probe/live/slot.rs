//! A stream of a drive: while its head is waited for, and once it is open.

use crate::checks::sse::look::{Subscriber, Tape};
use crate::checks::sse::probe::reader::{Reader, Wish};
use crate::checks::sse::spec::Spec;
use crate::kind::{BoxFuture, Context, ProbeError};
use std::future::poll_fn;
use std::task::{Poll, ready};
use std::time::Instant;

/// The place of one stream.
pub(super) enum Slot<'s> {
    /// Its head is waited for.
    Asked(BoxFuture<'s, Result<(Option<Reader<'s>>, Tape), ProbeError>>),
    /// It is open, or was.
    Open(Box<Reader<'s>>),
    /// What came is no event stream.
    Refused,
}

impl<'s> Slot<'s> {
    /// Asks for the stream of a spec.
    pub(super) fn ask(spec: &'s Spec, wish: Wish<'s>, cx: &'s Context, origin: Instant) -> Self {
        Self::Asked(Box::pin(async move {
            let mut tape = Tape::default();
            let reader = Reader::open(spec, &spec.a, &wish, cx, origin, &mut tape).await?;
            Ok((reader, tape))
        }))
    }

    /// Its head has not come.
    pub(super) fn is_asked(&self) -> bool {
        matches!(self, Self::Asked(_))
    }

    /// More may come, or the head.
    pub(super) fn is_live(&self) -> bool {
        match self {
            Self::Asked(_) => true,
            Self::Open(reader) => reader.is_open(),
            Self::Refused => false,
        }
    }

    fn poll(&mut self, task: &mut std::task::Context<'_>, cx: &Context, tape: &mut Tape) -> Poll<Result<(), ProbeError>> {
        match self {
            Self::Asked(asked) => {
                let (reader, head) = ready!(asked.as_mut().poll(task))?;
                *tape = head;
                *self = reader.map_or(Self::Refused, |reader| Self::Open(Box::new(reader)));
                Poll::Ready(Ok(()))
            }
            Self::Open(reader) if reader.is_open() => reader.poll_step(task, cx, tape, &mut |_, _| {}).map(|_| Ok(())),
            Self::Open(_) | Self::Refused => Poll::Pending,
        }
    }
}

/// Waits for the next head or piece on any of them; where nothing more can come, for ever. Each is asked every time, so that one that
/// always has more does not hold up the others.
///
/// # Errors
/// Where a request cannot be made.
pub(super) async fn any(slots: &mut [Slot<'_>], subscribers: &mut [Subscriber], cx: &Context) -> Result<(), ProbeError> {
    poll_fn(|task| {
        let mut came = Poll::Pending;
        for (slot, subscriber) in slots.iter_mut().zip(subscribers.iter_mut()) {
            if let Poll::Ready(done) = slot.poll(task, cx, &mut subscriber.tape) {
                done?;
                came = Poll::Ready(Ok(()));
            }
        }
        came
    })
    .await
}
