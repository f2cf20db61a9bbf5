//! Types a node and tells all its problems at once: the offender is taken out and the value read again until it is clean.

use crate::{
    model::{Origin, Source},
    reader::{
        complaint::Complaint,
        de::{Error, Typed, What},
        nearest::nearest,
        node::{Kind, Node},
        path::{self, Found},
        problems::{Note, Problem},
        render::visible,
        scalar::Core,
    },
};
use serde::de::DeserializeOwned;
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

/// Most problems that one value tells.
const MOST_PROBLEMS: usize = 50;
/// Most times that one value is read. A round tells a problem or drops a value that only follows from one.
const MOST_ROUNDS: usize = 200;

/// Types a node. `base` stands before the key paths in messages: empty for a check, whose own keys say enough.
///
/// # Errors
/// Every problem of the value; none only where [`expand`](super::expand()) has told all there is: after each the offender is taken out and the rest read on. What only follows from a
/// problem already told (a key that is missing because its misspelling was taken out) is not told.
pub fn read<T: DeserializeOwned>(source: &Arc<Source>, node: &Node, base: &str) -> Result<T, Vec<Problem>> {
    let mut error = match typed::<T>(node) {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    let mut rest = node.clone();
    let mut told = Told { source, root: node, base, problems: Vec::new(), touched: HashMap::new() };
    for _ in 0..MOST_ROUNDS {
        told.tell(&error);
        if let Some(beside) = &error.beside {
            told.tell(beside);
        }
        let out = take_out(&mut rest, error.id);
        let Some(out) = out.filter(|_| told.problems.len() < MOST_PROBLEMS) else { break };
        told.touched.entry(out.parent).or_default().extend(out.key);
        match typed::<T>(&rest) {
            Ok(_) => break,
            Err(next) => error = next,
        }
    }
    let mut problems = told.problems;
    problems.sort_by_key(|p| p.origin.at.start);
    Err(problems)
}

/// Types a node; a mistake that names no node, as one about the whole value, is the node's own.
fn typed<T: DeserializeOwned>(node: &Node) -> Result<T, Error> {
    T::deserialize(Typed::new(node)).map_err(|e| if e.id == 0 { Error { id: node.id, ..e } } else { e })
}

/// What was told so far, and what was taken out of which node.
struct Told<'n> {
    source: &'n Arc<Source>,
    root: &'n Node,
    base: &'n str,
    problems: Vec<Problem>,
    touched: HashMap<u32, HashSet<String>>,
}

impl Told<'_> {
    fn tell(&mut self, error: &Error) {
        if let What::Unknown { key, known } = &error.what
            && let Some(parent) = parent_of(self.root, error.id)
        {
            // The key that was meant counts as given, although its value was not read.
            let near = nearest(key, known.iter().copied()).map(str::to_owned);
            self.touched.entry(parent).or_default().extend(near);
        }
        // A value from which something was taken out may only for that reason not fit.
        let follows = match (&error.what, self.touched.get(&error.id)) {
            (_, None) => false,
            (What::Missing(key), Some(gone)) => gone.contains(key),
            (_, Some(_)) => true,
        };
        if !follows && !matches!(error.what, What::Told) {
            let problem = self.problem(error);
            self.problems.push(problem);
        }
    }

    fn problem(&self, error: &Error) -> Problem {
        let found = path::find(self.root, error.id).unwrap_or_default();
        let node = found.node.unwrap_or(self.root);
        let mut path = self.base.to_owned();
        if found.path.starts_with('[') {
            path.push_str(&found.path);
        } else if !found.path.is_empty() {
            path::push(&mut path, &found.path);
        }
        // A map has no word of its own to point at: its key says which one it is.
        let shown = match (&node.kind, found.key) {
            (Kind::Map(_) | Kind::Seq(_), Some(key)) => key,
            (Kind::Scalar { .. }, Some(key)) if node.at.len == 0 => key,
            _ => node,
        };
        let mut problem = Problem::new(self.origin(shown), "").with_path(path);
        match &error.what {
            What::Unknown { key, known } => {
                problem.what = format!("unknown key `{key}`");
                problem.help = Some(unknown_help(key, known));
            }
            What::Missing(key) => problem.what = format!("`{key}` is missing"),
            What::Told => problem.what = "its value could not be put in".to_owned(),
            What::Wrong(complaint) => wrong(&mut problem, complaint, node, &found),
        }
        if let Some(via) = &node.via {
            let origin = Origin { source: Arc::clone(self.source), at: **via };
            problem.also.push(Note::at(origin, "it stands here through this alias"));
        }
        problem
    }

    fn origin(&self, node: &Node) -> Origin {
        Origin { source: Arc::clone(self.source), at: node.at }
    }
}

fn unknown_help(key: &str, known: &[&str]) -> String {
    let all = || known.iter().map(|k| format!("`{k}`")).collect::<Vec<_>>().join(", ");
    match nearest(key, known.iter().copied()) {
        Some(near) if known.len() == 1 => format!("did you mean `{near}`?"),
        Some(near) => format!("did you mean `{near}`? Known here: {}", all()),
        None if known.is_empty() => "no key is known here".to_owned(),
        None => format!("known here: {}", all()),
    }
}

fn wrong(problem: &mut Problem, complaint: &Complaint, node: &Node, found: &Found<'_>) {
    problem.what = complaint.what.to_string();
    if !complaint.expected.is_empty() {
        problem.expected = Some(complaint.expected.to_string());
        let got = if complaint.got.is_empty() { describe(node) } else { complaint.got.to_string() };
        problem.got = Some(got + &given(node));
    } else if !given(node).is_empty() {
        problem.what.push_str(&given(node));
    }
    // Where a value was put in, the line in this file is right and another place is to be mended.
    if !complaint.write.is_empty() && given(node).is_empty() {
        let key = found.key.and_then(Node::text).map_or(String::new(), |k| format!("{k}: "));
        problem.help = Some(format!("write `{key}{}`", complaint.write));
    } else if !complaint.help.is_empty() {
        problem.help = Some(complaint.help.to_string());
    }
}

/// A value as messages show it.
fn describe(node: &Node) -> String {
    let short = |text: &str| -> String {
        let text = visible(text);
        if text.chars().count() <= 60 { text.into_owned() } else { text.chars().take(59).chain(['…']).collect() }
    };
    let core = match &node.kind {
        // What was put in is typed by its own words, whatever quotes the file has around the name.
        Kind::Scalar { text, given: Some(_), .. } => Some(Core::of(text)),
        _ => node.core(),
    };
    match (&node.kind, core) {
        (Kind::Seq(_), _) => "a list".to_owned(),
        (Kind::Map(_), _) => "a map".to_owned(),
        (_, None | Some(Core::Null)) => "nothing".to_owned(),
        (_, Some(Core::Bool(b))) => b.to_string(),
        (_, Some(Core::Number(n))) => short(n),
        (Kind::Scalar { plain, given, .. }, Some(Core::Text(t))) if *plain || given.is_some() => format!("`{}`", short(t)),
        (_, Some(Core::Text(t))) => format!("the text \"{}\"", short(t)),
    }
}

/// Who gave the values that were put into a scalar.
fn given(node: &Node) -> String {
    match &node.kind {
        Kind::Scalar { given: Some(given), .. } if !given.is_empty() => {
            let each: Vec<String> = given.iter().map(|g| format!("`${{{}}}` from {}", g.name, g.from)).collect();
            format!(" ({})", each.join(", "))
        }
        _ => String::new(),
    }
}

/// A value that was taken out: the node it stood in, and its key there.
struct Out {
    parent: u32,
    key: Option<String>,
}

/// Takes the key or value with this id out of the tree. `None`: it is the root.
fn take_out(node: &mut Node, id: u32) -> Option<Out> {
    match &mut node.kind {
        Kind::Scalar { .. } => None,
        Kind::Seq(items) => match items.iter().position(|n| n.id == id) {
            Some(i) => {
                items.remove(i);
                Some(Out { parent: node.id, key: None })
            }
            None => items.iter_mut().find_map(|n| take_out(n, id)),
        },
        Kind::Map(entries) => match entries.iter().position(|(k, v)| k.id == id || v.id == id) {
            Some(i) => {
                let (key, _) = entries.remove(i);
                Some(Out { parent: node.id, key: key.text().map(str::to_owned) })
            }
            None => entries.iter_mut().find_map(|(_, v)| take_out(v, id)),
        },
    }
}

/// The id of the map or list in which a key or value stands.
fn parent_of(node: &Node, id: u32) -> Option<u32> {
    match &node.kind {
        Kind::Scalar { .. } => None,
        Kind::Seq(items) if items.iter().any(|n| n.id == id) => Some(node.id),
        Kind::Seq(items) => items.iter().find_map(|n| parent_of(n, id)),
        Kind::Map(entries) if entries.iter().any(|(k, v)| k.id == id || v.id == id) => Some(node.id),
        Kind::Map(entries) => entries.iter().find_map(|(_, v)| parent_of(v, id)),
    }
}
