//! `sse/timely`: how late the first event of each job came, and whether events came in batches.

use super::{case, counted, cut_short, finding, nothing, number, unopened, unsure};
use crate::checks::sse::look::{Delay, Ledger, Live, Observation, Subscriber};
use crate::checks::sse::spec::{PAIRS, Spec};
use crate::checks::sse::table;
use crate::model::interval::Against;
use crate::model::quantity::show_duration;
use crate::model::{Found, Reading, Unseen, Want};
use std::num::NonZeroU32;

/// The share of pairs above which a stream is buffered.
const BUFFERED: f64 = 0.2;

pub(super) fn timely(spec: &Spec, seen: &Observation) -> Vec<Reading> {
    let subscribers = &seen.live.subscribers;
    if subscribers.is_empty() {
        return vec![Reading::of(table::TIMELY, Found::Unseen { why: Unseen::Deadline })];
    }
    let readings = subscribers.iter().flat_map(|first| {
        let name = &first.tape.name;
        let mut subscriber = Subscriber { tape: first.tape.clone(), delays: first.delays.clone(), batch: first.batch.clone() };
        for more in seen.relooks.iter().filter_map(|l| l.subscriber(name)) {
            subscriber.add(more);
        }
        let never = never(spec, &seen.live, first);
        let found = delays(spec, &subscriber, never, &seen.live.ledger);
        let batched = batched(spec, &subscriber, &seen.live.ledger);
        [case(table::TIMELY, name.clone(), found), case(table::TIMELY, format!("{name}/batch"), batched)]
    });
    readings.collect()
}

/// Whether the drive may be made again to look closer.
fn is_repeatable(spec: &Spec) -> bool {
    spec.b.drive.as_ref().is_some_and(|d| d.a.is_repeatable())
}

/// Jobs of which nothing came before all had drained: held back or lost, and late in any case.
fn never(spec: &Spec, live: &Live, subscriber: &Subscriber) -> u32 {
    let is_too_short = spec.b.timely_within.as_ref().is_none_or(|w| spec.b.drains_within() <= w.value.0);
    let tape = &subscriber.tape;
    let is_open = tape.is_event_stream() || live.is_late && (tape.is_headless() || !tape.is_told());
    if !live.is_drained || is_too_short || !is_open || cut_short(&subscriber.tape).is_some() {
        return 0;
    }
    number(live.ledger.jobs.len().saturating_sub(subscriber.delays.len()))
}

fn delays(spec: &Spec, subscriber: &Subscriber, never: u32, ledger: &Ledger) -> Found {
    let Some(within) = &spec.b.timely_within else { return Found::Unseen { why: Unseen::Deadline } };
    let limit = within.value.0;
    // A head that did not come with the events either holds them back too.
    if let Some(found) = unopened(&subscriber.tape).filter(|_| never == 0) {
        return found;
    }
    let delays = &subscriber.delays;
    if delays.is_empty() && never == 0 {
        return cut_short(&subscriber.tape).unwrap_or_else(|| match ledger.jobs.is_empty() {
            true => nothing(ledger.emptiness()),
            false => nothing(format!("no event of {} jobs came", ledger.jobs.len())),
        });
    }
    let of = |against: Against| number(delays.iter().filter(|d| d.took.against(limit) == against).count());
    // The 99th percentile: one of a hundred may be late.
    let all = number(delays.len()) + never;
    let allowed = all / 100;
    let (beyond, unclear) = (of(Against::Beyond) + never, of(Against::Near));
    let bad = beyond.saturating_sub(allowed);
    let near = unclear.saturating_sub(allowed.saturating_sub(beyond));
    let worst = || delays.iter().max_by_key(|d| d.took.lo).cloned().unwrap_or_default();
    if !is_repeatable(spec) && (1..3).contains(&bad) {
        return unsure(format!(
            "{bad} of {all} events came late, {never} of them never, at worst after {}: too few to tell it from noise, and `drive` is not marked \
             `repeatable`",
            worst().took
        ));
    }
    counted(bad, near, all, is_repeatable(spec), || {
        let worst: Delay = worst();
        let expected = format!("the first event of a job within {} of its acknowledgement (p99)", show_duration(limit));
        let waited = show_duration(spec.b.drains_within());
        if delays.is_empty() {
            return finding(&subscriber.tape, expected, format!("none of {all} came within {waited}")).at(within.at);
        }
        let missing = if never > 0 { format!(", {never} of them not within {waited}") } else { String::new() };
        finding(&subscriber.tape, expected, format!("{} after it, {beyond} of {all} beyond the limit{missing}", worst.took))
            .detail("job", worst.job)
            .detail("delays", spread(delays))
            .at(within.at)
    })
}

/// Median, p99 and largest delay, by their upper ends.
fn spread(delays: &[Delay]) -> String {
    let mut all: Vec<_> = delays.iter().map(|d| d.took.hi).collect();
    all.sort();
    let rank = |q: usize| all.get((all.len() * q).div_ceil(100).saturating_sub(1)).copied().unwrap_or_default();
    format!("p50 {}, p99 {}, max {}", show_duration(rank(50)), show_duration(rank(99)), show_duration(rank(100)))
}

fn batched(spec: &Spec, subscriber: &Subscriber, ledger: &Ledger) -> Found {
    if let Some(found) = unopened(&subscriber.tape) {
        return found;
    }
    let batch = &subscriber.batch;
    if batch.pairs < PAIRS {
        let why = match ledger.jobs.is_empty() {
            true => return nothing(ledger.emptiness()),
            false if subscriber.delays.is_empty() => {
                return cut_short(&subscriber.tape).unwrap_or_else(|| nothing(format!("no event of {} jobs came", ledger.jobs.len())));
            }
            false => format!(
                "{} pairs of events that were produced over 100 ms apart are too few to tell a batch, {} more were lost to stalls of this machine and to large events",
                batch.pairs, batch.stalled
            ),
        };
        let wants = NonZeroU32::new(PAIRS - batch.pairs).filter(|_| is_repeatable(spec) && batch.stalled > 0).map(Want::Samples);
        return cut_short(&subscriber.tape).unwrap_or(Found::Unsure { why, wants });
    }
    if f64::from(batch.together) <= BUFFERED * f64::from(batch.pairs) {
        return Found::held(batch.pairs as usize, "no pairs");
    }
    counted(batch.together, 0, batch.pairs, is_repeatable(spec), || {
        let example = batch.example.map_or_else(String::new, |(made, came)| {
            format!("; two that were produced {} apart came {} apart", show_duration(made), show_duration(came))
        });
        let observed = format!("{} of {} pairs came together{example}", batch.together, batch.pairs);
        let mut told = finding(&subscriber.tape, "events that were produced over 100 ms apart arrive apart", observed);
        for (header, why) in [("x-accel-buffering", "says"), ("content-encoding", "coded")] {
            if let Some(value) = subscriber.tape.head.header(header) {
                told = told.detail(why, format!("{header}: {value}"));
            }
        }
        told
    })
}
