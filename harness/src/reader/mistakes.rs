//! Mistakes people make in suite files, with the exact text they are told.

use crate::reader::{Bytes, Dur, Many, Problem, Resolver, Sp, Tree, Value, expand, open, parse, read};
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[expect(dead_code, reason = "only its reading is tested")]
struct Health {
    get: Sp<String>,
    within: Option<Sp<Dur>>,
    status: Option<u16>,
    limit: Option<Bytes>,
    fast: Option<bool>,
    score: Option<f64>,
    needs: Option<Many<String>>,
    json: Option<BTreeMap<String, Tree>>,
    headers: Option<BTreeMap<String, Option<String>>>,
    mode: Option<Mode>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Mode {
    Strict,
    Loose,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only its reading is tested")]
struct Check {
    health: Health,
}

struct Names;

impl Resolver for Names {
    fn value(&self, name: &str) -> Value {
        match name {
            "base" => Value::Plain("http://x".into(), "stage.env.yaml:3:9".into()),
            "max" => Value::Plain("4x".into(), "--var max".into()),
            "four" => Value::Plain("4".into(), "--var four".into()),
            "nested" => Value::Plain("${base}".into(), "--var nested".into()),
            "token" => Value::Secret(crate::model::Secret::new("s3cr3t-value")),
            "id" => Value::Deferred,
            "none" => Value::Empty,
            _ => Value::Unknown { did_you_mean: crate::reader::nearest(name, ["base", "four"]).map(str::to_owned) },
        }
    }
}

fn problems(text: &str) -> Vec<Problem> {
    let source = match open("s.yaml", text.as_bytes()) {
        Ok(source) => source,
        Err(problem) => return vec![*problem],
    };
    let mut doc = match parse(&source) {
        Ok(doc) => doc,
        Err(problem) => return vec![*problem],
    };
    let mut all = std::mem::take(&mut doc.problems);
    all.extend(expand(&source, &mut doc.root, "", &Names));
    all.extend(read::<Check>(&source, &doc.root, "").err().unwrap_or_default());
    all
}

/// Each case of the golden file: the YAML, a line `@@`, what it is told, a line `%%`.
#[test]
fn every_mistake_is_told_with_line_column_and_the_way_out() {
    let golden = include_str!("mistakes.golden");
    let mut count = 0;
    for case in golden.split_inclusive("\n%%\n") {
        let (yaml, _) = case.split_once("\n@@\n").expect("every case of the golden file has its `@@`");
        let told: String = problems(yaml).iter().map(Problem::to_string).collect();
        assert_eq!(format!("{yaml}\n@@\n{told}%%\n"), case, "\ntold:\n{told}");
        assert!(told.contains("s.yaml:"), "{yaml} is a mistake and was not told");
        count += 1;
    }
    assert!(count > 40, "only {count} cases");
}

#[test]
fn the_same_suite_without_the_mistake_is_told_nothing() {
    let good = "health:\n  get: \"${base}/h\"\n  within: 200ms\n  status: \"20${four}\"\n  limit: 50MiB\n  fast: true\n  score: 1.5\n  needs: a\n  json: { $.status: \"${id}\" }\n  headers: { a: null }\n  mode: strict\n";
    let told: String = problems(good).iter().map(Problem::to_string).collect();
    assert_eq!(told, "");
}
