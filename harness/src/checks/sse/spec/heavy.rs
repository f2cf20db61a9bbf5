//! What the plan must know of the clauses that load or break the service, or knock where they may not come in.

use super::cleans_up::{CLOSES, HELD};
use super::slow::{MOST_FLOW, SOCKETS};
use super::{ID, MOST_SUBSCRIBERS, Own, PAYLOAD, SlowConsumer, Spec};
use crate::checks::sse::table;
use crate::kind::{Crowd, Demands};
use crate::model::{At, FaultKind, Impact};
use crate::reader::With;
use crate::words::Request;
use std::time::Duration;

/// The requests of these clauses.
pub(super) fn requests(own: &Own) -> Vec<&Request> {
    let mut all = Vec::new();
    all.extend(own.private.iter().flat_map(|p| p.requests()).map(|(_, request)| request));
    all.extend(own.cleans_up.as_ref().map(|c| &c.a));
    if let Some(slow) = &own.slow_consumer {
        all.push(&slow.a);
        all.extend(slow.b.memory.as_ref().map(|m| &m.a));
    }
    all
}

/// Connections beside many streams: those that drive jobs, or read a gauge.
const BESIDE: u32 = 64;

/// The clauses that open many streams at once.
fn crowds(own: &Own) -> impl Iterator<Item = Crowd> {
    let fan_out = own.fan_out.as_ref().map(|n| (table::FAN_OUT, n.value, "fan-out", n.at));
    let left = own.cleans_up.as_ref().map(|c| (table::CLEANS_UP, HELD, "cleans-up", c.a.at()));
    let crowd = |(clause, streams, key, at): (_, u32, _, _)| Crowd { clause, connections: streams.saturating_add(BESIDE), key, at };
    fan_out.into_iter().chain(left).map(crowd)
}

/// What they do to the target beyond what the table says, and what they need of this machine.
pub(super) fn raise(own: &Own, demands: &mut Demands) {
    demands.crowds.extend(crowds(own));
    if own.private.as_ref().is_some_and(|p| p.driven().is_some()) {
        demands.raised.push((table::PRIVATE, Impact::Write));
    }
    if let Some(part) = &own.restart {
        demands.raised.push((table::IDENTIFIED, Impact::Disrupt));
        demands.faults.push((table::IDENTIFIED, part.value.clone(), FaultKind::Restart));
    }
}

/// Their part of the longest time.
pub(super) fn longest(own: &Own) -> Duration {
    let mut longest = Duration::ZERO;
    let drive = own.drive.as_ref().map(|d| d.b.step() * d.b.jobs() + own.drains_within()).unwrap_or_default();
    if let Some(private) = &own.private {
        longest += own.head() * 2 + if private.other.is_some() { drive + Duration::from_secs(20) } else { Duration::ZERO };
    }
    if let Some(subscribers) = &own.fan_out {
        // A thousand streams a second may be opened, at least.
        longest += own.head() + drive + Duration::from_millis(u64::from(subscribers.value));
    }
    if let Some(slow) = &own.slow_consumer {
        // A quarter more flows than is declared, at half a megabyte a second at least; one job that is stuck; and what is read afterwards.
        longest +=
            own.head() * 2 + own.drains_within() * 2 + Duration::from_secs(slow.b.flow() >> 19) + slow.b.reads_on(own.drains_within());
    }
    if own.restart.is_some() {
        longest += own.head() * 3 + drive * 2 + Duration::from_secs(30);
    }
    if let Some(cleans_up) = &own.cleans_up {
        // Each way of leaving, and as long again beside a control.
        longest += own.head() + cleans_up.b.within(own.silence()) * 3 + Duration::from_millis(u64::from(cleans_up.b.closes()) * 8);
    }
    longest
}

/// Whether one of them is about driven jobs.
pub(super) fn is_driven(own: &Own) -> bool {
    own.fan_out.is_some() || own.restart.is_some() || own.private.as_ref().is_some_and(|p| p.driven().is_some())
}

pub(super) fn mistakes(spec: &Spec, say: &mut impl FnMut(At, String, &str)) {
    let own = &spec.b;
    const DRIVE: &str = "add `drive: { post: /jobs, id: $.id }`: an empty stream proves nothing";
    if let Some(fan_out) = &own.fan_out {
        if !(2..=MOST_SUBSCRIBERS).contains(&fan_out.value) {
            say(fan_out.at, format!("fan-out: expected 2 to {MOST_SUBSCRIBERS}, got {}", fan_out.value), "write `fan-out: 100`");
        }
        if own.drive.is_none() {
            say(fan_out.at, "fan-out: is about events, and nothing makes any".to_owned(), DRIVE);
        }
    }
    if let Some(skew) = &own.skew_within {
        if own.fan_out.is_none() {
            say(skew.at, "skew-within: bounds how far apart subscribers get an event, and there is one".to_owned(), "add `fan-out: 100`");
        }
        if skew.value.0.is_zero() {
            say(skew.at, "skew-within: expected more than 0".to_owned(), "write a time such as 250ms, or take the key out");
        }
    }
    if let Some(slow) = &own.slow_consumer {
        slow_consumer(own, slow, say);
    }
    if let Some(restart) = own.restart.as_ref().filter(|_| !own.ids_are_ordered()) {
        let help = "add `identify: { job: $.job_id, order: event-id }`";
        say(restart.at, "restart: is about the ids of events, and nothing is said of them".to_owned(), help);
    }
    if let Some(closes) = own.cleans_up.as_ref().and_then(|c| c.b.closes.as_ref()).filter(|n| !CLOSES.contains(&n.value)) {
        let (least, most) = (CLOSES.start(), CLOSES.end());
        say(closes.at, format!("cleans-up.closes: expected {least} to {most}, got {}", closes.value), "leave it out: the default is 500");
    }
    if let Some(private) = &own.private {
        if private.requests().next().is_none() {
            say(spec.a.at(), "private: says of nobody that they may not read".to_owned(), "add `without: { get: /events, auth: none }`");
        }
        for (case, request) in private.requests().filter(|(_, request)| !request.is_repeatable()) {
            say(request.at(), format!("private.{case}: its request may not be sent again"), "use get, or say `repeatable: true`");
        }
        if let (Some(request), None) = (private.driven(), &own.drive) {
            say(request.at(), "private: is about events of our jobs, and nothing makes any".to_owned(), DRIVE);
        }
        if let Some(request) = private.foreign.as_ref().filter(|r| !r.captures_used().iter().any(|(used, _)| used == ID)) {
            say(request.at(), "private.foreign: its request does not say which job".to_owned(), "put `${id}` into its URL");
        }
    }
}

fn slow_consumer(own: &Own, slow: &With<Request, SlowConsumer>, say: &mut impl FnMut(At, String, &str)) {
    let at = slow.a.at();
    if !slow.a.captures_used().iter().any(|(used, _)| used == PAYLOAD) {
        let help = "put `\"${payload}\"` where the service takes the text";
        say(at, "slow-consumer: its request does not send the payload that is to flow".to_owned(), help);
    }
    if own.identify.is_none() {
        say(at, "slow-consumer: nothing says which events are those of its jobs".to_owned(), "add `identify: { job: $.job_id }`");
    }
    if own.drive.is_none() && slow.b.id.is_none() {
        say(at, "slow-consumer: nothing says where the id of its job stands".to_owned(), "add `id: $.id`");
    }
    if let Some(flow) = slow.b.flow.as_ref().filter(|f| f.value.0.0 <= SOCKETS || f.value.0.0 > MOST_FLOW) {
        let what = format!("slow-consumer.flow: expected more than 4MiB, which sockets may hold, to 256MiB, got {}", flow.value.0.0);
        say(flow.at, what, "leave it out: the default is 8MiB");
    }
}
