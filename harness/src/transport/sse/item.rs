//! What a parser finds in an event stream, and within which bounds.

use std::fmt;

/// What is kept in memory at most. Beyond it the parser says so, and is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one line, without its end. Default: 1 MiB.
    pub line: usize,
    /// Bytes of the data of one event, the line feeds between its lines included. Default: 16 MiB.
    pub event: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { line: 1 << 20, event: 16 << 20 }
    }
}

/// One thing found. `T` is the caller's timestamp: the one given with the bytes that brought it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item<T> {
    /// An event that a client hands on.
    Event(Event<T>),
    /// A line that begins with a colon; what services send as a heartbeat.
    Comment {
        /// When its line ended.
        at: T,
        /// Bytes behind the colon.
        len: usize,
        /// The beginning of them, at most [`Item::HEAD`] bytes.
        head: String,
    },
    /// The service sets the time that a client waits before it connects again.
    Retry {
        /// When its line ended.
        at: T,
        /// Milliseconds; a number too large for the type is its largest.
        millis: u64,
    },
    /// Something that the standard forgives or forbids.
    Fault {
        /// When it was seen.
        at: T,
        /// What.
        fault: Fault,
    },
}

impl<T> Item<T> {
    /// Most bytes that are kept of a comment, or of a bad value.
    pub const HEAD: usize = 120;
}

/// One event, as a client would hand it on (HTML §9.2.6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event<T> {
    /// When the first byte of its first field came; comments before it do not count.
    pub began: T,
    /// When its empty line ended, and with it the event.
    pub at: T,
    /// Its type; `message` where it names none.
    pub name: String,
    /// Its data: the `data` lines, joined by line feeds.
    pub data: String,
    /// The `id` field of this very event; none where it has none.
    pub id: Option<String>,
    /// The last event id as it was when the event was handed on: this one's, or one from before.
    pub last_id: String,
    /// Where the first field begins, in bytes from the beginning of the body.
    pub offset: u64,
}

/// What is wrong with a stream. Parsing goes on as the standard says, but for the two caps: behind those nothing more is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Bytes that are not UTF-8; each is read as U+FFFD. Told once a line.
    Utf8 {
        /// Where the first of them is, in bytes from the beginning of the body.
        offset: u64,
    },
    /// A line does not end within the cap. The parser is done.
    LineOverCap {
        /// The cap, in bytes.
        cap: usize,
        /// Where the line begins.
        offset: u64,
    },
    /// The data of an event goes on beyond the cap. The parser is done.
    EventOverCap {
        /// The cap, in bytes.
        cap: usize,
        /// Where the event begins.
        offset: u64,
    },
    /// A `retry` that is not made of digits only; it is ignored.
    BadRetry {
        /// The beginning of its value.
        text: String,
        /// Where its line begins.
        offset: u64,
    },
    /// An `id` that holds U+0000; it is ignored.
    IdWithNul {
        /// Where its line begins.
        offset: u64,
    },
}

impl Fault {
    /// The stable name, for findings and for grouping.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Utf8 { .. } => "utf8",
            Self::LineOverCap { .. } => "line-over-cap",
            Self::EventOverCap { .. } => "event-over-cap",
            Self::BadRetry { .. } => "bad-retry",
            Self::IdWithNul { .. } => "id-with-nul",
        }
    }

    /// Where it is, in bytes from the beginning of the body.
    #[must_use]
    pub fn offset(&self) -> u64 {
        match self {
            Self::Utf8 { offset }
            | Self::LineOverCap { offset, .. }
            | Self::EventOverCap { offset, .. }
            | Self::BadRetry { offset, .. }
            | Self::IdWithNul { offset } => *offset,
        }
    }

    /// Nothing behind it was read.
    #[must_use]
    pub fn is_final(&self) -> bool {
        matches!(self, Self::LineOverCap { .. } | Self::EventOverCap { .. })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Utf8 { offset } => write!(f, "bytes that are not UTF-8 at byte {offset} of the stream"),
            Self::LineOverCap { cap, offset } => write!(f, "the line at byte {offset} goes on beyond {cap} bytes"),
            Self::EventOverCap { cap, offset } => write!(f, "the data of the event at byte {offset} goes on beyond {cap} bytes"),
            Self::BadRetry { text, offset } => {
                write!(f, "the retry at byte {offset} is \"{}\", and clients take digits only", text.escape_debug())
            }
            Self::IdWithNul { offset } => write!(f, "the id at byte {offset} holds U+0000, and clients ignore it"),
        }
    }
}

/// What was left when a stream ended. None of it counts (HTML §9.2.6): no event comes of it, and its id is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tail {
    /// There were fields, or the beginning of one, without the empty line that makes an event of them.
    pub incomplete: bool,
    /// Where those begin; where there are none, the length of the whole stream. In bytes.
    pub offset: u64,
    /// A line that did not end holds bytes that are not UTF-8, be it because a character was cut in two.
    pub fault: Option<Fault>,
}
