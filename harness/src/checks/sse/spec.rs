//! What a suite says of `sse`: keys, units, defaults.

use crate::kind::Round;
use crate::reader::{Bytes, Dur, Many, PerTime, Sp, With};
use crate::words::{Expect, Path, Request};
use order::Order;
use schemars::JsonSchema;
use serde::Deserialize;
use std::time::Duration;

mod cleans_up;
mod demands;
mod heavy;
pub(super) mod order;
mod private;
mod slow;

pub(super) use cleans_up::{CleansUp, HELD};
pub(super) use demands::{ID, PAYLOAD, demands};
pub(super) use private::{FOREIGN, OTHER, Private};
pub(super) use slow::{Fate, Memory, PIECE, SlowConsumer};

/// The request of the stream, and what is promised of it.
pub(super) type Spec = With<Request, Own>;

/// Keys of `sse` beside those of a request.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Own {
    /// Longest time from the dial to the whole head of the answer. Declares `sse/opens`.
    #[serde(default)]
    pub(super) open_within: Option<Sp<Dur>>,
    /// Longest silence of a stream. Declares `sse/heartbeat`.
    #[serde(default)]
    pub(super) heartbeat_within: Option<Sp<Dur>>,
    /// The smallest idle timeout on the way to clients; heartbeats must come in half of it. Default: 60s.
    #[serde(default)]
    pub(super) idle_timeout: Option<Sp<Dur>>,
    /// Longest time from the production of an event to its arrival. Declares `sse/timely`.
    #[serde(default)]
    pub(super) timely_within: Option<Sp<Dur>>,
    /// The request that makes a job, and so events.
    #[serde(default)]
    pub(super) drive: Option<With<Request, Drive>>,
    /// How an event is matched to its job, and where its order stands. Its `order` declares `sse/ordered` and `sse/identified`.
    #[serde(default)]
    pub(super) identify: Option<Identify>,
    /// How long the last events of driven jobs are waited for. Default: 10s.
    #[serde(default)]
    pub(super) drains_within: Option<Sp<Dur>>,
    /// A request that makes a job with a payload, `${payload}`, which one of its events carries back. Declares `sse/framed`.
    #[serde(default)]
    pub(super) framed: Option<With<Request, Framed>>,
    /// How often a client is cut off and comes back. Declares `sse/replay`.
    #[serde(default)]
    pub(super) cuts: Option<Sp<u32>>,
    /// Ids that cannot be resumed after: expired, unknown, garbage. Declares `sse/stale`.
    #[serde(default)]
    pub(super) stale: Option<Many<Sp<String>>>,
    /// Names of the event that tells a client that events are missing. Default: resync.
    #[serde(default)]
    pub(super) resync: Option<Many<Sp<String>>>,
    /// Names of the events with which a job ends. Declares `sse/ends`.
    #[serde(default)]
    pub(super) ends_with: Option<Many<Sp<String>>>,
    /// JSONPath of a job's progress in its events; it must not go back.
    #[serde(default)]
    pub(super) progress: Option<Sp<Path>>,
    /// The request that gets the result of the job `${id}`.
    #[serde(default)]
    pub(super) result: Option<With<Request, Answered>>,
    /// The stream of the one job `${id}`.
    #[serde(default)]
    pub(super) per_job: Option<Request>,
    /// A request that makes a job which fails.
    #[serde(default)]
    pub(super) failing: Option<With<Request, Failing>>,
    /// How many subscribers watch the driven jobs at once: 100 are many for most. Declares `sse/fan-out`.
    #[serde(default)]
    pub(super) fan_out: Option<Sp<u32>>,
    /// Longest time from the first subscriber that gets an event to the last (p99). Default: not judged.
    #[serde(default)]
    pub(super) skew_within: Option<Sp<Dur>>,
    /// Where a gauge of open streams is read, which must come back to where it was once many were closed. Declares `sse/cleans-up`.
    #[serde(default)]
    pub(super) cleans_up: Option<With<Request, CleansUp>>,
    /// A request that makes a job with a payload, `${payload}`, which flows past a subscriber that does not read, and what becomes of
    /// that. Declares `sse/slow-consumer`.
    #[serde(default)]
    pub(super) slow_consumer: Option<With<Request, SlowConsumer>>,
    /// The part that is killed and started again between two drives: `service`. Then `sse/identified` is judged over the restart too.
    #[serde(default)]
    pub(super) restart: Option<Sp<String>>,
    /// Who may not read the stream. Declares `sse/private`.
    #[serde(default)]
    pub(super) private: Option<Private>,
}

/// Keys of `drive` beside those of its request.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Drive {
    /// JSONPath of the job's id in the answer. The id is then `${id}`.
    pub(super) id: Sp<Path>,
    /// How many jobs are made. Default: 20.
    #[serde(default)]
    pub(super) jobs: Option<Sp<u32>>,
    /// How many a second. Default: 20/s.
    #[serde(default)]
    pub(super) rate: Option<Sp<PerTime>>,
}

/// Keys of `identify`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Identify {
    /// JSONPath of the job's id in the data of an event.
    pub(super) job: Sp<Path>,
    /// `event-id`: the ids of events are numbers that grow over the stream. A JSONPath: numbers that count the events of each job, one
    /// by one. Or both.
    #[serde(default)]
    pub(super) order: Option<Many<Order>>,
}

/// Keys of `framed` beside those of its request.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Framed {
    /// JSONPath of the job's id in the answer. Default: that of `drive`.
    #[serde(default)]
    pub(super) id: Option<Sp<Path>>,
    /// JSONPath of the payload in the data of the job's event.
    pub(super) payload: Sp<Path>,
    /// Largest payload that is promised to arrive whole. Default: 1MiB.
    #[serde(default)]
    pub(super) up_to: Option<Sp<Bytes>>,
}

/// Keys of `result` beside those of its request.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Answered {
    /// What its answer is. Default: any 2xx.
    #[serde(default)]
    pub(super) expect: Option<Expect>,
}

/// Keys of `failing` beside those of its request.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Failing {
    /// JSONPath of the job's id in the answer. Default: that of `drive`.
    #[serde(default)]
    pub(super) id: Option<Sp<Path>>,
}

/// Longest wait for the head of a stream where nothing is said.
pub(super) const HEAD: Duration = Duration::from_secs(10);
/// Longest wait for one submit, and for a result.
pub(super) const SUBMIT: Duration = Duration::from_secs(10);
/// Bytes of one line at most: a text of 1 MiB and the JSON around it, which the `framed` of a check beside this one may bring.
pub(super) const LINE: usize = (1 << 20) + (64 << 10);
/// A line of an event may be so much longer than its payload: JSON writes some characters as six bytes.
const ESCAPED: usize = 6;
/// Silences of an idle stream that are measured.
pub(super) const SILENCES: u32 = 3;
/// Heartbeats that are needed to tell that there are any, where events of others come too.
pub(super) const BEATS: u32 = 2;
/// Time between two jobs when batches are looked for: well over the 100 ms that make a pair.
pub(super) const APART: Duration = Duration::from_millis(110);
/// Pairs of events that are needed to tell a batch.
pub(super) const PAIRS: u32 = 20;
/// What came to one stream so shortly before the end of a look may still be on its way to another: it is not lost there.
pub(super) const SETTLED: Duration = Duration::from_millis(300);
/// Most jobs of one drive.
pub(super) const MOST_JOBS: u32 = 10_000;
/// Most subscribers at once.
pub(super) const MOST_SUBSCRIBERS: u32 = 20_000;
/// Most cuts.
pub(super) const MOST_CUTS: u32 = 1000;

fn duration(value: Option<&Sp<Dur>>, or: Duration) -> Duration {
    value.map_or(or, |d| d.value.0)
}

impl Own {
    /// Longest wait for the head of a stream: late is told from never.
    pub(super) fn head(&self) -> Duration {
        self.open_within.as_ref().map_or(HEAD, |d| (d.value.0 * 4).max(Duration::from_secs(2)))
    }

    /// The longest silence that is kept: as declared, and half of the smallest idle timeout at most.
    pub(super) fn silence(&self) -> Option<Duration> {
        self.heartbeat_within.as_ref().map(|d| d.value.0.min(self.idle_timeout() / 2))
    }

    pub(super) fn idle_timeout(&self) -> Duration {
        duration(self.idle_timeout.as_ref(), Duration::from_secs(60))
    }

    pub(super) fn drains_within(&self) -> Duration {
        duration(self.drains_within.as_ref(), Duration::from_secs(10))
    }

    /// Bytes of one line at most on the stream of `framed`, and on those that are opened after it and may be told of it again.
    pub(super) fn line(&self) -> usize {
        let largest = self.framed.as_ref().map_or(0, |f| usize::try_from(f.b.up_to()).unwrap_or(usize::MAX));
        largest.saturating_mul(ESCAPED).max(LINE)
    }

    /// The same on the other streams of a round: in a later one all of the first was sent before.
    pub(super) fn line_in(&self, round: &Round) -> usize {
        if round.focus.is_some() { self.line() } else { LINE }
    }

    /// Whether an event of this name ends a job.
    pub(super) fn is_terminal(&self, name: &str) -> bool {
        self.ends_with.iter().flat_map(|m| m.iter()).any(|n| n.value == name)
    }

    /// Whether an event of this name tells that events are missing.
    pub(super) fn is_resync(&self, name: &str) -> bool {
        match &self.resync {
            Some(names) => names.iter().any(|n| n.value == name),
            None => name == "resync",
        }
    }

    /// The names of that event, for people.
    pub(super) fn resync_names(&self) -> String {
        self.resync
            .as_ref()
            .map_or_else(|| "`resync`".to_owned(), |names| names.iter().map(|n| format!("`{}`", n.value)).collect::<Vec<_>>().join(" or "))
    }

    pub(super) fn orders(&self) -> impl Iterator<Item = &Order> {
        self.identify.iter().filter_map(|i| i.order.as_ref()).flat_map(|m| m.iter())
    }

    /// Whether the ids of events have an order.
    pub(super) fn ids_are_ordered(&self) -> bool {
        self.orders().any(|o| matches!(o, Order::EventId))
    }

    /// Where the sequence number of an event stands in its data.
    pub(super) fn sequence(&self) -> Option<&Path> {
        self.orders().find_map(|o| match o {
            Order::Path(path) => Some(path),
            Order::EventId => None,
        })
    }
}

impl Drive {
    pub(super) fn jobs(&self) -> u32 {
        self.jobs.as_ref().map_or(20, |j| j.value)
    }

    /// Time between two submits.
    pub(super) fn step(&self) -> Duration {
        self.rate.as_ref().map_or(Duration::from_millis(50), |r| r.value.0.per / r.value.0.count)
    }
}

impl Framed {
    pub(super) fn up_to(&self) -> u64 {
        self.up_to.as_ref().map_or(1 << 20, |s| s.value.0.0)
    }
}
