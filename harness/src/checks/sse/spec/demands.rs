//! What the plan must know of an `sse` check, from its spec alone, and the mistakes that only the whole shows.

use super::{APART, MOST_CUTS, MOST_JOBS, Own, PAIRS, SILENCES, Spec, heavy};
use crate::kind::{Demands, Mistake};
use crate::model::At;
use crate::reader::{Dur, Sp};
use crate::words::Request;
use std::time::Duration;

/// What the plan must know.
pub(in crate::checks::sse) fn demands(spec: &Spec) -> Demands {
    let own = &spec.b;
    let mut demands =
        Demands { impact: spec.a.impact(), longest: longest(own), certain: own.head() * 3, mistakes: mistakes(spec), ..Demands::default() };
    for request in requests(spec) {
        demands.uses.extend(request.captures_used().into_iter().filter(|(name, _)| name != ID && name != PAYLOAD));
        demands.files.extend(request.files());
        demands.hosts.extend(request.absolute_host());
    }
    heavy::raise(own, &mut demands);
    if let Some(expect) = own.result.as_ref().and_then(|r| r.b.expect.as_ref()) {
        demands.uses.extend(expect.captures_used().into_iter().filter(|(name, _)| name != ID));
        demands.files.extend(expect.files());
    }
    demands
}

/// Every request of the check.
fn requests(spec: &Spec) -> impl Iterator<Item = &Request> {
    let own = &spec.b;
    let requests = [
        Some(&spec.a),
        own.drive.as_ref().map(|d| &d.a),
        own.framed.as_ref().map(|f| &f.a),
        own.failing.as_ref().map(|f| &f.a),
        own.per_job.as_ref(),
        own.result.as_ref().map(|r| &r.a),
    ];
    requests.into_iter().flatten().chain(heavy::requests(own))
}

/// The name of a driven job's id.
pub(in crate::checks::sse) const ID: &str = "id";
/// The name of the payload in `framed`.
pub(in crate::checks::sse) const PAYLOAD: &str = "payload";

/// What the declared durations add up to, with one answer for each part.
fn longest(own: &Own) -> Duration {
    let mut longest = own.head() + Duration::from_secs(2) + heavy::longest(own);
    if let Some(silence) = own.silence() {
        longest += (silence + silence / 8) * SILENCES;
    }
    if let Some(drive) = &own.drive {
        let mut flow = drive.b.step() * drive.b.jobs();
        if own.timely_within.is_some() {
            flow += APART * (PAIRS + 5);
        }
        longest += flow + own.drains_within();
        if let Some(cuts) = &own.cuts {
            // As many jobs as `cuts` may take, quickly and then slowly.
            longest += (drive.b.step() * 5 + APART * 10) * cuts.value + own.drains_within();
        }
        if own.per_job.is_some() || own.failing.is_some() {
            longest += own.drains_within() * 2;
        }
    }
    if own.framed.is_some() {
        longest += own.drains_within();
    }
    if let Some(stale) = &own.stale {
        longest += own.head() * u32::try_from(stale.len()).unwrap_or(u32::MAX);
    }
    longest
}

fn mistakes(spec: &Spec) -> Vec<Mistake> {
    let own = &spec.b;
    let mut all = Vec::new();
    let mut say = |at: At, what: String, help: &str| all.push(Mistake { at, what, help: help.to_owned() });
    let times: [(&str, &Option<Sp<Dur>>); 5] = [
        ("open-within", &own.open_within),
        ("heartbeat-within", &own.heartbeat_within),
        ("idle-timeout", &own.idle_timeout),
        ("timely-within", &own.timely_within),
        ("drains-within", &own.drains_within),
    ];
    for (key, value) in times {
        if let Some(duration) = value.as_ref().filter(|d| d.value.0.is_zero()) {
            say(duration.at, format!("{key}: expected more than 0"), "write a time such as 500ms, or take the key out");
        }
    }
    if let (Some(heartbeat), true) =
        (&own.heartbeat_within, own.silence().is_some_and(|s| own.heartbeat_within.as_ref().is_some_and(|h| s < h.value.0)))
    {
        let idle = crate::model::quantity::write_duration(own.idle_timeout());
        say(
            heartbeat.at,
            format!("heartbeat-within: a stream this silent is cut on its way: it is over half of the idle timeout of {idle}"),
            "promise a shorter silence, or say by `idle-timeout` what lies on the way",
        );
    }
    if let (Some(idle), None) = (&own.idle_timeout, &own.heartbeat_within) {
        say(idle.at, "idle-timeout: bounds the heartbeat, and none is promised".to_owned(), "add `heartbeat-within: 15s`, or take it out");
    }
    if !spec.a.is_repeatable() {
        say(
            spec.a.at(),
            "its request may not be sent again, and several streams are opened".to_owned(),
            "use get, or say `repeatable: true`",
        );
    }
    for request in requests(spec).filter(|r| r.follow_redirects() > 0) {
        say(
            request.at(),
            "follow-redirects: is not done here: a redirect is an answer like any other, and no stream".to_owned(),
            "take it out, and write the URL that it leads to",
        );
    }
    driven(own, &mut say);
    counts(own, &mut say);
    locals(spec, &mut say);
    heavy::mistakes(spec, &mut say);
    all
}

/// Keys that say something of driven events, and what they need.
fn driven(own: &Own, say: &mut impl FnMut(At, String, &str)) {
    const DRIVE: &str = "add `drive: { post: /jobs, id: $.id }`: an empty stream proves nothing";
    if own.drive.is_none() {
        let keys = [
            ("timely-within", own.timely_within.as_ref().map(|v| v.at)),
            ("identify", own.identify.as_ref().filter(|_| own.framed.is_none() && own.slow_consumer.is_none()).map(|v| v.job.at)),
            ("cuts", own.cuts.as_ref().map(|v| v.at)),
            ("ends-with", own.ends_with.as_ref().and_then(|v| v.first()).map(|v| v.at)),
            ("drains-within", own.drains_within.as_ref().filter(|_| own.framed.is_none() && own.slow_consumer.is_none()).map(|v| v.at)),
        ];
        for (key, at) in keys.into_iter().filter_map(|(key, at)| Some((key, at?))) {
            say(at, format!("{key}: is about events, and nothing makes any"), DRIVE);
        }
    }
    if let (Some(drive), None) = (&own.drive, &own.identify) {
        say(drive.b.id.at, "drive: makes jobs, and nothing says which events are theirs".to_owned(), "add `identify: { job: $.job_id }`");
    }
    if let (Some(drive), true) = (
        &own.drive,
        own.timely_within.is_none()
            && own.cuts.is_none()
            && own.ends_with.is_none()
            && own.orders().next().is_none()
            && own.framed.is_none()
            && !heavy::is_driven(own),
    ) {
        say(
            drive.b.id.at,
            "drive: makes jobs, and nothing is promised of their events".to_owned(),
            "add `timely-within`, `cuts`, `ends-with` or `identify.order`",
        );
    }
    if own.ends_with.is_none() {
        let keys = [
            ("progress", own.progress.as_ref().map(|v| v.at)),
            ("result", own.result.as_ref().map(|v| v.a.at())),
            ("per-job", own.per_job.as_ref().map(Request::at)),
            ("failing", own.failing.as_ref().map(|v| v.a.at())),
        ];
        for (key, at) in keys.into_iter().filter_map(|(key, at)| Some((key, at?))) {
            say(at, format!("{key}: is about the end of a job, and nothing says what ends one"), "add `ends-with: [done, failed]`");
        }
    }
    if let (Some(failing), None) = (&own.failing, &own.per_job) {
        say(
            failing.a.at(),
            "failing: is watched on the job's own stream, and there is none".to_owned(),
            "add `per-job: { get: \"/jobs/${id}/events\" }`",
        );
    }
    if let (Some(framed), true) = (&own.framed, own.identify.is_none()) {
        say(framed.a.at(), "framed: nothing says which event is that of its job".to_owned(), "add `identify: { job: $.job_id }`");
    }
    if let (Some(framed), true) = (&own.framed, own.drive.is_none() && own.framed.as_ref().is_some_and(|f| f.b.id.is_none())) {
        say(framed.a.at(), "framed: nothing says where the id of its job stands".to_owned(), "add `id: $.id`");
    }
    if let (Some(resync), None) = (own.resync.as_ref().and_then(|r| r.first()), &own.stale) {
        say(resync.at, "resync: answers an id that cannot be resumed after, and none is tried".to_owned(), "add `stale: [\"0\"]`");
    }
}

fn counts(own: &Own, say: &mut impl FnMut(At, String, &str)) {
    if let Some(jobs) = own.drive.as_ref().and_then(|d| d.b.jobs.as_ref()).filter(|j| !(1..=MOST_JOBS).contains(&j.value)) {
        say(jobs.at, format!("drive.jobs: expected 1 to {MOST_JOBS}, got {}", jobs.value), "leave it out: the default is 20");
    }
    if let Some(cuts) = own.cuts.as_ref().filter(|c| !(1..=MOST_CUTS).contains(&c.value)) {
        say(cuts.at, format!("cuts: expected 1 to {MOST_CUTS}, got {}", cuts.value), "write `cuts: 20`");
    }
    if let Some(size) = own.framed.as_ref().and_then(|f| f.b.up_to.as_ref()).filter(|s| !(1..=8 << 20).contains(&s.value.0.0)) {
        say(size.at, format!("framed.up-to: expected 1B to 8MiB, got {}", size.value.0), "leave it out: the default is 1MiB");
    }
    for (i, id) in own.stale.iter().flat_map(|s| s.iter()).enumerate() {
        if id.value.is_empty() {
            say(
                id.at,
                format!("stale[{i}]: an empty id is none: it means that the stream begins anew"),
                "write an id that the service does not know",
            );
        }
    }
    if own.stale.as_ref().is_some_and(|s| s.is_empty()) {
        let at = own.resync.as_ref().and_then(|r| r.first()).map(|r| r.at).unwrap_or_default();
        say(at, "stale: names no id".to_owned(), "write `stale: [\"0\", nonsense]`");
    }
}

/// Where `${id}` and `${payload}` have to stand.
fn locals(spec: &Spec, say: &mut impl FnMut(At, String, &str)) {
    let own = &spec.b;
    let uses = |request: &Request, name: &str| request.captures_used().iter().any(|(used, _)| used == name);
    if let Some(framed) = own.framed.as_ref().filter(|f| !uses(&f.a, PAYLOAD)) {
        say(
            framed.a.at(),
            "framed: its request does not send the payload".to_owned(),
            "put `\"${payload}\"` where the service takes the text",
        );
    }
    let of_a_job = [("per-job", own.per_job.as_ref()), ("result", own.result.as_ref().map(|r| &r.a))];
    for (key, request) in of_a_job {
        if let Some(request) = request.filter(|r| !uses(r, ID)) {
            say(request.at(), format!("{key}: its request does not say which job"), "put `${id}` into its URL");
        }
    }
}
