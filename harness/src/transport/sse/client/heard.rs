//! What a client of event streams comes across, in order.

use super::super::{
    super::{Answer, EndedBy, Failed, Trouble},
    Item, Tail,
};
use std::{fmt, sync::Arc, time::Duration};
use tokio::time::Instant;

/// One thing that happened.
#[derive(Clone, Debug)]
pub enum Heard {
    /// A connection was opened: the head of an answer is there, whatever it says.
    Opened {
        /// Which connection, from 0.
        attempt: u32,
        /// The `Last-Event-ID` that was sent.
        last_id: Option<String>,
        /// The head.
        answer: Arc<Answer>,
    },
    /// No connection, or no valid head.
    Failed {
        /// Which connection, from 0.
        attempt: u32,
        /// The `Last-Event-ID` that was to be sent.
        last_id: Option<String>,
        /// Why.
        failed: Box<Failed>,
    },
    /// Our own parser found something.
    Item {
        /// On which connection.
        attempt: u32,
        /// What.
        item: Item<Instant>,
    },
    /// A connection is over.
    Ended {
        /// Which.
        attempt: u32,
        /// How.
        end: End,
        /// What was left of its stream.
        tail: Tail,
        /// The last event id as it is now: what the next connection sends.
        last_id: String,
    },
    /// The client does something else than the standard says. That is no fault of the service.
    Differs {
        /// On which connection.
        attempt: u32,
        /// What.
        difference: Difference,
    },
    /// Nothing more comes.
    Stopped(Stop),
}

/// How a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The body ended as its framing says.
    Body(EndedBy),
    /// It broke off.
    Broken(Trouble),
    /// We cut it.
    Cut(How),
    /// A line or an event goes beyond its cap.
    OverCap,
    /// The client left it by itself: it had refused what came, or was told to stop.
    Left,
}

/// How a connection is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// As a client does that has been told to close.
    Quietly,
    /// As a client does that dies, or the network between.
    WithReset,
}

/// When a connection is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// It is left as it is.
    Never,
    /// Right behind its n-th event: nothing that came with it is taken. Zero cuts before the first byte.
    Events(u64, How),
    /// Behind so many bytes of its body, in the middle of an event or not.
    Bytes(u64, How),
}

/// Why nothing more comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// 204: clients are to stop (HTML §9.2.2).
    NoContent,
    /// 200 with another type than `text/event-stream`: browsers give up for good.
    WrongType(Option<String>),
    /// A line or an event goes beyond its cap.
    OverCap,
    /// As many connections as were allowed.
    Attempts,
    /// The last event id has characters that no header can carry.
    Id,
    /// The client gave up, with these words.
    Client(String),
}

/// What the client does, and the standard does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// It would have sent another `Last-Event-ID`. The right one was sent.
    LastEventId {
        /// The client's.
        client: Option<String>,
        /// The right one.
        right: Option<String>,
    },
    /// It handed on another event than the bytes hold, or one that is none.
    Event {
        /// Which event of the connection, from 1; none where there is no more.
        number: Option<u64>,
        /// What differs.
        what: &'static str,
    },
    /// It did not hand on so many events that came whole.
    Missed {
        /// How many.
        events: u64,
    },
    /// It gave a stream up for bytes that the standard reads on from; in its own words.
    Refused {
        /// Its words.
        error: String,
    },
    /// It would have connected again after a 204.
    IgnoresNoContent,
    /// It would have waited longer than was allowed here before it connects again: the service's `retry` says so.
    WaitsLonger {
        /// What was allowed.
        than: Duration,
    },
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let show = |id: &Option<String>| id.as_ref().map_or_else(|| "none".to_owned(), |id| format!("\"{}\"", id.escape_debug()));
        match self {
            Self::LastEventId { client, right } => {
                write!(f, "it would send Last-Event-ID {} where {} is right", show(client), show(right))
            }
            Self::Event { number: Some(number), what } => write!(f, "event {number}: it hands on another {what}"),
            Self::Event { number: None, what } => write!(f, "it hands on {what} that did not come"),
            Self::Missed { events } => write!(f, "it hands {events} events less on than came"),
            Self::Refused { error } => write!(f, "it gives up: {error}"),
            Self::IgnoresNoContent => f.write_str("it connects again after a 204"),
            Self::WaitsLonger { than } => write!(f, "it waits longer than {than:?} before it connects again"),
        }
    }
}
