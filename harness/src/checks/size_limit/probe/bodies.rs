//! Bodies of every size in every framing: up to the limit they are to be taken, above it refused.

use super::Probe;
use crate::checks::size_limit::look::{Not, Observation, Shot, Verdict};
use crate::checks::size_limit::spec::Framing;
use crate::checks::size_limit::table::{ACCEPTS, REFUSES};
use crate::kind::ProbeError;

/// A size by its name, and in bytes.
type Named = (&'static str, u64);

/// Sizes up to the limit.
fn up_to(limit: u64, least: u64) -> Vec<Named> {
    let least = ("least", if least > 1 { least } else { 0 });
    distinct([("0", 0), ("1", 1), least, ("B-1", limit - 1), ("B", limit)].into_iter().filter(|(_, bytes)| *bytes >= least.1))
}

/// Sizes above it.
fn above(limit: u64) -> Vec<Named> {
    distinct([("B+1", limit.saturating_add(1)), ("2B", limit.saturating_mul(2)), ("10B", limit.saturating_mul(10))].into_iter())
}

fn distinct(sizes: impl Iterator<Item = Named>) -> Vec<Named> {
    let mut all: Vec<Named> = Vec::new();
    for size in sizes {
        if all.iter().all(|(_, bytes)| *bytes != size.1) {
            all.push(size);
        }
    }
    all
}

fn case(name: &str, framing: Framing) -> String {
    format!("{name}/{}", framing.word())
}

impl Probe<'_> {
    /// Sends one small body. False: it was not taken, so that nothing can be said of larger ones.
    pub(super) async fn first(&self, seen: &mut Observation) -> Result<bool, ProbeError> {
        let small = self.spec.b.small();
        let framing = self.framings()[0];
        let name = case(if small == 1 { "1" } else { "least" }, framing);
        let tries = if self.spec.a.is_repeatable() { self.round.enough_bad.max(1) } else { 1 };
        for _ in 0..tries {
            let shot = match self.straight(small, framing, seen).await? {
                Ok(shot) => shot,
                Err(not) => {
                    seen.case(ACCEPTS, &name).not = Some(not);
                    return Ok(false);
                }
            };
            let verdict = accepted(&shot);
            seen.case(ACCEPTS, &name).add(shot.clone(), verdict);
            if shot.is_taken() {
                seen.first = None;
                return Ok(true);
            }
            seen.first = Some(shot);
            if verdict != Verdict::Noise {
                return Ok(false);
            }
        }
        Ok(false)
    }

    /// Every body up to the limit.
    pub(super) async fn accepts(&self, limit: u64, seen: &mut Observation) -> Result<(), ProbeError> {
        for framing in self.framings() {
            for (name, bytes) in up_to(limit, self.spec.b.least()) {
                let name = case(name, framing);
                if seen.case(ACCEPTS, &name).of == 0 && !self.accept(&name, bytes, framing, seen).await? {
                    break;
                }
            }
        }
        Ok(())
    }

    /// One body that is to be taken. False: nothing came back in all the time there was, and more of the kind would only wait again.
    async fn accept(&self, name: &str, bytes: u64, framing: Framing, seen: &mut Observation) -> Result<bool, ProbeError> {
        self.cx.saw(format!("{name}: {bytes} bytes"));
        match self.straight(bytes, framing, seen).await? {
            Ok(shot) => {
                let is_silent = timed_out(&shot);
                let verdict = accepted(&shot);
                seen.case(ACCEPTS, name).add(shot, verdict);
                Ok(!is_silent)
            }
            Err(not) => {
                seen.case(ACCEPTS, name).not = Some(not);
                Ok(true)
            }
        }
    }

    /// Every body above the limit. Where one is taken, ten times as much would show no more.
    pub(super) async fn refuses(&self, limit: u64, seen: &mut Observation) -> Result<(), ProbeError> {
        for framing in self.framings() {
            let mut taken = 0;
            for (name, bytes) in above(limit) {
                let name = case(name, framing);
                self.cx.saw(format!("{name}: {bytes} bytes"));
                if taken == 2 {
                    break;
                }
                match self.refuse(&name, bytes, framing, seen).await? {
                    Some(shot) if shot.is_taken() => taken += 1,
                    Some(shot) if timed_out(&shot) => break,
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// One body that is to be refused.
    async fn refuse(&self, name: &str, bytes: u64, framing: Framing, seen: &mut Observation) -> Result<Option<Shot>, ProbeError> {
        match self.straight(bytes, framing, seen).await? {
            Ok(shot) => {
                let verdict = self.refused(&shot);
                seen.case(REFUSES, name).add(shot.clone(), verdict);
                Ok(Some(shot))
            }
            Err(not) => {
                seen.case(REFUSES, name).not = Some(not);
                Ok(None)
            }
        }
    }

    /// Whether a body above the limit was answered as it should be.
    pub(super) fn refused(&self, shot: &Shot) -> Verdict {
        match shot.seen.answered() {
            Some(status) if self.spec.b.refused().fits(status) => Verdict::Fine,
            Some(200..=299) => Verdict::Proof,
            _ => shot.weight(),
        }
    }

    /// Sends fresh bodies for one case of `size/accepts` or `size/refuses`, until enough are bad.
    pub(super) async fn bodies_again(&self, is_above: bool, name: &str, samples: u32, seen: &mut Observation) -> Result<(), ProbeError> {
        let limit = seen.limit.unwrap_or_else(|| self.spec.b.small());
        let clause = if is_above { REFUSES } else { ACCEPTS };
        let sizes = if is_above { above(limit) } else { up_to(limit, self.spec.b.least()) };
        let all =
            self.framings().into_iter().flat_map(|framing| sizes.iter().map(move |(size, bytes)| (case(size, framing), *bytes, framing)));
        let Some((_, bytes, framing)) = all.into_iter().find(|(of, ..)| of == name) else { return Ok(()) };
        for _ in 0..samples {
            if is_above {
                self.refuse(name, bytes, framing, seen).await?;
            } else {
                self.accept(name, bytes, framing, seen).await?;
            }
            if seen.case(clause, name).is_settled(self.round.enough_bad) {
                break;
            }
        }
        Ok(())
    }
}

/// Whether a body up to the limit was answered as it should be.
fn accepted(shot: &Shot) -> Verdict {
    if shot.is_taken() && shot.wrong.is_none() { Verdict::Fine } else { shot.weight() }
}

fn timed_out(shot: &Shot) -> bool {
    shot.seen.trouble.as_ref().is_some_and(|snag| snag.name.ends_with("timeout"))
}

/// A case that was not sent because another one says so already.
pub(super) fn not_there(seen: &mut Observation, clause: crate::model::ClauseId, why: Not) {
    seen.case(clause, "").not.get_or_insert(why);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_size_stands_twice_however_small_the_limit_is() {
        let bytes = |sizes: Vec<Named>| sizes.into_iter().map(|(_, b)| b).collect::<Vec<_>>();
        assert_eq!(bytes(up_to(1000, 0)), [0, 1, 999, 1000]);
        assert_eq!(bytes(up_to(1000, 200)), [200, 999, 1000]);
        assert_eq!(bytes(up_to(1, 0)), [0, 1]);
        assert_eq!(bytes(above(1000)), [1001, 2000, 10_000]);
        assert_eq!(bytes(above(1)), [2, 10]);
        assert_eq!(bytes(above(u64::MAX - 1)), [u64::MAX]);
    }
}
