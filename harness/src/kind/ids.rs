//! Request and trace ids: unlike any other in this run and, by a random start, unlike those of any other run.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::{
    OnceLock,
    atomic::{AtomicU64, Ordering},
};

/// The ids of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ids {
    /// `x-request-id`: the run id and a number.
    pub(super) request: String,
    /// Trace id, 32 hex digits, never all zeros (W3C Trace Context, section 3.2.2.3).
    pub(super) trace: String,
    span: u64,
}

impl Ids {
    /// The next ids of this process.
    pub(super) fn fresh(run_id: &str) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        static SEED: OnceLock<u64> = OnceLock::new();
        // The standard hasher is keyed by the system's randomness once a process: enough for ids that need not be secret.
        let seed = *SEED.get_or_init(|| RandomState::new().build_hasher().finish());
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Self { request: format!("{run_id}-{number}"), trace: format!("{seed:016x}{number:016x}"), span: seed.rotate_left(32) ^ number | 1 }
    }

    /// The `traceparent` header: version 00, sampled.
    pub(super) fn traceparent(&self) -> String {
        format!("00-{}-{:016x}-01", self.trace, self.span)
    }
}

#[cfg(test)]
mod tests {
    use super::Ids;

    #[test]
    fn ids_differ_and_the_traceparent_is_well_formed() {
        let (a, b) = (Ids::fresh("run"), Ids::fresh("run"));
        assert_ne!(a, b);
        let parts: Vec<usize> = a.traceparent().split('-').map(str::len).collect();
        assert_eq!(parts, [2, 32, 16, 2]);
    }
}
