//! Holds each move from one state to the next against the path.

use super::{nothing, since};
use crate::checks::transition::look::{Observation, Stay};
use crate::checks::transition::spec::Spec;
use crate::model::quantity::show_duration;
use crate::model::{Found, Unseen};

/// What one move was.
enum Move {
    /// Forward, over nothing but what may be skipped.
    Fine,
    /// Forward, over these places that should have been seen.
    Over(Vec<usize>),
    /// Back, or to a state that the path does not know.
    Off,
}

pub(super) fn path(spec: &Spec, seen: &Observation) -> Found {
    let Some(first) = seen.stays.first() else { return nothing("no answer told a state") };
    let expected = spec.shown_path();
    if first.place.is_none() && !first.forbidden {
        let observed = format!("`{}`, which the path does not know{}", first.state, hint(spec, &first.state));
        return Found::Proof(first.example.finding(expected, observed).at(spec.path[0].at));
    }
    let (mut fine, mut doubt) = (0, None);
    for (from, to) in seen.stays.iter().zip(seen.stays.iter().skip(1)) {
        // A forbidden state is told by its own clause.
        if to.forbidden || from.forbidden {
            break;
        }
        let when = show_duration(since(seen, to.from).hi);
        let finding = |observed: String| {
            to.example.finding(expected.clone(), observed).detail("states", chain(seen)).detail("last", seen.last_lines())
        };
        match step(spec, from, to) {
            Move::Fine => fine += 1,
            Move::Off => {
                let observed = match to.place {
                    Some(_) => format!("`{}` -> `{}` at +{when}, against the path", from.state, to.state),
                    None => format!("`{}` -> `{}` at +{when}, which the path does not know{}", from.state, to.state, hint(spec, &to.state)),
                };
                let at = from.place.map(|p| spec.path[p].at).unwrap_or_default();
                return Found::Proof(finding(observed).at(at));
            }
            Move::Over(missing) => {
                let names = missing.iter().map(|p| format!("`{}`", spec.path[*p].show())).collect::<Vec<_>>().join(", ");
                let gap = from.gap_to(to);
                // However the states share the gap, one of them lasted less than each of them does.
                let proven = spec.lasts().is_some_and(|lasts| gap < lasts * u32::try_from(missing.len()).unwrap_or(u32::MAX));
                if proven {
                    let observed = format!("`{}` -> `{}` within {}, without {names}", from.state, to.state, show_duration(gap));
                    return Found::Proof(finding(observed).at(spec.path[missing[0]].at));
                }
                doubt.get_or_insert_with(|| {
                    format!(
                        "{names} was not seen between `{}` and `{}`, and may have passed in the {} between two polls; `lasts-at-least` would tell",
                        from.state,
                        to.state,
                        show_duration(gap)
                    )
                });
            }
        }
    }
    if let Some(why) = doubt {
        return Found::Unsure { why, wants: None };
    }
    let begins_late = first.place.is_some_and(|place| place > 0);
    if spec.is_fresh() && begins_late {
        return nothing(format!("it was to be fresh, and was at `{}` when first seen", first.state));
    }
    if first.place == Some(spec.last()) {
        let why = format!("it was at `{}` already when first seen, so there was no way to look at", first.state);
        return Found::Unseen { why: Unseen::NotPermitted(why) };
    }
    if fine == 0 && seen.late == 0 && !first.forbidden && seen.stays.len() == 1 {
        return Found::Unseen { why: Unseen::Deadline };
    }
    Found::held(fine, &format!("it never moved on from `{}`", first.state))
}

fn step(spec: &Spec, from: &Stay, to: &Stay) -> Move {
    let (Some(from), Some(to)) = (from.place, to.place) else { return Move::Off };
    if to <= from {
        return Move::Off;
    }
    let missing: Vec<usize> = (from + 1..to).filter(|place| !spec.may_skip(*place)).collect();
    if missing.is_empty() { Move::Fine } else { Move::Over(missing) }
}

/// The path was left for good: nothing after it can mend that.
pub(in crate::checks::transition) fn is_off(spec: &Spec, seen: &Observation) -> bool {
    let unknown = seen.stays.iter().any(|s| s.place.is_none() && !s.forbidden);
    unknown || seen.stays.windows(2).any(|two| !two[1].forbidden && matches!(step(spec, &two[0], &two[1]), Move::Off))
}

/// The states that were seen, in their order.
pub(super) fn chain(seen: &Observation) -> String {
    seen.stays.iter().map(|s| s.state.as_str()).collect::<Vec<_>>().join(" -> ")
}

/// What is easily mixed up: the word `None` and null, a number and its text, upper and lower case.
fn hint(spec: &Spec, state: &str) -> String {
    let near = |word: &str| match (word, state) {
        ("None", "null") => Some("; null is not the word `None`".to_owned()),
        ("null", "None") => Some("; the word `None` is not null: quote what is a word".to_owned()),
        (word, state) if word.eq_ignore_ascii_case(state) => Some(format!("; the path says `{word}`")),
        _ => None,
    };
    spec.path.iter().find_map(|s| near(&s.show())).unwrap_or_default()
}
