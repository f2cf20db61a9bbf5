//! The schemas that editors read are those of the code, and the shipped suites are fine by it.
//!
//! With `ALLCLEAR_BLESS=1` in the environment the schemas are written anew.
#![cfg(feature = "schema")]

use allclear::plan::{Inputs, make};
use allclear::reader::{Core, Kind, Node, open, parse};
use std::fs;

#[expect(clippy::disallowed_methods, reason = "a test is its own main: it alone reads how it was called")]
fn is_blessed() -> bool {
    std::env::var_os("ALLCLEAR_BLESS").is_some()
}

#[track_caller]
fn check(file: &str, schema: &serde_json::Value) {
    let text = serde_json::to_string_pretty(schema).unwrap() + "\n";
    if is_blessed() {
        fs::write(file, &text).unwrap();
    }
    assert!(fs::read_to_string(file).unwrap_or_default() == text, "{file} is not what the code says; ALLCLEAR_BLESS=1 writes it anew");
}

#[test]
fn the_shipped_schemas_are_those_of_the_code() {
    check("../suites/suite.schema.json", &allclear::suite::suite_schema());
    check("../suites/environment.schema.json", &allclear::suite::environment_schema());
    check("../suites/record.schema.json", &allclear::report::json::record_schema());
}

#[test]
fn the_schemas_are_schemas() {
    for schema in [allclear::suite::suite_schema(), allclear::suite::environment_schema()] {
        jsonschema::draft7::meta::validate(&schema).unwrap_or_else(|e| panic!("{}: {e}", e.instance_path()));
    }
}

#[test]
fn the_shipped_suites_can_be_planned_and_none_of_their_checks_proves_nothing() {
    let plan = make(&Inputs { paths: vec!["../suites".into()], ..Inputs::default() }).unwrap_or_else(|refused| panic!("{refused}"));
    assert_eq!(plan.environment, "local");
    assert!(plan.entries.iter().all(|e| e.skip.is_none() && e.asked.iter().any(|a| a.scope == allclear::kind::Scope::Here)));
}

#[test]
fn a_schema_names_every_kind_and_describes_every_key_of_a_check() {
    let schema = allclear::suite::suite_schema();
    let properties = schema["definitions"]["Check"]["properties"].as_object().unwrap();
    for kind in allclear::checks::NAMES {
        assert!(properties.contains_key(*kind), "{kind}");
    }
    for (key, property) in properties {
        assert!(property["description"].as_str().is_some_and(|d| !d.is_empty()), "`{key}` has no description for editors");
    }
}

/// The value as an editor sees it.
fn plain(node: &Node) -> serde_json::Value {
    match (&node.kind, node.core()) {
        (Kind::Seq(items), _) => items.iter().map(plain).collect(),
        (Kind::Map(entries), _) => {
            entries.iter().map(|(k, v)| (k.text().unwrap().to_owned(), plain(v))).collect::<serde_json::Map<_, _>>().into()
        }
        (Kind::Scalar { .. }, Some(Core::Bool(b))) => b.into(),
        (Kind::Scalar { .. }, Some(Core::Number(n))) => n.parse::<serde_json::Number>().unwrap().into(),
        (Kind::Scalar { .. }, Some(Core::Text(t))) => t.into(),
        (Kind::Scalar { .. }, Some(Core::Null) | None) => serde_json::Value::Null,
    }
}

/// Whether editors would accept the text, and what they would say.
fn editors_say(schema: &serde_json::Value, text: &str) -> Vec<String> {
    let value = plain(&parse(&open("a.yaml", text.as_bytes()).unwrap()).unwrap().root);
    let validator = jsonschema::draft7::new(schema).unwrap();
    validator.iter_errors(&value).map(|e| format!("{}: {e}", e.instance_path())).collect()
}

#[test]
fn editors_accept_the_shipped_files_and_refuse_what_the_reader_refuses() {
    let suite = allclear::suite::suite_schema();
    for file in ["health", "ready", "api"] {
        let text = fs::read_to_string(format!("../suites/{file}.suite.yaml")).unwrap();
        assert_eq!(editors_say(&suite, &text), Vec::<String>::new(), "{file}");
    }
    for environment in ["local", "real"] {
        let text = fs::read_to_string(format!("../suites/environments/{environment}.env.yaml")).unwrap();
        assert_eq!(editors_say(&allclear::suite::environment_schema(), &text), Vec::<String>::new(), "{environment}");
    }
    let check = |check: &str| editors_say(&suite, &format!("suite: a\nchecks:\n  - {{ name: x, {check} }}\n"));
    assert!(check("http: { get: / }").is_empty());
    for wrong in [
        "htpp: { get: / }",
        "http: { gett: / }",
        "http: { get: /, expect: { statsu: 200 } }",
        "http: { get: / }, health: { get: / }",
        "tags: [a]",
        "timeout: 30, http: { get: / }",
        "severity: optional, http: { get: / }",
        "health: { get: /, wihtin: 1s }",
    ] {
        assert!(!check(wrong).is_empty(), "accepted: {wrong}");
    }
}
