//! Which checks run, and the commands that only look: `list`, `lint`, `render`, `--dry-run`.

use super::case::{Case, suite};
use super::server::Server;

const CHECKS: &str = "- name: the gate\n  gate: true\n  tags: [smoke]\n  http: { get: /gate }\n\
     - name: first\n  tags: [smoke, api]\n  http: { get: /first }\n\
     - name: second\n  tags: [api, slow]\n  needs: first\n  http: { get: /second }\n\
     - name: third\n  tags: [slow]\n  http: { get: /third }\n";

fn case() -> (Case, Server) {
    let server = Server::json(200, "{}");
    let other = suite("other", &server.url(), "- name: fourth\n  tags: [odd]\n  http: { get: /fourth }\n");
    let case = Case::new(&[("suites/it.suite.yaml", &suite("it", &server.url(), CHECKS)), ("suites/other.suite.yaml", &other)]);
    (case, server)
}

/// Runs with these flags, and holds what came to these paths, gates first.
#[track_caller]
fn check(flags: &[&str], expected: &[&str]) {
    let (case, server) = case();
    let args: Vec<&str> = ["run"].iter().chain(flags).copied().collect();
    case.call(&args).ends(0);
    let mut came: Vec<String> = server.came().iter().map(|c| c.path().to_owned()).collect();
    came.sort();
    let mut expected = expected.to_vec();
    expected.sort_unstable();
    assert_eq!(came, expected, "{flags:?}");
    // What is listed is what runs.
    let args: Vec<&str> = ["list", "--json"].iter().chain(flags).copied().collect();
    let listed: serde_json::Value = serde_json::from_str(&case.call(&args).ends(0).out).unwrap();
    assert_eq!(listed.as_array().unwrap().len(), expected.len(), "{flags:?}: {listed}");
}

#[test]
fn without_flags_all_of_the_folder_suites_runs() {
    check(&[], &["/gate", "/first", "/second", "/third", "/fourth"]);
}

#[test]
fn tags_choose_and_what_is_needed_comes_with_them() {
    check(&["--tag", "odd"], &["/fourth"]);
    check(&["--tag", "slow", "--tag", "odd"], &["/first", "/second", "/third", "/fourth"]);
    check(&["--tag", "slow", "--skip-tag", "api"], &["/third"]);
    check(&["--skip-tag", "slow", "suites/it.suite.yaml"], &["/gate", "/first"]);
}

#[test]
fn filters_choose_by_name_and_by_suite() {
    check(&["--filter", "SECOND"], &["/first", "/second"]);
    check(&["--filter", "other: "], &["/fourth"]);
    check(&["--filter", "/^third$/", "--filter", "fourth"], &["/third", "/fourth"]);
}

#[test]
fn each_check_stands_in_one_shard() {
    let (case, server) = case();
    for part in ["1/3", "2/3", "3/3"] {
        case.call(&["run", "--shard", part]).ends(0);
    }
    for path in ["/first", "/second", "/third", "/fourth"] {
        assert_eq!(server.came().iter().filter(|c| c.path() == path).count(), 1, "{path}");
    }
}

#[test]
fn a_shard_that_the_split_left_empty_fails_no_pipeline() {
    let (case, server) = case();
    let mut empty = 0;
    for part in 1..=8 {
        let (shard, json, junit) = (format!("{part}/8"), format!("json={part}.json"), format!("junit={part}.xml"));
        let seen = case.call(&["run", "--shard", &shard, "--report", &json, "--report", &junit]).ends(0);
        if seen.err.contains("passed=0 ") {
            empty += 1;
            let seen = seen.tells(&format!("nothing  shard {shard} has nothing to judge: "));
            seen.tells(" checks that decide are in other shards").tells("CLEAR  verdict=nothing-judged exit=0 passed=0 ");
            assert!(case.read(&format!("{part}.xml")).contains("<skipped"), "a reader of JUnit finds one case");
            case.call(&["list", "--shard", &shard]).ends(0).prints("0 checks in 0 suites");
            case.call(&["run", "--dry-run", "--shard", &shard]).ends(0);
            case.call(&["report", &format!("{part}.json")]).ends(0).tells("has nothing to judge");
        }
    }
    assert_eq!(empty, 4, "five checks make four groups, since one needs another");
    let came = server.came();
    for path in ["/first", "/second", "/third", "/fourth"] {
        assert_eq!(came.iter().filter(|c| c.path() == path).count(), 1, "{path}");
    }
    let records: Vec<String> = (1..=8).map(|part| format!("{part}.json")).collect();
    let all: Vec<&str> = ["report"].into_iter().chain(records.iter().map(String::as_str)).collect();
    case.call(&all).ends(0).tells("CLEAR  verdict=pass exit=0 passed=5 ");
    case.call(&all[..8]).ends(4).tells("shard 8/8 is missing");
}

#[test]
fn shards_that_are_empty_with_all_others_are_nothing_judged() {
    let (case, _server) = case();
    case.call(&["run", "--shard", "3/8", "--filter", "nothing like it"]).ends(5);
    // Only skipped and advisory checks: no shard judges anything that decides.
    let server = Server::json(200, "{}");
    let checks = "- name: it writes\n  http: { post: /a, json: {} }\n- name: it is nice\n  severity: advisory\n  http: { get: /b }\n";
    let case = Case::suite(&server.url(), checks);
    for part in ["1/3", "2/3", "3/3"] {
        case.call(&["run", "it.suite.yaml", "--shard", part]).ends(5).tells("verdict=nothing-judged");
    }
    // One that is skipped is no reason either, while another shard judges.
    let case = Case::suite(&server.url(), &format!("{checks}- name: it is up\n  http: {{ get: /c }}\n"));
    let parts = ["1/3", "2/3", "3/3"]
        .map(|part| case.call(&["run", "it.suite.yaml", "--shard", part, "--report", &format!("json={}.json", &part[..1])]));
    assert_eq!(parts.iter().filter(|seen| seen.err.contains("verdict=pass")).count(), 1);
    parts.into_iter().for_each(|seen| drop(seen.ends(0)));
    case.call(&["report", "1.json", "2.json", "3.json"]).ends(0).tells("passed=2 failed=0");
}

#[test]
fn commands_that_only_look_send_nothing() {
    let (case, server) = case();
    case.call(&["run", "--dry-run"]).ends(0).prints("it\n  the gate  [http, read, gate, #smoke]").prints("nothing was sent");
    case.call(&["list"]).ends(0).prints("      needs       first").prints("5 checks in 2 suites; nothing was sent");
    case.call(&["lint"]).ends(0).tells("ok: 2 suites, 5 checks, 5 clauses");
    case.call(&["render"]).ends(0).prints("the gate");
    assert_eq!(server.dials(), 0);
}

#[test]
fn listing_needs_no_secret_and_running_does() {
    let server = Server::json(200, "{}");
    let case = Case::new(&[
        ("suites/it.suite.yaml", &suite("it", &server.url(), "- name: a\n  http: { get: /a, auth: { bearer: '${token}' } }\n")),
        ("suites/environments/stage.env.yaml", "environment: stage\nsecrets: { token: { env: NOT_SET_ANYWHERE } }\n"),
    ]);
    case.call(&["list", "--env", "stage"]).ends(0);
    case.call(&["run", "--env", "stage"]).ends(2).tells("NOT_SET_ANYWHERE is not set");
    assert_eq!(server.dials(), 0);
}

#[test]
fn fail_fast_starts_nothing_after_the_first_failure() {
    let server = Server::json(404, "{}");
    let case = Case::suite(&server.url(), &["a", "b", "c"].map(|n| format!("- name: {n}\n  http: {{ get: /{n} }}\n")).concat());
    case.call(&["run", "it.suite.yaml", "--fail-fast", "-j", "1"]).ends(1).tells("failed=1").tells("skipped=2");
    assert_eq!(server.came().len(), 1);
}

#[test]
fn variables_stand_in_for_flags_and_empty_ones_do_not() {
    let server = Server::json(200, "{}");
    let case = Case::new(&[
        ("suites/it.suite.yaml", &suite("it", &server.url(), "- name: a\n  http: { get: '/${path}' }\n")),
        ("suites/environments/stage.env.yaml", "environment: stage\nvars: { path: stage }\n"),
        ("vars.txt", "path=file\n"),
    ]);
    let last = |vars: &[(&str, &str)], args: &[&str]| {
        case.call_with(vars, args).ends(0);
        server.came().last().unwrap().path().to_owned()
    };
    assert_eq!(last(&[("ALLCLEAR_ENV", "stage")], &[]), "/stage");
    assert_eq!(last(&[("ALLCLEAR_ENV", "stage"), ("ALLCLEAR_JOBS", "")], &["run"]), "/stage");
    assert_eq!(last(&[("ALLCLEAR_ENV", ""), ("ALLCLEAR_DEADLINE", ""), ("ALLCLEAR_VAR_path", "own")], &["run"]), "/own");
    assert_eq!(last(&[("ALLCLEAR_ENV", "stage")], &["run", "--var-file", "vars.txt"]), "/file");
    assert_eq!(last(&[("ALLCLEAR_ENV", "stage"), ("ALLCLEAR_VAR_PATH", "own")], &["run", "--var-file", "vars.txt"]), "/own");
    assert_eq!(last(&[("ALLCLEAR_ENV", "stage"), ("ALLCLEAR_VAR_path", "own")], &["run", "--var", "path=flag"]), "/flag");
    case.call_with(&[("ALLCLEAR_ENV", "nowhere")], &[]).ends(2).tells("no environment `nowhere`");
    case.call_with(&[("ALLCLEAR_JOBS", "many")], &[]).ends(2).tells("many");
}
