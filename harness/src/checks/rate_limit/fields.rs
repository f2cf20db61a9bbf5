//! The fields in which services tell what is left of a quota, in the forms that are in use.

use super::spec::Family;
use crate::kind::Seen;

/// What an answer tells of the quota.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    /// Calls in a window.
    pub(super) quota: Option<u64>,
    /// Its length, in seconds.
    pub(super) window: Option<u64>,
    /// Calls that are left.
    pub(super) left: Option<u64>,
    /// Seconds until there are more.
    pub(super) reset: Option<u64>,
    /// Whether a field that this form always has is not there: the first of them.
    pub(super) lacks: Option<&'static str>,
}

/// Above it a reset is no time to wait but a moment, in seconds since 1970, and needs a clock.
const MOMENT: u64 = 1_000_000_000;

/// The fields of `x-ratelimit`, and what each tells.
const X: [(&str, &str); 3] = [
    ("x-ratelimit-limit", "the quota: X-RateLimit-Limit"),
    ("x-ratelimit-remaining", "how many calls are left: X-RateLimit-Remaining"),
    ("x-ratelimit-reset", "when there are more: X-RateLimit-Reset"),
];

impl Told {
    /// Reads the fields of a family off an answer. Of several policies the one with this quota counts, else the first.
    pub(super) fn of(seen: &Seen, family: Family, quota: u32) -> Self {
        match family {
            Family::Ratelimit => Self::standard(seen, quota),
            Family::XRatelimit => {
                let [quota, left, reset] = X.map(|(name, _)| number(seen.header(name)));
                let lacks = X.into_iter().find(|(name, _)| seen.header(name).is_none()).map(|(_, what)| what);
                Self { quota, left, reset: reset.filter(|reset| *reset < MOMENT), window: None, lacks }
            }
        }
    }

    /// `RateLimit: "name";r=9;t=2` and `RateLimit-Policy: "name";q=10;w=2` (draft 08 and later), `RateLimit: limit=10, remaining=9, reset=2` and
    /// `RateLimit-Policy: 10;w=2` (07), `RateLimit-Limit`, `-Remaining`, `-Reset` (before).
    fn standard(seen: &Seen, quota: u32) -> Self {
        let policies = items(seen.header_joined("ratelimit-policy").as_deref().unwrap_or_default());
        let quota_of = |item: &Item| item.get("q").or(item.name.parse().ok());
        let policy = policies.iter().find(|p| quota_of(p) == Some(u64::from(quota))).or(policies.first());
        let limits = items(seen.header_joined("ratelimit").as_deref().unwrap_or_default());
        let named = policy.and_then(|policy| limits.iter().find(|l| l.name == policy.name)).or(limits.first());
        // Draft 07 wrote a dictionary where later ones write a list.
        let member = |name: &str| limits.iter().find(|l| l.name == name).and_then(|l| l.value);
        let first = |all: [Option<u64>; 3]| all.into_iter().flatten().next();
        let list = named.and_then(|l| l.get("r"));
        let quota = first([policy.and_then(quota_of), member("limit"), number(seen.header("ratelimit-limit"))]);
        let left = first([list, member("remaining"), number(seen.header("ratelimit-remaining"))]);
        let reset = first([named.and_then(|l| l.get("t")), member("reset"), number(seen.header("ratelimit-reset"))]);
        let lacks = match (left, quota, reset) {
            (None, _, _) => Some("how many calls are left"),
            (_, None, _) => Some("the quota: RateLimit-Policy"),
            // In a list `t` may be left out, and in the older forms the reset may not.
            (_, _, None) if list.is_none() => Some("when there are more: the reset"),
            _ => None,
        };
        Self { quota, window: policy.and_then(|p| p.get("w")), left, reset, lacks }
    }
}

/// A member of a list: `"name";q=10;w=2`, or of a dictionary: `limit=10`.
#[derive(Debug, Default)]
struct Item {
    name: String,
    value: Option<u64>,
    parameters: Vec<(String, u64)>,
}

impl Item {
    fn get(&self, name: &str) -> Option<u64> {
        self.parameters.iter().find(|(n, _)| n == name).map(|(_, value)| *value)
    }
}

/// The members of a field (RFC 9651, as far as these fields use it); quotes are honoured, what is no number is left out.
fn items(text: &str) -> Vec<Item> {
    split(text, ',')
        .into_iter()
        .filter(|member| !member.is_empty())
        .map(|member| {
            let mut parts = split(member, ';').into_iter();
            let first = parts.next().unwrap_or_default();
            let pair = |part: &str| part.split_once('=').and_then(|(name, value)| Some((name.trim().to_owned(), number(Some(value))?)));
            let (name, value) = pair(first).map_or_else(|| (first.trim_matches('"').to_owned(), None), |(name, value)| (name, Some(value)));
            Item { name, value, parameters: parts.filter_map(pair).collect() }
        })
        .collect()
}

/// The parts between separators that stand in no quotes, trimmed.
fn split(text: &str, separator: char) -> Vec<&str> {
    let (mut parts, mut from, mut quoted) = (Vec::new(), 0, false);
    for (at, c) in text.char_indices() {
        quoted ^= c == '"';
        if c == separator && !quoted {
            parts.push(text[from..at].trim());
            from = at + c.len_utf8();
        }
    }
    parts.push(text[from..].trim());
    parts
}

fn number(text: Option<&str>) -> Option<u64> {
    text.map(str::trim).filter(|t| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit())).and_then(|t| t.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(headers: &[(&str, &str)], family: Family, expected: [Option<u64>; 4]) {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let told = Told::of(&Seen { headers, ..Seen::default() }, family, 10);
        assert_eq!([told.quota, told.window, told.left, told.reset], expected);
    }

    #[test]
    fn the_standard_fields_are_read_in_all_their_forms() {
        let whole = [Some(10), Some(2), Some(9), Some(1)];
        check(&[("ratelimit-policy", "\"default\";q=10;w=2"), ("ratelimit", "\"default\";r=9;t=1")], Family::Ratelimit, whole);
        check(
            &[
                ("ratelimit-policy", "\"day, or so\";q=1000;w=86400, \"burst\";q=10;w=2"),
                ("ratelimit", "\"day, or so\";r=990;t=80000,\"burst\";r=9;t=1"),
            ],
            Family::Ratelimit,
            whole,
        );
        check(&[("ratelimit-policy", "10;w=2"), ("ratelimit", "limit=10, remaining=9, reset=1")], Family::Ratelimit, whole);
        check(
            &[("ratelimit-limit", "10"), ("ratelimit-remaining", "9"), ("ratelimit-reset", "1")],
            Family::Ratelimit,
            [Some(10), None, Some(9), Some(1)],
        );
        check(&[("ratelimit", "\"default\";r=many")], Family::Ratelimit, [None; 4]);
        check(&[], Family::Ratelimit, [None; 4]);
    }

    #[test]
    fn a_reset_that_is_a_moment_is_not_taken_for_a_time() {
        let x = |reset| vec![("x-ratelimit-limit", "10"), ("x-ratelimit-remaining", "9"), ("x-ratelimit-reset", reset)];
        check(&x("2"), Family::XRatelimit, [Some(10), None, Some(9), Some(2)]);
        check(&x("1767225600"), Family::XRatelimit, [Some(10), None, Some(9), None]);
    }
}
