//! What a run starts for itself, with real programs: named where it does not start, always ended, swept after a SIGKILL.

use super::case::Case;
use super::signals::{Child, signal, until};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

const READY: &str = "suite: it\nchecks:\n- name: it is ready\n  http: { get: /ready }\n  eventually: 30s\n";
/// Runs until it is ended from outside.
const WAITING: &str = "suite: it\nchecks:\n- name: it waits\n  http: { get: /nowhere }\n  eventually: 5m\n";
const DB: &str = "{ embedded: reference-dependency, sets: { db: \"${host}:${port}\" } }";

/// The reference service as a program of its own, ready by this.
fn service(ready: &str) -> String {
    let binary = env!("CARGO_BIN_EXE_allclear");
    format!("{{ run: [\"{binary}\", serve-reference, serve, --listen, \"${{host}}:${{port}}\", --db, \"${{db}}\"], ready: {ready} }}")
}

fn shell(script: &str) -> String {
    format!("{{ run: [/bin/sh, -c, \"{script}\"], within: 500ms }}")
}

/// A folder with one suite and an environment of one dependency and one process as service.
fn case(suite: &str, db: &str, service: &str) -> Case {
    let environment = format!(
        "environment: local\nallows: disrupt\nprovision:\n  dependencies: {{ db: {db} }}\n  service: {{ process: {service}, target: api }}\n"
    );
    Case::new(&[("it.suite.yaml", suite), ("environments/local.env.yaml", &environment)])
}

/// The processes that lease files tell, with their start times; none where there is no folder.
fn leases(case: &Case) -> Vec<(u32, u64)> {
    let files = fs::read_dir(case.path("out/leases")).into_iter().flatten().flatten();
    let lease = |path: &Path| {
        let lease: serde_json::Value = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
        Some((u32::try_from(lease["pid"].as_u64()?).ok()?, lease["started"].as_u64()?))
    };
    files.filter_map(|file| lease(&file.path())).collect()
}

fn runs((pid, started): (u32, u64)) -> bool {
    allclear::transport::process::started(pid) == Some(started)
}

const RUN: &[&str] = &["run", "it.suite.yaml", "--out", "out"];

#[test]
fn a_program_with_a_dependency_is_started_judged_and_ended() {
    for ready in ["{ get: /health }", "{ line: listening }", "{ tcp: \"${host}:${port}\" }"] {
        let case = case(READY, DB, &service(ready));
        case.call(RUN).ends(0).tells("CLEAR  verdict=pass exit=0 passed=1 ");
        assert_eq!(leases(&case), []);
    }
}

#[test]
fn a_service_that_ends_at_start_is_1_at_once_with_its_last_lines() {
    let script = "{ run: [/bin/sh, -c, \"echo 'no such table: jobs' >&2; exit 7\"], within: 10m }";
    let began = Instant::now();
    let seen = case(READY, DB, script).call(RUN).ends(1);
    assert!(began.elapsed() < Duration::from_secs(120), "its end is noticed, not waited for");
    let seen = seen.tells("environments/local.env.yaml:5:").tells("allclear run it.suite.yaml -e local\n");
    seen.tells("the service starts").tells("exit status: 7").tells("no such table: jobs").tells("verdict=fail exit=1 passed=0 failed=1");
}

#[test]
fn a_service_that_is_never_ready_is_1_and_a_dependency_that_is_never_ready_is_3() {
    let case_of = |db: &str, service: &str| case(READY, db, service);
    case_of(DB, &shell("echo starting; cat")).call(RUN).ends(1).tells("it was not ready within 500 ms");
    let db = format!("{{ process: {}, sets: {{ db: \"${{host}}:${{port}}\" }} }}", shell("echo starting; cat"));
    case_of(&db, &service("{ get: /health }")).call(RUN).ends(3).tells("`db` could not be started").tells("its last lines: starting");
}

#[test]
fn what_is_missing_or_taken_is_named_and_is_3() {
    let held = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = held.local_addr().unwrap().port();
    for (service, told) in [
        ("{ run: [no-such-service, --db, \"${db}\"] }".to_owned(), "`no-such-service` could not be started".to_owned()),
        (format!("{{ run: [cat], port: {port} }}"), format!("port {port} cannot be listened on, so `service` is not started")),
    ] {
        let case = case(READY, DB, &service);
        case.call(RUN).ends(3).tells("the service could not be started").tells(&told).tells("local.env.yaml:5:").tells("exit=3");
        assert_eq!(leases(&case), [], "the dependency was started in vain and is ended");
    }
    for (db, told) in [
        ("{ run: [no-such-database, --port, \"${port}\"] }".to_owned(), "`no-such-database` could not be started".to_owned()),
        (format!("{{ run: [cat], port: {port} }}"), format!("port {port} cannot be listened on, so `db` is not started")),
    ] {
        let db = format!("{{ process: {db}, sets: {{ db: \"${{host}}:${{port}}\" }} }}");
        let case = case(READY, &db, &service("{ get: /health }"));
        case.call(RUN).ends(3).tells("the dependency `db`").tells(&told).tells("local.env.yaml:4:").tells("exit=3");
        assert_eq!(leases(&case), []);
    }
}

#[test]
fn two_runs_at_once_do_not_disturb_each_other() {
    let case = case(READY, DB, &service("{ get: /health }"));
    let children: Vec<Child> = (0..2).map(|_| Child::start(case.command(RUN))).collect();
    for child in children {
        child.ends().ends(0);
    }
    assert_eq!(leases(&case), []);
}

#[test]
fn of_two_runs_that_insist_on_one_port_the_second_is_told_and_the_first_goes_on() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let insists = service("{ get: /health }").replace("{ run", &format!("{{ port: {free}, run"));
    let case = case(WAITING, DB, &insists);
    let first = Child::start(case.command(RUN));
    until("the service listens", || std::net::TcpStream::connect(("127.0.0.1", free)).is_ok());
    let other = &["run", "it.suite.yaml", "--out", "other"];
    case.call(other).ends(3).tells(&format!("port {free} cannot be listened on, so `service` is not started"));
    assert_eq!(leases(&case).len(), 2, "what the first has started still runs");
    signal(first.id(), "INT");
    first.ends().ends(130);
    assert_eq!(leases(&case), []);
}

/// The folders of parts among the temporary files of this case.
fn folders(case: &Case) -> usize {
    let files = fs::read_dir(case.folder()).unwrap().flatten();
    files.filter(|file| file.file_name().to_string_lossy().starts_with("allclear-part-")).count()
}

#[test]
fn what_prepares_a_part_and_fails_is_named_with_its_last_lines() {
    let db = |prepare: &str| {
        let process = format!("{{ run: [cat], prepare: [[sh, -c, \"echo first\"], {prepare}], cwd: \"${{dir}}\" }}");
        format!("{{ process: {process}, sets: {{ db: \"${{host}}:${{port}}\" }} }}")
    };
    for (prepare, told) in [
        ("[sh, -c, \"echo no room >&2; exit 4\"]", "`sh`, which prepares it, ended: exit status: 4; its last lines: no room"),
        ("[no-such-initdb]", "`no-such-initdb` could not be started"),
    ] {
        let case = case(READY, &db(prepare), &service("{ get: /health }"));
        let temporary = case.folder().display().to_string();
        case.call_with(&[("TMPDIR", &temporary)], RUN).ends(3).tells("the dependency `db` could not be started").tells(told);
        assert_eq!((leases(&case), folders(&case)), (vec![], 0));
    }
    let prepared = "{ run: [cat], prepare: [[sh, -c, \"echo no table >&2; exit 4\"]] }";
    case(READY, DB, prepared).call(RUN).ends(1).tells("the service starts").tells("no table");
}

#[test]
fn the_folder_that_a_killed_run_left_is_removed_by_the_next_one() {
    let service = "{ run: [/bin/sh, -c, \"echo up; exec sleep 1000\"], cwd: \"${dir}\", ready: { line: up } }";
    let case = case(WAITING, DB, service);
    let temporary = case.folder().display().to_string();
    let mut command = case.command(RUN);
    command.env("TMPDIR", &temporary);
    let child = Child::start(command);
    until("both parts run", || leases(&case).len() == 2);
    child.kill();
    assert_eq!(folders(&case), 1, "nobody was there to remove it");
    case.write("it.suite.yaml", &READY.replace("eventually: 30s", "timeout: 1s"));
    case.call_with(&[("TMPDIR", &temporary)], RUN).tells("the folder of service").tells("was left behind and has been removed");
    assert_eq!((leases(&case), folders(&case)), (vec![], 0));
}

/// The same command with another disposition of SIGHUP than these tests have, which may run under `nohup` themselves. It keeps its id.
fn on_hangup(what: &str, command: Command) -> Command {
    let mut told = Command::new("env");
    told.arg(format!("--{what}-signal=HUP")).arg(command.get_program()).args(command.get_args());
    told.current_dir(command.get_current_dir().expect("a case has a folder"));
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => told.env(name, value),
            None => told.env_remove(name),
        };
    }
    told
}

#[test]
fn a_hangup_that_is_to_be_ignored_ends_nothing() {
    let case = case(WAITING, DB, &service("{ get: /health }"));
    let child = Child::start(on_hangup("ignore", case.command(RUN)));
    until("both parts run", || leases(&case).len() == 2);
    signal(child.id(), "HUP");
    signal(child.id(), "TERM");
    child.ends().ends(143);
    assert_eq!(leases(&case), []);
}

#[test]
fn a_signal_ends_what_was_started() {
    for (name, code) in [("INT", 130), ("TERM", 143), ("HUP", 129)] {
        let case = case(WAITING, DB, &service("{ get: /health }"));
        let child = Child::start(on_hangup("default", case.command(RUN)));
        until("both parts run", || leases(&case).len() == 2);
        let started = leases(&case);
        signal(child.id(), name);
        child.ends().ends(code);
        assert_eq!(leases(&case), [], "SIG{name}");
        // What was killed while it started is gone as soon as the kernel gets to it.
        until("every part has ended", || !started.iter().any(|lease| runs(*lease)));
    }
}

#[test]
fn a_second_signal_ends_what_was_started_too() {
    // It does not heed SIGTERM, so the first signal alone takes as long as ending in order may.
    let service = "{ run: [/bin/sh, -c, \"trap '' TERM; echo up; sleep 1000\"], ready: { line: up } }";
    let case = case(WAITING, DB, service);
    let child = Child::start(case.command(RUN));
    until("both parts run", || leases(&case).len() == 2);
    let started = leases(&case);
    signal(child.id(), "INT");
    std::thread::sleep(Duration::from_millis(300));
    signal(child.id(), "INT");
    child.ends().ends(130);
    until("every part has ended", || !started.iter().any(|lease| runs(*lease)));
}

#[test]
fn a_service_that_goes_to_the_background_is_told_so_and_does_not_stay_there() {
    let case = case(READY, DB, "{ run: [/bin/sh, -c, \"setsid sleep 1000 & echo $! > pid\"], cwd: \"${dir}\", ready: { line: up } }");
    let marks = || {
        let environs = fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(|p| fs::read(p.path().join("environ")).ok());
        let here = case.folder().display().to_string();
        environs.filter(|environ| environ.windows(here.len()).any(|w| w == here.as_bytes())).count()
    };
    let temporary = case.folder().display().to_string();
    case.call_with(&[("TMPDIR", &temporary)], RUN).ends(1).tells("exit status: 0; a part must stay in the foreground");
    until("it has ended", || marks() == 0);
}

#[test]
fn what_a_killed_run_left_is_ended_by_the_next_one() {
    // It heeds neither the end of its standard input nor anything else: only the sweep ends it.
    let case = case(WAITING, DB, "{ run: [/bin/sh, -c, \"echo up; exec sleep 1000\"], ready: { line: up } }");
    let child = Child::start(case.command(RUN));
    until("both parts run", || leases(&case).len() == 2);
    let started = leases(&case);
    child.kill();
    assert!(started.iter().any(|lease| runs(*lease)), "the program outlives its harness");
    case.write("it.suite.yaml", &READY.replace("eventually: 30s", "timeout: 1s"));
    case.call(RUN).tells("was left behind and has been ended");
    until("every part has ended", || !started.iter().any(|lease| runs(*lease)));
    assert_eq!(leases(&case), []);
}

#[test]
fn a_dry_run_tells_what_can_be_judged_where() {
    let suite = "suite: it\nchecks:\n- name: it says so\n  ready: { get: /ready, within: 5s, hard: [db], falls-within: 2s }\n";
    let ready = case(suite, DB, &service("{ get: /health }"));
    ready.call(&["run", "it.suite.yaml", "--dry-run"]).ends(0).prints("ready/falls").hides("not judged");
    let unused = case(suite, DB, "{ run: [./service] }");
    let seen = unused.call(&["run", "it.suite.yaml", "--dry-run"]).ends(0);
    seen.prints("not judged").prints("the service is started with nothing that `db` sets");
    let other = suite.replace("[db]", "[queue]");
    let seen = case(&other, DB, &service("{ get: /health }")).call(&["run", "it.suite.yaml", "--dry-run"]).ends(0);
    seen.prints("`queue` is not provisioned by this environment, so this run cannot");
}
