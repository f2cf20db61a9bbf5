//! Judges what shows only under strain: answers while slow requests are held, gauges over hundreds of probes.

use super::super::look::{Gauge, Look, Observation};
use super::super::spec::Spec;
use super::{Found, counted, is_timed, more, nothing, within};
use crate::model::Finding;
use crate::model::quantity::show_duration;

/// Answers while slow requests were held, against the limit.
pub(super) fn under_load(spec: &Spec, seen: &Observation) -> Found {
    let Some(asked) = &spec.b.under_load else { return nothing("`under-load` is not declared") };
    let load = &seen.load;
    if let Some(why) = &load.why {
        return nothing(why.clone());
    }
    if seen.plain.whole() == 0 {
        return nothing("no answer came even without load: health/code tells why");
    }
    if load.kept.is_empty() {
        return more("no sample was taken while all slow requests were in flight", 5);
    }
    let limit = spec.b.loaded_limit(&asked.b);
    let held = format!("{} of `{}`", load.held, load.kept[0].seen.sent);
    // A code that is wrong without load too is no work of the load: then only the times are judged.
    let is_sound = seen.plain.kept.iter().all(|l| l.right);
    let failing: Vec<&Look> = load.kept.iter().filter(|l| is_sound && !l.right && !is_timed_out(l)).collect();
    if let Some(worst) = failing.first() {
        return counted(failing.len(), 0, load.kept.len(), "", || {
            worst
                .seen
                .finding(format!("the declared code within {} under load", show_duration(limit)), worst.seen.brief())
                .detail("held", held)
        });
    }
    let timed: Vec<&Look> = load.kept.iter().filter(|l| is_timed(&l.seen)).collect();
    match within(limit, &timed, timed.len(), "no answer could be timed") {
        Found::Counted { bad, near, of, worst, repeatable } => {
            let worst = worst.detail("held", format!("{} slow requests, each of {}", load.held, load.hold.unwrap_or_default()));
            Found::Counted { bad, near, of, worst, repeatable }
        }
        other => other,
    }
}

fn is_timed_out(look: &Look) -> bool {
    !look.seen.whole() && is_timed(&look.seen)
}

/// Gauges that rise in both blocks by a tenth of the probes or more.
pub(super) fn no_growth(seen: &Observation) -> Found {
    let growth = &seen.growth;
    if let Some(why) = &growth.why {
        return nothing(why.clone());
    }
    if growth.gauges.is_empty() || growth.gauges.iter().any(|g| g.values.len() < 3) {
        return nothing("the gauges were not read before and after both blocks of probes");
    }
    let least = f64::from(growth.probes) / 10.0;
    let rises = |gauge: &Gauge| gauge.values.windows(2).map(|pair| pair[1] - pair[0]).collect::<Vec<_>>();
    if let Some(gauge) = growth.gauges.iter().find(|g| rises(g).iter().all(|r| *r >= least)) {
        let values: Vec<_> = gauge.values.iter().map(ToString::to_string).collect();
        let observed = format!("{} went {} over two blocks of {} probes", gauge.name, values.join(" -> "), growth.probes);
        return Found::Proof(Finding::new(format!("{} flat over {} probes", gauge.name, growth.probes * 2), observed));
    }
    Found::held(growth.gauges.len() * 2, "no gauge was read")
}
