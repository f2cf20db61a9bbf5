//! Puts right what editors suffer from in a generated schema: nulls that nobody may write, errors that do not say what is wrong.
//!
//! Tried with the YAML language server, which most editors use. It knows `errorMessage`, `patternErrorMessage` and
//! `doNotSuggest`, which validators skip; it inserts a `default` of null as text; of `anyOf` it tells the errors of the branch
//! it likes best, and those of `if` and `then` exactly.

use crate::model::{Clause, Declared};
use serde_json::{Map, Value, json};

/// What a value must look like that is put in later.
const VARIABLE: &str = r"^\$\{[a-z][a-z0-9_]*\}$";

/// What is wrong with a text or number that should have a unit, by the definition's name.
const UNITS: &[(&str, &str)] = &[
    ("Duration", "expected a duration such as 200ms, 1.5s or 5m"),
    ("Size", "expected a size such as 512B, 10KiB or 50MiB"),
    ("Rate", "expected a rate such as 20/s"),
];

/// The whole schema, once it is put together.
pub(super) fn polish(schema: &mut Value) {
    no_nulls(schema);
    flatten(schema);
    branch_by_type(schema);
    if let Some(Value::Object(definitions)) = schema.get_mut("definitions") {
        for definition in definitions.values_mut() {
            let is_words = definition["oneOf"].as_array().is_some_and(|all| all.iter().all(|one| one["const"].is_string()));
            if is_words {
                // Editors complete `impact: ` only where they know that words follow.
                definition["type"] = json!("string");
            }
        }
        for (name, expected) in UNITS {
            if let Some(definition) = definitions.get_mut(*name) {
                say_what_is_expected(definition, expected);
            }
        }
    }
}

/// An optional key is left out and never null, so null is neither offered nor fine. Where null is a value (a header that is
/// removed, a matcher), it does not stand as the other half of a property.
fn no_nulls(schema: &mut Value) {
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        properties.values_mut().for_each(optional);
    }
    children(schema).for_each(no_nulls);
}

fn optional(property: &mut Value) {
    let Value::Object(property) = property else { return };
    property.retain(|key, value| !(key == "default" && value.is_null()));
    if let Some(Value::Array(types)) = property.get_mut("type")
        && types.len() == 2
    {
        types.retain(|t| t != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            property.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(branches)) = property.get_mut("anyOf") {
        branches.retain(|b| *b != json!({ "type": "null" }));
        if let [only] = branches.as_slice() {
            let only = only.clone();
            property.remove("anyOf");
            // What is said of the property weighs more than what is said of its type.
            property.insert("allOf".to_owned(), json!([only]));
        }
    }
}

/// An `allOf` of one is that one: editors look for the type at the property itself, and complete `timeout: ` only then. Beside a
/// `$ref` draft 7 ignores everything, so only words may stand there.
fn flatten(schema: &mut Value) {
    children(schema).for_each(flatten);
    let Value::Object(map) = schema else { return };
    let Some([Value::Object(only)]) = map.get("allOf").and_then(Value::as_array).map(Vec::as_slice) else { return };
    let is_words = |key: &String| ["allOf", "description", "title", "default"].contains(&key.as_str());
    if map.keys().all(is_words) {
        let mut only = only.clone();
        map.remove("allOf");
        only.retain(|key, _| !map.contains_key(key));
        map.append(&mut only);
    }
}

/// Where either a plain value or a map may stand, the map's own mistakes are told only if its branch is chosen by type.
fn branch_by_type(schema: &mut Value) {
    children(schema).for_each(branch_by_type);
    let Value::Object(map) = schema else { return };
    let Some(Value::Array(branches)) = map.get("anyOf") else { return };
    let [plain, mapped] = branches.as_slice() else { return };
    let is_plain = |b: &Value| match &b["type"] {
        Value::String(one) => one != "object",
        Value::Array(several) => several.iter().all(|t| t != "object"),
        _ => b["$ref"] == "#/definitions/Duration",
    };
    if is_plain(plain) && mapped["type"] == "object" && mapped.get("properties").is_some() {
        let branched = [("if", json!({ "type": "object" })), ("then", mapped.clone()), ("else", plain.clone())];
        map.remove("anyOf");
        map.extend(branched.map(|(key, value)| (key.to_owned(), value)));
    }
}

/// A unit's schema takes a text of its pattern, or zero; both say the same of what is neither.
fn say_what_is_expected(definition: &mut Value, expected: &str) {
    let Some(pattern) = definition.get("pattern").cloned() else { return };
    let described = definition.get("description").cloned();
    let text = json!({ "type": "string", "pattern": pattern, "patternErrorMessage": expected, "errorMessage": expected });
    *definition = json!({ "anyOf": [text, { "const": 0, "errorMessage": expected }] });
    if let Some(described) = described {
        definition["description"] = described;
    }
}

/// Numbers and booleans may be given by a variable too. For what is read after values were put in.
pub(super) fn take_variables(schema: &mut Value) {
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        for property in properties.values_mut().filter_map(Value::as_object_mut) {
            let types: Vec<Value> = match property.get("type") {
                Some(Value::Array(several)) => several.clone(),
                Some(one) => vec![one.clone()],
                None => continue,
            };
            let is_boolean = types.iter().any(|t| t == "boolean");
            let is_typed = is_boolean || types.iter().any(|t| t == "integer" || t == "number");
            if is_typed && types.iter().all(|t| t != "string") {
                let with_text: Vec<_> = types.into_iter().filter(|t| t != "null").chain([json!("string")]).collect();
                let shown = if is_boolean { "true or false," } else { "a number" };
                let expected = format!("expected {shown} or a variable such as ${{name}}");
                property.insert("errorMessage".to_owned(), json!(expected));
                property.insert("patternErrorMessage".to_owned(), json!(expected));
                property.insert("pattern".to_owned(), json!(VARIABLE));
                property.insert("type".to_owned(), json!(with_text));
            }
        }
    }
    children(schema).for_each(take_variables);
}

/// A check has exactly one kind, and promises only what that kind can promise by name alone.
pub(super) fn one_kind(check: &mut Map<String, Value>, kinds: &[(&'static str, &'static [Clause])]) {
    let names: Vec<&str> = kinds.iter().map(|(name, _)| *name).collect();
    let rule = format!("a check has exactly one kind: {}", names.join(", "));
    let any: Vec<Value> = names.iter().map(|name| json!({ "required": [name], "errorMessage": rule })).collect();
    let each = kinds.iter().map(|(name, clauses)| {
        let promises: Vec<&str> = clauses.iter().filter(|c| c.declared == Declared::Promise).map(|c| c.id.0).collect();
        let mut then: Map<String, Value> =
            names.iter().filter(|other| *other != name).map(|other| ((*other).to_owned(), json!(false))).collect();
        // A list of no alternatives is no valid schema.
        let promised = if promises.is_empty() { json!({ "maxItems": 0 }) } else { json!({ "items": { "enum": promises } }) };
        then.insert("promises".to_owned(), with(promised, "doNotSuggest", json!(true)));
        let told = format!("{rule}; this one has `{name}` already");
        json!({ "if": { "required": [name] }, "then": { "properties": then, "errorMessage": told } })
    });
    check.insert("allOf".to_owned(), each.collect());
    check.insert("anyOf".to_owned(), json!(any));
}

fn with(mut schema: Value, key: &str, value: Value) -> Value {
    schema[key] = value;
    schema
}

fn children(schema: &mut Value) -> Box<dyn Iterator<Item = &mut Value> + '_> {
    match schema {
        Value::Object(map) => Box::new(map.values_mut()),
        Value::Array(items) => Box::new(items.iter_mut()),
        _ => Box::new(std::iter::empty()),
    }
}
