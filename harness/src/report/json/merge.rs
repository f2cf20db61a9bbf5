//! Makes one record of the records of a run's shards.

use super::RecordError;
use crate::model::event::{RunEnd, ShardInfo};
use crate::model::{Record, Verdict};
use std::collections::{HashMap, HashSet};

/// One record of several: suites and checks in the order given, verdict and exit code computed anew. The run took as long
/// as its longest shard; a shard without an end leaves the whole without one. A gate stands in every shard that waits for it:
/// the worst of its outcomes is kept. `expected` is how many shards there must be; without it, as many as several records
/// themselves say. A missing one is told in the end of the whole, which is then inconclusive at best.
///
/// # Errors
/// [`RecordError::Merge`] if there is none, if their environments or versions differ, if two are the same shard or shards of
/// different splits, or if two that are no shards hold the same check.
pub fn merge(records: Vec<Record>, expected: Option<u32>) -> Result<Record, RecordError> {
    let found: Vec<Option<ShardInfo>> = records.iter().map(|r| r.run.shard).collect();
    let missing = missing(&found, expected)?;
    let mut records = records.into_iter();
    let mut whole = records.next().ok_or_else(|| RecordError::Merge("there is none".to_owned()))?;
    let mut seen: HashMap<_, _> = whole.checks.iter().enumerate().map(|(i, o)| (o.check.clone(), (i, whole.run.shard))).collect();
    let mut planned: HashSet<_> = whole.run.checks.iter().cloned().collect();
    for part in records {
        let (a, b) = (&whole.run, &part.run);
        for (what, a, b) in [("environments", &a.environment, &b.environment), ("versions", &a.version, &b.version)] {
            if a != b {
                return Err(RecordError::Merge(format!("their {what} differ: `{a}` and `{b}`")));
            }
        }
        for outcome in part.checks {
            match seen.get(&outcome.check) {
                None => {
                    seen.insert(outcome.check.clone(), (whole.checks.len(), part.run.shard));
                    whole.checks.push(outcome);
                }
                Some((at, Some(_))) if part.run.shard.is_some() => {
                    if gravity(outcome.verdict) > gravity(whole.checks[*at].verdict) {
                        whole.checks[*at] = outcome;
                    }
                }
                Some(_) => return Err(RecordError::Merge(format!("two of them hold the check \"{}\"", outcome.check))),
            }
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
        whole.run.checks.extend(run.checks.into_iter().filter(|check| planned.insert(check.clone())));
        append_new(&mut whole.run.targets, run.targets);
        append_new(&mut whole.run.warnings, run.warnings);
        append_new(&mut whole.notices, part.notices);
        whole.end = join(whole.end.take(), part.end);
    }
    if found.len() > 1 {
        whole.run.shard = None;
        whole.run.elsewhere = 0;
    }
    match &mut whole.end {
        Some(end) => append_new(&mut end.shrunk, missing),
        // Without an end the whole is inconclusive already.
        None => append_new(&mut whole.notices, missing),
    }
    whole.settle();
    Ok(whole)
}

/// What is not there of the shards that there must be, each as a sentence.
fn missing(found: &[Option<ShardInfo>], expected: Option<u32>) -> Result<Vec<String>, RecordError> {
    let mut shards: Vec<ShardInfo> = found.iter().copied().flatten().collect();
    shards.sort_unstable();
    if let Some(twice) = shards.windows(2).find(|w| w[0] == w[1]) {
        return Err(RecordError::Merge(format!("two of them are shard {}", twice[0])));
    }
    if let Some(other) = shards.iter().find(|s| s.of != shards[0].of) {
        return Err(RecordError::Merge(format!("they are shards of different splits: {} and {other}", shards[0])));
    }
    let all_tell = shards.len() == found.len();
    let of = match (expected, shards.first()) {
        (Some(expected), Some(shard)) if all_tell && shard.of != expected => {
            return Err(RecordError::Merge(format!("{expected} shards are expected, and they are shards such as {shard}")));
        }
        (Some(expected), _) => expected,
        (None, Some(shard)) if found.len() > 1 => shard.of,
        _ => return Ok(Vec::new()),
    };
    if all_tell && !shards.is_empty() {
        let is_there = |part: &u32| shards.iter().any(|s| s.part == *part);
        return Ok((1..=of).filter(|part| !is_there(part)).map(|part| format!("shard {part}/{of} is missing")).collect());
    }
    let given = found.len();
    Ok(if given as u64 == u64::from(of) { Vec::new() } else { vec![format!("{of} shards were expected and {given} given")] })
}

/// Which of two outcomes of the same check says more against it.
fn gravity(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Pass => 0,
        Verdict::Skip => 1,
        Verdict::Blocked => 2,
        Verdict::Inconclusive => 3,
        Verdict::Error => 4,
        Verdict::Fail => 5,
    }
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
    use crate::report::samples::{outcome, record};

    #[test]
    fn shards_become_one_run_with_the_worst_verdict() {
        let one = record(vec![outcome("a", "x", Verdict::Pass)]);
        let two = record(vec![outcome("a", "y", Verdict::Fail), outcome("b", "x", Verdict::Pass)]);
        let whole = merge(vec![one, two], None).unwrap();
        assert_eq!((whole.exit, whole.counts.passed, whole.counts.failed, whole.checks.len()), (1, 2, 1, 3));
        assert_eq!(whole.run.suites.iter().map(|s| s.name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(whole.run.checks.len(), 3);
    }

    #[test]
    fn a_check_in_two_shards_and_different_runs_are_refused() {
        let one = || record(vec![outcome("a", "x", Verdict::Pass)]);
        assert_eq!(
            merge(vec![one(), one()], None).unwrap_err().to_string(),
            "the records cannot be merged: two of them hold the check \"a: x\""
        );
        let mut other = record(vec![outcome("a", "y", Verdict::Pass)]);
        other.run.environment = "prod".into();
        assert!(merge(vec![one(), other], None).unwrap_err().to_string().contains("environments differ: `local` and `prod`"));
        assert!(merge(vec![], None).is_err());
    }

    #[test]
    fn a_shard_that_was_killed_leaves_the_whole_without_an_end() {
        let mut killed = record(vec![outcome("a", "y", Verdict::Pass)]);
        killed.end = None;
        let whole = merge(vec![record(vec![outcome("a", "x", Verdict::Pass)]), killed], None).unwrap();
        assert!(whole.end.is_none());
        assert_eq!(whole.exit, 4, "what nobody saw the end of does not pass");
    }

    fn shard(part: u32, of: u32, checks: &[(&str, Verdict)]) -> Record {
        let mut record = record(checks.iter().map(|(name, verdict)| outcome("a", name, *verdict)).collect());
        record.run.shard = Some(ShardInfo { part, of });
        record
    }

    #[test]
    fn a_gate_of_every_shard_is_told_once_with_its_worst_outcome() {
        let one = shard(1, 2, &[("gate", Verdict::Pass), ("x", Verdict::Pass)]);
        let two = shard(2, 2, &[("gate", Verdict::Fail), ("y", Verdict::Blocked)]);
        let whole = merge(vec![one, two], None).unwrap();
        assert_eq!((whole.checks.len(), whole.run.checks.len(), whole.exit), (3, 3, 1));
        assert_eq!(whole.checks[0].verdict, Verdict::Fail);
    }

    #[track_caller]
    fn check_missing(parts: &[(u32, u32)], expected: Option<u32>, exit: u8, told: &[&str]) {
        let names = ["u", "v", "w"];
        let records = parts.iter().zip(names).map(|((part, of), name)| shard(*part, *of, &[(name, Verdict::Pass)])).collect();
        let whole = merge(records, expected).unwrap();
        assert_eq!((whole.exit, whole.end.unwrap().shrunk), (exit, told.iter().map(|t| (*t).to_owned()).collect()));
    }

    #[test]
    fn a_missing_shard_is_told_by_its_number() {
        check_missing(&[(1, 2), (2, 2)], None, 0, &[]);
        check_missing(&[(1, 3), (3, 3)], None, 4, &["shard 2/3 is missing"]);
        check_missing(&[(1, 3)], Some(3), 4, &["shard 2/3 is missing", "shard 3/3 is missing"]);
        // One alone is what its own run said of it.
        check_missing(&[(1, 3)], None, 0, &[]);
        let plain = |name| record(vec![outcome("a", name, Verdict::Pass)]);
        let whole = merge(vec![plain("x"), plain("y")], Some(3)).unwrap();
        assert_eq!((whole.exit, whole.end.unwrap().shrunk), (4, vec!["3 shards were expected and 2 given".to_owned()]));
    }

    #[track_caller]
    fn refused(parts: &[(u32, u32)], expected: Option<u32>, told: &str) {
        let records = parts.iter().map(|(part, of)| shard(*part, *of, &[("x", Verdict::Pass)])).collect();
        assert_eq!(merge(records, expected).unwrap_err().to_string(), format!("the records cannot be merged: {told}"));
    }

    #[test]
    fn shards_that_do_not_belong_together_are_refused() {
        refused(&[(1, 2), (1, 2)], None, "two of them are shard 1/2");
        refused(&[(1, 2), (2, 3)], None, "they are shards of different splits: 1/2 and 2/3");
        refused(&[(1, 2), (2, 2)], Some(3), "3 shards are expected, and they are shards such as 1/2");
    }
}
