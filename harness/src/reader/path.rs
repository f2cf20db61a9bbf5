//! Names a value by the keys that lead to it: `checks[2].health.within`.

use crate::reader::node::{Kind, Node};
use std::fmt::Write as _;

/// How a node stands in a tree.
#[derive(Debug, Default)]
pub(crate) struct Found<'n> {
    /// The keys that lead to it, `checks[2].health.within`; empty for the root.
    pub(crate) path: String,
    /// The key of which it is the value; for a key: itself.
    pub(crate) key: Option<&'n Node>,
    /// The node itself.
    pub(crate) node: Option<&'n Node>,
}

/// Finds a node, value or key, by its id.
pub(crate) fn find(root: &Node, id: u32) -> Option<Found<'_>> {
    search(root, &|n| n.id == id)
}

/// The path of the key or value that begins at this byte.
pub(crate) fn at(root: &Node, start: u32) -> Option<String> {
    search(root, &|n| n.at.start == start && matches!(n.kind, Kind::Scalar { .. })).map(|f| f.path)
}

fn search<'n>(root: &'n Node, is: &dyn Fn(&Node) -> bool) -> Option<Found<'n>> {
    let mut found = Found::default();
    descend(root, is, &mut found).then_some(found)
}

fn descend<'n>(node: &'n Node, is: &dyn Fn(&Node) -> bool, found: &mut Found<'n>) -> bool {
    if is(node) {
        found.node = Some(node);
        return true;
    }
    let (len, outer) = (found.path.len(), found.key);
    match &node.kind {
        Kind::Scalar { .. } => {}
        Kind::Seq(items) => {
            found.key = None;
            for (i, item) in items.iter().enumerate() {
                _ = write!(found.path, "[{i}]");
                if descend(item, is, found) {
                    return true;
                }
                found.path.truncate(len);
            }
        }
        Kind::Map(entries) => {
            for (key, value) in entries {
                let place = if is(key) { key } else { value };
                if !is(key) {
                    push(&mut found.path, key.text().unwrap_or_default());
                }
                found.key = Some(key);
                if descend(place, is, found) {
                    return true;
                }
                found.path.truncate(len);
            }
        }
    }
    found.key = outer;
    false
}

/// Adds a key to a path.
pub(crate) fn push(path: &mut String, key: &str) {
    if !path.is_empty() {
        path.push('.');
    }
    path.push_str(key);
}
