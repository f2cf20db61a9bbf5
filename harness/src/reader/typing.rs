//! What a value becomes: places, shared maps, one or many, raw trees, pieces of text, substituted numbers.

use crate::{
    model::{Secret, Source},
    reader::{
        Complaint, Core, Dur, Keys, Many, Node, Problem, Resolver, Sp, TEXT, Tree, Value, With, comment_cut, expand, joined_by_comma, open,
        parse, read,
    },
};
use serde::{
    Deserialize, Deserializer,
    de::{self, DeserializeOwned, Visitor},
};
use std::{collections::BTreeMap, fmt, num::NonZeroU32, sync::Arc, time::Duration};

struct Names;

impl Resolver for Names {
    fn value(&self, name: &str) -> Value {
        match name {
            "four" => Value::Plain("4".to_owned(), "--var four".to_owned()),
            "flag" => Value::Plain("true".to_owned(), "--var flag".to_owned()),
            "wait" => Value::Plain("3s".to_owned(), "--var wait".to_owned()),
            "null_word" => Value::Plain("null".to_owned(), "--var null_word".to_owned()),
            "nested" => Value::Plain("${four}".to_owned(), "--var nested".to_owned()),
            "token" => Value::Secret(Secret::new("s3cr3t-value")),
            "id" => Value::Deferred,
            _ => Value::Unknown { did_you_mean: None },
        }
    }
}

fn load(text: &str) -> (Arc<Source>, Node) {
    let source = open("s.yaml", text.as_bytes()).unwrap();
    let mut doc = parse(&source).unwrap();
    assert!(doc.problems.is_empty());
    let problems = expand(&source, &mut doc.root, "", &Names);
    assert!(problems.is_empty(), "{problems:?}");
    (source, doc.root)
}

#[track_caller]
fn typed<T: DeserializeOwned>(text: &str) -> T {
    let (source, root) = load(text);
    read(&source, &root, "").unwrap_or_else(|p| panic!("{}", p[0]))
}

#[track_caller]
fn told<T: DeserializeOwned>(text: &str, expected: &[&str]) {
    let (source, root) = load(text);
    let problems = read::<T>(&source, &root, "").err().unwrap();
    let lines: Vec<String> = problems.iter().map(|p| format!("{}:{} {}", p.origin.at.line, p.origin.at.column, p.message())).collect();
    assert_eq!(lines, expected);
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    get: Sp<String>,
    headers: Option<BTreeMap<String, Option<String>>>,
}

impl Keys for Request {
    const KEYS: &'static [&'static str] = &["get", "headers"];
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Observe {
    at: String,
    every: Option<Sp<Dur>>,
}

impl Keys for Observe {
    const KEYS: &'static [&'static str] = &["at", "every"];
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rest {
    n: Option<NonZeroU32>,
}

#[test]
fn two_or_three_specs_share_a_map_and_keep_their_places() {
    let both: With<Request, Observe> = typed("get: /x\nat: $.s\nevery: 5s\nheaders: { a: b, c: null }\n");
    assert_eq!((both.a.get.value.as_str(), both.a.get.at.line, both.a.get.at.column), ("/x", 1, 6));
    assert_eq!(both.a.headers.unwrap()["c"], None);
    assert_eq!((*both.b.every.unwrap().value, both.b.at.as_str()), (Duration::from_secs(5), "$.s"));
    let three: With<Request, With<Observe, Rest>> = typed("get: /x\nat: $.s\nn: 2\n");
    assert_eq!((three.b.b.n.unwrap().get(), three.b.a.at.as_str()), (2, "$.s"));
}

#[test]
fn a_shared_map_tells_the_mistakes_of_both() {
    told::<With<Request, Observe>>(
        "gett: /x\nat: $.s\nevery: 5\n",
        &["1:1 unknown key `gett`", "3:8 every: expected a duration such as 200ms, got 5"],
    );
    told::<With<Request, Observe>>(
        "get: [1]\nevery: 5\n",
        &["1:1 get: expected text, got a list", "1:1 `at` is missing", "2:8 every: expected a duration such as 200ms, got 5"],
    );
    told::<With<Request, With<Observe, Rest>>>(
        "get: /x\nat: y\nm: 1\nn: 0\n",
        &["3:1 unknown key `m`", "4:4 n: expected a whole number, 1 or more, got 0"],
    );
    let (source, root) = load("get: /x\nat: y\neverry: 1s\n");
    let problem = read::<With<Request, Observe>>(&source, &root, "").unwrap_err().remove(0);
    assert_eq!(problem.help.unwrap(), "did you mean `every`? Known here: `get`, `headers`, `at`, `every`");
}

#[test]
fn one_or_many_is_a_list_either_way() {
    assert_eq!(typed::<Many<String>>("a").0, ["a"]);
    assert_eq!(typed::<Many<String>>("[a, b]").0, ["a", "b"]);
    assert_eq!(typed::<Many<Sp<u8>>>("7").0[0].value, 7);
    told::<Many<u8>>("[1, x]", &["1:5 [1]: expected a whole number from 0 to 255, got `x`"]);
}

#[test]
fn a_raw_tree_keeps_exact_numbers_and_quotes() {
    let map: BTreeMap<String, Tree> =
        typed("a: 9007199254740993\nb: \"9007199254740993\"\nc: 1.10\nd: null\ne: None\nf: ${four}\ng: \"${id}\"\nh: ${null_word}\n");
    let core = |k: &str| map[k].0.core().unwrap();
    assert_eq!(core("a"), Core::Number("9007199254740993"));
    assert_eq!(core("b"), Core::Text("9007199254740993"));
    assert_eq!(core("c"), Core::Number("1.10"));
    assert_eq!(core("d"), Core::Null);
    assert_eq!(core("e"), Core::Text("None"));
    assert_eq!(core("f"), Core::Number("4"));
    assert_eq!(core("g"), Core::Text("${id}"));
    assert_eq!(core("h"), Core::Text("null"), "a value that was put in never makes a key go away");
}

/// Reads a tree by hand and complains about one node in it.
#[derive(Debug)]
struct Matcher;

impl<'de> Deserialize<'de> for Matcher {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let tree = Tree::deserialize(d)?;
        match tree.0.get("one-of") {
            Some(node) if node.items().is_none() => Err(de::Error::custom(Complaint::expected("a list").at(node).write("[a]"))),
            _ => Ok(Self),
        }
    }
}

#[test]
fn a_complaint_about_a_node_inside_a_tree_stands_at_that_node() {
    told::<BTreeMap<String, Matcher>>(
        "x: { one-of: a }\ny: { one-of: [a] }\nz: { one-of: 1 }\n",
        &["1:14 x.one-of: expected a list, got `a`", "3:14 z.one-of: expected a list, got 1"],
    );
}

#[derive(Debug, PartialEq)]
struct Pieces(Vec<(u8, String)>);

impl<'de> Deserialize<'de> for Pieces {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct V;
        impl<'de> Visitor<'de> for V {
            type Value = Pieces;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text")
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<Pieces, A::Error> {
                let mut all = Vec::new();
                while let Some(piece) = seq.next_element()? {
                    all.push(piece);
                }
                Ok(Pieces(all))
            }
        }
        d.deserialize_newtype_struct(TEXT, V)
    }
}

#[test]
fn a_text_is_given_in_pieces_and_nothing_in_a_value_is_expanded() {
    let check = |text: &str, expected: &[(u8, &str)]| {
        let expected = expected.iter().map(|(k, t)| (*k, (*t).to_owned())).collect();
        assert_eq!(typed::<Pieces>(text), Pieces(expected), "{text}");
    };
    check("plain", &[(0, "plain")]);
    check("200", &[(0, "200")]);
    check("a ${four} b", &[(0, "a 4 b")]);
    check("\"${nested}\"", &[(0, "${four}")]);
    check("$${four} $5 ${four}", &[(0, "${four} $5 4")]);
    check("Bearer ${token}", &[(0, "Bearer "), (1, "s3cr3t-value")]);
    check("/jobs/${id}/x${four}", &[(0, "/jobs/"), (2, "id"), (0, "/x4")]);
    told::<Pieces>("[a]", &["1:1 expected text, got a list"]);
    told::<Pieces>("null", &["1:1 expected text, got nothing"]);
}

#[test]
fn a_substituted_value_fits_a_typed_field_and_is_told_with_its_giver_where_it_does_not() {
    assert_eq!(typed::<u16>("\"${four}\""), 4);
    assert_eq!(typed::<u16>("\"${four}0\""), 40);
    assert!(typed::<bool>("\"${flag}\""));
    assert_eq!(*typed::<Dur>("\"${wait}\""), Duration::from_secs(3));
    assert_eq!(typed::<Option<String>>("${null_word}"), Some("null".to_owned()));
    told::<u16>("\"${wait}\"", &["1:1 expected a whole number from 0 to 65535, got `3s` (`${wait}` from --var wait)"]);
    told::<Dur>("\"${four}\"", &["1:1 expected a duration such as 200ms, got 4 (`${four}` from --var four)"]);
    told::<u16>("\"${id}\"", &["1:1 `${id}` is known only at run time and cannot stand here"]);
    told::<String>("\"${token}\"", &["1:1 `${token}` is a secret and cannot stand here"]);
    told::<serde_json::Value>("{ a: \"${token}\" }", &["1:6 a: `${token}` is a secret and cannot stand here"]);
}

#[test]
fn a_secret_is_in_no_message_and_no_debug_text() {
    let (source, root) = load("get: \"${token}\"\nat: \"x${token}\"\n");
    let problems = read::<With<Request, Observe>>(&source, &root, "").unwrap_err();
    let text: String = problems.iter().map(Problem::to_string).chain([format!("{root:?} {problems:?}")]).collect();
    assert!(!text.contains("s3cr3t"), "{text}");
    assert_eq!(problems.len(), 2);
}

#[test]
fn untyped_values_follow_yaml_1_2_and_numbers_are_jsons() {
    let value: serde_json::Value = typed("[1, -2, 1.5, true, yes, 08, null, \"1\", None, 18446744073709551615]");
    assert_eq!(value, serde_json::json!([1, -2, 1.5, true, "yes", "08", null, "1", "None", 18_446_744_073_709_551_615_u64]));
    assert_eq!(typed::<String>("08"), "08");
    assert_eq!(typed::<i8>("-128"), -128);
    assert_eq!(typed::<BTreeMap<u16, String>>("{ 200: ok }")[&200], "ok");
    assert_eq!(typed::<String>("!!str 5"), "5");
    assert_eq!(typed::<String>(">-\n a\n b\n"), "a b");
    assert!(matches!(typed::<f64>("1e3"), n if n == 1000.0));
}

#[test]
fn a_comment_that_cuts_a_value_is_told_and_an_ordinary_one_is_not() {
    let check = |text: &str, expected: Option<&str>| {
        let (source, root) = load(text);
        let told = comment_cut(&source, "name", root.get("name").unwrap()).map(|p| p.to_string());
        assert_eq!(told.as_deref(), expected, "{text}");
    };
    check(
        "name: job #5\n",
        Some(
            "s.yaml:1:11: warning: `#5` is a comment and not part of the value\n  1 | name: job #5\n    |           ^^\n  help: quote it: `name: \"job #5\"`\n",
        ),
    );
    check("name: job # the fifth\n", None);
    check("name: job#5\n", None);
    check("name: \"job\" #5\n", None);
    check("name: job\n#5\n", None);
    check("name: job\n", None);
}

#[test]
fn a_name_with_a_comma_is_found_from_its_halves() {
    let known = ["start, then stop", "other"];
    assert_eq!(joined_by_comma(&["start", "then stop"], 0, known), Some("start, then stop"));
    assert_eq!(joined_by_comma(&["start", "then stop"], 1, known), Some("start, then stop"));
    assert_eq!(joined_by_comma(&["stop", "other"], 0, known), None);
}

#[test]
fn the_schema_of_a_shared_map_holds_the_keys_of_both() {
    #[derive(schemars::JsonSchema)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its schema is looked at")]
    struct A {
        get: Sp<String>,
        wait: Option<Sp<Dur>>,
    }
    #[derive(schemars::JsonSchema)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its schema is looked at")]
    struct B {
        at: Many<String>,
        body: Option<Tree>,
    }
    let schema = schemars::schema_for!(With<A, B>).to_value();
    assert_eq!(schema["required"], serde_json::json!(["get", "at"]));
    assert_eq!(schema["additionalProperties"], serde_json::json!(false));
    let keys: Vec<&str> = schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys.len(), 4, "{keys:?}");
    assert_eq!(schema["properties"]["get"], serde_json::json!({ "type": "string" }));
    assert!(schema["$defs"]["Duration"]["pattern"].as_str().unwrap().contains("ms"));
}
