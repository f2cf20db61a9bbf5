//! The one key of a check that says its kind: exactly one, known, and of this version.

use super::keys::{EARLY, LATE};
use super::later;
use crate::checks;
use crate::kind::{CheckKind, VisitType};
use crate::model::{At, Origin, Source};
use crate::reader::{Node, Note, Problem, nearest, visible};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, OnceLock},
};

/// The kind of a check as it was written.
#[derive(Clone, Debug)]
pub(crate) struct KindKey {
    pub(crate) name: &'static str,
    pub(crate) key: Node,
    pub(crate) value: Node,
}

/// The kind among the keys that are no check keys; tells every other key. `name`: where the check's name stands.
pub(crate) fn only_one(source: &Arc<Source>, name: At, entries: Vec<(Node, Node)>, problems: &mut Vec<Problem>) -> Option<KindKey> {
    let origin = |at| Origin { source: Arc::clone(source), at };
    let mut found: Option<KindKey> = None;
    let mut is_told = false;
    let present = entries.iter().find_map(|(key, _)| checks::NAMES.iter().find(|n| key.text() == Some(n)).copied());
    for (key, value) in entries {
        let word = key.text().unwrap_or_default();
        let problem = match (checks::NAMES.iter().find(|n| **n == word), &found) {
            (Some(kind), None) => {
                found = Some(KindKey { name: kind, key, value });
                continue;
            }
            (Some(kind), Some(first)) => {
                let problem = Problem::new(origin(key.at), format!("two kinds on one check: `{}` and `{kind}`", first.name));
                Problem {
                    also: vec![Note::at(origin(first.key.at), "the first kind")],
                    ..problem.with_help("make it two checks, each with its own name")
                }
            }
            (None, _) if later::KINDS.contains(&word) => {
                is_told = true;
                Problem::new(origin(key.at), format!("kind `{word}` is not in this version"))
                    .with_help(format!("this version has {}", listed(checks::NAMES)))
            }
            (None, _) => {
                let (help, is_kind) = unknown(word, value.text(), present);
                is_told |= is_kind;
                Problem::new(origin(key.at), format!("unknown key `{}`", visible(word))).with_help(help)
            }
        };
        problems.push(problem);
    }
    if found.is_none() && !is_told {
        let help = format!("add one of {}", listed(checks::NAMES));
        problems.push(Problem::new(origin(name), "this check has no kind, so nothing would be probed").with_help(help));
    }
    found
}

/// The way out for an unknown key, and whether it stands for the missing kind.
fn unknown(word: &str, value: Option<&str>, kind: Option<&'static str>) -> (String, bool) {
    const METHODS: &[&str] = &["get", "head", "options", "post", "put", "patch", "delete"];
    let keys = EARLY.iter().chain(LATE).chain(checks::NAMES).copied();
    if let Some(kind) = kind.filter(|kind| keys_of(kind).contains(word)) {
        return (format!("`{word}` belongs to the kind: indent it below `{kind}:`"), false);
    }
    if METHODS.contains(&word) && kind.is_none() {
        return (format!("a request stands inside a kind: `http: {{ {word}: {} }}`", value.unwrap_or("/")), true);
    }
    match nearest(word, keys.clone()) {
        Some(near) => (format!("did you mean `{near}`?"), checks::NAMES.contains(&near)),
        None => {
            let kinds = listed(checks::NAMES);
            let keys = keys.filter(|k| !checks::NAMES.contains(k)).collect::<Vec<_>>();
            (format!("a check has one kind ({kinds}) and the keys {}", listed(&keys)), false)
        }
    }
}

fn listed(words: &[&str]) -> String {
    words.iter().map(|w| format!("`{w}`")).collect::<Vec<_>>().join(", ")
}

/// The keys that a kind's spec takes, from its schema.
pub(crate) fn keys_of(kind: &str) -> &'static BTreeSet<String> {
    struct Keys;
    impl VisitType for Keys {
        type Out = (&'static str, BTreeSet<String>);
        fn visit<K: CheckKind>(&mut self) -> Self::Out {
            let schema = schemars::SchemaGenerator::default().into_root_schema_for::<K>();
            let properties = schema.get("properties").and_then(serde_json::Value::as_object);
            (K::NAME, properties.map(|p| p.keys().cloned().collect()).unwrap_or_default())
        }
    }
    static KEYS: OnceLock<BTreeMap<&'static str, BTreeSet<String>>> = OnceLock::new();
    static NONE: BTreeSet<String> = BTreeSet::new();
    KEYS.get_or_init(|| checks::each(&mut Keys).into_iter().collect()).get(kind).unwrap_or(&NONE)
}

/// The names that the spec captures: the keys of its `capture`.
pub(crate) fn captures(spec: &Node) -> Vec<(String, At)> {
    let entries = spec.get("capture").and_then(Node::entries).unwrap_or_default();
    entries.iter().filter_map(|(key, _)| Some((key.text()?.to_owned(), key.at))).collect()
}

/// The names to which a kind itself gives a value while it runs.
pub(crate) fn locals(kind: &str) -> &'static [&'static str] {
    struct Locals;
    impl VisitType for Locals {
        type Out = &'static [&'static str];
        fn visit<K: CheckKind>(&mut self) -> Self::Out {
            K::LOCALS
        }
    }
    checks::named(kind, &mut Locals).unwrap_or_default()
}
