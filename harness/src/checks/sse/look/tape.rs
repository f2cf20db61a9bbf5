//! One stream as it came: its head, its events in the order of their arrival, and how it ended.

use crate::kind::{Seen, Snag};
use crate::model::Interval;
use serde::{Deserialize, Serialize, Serializer, ser::SerializeSeq as _};
use std::collections::HashMap;
use std::time::Duration;

/// A stream, from its dial to its end.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(in crate::checks::sse) struct Tape {
    /// Which one it is, for people: `direct`, `gzip`.
    pub(in crate::checks::sse) name: String,
    /// The head of the answer, with the beginning of a body that is no event stream; or the trouble in its place.
    pub(in crate::checks::sse) head: Seen,
    /// From the dial to the whole head, or to the trouble.
    pub(in crate::checks::sse) took: Interval,
    /// When the head was there, since the check began.
    pub(in crate::checks::sse) opened: Duration,
    /// From the head to the first byte behind it.
    pub(in crate::checks::sse) first_byte: Option<Interval>,
    /// Events in the order of their arrival; the first of them in reports.
    #[serde(serialize_with = "the_first")]
    pub(in crate::checks::sse) arrivals: Vec<Arrival>,
    /// Events in all.
    pub(in crate::checks::sse) events: u64,
    /// Comments in all.
    pub(in crate::checks::sse) comments: u64,
    /// The first comment.
    pub(in crate::checks::sse) comment: Option<String>,
    /// Bytes of the body, decoded where it was coded.
    pub(in crate::checks::sse) bytes: u64,
    /// The shortest time to reconnect that the service set, in milliseconds.
    pub(in crate::checks::sse) retry: Option<u64>,
    /// What was wrong with its lines, the first of each name.
    pub(in crate::checks::sse) slips: Vec<Slip>,
    /// How it ended; none: it was still open when we left.
    pub(in crate::checks::sse) ended: Option<Ended>,
    /// Trouble of this machine that ended it.
    #[serde(default)]
    pub(in crate::checks::sse) own_trouble: Option<String>,
    /// It was left because it brought more events than are kept.
    pub(in crate::checks::sse) is_flood: bool,
    /// Bytes that its events take up here.
    #[serde(skip)]
    pub(in crate::checks::sse) held: usize,
}

/// One event.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::checks::sse) struct Arrival {
    /// When it was whole, since the check began.
    pub(in crate::checks::sse) at: Duration,
    /// Where it begins in the stream.
    pub(in crate::checks::sse) offset: u64,
    /// Its name; `message` where it has none.
    pub(in crate::checks::sse) name: String,
    /// The id that stands in it.
    pub(in crate::checks::sse) id: Option<String>,
    /// Its job, where its data names one.
    pub(in crate::checks::sse) job: Option<String>,
    /// Its number in its job, where its data has one.
    pub(in crate::checks::sse) sequence: Option<i64>,
    /// How far its job is, where its data says so.
    pub(in crate::checks::sse) progress: Option<f64>,
    /// Bytes of its data.
    pub(in crate::checks::sse) len: usize,
    /// A fingerprint of its data.
    pub(in crate::checks::sse) hash: String,
}

/// Something that is wrong with the lines of a stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::checks::sse) struct Slip {
    /// Its stable name: `utf8`, `line-over-cap`.
    pub(in crate::checks::sse) name: String,
    /// The sentence for people.
    pub(in crate::checks::sse) text: String,
    /// When, since the check began.
    pub(in crate::checks::sse) at: Duration,
}

/// How a stream ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::checks::sse) enum Ended {
    /// As its framing says; the bytes of an event without its empty line may have been left over.
    Whole {
        /// There was the beginning of an event.
        in_event: bool,
    },
    /// Cut off: a reset, a body that is not whole, bytes that are no HTTP.
    Broken {
        /// In which way.
        snag: Snag,
        /// There was the beginning of an event.
        in_event: bool,
    },
}

/// Events that are kept of one stream at most, and the bytes that they may take up: an id may be as long as a line.
const MOST_EVENTS: usize = 50_000;
const MOST_HELD: usize = 16 << 20;
/// Events that reports show of one stream.
const SHOWN: usize = 100;
/// Kinds of slips that are kept of one stream.
const SLIPS: usize = 16;

fn the_first<S: Serializer>(arrivals: &[Arrival], s: S) -> Result<S::Ok, S::Error> {
    let shown = &arrivals[..arrivals.len().min(SHOWN)];
    let mut seq = s.serialize_seq(Some(shown.len()))?;
    for arrival in shown {
        seq.serialize_element(arrival)?;
    }
    seq.end()
}

impl Tape {
    /// An answer that a client reads as an event stream.
    pub(in crate::checks::sse) fn is_event_stream(&self) -> bool {
        self.head.status == Some(200) && self.head.media_type().as_deref() == Some("text/event-stream")
    }

    /// It was answered, or what was there in place of an answer is known: else we left before.
    pub(in crate::checks::sse) fn is_told(&self) -> bool {
        self.head.status.is_some() || self.head.trouble.is_some()
    }

    /// The head was waited for in vain.
    pub(in crate::checks::sse) fn is_headless(&self) -> bool {
        self.head.trouble.as_ref().is_some_and(|t| t.name.ends_with("timeout"))
    }

    /// No more events are kept.
    pub(in crate::checks::sse) fn is_full(&self) -> bool {
        self.arrivals.len() >= MOST_EVENTS || self.held >= MOST_HELD
    }

    /// Keeps an event.
    pub(in crate::checks::sse) fn keep(&mut self, arrival: Arrival) {
        if self.arrivals.is_empty() {
            // Somebody has taken those of before.
            self.held = 0;
        }
        self.held += arrival.held();
        self.arrivals.push(arrival);
    }

    /// Keeps the first events alone.
    pub(in crate::checks::sse) fn truncate(&mut self, most: usize) {
        if self.arrivals.len() > most {
            self.arrivals.truncate(most);
            self.weigh();
        }
    }

    /// Keeps those events alone.
    pub(in crate::checks::sse) fn retain(&mut self, is_kept: impl FnMut(&Arrival) -> bool) {
        self.arrivals.retain(is_kept);
        self.weigh();
    }

    fn weigh(&mut self) {
        self.held = self.arrivals.iter().map(Arrival::held).sum();
    }

    /// Notes a slip, once for each name.
    pub(in crate::checks::sse) fn slip(&mut self, slip: Slip) {
        if self.slips.len() < SLIPS && self.slips.iter().all(|s| s.name != slip.name) {
            self.slips.push(slip);
        }
    }

    /// The first event that tells how the stream goes on: one of its history, or what `is_signal` takes for a signal.
    pub(in crate::checks::sse) fn begins(&self, is_signal: impl Fn(&str) -> bool) -> Option<&Arrival> {
        self.arrivals.iter().find(|a| a.is_history() || is_signal(&a.name))
    }

    /// The slip of this name.
    pub(in crate::checks::sse) fn slipped(&self, name: &str) -> Option<&Slip> {
        self.slips.iter().find(|s| s.name == name)
    }
}

impl Arrival {
    /// Bytes that it takes up here.
    fn held(&self) -> usize {
        let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        size_of::<Self>() + self.name.len() + text(&self.id) + text(&self.job) + self.hash.len()
    }

    /// The event for people: `progress of job j-7, id 42`.
    pub(in crate::checks::sse) fn brief(&self) -> String {
        let mut text = format!("`{}`", self.name);
        if let Some(job) = &self.job {
            text += &format!(" of {job}");
        }
        if let Some(id) = &self.id {
            text += &format!(", id {id}");
        }
        if let Some(sequence) = self.sequence {
            text += &format!(", number {sequence}");
        }
        text
    }

    /// It belongs to the history of the stream; what has neither id nor job is a greeting or a state, and may come at any time.
    pub(in crate::checks::sse) fn is_history(&self) -> bool {
        self.id().is_some() || self.job.is_some()
    }

    /// The id that stands in it; one without a character is none.
    fn id(&self) -> Option<&str> {
        self.id.as_deref().filter(|id| !id.is_empty())
    }

    /// It can be told from every other: by its id, or by its place in its job.
    pub(in crate::checks::sse) fn is_identified(&self) -> bool {
        self.id().is_some() || self.job.is_some() && self.sequence.is_some()
    }

    /// What the event is known by: its id, else its place in its job, else what it says. Ids may count the events of each job.
    pub(in crate::checks::sse) fn key(&self) -> String {
        match (self.id(), &self.job, self.sequence) {
            (Some(id), Some(job), _) => format!("id {id} of {job}"),
            (Some(id), None, _) => format!("id {id}"),
            (None, Some(job), Some(sequence)) => format!("number {sequence} of {job}"),
            (None, Some(job), None) => format!("{} of {job} {}", self.name, self.hash),
            (None, None, _) => format!("{} {}", self.name, self.hash),
        }
    }
}

/// What events are known by on every stream. What has neither id nor number is counted on each: the third `progress` of its job.
#[derive(Debug, Default)]
pub(in crate::checks::sse) struct Keys {
    kinds: HashMap<(String, Option<String>), usize>,
}

/// How many of each kind came on one stream.
#[derive(Debug, Default)]
pub(in crate::checks::sse) struct Counts(Vec<u32>);

impl Keys {
    /// The key of the next event of the stream whose counts these are.
    pub(in crate::checks::sse) fn next(&mut self, counts: &mut Counts, arrival: &Arrival) -> String {
        if arrival.is_identified() {
            return arrival.key();
        }
        let new = self.kinds.len();
        let kind = *self.kinds.entry((arrival.name.clone(), arrival.job.clone())).or_insert(new);
        if counts.0.len() <= kind {
            counts.0.resize(kind + 1, 0);
        }
        counts.0[kind] += 1;
        format!("{} {} of {:?}", arrival.name, counts.0[kind], arrival.job)
    }

    /// Whether an event of its kind came on any stream, where it is counted.
    pub(in crate::checks::sse) fn knows(&self, arrival: &Arrival) -> bool {
        arrival.is_identified() || self.kinds.contains_key(&(arrival.name.clone(), arrival.job.clone()))
    }
}

impl Ended {
    /// The end for people.
    pub(in crate::checks::sse) fn brief(&self) -> String {
        let (how, in_event) = match self {
            Self::Whole { in_event } => ("the service ended it", in_event),
            Self::Broken { snag, in_event } => (snag.text.as_str(), in_event),
        };
        if *in_event { format!("{how}, in the middle of an event") } else { how.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(id: usize) -> Arrival {
        Arrival { id: Some("x".repeat(id)), ..Arrival::default() }
    }

    #[test]
    fn a_tape_is_full_of_many_events_or_of_large_ones() {
        for (id, most) in [(1, MOST_EVENTS), (1 << 20, 16)] {
            let mut tape = Tape::default();
            while !tape.is_full() {
                tape.keep(event(id));
            }
            assert_eq!(tape.arrivals.len(), most);
            tape.truncate(1);
            assert!(!tape.is_full(), "there is room again");
        }
    }

    #[test]
    fn events_that_somebody_takes_take_up_nothing_any_more() {
        let mut tape = Tape::default();
        for _ in 0..100 {
            tape.keep(event(1 << 20));
            tape.arrivals.clear();
        }
        assert!(!tape.is_full());
    }
}
