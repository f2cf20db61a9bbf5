//! Sends bodies of every size and framing, and looks at what they leave behind. The only I/O of `size-limit`.

use super::look::{Not, Observation};
use super::spec::{Framing, Spec};
use super::table;
use crate::kind::{Context, ProbeError, Round};
use crate::transport::Speak;
use body::Filler;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

mod again;
mod bodies;
mod body;
mod edge;
mod hashing;
mod manners;
mod send;
mod stored;
#[cfg(test)]
mod tests;
mod trace;
mod unwilling;

/// Everything that an experiment works with.
pub(super) struct Probe<'a> {
    spec: &'a Spec,
    cx: &'a Context,
    round: &'a Round,
    filler: Filler,
    origin: Instant,
    /// What the traces told before anything was sent.
    start: OnceLock<trace::Readings>,
}

/// Does what the round wants. The first body is small: where it is not taken nothing can be said of sizes, and nothing more is sent.
pub(super) async fn probe(spec: &Spec, round: &Round, cx: &Context, seen: &mut Observation) -> Result<(), ProbeError> {
    seen.asked = round.clauses.iter().map(|c| c.0.to_owned()).collect();
    let origin = seen.origin(cx);
    let probe = Probe { spec, cx, round, filler: Filler::new(spec, cx.run_id()), origin, start: OnceLock::new() };
    if round.number > 0 {
        return probe.again(seen).await;
    }
    seen.limit = spec.b.limit();
    if seen.limit.is_some_and(|limit| !probe.has_room(limit, seen)) {
        return Ok(());
    }
    let has_trace = round.wants(table::NO_TRACE) && spec.b.trace.as_ref().is_some_and(|t| !t.is_empty());
    if has_trace {
        let start = probe.traces().await?;
        probe.start.get_or_init(|| start);
    }
    if !probe.first(seen).await? {
        return Ok(());
    }
    if seen.limit.is_none() {
        probe.find(seen).await?;
    }
    let Some(limit) = seen.limit else { return Ok(()) };
    probe.accepts(limit, seen).await?;
    let before = match probe.start.get() {
        Some(start) => Some(probe.settled(start.clone(), seen).await?),
        None => None,
    };
    probe.refuses(limit, seen).await?;
    if round.wants(table::EARLY) {
        probe.early(limit, seen).await?;
    }
    if round.wants(table::ANSWER_ARRIVES) {
        probe.answer_arrives(limit, seen).await?;
    }
    if round.wants(table::IN_SYNC) {
        probe.in_sync(limit, seen).await?;
    }
    if let Some(before) = before {
        probe.no_trace(before, limit, seen).await?;
    }
    if round.wants(table::UNHARMED) {
        probe.unharmed(manners::AFTER, seen).await?;
    }
    probe.narrow(limit, seen).await
}

impl Probe<'_> {
    /// How long one answer is waited for.
    fn patience(&self) -> Duration {
        self.cx.patience()
    }

    /// The version of HTTP that is spoken.
    fn speaks(&self) -> Speak {
        self.spec.a.version().unwrap_or(self.cx.target().endpoint.version)
    }

    /// The framings that are tried.
    fn framings(&self) -> Vec<Framing> {
        self.spec.b.framings(self.speaks())
    }

    /// Those among them in which bodies are taken; there is one, since the first body was.
    fn willing(&self, seen: &Observation) -> Vec<Framing> {
        self.framings().into_iter().filter(|framing| !seen.unwilling.contains(framing)).collect()
    }

    /// Those among them that the ways of refusing are tried with.
    fn plain_framings(&self) -> Vec<Framing> {
        let all = self.framings();
        let some: Vec<_> = all.iter().copied().filter(|f| matches!(f, Framing::ContentLength | Framing::Chunked)).collect();
        if some.is_empty() { all[..1].to_vec() } else { some }
    }

    /// Why bodies above the limit say nothing of how they are refused, if so.
    fn no_refusal(seen: &Observation) -> Option<Not> {
        if seen.taken_above > 0 {
            return Some(Not::There("bodies above the limit were taken: size/refuses tells which".to_owned()));
        }
        let were_sent = seen.cases.iter().any(|case| case.clause == table::REFUSES.0 && case.of > 0);
        (were_sent && seen.refusal.is_none()).then(|| Not::There("no body was refused as declared: size/refuses tells how".to_owned()))
    }
}
