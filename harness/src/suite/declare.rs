//! Which clauses a check asks for: always, by a key that stands there, or by promise; each with the place that asked.

use super::check::Always;
use super::kind_key::KindKey;
use crate::checks::{self, Kind};
use crate::kind::{CheckKind, VisitType};
use crate::model::{At, Clause, ClauseId, Declared, Origin, Source};
use crate::reader::{Kind as NodeKind, Node, Problem, Sp, nearest};
use std::sync::Arc;

/// The clauses, in the order of the kind's table; every promise that cannot be one is told.
pub(crate) fn declared(
    source: &Arc<Source>,
    kind: &Kind,
    written: &KindKey,
    promises: &[Sp<String>],
    problems: &mut Vec<Problem>,
) -> Vec<(ClauseId, Origin, Always)> {
    let origin = |at: At| Origin { source: Arc::clone(source), at };
    for promise in promises {
        if let Some((what, help)) = wrong(kind, promise, &written.value) {
            problems.push(Problem::new(origin(promise.at), what).with_path("promises").with_help(help));
        }
    }
    let promised = |clause: &Clause| promises.iter().find(|p| p.value == clause.id.0).map(|p| p.at);
    let asked = |clause: &Clause| match clause.declared {
        Declared::Always => Some((written.key.at, true)),
        Declared::Key(path) => place(&written.value, path).map(|at| (at, false)),
        Declared::Promise => promised(clause).map(|at| (at, false)),
    };
    kind.clauses().iter().filter_map(|clause| asked(clause).map(|(at, always)| (clause.id, origin(at), always))).collect()
}

/// Where a dotted key stands: its value, or the key itself where the value is a map or list.
fn place(spec: &Node, path: &str) -> Option<At> {
    let (first, rest) = path.split_once('.').map_or((path, None), |(first, rest)| (first, Some(rest)));
    let (key, value) = spec.entry(first)?;
    match (rest, &value.kind) {
        (Some(rest), _) => place(value, rest),
        (None, _) if value.is_null() => None,
        (None, NodeKind::Scalar { .. }) => Some(value.at),
        (None, NodeKind::Map(_) | NodeKind::Seq(_)) => Some(key.at),
    }
}

/// A dotted key as it is written: `expect: { json: … }`.
fn nested(path: &str) -> String {
    path.split_once('.').map_or_else(|| format!("{path}: …"), |(first, rest)| format!("{first}: {{ {} }}", nested(rest)))
}

/// Why a promise cannot be one, and the way out.
fn wrong(kind: &Kind, promise: &str, spec: &Node) -> Option<(String, String)> {
    if let Some(clause) = kind.clauses().iter().find(|c| c.id.0 == promise) {
        return match clause.declared {
            Declared::Key(path) if place(spec, path).is_none() => Some((
                format!("`{promise}` needs a parameter, so it is promised by the key `{path}`"),
                format!("write `{}` below `{}`", nested(path), kind.name()),
            )),
            _ => None,
        };
    }
    struct All;
    impl VisitType for All {
        type Out = (&'static str, &'static [Clause]);
        fn visit<K: CheckKind>(&mut self) -> Self::Out {
            (K::NAME, K::CLAUSES)
        }
    }
    let others = checks::each(&mut All);
    if let Some((other, _)) = others.iter().find(|(_, clauses)| clauses.iter().any(|c| c.id.0 == promise)) {
        let what = format!("`{promise}` is a clause of kind `{other}`, and this check is of kind `{}`", kind.name());
        return Some((what, format!("promise it in a check with `{other}:`")));
    }
    let known: Vec<&str> = kind.clauses().iter().filter(|c| c.declared == Declared::Promise).map(|c| c.id.0).collect();
    let near = nearest(promise, kind.clauses().iter().map(|c| c.id.0));
    let help = match near.and_then(|near| kind.clauses().iter().find(|c| c.id.0 == near)) {
        // A name that is right and lacks its key would only be refused once more.
        Some(Clause { id, declared: Declared::Key(path), .. }) if place(spec, path).is_none() => {
            format!("did you mean `{}`? It is promised by its key: write `{}` below `{}`", id.0, nested(path), kind.name())
        }
        Some(clause) => format!("did you mean `{}`?", clause.id.0),
        None if known.is_empty() => format!("kind `{}` has no clause that is promised by name", kind.name()),
        None => format!("kind `{}` can promise {}", kind.name(), known.iter().map(|k| format!("`{k}`")).collect::<Vec<_>>().join(", ")),
    };
    Some((format!("there is no clause `{promise}`"), help))
}
