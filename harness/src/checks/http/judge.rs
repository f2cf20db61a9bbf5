//! Reads what calls saw, clause by clause. No I/O.

use super::{BODY, CAPTURE, ECHOES, HEADERS, Http, JSON, SCHEMA, STATUS, WITHIN};
use crate::kind::Told;
use crate::model::interval::Against;
use crate::model::quantity::show_duration;
use crate::model::{ClauseId, Excerpt, Finding, Found, Interval, Measurement, Reading, Unseen};
use crate::words::Values;
use serde::{Deserialize, Serialize};
use std::{num::NonZeroU32, time::Duration};

/// Every call of a check, over all rounds: at most about 60.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Observation {
    /// The calls, in order.
    pub looks: Vec<Look>,
    /// What the first answer that was as declared gave. Not part of reports: it may hold secrets.
    #[serde(skip)]
    pub captured: Values,
}

/// One call, held against the expectations while its body was at hand. Bodies are not kept, only the head of bad ones.
#[derive(Debug, Serialize, Deserialize)]
pub struct Look {
    /// `GET /ready`, secrets masked.
    pub sent: String,
    /// The status, if a head came.
    pub status: Option<u16>,
    /// From dial to last byte, or to the trouble.
    pub took: Interval,
    /// Why no valid answer came, if none did.
    pub trouble: Option<Trouble>,
    /// What was not as declared.
    pub misses: Vec<Miss>,
    /// How the answer looked, where something was not as declared.
    pub answer: Option<Shown>,
    /// The request id that was sent.
    pub request_id: String,
    /// The trace id that was sent.
    pub trace_id: String,
    /// One command that shows it again.
    pub again: String,
}

/// Why no valid answer came.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Trouble {
    /// A sentence that names it.
    pub what: String,
    /// Whether noise could forge it: then it is counted, not proof.
    pub confusable: bool,
    /// Whether time ran out: then it breaks `http/within` too.
    pub timeout: bool,
}

/// One expectation that did not hold.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Miss {
    /// The clause that it belongs to.
    pub clause: String,
    /// What was expected.
    pub expected: String,
    /// What was seen.
    pub observed: String,
    /// Whether noise could forge it (a 5xx, a 429): then it is counted.
    pub confusable: bool,
    /// Line, column, start and length of the expectation in the suite; zeros if it has no place.
    pub at: [u32; 4],
}

/// How an answer looked.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Shown {
    /// The headers that help: content type, location, server, retry-after.
    pub headers: Vec<(String, String)>,
    /// The head of the body.
    pub body: Excerpt,
}

impl Look {
    /// Whether it is an answer with a declared status: only those are held against the other expectations.
    fn answered(&self) -> bool {
        self.trouble.is_none() && self.breaks(STATUS).next().is_none()
    }

    fn breaks(&self, clause: ClauseId) -> impl Iterator<Item = &Miss> {
        self.misses.iter().filter(move |m| m.clause == clause.0)
    }

    /// Why no valid answer came; with the status, if a head came before it.
    fn no_answer(&self, trouble: &Trouble) -> String {
        self.status.map_or_else(|| trouble.what.clone(), |status| format!("{status}, then {}", trouble.what))
    }

    /// How its time lies to the limit; `None` if it ended for another reason than time.
    fn against(&self, limit: Duration) -> Option<Against> {
        self.trouble.as_ref().is_none_or(|trouble| trouble.timeout).then(|| self.took.against(limit))
    }

    fn finding(&self, expected: &str, observed: &str) -> Finding {
        let mut finding = Finding::new(expected, observed);
        finding.sent.clone_from(&self.sent);
        if let Some(shown) = &self.answer {
            for (name, value) in &shown.headers {
                finding.details.push((name.clone(), value.clone()));
            }
            if shown.body.len > 0 {
                finding.details.push(("body".to_owned(), shown.body.head.clone()));
            }
        }
        finding.details.push(("took".to_owned(), self.took.to_string()));
        finding.request_id = Some(self.request_id.clone());
        finding.trace_id = Some(self.trace_id.clone());
        finding.again = Some(self.again.clone());
        finding
    }
}

impl Observation {
    /// Whether more of the same would change nothing: one proof, or so many bad calls of one clause.
    pub(super) fn is_enough(&self, spec: &Http, enough_bad: u32) -> bool {
        let is_proof = |look: &Look| look.misses.iter().any(|m| !m.confusable) || look.trouble.as_ref().is_some_and(|t| !t.confusable);
        let is_slow = |look: &Look| spec.within().is_some_and(|limit| look.against(limit) == Some(Against::Beyond));
        let is_bad = |look: &Look| look.trouble.is_some() || !look.misses.is_empty();
        let count = |test: &dyn Fn(&Look) -> bool| self.looks.iter().filter(|look| test(look)).count();
        let enough = enough_bad as usize;
        self.looks.iter().any(is_proof) || count(&is_bad) >= enough || count(&is_slow) >= enough
    }
}

/// Reads every clause that this spec can declare; the core looks only at those that were asked for.
pub(super) fn judge(spec: &Http, seen: &Observation) -> Vec<Reading> {
    let mut readings = vec![Reading::of(STATUS, status(spec, seen))];
    for clause in [HEADERS, JSON, BODY, SCHEMA, ECHOES, CAPTURE] {
        readings.push(Reading::of(clause, expectation(clause, seen)));
    }
    if let Some(limit) = spec.within() {
        readings.push(Reading::of(WITHIN, within(spec, limit, seen)));
    }
    readings
}

fn status(spec: &Http, seen: &Observation) -> Found {
    let expected = spec.expected_status();
    let (mut bad, mut near) = (0, 0);
    let mut worst: Option<(bool, Finding)> = None;
    for look in &seen.looks {
        let (finding, confusable) = if let Some(trouble) = &look.trouble {
            (look.finding(&expected, &look.no_answer(trouble)), trouble.confusable)
        } else if let Some(miss) = look.breaks(STATUS).next() {
            (miss_finding(look, miss), miss.confusable)
        } else {
            continue;
        };
        if !confusable {
            return Found::Proof(finding);
        }
        let is_ours = look.trouble.as_ref().is_some_and(|trouble| trouble.timeout) && look.took.is_mostly_ours();
        if is_ours {
            near += 1;
        } else {
            bad += 1;
        }
        // The last one that is plainly bad, if there is one.
        if !is_ours || worst.as_ref().is_none_or(|(is_ours, _)| *is_ours) {
            worst = Some((is_ours, finding));
        }
    }
    match (worst, NonZeroU32::new(count(seen.looks.len()))) {
        (None, _) => Found::held(seen.looks.len(), "nothing was sent"),
        (Some((_, worst)), of) => Found::Counted { bad, near, of: of.unwrap_or(NonZeroU32::MIN), worst, repeatable: spec.repeatable() },
    }
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

fn expectation(clause: ClauseId, seen: &Observation) -> Found {
    let answered: Vec<&Look> = seen.looks.iter().filter(|l| l.answered()).collect();
    let missed = answered.iter().find_map(|look| look.breaks(clause).next().map(|m| (look, m)));
    match missed {
        Some((look, miss)) => {
            let mut finding = miss_finding(look, miss);
            let others = look.breaks(clause).skip(1);
            finding.details.extend(others.map(|m| ("also".to_owned(), format!("expected {}, got {}", m.expected, m.observed))));
            Found::Proof(finding)
        }
        None if answered.is_empty() => Found::Unseen { why: Unseen::NothingToJudge("no answer with the declared status came".to_owned()) },
        None => Found::held(answered.len(), "no answer came"),
    }
}

fn within(spec: &Http, limit: Duration, seen: &Observation) -> Found {
    let mut tally = (0u32, 0u32, 0u32);
    let mut worst: Option<&Look> = None;
    for look in &seen.looks {
        let Some(against) = look.against(limit) else { continue };
        tally.2 += 1;
        match against {
            Against::Within => continue,
            Against::Beyond => tally.0 += 1,
            Against::Near => tally.1 += 1,
        }
        if worst.is_none_or(|w| look.took.lo > w.took.lo) {
            worst = Some(look);
        }
    }
    let (bad, near, of) = tally;
    match (worst, NonZeroU32::new(of)) {
        (_, None) => Found::Unseen { why: Unseen::NothingToJudge("no answer came whose time could be taken".to_owned()) },
        (None, Some(n)) => Found::Held { n },
        (Some(look), Some(of)) => {
            let observed = match &look.trouble {
                None => format!("{}", look.took),
                Some(trouble) => format!("no whole answer in {}: {}", look.took, trouble.what),
            };
            let worst = look.finding(&format!("an answer within {}", show_duration(limit)), &observed).at(spec.within_at());
            Found::Counted { bad, near, of, worst, repeatable: spec.repeatable() }
        }
    }
}

fn miss_finding(look: &Look, miss: &Miss) -> Finding {
    let [line, column, start, len] = miss.at;
    look.finding(&miss.expected, &miss.observed).at(crate::model::At { line, column, start, len })
}

/// One line and the numbers.
pub(super) fn tell(seen: &Observation) -> Told {
    let times: Vec<Interval> = seen.looks.iter().filter(|l| l.trouble.is_none()).map(|l| l.took).collect();
    let summary = match seen.looks.as_slice() {
        [] => String::new(),
        [one] => match (one.status, &one.trouble) {
            (Some(status), None) => format!("{status} in {}", show_duration(one.took.hi)),
            (_, Some(trouble)) => one.no_answer(trouble),
            (None, None) => String::new(),
        },
        many => {
            let slowest = times.iter().map(|t| t.hi).max().unwrap_or_default();
            format!("{} calls, slowest {}", many.len(), show_duration(slowest))
        }
    };
    Told { summary, measurements: Measurement::of_times("time", &times).into_iter().collect() }
}

#[cfg(test)]
mod tests;
