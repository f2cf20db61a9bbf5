//! What was seen of a service that was asked to end: bounded, the evidence of every verdict.

use crate::kind::{Call, Context, ProbeError, Seen, Weight};
use crate::model::Interval;
use crate::words::{Answered, Expect, Part};
use serde::{Deserialize, Serialize};
use std::time::Instant;

/// Everything that was seen.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Observation {
    /// When the check began.
    #[serde(skip)]
    pub(super) origin: Option<Instant>,
    /// The clauses that were looked at.
    pub(super) asked: Vec<String>,
    /// The last answer of the readiness probe before the signal, if it never was ready.
    pub(super) unready: Option<Seen>,
    /// Idle connections that were open when the signal was sent.
    pub(super) idle: u32,
    /// When the signal was sent, since the check began.
    pub(super) signalled: Option<Interval>,
    /// The requests of the load, as they ended.
    pub(super) load: Flights,
    /// The upload, as it ended.
    pub(super) upload: Flights,
    /// The event streams, as they ended.
    pub(super) streams: Flights,
    /// Polls of readiness after the signal.
    pub(super) leaving: Leaving,
    /// How it ended.
    pub(super) exit: Option<Ended>,
    /// How long it was waited for in vain.
    pub(super) runs_on: Option<Interval>,
    /// The start after the end.
    pub(super) restart: Restart,
}

/// Requests that were sent before the signal.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Flights {
    /// How many were sent.
    pub(super) sent: u32,
    /// How many had ended before the signal: they prove nothing.
    pub(super) early: u32,
    /// One of those.
    pub(super) example: Option<Seen>,
    /// How many were in flight and came in whole and as declared.
    pub(super) fine: u32,
    /// How many were in flight and did not.
    pub(super) bad: u32,
    /// The first of those; one that noise cannot make wins.
    pub(super) worst: Option<Flight>,
}

/// One request and what came of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Flight {
    /// The answer.
    pub(super) seen: Seen,
    /// It is as declared.
    pub(super) fine: bool,
    /// What is missing, where the code is right.
    pub(super) missed: Option<(String, String)>,
}

/// What the readiness probe said after the signal.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Leaving {
    /// Polls in all.
    pub(super) polls: u32,
    /// The last poll that was ready.
    pub(super) last_ready: Option<Seen>,
    /// Polls that said it is not ready.
    pub(super) unready: u32,
    /// The first of those.
    pub(super) first_unready: Option<Seen>,
    /// The first poll that was not answered.
    pub(super) gone: Option<Seen>,
}

/// How the process ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ended {
    /// Its exit code, if it ended by itself.
    pub(super) code: Option<i32>,
    /// The signal that ended it, if one did.
    pub(super) signal: Option<i32>,
    /// From the signal to the end.
    pub(super) took: Interval,
}

/// The start after the end.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Restart {
    /// To the first connection that was taken.
    pub(super) took: Option<Interval>,
    /// How long was waited in vain.
    pub(super) waited: Option<Interval>,
    /// What the last connection met, where none was taken.
    pub(super) trouble: Option<String>,
    /// Why it was not started, if so.
    pub(super) failed: Option<String>,
}

impl Flight {
    /// Holds an answer against what is declared of it; `otherwise` says which codes are fine where nothing is.
    ///
    /// # Errors
    /// If the expectation uses a captured value that is not there.
    pub(super) fn of(
        expect: Option<&Expect>,
        call: &Call,
        cx: &Context,
        origin: Instant,
        otherwise: impl Fn(u16) -> bool,
    ) -> Result<Self, ProbeError> {
        let seen = Seen::of(call, cx.stopwatch(), origin);
        let (Ok(answer), Some(status)) = (&call.answer, seen.answered()) else { return Ok(Self { seen, fine: false, missed: None }) };
        let Some(expect) = expect else { return Ok(Self { seen, fine: otherwise(status), missed: None }) };
        let misses = expect.judge(&Answered::of(answer), cx.values()).map_err(|e| ProbeError(e.to_string()))?;
        let code = match expect.declared_status() {
            Some(wanted) => wanted.value.fits(status),
            None => otherwise(status),
        };
        let missed = misses.into_iter().find(|m| m.part != Part::Status).filter(|_| code).map(|m| (m.expected, m.observed));
        Ok(Self { seen, fine: code && missed.is_none(), missed })
    }

    /// What was there in place of what was asked.
    pub(super) fn observed(&self) -> String {
        self.missed.as_ref().map_or_else(|| self.seen.brief(), |(_, observed)| observed.clone())
    }

    /// Whether noise could have made it.
    pub(super) fn is_confusable(&self) -> bool {
        self.missed.is_none() && self.seen.weight() == Weight::Confusable
    }
}

impl Flights {
    /// Adds a request that has ended; `signalled` is when the signal was sent.
    pub(super) fn add(&mut self, flight: Flight, signalled: Option<Interval>) {
        self.sent = self.sent.saturating_add(1);
        if signalled.is_none_or(|signal| flight.seen.ended() <= signal.hi) {
            self.early = self.early.saturating_add(1);
            self.example.get_or_insert(flight.seen);
        } else if flight.fine {
            self.fine = self.fine.saturating_add(1);
        } else {
            self.bad = self.bad.saturating_add(1);
            if self.worst.as_ref().is_none_or(|worst| worst.is_confusable() && !flight.is_confusable()) {
                self.worst = Some(flight);
            }
        }
    }
}

impl Leaving {
    /// Adds a poll that was sent after the signal.
    pub(super) fn add(&mut self, poll: Flight) {
        self.polls = self.polls.saturating_add(1);
        if poll.seen.answered().is_none() {
            self.gone.get_or_insert(poll.seen);
        } else if poll.fine {
            self.last_ready = Some(poll.seen);
        } else {
            self.unready = self.unready.saturating_add(1);
            self.first_unready.get_or_insert(poll.seen);
        }
    }
}

impl Observation {
    /// When the check began; the first caller sets it.
    pub(super) fn origin(&mut self, cx: &Context) -> Instant {
        *self.origin.get_or_insert_with(|| cx.stopwatch().now())
    }
}
