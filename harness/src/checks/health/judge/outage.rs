//! Judges whether liveness noticed the loss of a dependency. No I/O.

use super::super::look::{Look, Observation, Outage, declared};
use super::super::spec::{Spec, outage_case};
use super::super::table;
use super::{case, counted, last_three, more, nothing};
use crate::model::quantity::show_duration;
use crate::model::{At, FaultKind, Finding, Found, Reading, Unseen, interval::Against};

/// One reading for each dependency and each way of losing it.
pub(super) fn independent(spec: &Spec, seen: &Observation) -> Vec<Reading> {
    let names = spec.b.independent_of.iter().flat_map(|names| names.iter());
    let each = names.flat_map(|name| table::OUTAGES.iter().map(move |fault| (name, *fault)));
    each.map(|(name, fault)| {
        let key = outage_case(name, fault);
        let outages: Vec<&Outage> = seen.outages.iter().filter(|o| o.case == key).collect();
        let found = one(spec, seen, &outages, name, fault, name.at);
        case(table::INDEPENDENT, key, found)
    })
    .collect()
}

/// What an answer is worth against the code and the limit.
#[derive(PartialEq, Eq)]
enum Worth {
    Good,
    Near,
    Bad,
}

fn worth(spec: &Spec, look: &Look) -> Worth {
    let against = spec.b.limit().map_or(Against::Within, |limit| look.seen.took.against(limit));
    match against {
        _ if !look.right && look.seen.maybe_ours() => Worth::Near,
        _ if !look.right => Worth::Bad,
        Against::Beyond => Worth::Bad,
        Against::Near => Worth::Near,
        Against::Within => Worth::Good,
    }
}

fn one(spec: &Spec, seen: &Observation, outages: &[&Outage], name: &str, fault: FaultKind, at: At) -> Found {
    let Some(last) = outages.last() else {
        return match &seen.no_more {
            Some(why) => nothing(why.clone()),
            None if seen.plain.count() > 0 && seen.plain.whole() == 0 => nothing("no answer came even before: health/code tells why"),
            None => Found::Unseen { why: Unseen::Deadline },
        };
    };
    let looks = || outages.iter().flat_map(|outage| outage.kept.iter().map(move |look| (*outage, look)));
    let of: usize = outages.iter().map(|o| o.count()).sum();
    let bad: Vec<(&Outage, &Look)> = looks().filter(|(_, look)| worth(spec, look) == Worth::Bad).collect();
    let near = looks().filter(|(_, look)| worth(spec, look) == Worth::Near).count();
    let finding = |(outage, worst): (&Outage, &Look)| finding(spec, outage, worst, name, fault, bad.len(), of).at(at);
    // A liveness that fails with all its dependencies at hand is not blamed on their loss, unless it is so far more often.
    let shaky = seen.plain.kept.iter().filter(|look| worth(spec, look) == Worth::Bad).count();
    let is_sound = shaky == 0 || (shaky * 4 <= seen.plain.count() && bad.len() * 2 >= of);
    if !is_sound && !bad.is_empty() {
        return more(format!("it failed {shaky} of {} times with `{name}` at hand too", seen.plain.count()), 0);
    }
    if let Some(proof) = bad.iter().find(|(_, look)| !look.right && !look.confusable()) {
        return Found::Proof(finding(*proof));
    }
    if bad.is_empty() && !last.is_whole {
        return Found::Unseen { why: Unseen::Deadline };
    }
    counted(bad.len(), near, of, "no answer came", || {
        let near = || looks().find(|(_, look)| worth(spec, look) == Worth::Near);
        let worst = bad.iter().max_by_key(|(_, look)| (!look.right, look.seen.took.lo)).copied().or_else(near);
        finding(worst.expect("a bad or near one was counted, so there is one"))
    })
}

fn finding(spec: &Spec, outage: &Outage, worst: &Look, name: &str, fault: FaultKind, bad: usize, of: usize) -> Finding {
    let fast = spec.b.limit().map_or_else(String::new, |limit| format!(" within {}", show_duration(limit)));
    let into = show_duration(worst.seen.at.hi.saturating_sub(outage.from.hi));
    let observed = match worst.right {
        true => format!("{} after {}, {into} into the outage", worst.seen.status.unwrap_or_default(), worst.seen.took),
        false => format!("{}, {into} into the outage", worst.seen.brief()),
    };
    worst
        .seen
        .finding(format!("{}{fast} for the whole outage of `{name}` by {fault}", declared(spec)), observed)
        .detail("outage", format!("`{name}` by {fault}, {} long", outage.lasted))
        .detail("seen", format!("{bad} of {of} on fresh connections"))
        .detail("last", last_three(outage.kept.iter()))
}
