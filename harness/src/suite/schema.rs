//! The JSON Schemas of suites and environments, made from the very types and tables that read them.

use super::environment::EnvironmentKeys;
use super::file::{CheckKeys, FileKeys};
use super::for_editors;
use super::keys::{DEFAULTS, EARLY, REQUEST_DEFAULTS};
use crate::checks;
use crate::kind::{CheckKind, VisitType};
use crate::model::{Clause, Declared};
use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

/// JSON Schema (draft 7, which YAML editors know best) of a suite file.
#[must_use]
pub fn suite_schema() -> Value {
    let mut generator = generator();
    let mut root = object::<FileKeys>(&mut generator);
    let mut check = object::<<CheckKeys as Pair>::First>(&mut generator);
    let mut late = Value::Object(object::<<CheckKeys as Pair>::Second>(&mut generator));
    for_editors::take_variables(&mut late);
    let mut kinds = Vec::new();
    let properties = check.entry("properties").or_insert_with(|| json!({}));
    if let (Value::Object(mine), Some(Value::Object(theirs))) = (properties, late.get("properties")) {
        mine.extend(theirs.clone());
        mine.insert("for-each".to_owned(), for_each());
        for (name, clauses, mut schema) in checks::each(&mut KindSchemas(&mut generator)) {
            for_editors::take_variables(&mut schema);
            mine.insert(name.to_owned(), schema);
            kinds.push((name, clauses));
        }
    }
    check.insert("title".to_owned(), json!("Check"));
    check.insert("description".to_owned(), json!("One promise: a name, one kind, and what is expected."));
    for_editors::one_kind(&mut check, &kinds);
    let snippets: Vec<Value> = checks::NAMES
        .iter()
        .map(|name| json!({ "label": format!("check: {name}"), "body": { "name": "$1", (*name): { "get": "$2" } } }))
        .collect();
    check.insert("defaultSnippets".to_owned(), json!(snippets));
    let defaults = defaults(&check, &mut generator);
    if let Some(Value::Object(properties)) = root.get_mut("properties") {
        describe(properties, "checks", json!({ "type": "array", "minItems": 1, "items": { "$ref": "#/definitions/Check" } }));
        describe(properties, "defaults", defaults);
    }
    finish("Allclear suite", root, generator, Some(check))
}

/// JSON Schema (draft 7) of an environment file.
#[must_use]
pub fn environment_schema() -> Value {
    let mut generator = generator();
    let root = object::<EnvironmentKeys>(&mut generator);
    finish("Allclear environment", root, generator, None)
}

/// Names the two halves of a check's keys.
trait Pair {
    type First: JsonSchema;
    type Second: JsonSchema;
}

impl<A: JsonSchema, B: JsonSchema> Pair for (A, B) {
    type First = A;
    type Second = B;
}

fn generator() -> SchemaGenerator {
    SchemaSettings::draft07().into_generator()
}

fn object<T: JsonSchema>(generator: &mut SchemaGenerator) -> Map<String, Value> {
    T::json_schema(generator).as_object().cloned().unwrap_or_default()
}

/// Replaces a property's schema and keeps its description.
fn describe(properties: &mut Map<String, Value>, key: &str, mut schema: Value) {
    if let (Some(description), Some(object)) = (properties.get(key).and_then(|p| p.get("description")).cloned(), schema.as_object_mut()) {
        object.insert("description".to_owned(), description);
    }
    properties.insert(key.to_owned(), schema);
}

fn finish(title: &str, mut root: Map<String, Value>, mut generator: SchemaGenerator, check: Option<Map<String, Value>>) -> Value {
    let mut definitions = generator.take_definitions(true);
    // What checks refer to is read after values were put in; what an environment refers to is not.
    if check.is_some() {
        definitions.values_mut().for_each(for_editors::take_variables);
    }
    if let Some(check) = check {
        definitions.insert("Check".to_owned(), Value::Object(check));
    }
    root.insert("$schema".to_owned(), json!("http://json-schema.org/draft-07/schema#"));
    root.insert("title".to_owned(), json!(title));
    root.insert("additionalProperties".to_owned(), json!(false));
    root.insert("patternProperties".to_owned(), json!({ "^x-": { "description": "Anything, for YAML anchors." } }));
    root.insert("definitions".to_owned(), Value::Object(definitions));
    let mut schema = Value::Object(root);
    for_editors::polish(&mut schema);
    schema
}

fn for_each() -> Value {
    let scalar = json!({ "type": ["string", "number", "boolean"] });
    json!({
        "description": "The check stands once for each: `{ service: [a, b] }`, or a list of variable sets.",
        "anyOf": [
            { "type": "object", "additionalProperties": { "type": "array", "items": scalar, "minItems": 1 }, "minProperties": 1 },
            { "type": "array", "items": { "type": "object", "additionalProperties": scalar, "minProperties": 1 }, "minItems": 1 }
        ]
    })
}

fn defaults(check: &Map<String, Value>, generator: &mut SchemaGenerator) -> Value {
    let request = object::<crate::words::Request>(generator);
    let of = |from: &Map<String, Value>, keys: &[&str]| -> Map<String, Value> {
        let all = from.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
        all.into_iter().filter(|(key, _)| keys.contains(&key.as_str())).collect()
    };
    let mut properties = of(check, DEFAULTS);
    properties.extend(of(&request, REQUEST_DEFAULTS));
    debug_assert!(EARLY.contains(&"tags"), "tags are joined, not replaced");
    json!({ "type": "object", "additionalProperties": false, "properties": properties })
}

/// The schema of every kind's spec, with its sentence and the clauses that its keys declare.
struct KindSchemas<'g>(&'g mut SchemaGenerator);

impl VisitType for KindSchemas<'_> {
    type Out = (&'static str, &'static [Clause], Value);

    fn visit<K: CheckKind>(&mut self) -> Self::Out {
        let mut schema = object::<K>(self.0);
        if let Some(Value::Object(properties)) = schema.get_mut("properties") {
            for clause in K::CLAUSES {
                // A dotted path leads into a shared word (`expect`), whose description belongs to all kinds.
                if let Declared::Key(key) = clause.declared
                    && let Some(Value::Object(property)) = properties.get_mut(key)
                {
                    let told = property.get("description").and_then(Value::as_str).unwrap_or_default().to_owned();
                    let text = format!("{told}\n\nDeclares {}: {}.", clause.id, clause.sentence);
                    property.insert("description".to_owned(), json!(text.trim()));
                }
            }
        }
        let prose = K::DOC.lines().map(str::trim).skip_while(|l| l.is_empty() || l.starts_with('#'));
        let first = prose.take_while(|l| !l.is_empty()).collect::<Vec<_>>().join(" ");
        let clauses: Vec<String> = K::CLAUSES.iter().map(|c| format!("- {}: {}", c.id, c.sentence)).collect();
        schema.insert("description".to_owned(), json!(format!("{first}\n\n{}", clauses.join("\n"))));
        (K::NAME, K::CLAUSES, Value::Object(schema))
    }
}
