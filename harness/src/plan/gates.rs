//! Puts gates before everything on their target: until a gate passes, nothing else runs there, in any suite.

use super::entry::Entry;
use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

/// Fills in [`Entry::gates`]. Gates do not wait for gates, and neither does what a gate itself needs: it could never start.
pub(crate) fn put_in(entries: &mut [Entry]) {
    let mut by_target: HashMap<Arc<str>, Vec<usize>> = HashMap::new();
    for (i, entry) in entries.iter().enumerate().filter(|(_, e)| e.check.gate) {
        by_target.entry(Arc::clone(&entry.check.target)).or_default().push(i);
    }
    if by_target.is_empty() {
        return;
    }
    let mut free: BTreeSet<usize> = BTreeSet::new();
    let mut todo: Vec<usize> = by_target.values().flatten().copied().collect();
    while let Some(i) = todo.pop() {
        if free.insert(i) {
            todo.extend(&entries[i].needs);
        }
    }
    for (i, entry) in entries.iter_mut().enumerate() {
        if !free.contains(&i)
            && let Some(gates) = by_target.get(&entry.check.target)
        {
            entry.gates.clone_from(gates);
        }
    }
}
