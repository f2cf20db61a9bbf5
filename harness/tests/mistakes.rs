//! Every mistake in a suite or environment is told with the exact text that stands beside it, before anything is sent.
//!
//! `golden/mistakes/NAME.suite.yaml` is the mistake, `NAME.err` the whole text; the same for `golden/environments`.
//! With `ALLCLEAR_BLESS=1` in the environment the texts are written anew, to be read in the diff.

use allclear::plan::{Inputs, make};
use allclear::suite::{Given, Meaning};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// The text with which the plan is refused.
fn refused(inputs: &Inputs) -> String {
    match make(inputs) {
        Ok(plan) => panic!("nothing was refused: {} checks", plan.entries.len()),
        Err(refused) => {
            assert_eq!(refused.meaning, Meaning::Usage);
            refused.to_string()
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a test is its own main: it alone reads how it was called")]
fn is_blessed() -> bool {
    std::env::var_os("ALLCLEAR_BLESS").is_some()
}

/// Holds the text to the file beside the mistake.
fn hold(file: &Path, told: &str, wrong: &mut Vec<String>) {
    let name = file.file_name().unwrap().to_str().unwrap().split('.').next().unwrap();
    let golden = file.with_file_name(format!("{name}.err"));
    if is_blessed() {
        fs::write(&golden, told).unwrap();
    }
    let expected = fs::read_to_string(&golden).unwrap_or_default();
    if expected != told {
        wrong.push(format!("== {}\n-- expected\n{expected}\n-- told\n{told}", file.display()));
    }
}

fn files(folder: &str, end: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).filter(|p| p.to_str().unwrap().ends_with(end)).collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

#[test]
fn every_mistake_in_a_suite_is_told_with_its_exact_text() {
    let mut wrong = Vec::new();
    for file in files("tests/golden/mistakes", ".suite.yaml") {
        let told = refused(&Inputs { paths: vec![file.clone()], ..Inputs::default() });
        hold(&file, &told, &mut wrong);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_mistake_in_an_environment_is_told_with_its_exact_text() {
    let mut wrong = Vec::new();
    for file in files("tests/golden/environments", ".env.yaml") {
        let environment = Some(file.display().to_string());
        let told = refused(&Inputs { paths: vec!["tests/golden/one.suite.yaml".into()], environment, ..Inputs::default() });
        hold(&file, &told, &mut wrong);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A folder with one suite of these bytes, and what is told about it.
#[track_caller]
fn check_bytes(bytes: &[u8], expected: &str) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.suite.yaml");
    fs::write(&path, bytes).unwrap();
    let told = refused(&Inputs { paths: vec![path], ..Inputs::default() });
    let told = told.replace(&format!("{}/", folder.path().display()), "");
    assert_eq!(told, expected);
}

#[test]
fn bytes_that_are_no_suite_are_refused_before_they_are_read_as_one() {
    let large = [b"suite: a\n".as_slice(), &vec![b'#'; 1 << 20]].concat();
    check_bytes(
        &large,
        "a.suite.yaml: the file has 1048585 bytes, more than 1 MiB\n  help: split it into several files\n\n1 problem; nothing was sent\n",
    );
    check_bytes(
        b"suite: caf\xE9\n",
        "a.suite.yaml:1:11: the file is not UTF-8: byte 0xE9\n  1 | suite: caf\u{FFFD}\n    |           ^\n  help: save it as UTF-8\n\n1 problem; nothing was sent\n",
    );
    check_bytes(
        b"\xFF\xFEs\0u\0",
        "a.suite.yaml:1:1: the file is UTF-16, not UTF-8\n  help: save it as UTF-8\n\n1 problem; nothing was sent\n",
    );
}

/// Suites that are fine, called in a way that is not: what is told, and what it means.
#[track_caller]
fn check_call(files: &[(&str, &str)], call: impl FnOnce(&Path) -> Inputs, meaning: Meaning, expected: &str) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let refused = make(&call(folder.path())).expect_err("nothing was refused");
    assert_eq!(
        refused.to_string().replace(&format!("{}/", folder.path().display()), "").replace(&folder.path().display().to_string(), "."),
        expected
    );
    assert_eq!(refused.meaning, meaning);
}

const ONE: &str = "suite: one\ntargets: { api: { url: \"http://127.0.0.1:1\" } }\nchecks:\n  - name: it answers\n    tags: [smoke]\n    http: { get: /a }\n";

fn at(folder: &Path) -> Inputs {
    Inputs { paths: vec![folder.to_owned()], ..Inputs::default() }
}

#[test]
fn a_missing_path_is_a_usage_mistake_and_an_empty_folder_is_nothing_to_run() {
    let path = |folder: &Path, name: &str| Inputs { paths: vec![folder.join(name)], ..Inputs::default() };
    check_call(
        &[("api.suite.yaml", ONE)],
        |f| path(f, "apii.suite.yaml"),
        Meaning::Usage,
        "apii.suite.yaml: no such file or folder\n  help: did you mean `api.suite.yaml`?\n\n1 problem; nothing was sent\n",
    );
    check_call(
        &[],
        at,
        Meaning::NothingToRun,
        ".: the folder is empty\n  help: suites are named `NAME.suite.yaml`\n\nnothing to run; nothing was sent\n",
    );
    check_call(
        &[("api.yaml", ONE)],
        at,
        Meaning::NothingToRun,
        ".: no suite files in this folder\n  help: suites are named `NAME.suite.yaml`; is `api.yaml` one? Name it `api.suite.yaml`\n\nnothing to run; nothing was sent\n",
    );
    check_call(
        &[("stage.env.yaml", "environment: stage\n")],
        |f| path(f, "stage.env.yaml"),
        Meaning::Usage,
        "stage.env.yaml: an environment, not a suite\n  help: give it by `--env stage.env.yaml`, and a suite as the path\n\n1 problem; nothing was sent\n",
    );
}

#[test]
fn a_selection_that_matches_nothing_is_nothing_to_run_with_its_reason() {
    let select = |change: fn(&mut Inputs)| {
        move |f: &Path| {
            let mut inputs = at(f);
            change(&mut inputs);
            inputs
        }
    };
    check_call(
        &[("api.suite.yaml", ONE)],
        select(|i| i.selection.tags = vec!["smke".to_owned()]),
        Meaning::NothingToRun,
        "--tag smke: no check has this tag\n  help: did you mean `--tag smoke`?\n\nnothing to run; nothing was sent\n",
    );
    check_call(
        &[("api.suite.yaml", ONE)],
        select(|i| i.selection.filters = vec!["it answer not".to_owned()]),
        Meaning::NothingToRun,
        "--filter it answer not: none of the 1 checks matches\n  help: did you mean `--filter \"it answers\"`?\n\nnothing to run; nothing was sent\n",
    );
    check_call(
        &[("api.suite.yaml", ONE)],
        select(|i| i.selection.filters = vec!["/(/".to_owned()]),
        Meaning::Usage,
        "--filter /(/: this is no regular expression: unclosed group\n  help: without the slashes it is taken as it stands\n\n1 problem; nothing was sent\n",
    );
}

#[test]
fn a_value_that_no_suite_uses_is_a_mistake_and_a_short_secret_too() {
    let given = |given: Given| move |f: &Path| Inputs { given, ..at(f) };
    let pair = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
    let suite = ONE.replace("/a }", "\"/${max_jobs}\" }").replace("checks:", "vars: { max_jobs: 4 }\nchecks:");
    check_call(
        &[("api.suite.yaml", &suite)],
        given(Given { vars: pair("max_job", "5"), ..Given::default() }),
        Meaning::Usage,
        "--var max_job: no suite uses `${max_job}`\n  help: did you mean `--var max_jobs=…`?\n\n1 problem; nothing was sent\n",
    );
    check_call(
        &[("api.suite.yaml", &suite)],
        given(Given { secrets: pair("max_jobs", "dev"), ..Given::default() }),
        Meaning::Usage,
        "--secret max_jobs: a secret of 3 characters is too short to be masked; at least 8\n  help: use a longer one, or declare it in the environment with `mask: false`: masking a short word would rewrite others\n\n1 problem; nothing was sent\n",
    );
}

#[test]
fn an_unknown_environment_is_told_with_those_that_there_are() {
    let env = |name: &'static str| move |f: &Path| Inputs { environment: Some(name.to_owned()), ..at(f) };
    check_call(
        &[
            ("api.suite.yaml", ONE),
            ("environments/stage.env.yaml", "environment: stage\n"),
            ("environments/live.env.yaml", "environment: live\n"),
        ],
        env("stag"),
        Meaning::Usage,
        "--env stag: there is no environment `stag`\n  help: did you mean `stage`? There is `live`, `stage`\n\n1 problem; nothing was sent\n",
    );
    check_call(
        &[("api.suite.yaml", ONE), ("environments/prod.env.yaml", "environment: stage\n")],
        env("prod"),
        Meaning::Usage,
        "environments/prod.env.yaml:1:14: environment: the file is `prod.env.yaml`, but it says `stage`\n  1 | environment: stage\n    |              ^^^^^\n  help: write `environment: prod`, or rename the file: reports show this name\n\n1 problem; nothing was sent\n",
    );
}
