//! A JSONPath (RFC 9535), compiled once, that selects nodes of our exact JSON and says where each stands.

use super::json::{Document, Json, Step};
use serde_json_path::{JsonPath, PathElement};
use std::{fmt, sync::Arc};

/// A compiled path. Cheap to clone.
///
/// Names, indexes and wildcards run on our own exact values. Slices, filters, descendants and lists of selectors run on a
/// `serde_json` copy, where a filter compares numbers as doubles, so beyond 2^53 inexactly; what is selected is exact again.
#[derive(Clone)]
pub struct Path {
    text: Arc<str>,
    program: Program,
}

#[derive(Clone)]
enum Program {
    /// Child segments only, each with one selector.
    Simple(Arc<[Selector]>),
    General {
        query: Arc<JsonPath>,
        /// The simple steps with which it begins: what lies elsewhere cannot change its answer.
        prefix: Arc<[Selector]>,
        weight: Weight,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Selector {
    Name(String),
    /// From the front, or from the back where negative.
    Index(i64),
    All,
}

/// What makes a query dear, counted in its text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Weight {
    /// Segments that look at every descendant, outside filters.
    descents: u32,
    /// The same, and wildcards, inside filters: they run once for every node that the filter looks at.
    inner: u32,
    /// How often the selectors of one segment multiply what follows.
    fan: u64,
}

/// A node that was selected, and where it stands.
#[derive(Clone, Debug)]
pub struct Located<'j> {
    /// The steps that lead to it.
    pub steps: Vec<Step>,
    /// The node.
    pub node: &'j Json,
}

/// Why a text is no JSONPath.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a JSONPath (RFC 9535): {message}, at character {position}{}", self.near())]
pub struct PathError {
    /// The whole text.
    pub text: String,
    /// The character that is wrong, from 1.
    pub position: usize,
    /// What is wrong there.
    pub message: String,
}

/// Why nothing can be said of a path in one document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathFailure {
    /// A key on the way, or inside the value, stands there twice (RFC 8259 §4 leaves open which one counts).
    #[error("ambiguous: the key {0} is there more than once")]
    Ambiguous(String),
    /// It would take more than [`Path::MOST_STEPS`] steps on this document.
    #[error("too large for this path: it could take more than {most} steps", most = Path::MOST_STEPS)]
    TooCostly,
    /// It selects more than [`Path::MOST_NODES`] nodes.
    #[error("it selects more than {most} nodes", most = Path::MOST_NODES)]
    TooMany,
}

impl Path {
    /// Most steps that a query may take on one document, estimated before it runs.
    pub const MOST_STEPS: u64 = 20_000_000;
    /// Most nodes that may be selected.
    pub const MOST_NODES: usize = 100_000;

    /// Compiles a path.
    ///
    /// # Errors
    /// The character at which it stops to be one.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        if let Some(selectors) = simple(text) {
            return Ok(Self { text: text.into(), program: Program::Simple(selectors.into()) });
        }
        if let Some((position, message)) = too_deep(text) {
            return Err(PathError { text: text.chars().take(80).collect(), position, message });
        }
        match JsonPath::parse(text) {
            Ok(query) => {
                let program = Program::General { query: Arc::new(query), prefix: prefix(text).into(), weight: Weight::of(text) };
                Ok(Self { text: text.into(), program })
            }
            Err(e) => {
                let mut position = e.position().clamp(1, text.chars().count() + 1);
                let mut message = e.message().trim().to_owned();
                if !text.starts_with('$') {
                    (position, message) = (1, "it begins with `$`".to_owned());
                }
                if message.is_empty() {
                    message = "it cannot be read".to_owned();
                }
                Err(PathError { text: text.to_owned(), position, message })
            }
        }
    }

    /// The path as it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it selects at most one node, whatever the document (RFC 9535 §2.3.5.1, singular query).
    #[must_use]
    pub fn is_singular(&self) -> bool {
        matches!(&self.program, Program::Simple(selectors) if !selectors.contains(&Selector::All))
    }

    /// The nodes that it selects, in the order of RFC 9535, except that members of one object may come in any order.
    ///
    /// # Errors
    /// When the answer is ambiguous, because a key is there twice, or would cost too much.
    pub fn select<'j>(&self, document: &'j Document) -> Result<Vec<Located<'j>>, PathFailure> {
        let nodes = match &self.program {
            Program::Simple(selectors) => walk(selectors, &document.root)?,
            Program::General { query, prefix, weight } => {
                if weight.steps(&document.root) > Self::MOST_STEPS {
                    return Err(PathFailure::TooCostly);
                }
                // Which of two equal keys a filter or descent saw cannot be told afterwards.
                if let Some(twice) = document.duplicates.iter().find(|steps| along(steps, prefix)) {
                    return Err(PathFailure::Ambiguous(show(twice)));
                }
                let mut nodes = Vec::new();
                for found in query.query_located(document.value()).all() {
                    let steps: Vec<Step> = found
                        .location()
                        .iter()
                        .map(|element| match element {
                            PathElement::Name(name) => Step::Name((*name).to_owned()),
                            PathElement::Index(index) => Step::Index(*index),
                        })
                        .collect();
                    nodes.extend(node_at(&document.root, &steps).map(|node| Located { steps, node }));
                    if nodes.len() > Self::MOST_NODES {
                        return Err(PathFailure::TooMany);
                    }
                }
                nodes
            }
        };
        if document.duplicates.is_empty() {
            return Ok(nodes);
        }
        match nodes.iter().find_map(|n| document.duplicate_at(&n.steps)) {
            Some(twice) => Err(PathFailure::Ambiguous(show(twice))),
            None => match self.hidden_by(document) {
                Some(twice) => Err(PathFailure::Ambiguous(show(twice))),
                None => Ok(nodes),
            },
        }
    }

    /// A duplicate key that lies on the way of this path and so may hide a node from it.
    fn hidden_by<'d>(&self, document: &'d Document) -> Option<&'d [Step]> {
        let Program::Simple(selectors) = &self.program else { return None };
        document.duplicates.iter().map(Vec::as_slice).find(|steps| steps.len() <= selectors.len() && along(steps, selectors))
    }
}

impl PathError {
    /// What stands before the fault, where that says more than the number.
    fn near(&self) -> String {
        let before: String = self.text.chars().take(self.position.saturating_sub(1)).collect();
        if before.is_empty() { String::new() } else { format!(", after `{before}`") }
    }
}

impl Located<'_> {
    /// Where it stands, as a path: `$.items[0].id`.
    #[must_use]
    pub fn path(&self) -> String {
        show(&self.steps)
    }
}

/// A normalised path in the short form where names allow it: `$.a[0]`, `$['a b']`.
pub(super) fn show(steps: &[Step]) -> String {
    steps.iter().fold("$".to_owned(), |path, step| match step {
        Step::Index(index) => format!("{path}[{index}]"),
        Step::Name(name) if is_member_name(name) => format!("{path}.{name}"),
        Step::Name(name) => format!("{path}['{}']", name.replace('\\', "\\\\").replace('\'', "\\'")),
    })
}

/// RFC 9535 §2.5.1.1, `member-name-shorthand`.
fn is_member_name(name: &str) -> bool {
    let is_first = |c: char| c.is_ascii_alphabetic() || c == '_' || !c.is_ascii();
    name.starts_with(is_first) && name.chars().all(|c| is_first(c) || c.is_ascii_digit())
}

fn node_at<'j>(root: &'j Json, steps: &[Step]) -> Option<&'j Json> {
    steps.iter().try_fold(root, |node, step| match (step, node) {
        (Step::Name(name), _) => node.member(name),
        (Step::Index(index), Json::Array(items)) => items.get(*index),
        _ => None,
    })
}

fn walk<'j>(selectors: &[Selector], root: &'j Json) -> Result<Vec<Located<'j>>, PathFailure> {
    let mut nodes = vec![Located { steps: Vec::new(), node: root }];
    for selector in selectors {
        let mut next = Vec::new();
        for Located { steps, node } in nodes {
            let mut add = |step: Step, node: &'j Json| {
                let mut steps = steps.clone();
                steps.push(step);
                next.push(Located { steps, node });
            };
            match (selector, node) {
                (Selector::Name(name), _) => {
                    if let Some(node) = node.member(name) {
                        add(Step::Name(name.clone()), node);
                    }
                }
                (Selector::Index(index), Json::Array(items)) => {
                    let from_front = if *index < 0 { index.checked_add(items.len() as i64) } else { Some(*index) };
                    if let Some(i) = from_front.and_then(|i| usize::try_from(i).ok())
                        && let Some(node) = items.get(i)
                    {
                        add(Step::Index(i), node);
                    }
                }
                (Selector::All, Json::Array(items)) => items.iter().enumerate().for_each(|(i, node)| add(Step::Index(i), node)),
                (Selector::All, Json::Object(members)) => members.iter().for_each(|(k, node)| add(Step::Name(k.clone()), node)),
                _ => {}
            }
            if next.len() > Path::MOST_NODES {
                return Err(PathFailure::TooMany);
            }
        }
        nodes = next;
    }
    Ok(nodes)
}

/// Whether steps and selectors may lead the same way, as far as both go.
fn along(steps: &[Step], selectors: &[Selector]) -> bool {
    steps.iter().zip(selectors).all(|(step, selector)| match (step, selector) {
        (Step::Name(a), Selector::Name(b)) => a == b,
        (Step::Index(a), Selector::Index(b)) => *b < 0 || i64::try_from(*a) == Ok(*b),
        (_, Selector::All) => true,
        _ => false,
    })
}

/// Where a path is nested deeper, or is longer, than the full parser can bear: it takes twice as long for every filter in a filter
/// (measured: 1 s for 16, 24 s for 20), and recurses for every parenthesis.
fn too_deep(text: &str) -> Option<(usize, String)> {
    const MOST_BRACKETS: usize = 8;
    const MOST_PARENTHESES: usize = 32;
    const MOST_LENGTH: usize = 4096;
    if text.len() > MOST_LENGTH {
        return Some((1, format!("it has at most {MOST_LENGTH} bytes")));
    }
    let (mut quote, mut escaped, mut brackets, mut parentheses) = (None, false, 0usize, 0usize);
    for (i, c) in text.chars().enumerate() {
        match quote {
            Some(q) => {
                if !escaped && c == q {
                    quote = None;
                }
                escaped = !escaped && c == '\\';
            }
            None => match c {
                '\'' | '"' => quote = Some(c),
                '[' => brackets += 1,
                '(' => parentheses += 1,
                ']' => brackets = brackets.saturating_sub(1),
                ')' => parentheses = parentheses.saturating_sub(1),
                _ => {}
            },
        }
        if brackets > MOST_BRACKETS || parentheses > MOST_PARENTHESES {
            return Some((i + 1, format!("it is nested at most {MOST_BRACKETS} brackets and {MOST_PARENTHESES} parentheses deep")));
        }
    }
    None
}

/// The longest beginning of a path that is simple; none if a filter in it looks at the whole document again.
fn prefix(text: &str) -> Vec<Selector> {
    if text.matches('$').count() > 1 {
        return Vec::new();
    }
    let ends = text.char_indices().rev().filter(|(_, c)| matches!(c, '.' | '[')).map(|(i, _)| i);
    ends.filter_map(|end| simple(&text[..end])).next().unwrap_or_default()
}

/// The selectors of a path that has only plain names, indexes and wildcards; `None` sends it to the full parser.
fn simple(text: &str) -> Option<Vec<Selector>> {
    let mut rest = text.strip_prefix('$')?;
    let mut selectors = Vec::new();
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix(".*").or_else(|| rest.strip_prefix("[*]")) {
            selectors.push(Selector::All);
            rest = after;
        } else if let Some(after) = rest.strip_prefix('.') {
            let end = after.find(['.', '[']).unwrap_or(after.len());
            let name = &after[..end];
            if !is_member_name(name) {
                return None;
            }
            selectors.push(Selector::Name(name.to_owned()));
            rest = &after[end..];
        } else if let Some(after) = rest.strip_prefix('[') {
            let quote = after.chars().next()?;
            if quote == '\'' || quote == '"' {
                let (name, after) = after[1..].split_once(quote)?;
                // Escapes are left to the full parser.
                if name.contains('\\') || name.chars().any(|c| c < ' ') {
                    return None;
                }
                selectors.push(Selector::Name(name.to_owned()));
                rest = after.strip_prefix(']')?;
            } else {
                let (digits, after) = after.split_once(']')?;
                let index: i64 = digits.parse().ok()?;
                // RFC 9535 §2.1: whole numbers within 2^53 - 1, in one spelling only.
                if index.to_string() != digits || index.unsigned_abs() > (1 << 53) - 1 {
                    return None;
                }
                selectors.push(Selector::Index(index));
                rest = after;
            }
        } else {
            return None;
        }
    }
    Some(selectors)
}

impl Weight {
    /// Counts in the text of a valid query, outside its strings.
    fn of(text: &str) -> Self {
        let mut weight = Self { fan: 1, ..Self::default() };
        let (mut quote, mut escaped, mut filters, mut last, mut commas) = (None, false, Vec::new(), ' ', 0u64);
        let mut depth = 0usize;
        for c in text.chars() {
            match quote {
                Some(q) => {
                    if !escaped && c == q {
                        quote = None;
                    }
                    escaped = !escaped && c == '\\';
                }
                None => match c {
                    '\'' | '"' => quote = Some(c),
                    '[' | '(' => depth += 1,
                    ']' | ')' => {
                        depth = depth.saturating_sub(1);
                        filters.retain(|d| *d <= depth);
                        if c == ']' {
                            weight.fan = weight.fan.saturating_mul(commas + 1);
                            commas = 0;
                        }
                    }
                    ',' => commas += 1,
                    '?' => filters.push(depth),
                    '.' if last == '.' && filters.is_empty() => weight.descents += 1,
                    '.' if last == '.' => weight.inner += 1,
                    '*' if !filters.is_empty() => weight.inner += 1,
                    _ => {}
                },
            }
            last = c;
        }
        weight
    }

    /// An upper estimate of the steps on this document: every node once, once more per level for each further descent, and every node
    /// again for each wide query inside a filter.
    fn steps(self, root: &Json) -> u64 {
        let (nodes, depth) = measure(root);
        let descents = depth.saturating_pow(self.descents.saturating_sub(1));
        nodes.saturating_mul(descents).saturating_mul(nodes.saturating_pow(self.inner)).saturating_mul(self.fan)
    }
}

/// How many nodes, and how many levels.
fn measure(node: &Json) -> (u64, u64) {
    let (mut nodes, mut depth) = (1, 0);
    let mut add = |child: &Json| {
        let (n, d) = measure(child);
        nodes += n;
        depth = depth.max(d);
    };
    match node {
        Json::Array(items) => items.iter().for_each(&mut add),
        Json::Object(members) => members.iter().for_each(|(_, child)| add(child)),
        _ => {}
    }
    (nodes, depth + 1)
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
#[path = "path_tests.rs"]
mod tests;
