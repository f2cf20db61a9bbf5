//! Every child of this process that was not taken down yet: for the moment in which there is no time to do so in order.

use super::{Mark, started, tree};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

/// The children by their marks: id, and when each was started.
static LIVE: Mutex<BTreeMap<Mark, (u32, Option<u64>)>> = Mutex::new(BTreeMap::new());

pub(super) fn add(pid: u32, mark: &Mark) {
    LIVE.lock().unwrap_or_else(PoisonError::into_inner).insert(mark.clone(), (pid, started(pid)));
}

pub(super) fn remove(mark: &Mark) {
    LIVE.lock().unwrap_or_else(PoisonError::into_inner).remove(mark);
}

/// Ends every child of this process at once, with all descendants: this process is about to end without dropping them.
pub fn end_all() {
    let live = std::mem::take(&mut *LIVE.lock().unwrap_or_else(PoisonError::into_inner));
    for (mark, (pid, at)) in live {
        match at {
            Some(at) if started(pid) == Some(at) => tree::kill_all(pid, &mark),
            // It has ended, or the system does not say which process this is.
            _ => {
                tree::kill_rest(&mark, BTreeSet::new());
            }
        }
    }
}
