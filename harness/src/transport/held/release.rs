//! Lets the last bytes go, from several threads where they are many, and reads what comes back strictly.

use super::super::{
    answer::{Answer, Failed},
    ask::OutBody,
    h1::{self, Limit},
    permits::Permits,
    upload::Upload,
};
use super::hold::failed;
use super::{Held, Salvo, Single, streams::Going};
use std::{
    pin::Pin,
    sync::mpsc,
    task::{Context, Poll, Waker},
    time::Duration,
};
use tokio::{
    io::AsyncWrite as _,
    time::{Instant, timeout_at},
};

/// Longest time to the last release over HTTP/2.
const LONGEST: Duration = Duration::from_secs(5);

/// So many releases are worth a thread of their own, which takes as long to start as a few writes.
const WORTH_A_THREAD: usize = 64;

/// Threads at most that release at once. More than there are cores: each last byte wakes whoever answers it, often on these very cores, and the
/// system shares time out by thread.
const THREADS: usize = 8;

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
    way: Way,
    /// After its last byte was handed to the system.
    pub at: Instant,
    /// It was answered, or its connection lost, before its last byte was sent.
    pub early: bool,
}

enum Way {
    Bytes(Single),
    Frames(Going),
}

impl std::fmt::Debug for Way {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if matches!(self, Self::Bytes(_)) { "HTTP/1.1" } else { "HTTP/2" })
    }
}

impl Released {
    /// Time between the first and the last release.
    #[must_use]
    pub fn spread(&self) -> Duration {
        self.ended - self.began
    }
}

impl Salvo {
    /// Writes the last byte of every request, one after the other and without waiting for anything. Over HTTP/2 the gates are opened so, and the
    /// connections' own tasks write: it ends when all have.
    pub async fn release(self) -> Released {
        // A task may do only so much before it is asked to let others run, and a thousand writes are more.
        let mut released = tokio::task::unconstrained(async move {
            let Self(mut all) = self;
            let early: Vec<bool> = all.iter_mut().map(|held| held.as_mut().is_ok_and(Held::is_over)).collect();
            let mut released = at_once(all);
            for (flight, early) in released.flights.iter_mut().zip(early) {
                flight.as_mut().ok().into_iter().for_each(|flight| flight.early = early);
            }
            released
        })
        .await;
        for flight in released.flights.iter_mut().flatten() {
            if let Way::Frames(going) = &flight.way {
                // What was not written by then is so late that nothing rests on this salvo.
                let written = timeout_at(released.began + LONGEST, going.is_released()).await;
                flight.at = written.unwrap_or_else(|_| Instant::now());
                released.ended = released.ended.max(flight.at);
            }
        }
        released
    }
}

/// Releases all, shared out among threads where they are many. Where fewer threads can be had, those do it all, and the time between the first
/// and the last tells.
fn at_once(mut all: Vec<Result<Held, Box<Failed>>>) -> Released {
    let threads = (all.len() / WORTH_A_THREAD).min(THREADS);
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads)
            .map_while(|_| {
                // A thread is there before it is given anything, so that none is late.
                let (give, take) = mpsc::sync_channel(1);
                let thread = std::thread::Builder::new().spawn_scoped(scope, move || take.recv().map(one_by_one)).ok()?;
                Some((give, thread))
            })
            .collect();
        let share = all.len().div_ceil(others.len() + 1);
        // The last parts first, so that nothing is moved twice; and all before the first is given away, which starts the clock.
        let mut parts: Vec<_> = (1..=others.len()).rev().map(|part| all.split_off(all.len().min(part * share))).collect();
        let threads: Vec<_> = others
            .into_iter()
            .map(|(give, thread)| {
                give.send(parts.pop().expect("a part for each thread")).expect("it waits for its part");
                thread
            })
            .collect();
        let mut released = one_by_one(all);
        for thread in threads {
            let part = thread.join().expect("a write does not panic").expect("its part was sent");
            released.began = released.began.min(part.began);
            released.ended = released.ended.max(part.ended);
            released.flights.extend(part.flights);
        }
        released
    })
}

fn one_by_one(all: Vec<Result<Held, Box<Failed>>>) -> Released {
    let mut flights = Vec::with_capacity(all.len());
    let began = Instant::now();
    for held in all {
        flights.push(held.map(Held::release));
    }
    Released { flights, began, ended: Instant::now() }
}

impl Held {
    fn release(self) -> Flight {
        match self {
            Self::Bytes(single) => single.release(),
            Self::Frames(gated) => Flight { way: Way::Frames(gated.release()), at: Instant::now(), early: false },
        }
    }
}

impl Single {
    fn release(mut self) -> Flight {
        let mut cx = Context::from_waker(Waker::noop());
        // The queue of the connection is empty, so one byte always fits; where it does not, the connection is dead and reading tells.
        if let Poll::Ready(Ok(1)) = Pin::new(&mut self.conn.wire).poll_write(&mut cx, &self.last) {
            self.sent_body = self.body;
        }
        // Whatever is left to flush goes out when the answer is waited for.
        let _ = Pin::new(&mut self.conn.wire).poll_flush(&mut cx);
        Flight { at: Instant::now(), way: Way::Bytes(self), early: false }
    }
}

impl Flight {
    /// Waits for the whole answer, which counts from the release, at most until `end`.
    ///
    /// # Errors
    /// [`Failed`], as from [`super::super::Exchange::send`].
    pub async fn answer(self, end: Instant) -> Result<Answer, Box<Failed>> {
        match self.way {
            Way::Bytes(single) => single.answer(self.at, end).await,
            Way::Frames(going) => going.answer(self.at, end).await,
        }
    }

    /// Goes away without waiting for the answer: by closing, or by a reset.
    pub fn abort(self, reset: bool) {
        match self.way {
            Way::Bytes(single) => single.conn.wire.end(reset),
            Way::Frames(going) => going.abort(reset),
        }
    }
}

impl Single {
    async fn answer(mut self, at: Instant, end: Instant) -> Result<Answer, Box<Failed>> {
        let mut answer = Answer::begun(at);
        answer.remote = self.conn.remote;
        answer.tls.clone_from(&self.conn.tls);
        let limit = Limit { at: end, total: end - at };
        // Whoever asks late for its answer did not wait for it before.
        let asked = at.elapsed();
        let mut wishes = self.wishes.clone();
        wishes.timeouts.first_byte = limit.total;
        let outcome = match Upload::new(Vec::new(), &OutBody::Empty, &Permits::default()) {
            Ok(mut nothing) => h1::exchange(&mut self.conn, &mut nothing, self.to_head, &wishes, limit, &mut answer).await,
            Err(trouble) => Err(trouble),
        };
        answer.sent_body = self.sent_body;
        if !answer.phases.first_byte.is_zero() {
            answer.phases.first_byte += asked;
        }
        match outcome {
            Ok(again) => {
                answer.ended = Instant::now();
                answer.phases.total = answer.ended - answer.began;
                if !again && answer.excess == 0 {
                    self.conn.linger();
                }
                Ok(answer)
            }
            Err(trouble) => Err(failed(trouble, answer)),
        }
    }
}
