//! The fields in which services tell what is left of a quota, in the forms that are in use.

use super::spec::Family;
use crate::kind::Seen;

/// What an answer tells of the quota.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    /// Calls in a window.
    pub(super) quota: Option<u64>,
    /// Its length, in seconds.
    pub(super) window: Option<u64>,
    /// Calls that are left.
    pub(super) left: Option<u64>,
    /// Seconds until there are more.
    pub(super) reset: Option<u64>,
    /// The first field of those that this form always has that is not there or cannot be read: what it ought to tell, and what is there.
    pub(super) lacks: Option<(&'static str, String)>,
}

/// Above it a reset is no time to wait but a moment, in seconds since 1970, and needs a clock.
const MOMENT: u64 = 1_000_000_000;

/// Most characters of a field that are shown.
const SHOWN: usize = 60;

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
                let texts = X.map(|(name, _)| seen.header(name));
                let (told, left_told, reset_told) = (Limit::of(seen, X[0].0), number(texts[1]), number(texts[2]));
                let is_read = [told.quota.is_some(), left_told.is_some(), texts[2].is_some_and(is_a_time)];
                let lacks = X.iter().zip(texts).zip(is_read).find(|(_, is_read)| !is_read);
                Self {
                    quota: told.quota,
                    window: told.window,
                    left: left_told,
                    reset: reset_told.filter(|reset| *reset < MOMENT),
                    lacks: lacks.map(|(((_, what), text), _)| (*what, instead(&[text]))),
                }
            }
        }
    }

    /// `RateLimit: "name";r=9;t=2` and `RateLimit-Policy: "name";q=10;w=2` (draft 08 and later), `RateLimit: limit=10, remaining=9, reset=2` and
    /// `RateLimit-Policy: 10;w=2` (07), `RateLimit-Limit`, `-Remaining`, `-Reset` (before).
    fn standard(seen: &Seen, quota: u32) -> Self {
        let text = |name: &str| seen.header(name);
        let policies = items(&seen.header_joined("ratelimit-policy").unwrap_or_default());
        let policy = policies.iter().find(|p| p.quota() == Some(u64::from(quota))).or(policies.first());
        let limits = items(&seen.header_joined("ratelimit").unwrap_or_default());
        let named = policy.and_then(|policy| limits.iter().find(|l| l.name == policy.name)).or(limits.first());
        // Draft 07 wrote a dictionary where later ones write a list.
        let member = |name: &str| limits.iter().find(|l| l.name == name).and_then(|l| l.value);
        let first = |all: [Option<u64>; 3]| all.into_iter().flatten().next();
        let list = named.and_then(|l| l.get("r"));
        let limit = Limit::of(seen, "ratelimit-limit");
        let quota = first([policy.and_then(Item::quota), member("limit"), limit.quota]);
        let left = first([list, member("remaining"), number(text("ratelimit-remaining"))]);
        let reset = first([named.and_then(|l| l.get("t")), member("reset"), number(text("ratelimit-reset"))]);
        let lacks = match (left, quota, reset) {
            (None, _, _) => Some(("how many calls are left", instead(&[text("ratelimit"), text("ratelimit-remaining")]))),
            (_, None, _) => Some(("the quota: RateLimit-Policy", instead(&[text("ratelimit-policy"), text("ratelimit-limit")]))),
            // In a list `t` may be left out, and in the older forms the reset may not.
            (_, _, None) if list.is_none() => Some(("when there are more: the reset", instead(&[text("ratelimit-reset")]))),
            _ => None,
        };
        Self { quota, window: policy.and_then(|p| p.get("w")).or(limit.window), left, reset, lacks }
    }
}

/// What a field of the older forms tells of the quota: `10`, or `10, 10;w=2, 1000;w=3600` with the policies behind the quota that counts now
/// (drafts 00 to 06).
#[derive(Default)]
struct Limit {
    quota: Option<u64>,
    window: Option<u64>,
}

impl Limit {
    fn of(seen: &Seen, name: &str) -> Self {
        let all = items(&seen.header_joined(name).unwrap_or_default());
        let Some((first, policies)) = all.split_first() else { return Self::default() };
        let quota = number(Some(&first.name)).filter(|_| first.value.is_none());
        let policy = policies.iter().find(|p| quota.is_some() && p.quota() == quota);
        Self { quota, window: policy.unwrap_or(first).get("w") }
    }
}

/// Whether the text of a reset tells a time at all: seconds, a moment, a date. Which form it has is not judged; a word tells none.
fn is_a_time(text: &str) -> bool {
    text.bytes().any(|b| b.is_ascii_digit())
}

/// What is there in place of a number: the first of these fields, or none of them.
fn instead(texts: &[Option<&str>]) -> String {
    texts.iter().flatten().next().map_or_else(
        || "no such field".to_owned(),
        |text| format!("no number: {}", text.chars().take(SHOWN).collect::<String>().escape_debug()),
    )
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

    /// The quota of a policy: its `q`, or in the older forms the member itself.
    fn quota(&self) -> Option<u64> {
        self.get("q").or_else(|| number(Some(&self.name)))
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
    fn a_limit_tells_its_policies_in_the_older_forms() {
        let whole = [Some(10), Some(2), Some(9), Some(1)];
        for limit in ["10, 10;w=2", "10, 1000;w=86400, 10;w=2;burst=4", "10;w=2"] {
            let rest = |name: &'static str, of: &'static str| [(name, limit), (of, "9")];
            let [standard, left] = rest("ratelimit-limit", "ratelimit-remaining");
            check(&[standard, left, ("ratelimit-reset", "1")], Family::Ratelimit, whole);
            let [x, left] = rest("x-ratelimit-limit", "x-ratelimit-remaining");
            check(&[x, left, ("x-ratelimit-reset", "1")], Family::XRatelimit, whole);
        }
        let other = [("x-ratelimit-limit", "999, 999;w=60"), ("x-ratelimit-remaining", "9"), ("x-ratelimit-reset", "1")];
        check(&other, Family::XRatelimit, [Some(999), Some(60), Some(9), Some(1)]);
    }

    #[test]
    fn a_field_that_tells_no_number_is_as_good_as_none() {
        let lacks = |prefix: &str, family, [limit, left, reset]: [&str; 3]| {
            let headers = [("limit", limit), ("remaining", left), ("reset", reset)];
            let headers = headers.map(|(name, value)| (format!("{prefix}-{name}"), value.to_owned()));
            Told::of(&Seen { headers: headers.to_vec(), ..Seen::default() }, family, 10).lacks.map(|(_, instead)| instead)
        };
        for (prefix, family) in [("x-ratelimit", Family::XRatelimit), ("ratelimit", Family::Ratelimit)] {
            let lacks = |fields| lacks(prefix, family, fields);
            assert_eq!(lacks(["10", "9", "1"]), None);
            assert_eq!(lacks(["banana", "9", "1"]).as_deref(), Some("no number: banana"));
            assert_eq!(lacks(["limit=10", "9", "1"]).as_deref(), Some("no number: limit=10"));
            assert_eq!(lacks(["10", "some", "1"]).as_deref(), Some("no number: some"));
            assert_eq!(lacks(["10", "9", "soon"]).as_deref(), Some("no number: soon"));
        }
        for moment in ["1767225600.5", "2026-01-01T00:00:00Z", "Thu, 01 Jan 2026 00:00:00 GMT", "1m30s"] {
            assert_eq!(lacks("x-ratelimit", Family::XRatelimit, ["10", "9", moment]), None, "{moment}");
        }
    }

    #[test]
    fn a_reset_that_is_a_moment_is_not_taken_for_a_time() {
        let x = |reset| vec![("x-ratelimit-limit", "10"), ("x-ratelimit-remaining", "9"), ("x-ratelimit-reset", reset)];
        check(&x("2"), Family::XRatelimit, [Some(10), None, Some(9), Some(2)]);
        check(&x("1767225600"), Family::XRatelimit, [Some(10), None, Some(9), None]);
    }
}
