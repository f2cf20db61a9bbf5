//! Makes one record of the records of a run's shards.

use super::RecordError;
use crate::model::Record;
use crate::model::event::RunEnd;
use std::collections::HashSet;

/// One record of several: suites and checks in the order given, verdict and exit code computed anew. The run took as long
/// as its longest shard; a shard without an end leaves the whole without one.
///
/// # Errors
/// [`RecordError::Merge`] if there is none, if their environments or versions differ, or if two hold the same check.
pub fn merge(records: Vec<Record>) -> Result<Record, RecordError> {
    let mut records = records.into_iter();
    let mut whole = records.next().ok_or_else(|| RecordError::Merge("there is none".to_owned()))?;
    let mut seen: HashSet<_> = whole.checks.iter().map(|o| o.check.clone()).collect();
    for part in records {
        let (a, b) = (&whole.run, &part.run);
        for (what, a, b) in [("environments", &a.environment, &b.environment), ("versions", &a.version, &b.version)] {
            if a != b {
                return Err(RecordError::Merge(format!("their {what} differ: `{a}` and `{b}`")));
            }
        }
        if let Some(twice) = part.checks.iter().find(|o| !seen.insert(o.check.clone())) {
            return Err(RecordError::Merge(format!("two of them hold the check \"{}\"", twice.check)));
        }
        let run = part.run;
        whole.run.at = whole.run.at.min(run.at);
        if whole.run.run != run.run {
            whole.run.run = format!("{}+{}", whole.run.run, run.run);
        }
        for suite in run.suites {
            if whole.run.suites.iter().all(|s| (&s.name, &s.file) != (&suite.name, &suite.file)) {
                whole.run.suites.push(suite);
            }
        }
        whole.run.checks.extend(run.checks);
        append_new(&mut whole.run.targets, run.targets);
        append_new(&mut whole.run.warnings, run.warnings);
        whole.checks.extend(part.checks);
        whole.notices.extend(part.notices);
        whole.end = join(whole.end.take(), part.end);
    }
    whole.settle();
    Ok(whole)
}

fn join(a: Option<RunEnd>, b: Option<RunEnd>) -> Option<RunEnd> {
    let (mut a, b) = (a?, b?);
    a.took = a.took.max(b.took);
    a.interrupted = a.interrupted.or(b.interrupted);
    a.out_of_time |= b.out_of_time;
    a.left.extend(b.left);
    a.shrunk.extend(b.shrunk);
    Some(a)
}

fn append_new<T: PartialEq>(to: &mut Vec<T>, from: Vec<T>) {
    for item in from {
        if !to.contains(&item) {
            to.push(item);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Verdict;
    use crate::report::samples::{outcome, record};

    #[test]
    fn shards_become_one_run_with_the_worst_verdict() {
        let one = record(vec![outcome("a", "x", Verdict::Pass)]);
        let two = record(vec![outcome("a", "y", Verdict::Fail), outcome("b", "x", Verdict::Pass)]);
        let whole = merge(vec![one, two]).unwrap();
        assert_eq!((whole.exit, whole.counts.passed, whole.counts.failed, whole.checks.len()), (1, 2, 1, 3));
        assert_eq!(whole.run.suites.iter().map(|s| s.name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(whole.run.checks.len(), 3);
    }

    #[test]
    fn a_check_in_two_shards_and_different_runs_are_refused() {
        let one = || record(vec![outcome("a", "x", Verdict::Pass)]);
        assert_eq!(merge(vec![one(), one()]).unwrap_err().to_string(), "the records cannot be merged: two of them hold the check \"a: x\"");
        let mut other = record(vec![outcome("a", "y", Verdict::Pass)]);
        other.run.environment = "prod".into();
        assert!(merge(vec![one(), other]).unwrap_err().to_string().contains("environments differ: `local` and `prod`"));
        assert!(merge(vec![]).is_err());
    }

    #[test]
    fn a_shard_that_was_killed_leaves_the_whole_without_an_end() {
        let mut killed = record(vec![outcome("a", "y", Verdict::Pass)]);
        killed.end = None;
        assert!(merge(vec![record(vec![outcome("a", "x", Verdict::Pass)]), killed]).unwrap().end.is_none());
    }
}
