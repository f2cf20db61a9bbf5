//! Looks again at what noise could have made, with fresh bodies for just those cases.

use super::Probe;
use crate::checks::size_limit::look::Observation;
use crate::checks::size_limit::table::{ACCEPTS, ANSWER_ARRIVES, EARLY, IN_SYNC, NO_TRACE, REFUSES, UNHARMED};
use crate::kind::ProbeError;

impl Probe<'_> {
    /// Fresh samples of every case that the round names.
    pub(super) async fn again(&self, seen: &mut Observation) -> Result<(), ProbeError> {
        let samples = self.round.samples_or(20);
        for (clause, case) in self.round.focus.iter().flatten() {
            match (*clause, seen.limit) {
                (ACCEPTS, _) => self.bodies_again(false, case, samples, seen).await?,
                (UNHARMED, _) => self.unharmed(samples, seen).await?,
                (REFUSES, Some(_)) => self.bodies_again(true, case, samples, seen).await?,
                (EARLY | ANSWER_ARRIVES | IN_SYNC, Some(limit)) => self.manner_again(*clause, case, samples, limit, seen).await?,
                (NO_TRACE, Some(limit)) => self.no_trace_again(limit, samples, seen).await?,
                _ => {}
            }
        }
        Ok(())
    }
}
