//! What comes after the quota is used up: coming again, calls in another's name, and the first that is admitted.

use super::super::look::{Edge, Ending, Observation, Proves, Try, Turned, ending};
use super::super::spec::{BEYOND, Windows};
use super::Bench;
use crate::kind::{ProbeError, RetryAfter, Seen};
use std::time::{Duration, Instant};

/// How soon after the told time one comes again.
const JUST: Duration = Duration::from_millis(100);
/// What is told in less than this is not held against a refusal for being too long: the header knows whole seconds.
const FINEST: Duration = Duration::from_secs(2);
/// Headers in which a caller may claim to be another.
const NAMES: [&str; 3] = ["x-forwarded-for", "x-real-ip", "forwarded"];
/// Calls under each of them.
const CLAIMS: u8 = 5;
/// Times that it is looked when the quota comes back.
const EDGES: usize = 2;

impl Bench<'_> {
    /// Uses the quota up and calls in other names, all within the window.
    pub(super) async fn in_other_names(&self, seen: &mut Observation) -> Result<(), ProbeError> {
        for name in NAMES {
            self.fresh(seen).await;
            let began = self.cx.stopwatch().now();
            let burst = self.burst(self.spec.b.quota() + BEYOND, seen).await?;
            if burst.proves != Proves::Kept {
                continue;
            }
            for n in 0..CLAIMS {
                // Addresses that are nobody's (RFC 5737).
                let value = if name == "forwarded" { format!("for=203.0.113.{n}") } else { format!("203.0.113.{n}") };
                let answer = self.call(seen, Some((name, &value))).await?;
                let took = self.cx.stopwatch().since(began).hi;
                // What has come back by itself tells nothing of the name.
                let is_due = match self.spec.b.windows() {
                    Windows::Sliding | Windows::Fixed => took >= self.spec.b.window(),
                    Windows::Refill => self.spec.b.most_in(took) > self.spec.b.most_in(burst.took.hi),
                };
                let named = seen.names.entry(name.to_owned()).or_default();
                match ending(&self.spec.b, &answer) {
                    Ending::Admitted if is_due => {}
                    Ending::Admitted => {
                        named.asked += 1;
                        named.admitted += 1;
                        named.example.get_or_insert(answer);
                    }
                    Ending::Refused => named.asked += 1,
                    Ending::Broken => {}
                }
            }
        }
        seen.names_done = true;
        Ok(())
    }

    /// Comes again after a refusal, until it was true once, or untrue three times.
    pub(super) async fn come_again(&self, seen: &mut Observation) -> Result<(), ProbeError> {
        let enough = self.round.enough_bad.max(1) as usize;
        if seen.says > 0 && seen.says_not == 0 {
            for _ in 0..enough * 2 {
                self.fresh(seen).await;
                let burst = self.burst(self.spec.b.quota() + BEYOND, seen).await?;
                if burst.refused > 0 {
                    let tried = self.one_coming_again(seen).await?;
                    seen.tries.push(tried);
                }
                let lies = seen.tries.iter().filter(|t| t.is_lie()).count();
                if lies >= enough || lies == 0 && seen.tries.iter().any(|t| t.turned == Turned::True) {
                    break;
                }
            }
        }
        seen.tries_done = true;
        Ok(())
    }

    async fn one_coming_again(&self, seen: &mut Observation) -> Result<Try, ProbeError> {
        let watch = self.cx.stopwatch();
        let mut refusal = self.call(seen, None).await?;
        let mut refused = watch.now();
        let tried = |said, turned, answer: Seen, refused: Instant, at: Instant| Try { said, turned, answer, after: watch.between(refused, at) };
        let untold = |answer: Seen| Try { answer, ..Try::default() };
        let Some(first) = self.said(&refusal) else { return Ok(untold(refusal)) };
        let mut said = first;
        if said >= FINEST {
            sleep_until(refused + said / 4).await;
            let now = watch.now();
            let answer = self.call(seen, None).await?;
            if ending(&self.spec.b, &answer) == Ending::Admitted {
                return Ok(tried(said, Turned::TooLong, answer, refused, now));
            }
            // Where a refused call counts too, what it told now is what holds.
            (refusal, refused) = (answer, watch.now());
            let Some(again) = self.said(&refusal) else { return Ok(untold(refusal)) };
            said = again;
        }
        sleep_until(refused + said + JUST + said / 50).await;
        let now = watch.now();
        let answer = self.call(seen, None).await?;
        let turned = match ending(&self.spec.b, &answer) {
            Ending::Admitted => Turned::True,
            Ending::Refused => Turned::TooShort,
            Ending::Broken => Turned::Untold,
        };
        Ok(tried(said, turned, answer, refused, now))
    }

    /// The time to come again that a refusal tells.
    fn said(&self, refusal: &Seen) -> Option<Duration> {
        match (ending(&self.spec.b, refusal), RetryAfter::of(refusal)) {
            (Ending::Refused, RetryAfter::For(said)) => Some(said),
            _ => None,
        }
    }

    /// Uses the quota up and calls on until one is admitted: is that within a window of the first?
    pub(super) async fn edges(&self, seen: &mut Observation) -> Result<(), ProbeError> {
        let enough = self.round.enough_bad.max(1) as usize;
        for turn in 0..enough * 2 {
            self.fresh(seen).await;
            tokio::time::sleep(self.spec.b.window() * (turn as u32 * 43 % 100) / 100 / 2).await;
            let edge = self.edge(seen).await?;
            seen.edges.push(edge);
            let early = seen.edges.iter().filter(|e| e.early).count();
            let fine = seen.edges.iter().filter(|e| e.void.is_none() && !e.early).count();
            if early >= enough || early == 0 && fine >= EDGES {
                break;
            }
        }
        seen.edges_done = true;
        Ok(())
    }

    async fn edge(&self, seen: &mut Observation) -> Result<Edge, ProbeError> {
        let (rate, watch) = (&self.spec.b, self.cx.stopwatch());
        let began = watch.now();
        let burst = self.burst(rate.quota(), seen).await?;
        let mut edge = Edge { admitted: burst.admitted, ..Edge::default() };
        if burst.admitted < rate.quota() {
            edge.void = Some(format!("the quota could not be used up: {}", burst.line()));
            return Ok(edge);
        }
        let step = (rate.window() / 25).max(Duration::from_millis(10));
        loop {
            tokio::time::sleep(step).await;
            let answer = self.call(seen, None).await?;
            // The longest that can lie between the two, as the service saw them.
            let after = watch.since(began).hi;
            match ending(rate, &answer) {
                Ending::Admitted => {
                    edge.early = match rate.windows() {
                        Windows::Sliding => after < rate.window(),
                        // One came back by then, as declared.
                        Windows::Refill => rate.most_in(after) == rate.quota(),
                        Windows::Fixed => false,
                    };
                    edge.after = Some(after);
                    edge.answer = answer;
                    return Ok(edge);
                }
                Ending::Refused if after <= rate.window() + rate.guard() => edge.answer = answer,
                Ending::Refused => return Ok(edge),
                Ending::Broken => {
                    edge.void = Some(format!("a call after the burst was answered by {}", answer.brief()));
                    edge.answer = answer;
                    return Ok(edge);
                }
            }
        }
    }
}

async fn sleep_until(then: Instant) {
    tokio::time::sleep_until(tokio::time::Instant::from_std(then)).await;
}
