//! Who got what, and when: every event once, and for each subscriber only the moment.

use crate::checks::sse::look::{Arrival, FanOut, Ledger, MISSES, Miss, Skew, Tape};
use crate::checks::sse::spec::Spec;
use crate::kind::Context;
use crate::model::Interval;
use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

/// Events that are kept: a stream on which others are as busy as that is none to judge by.
const MOST_EVENTS: usize = 50_000;

/// All subscribers, and all events.
pub(super) struct Hall {
    subscribers: Vec<Subscriber>,
    known: HashMap<String, usize>,
    events: Vec<Event>,
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
    /// When it got each event.
    got: Vec<Option<Moment>>,
    count: usize,
}

/// When something came, and what our own reading had taken by then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Moment {
    at: Duration,
    busy: Duration,
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
        let subscribers = tapes.into_iter().map(|tape| Subscriber { tape, ..Subscriber::default() }).collect();
        Self { subscribers, known: HashMap::new(), events: Vec::new(), last: None, busy: Duration::ZERO, reading: None, origin }
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

    fn note(&mut self, place: usize, arrival: &Arrival) {
        self.last = self.last.max(Some(arrival.at));
        let reading = self.reading.map_or(Duration::ZERO, |since| (self.origin + arrival.at).saturating_duration_since(since));
        let moment = Moment { at: arrival.at, busy: self.busy + reading };
        let key = arrival.key();
        let event = match self.known.get(&key) {
            Some(event) => *event,
            None if self.events.len() >= MOST_EVENTS => return,
            None => {
                self.events.push(Event { brief: arrival.brief(), name: arrival.name.clone(), job: arrival.job.clone(), first: moment });
                self.known.insert(key, self.events.len() - 1);
                self.events.len() - 1
            }
        };
        self.events[event].first = self.events[event].first.min(moment);
        let subscriber = &mut self.subscribers[place];
        if subscriber.got.len() <= event {
            subscriber.got.resize(event + 1, None);
        }
        if subscriber.got[event].replace(moment).is_none() {
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
        fan_out.events = u32::try_from(ours.len()).unwrap_or(u32::MAX);
        for event in &ours {
            let Event { brief, first, .. } = &self.events[*event];
            let mut times = Vec::new();
            for (place, subscriber) in self.listeners() {
                match subscriber.got.get(*event).copied().flatten() {
                    Some(at) => times.push(at),
                    None => {
                        fan_out.missing += 1;
                        if fan_out.misses.len() < MISSES {
                            // Events are numbered in the order in which they came to the first of all, and those of one job come in theirs.
                            let after = ours.iter().filter(|later| *later > event && self.events[**later].job == self.events[*event].job);
                            let is_hole = after.copied().any(|later| subscriber.got.get(later).copied().flatten().is_some());
                            let subscriber = u32::try_from(place + 1).unwrap_or(u32::MAX);
                            fan_out.misses.push(Miss { subscriber, event: brief.clone(), at: first.at, is_hole });
                        }
                    }
                }
            }
            fan_out.arrivals += times.len() as u64;
            times.sort_unstable();
            let rank = (times.len() * 99).div_ceil(100).saturating_sub(1);
            if let Some(at) = times.get(rank) {
                let mut took: Interval = cx.stopwatch().between(self.origin + first.at, self.origin + at.at);
                // What our own reading took is not the service's: who is read last got it no later.
                took.lo = took.lo.min(took.hi.saturating_sub(at.busy.saturating_sub(first.busy)));
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
