//! Whether it was not ready while real requests worked throughout: told, and no fault by itself.

use super::super::look::{Asked, Observation, Outage};
use super::super::spec::IDLE;
use super::super::table::TRUTHFUL;
use crate::kind::Advice;
use std::collections::BTreeMap;

/// Before it was ready, and while a dependency was lost.
pub(in super::super) fn advice(seen: &Observation) -> Vec<Advice> {
    let mut all = Vec::new();
    if let (Some(_), Some(what)) = (&seen.ready, before(seen)) {
        all.push(Advice { clause: TRUTHFUL, case: "".into(), what: format!("over-strict: {what}, before it was ready") });
    }
    let mut losses: BTreeMap<&str, Vec<&Outage>> = BTreeMap::new();
    for outage in seen.outages.iter().chain(&seen.soft) {
        losses.entry(&outage.family).or_default().push(outage);
    }
    for (family, outages) in losses {
        let asked: Vec<&Asked> = outages.iter().flat_map(|o| &o.down.idle).collect();
        if let Some(what) = throughout(&asked) {
            let what = format!("over-strict: {what}, while `{}` was lost", outages[0].dependency);
            all.push(Advice { clause: TRUTHFUL, case: family.to_owned().into(), what });
        }
    }
    all
}

/// Not ready, and real requests worked: before it ever was.
pub(super) fn before(seen: &Observation) -> Option<String> {
    let asked: Vec<&Asked> = seen.pairs.iter().filter(|p| !p.ready).map(|p| &p.real).collect();
    throughout(&asked)
}

fn throughout(asked: &[&Asked]) -> Option<String> {
    let fine = asked.iter().filter(|asked| asked.fine).count();
    (asked.len() >= IDLE && fine == asked.len()).then(|| format!("not ready, yet {} worked {fine} of {fine} times", asked[0].seen.sent))
}
