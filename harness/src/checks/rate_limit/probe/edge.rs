//! A burst late in a window, and one call after the other over its edge.

use super::super::look::{Edge, Ending, Observation, ending};
use super::super::spec::Windows;
use super::{Bench, sleep_until};
use crate::kind::ProbeError;
use crate::model::quantity::show_duration;
use std::time::Duration;

/// Times that it is looked over an edge and all is well.
const EDGES: usize = 2;
/// How late in a window the burst comes, in hundredths of it, in turn.
const LATE: [u32; 3] = [85, 60, 75];

impl Bench<'_> {
    /// Looks over an edge again and again; each time it lies elsewhere.
    pub(super) async fn edges(&self, seen: &mut Observation) -> Result<(), ProbeError> {
        if self.spec.b.windows() != Windows::Fixed {
            for late in LATE.iter().cycle().take(self.enough() * 2) {
                self.fresh(seen).await;
                let edge = self.edge(*late, seen).await?;
                seen.edges.push(edge);
                let over = seen.edges.iter().filter(|e| e.over).count();
                let fine = seen.edges.iter().filter(|e| e.void.is_none() && !e.over).count();
                if over >= self.enough() || over == 0 && fine >= EDGES {
                    break;
                }
            }
        }
        seen.edges_done = true;
        Ok(())
    }

    async fn edge(&self, late: u32, seen: &mut Observation) -> Result<Edge, ProbeError> {
        let (rate, watch) = (&self.spec.b, self.cx.stopwatch());
        let mut edge = Edge::default();
        let mut rest = rate.quota();
        if rest > 1 {
            // Windows that begin with a call begin here.
            let opened = watch.now();
            edge.answer = self.call(seen, None).await?;
            if ending(rate, &edge.answer) != Ending::Admitted {
                edge.void = Some(format!("the first call of a fresh window was answered by {}", edge.answer.brief()));
                return Ok(edge);
            }
            rest -= 1;
            sleep_until(opened + rate.window() * late / 100).await;
        }
        let began = watch.now();
        let burst = self.burst(rest, seen).await?;
        edge.admitted = burst.admitted;
        if burst.admitted < rest {
            edge.void = Some(format!("the quota could not be used up: {}", burst.line()));
            return Ok(edge);
        }
        let step = (rate.window() / 40).max(Duration::from_millis(10));
        loop {
            let answer = self.call(seen, None).await?;
            // The longest that can lie between the first of the burst and this one, as the service saw them.
            let after = watch.since(began).hi;
            if after >= rate.window() {
                if edge.after.is_zero() {
                    edge.void =
                        Some(format!("the burst and the call after it took {}: nothing was asked for over an edge", show_duration(after)));
                }
                return Ok(edge);
            }
            edge.after = after;
            match ending(rate, &answer) {
                Ending::Admitted => {
                    edge.admitted += 1;
                    edge.answer = answer;
                    if u64::from(edge.admitted) > rate.most_in(after) {
                        edge.over = true;
                        return Ok(edge);
                    }
                }
                Ending::Refused => {
                    edge.answer = answer;
                    tokio::time::sleep(step).await;
                }
                Ending::Broken => {
                    edge.void = Some(format!("a call after the burst was answered by {}", answer.brief()));
                    edge.answer = answer;
                    return Ok(edge);
                }
            }
        }
    }
}
