//! Mistakes people make in suite files, with the exact text they are told.

use crate::{
    model::Source,
    reader::{Bytes, Document, Dur, Keys, Many, Problem, Resolver, Sp, Tree, Value, With, comment_cut, expand, open, parse, read},
};
use serde::Deserialize;
use std::{collections::BTreeMap, sync::Arc};

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
    {
        all.extend(read::<Check>(&source, &doc.root, "").err().unwrap_or_default());
    }
    all
}

#[track_caller]
fn check(text: &str, expected: &str) {
    let told: String = problems(text).iter().map(Problem::to_string).collect();
    assert_eq!(told, expected, "\n--- told:\n{told}\n--- expected:\n{expected}");
}

#[test]
fn show_all() {
    let all = std::fs::read_to_string("/tmp/wt/cases.txt").unwrap();
    let mut out = String::new();
    for case in all.split("\n%%\n") {
        let told: String = problems(case).iter().map(Problem::to_string).collect();
        out += &format!("{case}\n@@\n{told}\n%%\n");
    }
    std::fs::write("/tmp/wt/told.txt", out).unwrap();
}
