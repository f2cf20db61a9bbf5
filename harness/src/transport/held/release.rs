//! Lets the last bytes go in one loop, and reads what comes back strictly.

use super::super::{
    answer::{Answer, Failed},
    ask::OutBody,
    h1::{self, Limit},
    permits::Permits,
    upload::Upload,
};
use super::hold::failed;
use super::{Held, Salvo};
use std::{
    pin::Pin,
    task::{Context, Poll, Waker},
    time::Duration,
};
use tokio::{io::AsyncWrite as _, time::Instant};

/// A salvo that is on its way.
#[derive(Debug)]
pub struct Released {
    /// In the order of the salvo; what could not be held stays what it was.
    pub flights: Vec<Result<Flight, Box<Failed>>>,
    /// Before the first last byte was written.
    pub began: Instant,
    /// After the last one was.
    pub ended: Instant,
}

/// A request that is sent whole, and whose answer is to come.
#[derive(Debug)]
pub struct Flight {
    held: Held,
    /// After its last byte was handed to the system.
    pub at: Instant,
}

impl Released {
    /// Time between the first and the last release.
    #[must_use]
    pub fn spread(&self) -> Duration {
        self.ended - self.began
    }
}

impl Salvo {
    /// Writes the last byte of every request, one after the other and without waiting for anything.
    pub async fn release(self) -> Released {
        // A task may do only so much before it is asked to let others run, and a thousand writes are more.
        tokio::task::unconstrained(async move {
            let mut flights = Vec::with_capacity(self.0.len());
            let began = Instant::now();
            for held in self.0 {
                flights.push(held.map(Held::release));
            }
            Released { flights, began, ended: Instant::now() }
        })
        .await
    }
}

impl Held {
    fn release(mut self) -> Flight {
        let mut cx = Context::from_waker(Waker::noop());
        // The queue of the connection is empty, so one byte always fits; where it does not, the connection is dead and reading tells.
        if let Poll::Ready(Ok(1)) = Pin::new(&mut self.conn.wire).poll_write(&mut cx, &self.prepared.last) {
            self.sent_body = self.prepared.body_of(self.prepared.first.len() + 1);
        }
        // Whatever is left to flush goes out when the answer is waited for.
        let _ = Pin::new(&mut self.conn.wire).poll_flush(&mut cx);
        Flight { at: Instant::now(), held: self }
    }
}

impl Flight {
    /// Waits for the whole answer, which counts from the release, at most until `end`.
    ///
    /// # Errors
    /// [`Failed`], as from [`super::super::Exchange::send`].
    pub async fn answer(mut self, end: Instant) -> Result<Answer, Box<Failed>> {
        let mut answer = Answer::begun(self.at);
        answer.remote = self.held.conn.remote;
        answer.tls.clone_from(&self.held.conn.tls);
        let limit = Limit { at: end, total: end - self.at };
        let mut wishes = self.held.prepared.wishes.clone();
        wishes.timeouts.first_byte = limit.total;
        let outcome = match Upload::new(Vec::new(), &OutBody::Empty, &Permits::default()) {
            Ok(nothing) => h1::exchange(&mut self.held.conn, nothing, self.held.prepared.to_head, &wishes, limit, &mut answer).await,
            Err(trouble) => Err(trouble),
        };
        answer.sent_body = self.held.sent_body;
        match outcome {
            Ok(again) => {
                answer.ended = Instant::now();
                answer.phases.total = answer.ended - answer.began;
                if !again && answer.excess == 0 {
                    self.held.conn.linger();
                }
                Ok(answer)
            }
            Err(trouble) => Err(failed(trouble, answer)),
        }
    }

    /// Goes away without waiting for the answer: by closing, or by a reset.
    pub fn abort(self, reset: bool) {
        self.held.conn.wire.end(reset);
    }
}
