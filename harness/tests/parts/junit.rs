//! JUnit read back by programs of others.

use super::program::{expect_code, record, run_suite};
use std::path::Path;
use std::process::Command;

/// Names that try to break out of XML, of a terminal and of a CI log.
const HOSTILE: &[&str] = &[
    "]]></failure><injected/>",
    "<script>alert(1)</script>",
    "::error::no",
    "&amp; & \\u0007",
    "\\u001b[31mred",
    "\\uFFFE",
    "\\u202Ebidi",
];

pub(crate) fn junit_of_hostile_text_is_well_formed(xmllint: &Path) -> Result<(), String> {
    let folder = hostile_run()?;
    let checked = Command::new(xmllint).arg("--noout").arg(folder.path().join("junit.xml")).output().map_err(|e| e.to_string())?;
    expect_code(&checked, 0)?;
    let text = std::fs::read_to_string(folder.path().join("junit.xml")).map_err(|e| e.to_string())?;
    if text.contains("<injected/>") && !text.contains("<![CDATA[") {
        return Err("text of a check became an element".to_owned());
    }
    Ok(())
}

pub(crate) fn an_independent_reader_counts_what_we_counted(python: &Path) -> Result<(), String> {
    let folder = hostile_run()?;
    let record = record(folder.path())?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ci/read-junit.py");
    let read = Command::new(python).arg(script).arg(folder.path().join("junit.xml")).output().map_err(|e| e.to_string())?;
    expect_code(&read, 0)?;
    let told: serde_json::Value =
        serde_json::from_slice(&read.stdout).map_err(|e| format!("{e}: {}", String::from_utf8_lossy(&read.stdout)))?;
    let checks = record["checks"].as_array().ok_or("no checks in the record")?;
    let failed = checks.iter().filter(|c| c["verdict"] == "fail").count();
    if told["tests"] == checks.len() && told["failures"] == failed && failed == HOSTILE.len() {
        Ok(())
    } else {
        Err(format!("the reader says {told}; the record has {} checks, {failed} failed", checks.len()))
    }
}

/// Checks with hostile names that all fail: nothing listens on the target.
fn hostile_run() -> Result<tempfile::TempDir, String> {
    let port = super::program::free_port();
    let mut suite = format!("suite: \"hostile ]]>\"\ntargets: {{ api: {{ url: 'http://127.0.0.1:{port}' }} }}\nchecks:\n");
    for (i, name) in HOSTILE.iter().enumerate() {
        suite += &format!(
            "  - name: \"{i} {}\"\n    http: {{ get: /, expect: {{ status: 200 }} }}\n",
            name.replace('\\', "\\\\").replace("\\\\u", "\\u")
        );
    }
    let (output, folder) = run_suite(&suite)?;
    expect_code(&output, 1)?;
    Ok(folder)
}
