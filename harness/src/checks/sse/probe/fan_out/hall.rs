//! Who got what, and when: every event once, and for each subscriber only the moment.

use crate::checks::sse::look::{Arrival, Counts, FanOut, Keys, Ledger, MISSES, Miss, Skew, Tape};
use crate::checks::sse::spec::Spec;
use crate::kind::Context;
use crate::model::Interval;
use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

/// Events that are kept, and moments of all subscribers: a stream on which others are as busy as that is none to judge by.
const MOST_EVENTS: usize = 50_000;
const MOST_MOMENTS: usize = 8_000_000;

/// All subscribers, and all events.
pub(super) struct Hall {
    subscribers: Vec<Subscriber>,
    keys: Keys,
    known: HashMap<String, usize>,
    events: Vec<Event>,
    /// Events that are kept at most; there were more.
    most: usize,
    is_full: bool,
    last: Option<Duration>,
    /// Time that our own reading has taken so far, and since when it is at it.
    busy: Duration,
    reading: Option<Instant>,
    origin: Instant,
}

/// One subscriber.
#[derive(Default)]
struct Subscriber {
    /// Its stream, without the events.
    tape: Tape,
    /// When it got each event; `Moment::NEVER` where it did not.
    got: Vec<Moment>,
    count: usize,
    /// What came of that which is only counted.
    counts: Counts,
}

/// When something came, and what our own reading had taken by then, in units of 10 µs: there are many of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Moment {
    at: u32,
    busy: u32,
}

impl Moment {
    const NEVER: Self = Self { at: u32::MAX, busy: u32::MAX };
    const UNIT: u128 = 10;

    fn of(at: Duration, busy: Duration) -> Self {
        let units = |time: Duration| u32::try_from(time.as_micros() / Self::UNIT).unwrap_or(u32::MAX - 1);
        Self { at: units(at), busy: units(busy) }
    }

    fn at(self) -> Duration {
        Duration::from_micros(u64::from(self.at) * 10)
    }

    /// What our own reading took from `first` until this one.
    fn busy_since(self, first: Self) -> Duration {
        Duration::from_micros(u64::from(self.busy.saturating_sub(first.busy)) * 10)
    }
}

impl Subscriber {
    /// When it got this event.
    fn got(&self, event: usize) -> Option<Moment> {
        self.got.get(event).copied().filter(|moment| *moment != Moment::NEVER)
    }
}

/// One event.
struct Event {
    brief: String,
    name: String,
    job: Option<String>,
    first: Moment,
}

impl Hall {
    /// For those who have these streams.
    pub(super) fn of(tapes: Vec<Tape>, origin: Instant) -> Self {
        let subscribers: Vec<_> = tapes.into_iter().map(|tape| Subscriber { tape, ..Subscriber::default() }).collect();
        let most = MOST_EVENTS.min(MOST_MOMENTS / subscribers.len().max(1));
        let (keys, known, events) = (Keys::default(), HashMap::new(), Vec::new());
        Self { subscribers, keys, known, events, most, is_full: false, last: None, busy: Duration::ZERO, reading: None, origin }
    }

    /// All that it has; the hall is empty then.
    pub(super) fn leave(&mut self) -> Self {
        let origin = self.origin;
        std::mem::replace(self, Self::of(Vec::new(), origin))
    }

    /// Events that anybody got.
    pub(super) fn events(&self) -> usize {
        self.events.len()
    }

    /// When the last event came to anybody.
    pub(super) fn last(&self) -> Option<Duration> {
        self.last
    }

    /// We begin to read.
    pub(super) fn begin(&mut self, now: Instant) {
        self.reading = Some(now);
    }

    /// We have read what there was.
    pub(super) fn pause(&mut self, now: Instant) {
        if let Some(since) = self.reading.take() {
            self.busy += now.saturating_duration_since(since);
        }
    }

    /// Nobody listens any more.
    pub(super) fn is_empty(&self) -> bool {
        !self.listeners().any(|_| true)
    }

    /// The tape of a subscriber, to be written.
    pub(super) fn take(&mut self, place: usize) -> Tape {
        std::mem::take(&mut self.subscribers[place].tape)
    }

    /// Puts the tape back, and keeps of its events when they came.
    pub(super) fn put(&mut self, place: usize, mut tape: Tape) {
        for arrival in std::mem::take(&mut tape.arrivals) {
            self.note(place, &arrival);
        }
        self.subscribers[place].tape = tape;
    }

    /// Notes an event of a job. What belongs to none, such as a greeting with an id of the connection, is not everybody's.
    fn note(&mut self, place: usize, arrival: &Arrival) {
        if arrival.job.is_none() {
            return;
        }
        self.last = self.last.max(Some(arrival.at));
        let reading = self.reading.map_or(Duration::ZERO, |since| (self.origin + arrival.at).saturating_duration_since(since));
        let moment = Moment::of(arrival.at, self.busy + reading);
        if self.is_full && !self.keys.knows(arrival) {
            return;
        }
        let key = self.keys.next(&mut self.subscribers[place].counts, arrival);
        let event = match self.known.get(&key) {
            Some(event) => *event,
            None if self.events.len() >= self.most => {
                self.is_full = true;
                return;
            }
            None => {
                self.events.push(Event { brief: arrival.brief(), name: arrival.name.clone(), job: arrival.job.clone(), first: moment });
                self.known.insert(key, self.events.len() - 1);
                self.events.len() - 1
            }
        };
        self.events[event].first = self.events[event].first.min(moment);
        let subscriber = &mut self.subscribers[place];
        if subscriber.got.len() <= event {
            subscriber.got.resize(event + 1, Moment::NEVER);
        }
        if std::mem::replace(&mut subscriber.got[event], moment) == Moment::NEVER {
            subscriber.count += 1;
        }
    }

    /// Those whose streams are open.
    fn listeners(&self) -> impl Iterator<Item = (usize, &Subscriber)> {
        self.subscribers.iter().enumerate().filter(|(_, s)| s.tape.ended.is_none() && !s.tape.is_flood)
    }

    /// Every job has ended for somebody, and every listener has every event.
    pub(super) fn has_all(&self, spec: &Spec, ledger: &Ledger) -> bool {
        if self.listeners().any(|(_, s)| s.count < self.events.len()) {
            return false;
        }
        let is_end = |event: &&Event| spec.b.ends_with.is_none() || spec.b.is_terminal(&event.name);
        let done: HashSet<&str> = self.events.iter().filter(is_end).filter_map(|e| e.job.as_deref()).collect();
        ledger.jobs.iter().all(|job| done.contains(job.id.as_str()))
    }

    /// Writes down who missed what of the driven jobs, and how far apart each event came.
    pub(super) fn tell(self, cx: &Context, fan_out: &mut FanOut) {
        let jobs = fan_out.ledger.ids();
        let ours: Vec<usize> =
            (0..self.events.len()).filter(|e| self.events[*e].job.as_deref().is_some_and(|job| jobs.contains(job))).collect();
        let told: HashSet<&str> = ours.iter().filter_map(|e| self.events[*e].job.as_deref()).collect();
        fan_out.silent = fan_out.ledger.jobs.iter().filter(|j| !told.contains(j.id.as_str())).map(|j| j.id.clone()).collect();
        fan_out.silent.truncate(MISSES);
        fan_out.is_full = self.is_full;
        fan_out.events = u32::try_from(ours.len()).unwrap_or(u32::MAX);
        for event in &ours {
            let Event { brief, first, .. } = &self.events[*event];
            let mut times = Vec::new();
            for (place, subscriber) in self.listeners() {
                match subscriber.got(*event) {
                    Some(at) => times.push(at),
                    None => {
                        fan_out.missing += 1;
                        if fan_out.misses.len() < MISSES {
                            // Events are numbered in the order in which they came to the first of all, and those of one job come in theirs.
                            let after = ours.iter().filter(|later| *later > event && self.events[**later].job == self.events[*event].job);
                            let is_hole = after.copied().any(|later| subscriber.got(later).is_some());
                            let subscriber = u32::try_from(place + 1).unwrap_or(u32::MAX);
                            fan_out.misses.push(Miss { subscriber, event: brief.clone(), at: first.at(), is_hole });
                        }
                    }
                }
            }
            fan_out.arrivals += times.len() as u64;
            times.sort_unstable();
            let rank = (times.len() * 99).div_ceil(100).saturating_sub(1);
            if let Some(at) = times.get(rank) {
                let mut took: Interval = cx.stopwatch().between(self.origin + first.at(), self.origin + at.at());
                // What our own reading took is not the service's: who is read last got it no later.
                took.lo = took.lo.min(took.hi.saturating_sub(at.busy_since(*first)));
                fan_out.skews.push(Skew { event: brief.clone(), took });
            }
        }
        // The stream that shows it best: of the first who missed something.
        let place = fan_out.misses.first().map_or(0, |m| m.subscriber.saturating_sub(1) as usize);
        fan_out.sample = self.subscribers.get(place).map(|s| s.tape.clone());
        for subscriber in self.subscribers {
            if subscriber.tape.ended.is_some() || subscriber.tape.is_flood {
                fan_out.ended += 1;
                fan_out.end.get_or_insert(subscriber.tape);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A piece that brought one event, of a job or of none.
    fn piece(id: &str, job: Option<&str>) -> Tape {
        let arrival = Arrival { id: Some(id.to_owned()), job: job.map(str::to_owned), at: Duration::from_millis(7), ..Arrival::default() };
        Tape { arrivals: vec![arrival], ..Tape::default() }
    }

    fn hall() -> Hall {
        Hall::of(vec![Tape::default(), Tape::default()], crate::kind::Stopwatch::default().now())
    }

    #[test]
    fn a_greeting_of_each_connection_is_nobody_elses() {
        let mut hall = hall();
        hall.put(0, piece("hello-0", None));
        hall.put(1, piece("hello-1", None));
        assert_eq!((hall.events(), hall.last()), (0, None));
        hall.put(1, piece("1", Some("a")));
        assert_eq!((hall.events(), hall.last()), (1, Some(Duration::from_millis(7))));
        assert_eq!((hall.subscribers[0].got(0), hall.subscribers[1].got(0).map(Moment::at)), (None, Some(Duration::from_millis(7))));
    }

    #[test]
    fn events_that_differ_for_each_subscriber_are_counted_where_nothing_else_tells_them_apart() {
        let mut hall = hall();
        // Neither id nor number, and the time of the delivery in the data.
        let came = |hash: &str| {
            let arrival = Arrival { job: Some("a".to_owned()), name: "progress".to_owned(), hash: hash.to_owned(), ..Arrival::default() };
            Tape { arrivals: vec![arrival], ..Tape::default() }
        };
        for (place, hash) in [(0, "at 1"), (0, "at 3"), (1, "at 2"), (1, "at 4")] {
            hall.put(place, came(hash));
        }
        assert_eq!((hall.events(), hall.subscribers[0].count, hall.subscribers[1].count), (2, 2, 2));
        hall.put(0, came("at 5"));
        assert_eq!((hall.events(), hall.subscribers[0].count, hall.subscribers[1].count), (3, 3, 2), "the third never came to the second");
    }

    #[test]
    fn ids_that_count_the_events_of_each_job_are_told_apart() {
        let mut hall = hall();
        hall.put(0, piece("1", Some("a")));
        hall.put(0, piece("1", Some("b")));
        hall.put(1, piece("1", Some("a")));
        assert_eq!((hall.events(), hall.subscribers[0].count, hall.subscribers[1].count), (2, 2, 1));
    }

    #[test]
    fn events_beyond_what_is_kept_are_told() {
        let mut hall = hall();
        hall.most = 2;
        for (id, is_full) in [("1", false), ("2", false), ("1", false), ("3", true)] {
            hall.put(0, piece(id, Some("a")));
            assert_eq!(hall.is_full, is_full, "{id}");
        }
        assert_eq!(hall.events(), 2);
    }
}
