//! Puts values for `${name}` into scalars, once, after parsing and before typing.

use crate::{
    model::{At, Origin, Secret, Source},
    reader::{
        node::{Given, Kind, Node, Part},
        path,
        problems::Problem,
    },
};
use std::{borrow::Cow, sync::Arc};

/// Knows what a name stands for.
pub trait Resolver {
    /// The value of a name, which is always of the form `[a-z][a-z0-9_]*`.
    fn value(&self, name: &str) -> Value;
}

/// What a name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Its value, and who gave it: `--var max_jobs`, `stage.env.yaml:12:9`.
    Plain(String, String),
    /// A value that is never shown.
    Secret(Secret),
    /// Known only at run time: a capture, or a name local to a kind. The text keeps its place.
    Deferred,
    /// No such name; perhaps another was meant.
    Unknown {
        /// The name that was probably meant.
        did_you_mean: Option<String>,
    },
    /// The name is known, but has no value or an empty one.
    Empty,
    /// It cannot stand here, or its value cannot be had: the resolver knows why.
    Refused {
        /// What is wrong, as a sentence that names it.
        what: String,
        /// The way out.
        help: String,
    },
}

/// Puts values into every scalar below `node`. `$${` becomes a literal `${`; any other `$` stands for itself; what a value
/// holds is never expanded. A scalar is expanded once: a second call leaves it alone. Keys are not expanded.
///
/// Returns every problem, each at its own place inside the scalar. `base` stands before the key paths in messages.
pub fn expand(source: &Arc<Source>, node: &mut Node, base: &str, resolver: &dyn Resolver) -> Vec<Problem> {
    let mut walk = Walk { source, resolver, path: base.to_owned(), problems: Vec::new() };
    walk.node(node);
    walk.problems
}

struct Walk<'a> {
    source: &'a Arc<Source>,
    resolver: &'a dyn Resolver,
    path: String,
    problems: Vec<Problem>,
}

impl Walk<'_> {
    fn node(&mut self, node: &mut Node) {
        let len = self.path.len();
        match &mut node.kind {
            Kind::Scalar { .. } => self.scalar(node),
            Kind::Seq(items) => {
                for (i, item) in items.iter_mut().enumerate() {
                    self.path.push_str(&format!("[{i}]"));
                    self.node(item);
                    self.path.truncate(len);
                }
            }
            Kind::Map(entries) => {
                for (key, value) in entries {
                    path::push(&mut self.path, key.text().unwrap_or_default());
                    self.key(key);
                    self.node(value);
                    self.path.truncate(len);
                }
            }
        }
    }

    fn key(&mut self, key: &Node) {
        let text = key.text().unwrap_or_default();
        let Some(open) = text.find("${") else { return };
        // A JSONPath or regular expression may hold `${` for its own ends; only what is a name was meant as one.
        if let Ok((name, _)) = name_at(&text[open + 2..]) {
            let what = format!("`${{{name}}}` cannot stand in a key");
            self.tell(key, 0, name.len() + 3, what, "write the key itself");
        }
    }

    fn scalar(&mut self, node: &mut Node) {
        let Kind::Scalar { text, given: None, parts: None, .. } = &node.kind else { return };
        if !text.contains("${") {
            return;
        }
        let (text, before) = (text.clone(), self.problems.len());
        let mut out = Filled::default();
        let (mut rest, mut nth) = (text.as_str(), 0);
        while let Some(open) = rest.find("${") {
            if rest[..open].ends_with('$') {
                out.literal(&rest[..open - 1]);
                out.literal("${");
                rest = &rest[open + 2..];
                nth += 1;
                continue;
            }
            out.literal(&rest[..open]);
            let inner = &rest[open + 2..];
            match name_at(inner) {
                Ok((name, len)) => {
                    self.fill(node, name, nth, &mut out);
                    rest = &inner[len..];
                }
                Err(Malformed { what, len }) => {
                    self.tell(node, nth, len + 2, what, "a name is `[a-z][a-z0-9_]*`; write `$${` for a literal `${`");
                    out.literal("${");
                    rest = inner;
                }
            }
            nth += 1;
        }
        out.literal(rest);
        node.is_unset = self.problems.len() > before;
        out.put_into(node);
    }

    fn fill(&mut self, node: &Node, name: &str, nth: usize, out: &mut Filled) {
        let width = name.len() + 3;
        match self.resolver.value(name) {
            Value::Plain(value, _) if value.is_empty() => self.tell(node, nth, width, format!("`${{{name}}}` is empty"), "give it a value"),
            Value::Plain(value, from) => {
                out.literal(&value);
                out.given.push(Given { name: name.to_owned(), from });
            }
            Value::Secret(value) => out.piece(name, Part::Secret { name: name.to_owned(), value }),
            Value::Deferred => out.piece(name, Part::Deferred(name.to_owned())),
            Value::Empty => self.tell(node, nth, width, format!("`${{{name}}}` has no value"), "set it in the environment or by `--var`"),
            Value::Refused { what, help } => self.tell(node, nth, width, what, &help),
            Value::Unknown { did_you_mean } => {
                let help = match did_you_mean {
                    Some(near) => Cow::Owned(format!("did you mean `${{{near}}}`?")),
                    None => Cow::Borrowed("declare it under `vars`, or write `$${` for a literal `${`"),
                };
                self.tell(node, nth, width, format!("`${{{name}}}` is not set"), &help);
            }
        }
    }

    /// Tells a problem about the `nth` `${` of a scalar.
    fn tell(&mut self, node: &Node, nth: usize, width: usize, what: String, help: &str) {
        let at = inside(self.source, node.at, nth, width);
        let problem = Problem::new(Origin { source: Arc::clone(self.source), at }, what).with_path(self.path.as_str()).with_help(help);
        self.problems.push(match &node.via {
            Some(via) => problem.with_note(Origin { source: Arc::clone(self.source), at: **via }, "it stands here through this alias"),
            None => problem,
        });
    }
}

/// A text while values are put into it.
#[derive(Default)]
struct Filled {
    /// As it can be shown: secrets and deferred names still by name.
    shown: String,
    parts: Vec<Part>,
    given: Vec<Given>,
}

impl Filled {
    fn literal(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        self.shown.push_str(text);
        match self.parts.last_mut() {
            Some(Part::Literal(last)) => last.push_str(text),
            _ => self.parts.push(Part::Literal(text.to_owned())),
        }
    }

    fn piece(&mut self, name: &str, part: Part) {
        self.shown.push_str("${");
        self.shown.push_str(name);
        self.shown.push('}');
        self.parts.push(part);
    }

    fn put_into(self, node: &mut Node) {
        if let Kind::Scalar { text, parts, given, .. } = &mut node.kind {
            *text = self.shown;
            if self.parts.iter().any(|p| !matches!(p, Part::Literal(_))) {
                *parts = Some(self.parts);
            }
            *given = Some(self.given.into_boxed_slice());
        }
    }
}

/// Why `${` does not begin a name, and how many bytes of it belong to the mistake.
struct Malformed {
    what: String,
    len: usize,
}

/// The name after `${`, and how many bytes it takes with the closing bracket.
fn name_at(inner: &str) -> Result<(&str, usize), Malformed> {
    let len = inner.bytes().take_while(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'_').count();
    let name = &inner[..len];
    match inner.as_bytes().get(len) {
        Some(b'}') if name.starts_with(|c: char| c.is_ascii_lowercase()) => Ok((name, len + 1)),
        _ => Err(match inner.lines().next().and_then(|l| l.find('}')) {
            Some(close) => Malformed { what: format!("`${{{}}}` is not a name", &inner[..close]), len: close + 1 },
            None => Malformed { what: "`${` is never closed".to_owned(), len: 0 },
        }),
    }
}

/// The place of the `nth` `${` inside a scalar, as it stands in the file; the whole scalar where escapes hide it.
fn inside(source: &Source, at: At, nth: usize, width: usize) -> At {
    let Some(raw) = source.text().get(at.start as usize..(at.start + at.len) as usize) else { return at };
    let Some((offset, _)) = raw.match_indices("${").nth(nth) else { return at };
    let before = &raw[..offset];
    let line = at.line + before.matches('\n').count() as u32;
    let column = match before.rsplit_once('\n') {
        Some((_, last)) => last.chars().count() as u32 + 1,
        None => at.column + before.chars().count() as u32,
    };
    At { line, column, start: at.start + offset as u32, len: width as u32 }
}
