//! Holds nodes against a matcher. Pure; a pass always means that something was compared.

use super::{Bound, Matcher, describe::BRIEF};
use crate::words::{
    json::{Json, Step},
    number::Number,
    path::{Located, show},
    template::Template,
    text::Encode,
    values::{UnknownCapture, Values},
};
use std::borrow::Cow;

/// What a matcher is held against.
#[derive(Clone, Copy, Debug)]
pub(in crate::words) struct Nodes<'a> {
    /// The nodes that were selected.
    pub(in crate::words) nodes: &'a [Located<'a>],
    /// What was selected from, for messages: `$.items[*]`, `content-type`, `body`.
    pub(in crate::words) name: &'a str,
    /// The path selects at most one node: `all`, `any` then mean the items of that one.
    pub(in crate::words) is_one: bool,
    /// The nodes are texts of headers or a body: `5` there equals the number 5.
    pub(in crate::words) is_text: bool,
    /// Captured values.
    pub(in crate::words) values: &'a Values,
}

/// Why a matcher does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::words) enum Not {
    /// Compared, and found to differ.
    Miss(Seen),
    /// Of a type that cannot be compared so: stays a miss under `not`.
    Unfit(Seen),
    /// A capture has no value: nothing was compared.
    Unknown(UnknownCapture),
}

/// What was there instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::words) struct Seen {
    /// Where.
    pub(in crate::words) path: String,
    /// What, in words.
    pub(in crate::words) observed: String,
}

type Held = Result<(), Not>;

/// One value, and where it stands, spelt out only when it is needed.
#[derive(Clone, Copy)]
struct Here<'a> {
    node: &'a Json,
    at: &'a dyn Fn() -> String,
}

impl From<UnknownCapture> for Not {
    fn from(unknown: UnknownCapture) -> Self {
        Self::Unknown(unknown)
    }
}

impl Nodes<'_> {
    /// Whether the matcher holds.
    pub(in crate::words) fn hold(&self, matcher: &Matcher) -> Held {
        match matcher {
            Matcher::Absent if self.nodes.is_empty() => Ok(()),
            Matcher::Absent => self.each(&|here| Err(here.miss())),
            Matcher::Present => self.each(&|_| Ok(())),
            Matcher::Every(list) => list.iter().try_for_each(|m| self.hold(m)),
            Matcher::Count(inner) => {
                let count = Json::Number(Number::from(self.nodes.len() as u64));
                self.node(inner, Here { node: &count, at: &|| self.name.to_owned() })
                    .map_err(|not| not.told(|_| format!("{} of them", self.nodes.len())))
            }
            Matcher::All(inner) if !self.is_one => self.each(&|here| self.node(inner, here)),
            Matcher::Any(inner) if !self.is_one => {
                let mut missed = Missed::default();
                for located in self.nodes {
                    match self.node(inner, Here { node: located.node, at: &|| self.place(located) }) {
                        Err(Not::Unknown(unknown)) => return Err(unknown.into()),
                        Err(not) => missed.add(not),
                        Ok(()) => return Ok(()),
                    }
                }
                Err(missed.none_of(self.name).unwrap_or_else(|| self.nothing()))
            }
            Matcher::Not(inner) if is_about_the_set(inner) => match self.hold(inner) {
                Err(Not::Miss(_)) if self.nodes.is_empty() && !matches!(**inner, Matcher::Present | Matcher::Count(_)) => {
                    Err(self.nothing())
                }
                Err(Not::Miss(_)) => Ok(()),
                Err(other) => Err(other),
                Ok(()) if self.nodes.is_empty() => Err(self.nothing()),
                Ok(()) => self.each(&|here| Err(here.miss())),
            },
            other => self.each(&|here| self.node(other, here)),
        }
    }

    /// Every node must hold; none is a miss.
    fn each(&self, hold: &dyn Fn(Here<'_>) -> Held) -> Held {
        if self.nodes.is_empty() {
            return Err(self.nothing());
        }
        let mut first = None;
        let mut missed = 0usize;
        for located in self.nodes {
            match hold(Here { node: located.node, at: &|| self.place(located) }) {
                Ok(()) => {}
                Err(Not::Unknown(unknown)) => return Err(unknown.into()),
                Err(not) => {
                    missed += 1;
                    first.get_or_insert(not);
                }
            }
        }
        match first {
            None => Ok(()),
            Some(not) if missed == 1 => Err(not),
            Some(not) => Err(not.told(|seen| format!("{seen}, and {} more of {} do not hold", missed - 1, self.nodes.len()))),
        }
    }

    fn nothing(&self) -> Not {
        Not::Miss(Seen { path: self.name.to_owned(), observed: "nothing there".to_owned() })
    }

    fn place(&self, located: &Located<'_>) -> String {
        if self.is_text { self.name.to_owned() } else { located.path() }
    }

    /// Holds one value against a matcher.
    fn node(&self, matcher: &Matcher, here: Here<'_>) -> Held {
        let is = |holds: bool| if holds { Ok(()) } else { Err(here.miss()) };
        match matcher {
            Matcher::Present => Ok(()),
            Matcher::Absent => Err(here.miss()),
            Matcher::Every(list) => list.iter().try_for_each(|m| self.node(m, here)),
            Matcher::Not(inner) => match self.node(inner, here) {
                Ok(()) => Err(here.miss()),
                Err(Not::Miss(_)) => Ok(()),
                Err(other) => Err(other),
            },
            Matcher::Equals(template) => is(self.equal(template, here.node)?),
            Matcher::OneOf(templates) => {
                for template in templates {
                    if self.equal(template, here.node)? {
                        return Ok(());
                    }
                }
                Err(here.miss())
            }
            Matcher::Compare(bound, template) => {
                let limit = template.fill(self.values)?;
                let (Some(value), Some(limit)) = (self.number(here.node), self.number(&limit)) else { return Err(here.unfit()) };
                is(match bound {
                    Bound::AtLeast => *value >= *limit,
                    Bound::AtMost => *value <= *limit,
                    Bound::Above => *value > *limit,
                    Bound::Below => *value < *limit,
                })
            }
            Matcher::Length(inner) => {
                let (count, unit) = match here.node {
                    Json::String(text) => (text.chars().count(), "characters"),
                    Json::Array(items) => (items.len(), "items"),
                    Json::Object(members) => (members.len(), "members"),
                    _ => return Err(here.unfit()),
                };
                let length = Json::Number(Number::from(count as u64));
                self.node(inner, Here { node: &length, at: here.at }).map_err(|not| not.told(|_| format!("{count} {unit}")))
            }
            Matcher::Matches(expression) => match expression.0.finds(here.text()?, self.values)? {
                Some(found) => is(found),
                None => Err(here.unfit()),
            },
            Matcher::StartsWith(text) => is(here.text()?.starts_with(&text.render(self.values, Encode::Raw)?.wire)),
            Matcher::EndsWith(text) => is(here.text()?.ends_with(&text.render(self.values, Encode::Raw)?.wire)),
            Matcher::Contains(template) => self.contains(template, here),
            Matcher::All(inner) => here.items(|items| items.hold_each(self, inner)),
            Matcher::Any(inner) => here.items(|items| items.hold_any(self, inner)),
            Matcher::Count(inner) => here.items(|items| {
                let count = Json::Number(Number::from(items.nodes.len() as u64));
                self.node(inner, Here { node: &count, at: here.at }).map_err(|not| not.told(|_| format!("{} items", items.nodes.len())))
            }),
        }
    }

    fn equal(&self, template: &Template, node: &Json) -> Result<bool, UnknownCapture> {
        let expected = template.fill(self.values)?;
        if !self.is_text {
            return Ok(*expected == *node);
        }
        Ok(match (&*expected, node) {
            (Json::String(a), Json::String(b)) => a == b,
            (Json::Number(n), Json::String(text)) => Number::parse(text).is_some_and(|seen| seen == *n),
            (Json::Bool(b), Json::String(text)) => *text == b.to_string(),
            (a, b) => a == b,
        })
    }

    fn number<'n>(&self, node: &'n Json) -> Option<Cow<'n, Number>> {
        match node {
            Json::Number(n) => Some(Cow::Borrowed(n)),
            Json::String(text) if self.is_text => Number::parse(text).map(Cow::Owned),
            _ => None,
        }
    }

    fn contains(&self, template: &Template, here: Here<'_>) -> Held {
        let part = template.fill(self.values)?;
        let holds = match (here.node, &*part) {
            (Json::String(whole), Json::String(part)) => whole.contains(part.as_str()),
            (Json::String(whole), Json::Number(_) | Json::Bool(_)) if self.is_text => whole.contains(&part.to_string()),
            (Json::Array(items), part) => items.contains(part),
            (Json::Object(_), Json::Object(members)) => members.iter().all(|(k, v)| here.node.member(k) == Some(v)),
            _ => return Err(here.unfit()),
        };
        if holds { Ok(()) } else { Err(here.miss()) }
    }
}

/// Whether a matcher speaks of how many nodes there are, and not of each.
fn is_about_the_set(matcher: &Matcher) -> bool {
    match matcher {
        Matcher::Absent | Matcher::Present | Matcher::Count(_) | Matcher::All(_) | Matcher::Any(_) => true,
        Matcher::Not(inner) => is_about_the_set(inner),
        Matcher::Every(list) => list.iter().any(is_about_the_set),
        _ => false,
    }
}

impl<'a> Here<'a> {
    fn seen(&self) -> Seen {
        Seen { path: (self.at)(), observed: self.node.brief(BRIEF) }
    }

    fn miss(&self) -> Not {
        Not::Miss(self.seen())
    }

    fn unfit(&self) -> Not {
        let seen = self.seen();
        let type_name = self.node.type_name();
        let observed = if matches!(self.node, Json::Null) { seen.observed } else { format!("{}, {type_name}", seen.observed) };
        Not::Unfit(Seen { observed, ..seen })
    }

    fn text(&self) -> Result<&'a str, Not> {
        match self.node {
            Json::String(text) => Ok(text),
            _ => Err(self.unfit()),
        }
    }

    /// The items of an array as nodes. An empty one proves nothing under `all` and `any`.
    fn items(&self, hold: impl FnOnce(Items<'a, '_>) -> Held) -> Held {
        let Json::Array(items) = self.node else { return Err(self.unfit()) };
        hold(Items { nodes: items, at: self.at })
    }
}

/// The items of one array.
struct Items<'a, 'b> {
    nodes: &'a [Json],
    at: &'b dyn Fn() -> String,
}

impl Items<'_, '_> {
    fn hold_each(&self, outer: &Nodes<'_>, inner: &Matcher) -> Held {
        if self.nodes.is_empty() {
            return Err(self.empty());
        }
        self.nodes.iter().enumerate().try_for_each(|(i, node)| outer.node(inner, Here { node, at: &|| self.place(i) }))
    }

    fn hold_any(&self, outer: &Nodes<'_>, inner: &Matcher) -> Held {
        let mut missed = Missed::default();
        for (i, node) in self.nodes.iter().enumerate() {
            match outer.node(inner, Here { node, at: &|| self.place(i) }) {
                Err(Not::Unknown(unknown)) => return Err(unknown.into()),
                Err(not) => missed.add(not),
                Ok(()) => return Ok(()),
            }
        }
        Err(missed.none_of(&(self.at)()).unwrap_or_else(|| self.empty()))
    }

    fn place(&self, index: usize) -> String {
        let steps = show(&[Step::Index(index)]);
        format!("{}{}", (self.at)(), &steps[1..])
    }

    fn empty(&self) -> Not {
        Not::Unfit(Seen { path: (self.at)(), observed: "an empty array".to_owned() })
    }
}

/// How many did not hold, and the first of them.
#[derive(Default)]
struct Missed {
    first: Option<Not>,
    of: usize,
    unfit: usize,
}

impl Missed {
    fn add(&mut self, not: Not) {
        self.of += 1;
        self.unfit += usize::from(matches!(not, Not::Unfit(_)));
        self.first.get_or_insert(not);
    }

    /// That none of them held. Unfit if none could be compared: then it must not hold under `not` either.
    fn none_of(self, name: &str) -> Option<Not> {
        let seen = match self.first? {
            Not::Miss(seen) | Not::Unfit(seen) => seen,
            unknown @ Not::Unknown(_) => return Some(unknown),
        };
        let observed = if self.of > 1 { format!("none of {}; the first is {}", self.of, seen.observed) } else { seen.observed };
        let seen = Seen { path: name.to_owned(), observed };
        Some(if self.unfit == self.of { Not::Unfit(seen) } else { Not::Miss(seen) })
    }
}

impl Not {
    /// The same with what was observed told otherwise.
    fn told(self, tell: impl FnOnce(&str) -> String) -> Self {
        let retell = |mut seen: Seen| {
            seen.observed = tell(&seen.observed);
            seen
        };
        match self {
            Self::Miss(seen) => Self::Miss(retell(seen)),
            Self::Unfit(seen) => Self::Unfit(retell(seen)),
            unknown @ Self::Unknown(_) => unknown,
        }
    }
}
