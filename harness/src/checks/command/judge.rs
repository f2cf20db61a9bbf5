//! Holds what programs did against the spec, clause by clause. No I/O.

use super::spec::Spec;
use super::table::{EXIT, STDERR, STDOUT, WITHIN};
use crate::model::interval::Against;
use crate::model::quantity::show_duration;
use crate::model::{At, ClauseId, Excerpt, Finding, Found, Interval, Reading, Unseen};
use serde::{Deserialize, Serialize};
use std::num::NonZeroU32;
use std::time::Duration;

#[cfg(test)]
mod tests;

/// Every run of a check, over all rounds.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Observation {
    /// The runs, in order.
    pub runs: Vec<Run>,
}

/// One run, held against the matchers while its output was at hand.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Run {
    /// The command as a shell reads it, secrets masked.
    pub shown: String,
    /// The exit code, if it ended by itself.
    pub code: Option<i32>,
    /// The signal that ended it, if one did.
    pub signal: Option<i32>,
    /// It ended before it was ended.
    pub has_ended: bool,
    /// From its start to its end, or to ours.
    pub took: Interval,
    /// The head of its standard output.
    pub stdout: Excerpt,
    /// The head of its standard error.
    pub stderr: Excerpt,
    /// What was not as declared.
    pub misses: Vec<Miss>,
    /// Clauses about an output of which not all was kept.
    pub cut: Vec<String>,
}

/// One matcher that did not hold.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Miss {
    /// The clause that it belongs to.
    pub clause: String,
    /// What was expected.
    pub expected: String,
    /// What was seen.
    pub observed: String,
    /// Line, column, start and length of the expectation in the suite.
    pub at: [u32; 4],
}

impl Run {
    /// How it ended, in a few words.
    pub(super) fn how(&self) -> String {
        match (self.has_ended, self.code, self.signal) {
            (false, ..) => "no end".to_owned(),
            (_, Some(code), _) => format!("exit code {code}"),
            (_, None, Some(signal)) => format!("ended by signal {signal}"),
            (_, None, None) => "an end that the system does not tell".to_owned(),
        }
    }

    fn finding(&self, expected: impl Into<String>, observed: impl Into<String>) -> Finding {
        let mut finding = Finding::new(expected, observed);
        finding.again = Some(self.shown.clone()).filter(|shown| !shown.is_empty());
        for (label, output) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            if output.len > 0 {
                let more =
                    if output.len > output.head.len() as u64 { format!(" … ({} bytes in all)", output.len) } else { String::new() };
                finding = finding.detail(label, format!("{}{more}", output.head.trim_end()));
            }
        }
        finding.detail("took", self.took.to_string())
    }
}

/// Reads every clause that this spec can declare; the core looks only at those that were asked for.
pub(super) fn judge(spec: &Spec, seen: &Observation) -> Vec<Reading> {
    let mut readings = vec![Reading::of(EXIT, exit(spec, seen))];
    for (clause, asked) in [(STDOUT, &spec.stdout), (STDERR, &spec.stderr)] {
        if asked.is_some() {
            readings.push(Reading::of(clause, output(clause, seen)));
        }
    }
    if let Some(limit) = spec.limit() {
        readings.push(Reading::of(WITHIN, within(spec, limit, seen)));
    }
    readings
}

fn exit(spec: &Spec, seen: &Observation) -> Found {
    let codes = spec.codes();
    let expected = format!("exit code {}", codes.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or "));
    let at = spec.exit.as_ref().and_then(|codes| codes.first()).map(|code| code.at).unwrap_or_default();
    let is_fine = |run: &Run| run.code.is_some_and(|code| codes.contains(&code));
    if let Some(run) = seen.runs.iter().find(|run| run.has_ended && !is_fine(run)) {
        return Found::Proof(run.finding(expected, run.how()).at(at));
    }
    let endless: Vec<&Run> = seen.runs.iter().filter(|run| !run.has_ended).collect();
    match endless.last() {
        None if seen.runs.is_empty() => Found::Unseen { why: Unseen::Deadline },
        None => Found::held(seen.runs.len(), ""),
        Some(worst) => {
            let finding = worst.finding(expected, format!("it still ran after {} and was ended", worst.took)).at(at);
            // Time that this machine lost may have been all that it lacked.
            if worst.took.against(spec.wait()) == Against::Near && !spec.is_repeatable() {
                return stalled(worst, spec.wait());
            }
            counted(endless.len(), 0, seen.runs.len(), finding, spec.is_repeatable())
        }
    }
}

fn output(clause: ClauseId, seen: &Observation) -> Found {
    let judged: Vec<&Run> = seen.runs.iter().filter(|run| run.has_ended).collect();
    let missed = judged.iter().find_map(|run| run.misses.iter().find(|m| m.clause == clause.0).map(|miss| (run, miss)));
    if let Some((run, miss)) = missed {
        let [line, column, start, len] = miss.at;
        let finding = run.finding(miss.expected.clone(), miss.observed.clone()).detail("exit", run.how());
        return Found::Proof(finding.at(At { line, column, start, len }));
    }
    if let Some(run) = judged.iter().find(|run| run.cut.iter().any(|c| c == clause.0)) {
        let len = if clause == STDOUT { run.stdout.len } else { run.stderr.len };
        return Found::Unsure { why: format!("it wrote {len} bytes, of which not all could be kept"), wants: None };
    }
    Found::held(judged.len(), "it did not end by itself: command/exit tells why")
}

fn within(spec: &Spec, limit: Duration, seen: &Observation) -> Found {
    let (mut bad, mut near) = (0, 0);
    let mut worst: Option<&Run> = None;
    for run in &seen.runs {
        match run.took.against(limit) {
            Against::Within => continue,
            Against::Beyond => bad += 1,
            Against::Near => near += 1,
        }
        if worst.is_none_or(|w| run.took.lo > w.took.lo) {
            worst = Some(run);
        }
    }
    match worst {
        None if seen.runs.is_empty() => Found::Unseen { why: Unseen::Deadline },
        None => Found::held(seen.runs.len(), ""),
        // What cannot be run again is not counted against the machine's own stalls either.
        Some(run) if bad == 0 && !spec.is_repeatable() => stalled(run, limit),
        Some(run) => {
            let at = spec.within.as_ref().map(|w| w.at).unwrap_or_default();
            let observed = if run.has_ended { run.took.to_string() } else { format!("no end in {}", run.took) };
            let finding = run.finding(format!("an end within {}", show_duration(limit)), observed).at(at);
            counted(bad, near, seen.runs.len(), finding, spec.is_repeatable())
        }
    }
}

fn stalled(run: &Run, limit: Duration) -> Found {
    let why = format!("it took {}, and the limit of {} lies between: this machine stood still meanwhile", run.took, show_duration(limit));
    Found::Unsure { why, wants: None }
}

fn counted(bad: usize, near: usize, of: usize, worst: Finding, repeatable: bool) -> Found {
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Found::Counted { bad: number(bad), near: number(near), of: NonZeroU32::new(number(of)).unwrap_or(NonZeroU32::MIN), worst, repeatable }
}
