//! Holds what was seen against the promises, clause by clause. No I/O.

use super::look::{Burst, CLAIMS, NAMES, Named, Observation, Proves, TRUE, Turned};
use super::probe::name;
use super::spec::{Spec, Windows};
use super::table;
use crate::kind::{Seen, Weight};
use crate::model::quantity::show_duration;
use crate::model::{Case, ClauseId, Finding, Found, Reading, Unseen};
use std::num::NonZeroU32;

/// The readings of every clause that was looked at.
pub(super) fn judge(spec: &Spec, seen: &Observation) -> Vec<Reading> {
    let mut readings = Vec::new();
    for asked in &seen.asked {
        let Some(clause) = table::CLAUSES.iter().map(|c| c.id).find(|id| id.0 == asked) else { continue };
        if let Some(found) = before(seen, clause) {
            readings.push(Reading::of(clause, found));
            continue;
        }
        let mut say = |name: &str, found: Found| readings.push(Reading { clause, case: Case::Owned(name.to_owned()), found });
        match clause {
            table::QUOTA => {
                say("admits", admits(spec, seen));
                say("refuses", refuses(spec, seen));
                say("lasts", lasts(spec, seen));
            }
            table::RETRY_AFTER => {
                say("header", header(spec, seen));
                say("honest", honest(seen));
            }
            table::FIELDS => {
                for family in spec.b.fields.iter().flat_map(|f| f.iter()) {
                    say(name(family.value), fields(seen, name(family.value)));
                }
            }
            table::EDGE => say("", edge(spec, seen)),
            _ => {
                if seen.names.is_empty() {
                    say("", if seen.names_done { nothing("the quota was never used up within a window") } else { late() });
                }
                for header in NAMES.iter().filter(|_| !seen.names.is_empty()) {
                    let nobody = Named::default();
                    say(header, key(spec, seen, header, seen.names.get(*header).unwrap_or(&nobody)));
                }
            }
        }
    }
    readings
}

/// Why nothing of the clause could be looked at, if so.
fn before(seen: &Observation, clause: ClauseId) -> Option<Found> {
    if let Some(why) = &seen.not_here {
        return Some(Found::Unseen { why: Unseen::NotPermitted(why.clone()) });
    }
    if let Some((bad, answer)) = &seen.lone {
        if clause != table::QUOTA {
            return Some(nothing("not even one call was admitted: rate/quota tells why"));
        }
        let finding = answer.finding("a call alone is admitted (2xx)", format!("{}{}", answer.brief(), why(answer)));
        return Some(match answer.weight() {
            Weight::Proof => Found::Proof(finding),
            Weight::Confusable => thrice(*bad, *bad, "were not admitted", || finding),
        });
    }
    (clause != table::QUOTA && !seen.is_kept()).then(|| match seen.bursts_done {
        true => nothing("the quota is not kept: rate/quota tells how"),
        false => late(),
    })
}

/// What an answer to one call alone probably means.
fn why(seen: &Seen) -> String {
    let what = match (&seen.trouble, seen.status) {
        (Some(snag), _) if snag.name.ends_with("timeout") => "nothing is ever answered",
        (Some(_), _) => return String::new(),
        (None, Some(401 | 403)) => "it asks for a login",
        (None, Some(404 | 405 | 410)) => "there is nothing that takes this call",
        (None, Some(429 | 503)) => "the quota is used up all the time, by others or for longer than the window",
        (None, Some(300..=399)) => return format!(": it sends on to {}", seen.header("location").unwrap_or("nowhere")),
        _ => return String::new(),
    };
    format!(": {what}")
}

fn nothing(why: impl Into<String>) -> Found {
    Found::Unseen { why: Unseen::NothingToJudge(why.into()) }
}

fn unsure(why: impl Into<String>) -> Found {
    Found::Unsure { why: why.into(), wants: None }
}

/// The deadline came first.
fn late() -> Found {
    Found::Unseen { why: Unseen::Deadline }
}

fn number(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// The third bad one breaks it; one or two are a doubt; none is good.
fn thrice(bad: u32, of: u32, what: &str, worst: impl FnOnce() -> Finding) -> Found {
    match NonZeroU32::new(of) {
        None => late(),
        Some(n) if bad == 0 => Found::Held { n },
        Some(of) if bad >= 3 => Found::Counted { bad, near: 0, of, worst: worst(), repeatable: false },
        Some(of) => unsure(format!("intermittent: {bad} of {of} {what}: {}", worst().observed)),
    }
}

fn admits(spec: &Spec, seen: &Observation) -> Found {
    let (bad, good) = (number(seen.bad()), number(seen.kept()));
    if !seen.bursts_done && bad < 3 {
        return late();
    }
    if good + bad == 0 {
        let why = seen.bursts.iter().rev().find_map(|b| if let Proves::Void(why) = &b.proves { Some(why.clone()) } else { None });
        return unsure(why.unwrap_or_default());
    }
    // A burst that lay astride the edge of a window of the clock got more, as declared.
    let is_astride = spec.b.has_edges() && good >= 2 && seen.bursts.iter().all(|b| !b.is_bad() || b.proves == Proves::Over);
    if is_astride {
        return stumbled(seen).unwrap_or_else(|| Found::held(good as usize, ""));
    }
    if let (0, Some(found)) = (bad, stumbled(seen)) {
        return found;
    }
    thrice(bad, good + bad, "bursts", || {
        let nobody = Burst::default();
        let burst = seen.bursts.iter().find(|b| b.is_bad()).unwrap_or(&nobody);
        let answer = burst.worst.clone().unwrap_or_default();
        let window = show_duration(spec.b.window());
        let observed = match burst.proves {
            Proves::Over if burst.admitted == burst.sent => format!("all {} were admitted, so no quota was found", burst.sent),
            Proves::Over => format!("{} were admitted within {}", burst.admitted, burst.took),
            Proves::Under if burst.admitted == 0 => {
                format!("none was admitted after a window of silence, but {}{}", answer.brief(), why(&answer))
            }
            Proves::Under => format!("only {} were admitted after a window of silence, then {}", burst.admitted, answer.brief()),
            _ => format!("{} of {} were neither admitted nor refused: {}", burst.broken, burst.sent, answer.brief()),
        };
        answer
            .finding(format!("{} calls within {window}, and not one more", spec.b.quota()), observed)
            .detail("burst", burst.line())
            .at(spec.b.quota.at)
    })
}

/// A call alone that was answered by nothing at first, and served when it was made again: a doubt.
fn stumbled(seen: &Observation) -> Option<Found> {
    let (bad, answer) = seen.stumbled.as_ref()?;
    Some(unsure(format!("intermittent: {bad} of {} calls alone were neither admitted nor refused: {}", bad + 1, answer.brief())))
}

fn refuses(spec: &Spec, seen: &Observation) -> Found {
    let of = seen.refused_right + seen.refused_wrong;
    if of == 0 {
        return if seen.bursts_done { nothing("nothing was refused: case `admits` tells how many were admitted") } else { late() };
    }
    thrice(seen.refused_wrong, of, "were refused by another status", || {
        let answer = seen.wrong_one.clone().unwrap_or_default();
        let at = spec.b.refused.as_ref().map(|r| r.at).unwrap_or_default();
        answer.finding(format!("{} beyond the quota", spec.b.refused()), answer.brief()).at(at)
    })
}

fn lasts(spec: &Spec, seen: &Observation) -> Found {
    let over = number(seen.lasts.iter().filter(|l| l.over).count());
    let told = number(seen.lasts.iter().filter(|l| l.void.is_none()).count());
    if !seen.bursts_done && over < 3 {
        return late();
    }
    if told == 0 {
        return match seen.lasts.iter().find_map(|l| l.void.clone()) {
            Some(void) => unsure(void),
            None => nothing("no burst was followed by calls within its window: case `admits` tells why"),
        };
    }
    thrice(over, told, "windows", || {
        let lasted = seen.lasts.iter().find(|l| l.over).cloned().unwrap_or_default();
        let (quota, window) = (spec.b.quota(), show_duration(spec.b.window()));
        let (expected, when) = match spec.b.windows() {
            Windows::Sliding | Windows::Fixed => (format!("{quota} within {window}"), ", after the quota had been used up before"),
            Windows::Refill | Windows::Weighted => (format!("{quota} within {window}, and what comes back meanwhile"), ""),
        };
        let observed = format!("{} were admitted within {}{when}: the window is shorter", lasted.admitted, show_duration(lasted.after));
        lasted.answer.finding(expected, observed).at(spec.b.window.at)
    })
}

fn header(spec: &Spec, seen: &Observation) -> Found {
    if let Some((what, answer)) = &seen.says_not_one {
        let observed = format!("{what}, in {} of {} refusals", seen.says_not, seen.says + seen.says_not);
        return Found::Proof(answer.finding(format!("{} with a Retry-After of more than 0", spec.b.refused()), observed));
    }
    match (seen.says, &seen.unknown) {
        (0, Some(why)) => unsure(why.clone()),
        (n, _) => Found::held(n as usize, "nothing was refused"),
    }
}

fn honest(seen: &Observation) -> Found {
    let lies = number(seen.lies());
    let told = number(seen.tries.iter().filter(|t| t.is_lie() || t.turned == Turned::True).count());
    if !seen.tries_done && lies < 3 {
        return late();
    }
    if told == 0 {
        return match seen.tries.last() {
            Some(last) if last.answer.sent.is_empty() => {
                unsure(format!("Retry-After told {}, which is longer than is waited for here", show_duration(last.said)))
            }
            Some(last) => unsure(format!("in {} tries it could not be told: {}", seen.tries.len(), last.answer.brief())),
            None => nothing("no refusal said when to come again"),
        };
    }
    if lies == 0 && (told as usize) < TRUE {
        return unsure(format!("it was true {told} time, and in {} tries it could not be told", seen.tries.len() - told as usize));
    }
    thrice(lies, told, "were not true", || {
        let Some(lie) = seen.tries.iter().find(|t| t.is_lie()) else { return Finding::default() };
        let said = show_duration(lie.said);
        let (expected, observed) = match lie.turned {
            Turned::TooLong => {
                (format!("refused after a quarter of the {said} that Retry-After told"), format!("admitted after {} already", lie.after))
            }
            _ => {
                (format!("admitted after the {said} that Retry-After told"), format!("refused after {}: {}", lie.after, lie.answer.brief()))
            }
        };
        lie.answer.finding(expected, observed)
    })
}

fn fields(seen: &Observation, family: &str) -> Found {
    let Some(fields) = seen.fields.get(family) else { return late() };
    if let Some((expected, observed, answer)) = &fields.proof {
        return Found::Proof(answer.finding(format!("{family}: {expected}"), observed.clone()));
    }
    if !fields.done && fields.wrong < 3 {
        return late();
    }
    if fields.answers == 0 {
        return nothing("no answer came within the window");
    }
    thrice(fields.wrong, fields.answers, "answers", || {
        let (expected, observed, answer) = fields.wrong_one.clone().unwrap_or_default();
        answer.finding(format!("{family}: {expected}"), observed)
    })
}

fn edge(spec: &Spec, seen: &Observation) -> Found {
    if spec.b.windows() == Windows::Fixed {
        return nothing("windows are declared fixed, so that twice the quota may pass astride an edge");
    }
    let over = number(seen.edges.iter().filter(|e| e.over).count());
    let told = number(seen.edges.iter().filter(|e| e.void.is_none()).count());
    if !seen.edges_done && over < 3 {
        return late();
    }
    if told == 0 {
        return unsure(seen.edges.iter().find_map(|e| e.void.clone()).unwrap_or_default());
    }
    thrice(over, told, "times", || {
        let edge = seen.edges.iter().find(|e| e.over).cloned().unwrap_or_default();
        let expected = format!("{} in every {}, wherever it begins", spec.b.quota(), show_duration(spec.b.window()));
        edge.answer
            .finding(expected, format!("{} were admitted within {}, over the edge of a window", edge.admitted, show_duration(edge.after)))
    })
}

fn key(spec: &Spec, seen: &Observation, header: &str, named: &Named) -> Found {
    if named.admitted == 0 && named.asked < CLAIMS {
        if !seen.names_done {
            return late();
        }
        let mut why = match named.asked {
            0 => format!("no call with `{header}` was refused within the window"),
            asked => format!("only {asked} calls with `{header}` were refused, of {CLAIMS} that tell it"),
        };
        if let Some(answer) = &named.broken_one {
            why += &format!("; {} were neither admitted nor refused: {}", named.broken, answer.brief());
        }
        if named.due > 0 {
            why += &format!("; {} were admitted, as they may be by then: a longer window would tell", named.due);
        }
        return unsure(why);
    }
    thrice(named.admitted, named.asked, "calls", || {
        let answer = named.example.clone().unwrap_or_default();
        let observed = format!("{} of {} with `{header}` of another address were admitted", named.admitted, named.asked);
        answer.finding(format!("refused, since the {} of this caller are used up", spec.b.quota()), observed)
    })
}

/// One line for the screen.
pub(super) fn summary(seen: &Observation) -> String {
    seen.bursts.last().map(Burst::line).unwrap_or_default()
}
