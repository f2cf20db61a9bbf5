//! A stream on which nothing is due, and how long it was silent each time.

use super::{Arrival, Tape};
use crate::model::Interval;
use serde::{Deserialize, Serialize};

/// What was seen of heartbeats.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(in crate::checks::sse) struct Silence {
    /// The stream.
    pub(in crate::checks::sse) tape: Option<Tape>,
    /// Its silences: between two reads, or as long as was waited.
    pub(in crate::checks::sse) gaps: Vec<Gap>,
}

/// Names that nobody gives to anything but a heartbeat.
const NAMES: &[&str] = &["heartbeat", "heart-beat", "heart_beat", "ping", "keepalive", "keep-alive", "keep_alive", "hb", "noop"];

/// An event with the name of a heartbeat, and of no job.
pub(in crate::checks::sse) fn is_beat(arrival: &Arrival) -> bool {
    arrival.job.is_none() && NAMES.contains(&arrival.name.to_ascii_lowercase().as_str())
}

/// Keeps of many events what may be a heartbeat: the first of those that have no job, and of those with the name of one, so many of each.
pub(in crate::checks::sse) fn thin(tape: &mut Tape, most: usize) {
    if tape.arrivals.len() <= most {
        return;
    }
    let (mut beats, mut others) = (0, 0);
    tape.retain(|arrival| {
        let kept = if is_beat(arrival) { &mut beats } else { &mut others };
        *kept += usize::from(arrival.job.is_none());
        arrival.job.is_none() && *kept <= most
    });
}

/// One silence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::checks::sse) struct Gap {
    /// How long.
    pub(in crate::checks::sse) took: Interval,
    /// Bytes came at its end; else it was longer than we waited.
    pub(in crate::checks::sse) is_over: bool,
    /// A comment came at its end, and no event; the greeting of a stream is none of these.
    pub(in crate::checks::sse) is_beat: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heartbeat_is_found_behind_any_number_of_events_and_few_of_them_are_kept() {
        let event = |name: &str, job: Option<String>| Arrival { name: name.to_owned(), job, ..Arrival::default() };
        let mut tape = Tape::default();
        for n in 0..10_000 {
            tape.keep(event("progress", (n % 2 == 0).then(|| n.to_string())));
            if n % 1000 == 999 {
                tape.keep(event("ping", None));
            }
            thin(&mut tape, 100);
            assert!(tape.arrivals.len() <= 200);
        }
        assert_eq!(tape.arrivals.iter().filter(|a| is_beat(a)).count(), 10);
        assert_eq!(tape.arrivals.iter().filter(|a| a.job.is_some()).count(), 0, "events of a job are no heartbeats");
    }
}
