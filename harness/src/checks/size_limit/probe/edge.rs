//! Looks for the edge: the largest body that is taken, one byte below the smallest that is refused.

use super::Probe;
use crate::checks::size_limit::look::{Edge, Hunt, Not, Observation, Shot, Verdict};
use crate::checks::size_limit::show;
use crate::checks::size_limit::spec::Framing;
use crate::kind::ProbeError;

/// Where the search begins, and the largest body that it sends where the environment sets no limit.
const BEGIN: u64 = 64 << 10;
const MOST: u64 = 1 << 30;
/// How often one size is sent where the answer could be noise.
const TRIES: u32 = 3;
/// How often a unit stands in limits that people write.
const NICE: [u64; 33] =
    [1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 16, 20, 24, 25, 30, 32, 40, 48, 50, 60, 64, 75, 80, 96, 100, 128, 150, 200, 250, 256, 300, 500, 512];
const UNITS: [u64; 6] = [1000, 1 << 10, 1_000_000, 1 << 20, 1_000_000_000, 1 << 30];

impl Probe<'_> {
    /// Finds an undeclared limit: doubles until a body is refused, then searches between.
    pub(super) async fn find(&self, seen: &mut Observation) -> Result<(), ProbeError> {
        let framing = self.framings()[0];
        seen.hunt = Some(Hunt::default());
        let mut taken = self.spec.b.small();
        let mut next = BEGIN.max(taken.saturating_mul(2));
        let refused = loop {
            match self.is_taken(next, framing, seen).await? {
                Some(true) if next >= MOST => {
                    let why = format!("no body was refused, up to {}", show::bytes(next));
                    hunt(seen).not = Some(Not::There(why));
                    return Ok(());
                }
                Some(true) => (taken, next) = (next, next.saturating_mul(2).min(MOST)),
                Some(false) => break next,
                None => return Ok(()),
            }
        };
        self.search(taken, refused, framing, seen).await?;
        seen.limit = hunt(seen).edge;
        Ok(())
    }

    /// Where a declared limit is not kept: where the edge really lies, at the other reading of its unit at least.
    pub(super) async fn narrow(&self, limit: u64, seen: &mut Observation) -> Result<(), ProbeError> {
        let off = |edge: &Edge| edge.taken.is_none_or(|t| t != limit) || edge.refused != Some(limit.saturating_add(1));
        let mut framings = self.framings();
        // gzip's bodies differ in nothing but their way: where another framing shows the edge, it does too.
        framings.retain(|f| *f != Framing::Gzip || is_gzip_alone(self));
        let edges = framings.into_iter().filter_map(|f| Some((f, *seen.edges.get(f.word())?)));
        let Some((framing, edge)) = edges.clone().find(|(_, e)| off(e)).or_else(|| edges.clone().next()) else { return Ok(()) };
        if seen.hunt.is_none() && self.spec.b.finds() {
            seen.hunt = Some(Hunt::default());
        }
        let (taken, refused) = (edge.taken.unwrap_or(0), edge.refused.unwrap_or(u64::MAX));
        if !off(&edge) {
            if let Some(hunt) = &mut seen.hunt {
                (hunt.edge, hunt.bodies) = (Some(limit), hunt.bodies.max(2));
            }
            return Ok(());
        }
        if let Some(other) = show::other_reading(limit).filter(|other| (taken..refused).contains(other))
            && (other == taken || self.is_taken(other, framing, seen).await? == Some(true))
            && self.is_taken(other + 1, framing, seen).await? == Some(false)
        {
            hunt(seen).edge = Some(other);
            return Ok(());
        }
        if !self.spec.b.finds() {
            return Ok(());
        }
        match (edge.taken, edge.refused) {
            (Some(taken), Some(refused)) if taken >= refused => {
                let why = format!("{} were taken, and {} refused: it is not one limit", show::bytes(taken), show::bytes(refused));
                hunt(seen).not = Some(Not::There(why));
                Ok(())
            }
            (Some(_), Some(_)) => {
                let edge = seen.edges.get(framing.word()).copied().unwrap_or(edge);
                self.search(edge.taken.unwrap_or(0), edge.refused.unwrap_or(u64::MAX), framing, seen).await
            }
            (Some(most), None) => {
                hunt(seen).not = Some(Not::There(format!("no body was refused, up to {}", show::bytes(most))));
                Ok(())
            }
            (None, _) => {
                hunt(seen).not = Some(Not::There("no body was taken".to_owned()));
                Ok(())
            }
        }
    }

    /// Searches between a size that is taken and one that is refused: at the sizes that people choose first.
    async fn search(&self, mut taken: u64, mut refused: u64, framing: Framing, seen: &mut Observation) -> Result<(), ProbeError> {
        let mut nice = nice(taken, refused);
        while !nice.is_empty() {
            let middle = nice.len() / 2;
            match self.is_taken(nice[middle], framing, seen).await? {
                Some(true) => {
                    taken = nice[middle];
                    nice.drain(..=middle);
                }
                Some(false) => {
                    refused = nice[middle];
                    nice.truncate(middle);
                }
                None => return Ok(()),
            }
        }
        // At a size that people choose, the edge lies exactly there, or one byte below.
        for guess in [taken + 1, refused - 1] {
            if (taken + 1..refused).contains(&guess) {
                match self.is_taken(guess, framing, seen).await? {
                    Some(true) => taken = guess,
                    Some(false) => refused = guess,
                    None => return Ok(()),
                }
            }
        }
        while refused - taken > 1 {
            let middle = taken + (refused - taken) / 2;
            match self.is_taken(middle, framing, seen).await? {
                Some(true) => taken = middle,
                Some(false) => refused = middle,
                None => return Ok(()),
            }
        }
        hunt(seen).edge = Some(taken);
        Ok(())
    }

    /// Whether a body of this size is taken. None: it cannot be told, and `hunt` says why.
    async fn is_taken(&self, bytes: u64, framing: Framing, seen: &mut Observation) -> Result<Option<bool>, ProbeError> {
        for attempt in 1..=TRIES {
            self.cx.saw(format!("looking for the edge: {bytes} bytes"));
            let shot: Shot = match self.straight(bytes, framing, seen).await? {
                Ok(shot) => shot,
                Err(not) => {
                    hunt(seen).not = Some(not);
                    return Ok(None);
                }
            };
            hunt(seen).bodies += 1;
            if shot.is_taken() && shot.sent.whole {
                return Ok(Some(true));
            }
            if shot.seen.answered().is_some_and(|status| self.spec.b.refused().fits(status)) {
                return Ok(Some(false));
            }
            let is_noise = shot.weight() == Verdict::Noise;
            if attempt == TRIES || !is_noise || !self.spec.a.is_repeatable() {
                hunt(seen).strange = Some(shot);
                return Ok(None);
            }
        }
        Ok(None)
    }
}

fn is_gzip_alone(probe: &Probe<'_>) -> bool {
    probe.framings() == [Framing::Gzip]
}

fn hunt(seen: &mut Observation) -> &mut Hunt {
    seen.hunt.get_or_insert_with(Hunt::default)
}

/// Round sizes between the two, in order.
fn nice(taken: u64, refused: u64) -> Vec<u64> {
    let mut all: Vec<u64> =
        UNITS.iter().flat_map(|unit| NICE.iter().map(move |n| n * unit)).filter(|size| (taken + 1..refused).contains(size)).collect();
    all.sort_unstable();
    all.dedup();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_sizes_are_tried_in_order_and_only_between_the_bounds() {
        let all = nice(32 << 20, 64 << 20);
        assert!(all.contains(&50_000_000) && all.contains(&(50 << 20)) && all.contains(&(40 << 20)), "{all:?}");
        assert!(all.is_sorted() && all.iter().all(|n| (32 << 20) < *n && *n < 64 << 20));
        assert!(nice(5, 6).is_empty());
    }
}
