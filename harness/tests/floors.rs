//! House rules as tests: a module imports only from a lower floor, and neighbours on one floor are strangers.

use std::{collections::BTreeMap, fs, path::Path};

/// Floor of each module. Kinds and provisioning share a floor and do not know each other; neither do the kinds among themselves.
const FLOORS: &[(&str, u8)] = &[
    ("model", 1),
    ("transport", 2),
    ("report", 2),
    ("reader", 2),
    ("words", 3),
    ("kind", 4),
    ("checks", 5),
    ("provision", 5),
    ("suite", 6),
    ("plan", 7),
    ("run", 8),
    ("cargo_test", 9),
    ("cli", 9),
];

#[test]
fn a_module_imports_only_from_lower_floors() {
    let floors: BTreeMap<_, _> = FLOORS.iter().copied().collect();
    let mut wrong = Vec::new();
    for (file, text) in sources() {
        let module = room(&file);
        let Some(own) = floors.get(module.as_str()) else {
            assert!(["lib", "main"].contains(&module.as_str()), "{file}: `{module}` has no floor: add it to FLOORS");
            continue;
        };
        for (number, line) in text.lines().enumerate() {
            for other in imports(line) {
                if other == module {
                    continue;
                }
                match floors.get(other.as_str()) {
                    Some(floor) if floor < own => {}
                    Some(_) => wrong.push(format!("{file}:{}: {module} may not know {other}: {}", number + 1, line.trim())),
                    None => {}
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn kinds_are_strangers_to_each_other() {
    let mut wrong = Vec::new();
    for (file, text) in sources() {
        let Some(kind) = file.strip_prefix("checks/").and_then(|f| f.split_once('/')).map(|(kind, _)| kind.to_owned()) else { continue };
        for (number, line) in text.lines().enumerate() {
            if let Some((_, rest)) = line.split_once("crate::checks::") {
                let other: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                if other != kind {
                    wrong.push(format!("{file}:{}: {kind} knows {other}", number + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_file_has_one_idea() {
    let mut long = Vec::new();
    for (file, text) in sources() {
        let code = text.split("#[cfg(test)]").next().unwrap_or("").lines().count();
        if code > 600 {
            long.push(format!("{file}: {code} lines before its tests"));
        }
        if !text.starts_with("//!") {
            long.push(format!("{file}: does not open with a sentence that says what it is"));
        }
    }
    assert!(long.is_empty(), "{}", long.join("\n"));
}

/// The top-level module of a file below `src`.
fn room(file: &str) -> String {
    file.split('/').next().unwrap_or("").trim_end_matches(".rs").to_owned()
}

/// Names after `crate::` on a line, also inside braces directly behind it.
fn imports(line: &str) -> Vec<String> {
    let code = line.trim_start();
    if code.starts_with("//") {
        return Vec::new();
    }
    let mut names = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        if code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '$') {
            continue;
        }
        let rest = &code[at + "crate::".len()..];
        let word = |s: &str| s.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
        match rest.strip_prefix('{') {
            Some(list) => names.extend(list.split(',').map(word).filter(|w| !w.is_empty())),
            None => names.push(word(rest)),
        }
    }
    names
}

fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("the source folder can be read") {
            let path = entry.expect("an entry can be read").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let name = path.strip_prefix(&root).expect("below src").to_string_lossy().replace('\\', "/");
                found.push((name, fs::read_to_string(&path).expect("source is UTF-8")));
            }
        }
    }
    found.sort();
    assert!(found.len() > 20, "found only {} source files below {}", found.len(), root.display());
    found
}

#[test]
fn an_import_is_found_wherever_it_stands() {
    assert_eq!(imports("use crate::model::{At, Origin};"), ["model"]);
    assert_eq!(imports("let x = crate::transport::curl(a, crate::kind::b());"), ["transport", "kind"]);
    assert_eq!(imports("use crate::{model::At, run};"), ["model", "run"]);
    assert_eq!(imports("// use crate::run"), Vec::<String>::new());
}
