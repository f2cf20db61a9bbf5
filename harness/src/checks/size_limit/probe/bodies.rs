//! Bodies of every size in every framing: up to the limit they are to be taken, above it refused.

use super::{Probe, manners, unwilling};
use crate::checks::size_limit::look::{Not, Observation, Shot, Verdict};
use crate::checks::size_limit::show;
use crate::checks::size_limit::spec::{Framing, Own};
use crate::checks::size_limit::table::{self, ACCEPTS, REFUSES};
use crate::kind::ProbeError;
use crate::model::{ClauseId, Size};
use std::collections::BTreeSet;

/// How often a body just above the limit is sent in one framing where that costs little.
const OFTEN: u32 = 5;

/// A size by its name, and in bytes.
type Named = (&'static str, u64);

/// Sizes up to the limit.
fn up_to(limit: u64, least: u64) -> Vec<Named> {
    // The least of 0 or 1 bytes stands there already, by its number.
    let named = (least > 1).then_some(("least", least));
    let all = [("0", 0), ("1", 1)].into_iter().chain(named).chain([("B-1", limit - 1), ("B", limit)]);
    distinct(all.filter(|(_, bytes)| *bytes >= least))
}

/// Sizes above it.
fn above(limit: u64) -> Vec<Named> {
    distinct([("B+1", limit.saturating_add(1)), ("2B", limit.saturating_mul(2)), ("10B", limit.saturating_mul(10))].into_iter())
}

/// The name of a size above the limit, also of one that is sent for another clause.
pub(super) fn above_by_name(limit: u64, bytes: u64) -> &'static str {
    let further = ("B+128KiB", limit.saturating_add(manners::GOES));
    above(limit).into_iter().chain([further]).find(|(_, of)| *of == bytes).map_or("above", |(name, _)| name)
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

/// A case by its size and framing: `B+1/chunked`.
pub(super) fn case(name: &str, framing: Framing) -> String {
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

    /// Whether the environment has room for a body at the limit and one just above it, in any framing. False: nothing is sent, and no
    /// clause is permitted, since smaller bodies say nothing of a limit.
    pub(super) fn has_room(&self, limit: u64, seen: &mut Observation) -> bool {
        let Some(left) = self.cx.exchange().permits().upload_left() else { return true };
        let needs = Own::least_upload(limit, &self.framings());
        if needs <= left {
            return true;
        }
        let why = format!(
            "a body of {} and one that is larger take {}: `limits.upload` leaves {}",
            show::bytes(limit),
            show::bytes(needs),
            Size(left)
        );
        for clause in table::CLAUSES.iter().map(|c| c.id).filter(|id| self.round.wants(*id)) {
            not_there(seen, clause, Not::Permitted(why.clone()));
        }
        false
    }

    /// The bodies up to the limit that the environment has room for, where it has a limit of its own: B and B+1 of one framing after the
    /// other come first, since without them nothing is known.
    fn room(&self, limit: u64) -> Option<BTreeSet<(u64, Framing)>> {
        let mut left = self.cx.exchange().permits().upload_left()?;
        let framings = self.framings();
        let edges = framings.iter().flat_map(|framing| [(limit, *framing), (limit.saturating_add(1), *framing)]);
        let rest = framings.iter().flat_map(|framing| {
            let smaller = up_to(limit, self.spec.b.least()).into_iter().filter(|(_, bytes)| *bytes < limit);
            smaller.map(|(_, bytes)| (bytes, *framing))
        });
        let fits = |(bytes, framing): &(u64, Framing)| {
            let after = left.checked_sub(framing.cost(*bytes));
            left = after.unwrap_or(left);
            after.is_some()
        };
        Some(edges.chain(rest).filter(fits).collect())
    }

    /// Every body up to the limit.
    pub(super) async fn accepts(&self, limit: u64, seen: &mut Observation) -> Result<(), ProbeError> {
        let room = self.room(limit);
        for framing in self.framings() {
            let mut silent: Option<String> = None;
            for (size, bytes) in up_to(limit, self.spec.b.least()) {
                let name = case(size, framing);
                let has_no_room = room.as_ref().is_some_and(|room| !room.contains(&(bytes, framing)));
                match &silent {
                    _ if seen.unwilling.contains(&framing) => unwilling::left_out(seen, ACCEPTS, &name, framing),
                    _ if seen.case(ACCEPTS, &name).of > 0 => {}
                    _ if has_no_room => {
                        let why = format!("{} are more than `limits.upload` leaves beside the bodies at the edge", show::bytes(bytes));
                        seen.case(ACCEPTS, &name).not = Some(Not::Permitted(why));
                    }
                    Some(other) => seen.case(ACCEPTS, &name).not = Some(left_out(other)),
                    None if !self.accept(&name, bytes, framing, seen).await? => silent = Some(name),
                    None => {}
                }
            }
        }
        Ok(())
    }

    /// One body that is to be taken. False: nothing came back in all the time there was, and more of the kind would only wait again.
    async fn accept(&self, name: &str, bytes: u64, framing: Framing, seen: &mut Observation) -> Result<bool, ProbeError> {
        self.cx.saw(format!("{name}: {bytes} bytes"));
        match self.straight(bytes, framing, seen).await? {
            Ok(mut shot) => {
                let is_silent = timed_out(&shot);
                unwilling::note(&mut shot, framing, seen);
                let verdict = accepted(&shot);
                seen.case(ACCEPTS, name).add(shot, verdict);
                Ok(!is_silent)
            }
            Err(not) => {
                unsent(seen, ACCEPTS, name, not);
                Ok(true)
            }
        }
    }

    /// Every body above the limit: just above it in every framing first. Where two are taken, ten times as much would show no more.
    pub(super) async fn refuses(&self, limit: u64, seen: &mut Observation) -> Result<(), ProbeError> {
        let sizes = above(limit);
        let Some((size, bytes)) = sizes.first() else { return Ok(()) };
        let mut closed: Vec<(Framing, String)> = Vec::new();
        let mut cheap = Vec::new();
        for framing in seen.unwilling.clone() {
            for (size, _) in &sizes {
                unwilling::left_out(seen, REFUSES, &case(size, framing), framing);
            }
        }
        for framing in self.willing(seen) {
            let name = case(size, framing);
            match self.refuse(&name, *bytes, framing, seen).await? {
                Some(shot) if timed_out(&shot) => closed.push((framing, name)),
                Some(shot) if self.refused(&shot) == Verdict::Fine => {
                    cheap.extend((self.round.wants(table::EARLY) || !shot.sent.whole).then_some((framing, name)));
                }
                _ => {}
            }
        }
        for framing in self.willing(seen) {
            let is_taken =
                |size: &str| seen.cases.iter().any(|c| c.clause == REFUSES.0 && c.case == case(size, framing) && c.proof.is_some());
            let mut taken = usize::from(is_taken(size));
            for (size, bytes) in sizes.iter().skip(1) {
                let name = case(size, framing);
                if let Some((_, other)) = closed.iter().find(|(of, _)| *of == framing) {
                    seen.case(REFUSES, &name).not = Some(left_out(other));
                    continue;
                }
                if taken == 2 {
                    break;
                }
                match self.refuse(&name, *bytes, framing, seen).await? {
                    Some(shot) if shot.is_taken() => taken += 1,
                    Some(shot) if timed_out(&shot) => closed.push((framing, name)),
                    _ => {}
                }
            }
        }
        // Behind one address there may be several services, and one of them may have another limit.
        for (framing, name) in cheap {
            for _ in 1..OFTEN {
                match self.refuse(&name, *bytes, framing, seen).await? {
                    Some(shot) if self.refused(&shot) == Verdict::Fine => {}
                    _ => break,
                }
            }
        }
        Ok(())
    }

    /// One body that is to be refused.
    async fn refuse(&self, name: &str, bytes: u64, framing: Framing, seen: &mut Observation) -> Result<Option<Shot>, ProbeError> {
        self.cx.saw(format!("{name}: {bytes} bytes"));
        match self.straight(bytes, framing, seen).await? {
            Ok(shot) => {
                // One that is taken is noted where it is sent.
                if !shot.is_taken() {
                    let verdict = self.refused(&shot);
                    seen.case(REFUSES, name).add(shot.clone(), verdict);
                }
                Ok(Some(shot))
            }
            Err(not) => {
                unsent(seen, REFUSES, name, not);
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
        let mut all: Vec<(String, u64, Framing)> = Vec::new();
        for framing in self.framings() {
            all.extend(sizes.iter().map(|(size, bytes)| (case(size, framing), *bytes, framing)));
        }
        let Some((_, bytes, framing)) = all.iter().find(|(of, ..)| of == name).cloned() else { return Ok(()) };
        let fine = |seen: &mut Observation| {
            let case = seen.case(clause, name);
            case.of.saturating_sub(case.bad + case.near)
        };
        let before = fine(seen);
        for _ in 0..samples {
            let was_sent = if is_above {
                self.refuse(name, bytes, framing, seen).await?.is_some()
            } else {
                let before = seen.bodies;
                self.accept(name, bytes, framing, seen).await?;
                seen.bodies > before
            };
            if !was_sent || seen.case(clause, name).is_settled(self.round.enough_bad) {
                break;
            }
        }
        if fine(seen) == before {
            return Ok(());
        }
        // It is answered after all: what was left out for it is sent now.
        let why = left_out(name);
        for (name, bytes, framing) in all {
            let case = seen.case(clause, &name);
            if case.of == 0 && case.not.as_ref() == Some(&why) {
                case.not = None;
                if is_above {
                    self.refuse(&name, bytes, framing, seen).await?;
                } else {
                    self.accept(&name, bytes, framing, seen).await?;
                }
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

/// Why a case was not sent: the environment does not let it. What was seen of it before stands.
fn unsent(seen: &mut Observation, clause: ClauseId, name: &str, not: Not) {
    let case = seen.case(clause, name);
    case.not = case.not.take().or(Some(not).filter(|_| case.of == 0));
}

/// Why a case was not sent: this one was not answered, and it would only wait as long.
fn left_out(other: &str) -> Not {
    Not::There(format!("{other} was not answered in all the time there was, so this was not sent"))
}

/// A case that was not sent because another one says so already.
pub(super) fn not_there(seen: &mut Observation, clause: ClauseId, why: Not) {
    seen.case(clause, "").not.get_or_insert(why);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_size_stands_twice_however_small_the_limit_is() {
        let bytes = |sizes: Vec<Named>| sizes.into_iter().map(|(_, b)| b).collect::<Vec<_>>();
        assert_eq!(bytes(up_to(1000, 0)), [0, 1, 999, 1000]);
        assert_eq!(bytes(up_to(1000, 1)), [1, 999, 1000]);
        assert_eq!(bytes(up_to(1000, 200)), [200, 999, 1000]);
        assert_eq!(bytes(up_to(1, 0)), [0, 1]);
        assert_eq!(bytes(above(1000)), [1001, 2000, 10_000]);
        assert_eq!(bytes(above(1)), [2, 10]);
        assert_eq!(bytes(above(u64::MAX - 1)), [u64::MAX]);
    }
}
