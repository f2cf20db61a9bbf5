//! What the tests of this module share: YAML in, nodes out, with one secret and any other name known only at run time.

use crate::{
    model::{Secret, Source},
    reader::{Node, Resolver, Value, expand, parse, read},
};
use serde::de::DeserializeOwned;
use std::sync::Arc;

struct Names;

impl Resolver for Names {
    fn value(&self, name: &str) -> Value {
        match name {
            "secret" => Value::Secret(Secret::new("hunter2-hunter2")),
            "three" => Value::Plain("3".into(), "--var three".into()),
            _ => Value::Deferred,
        }
    }
}

fn tree(yaml: &str) -> (Arc<Source>, Node) {
    let source = Arc::new(Source::new("t.yaml", yaml));
    let mut root = parse(&source).unwrap_or_else(|e| panic!("{e:?}")).root;
    let problems = expand(&source, &mut root, "", &Names);
    assert!(problems.is_empty(), "{problems:?}");
    (source, root)
}

/// The value of `v: YAML`, with names put in.
pub(crate) fn node(yaml: &str) -> Node {
    tree(&format!("v: {yaml}\n")).1.get("v").expect("the key is there").clone()
}

/// The document, typed; or its problems as `line:column: message`.
pub(crate) fn typed<T: DeserializeOwned>(yaml: &str) -> Result<T, Vec<String>> {
    let (source, root) = tree(yaml);
    read(&source, &root, "").map_err(|problems| {
        problems
            .iter()
            .map(|p| {
                let help = p.help.as_ref().map(|h| format!(" ({h})")).unwrap_or_default();
                format!("{}:{}: {}{help}", p.origin.at.line, p.origin.at.column, p.message())
            })
            .collect()
    })
}
