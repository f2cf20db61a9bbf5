//! The command that shows a failed check again does so: as it is told, in a shell, with the values of the run.

use super::case::{Case, Seen, suite};
use super::server::Server;

/// What stands behind `again`.
fn again(seen: &Seen) -> String {
    let line = seen.err.lines().find_map(|line| line.trim_start().strip_prefix("again")).expect("the command is told");
    line.trim().to_owned()
}

/// Runs it as somebody would who copies it, and holds what then comes to the server to what came before.
#[track_caller]
fn shows_the_same(case: &Case, server: &Server, args: &[&str], vars: &[(&str, &str)]) -> String {
    let seen = case.call_with(vars, args).ends(1);
    let last = || server.came().iter().rfind(|c| c.header("x-who").is_some()).cloned().expect("the check sends one");
    let first = last();
    let before = server.came().len();
    let command = again(&seen);
    let script = command.replacen("allclear", concat!("exec '", env!("CARGO_BIN_EXE_allclear"), "'"), 1);
    let output = std::process::Command::new("sh").current_dir(case.folder()).args(["-c", &script]).output().unwrap();
    Seen::from(output).ends(1).tells("failed=1");
    assert!(server.came().len() > before, "{command}");
    let second = last();
    assert_eq!((first.line(), first.header("x-who")), (second.line(), second.header("x-who")), "{command}");
    command
}

fn case(server: &Server) -> Case {
    let check = "- name: it's \"there\"\n  http: { get: '/${path}', headers: { x-who: '${who}' } }\n";
    Case::new(&[
        ("suites/it.suite.yaml", &suite("it", &server.url(), check)),
        (
            "suites/other.suite.yaml",
            &suite("other", &server.url(), "- name: another\n  http: { get: '/${elsewhere}', expect: { status: 404 } }\n"),
        ),
        ("suites/environments/stage.env.yaml", "environment: stage\nvars: { path: stage, who: env, elsewhere: x }\n"),
        ("here.env.yaml", "environment: here\nvars: { path: here, who: env, elsewhere: x }\n"),
        ("who.txt", "who=file\n"),
    ])
}

#[test]
fn values_that_were_given_are_given_again_quoted_for_a_shell() {
    let server = Server::json(404, "{}");
    let case = case(&server);
    let told = shows_the_same(&case, &server, &["run", "-e", "stage"], &[]);
    assert_eq!(told, r#"allclear run suites/it.suite.yaml --filter 'it'\''s "there"' -e stage"#);
    let hard = "who=a b'c $HOME `x` \\ !";
    let told = shows_the_same(&case, &server, &["run", "-e", "stage", "--var", "path=p-1", "--var", hard], &[]);
    assert!(told.ends_with(r"-e stage --var path=p-1 --var 'who=a b'\''c $HOME `x` \ !'"), "{told}");
    let told = shows_the_same(&case, &server, &["run", "-e", "./here.env.yaml", "--var-file", "who.txt"], &[]);
    assert!(told.ends_with("-e ./here.env.yaml --var-file who.txt"), "{told}");
    let told = shows_the_same(&case, &server, &["run", "-e", "stage"], &[("ALLCLEAR_VAR_WHO", "pipeline")]);
    assert!(told.ends_with("--var who=pipeline"), "{told}");
}

#[test]
fn a_value_that_only_another_suite_uses_is_left_out() {
    // It would be refused: no suite of that command uses it.
    let server = Server::json(404, "{}");
    let told = shows_the_same(&case(&server), &server, &["run", "-e", "stage", "--var", "elsewhere=y"], &[]);
    assert!(told.ends_with("-e stage"), "{told}");
}

#[test]
fn of_a_secret_only_the_name_is_told() {
    let server = Server::json(404, "{}");
    let case = case(&server);
    let reports = ["--report", "json=run.json", "--report", "junit=j.xml"];
    let seen = case.call(&[&["run", "-e", "stage", "--secret", "who=hunter2hunter2"], &reports[..]].concat()).ends(1);
    assert!(again(&seen).ends_with("-e stage --secret \"who=…\""), "{}", again(&seen));
    seen.hides("hunter2");
    for file in ["run.json", "j.xml"] {
        assert!(case.read(file).contains("who=…") && !case.read(file).contains("hunter2"), "{file}");
    }
    // A secret inside of a plain value is masked there as everywhere.
    let seen = case.call(&["run", "-e", "stage", "--secret", "who=hunter2hunter2", "--var", "path=hunter2hunter2"]).ends(1);
    seen.tells("--var \"path=***\"").hides("hunter2");
}

#[test]
fn a_report_made_later_tells_the_same_command() {
    let server = Server::json(404, "{}");
    let case = case(&server);
    let seen = case.call(&["run", "-e", "stage", "--var", "path=p", "--report", "json=run.json"]).ends(1);
    assert_eq!(again(&case.call(&["report", "run.json"]).ends(1)), again(&seen));
}
