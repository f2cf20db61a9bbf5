//! House rules of kinds: the table of clauses, the page, the schema and the examples of each say the same.
//!
//! `src/checks/KIND/examples/ok*.yaml` are suites that are read without a problem, `bad-NAME.yaml` are refused with exactly the text of
//! `bad-NAME.err`. With `ALLCLEAR_BLESS=1` in the environment the texts are written anew, to be read in the diff.

use allclear::checks;
use allclear::kind::{CheckKind, VisitType};
use allclear::model::{Clause, Declared};
use allclear::plan::{Inputs, make};
use allclear::reader::Keys as _;
use allclear::suite::Meaning;
use allclear::words::Request;
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// What there is of a kind.
struct Page {
    name: &'static str,
    prefix: &'static str,
    doc: &'static str,
    clauses: &'static [Clause],
    locals: &'static [&'static str],
    schema: Value,
}

fn pages() -> Vec<Page> {
    struct Pages;
    impl VisitType for Pages {
        type Out = Page;
        fn visit<K: CheckKind>(&mut self) -> Page {
            let schema = serde_json::to_value(schemars::schema_for!(K)).expect("a schema is JSON");
            Page { name: K::NAME, prefix: K::CLAUSE_PREFIX, doc: K::DOC, clauses: K::CLAUSES, locals: K::LOCALS, schema }
        }
    }
    let pages = checks::each(&mut Pages);
    assert_eq!(pages.iter().map(|p| p.name).collect::<Vec<_>>(), checks::NAMES);
    pages
}

/// Goes through all kinds; what is wrong with any of them is told at once.
#[track_caller]
fn check(rule: impl Fn(&Page, &mut dyn FnMut(String))) {
    let mut wrong = Vec::new();
    for page in pages() {
        rule(&page, &mut |what| wrong.push(format!("{}: {what}", page.name)));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_clause_has_the_prefix_of_its_kind_and_an_id_of_its_own() {
    let mut seen = BTreeSet::new();
    for clause in pages().iter().flat_map(|p| p.clauses) {
        assert!(seen.insert(clause.id.0), "{} stands twice", clause.id);
    }
    check(|page, wrong| {
        for clause in page.clauses {
            let is_word = |w: &str| !w.is_empty() && w.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
            if clause.id.0.split_once('/').is_none_or(|(prefix, word)| prefix != page.prefix || !is_word(word)) {
                wrong(format!("{} is no id: `{}/a-word`", clause.id, page.prefix));
            }
        }
    });
}

#[test]
fn a_sentence_has_no_full_stop_and_the_explanation_has() {
    check(|page, wrong| {
        for Clause { id, sentence, about, .. } in page.clauses {
            let begins_small = sentence.chars().next().is_some_and(|c| !c.is_uppercase() || sentence.starts_with("HEAD"));
            if sentence.ends_with(['.', '!', ' ']) || sentence.contains(['\n', '\r']) || !begins_small || sentence.len() > 120 {
                wrong(format!(
                    "{id}: `{sentence}` is no sentence for a line: it begins small, has no full stop and 120 characters at most"
                ));
            }
            if !about.ends_with('.') || about.len() < sentence.len() || about.contains("  ") {
                wrong(format!("{id}: the explanation says less than the sentence, or does not end: `{about}`"));
            }
        }
    });
}

#[test]
fn every_kind_judges_something_in_every_check() {
    check(|page, wrong| {
        if !page.clauses.iter().any(|c| c.declared == Declared::Always) {
            wrong("no clause is always judged, so a check could prove nothing".to_owned());
        }
    });
}

/// The paragraph of the page that opens with the clause in bold: `**`health/code`**, always: …`.
fn paragraph<'d>(page: &'d Page, clause: &Clause) -> Option<&'d str> {
    let mark = format!("**`{}`**", clause.id);
    page.doc.split("\n\n").find(|paragraph| paragraph.contains(&mark))
}

#[test]
fn the_page_explains_every_clause_and_says_what_asks_for_it() {
    check(|page, wrong| {
        for clause in page.clauses {
            let Some(paragraph) = paragraph(page, clause) else {
                wrong(format!("{} has no paragraph that opens with it in bold", clause.id));
                continue;
            };
            let words = match clause.declared {
                Declared::Always => "always".to_owned(),
                Declared::Key(key) => format!("by `{key}`"),
                Declared::Promise => "by promise".to_owned(),
            };
            if !paragraph.contains(&words) {
                wrong(format!("{}: its paragraph does not say that it is judged {words}", clause.id));
            }
        }
        let known: BTreeSet<&str> = page.clauses.iter().map(|c| c.id.0).collect();
        let mark = format!("`{}/", page.prefix);
        for (at, _) in page.doc.match_indices(&mark) {
            let id = page.doc[at + 1..].split('`').next().unwrap_or_default();
            if !known.contains(id) {
                wrong(format!("the page speaks of {id}, which is no clause"));
            }
        }
    });
}

/// The keys of an object schema, references followed.
fn keys<'s>(root: &'s Value, mut schema: &'s Value) -> BTreeMap<&'s str, &'s Value> {
    for _ in 0..16 {
        if let Some(properties) = schema["properties"].as_object() {
            return properties.iter().map(|(key, value)| (key.as_str(), value)).collect();
        }
        let below = ["allOf", "anyOf", "oneOf"].iter().find_map(|of| schema[*of].as_array()?.iter().find(|s| !s["$ref"].is_null()));
        match (schema["$ref"].as_str(), below) {
            (Some(place), _) => schema = root.pointer(place.trim_start_matches('#')).unwrap_or(&Value::Null),
            (None, Some(below)) => schema = below,
            (None, None) => break,
        }
    }
    BTreeMap::new()
}

#[test]
fn every_key_that_asks_for_a_clause_is_a_key_of_the_schema() {
    check(|page, wrong| {
        for clause in page.clauses {
            let Declared::Key(path) = clause.declared else { continue };
            let mut schema = &page.schema;
            for part in path.split('.') {
                match keys(&page.schema, schema).get(part) {
                    Some(below) => schema = below,
                    None => {
                        wrong(format!("{}: the schema has no `{path}`", clause.id));
                        break;
                    }
                }
            }
        }
    });
}

#[test]
fn every_key_has_a_description_and_stands_in_the_page() {
    check(|page, wrong| {
        let all = keys(&page.schema, &page.schema);
        let takes_requests = all.contains_key("get");
        let least = if takes_requests { Request::KEYS.len() + 1 } else { 5 };
        assert!(all.len() >= least, "{}: the keys were found: {:?}", page.name, all.keys());
        for (key, schema) in all {
            let is_shared = Request::KEYS.contains(&key) && page.name != "http";
            if !is_shared && !page.doc.contains(&format!("`{key}`")) {
                wrong(format!("the page does not speak of `{key}`"));
            }
            if schema["description"].as_str().is_none_or(|d| !d.trim_end().ends_with(['.', ')'])) && schema["$ref"].is_null() {
                wrong(format!("`{key}` has no description for editors: {schema}"));
            }
        }
    });
}

#[expect(clippy::disallowed_methods, reason = "a test is its own main: it alone reads how it was called")]
fn is_blessed() -> bool {
    std::env::var_os("ALLCLEAR_BLESS").is_some()
}

/// The examples of a kind whose names begin so.
fn examples(kind: &str, begin: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/checks").join(kind.replace('-', "_")).join("examples");
    let files = fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut files: Vec<PathBuf> = files.map(|entry| entry.expect("an entry can be read").path()).collect();
    files.retain(|p| p.extension().is_some_and(|e| e == "yaml") && p.file_name().is_some_and(|n| n.to_string_lossy().starts_with(begin)));
    files.sort();
    files
}

/// Plans a suite as `allclear run` does; the text of what is refused speaks of the file by its name alone.
fn planned(name: &str, text: &str) -> Result<usize, String> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join(format!("{name}.suite.yaml"));
    fs::write(&path, text).expect("a file in it");
    match make(&Inputs { paths: vec![path], ..Inputs::default() }) {
        Ok(plan) => Ok(plan.entries.iter().map(|e| e.asked.len()).sum()),
        Err(refused) => {
            assert_eq!(refused.meaning, Meaning::Usage, "{name}: {refused}");
            Err(refused.to_string().replace(&format!("{}/", folder.path().display()), ""))
        }
    }
}

fn stem(file: &Path) -> String {
    file.file_stem().expect("a file has a name").to_string_lossy().into_owned()
}

#[test]
fn good_examples_are_read_without_a_problem_and_use_every_key() {
    check(|page, wrong| {
        let files = examples(page.name, "ok");
        let mut all = String::new();
        for file in &files {
            let text = fs::read_to_string(file).expect("an example is UTF-8");
            match planned(&stem(file), &text) {
                Ok(clauses) => assert!(clauses > 0),
                Err(told) => wrong(told),
            }
            all += &text;
        }
        for key in keys(&page.schema, &page.schema).into_keys() {
            let is_shared = Request::KEYS.contains(&key) && page.name != "http";
            let needs_a_file = matches!(key, "multipart" | "sample");
            if !is_shared && !needs_a_file && !all.contains(&format!("{key}:")) {
                wrong(format!("no good example uses `{key}`"));
            }
        }
    });
}

#[test]
fn bad_examples_are_refused_in_exactly_these_words() {
    check(|page, wrong| {
        let files = examples(page.name, "bad-");
        if files.len() < 2 {
            wrong(format!("{} bad examples are too few", files.len()));
        }
        for file in files {
            let text = fs::read_to_string(&file).expect("an example is UTF-8");
            let told = match planned(&stem(&file), &text) {
                Ok(_) => {
                    wrong(format!("nothing is wrong with {}", file.display()));
                    continue;
                }
                Err(told) => told,
            };
            let golden = file.with_extension("err");
            if is_blessed() {
                fs::write(&golden, &told).expect("the example's folder can be written");
            }
            let expected = fs::read_to_string(&golden).unwrap_or_default();
            if expected != told {
                wrong(format!("{}\n-- expected\n{expected}\n-- told\n{told}", file.display()));
            }
        }
    });
}

/// The names between `${` and `}` of a text, less those that it captures and the id that a kind knows by itself.
fn variables(text: &str) -> BTreeSet<&str> {
    let is_own = |name: &str| name == "id" && text.contains("    id: $");
    let names = text.match_indices("${").filter_map(|(at, _)| text[at + 2..].split_once('}')).map(|(name, _)| name);
    names.filter(|name| !is_own(name) && !text.contains(&format!("capture: {{ {name}:"))).collect()
}

#[test]
fn the_suites_on_the_page_can_be_copied() {
    check(|page, wrong| {
        let blocks: Vec<&str> = page.doc.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
        if blocks.is_empty() {
            wrong("the page has no example".to_owned());
        }
        for block in blocks {
            let given = variables(block).into_iter().filter(|name| !page.locals.contains(name));
            let vars: String = given.map(|name| format!("  {name}: value\n")).collect();
            let vars = if vars.is_empty() { vars } else { format!("vars:\n{vars}") };
            let suite = format!("suite: page\ntargets: {{ api: {{ url: \"http://127.0.0.1:1\" }} }}\n{vars}checks:\n{block}");
            if let Err(told) = planned("page", &suite) {
                wrong(format!("{told}{suite}"));
            }
        }
    });
}
