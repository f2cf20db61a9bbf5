//! Keeps what someone wrote under `secrets` out of messages about the file: it may be the secret itself, in the wrong place.

use crate::model::{At, Source};
use crate::reader::{Kind as NodeKind, Node, Problem};
use std::sync::Arc;

/// The keys of a secret whose values are no secret: they say where it is.
const PLAIN: &[&str] = &["env", "file", "mask"];

/// The spans of all values under `secrets` that could be one.
pub(super) fn spans(root: &Node) -> Vec<At> {
    let mut found = Vec::new();
    for (_, source) in root.get("secrets").and_then(Node::entries).unwrap_or_default() {
        match source.entries() {
            Some(keys) => {
                keys.iter().filter(|(key, _)| key.text().is_none_or(|k| !PLAIN.contains(&k))).for_each(|(_, v)| scalars(v, &mut found))
            }
            None => scalars(source, &mut found),
        }
    }
    found
}

fn scalars(node: &Node, found: &mut Vec<At>) {
    match &node.kind {
        NodeKind::Map(entries) => entries.iter().for_each(|(_, value)| scalars(value, found)),
        NodeKind::Seq(items) => items.iter().for_each(|item| scalars(item, found)),
        _ => found.push(node.at),
    }
}

/// The same problems on a source in which those spans are starred out.
pub(super) fn hide(mut problems: Vec<Problem>, source: &Arc<Source>, hidden: &[At]) -> Vec<Problem> {
    if hidden.is_empty() {
        return problems;
    }
    let mut bytes = source.text().as_bytes().to_vec();
    for at in hidden {
        let (start, end) = (at.start as usize, (at.start + at.len) as usize);
        // Line ends stay, so that every line keeps its number.
        bytes.iter_mut().take(end).skip(start).filter(|b| !matches!(b, b'\n' | b'\r')).for_each(|b| *b = b'*');
    }
    let starred = Arc::new(Source::new(Arc::clone(source.path()), String::from_utf8_lossy(&bytes).into_owned()));
    for problem in &mut problems {
        if hidden.contains(&problem.origin.at) {
            problem.got = problem.got.take().map(|_| "a value that is not shown here".to_owned());
            problem.help = Some("no secret stands in a file: write `{ env: NAME }` or `{ file: PATH }`".to_owned());
        }
        problem.origin.source = Arc::clone(&starred);
    }
    problems
}

#[cfg(test)]
mod tests {
    use crate::suite::environment::Environment;

    #[track_caller]
    fn told(yaml: &str) -> String {
        let folder = std::env::temp_dir().join(format!("allclear-hidden-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a temporary folder can be made");
        let path = folder.join(format!("{}.env.yaml", yaml.len()));
        std::fs::write(&path, yaml).expect("a temporary file can be written");
        let reasons = Environment::find(Some(path.to_str().expect("the path is UTF-8")), &[]).expect_err("the file has a mistake");
        std::fs::remove_dir_all(&folder).ok();
        reasons.iter().map(|r| format!("{r}\n")).collect()
    }

    #[test]
    fn a_secret_in_the_place_of_its_source_is_never_repeated() {
        for secrets in ["{ t: hunter2-hunter2 }", "{ t: { value: hunter2-hunter2 } }", "{ t: [hunter2-hunter2] }"] {
            let told = told(&format!("environment: x\nsecrets: {secrets}\n"));
            assert!(told.contains("secrets") && told.contains(":2:") && told.contains("****"), "{told}");
            assert!(!told.contains("hunter2"), "{told}");
        }
        assert!(told("environment: x\nsecrets: { t: hunter2-hunter2 }\n").contains("write `{ env: NAME }`"));
    }

    #[test]
    fn what_says_where_a_secret_is_stays_readable() {
        let told = told("environment: x\nalows: read\nsecrets: { token: { env: API_TOKEN, fil: x } }\n");
        assert!(told.contains("env: API_TOKEN") && told.contains("did you mean `file`"), "{told}");
    }
}
