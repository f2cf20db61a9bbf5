//! Holds what was seen of each case against the spec, and names the edge. No I/O.

use super::look::{Case, Edge, Face, Not, Observation, Shot};
use super::show;
use super::spec::{Framing, Spec};
use super::table::{self, ACCEPTS, ANSWER_ARRIVES, EARLY, EDGE, IN_SYNC, NO_TRACE, REFUSES, UNHARMED};
use crate::kind::Weight;
use crate::model::{ClauseId, Finding, Found, Measurement, Reading, Unseen};
use crate::transport::Counter;
use std::num::NonZeroU32;

mod advice;
mod gate;
#[cfg(test)]
mod tests;

pub(super) use advice::advice;

/// The readings of every clause that was looked at.
pub(super) fn judge(spec: &Spec, seen: &Observation) -> Vec<Reading> {
    let mut readings = Vec::new();
    for asked in &seen.asked {
        let Some(clause) = table::CLAUSES.iter().map(|c| c.id).find(|id| id.0 == asked) else { continue };
        match (&seen.first, clause) {
            (Some(first), ACCEPTS) => readings.push(Reading::of(clause, gate::first(spec, seen, first))),
            (Some(first), _) => readings.push(Reading::of(clause, nothing(gate::why(first)))),
            (None, EDGE) => readings.push(Reading::of(clause, edge(spec, seen))),
            (None, _) => readings.extend(cases(spec, seen, clause)),
        }
    }
    readings
}

fn nothing(why: impl Into<String>) -> Found {
    Found::Unseen { why: Unseen::NothingToJudge(why.into()) }
}

/// Every case of the clause. With none the limit was not found, or the time was over.
fn cases(spec: &Spec, seen: &Observation, clause: ClauseId) -> Vec<Reading> {
    let all: Vec<Reading> = seen
        .cases
        .iter()
        .filter(|case| case.clause == clause.0)
        .map(|case| Reading { clause, case: case.case.clone().into(), found: found(spec, seen, clause, case) })
        .collect();
    match (all.is_empty(), seen.limit, &seen.hunt) {
        (true, None, Some(hunt)) => vec![Reading::of(clause, unfound(hunt))],
        _ => without_its_edge(seen, clause, all),
    }
}

/// Where bodies were sent, and for the ones that the clause stands or falls by there was no room left, nothing is held: small ones say
/// nothing of a limit. Where nothing was sent at all the check is not permitted, which is another thing.
fn without_its_edge(seen: &Observation, clause: ClauseId, mut all: Vec<Reading>) -> Vec<Reading> {
    let is_edge = |r: &Reading| clause == REFUSES || clause == ACCEPTS && r.case.starts_with("B/");
    let is_unsent = |r: &Reading| matches!(r.found, Found::Unseen { why: Unseen::NotPermitted(_) });
    if seen.bodies > 0 && all.iter().any(is_edge) && all.iter().filter(|r| is_edge(r)).all(is_unsent) {
        for reading in all.iter_mut().filter(|r| is_edge(r)) {
            if let Found::Unseen { why: Unseen::NotPermitted(why) } = &reading.found {
                reading.found = nothing(why.clone());
            }
        }
    }
    all
}

fn found(spec: &Spec, seen: &Observation, clause: ClauseId, case: &Case) -> Found {
    if let (NO_TRACE, Some(why)) = (clause, &seen.restless) {
        return Found::Unsure { why: why.clone(), wants: None };
    }
    if let Some(proof) = &case.proof {
        return Found::Proof(finding(spec, seen, clause, proof));
    }
    match (case.bad, &case.not, &case.unsure) {
        (0, Some(not), _) => return unseen(not),
        (0, None, Some(why)) => return Found::Unsure { why: why.clone(), wants: None },
        _ => {}
    }
    match (NonZeroU32::new(case.of), &case.worst) {
        (None, _) => Found::Unseen { why: Unseen::Deadline },
        (Some(n), None) => Found::Held { n },
        (Some(of), Some(worst)) => Found::Counted {
            bad: case.bad,
            near: case.near,
            of,
            worst: finding(spec, seen, clause, worst),
            // A body that is to be refused leaves nothing, so it may be sent again; one that is to be taken may do harm.
            repeatable: clause != ACCEPTS || spec.a.is_repeatable(),
        },
    }
}

fn unseen(not: &Not) -> Found {
    Found::Unseen {
        why: match not {
            Not::Permitted(why) => Unseen::NotPermitted(why.clone()),
            Not::There(why) => Unseen::NothingToJudge(why.clone()),
        },
    }
}

fn unfound(hunt: &super::look::Hunt) -> Found {
    match (&hunt.not, &hunt.strange) {
        (Some(not), _) => unseen(not),
        (None, Some(shot)) => {
            let way_out = match shot.seen.answered() {
                Some(status @ 400..=499) if status != 429 => {
                    format!("; where that is how a larger body is refused, say `refused: {status}`")
                }
                _ => String::new(),
            };
            nothing(format!("the limit was not found: {} to {}{way_out}", shot.seen.brief(), show::bytes(shot.bytes)))
        }
        (None, None) => Found::Unseen { why: Unseen::Deadline },
    }
}

/// What is told of a bad shot: what was sent, what should have come, what came, and where the edge lies.
fn finding(spec: &Spec, seen: &Observation, clause: ClauseId, shot: &Shot) -> Finding {
    let (expected, observed) = match &shot.wrong {
        Some((expected, observed)) => (expected.clone(), observed.clone()),
        None => sides(spec, clause, shot),
    };
    let mut finding = shot.seen.finding(expected, observed);
    if let Some(framing) = shot.framing {
        finding = finding.detail("framing", framing_of(spec, framing)).detail("outcome", outcome(shot));
        if let Some(edge) = edge_line(seen, Some(framing)) {
            finding = finding.detail("edge", edge);
        }
    }
    if clause == ACCEPTS && shot.bytes == 0 && shot.framing.is_some() && matches!(shot.seen.answered(), Some(400 | 411 | 415 | 422)) {
        finding = finding.detail("way out", "where an empty body is none that is to be taken, leave it out by `least: 1B`");
    }
    match clause {
        ACCEPTS | REFUSES => finding.at(spec.b.limit.as_ref().map(|l| l.at).unwrap_or_default()),
        _ => finding,
    }
}

/// Expected and observed, where the status says it all.
fn sides(spec: &Spec, clause: ClauseId, shot: &Shot) -> (String, String) {
    let refused = spec.b.refused();
    let sized = show::bytes(shot.bytes);
    let came = shot.seen.brief();
    match clause {
        ACCEPTS => (format!("2xx to {sized}"), format!("{came}, {}", sent(shot))),
        REFUSES if shot.is_taken() => (format!("{refused} to {sized}"), format!("{sized} were taken: {came}")),
        REFUSES => (format!("{refused} to {sized}"), format!("{came}, {}", sent(shot))),
        EARLY if shot.sent.whole => (
            format!("{refused} before the rest of {sized} was sent"),
            format!("nothing while the rest was held back for 1.5 s; {came} once all {} were sent", show::bytes(shot.sent.handed)),
        ),
        ANSWER_ARRIVES => {
            let how = if shot.seen.answered().is_some() { sent(shot) } else { "the connection was reset under the answer".to_owned() };
            (format!("a plain client that sends {sized} sees {refused}"), format!("{came}: {how}"))
        }
        IN_SYNC | EARLY => (format!("{refused} to {sized}"), format!("{came}, {}", sent(shot))),
        UNHARMED => ("an ordinary request is answered as before".to_owned(), came),
        NO_TRACE => ("refused bodies leave nothing".to_owned(), came),
        _ => (format!("{refused}"), came),
    }
}

fn framing_of(spec: &Spec, framing: Framing) -> String {
    match &spec.b.field {
        Some(field) => format!("{}, multipart, sized part `{}`", framing.word(), field.value),
        None => framing.word().to_owned(),
    }
}

/// How much of the body was gone.
fn sent(shot: &Shot) -> String {
    if shot.sent.whole { "after all was sent".to_owned() } else { format!("after {} were sent", show::bytes(shot.sent.left)) }
}

/// `413@1,048,577`, and who counted.
fn outcome(shot: &Shot) -> String {
    let counted = match shot.sent.by {
        Counter::Kernel => "as the kernel counts what was acknowledged",
        Counter::Writes => "as write accepted them",
        Counter::Library => "as the HTTP/2 library took them",
    };
    let unanswered = if shot.sent.unanswered { "; `100 Continue` never came" } else { "" };
    format!("{} of {} bytes, {counted}{unanswered}", shot.outcome(), show::exact(shot.bytes))
}

/// `accepts 52,428,800 bytes (50MiB), refuses 52,428,801 bytes, answered by the proxy in front (`Server: nginx`)`.
pub(super) fn edge_line(seen: &Observation, framing: Option<Framing>) -> Option<String> {
    let edge = match framing {
        Some(framing) => seen.edges.get(framing.word()).copied()?,
        None => {
            let all = seen.edges.values().copied();
            all.reduce(|a, b| Edge { taken: a.taken.max(b.taken), refused: least(a.refused, b.refused) })?
        }
    };
    // What one framing takes and another refuses is no edge of both.
    if framing.is_none() && seen.edges.len() > 1 && is_torn(&edge) {
        let lines = seen.edges.iter().filter_map(|(framing, edge)| Some(format!("{framing}: {}", one_edge(seen, edge)?)));
        return Some(lines.collect::<Vec<_>>().join("; ")).filter(|line| !line.is_empty());
    }
    one_edge(seen, &edge)
}

/// A size was taken that is not below all that were refused.
fn is_torn(edge: &Edge) -> bool {
    matches!((edge.taken, edge.refused), (Some(taken), Some(refused)) if taken >= refused)
}

fn one_edge(seen: &Observation, edge: &Edge) -> Option<String> {
    let by = by(seen);
    let misread =
        seen.limit.zip(edge.taken).and_then(|(limit, taken)| show::misread(limit, taken)).map(|m| format!("; {m}")).unwrap_or_default();
    Some(match (edge.taken, edge.refused) {
        (Some(taken), Some(refused)) if is_torn(edge) => {
            format!("took {}, and refused {}{by}: not one limit", show::bytes(taken), show::bytes(refused))
        }
        (Some(taken), Some(refused)) => {
            format!("accepts {}, refuses {}{by}{misread}", show::bytes(taken), show::bytes(refused))
        }
        (Some(taken), None) => format!("accepts {}, and no body was refused", show::bytes(taken)),
        (None, Some(refused)) => format!("refuses {}{by}, and no body was taken", show::bytes(refused)),
        (None, None) => return None,
    })
}

fn least(a: Option<u64>, b: Option<u64>) -> Option<u64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

/// Servers that stand in front of others.
const PROXIES: [&str; 12] =
    ["nginx", "openresty", "envoy", "istio-envoy", "haproxy", "traefik", "caddy", "cloudflare", "awselb", "varnish", "squid", "apache"];

/// Who refused, where the answer tells.
fn by(seen: &Observation) -> String {
    let Some(refusal) = &seen.refusal else { return String::new() };
    let face = Face::of(&refusal.seen);
    let Some(server) = &face.server else { return String::new() };
    let name = server.split(['/', ' ']).next().unwrap_or_default().to_ascii_lowercase();
    let is_html = |face: &Face| face.media_type.as_deref() == Some("text/html");
    // Who answers a body that is taken looks otherwise: another server, or a page in place of a document.
    let is_another = seen.taken_by.as_ref().is_none_or(|taken| taken.server != face.server || is_html(&face) && !is_html(taken));
    let place = if PROXIES.contains(&name.as_str()) && is_another { "answered by the proxy in front" } else { "answered" };
    format!(", {place} (`Server: {server}`)")
}

/// The measured edge against the declared one.
fn edge(spec: &Spec, seen: &Observation) -> Found {
    let Some(hunt) = &seen.hunt else {
        let not = seen.cases.iter().find(|case| case.clause == EDGE.0).and_then(|case| case.not.as_ref());
        return not.map_or(Found::Unseen { why: Unseen::Deadline }, unseen);
    };
    let Some(edge) = hunt.edge else { return unfound(hunt) };
    match spec.b.limit() {
        Some(limit) if limit != edge => {
            let misread = show::misread(limit, edge).map(|m| format!(": {m}")).unwrap_or_default();
            let observed = format!("accepts {}, refuses {}{misread}", show::bytes(edge), show::bytes(edge + 1));
            let expected = format!("accepts {}, refuses {}", show::bytes(limit), show::bytes(limit + 1));
            let finding = match &seen.refusal {
                Some(shot) => shot.seen.finding(expected, observed),
                None => Finding::new(expected, observed),
            };
            Found::Proof(finding.at(spec.b.limit.as_ref().map(|l| l.at).unwrap_or_default()))
        }
        _ => Found::held(hunt.bodies.max(2) as usize, "no body was sent"),
    }
}

/// One line for the screen.
pub(super) fn summary(spec: &Spec, seen: &Observation) -> String {
    if let Some(first) = &seen.first {
        return gate::why(first);
    }
    let mut line = edge_line(seen, None).unwrap_or_default();
    if let Some(status) = seen.refusal.as_ref().and_then(|r| r.seen.answered()).filter(|s| *s != 413 || spec.b.refused.is_some()) {
        line += &format!(" with {status}");
    }
    if seen.left > 0 {
        line += &format!("; {} left behind: {}", seen.left, seen.left_why.as_deref().unwrap_or("not removed"));
    }
    line
}

/// The numbers for the record.
pub(super) fn measurements(seen: &Observation) -> Vec<Measurement> {
    let one = |name: &str, unit: &str, value: u64| {
        let value = value as f64;
        Measurement { name: name.to_owned(), unit: unit.to_owned(), n: 1, p50: value, p95: value, p99: value, max: value }
    };
    let edge = seen.hunt.as_ref().and_then(|hunt| hunt.edge);
    let most = seen
        .most_sent
        .map(|(most, by)| {
            (
                most,
                match by {
                    Counter::Kernel => "sent_before_refusal_by_kernel",
                    Counter::Writes => "sent_before_refusal_by_write",
                    Counter::Library => "sent_before_refusal_by_library",
                },
            )
        })
        .map(|(most, name)| one(name, "B", most));
    [
        edge.map(|edge| one("edge", "B", edge)),
        most,
        Some(one("bodies", "1", seen.bodies)).filter(|_| seen.bodies > 0),
        Some(one("uploaded", "B", seen.bytes)).filter(|_| seen.bodies > 0),
        Some(one("left_behind", "1", u64::from(seen.left))).filter(|_| seen.left > 0),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Whether a bad answer could be noise.
fn is_noise(shot: &Shot) -> bool {
    shot.seen.weight() == Weight::Confusable && (shot.wrong.is_none() || shot.shaky)
}
