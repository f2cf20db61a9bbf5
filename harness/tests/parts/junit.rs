//! JUnit read back by programs of others.

use super::program::{Reference, expect_code, record, run_suite};
use allclear::report::inert;
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Command, Output};

/// Names that try to break out of XML, of a terminal and of a CI log, as YAML writes them between double quotes.
const HOSTILE: &[&str] =
    &["]]></failure><injected/>", "<script>alert(1)</script>", "::error::no", "&amp; & \\x07", "\\x1b[31mred", "\\uFFFE", "\\u202Ebidi"];

pub(crate) fn junit_of_hostile_text_is_well_formed(xmllint: &Path) -> Result<(), String> {
    let folder = hostile_run()?;
    let lint = |file: &Path| Command::new(xmllint).arg("--noout").arg(file).output().map_err(|e| e.to_string());
    expect_code(&lint(&folder.path().join("junit.xml"))?, 0)?;
    let text = std::fs::read_to_string(folder.path().join("junit.xml")).map_err(|e| e.to_string())?;
    if text.contains("<injected/>") && !text.contains("<![CDATA[") {
        return Err("text of a check became an element".to_owned());
    }
    // Its twin: half a file is not well-formed.
    let half = folder.path().join("half.xml");
    std::fs::write(&half, text.get(..text.len() / 2).unwrap_or_default()).map_err(|e| e.to_string())?;
    if lint(&half)?.status.success() { Err("half a file is taken for a whole one".to_owned()) } else { Ok(()) }
}

/// The committed files, which the tests of the reporter hold equal to what is written today.
pub(crate) fn an_independent_reader_reads_the_fixed_corpus(python: &Path) -> Result<(), String> {
    let read = read_back(python, &Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/junit"))?;
    expect_code(&read, 0)?;
    let said = String::from_utf8_lossy(&read.stdout);
    if said.contains("ok   hostile.xml") && said.contains("0 problems") { Ok(()) } else { Err(format!("not read: {said}")) }
}

/// A run of now, with every result that a case may have, and names that are hostile.
pub(crate) fn an_independent_reader_counts_what_we_counted(python: &Path) -> Result<(), String> {
    let folder = hostile_run()?;
    let record = record(folder.path())?;
    let checks = record["checks"].as_array().ok_or("no checks in the record")?;
    let mut cases: Vec<Value> = checks.iter().map(case).collect();
    for result in ["passed", "failure", "skipped"] {
        if !cases.iter().any(|c| c[2] == result) {
            return Err(format!("the run has no case that is {result}: {cases:?}"));
        }
    }
    let expect = |cases: &[Value]| {
        let text = json!({ "junit": cases }).to_string();
        std::fs::write(folder.path().join("expected.json"), text).map_err(|e| e.to_string())
    };
    expect(&cases)?;
    expect_code(&read_back(python, folder.path())?, 0)?;
    // Its twin: a reader that agrees with anything would agree with this too.
    cases[0][2] = json!("error");
    expect(&cases)?;
    expect_code(&read_back(python, folder.path())?, 1)
}

/// One check of a record as a reader of JUnit should see it: class, name, result.
fn case(check: &Value) -> Value {
    let shown = |key: &str| inert::line(check["check"][key].as_str().unwrap_or_default()).into_owned();
    let result = match check["verdict"].as_str() {
        Some("pass") => "passed",
        Some("fail") => "failure",
        Some("inconclusive" | "error") => "error",
        _ => "skipped",
    };
    json!([shown("suite"), shown("name"), result])
}

fn read_back(python: &Path, folder: &Path) -> Result<Output, String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ci/read-junit.py");
    Command::new(python).arg(script).arg(folder).output().map_err(|e| e.to_string())
}

/// Two checks for each hostile name, one that holds and one that does not; one that is blocked, one that is skipped.
fn hostile_run() -> Result<tempfile::TempDir, String> {
    let service = Reference::start(&[])?;
    let mut suite = format!("suite: \"hostile ]]>\"\ntargets: {{ api: {{ url: 'http://{}' }} }}\nchecks:\n", service.address);
    for (i, name) in HOSTILE.iter().enumerate() {
        suite += &format!("  - {{ name: \"{i} holds {name}\", http: {{ get: /health }} }}\n");
        suite += &format!("  - {{ name: \"{i} fails {name}\", http: {{ get: /health, expect: {{ status: 404 }} }} }}\n");
    }
    suite += &format!("  - {{ name: blocked, needs: [\"0 fails {}\"], http: {{ get: /health }} }}\n", HOSTILE[0]);
    suite += "  - { name: skipped, http: { post: /api/v1/jobs, json: {} } }\n";
    let (output, folder) = run_suite(&suite)?;
    expect_code(&output, 1)?;
    Ok(folder)
}
