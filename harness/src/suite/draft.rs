//! One check before selection: which check it is, which kind it has, what it needs. Nothing is typed and no value is put in.

use super::each::{OnlyEach, Set, sets};
use super::keys::{DEFAULTS, EARLY, Early, LATE, REQUEST_DEFAULTS};
use super::kind_key::{self, KindKey};
use crate::checks;
use crate::model::{At, CheckId, Origin, Source};
use crate::reader::{Kind as NodeKind, Node, Problem, Sp, comment_cut, expand, nearest, read, visible};
use std::sync::Arc;

/// One check of a file, once for each set of its `for-each`.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) id: CheckId,
    /// Where its name stands.
    pub(crate) at: At,
    /// The `for-each` variables of this one.
    pub(crate) set: Option<Set>,
    /// Names of checks that must pass first, as they were written.
    pub(crate) needs: Vec<(Arc<str>, At)>,
    /// The same as indices into the file's drafts, once all are known.
    pub(crate) needed: Vec<usize>,
    pub(crate) tags: Vec<Arc<str>>,
    /// The kind and the node of its spec, with defaults.
    pub(crate) kind: KindKey,
    /// The other keys, with defaults.
    pub(crate) late: Node,
    /// Captures that it gives.
    pub(crate) gives: Vec<(String, At)>,
}

impl Draft {
    /// The draft with its nodes, which are typed once; what others ask of it stays behind.
    pub(crate) fn for_typing(&mut self) -> Self {
        let empty = || Node { id: 0, at: At::default(), via: None, kind: NodeKind::Seq(Vec::new()), is_unset: false };
        let kind = KindKey { name: self.kind.name, key: empty(), value: empty() };
        Self {
            id: self.id.clone(),
            at: self.at,
            set: self.set.clone(),
            needs: self.needs.clone(),
            needed: self.needed.clone(),
            tags: self.tags.clone(),
            kind: std::mem::replace(&mut self.kind, kind),
            late: std::mem::replace(&mut self.late, empty()),
            gives: self.gives.clone(),
        }
    }
}

/// `defaults`, taken apart.
#[derive(Debug, Default)]
pub(crate) struct Defaults {
    check: Vec<(Node, Node)>,
    request: Vec<(Node, Node)>,
}

impl Defaults {
    pub(crate) fn read(source: &Arc<Source>, node: Node, problems: &mut Vec<Problem>) -> Self {
        let mut defaults = Self::default();
        let told = |at: At, what: String, help: String| {
            Problem::new(Origin { source: Arc::clone(source), at }, what).with_path("defaults").with_help(help)
        };
        let at = node.at;
        let NodeKind::Map(entries) = node.kind else {
            problems.push(told(at, "expected a map of keys".to_owned(), "write `defaults: { timeout: 10s }`".to_owned()));
            return defaults;
        };
        for (key, value) in entries {
            match key.text().unwrap_or_default() {
                "http" if value.text().is_none() => {
                    let what = "`http` is the version of the protocol here, and a kind has no defaults".to_owned();
                    problems.push(told(
                        key.at,
                        what,
                        "write the request's own keys: `defaults: { headers: { accept: \"*/*\" } }`".to_owned(),
                    ));
                }
                name if DEFAULTS.contains(&name) => defaults.check.push((key, value)),
                name if REQUEST_DEFAULTS.contains(&name) => defaults.request.push((key, value)),
                name => {
                    let all = || DEFAULTS.iter().chain(REQUEST_DEFAULTS).copied();
                    let known = all().map(|k| format!("`{k}`")).collect::<Vec<_>>().join(", ");
                    let help = match nearest(name, all()).filter(|_| !checks::NAMES.contains(&name)) {
                        Some(near) => format!("did you mean `{near}`? Defaults can be {known}"),
                        None => format!("defaults can be {known}"),
                    };
                    let why = if checks::NAMES.contains(&name) { ": it is a kind" } else { "" };
                    problems.push(told(key.at, format!("`{}` cannot be a default{why}", visible(name)), help));
                }
            }
        }
        defaults
    }

    /// Takes out of a check's keys the defaults that these problems are about, so that the rest can be read; the problems then
    /// say whose they are. Answers whether there were any.
    pub(crate) fn take_out(&self, keys: &mut Node, problems: &mut [Problem]) -> bool {
        let NodeKind::Map(entries) = &mut keys.kind else { return false };
        let before = entries.len();
        entries.retain(|(key, value)| {
            let Some((own, _)) = self.check.iter().chain(&self.request).find(|(own, _)| own.id == key.id) else { return true };
            let mut is_right = true;
            for problem in problems.iter_mut().filter(|p| key.at == p.origin.at || value.stands_at(p.origin.at)) {
                is_right = false;
                problem.path = format!("defaults.{}", own.text().unwrap_or_default());
            }
            is_right
        });
        entries.len() < before
    }

    /// Puts the defaults in where the check says nothing; headers and tags are joined.
    fn put_into(&self, late: &mut Vec<(Node, Node)>, early: &mut Vec<(Node, Node)>, kind: &mut KindKey) {
        for (key, value) in &self.check {
            let name = key.text().unwrap_or_default();
            if name == "tags" {
                match early.iter_mut().find(|(k, _)| k.text() == Some("tags")) {
                    Some((_, own)) => join_lists(own, value),
                    None => early.push((key.clone(), value.clone())),
                }
            } else if !late.iter().any(|(k, _)| k.text() == Some(name)) {
                late.push((key.clone(), value.clone()));
            }
        }
        if self.request.is_empty() {
            return;
        }
        let takes = kind_key::keys_of(kind.name);
        let NodeKind::Map(spec) = &mut kind.value.kind else { return };
        for (key, value) in self.request.iter().filter(|(key, _)| key.text().is_some_and(|k| takes.contains(k))) {
            let name = key.text().unwrap_or_default();
            match spec.iter_mut().find(|(k, _)| k.text() == Some(name)) {
                None => spec.push((key.clone(), value.clone())),
                Some((_, own)) if name == "headers" || name == "query" => join_maps(own, value),
                Some(_) => {}
            }
        }
    }
}

fn join_lists(own: &mut Node, more: &Node) {
    if let NodeKind::Scalar { .. } = own.kind {
        own.kind = NodeKind::Seq(vec![own.clone()]);
    }
    if let NodeKind::Seq(items) = &mut own.kind {
        match &more.kind {
            NodeKind::Seq(others) => items.extend(others.iter().cloned()),
            _ => items.push(more.clone()),
        }
    }
}

fn join_maps(own: &mut Node, more: &Node) {
    if let (NodeKind::Map(own), Some(others)) = (&mut own.kind, more.entries()) {
        for (key, value) in others {
            let same = |k: &Node| k.text().zip(key.text()).is_some_and(|(a, b)| a.eq_ignore_ascii_case(b));
            if !own.iter().any(|(k, _)| same(k)) {
                own.push((key.clone(), value.clone()));
            }
        }
    }
}

/// The checks that one item of `checks` stands for: one, or one for each set of its `for-each`.
pub(crate) fn drafts(
    suite: &Arc<str>,
    source: &Arc<Source>,
    item: Node,
    defaults: &Defaults,
    out: &mut Vec<Draft>,
    problems: &mut Vec<Problem>,
) {
    let at = item.at;
    let problem = |at: At, what: String| Problem::new(Origin { source: Arc::clone(source), at }, what);
    let Node { id, via, kind: NodeKind::Map(entries), .. } = item else {
        problems.push(
            problem(at, "a check is a map with a `name` and one kind".to_owned())
                .with_help("write `- name: it answers` and below it `http: { get: / }`"),
        );
        return;
    };
    let shown = entries.iter().find(|(k, _)| k.text() == Some("name")).map_or(at, |(_, v)| v.at);
    // Room for a name and a kind: what most checks have.
    let (mut early, mut late, mut others) = (Vec::with_capacity(1), Vec::new(), Vec::with_capacity(1));
    for entry in entries {
        match entry.0.text().unwrap_or_default() {
            name if EARLY.contains(&name) => early.push(entry),
            name if LATE.contains(&name) => late.push(entry),
            _ => others.push(entry),
        }
    }
    let before = problems.len();
    let kind = kind_key::only_one(source, shown, others, problems);
    let each = early.iter().position(|(k, _)| k.text() == Some("for-each")).map(|i| early.remove(i).1);
    let each = match each.map(|node| sets(source, &node)).transpose() {
        Ok(each) => each,
        Err(problem) => {
            // Without its variables nothing more can be said of the check.
            problems.push(*problem);
            return;
        }
    };
    if let Some((key, name)) = early.iter().find(|(k, _)| k.text() == Some("name"))
        && let Some(cut) = comment_cut(source, key.text().unwrap_or_default(), name)
    {
        problems.push(Problem { is_warning: false, ..cut.with_path("name") });
    }
    let Some(mut kind) = kind else {
        // The name is still worth a look, so that all problems are told at once.
        _ = identity(source, Node { id, at, via, kind: NodeKind::Map(early), is_unset: false }, None, each.is_some(), problems);
        return;
    };
    defaults.put_into(&mut late, &mut early, &mut kind);
    let gives = kind_key::captures(&kind.value);
    let whole = |entries| Node { id, at, via: via.clone(), kind: NodeKind::Map(entries), is_unset: false };
    let sets: Vec<Option<Set>> = each.map_or_else(|| vec![None], |sets| sets.into_iter().map(Some).collect());
    let last = sets.len() - 1;
    let (mut early, mut late, mut kind) = (Some(whole(early)), Some(whole(late)), Some(kind));
    for (i, set) in sets.into_iter().enumerate() {
        // The last one takes what the others copied.
        let (Some(early), Some(late), Some(kind)) = (take(&mut early, i == last), take(&mut late, i == last), take(&mut kind, i == last))
        else {
            return;
        };
        let Early { name, needs, tags, .. } = identity(source, early, set.as_ref(), set.is_some(), problems).unwrap_or_else(|| {
            // It is refused already; its spec is still worth a look, so that all problems are told at once.
            Early::unnamed(Sp { at: shown, value: format!("(check {})", out.len() + 1) })
        });
        if problems.len() > before && i > 0 {
            return;
        }
        out.push(Draft {
            id: CheckId { suite: Arc::clone(suite), name: name.value.into() },
            at: name.at,
            set,
            needs: needs.0.into_iter().map(|need| (need.value.into(), need.at)).collect(),
            needed: Vec::new(),
            tags: tags.0.into_iter().map(|tag| tag.value.into()).collect(),
            kind,
            late,
            gives: gives.clone(),
        });
    }
}

fn take<T: Clone>(from: &mut Option<T>, for_good: bool) -> Option<T> {
    if for_good { from.take() } else { from.clone() }
}

/// Name, needs and tags, with the variables of this set.
fn identity(source: &Arc<Source>, mut early: Node, set: Option<&Set>, is_each: bool, problems: &mut Vec<Problem>) -> Option<Early> {
    if !is_each || set.is_some() {
        problems.extend(expand(source, &mut early, "", &OnlyEach { set }));
    }
    match read::<Early>(source, &early, "") {
        Ok(early) if early.name.trim().is_empty() => {
            let origin = Origin { source: Arc::clone(source), at: early.name.at };
            problems.push(
                Problem::new(origin, "the name is empty").with_path("name").with_help("say what is promised: `name: the process is up`"),
            );
            None
        }
        Ok(early) => Some(early),
        Err(more) => {
            problems.extend(more);
            None
        }
    }
}
