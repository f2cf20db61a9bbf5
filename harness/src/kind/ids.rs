//! Request and trace ids: unlike any other in this run and, by a random start, unlike those of any other run.

use super::trace::{self, TraceParent};
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
    /// The `traceparent` header: the trace, and a span that no other request of this run is.
    pub(super) traceparent: String,
}

/// Sampled: whoever looks for the trace of a failure is to find it.
const SAMPLED: u8 = 1;

impl Ids {
    /// The next ids of this process: a trace of its own, or a span of the trace that the run belongs to.
    pub(super) fn fresh(run_id: &str, parent: Option<&TraceParent>) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        static SEED: OnceLock<u64> = OnceLock::new();
        // The standard hasher is keyed by the system's randomness once a process: enough for ids that need not be secret.
        let seed = *SEED.get_or_init(|| RandomState::new().build_hasher().finish());
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        // Zero is no span (section 3.2.2.4).
        let span = (seed.rotate_left(32) ^ number).max(1);
        let (trace, traceparent) = match parent {
            Some(parent) => (parent.trace().to_owned(), parent.header(span)),
            None => {
                let own = format!("{seed:016x}{number:016x}");
                let header = trace::header(&own, span, SAMPLED);
                (own, header)
            }
        };
        Self { request: format!("{run_id}-{number}"), trace, traceparent }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_differ_and_the_traceparent_is_well_formed() {
        let (a, b) = (Ids::fresh("run", None), Ids::fresh("run", None));
        assert!(a.request != b.request && a.trace != b.trace && a.traceparent != b.traceparent, "{a:?} {b:?}");
        assert!(a.traceparent.parse::<TraceParent>().is_ok_and(|parent| parent.trace() == a.trace), "{a:?}");
    }

    #[test]
    fn requests_of_one_trace_are_spans_of_their_own() {
        let parent: TraceParent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00".parse().unwrap();
        let spans: std::collections::BTreeSet<String> = (0..100)
            .map(|_| {
                let ids = Ids::fresh("run", Some(&parent));
                assert_eq!(ids.trace, parent.trace());
                assert!(ids.traceparent.ends_with("-00"), "it is not sampled: {ids:?}");
                ids.traceparent
            })
            .collect();
        assert_eq!(spans.len(), 100);
    }
}
