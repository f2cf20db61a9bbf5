//! Now and then a call after a burst that used the quota up: whether the window lasts as long as it is declared.

use super::super::look::{Edge, Ending, Observation, ending};
use super::super::spec::Windows;
use super::Bench;
use crate::kind::ProbeError;
use crate::model::quantity::show_duration;
use std::time::{Duration, Instant};

/// Calls are so many parts of a window apart.
const APART: u32 = 20;

impl Bench<'_> {
    /// Asks until nearly a window has passed since the burst, which began then in a fresh window and had so many admitted. The burst may lie
    /// just before the edge of a window: from the first edge on another one is looked at. (That no edge forgets all is `rate/edge`.)
    pub(super) async fn lasts(&self, began: Instant, admitted: u32, seen: &mut Observation) -> Result<Edge, ProbeError> {
        let (rate, watch) = (&self.spec.b, self.cx.stopwatch());
        self.cx.saw("asking until the window is nearly over");
        let by_edges = matches!(rate.windows(), Windows::Sliding | Windows::Fixed);
        let mut lasted = Edge { admitted, ..Edge::default() };
        // What is admitted is counted from here on: from the burst, or from before the first edge after it.
        let (mut since, mut refused, mut has_edge) = (began, began, false);
        loop {
            let asked = watch.now();
            let answer = self.call(seen, None).await?;
            let after = watch.since(since).hi;
            // The first call tells something if it comes any time within the window; the later ones leave room for a clock of whole seconds.
            let until = if lasted.after.is_zero() { rate.window().saturating_sub(rate.guard()) } else { rate.nearly() };
            if after >= until {
                if lasted.after.is_zero() {
                    let took = show_duration(after);
                    lasted.void = Some(format!("the burst and the call after it took {took}: nothing was asked within the window"));
                }
                return Ok(lasted);
            }
            lasted.after = after;
            match ending(rate, &answer) {
                Ending::Admitted => {
                    lasted.answer = answer;
                    if by_edges && !has_edge {
                        // Between this call and the refused one before it all came back. It is used up again, so that one sees the next edge.
                        (since, has_edge) = (refused, true);
                        lasted.admitted = 1 + self.burst(rate.quota(), seen).await?.admitted;
                    } else {
                        lasted.admitted += 1;
                    }
                    lasted.after = watch.since(since).hi;
                    let most = if by_edges { u64::from(rate.quota()) } else { rate.most_in(lasted.after) };
                    if lasted.after < rate.nearly() && u64::from(lasted.admitted) > most {
                        lasted.over = true;
                        return Ok(lasted);
                    }
                }
                Ending::Refused => {
                    lasted.answer = answer;
                    refused = asked;
                    tokio::time::sleep((rate.window() / APART).max(Duration::from_millis(10))).await;
                }
                Ending::Broken => {
                    lasted.void = Some(format!("a call after the burst was answered by {}", answer.brief()));
                    lasted.answer = answer;
                    return Ok(lasted);
                }
            }
        }
    }

    /// Nothing more is to be seen of how long a window lasts: it lasted, or too often it did not.
    pub(super) fn is_lasted(&self, seen: &Observation) -> bool {
        let over = seen.lasts.iter().filter(|l| l.over).count();
        let is_told = seen.lasts.iter().any(|l| l.void.is_none());
        !self.round.wants(super::table::QUOTA) || over >= self.enough() || over == 0 && is_told
    }
}
