//! `for-each`: one check stands once for each set of variables.

use crate::model::{At, Origin, Source};
use crate::reader::{Kind as NodeKind, Node, Problem, Resolver, Value};
use std::{collections::BTreeMap, sync::Arc};

/// Most checks that one `for-each` may stand for.
const MOST: usize = 10_000;

/// One set of `for-each` variables.
pub(crate) type Set = Arc<BTreeMap<String, String>>;

/// The sets of a `for-each`: `{ service: [a, b] }`, every combination of several variables, or a list of sets.
pub(crate) fn sets(source: &Arc<Source>, node: &Node) -> Result<Vec<Set>, Box<Problem>> {
    let sets = match &node.kind {
        NodeKind::Map(entries) => combined(source, entries, node.at)?,
        NodeKind::Seq(items) => listed(source, items)?,
        NodeKind::Scalar { .. } => {
            let help = "write `for-each: { service: [a, b] }`, or a list of sets: `- { service: a, port: 1 }`";
            return boxed(problem(source, node.at, "expected variables with their values").with_help(help));
        }
    };
    if sets.is_empty() {
        return boxed(
            problem(source, node.at, "a `for-each` without values stands for no check at all").with_help("give it at least one value"),
        );
    }
    Ok(sets.into_iter().map(Arc::new).collect())
}

fn combined(source: &Arc<Source>, entries: &[(Node, Node)], at: At) -> Result<Vec<BTreeMap<String, String>>, Box<Problem>> {
    let mut sets = vec![BTreeMap::new()];
    for (key, value) in entries {
        let name = variable(source, key)?;
        let Some(items) = value.items() else {
            let shown = value.text().unwrap_or("…");
            return boxed(
                problem(source, if value.at.len == 0 { key.at } else { value.at }, "expected a list of values")
                    .with_help(format!("write `{name}: [{shown}]`")),
            );
        };
        let values = items.iter().map(|item| scalar(source, item)).collect::<Result<Vec<_>, _>>()?;
        if sets.len() * values.len() > MOST {
            return boxed(problem(source, at, format!("this `for-each` stands for more than {MOST} checks")));
        }
        sets = sets
            .iter()
            .flat_map(|set| {
                values.iter().map(|value| {
                    let mut set = set.clone();
                    set.insert(name.to_owned(), value.clone());
                    set
                })
            })
            .collect();
    }
    Ok(if entries.is_empty() { Vec::new() } else { sets })
}

fn listed(source: &Arc<Source>, items: &[Node]) -> Result<Vec<BTreeMap<String, String>>, Box<Problem>> {
    let mut sets: Vec<BTreeMap<String, String>> = Vec::new();
    for item in items {
        let Some(entries) = item.entries() else {
            return boxed(problem(source, item.at, "expected a set of variables").with_help("write `- { service: a, port: 1 }`"));
        };
        let mut set = BTreeMap::new();
        for (key, value) in entries {
            set.insert(variable(source, key)?.to_owned(), scalar(source, value)?);
        }
        if let Some(first) = sets.first()
            && !first.keys().eq(set.keys())
        {
            let names: Vec<_> = first.keys().map(String::as_str).collect();
            return boxed(problem(source, item.at, format!("every set has the same variables; the first has {}", names.join(", "))));
        }
        sets.push(set);
    }
    if sets.len() > MOST {
        return boxed(problem(source, items[MOST].at, format!("this `for-each` stands for more than {MOST} checks")));
    }
    Ok(sets)
}

fn variable<'n>(source: &Arc<Source>, key: &'n Node) -> Result<&'n str, Box<Problem>> {
    let name = key.text().unwrap_or_default();
    if super::values::is_name(name) {
        return Ok(name);
    }
    boxed(problem(source, key.at, format!("`{name}` is no name of a variable")).with_help(super::values::NAME_HELP))
}

fn scalar(source: &Arc<Source>, node: &Node) -> Result<String, Box<Problem>> {
    match node.text() {
        Some(text) if text.contains("${") => boxed(
            problem(source, node.at, "a value of `for-each` is taken as it stands").with_help("use the variable where the value is used"),
        ),
        Some(text) if !node.is_null() && !text.is_empty() => Ok(text.to_owned()),
        _ => boxed(problem(source, node.at, "expected a word, a number or a text")),
    }
}

fn boxed<T>(problem: Problem) -> Result<T, Box<Problem>> {
    Err(Box::new(problem))
}

fn problem(source: &Arc<Source>, at: At, what: impl Into<String>) -> Problem {
    Problem::new(Origin { source: Arc::clone(source), at }, what).with_path("for-each")
}

/// Resolves names, needs and tags, where nothing but `for-each` variables is known.
pub(crate) struct OnlyEach<'a> {
    /// The set of this check, if it has one.
    pub(crate) set: Option<&'a Set>,
}

impl Resolver for OnlyEach<'_> {
    fn value(&self, name: &str) -> Value {
        match self.set.and_then(|set| set.get(name)) {
            Some(value) => Value::Plain(value.clone(), "for-each".to_owned()),
            None => Value::Refused {
                what: format!("`${{{name}}}` cannot stand here"),
                help: "in `name`, `needs` and `tags` only `for-each` variables are known".to_owned(),
            },
        }
    }
}
