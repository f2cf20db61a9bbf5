//! Splits a plan over machines: checks that need each other stay together, the parts are about equal, and always the same.

use super::entry::Entry;
use crate::model::event::ShardInfo;
use std::{collections::BTreeSet, fmt, str::FromStr};

/// One part of several: `2/3` is the second of three.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Which, from 1.
    part: u32,
    /// Of how many.
    of: u32,
}

/// A text that is no shard.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a part of a whole such as 1/3, got `{0}`")]
pub struct NoShard(String);

impl Shard {
    /// As the record tells it.
    pub(crate) fn info(self) -> ShardInfo {
        ShardInfo { part: self.part, of: self.of }
    }
}

impl FromStr for Shard {
    type Err = NoShard;

    fn from_str(text: &str) -> Result<Self, NoShard> {
        let parts = text.split_once('/').and_then(|(part, of)| Some((part.parse().ok()?, of.parse().ok()?)));
        match parts {
            Some((part, of)) if part >= 1 && part <= of => Ok(Self { part, of }),
            _ => Err(NoShard(text.to_owned())),
        }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.part, self.of)
    }
}

/// The entries of this part, renumbered. Gates stand in every part that waits for them: a dead service is one failure in each
/// part, not a hundred.
pub(crate) fn only(entries: Vec<Entry>, shard: Shard) -> Vec<Entry> {
    let part_of = parts(&entries, shard.of);
    let mut here: BTreeSet<usize> = (0..entries.len()).filter(|i| part_of[*i] == shard.part - 1).collect();
    let mut todo: Vec<usize> = here.iter().flat_map(|i| entries[*i].gates.clone()).collect();
    while let Some(i) = todo.pop() {
        if here.insert(i) {
            todo.extend(entries[i].needs.iter().chain(&entries[i].gates));
        }
    }
    let mut number = vec![usize::MAX; entries.len()];
    for (new, old) in here.iter().enumerate() {
        number[*old] = new;
    }
    let mut kept = Vec::with_capacity(here.len());
    for (i, mut entry) in entries.into_iter().enumerate() {
        if here.contains(&i) {
            entry.needs.iter_mut().chain(&mut entry.gates).for_each(|n| *n = number[*n]);
            kept.push(entry);
        }
    }
    kept
}

/// The part of each entry: the largest groups first, each to the part that has least so far.
fn parts(entries: &[Entry], of: u32) -> Vec<u32> {
    let mut root: Vec<usize> = (0..entries.len()).collect();
    fn find(root: &mut [usize], mut i: usize) -> usize {
        while root[i] != i {
            root[i] = root[root[i]];
            i = root[i];
        }
        i
    }
    for (i, entry) in entries.iter().enumerate() {
        for needed in &entry.needs {
            let (a, b) = (find(&mut root, i), find(&mut root, *needed));
            root[a.max(b)] = a.min(b);
        }
    }
    let mut groups: Vec<Vec<usize>> = vec![Vec::new(); entries.len()];
    for i in 0..entries.len() {
        groups[find(&mut root, i)].push(i);
    }
    groups.retain(|g| !g.is_empty());
    groups.sort_by_key(|g| (std::cmp::Reverse(g.len()), g[0]));
    // The lightest part is found by a heap, so that ten thousand groups over a thousand parts stay quick.
    let mut parts: std::collections::BinaryHeap<_> = (0..of).map(|p| std::cmp::Reverse((0usize, p))).collect();
    let mut part_of = vec![0; entries.len()];
    for group in groups {
        let Some(std::cmp::Reverse((load, part))) = parts.pop() else { break };
        group.iter().for_each(|i| part_of[*i] = part);
        parts.push(std::cmp::Reverse((load + group.len(), part)));
    }
    part_of
}

#[cfg(test)]
mod tests {
    use super::Shard;

    #[track_caller]
    fn check(text: &str, expected: Option<&str>) {
        assert_eq!(text.parse::<Shard>().ok().map(|s| s.to_string()).as_deref(), expected, "{text}");
    }

    #[test]
    fn a_shard_is_one_of_several_and_counts_from_one() {
        check("1/3", Some("1/3"));
        check("3/3", Some("3/3"));
        for wrong in ["0/3", "4/3", "1", "1/0", "a/b", "-1/2", "1/3/5", ""] {
            check(wrong, None);
        }
    }
}
