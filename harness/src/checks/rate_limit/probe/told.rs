//! Calls one after the other in a fresh window, and holds what each answer tells against what is true by then.

use super::super::fields::Told;
use super::super::look::{Ending, Fields, Observation, ending};
use super::super::spec::{Family, Rate, Windows};
use super::Bench;
use crate::kind::{ProbeError, Seen};
use crate::model::quantity::show_duration;
use std::time::Duration;

/// Most calls that are looked at: where the quota is larger, the rest is no different.
const MOST: u32 = 200;

impl Bench<'_> {
    /// Calls until the quota is used up, in one fresh window; again where something was wrong, until it was so often enough.
    pub(super) async fn fields(&self, seen: &mut Observation) -> Result<(), ProbeError> {
        let families: Vec<Family> = self.spec.b.fields.iter().flat_map(|f| f.iter()).map(|f| f.value).collect();
        for _ in 0..self.enough() {
            self.fresh(seen).await;
            self.one_after_the_other(&families, seen).await?;
            let is_told = |fields: &Fields| {
                fields.answers > 0 && (fields.wrong == 0 || fields.proof.is_some() || fields.wrong as usize >= self.enough())
            };
            if seen.fields.values().all(is_told) {
                break;
            }
        }
        for family in families {
            seen.fields.entry(name(family).to_owned()).or_default().done = true;
        }
        Ok(())
    }

    async fn one_after_the_other(&self, families: &[Family], seen: &mut Observation) -> Result<(), ProbeError> {
        let (rate, watch) = (&self.spec.b, self.cx.stopwatch());
        let began = watch.now();
        let mut before: Vec<Option<u64>> = vec![None; families.len()];
        for made in 1..=(rate.quota() + 1).min(MOST) {
            let answer = self.call(seen, None).await?;
            let took = watch.since(began).hi;
            let ending = ending(rate, &answer);
            // What comes after a window is of the next one.
            if took >= rate.window() || ending == Ending::Broken {
                break;
            }
            for (family, before) in families.iter().zip(&mut before) {
                let told = Told::of(&answer, *family, rate.quota());
                let fields = seen.fields.entry(name(*family).to_owned()).or_default();
                fields.add(rate, &told, &Truth { made, took, is_admitted: ending == Ending::Admitted, before: *before }, &answer);
                *before = told.left;
            }
        }
        Ok(())
    }
}

/// The name of a family, as a suite writes it.
pub(in super::super) fn name(family: Family) -> &'static str {
    match family {
        Family::Ratelimit => "ratelimit",
        Family::XRatelimit => "x-ratelimit",
    }
}

/// What is known when an answer comes.
struct Truth {
    /// Calls in this window, this one included.
    made: u32,
    /// Since the first.
    took: Duration,
    is_admitted: bool,
    /// What the answer before told was left.
    before: Option<u64>,
}

/// Whether a reset that came with a refusal lies a second and more before the first call of the window can have left it. Whoever rounds down
/// tells up to a second too little.
fn is_too_soon(reset: u64, window: Duration, truth: &Truth) -> bool {
    Duration::from_secs(reset + 1) < window.saturating_sub(truth.took)
}

impl Fields {
    fn add(&mut self, rate: &Rate, told: &Told, truth: &Truth, answer: &Seen) {
        self.answers += 1;
        let (quota, window) = (u64::from(rate.quota()), rate.window());
        let mut proof = |expected: String, observed: &str| {
            self.proof.get_or_insert_with(|| (expected, observed.to_owned(), answer.clone()));
        };
        if let Some((lacks, instead)) = &told.lacks {
            return proof((*lacks).to_owned(), instead);
        }
        let Some(left) = told.left else {
            return proof("how many calls are left".to_owned(), "no number");
        };
        if let Some(other) = told.quota.filter(|q| *q != quota) {
            return proof(format!("a quota of {quota}"), &format!("{other}"));
        }
        let seconds = window.as_secs() + u64::from(window.subsec_nanos() > 0);
        if let Some(other) = told.window.filter(|w| *w != seconds && *w != window.as_secs()) {
            return proof(format!("a window of {seconds} s"), &format!("{other} s"));
        }
        let made = u64::from(truth.made);
        let due = if truth.is_admitted { quota.saturating_sub(made) } else { 0 };
        // What came back meanwhile: one after the other, or all at the edge of a window.
        let most = match rate.windows() {
            Windows::Sliding => due,
            Windows::Refill | Windows::Weighted => due + rate.most_in(truth.took) - quota,
            Windows::Fixed => match truth.before {
                Some(before) if left != before.saturating_sub(1) && left.checked_add(1) == Some(quota) => left,
                Some(before) => before.saturating_sub(1),
                None => due,
            },
        };
        let least = if rate.windows() == Windows::Fixed { most } else { due };
        let mut wrong = |expected: String, observed: String| {
            self.wrong += 1;
            self.wrong_one.get_or_insert_with(|| (expected, observed, answer.clone()));
        };
        if !(least..=most).contains(&left) {
            let of = if truth.is_admitted { "admitted" } else { "refused" };
            wrong(format!("{most} left after call {made} of {quota}, which was {of}"), format!("{left} left"));
        } else if let Some(reset) = told.reset.filter(|reset| *reset > seconds + 1) {
            wrong(format!("more within the window of {seconds} s"), format!("more after {reset} s"));
        } else if let Some(reset) =
            told.reset.filter(|reset| !truth.is_admitted && rate.windows() == Windows::Sliding && is_too_soon(*reset, window, truth))
        {
            let least = show_duration(window.saturating_sub(truth.took));
            wrong(format!("not one more for at least {least}, when the first call leaves the window"), format!("more after {reset} s"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::RateLimit;
    use super::*;
    use crate::kind::testing::spec;

    #[test]
    fn a_remainder_as_large_as_numbers_get_is_wrong_and_no_more() {
        let kind = spec::<RateLimit>("{ get: /limited, quota: 4, window: 2s, windows: fixed, fields: x-ratelimit }");
        let told = Told { quota: Some(4), left: Some(u64::MAX), reset: Some(u64::MAX), ..Told::default() };
        let mut fields = Fields::default();
        for before in [None, Some(3), Some(u64::MAX)] {
            let truth = Truth { made: 2, took: Duration::from_millis(1), is_admitted: true, before };
            fields.add(&kind.spec.b, &told, &truth, &Seen::default());
        }
        assert_eq!((fields.wrong, fields.proof.is_none()), (3, true), "{fields:?}");
    }
}
