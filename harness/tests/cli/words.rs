//! Help, explanations, schemas and completions: what people read before they run anything.

use super::case::Case;
use std::path::Path;

fn call(args: &[&str]) -> super::case::Seen {
    Case::new(&[]).call(args)
}

/// The text as it stands in `golden/help/NAME.txt`; with `ALLCLEAR_BLESS=1` it is written anew, to be read in the diff.
#[track_caller]
fn golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/help").join(format!("{name}.txt"));
    if std::env::var_os("ALLCLEAR_BLESS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, expected, "{}", path.display());
}

#[test]
fn the_help_of_every_command_is_as_it_was_read_last() {
    golden("allclear", &call(&["--help"]).ends(0).out);
    for command in ["run", "lint", "list", "render", "explain", "wait", "init", "schema", "report", "completions"] {
        let help = call(&[command, "--help"]).ends(0);
        assert!(help.err.is_empty());
        golden(command, &help.out);
    }
}

#[test]
fn the_version_is_told() {
    call(&["--version"]).ends(0).prints(&format!("allclear {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn every_clause_and_kind_that_is_listed_is_explained() {
    let all = call(&["explain"]).ends(0).out;
    let clauses: Vec<&str> = all.lines().filter_map(|l| l.strip_prefix("  ")).filter_map(|l| l.split_whitespace().next()).collect();
    let kinds: Vec<&str> = all.lines().filter(|l| !l.starts_with(' ') && !l.contains(' ') && !l.is_empty()).collect();
    assert!(clauses.len() > 20 && kinds.len() >= 3, "{all}");
    for clause in &clauses {
        let told = call(&["explain", clause]).ends(0).out;
        assert!(told.starts_with(&format!("{clause}: ")), "{told}");
        for row in ["kind ", "judged ", "impact "] {
            assert!(told.lines().any(|l| l.starts_with(row)), "{clause}: no {row}");
        }
    }
    for kind in kinds {
        let page = call(&["explain", kind]).ends(0).out;
        assert!(page.contains("CLAUSES") && clauses.iter().filter(|c| page.contains(*c)).count() > 1, "{kind}");
    }
}

#[test]
fn what_is_not_known_is_answered_with_what_was_meant() {
    call(&["explain", "health/fsat"]).ends(2).tells("did you mean `health/fast`?");
    call(&["explain", "raedy"]).ends(2).tells("did you mean `ready`?");
    call(&["explain", "exit-code"]).ends(2).tells("did you mean `exit-codes`?");
    call(&["explain", "zzzzzzzzzzzzzzz"]).ends(2).tells("`allclear explain` lists all").hides("did you mean");
    call(&["rnu"]).ends(2).tells("run");
    call(&["run", "--tags", "x"]).ends(2).tells("--tag");
}

#[test]
fn a_folder_in_place_of_a_command_is_answered_with_the_command() {
    let case = Case::suite("http://127.0.0.1:1", "- name: a\n  http: { get: / }\n");
    case.call(&["it.suite.yaml"]).ends(2).tells("tip: to run the suites there: allclear run it.suite.yaml");
}

#[test]
fn schemas_are_those_of_the_library() {
    let json = |args: &[&str]| serde_json::from_str::<serde_json::Value>(&call(args).ends(0).out).unwrap();
    assert_eq!(json(&["schema"]), allclear::suite::suite_schema());
    assert_eq!(json(&["schema", "suite"]), allclear::suite::suite_schema());
    assert_eq!(json(&["schema", "environment"]), allclear::suite::environment_schema());
    let record: serde_json::Value = serde_json::from_str(&call(&["schema", "record"]).ends(0).out).unwrap();
    assert_eq!(record["properties"]["format"]["type"], "integer");
    call(&["schema", "bogus"]).ends(2).tells("record");
}

#[test]
fn a_record_keeps_to_its_schema() {
    let server = super::server::Server::json(404, "{}");
    let case = Case::suite(
        &server.url(),
        "- name: a\n  http: { get: / }\n- name: b\n  needs: a\n  http: { get: / }\n- name: c\n  http: { post: / }\n",
    );
    case.call(&["run", "it.suite.yaml", "--report", "json=run.json", "--shard", "1/1"]).ends(1);
    let schema: serde_json::Value = serde_json::from_str(&call(&["schema", "record"]).out).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let record = case.json("run.json");
    let wrong: Vec<String> = validator.iter_errors(&record).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn completions_are_scripts_that_their_shells_can_read() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        call(&["completions", shell]).ends(0).prints("allclear").prints("deny-skips");
    }
    let script = call(&["completions", "bash"]).out;
    let case = Case::new(&[("allclear.bash", &script)]);
    let parsed = std::process::Command::new("bash").arg("-n").arg(case.path("allclear.bash")).output().unwrap();
    assert!(parsed.status.success(), "{}", String::from_utf8_lossy(&parsed.stderr));
    call(&["completions", "tcsh"]).ends(2).tells("bash");
}
