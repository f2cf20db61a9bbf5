//! The body of an HTTP/2 answer as it comes, a piece a DATA frame. The window opens again as pieces are read, not before.

use super::{
    super::{
        answer::Answer,
        ask::Step,
        h2::{Conn, fields, of_hyper},
    },
    Came, EndedBy,
};
use hyper::body::{Body as _, Incoming};
use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};
use tokio::time::Instant;

/// A body, and the connection that brings it.
pub(super) struct Body {
    // Dropped first: that resets the stream (CANCEL) while its connection is still there to say so.
    incoming: Incoming,
    _conn: Conn,
}

impl Body {
    pub(super) fn new(incoming: Incoming, conn: Conn) -> Self {
        Self { incoming, _conn: conn }
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>, answer: &mut Answer) -> Poll<Step<Came>> {
        loop {
            let Some(frame) = ready!(Pin::new(&mut self.incoming).poll_frame(cx)) else {
                return Poll::Ready(Ok(Came::End(EndedBy::EndStream)));
            };
            let at = Instant::now();
            match frame.map_err(|e| of_hyper(&e))?.into_data() {
                Ok(data) if data.is_empty() => {}
                Ok(data) => return Poll::Ready(Ok(Came::Piece(at, data))),
                Err(frame) => answer.trailers = frame.into_trailers().as_ref().map(fields).unwrap_or_default(),
            }
        }
    }
}
