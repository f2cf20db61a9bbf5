//! The schemas that editors read are those of the code, and the shipped suites are fine by it.
//!
//! With `ALLCLEAR_BLESS=1` in the environment the schemas are written anew.

use allclear::plan::{Inputs, make};
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
