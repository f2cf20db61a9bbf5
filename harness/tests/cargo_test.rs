//! `allclear::cargo_test` as a user has it. This executable is both: with `ALLCLEAR_TEST_PLAYS` set it is the test binary of
//! a user, with a service of its own; without it, it starts itself so and looks at what comes out.

#![expect(clippy::disallowed_methods, reason = "tests start processes and read their own switches")]

use allclear::cargo_test::Harness;
use axum::{Json, Router, http::StatusCode, routing::get};
use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::json;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, ExitCode, Output, Stdio};

/// Says which test binary of a user this process plays.
const PLAYS: &str = "ALLCLEAR_TEST_PLAYS";

fn main() -> ExitCode {
    match std::env::var(PLAYS) {
        Ok(user) => play(&user),
        Err(_) => libtest_mimic::run(&Arguments::from_args(), ROWS.iter().map(row).collect()).exit_code(),
    }
}

// ---- the test binaries of users

fn play(user: &str) -> ExitCode {
    let harness = Harness::new("suites");
    match user {
        "plain" => harness.run(),
        "good" => harness.env("mine").var("page", "20").service("api", good).run(),
        "bad" => harness.env("mine").var("page", "20").service("api", bad).run(),
        "gone" => harness.env("mine").var("page", "20").service("api", |_| async {}).run(),
        "elsewhere" => harness.env("mine").var("page", "20").service("apo", good).run(),
        other => panic!("`{other}` plays nothing"),
    }
}

async fn good(listener: TcpListener) {
    serve(listener, StatusCode::OK, "healthy").await;
}

async fn bad(listener: TcpListener) {
    serve(listener, StatusCode::SERVICE_UNAVAILABLE, "down").await;
}

async fn serve(listener: TcpListener, status: StatusCode, word: &'static str) {
    let health = move || async move { (status, Json(json!({ "status": word }))) };
    let jobs = || async { Json(json!({ "jobs": [] })) };
    let app = Router::new().route("/health", get(health)).route("/jobs", get(jobs).post(jobs));
    let listener = tokio::net::TcpListener::from_std(listener).expect("the harness gives a listener that does not block");
    axum::serve(listener, app).await.expect("a server that accepts does not end");
}

// ---- what they see

type Row = (&'static str, fn(&User));

const ROWS: &[Row] = &[
    ("a_service_of_ones_own_becomes_the_target", a_service_of_ones_own_becomes_the_target),
    ("a_broken_contract_fails_its_test_with_the_story", a_broken_contract_fails_its_test_with_the_story),
    ("a_service_that_ends_is_broken_and_told", a_service_that_ends_is_broken_and_told),
    ("a_service_that_no_check_targets_is_refused", a_service_that_no_check_targets_is_refused),
    ("exact_runs_one_check_and_what_it_needs", exact_runs_one_check_and_what_it_needs),
    ("listing_starts_nothing_and_reads_no_secrets", listing_starts_nothing_and_reads_no_secrets),
    ("what_is_skipped_is_listed_as_ignored_and_says_why", what_is_skipped_is_listed_as_ignored_and_says_why),
    ("what_is_not_judged_is_told", what_is_not_judged_is_told),
    ("a_run_that_judged_nothing_is_not_ok", a_run_that_judged_nothing_is_not_ok),
    ("a_suite_that_shrank_is_not_ok", a_suite_that_shrank_is_not_ok),
    ("a_mistake_in_a_suite_starts_nothing", a_mistake_in_a_suite_starts_nothing),
    ("nothing_that_was_started_is_left", nothing_that_was_started_is_left),
    ("processes_take_turns_at_a_target_that_they_share", processes_take_turns_at_a_target_that_they_share),
];

fn row(&(name, test): &Row) -> Trial {
    Trial::test(name, move || {
        test(&User::new());
        Ok::<(), Failed>(())
    })
}

const SUITE: &str = "\
suite: mine
vars: { page: 1 }
checks:
  - name: it is up
    gate: true
    health: { get: /health, expect: { json: { $.status: healthy } } }
  - name: its jobs are a list
    http: { get: \"/jobs?limit=${page}\", expect: { json: { $.jobs: { length: { at-most: 0 } } } } }
  - name: it has a job
    severity: advisory
    http: { get: /jobs, expect: { json: { $.jobs: { length: { at-least: 1 } } } } }
";

fn a_service_of_ones_own_becomes_the_target(user: &User) {
    user.suite("mine", SUITE).environment("mine", "allows: disrupt\n");
    user.plays("good", &[])
        .exits(0)
        .says("test mine::it is up            ... ok")
        .says("test mine::its jobs are a list ... ok")
        .says("test mine::it has a job        ... ignored (advisory: expected")
        .says("2 passed; 0 failed; 1 ignored");
}

fn a_broken_contract_fails_its_test_with_the_story(user: &User) {
    user.suite("mine", SUITE).environment("mine", "allows: disrupt\n");
    user.plays("bad", &[])
        .exits(101)
        .says("---- mine::it is up ----")
        .says("FAIL  ")
        .says("health/code")
        .says("mine.suite.yaml:6:5")
        .says("status   503")
        .says("again    cargo test -p allclear --test cargo_test -- --exact 'mine::it is up'")
        .says("---- mine::its jobs are a list ----\nBLOCK  ")
        .says("at the root of it: mine::it is up")
        .says("0 passed; 2 failed; 1 ignored");
}

fn a_service_that_ends_is_broken_and_told(user: &User) {
    user.suite("mine", SUITE).environment("mine", "allows: disrupt\n");
    user.plays("gone", &[]).exits(101).says("the service `api` has ended while its tests ran").says("refused");
}

fn a_service_that_no_check_targets_is_refused(user: &User) {
    let suite = "suite: mine\nchecks: [{ name: it is up, target: api, http: { get: '/health?page=${page}' } }]\n";
    user.suite("mine", suite).environment("mine", "targets: { api: { url: 'http://127.0.0.1:9' } }\n");
    user.plays("elsewhere", &[]).exits(2).says("no check targets `apo`").says("the checks target `api`").says_not("running");
    // Its twin: where the checks leave the target open, a service of one's own is what they mean.
    user.suite("mine", &suite.replace(" target: api,", ""));
    user.plays("elsewhere", &[]).exits(0).says("1 passed");
}

fn exact_runs_one_check_and_what_it_needs(user: &User) {
    user.suite("mine", SUITE).environment("mine", "allows: disrupt\n");
    user.plays("good", &["--exact", "mine::its jobs are a list"])
        .exits(0)
        .says("1 passed; 0 failed; 0 ignored; 0 measured; 2 filtered out");
    user.plays("bad", &["--exact", "mine::its jobs are a list"]).exits(101).says("BLOCK").says("0 passed; 1 failed");
    user.plays("good", &["jobs"]).exits(0).says("1 passed; 0 failed; 0 ignored; 0 measured; 2 filtered out");
    user.plays("good", &["--exact", "jobs"]).exits(0).says("0 passed; 0 failed; 0 ignored; 0 measured; 3 filtered out");
}

fn listing_starts_nothing_and_reads_no_secrets(user: &User) {
    user.suite(
        "stage",
        "suite: stage\nchecks:\n  - name: it knows me\n    http: { get: /me, auth: { bearer: '${token}' } }\n  - name: it takes a job\n    http: { post: /jobs, json: {} }\n",
    );
    let secret = "targets: { api: { url: 'http://127.0.0.1:9' } }\nsecrets: { token: { env: ALLCLEAR_TEST_NO_SUCH } }\n";
    user.environment("local", secret);
    user.plays("plain", &["--list"]).exits(0).prints("stage::it knows me: test\nstage::it takes a job: test\n");
    user.plays("plain", &["--list", "--format", "terse"]).exits(0).prints("stage::it knows me: test\nstage::it takes a job: test\n");
    user.plays("plain", &["--list", "--format", "terse", "--ignored"]).exits(0).prints("stage::it takes a job: test\n");
    // The broken twin: running needs the secret.
    user.plays("plain", &[]).exits(2).says("token").says_not("running");
}

/// Environment without `allows`: reading is all that may be done.
const READ_ONLY: &str = "targets: { api: { url: 'http://127.0.0.1:9' } }\n";
const WRITES: &str = "suite: writes\nchecks:\n  - name: it takes a job\n    http: { post: /jobs, json: {} }\n";

fn what_is_skipped_is_listed_as_ignored_and_says_why(user: &User) {
    user.suite("mine", SUITE).suite("writes", WRITES).environment("mine", "allows: read\n");
    user.plays("good", &[])
        .exits(0)
        .says("test writes::it takes a job    ... ignored (")
        .says("write")
        .says("2 passed; 0 failed; 2 ignored");
    user.plays("good", &["--ignored"]).exits(0).says("test writes::it takes a job ... ignored (").says("0 passed; 0 failed; 1 ignored");
    user.plays("good", &["--include-ignored"]).exits(0).says("2 passed; 0 failed; 2 ignored");
    // The broken twin: where writing is allowed, it runs.
    user.environment("mine", "allows: write\n");
    user.plays("good", &[]).exits(0).says("test writes::it takes a job    ... ok");
}

fn what_is_not_judged_is_told(user: &User) {
    let suite = "suite: mine\nchecks:\n  - name: it is up\n    health: { get: /health, independent-of: [db], outage: 5s }\n  - name: its jobs are a list\n    http: { get: \"/jobs?limit=${page}\" }\n";
    user.suite("mine", suite).environment("mine", "allows: disrupt\n");
    user.plays("good", &[]).exits(0).says("not judged here, by checks that are ok:\n  mine::it is up  health/independent: ");
    user.suite("mine", SUITE);
    user.plays("good", &[]).exits(0).says_not("not judged here");
}

fn a_run_that_judged_nothing_is_not_ok(user: &User) {
    user.suite("writes", WRITES).environment("local", READ_ONLY);
    user.plays("plain", &[]).exits(5).says("nothing was judged").says("0 passed; 0 failed; 1 ignored");
    // Whoever filters has asked for it.
    user.plays("plain", &["nothing of that name"]).exits(0);
}

fn a_suite_that_shrank_is_not_ok(user: &User) {
    for (expected, code) in [(4, 0), (400, 4)] {
        user.suite("mine", &format!("{SUITE}expect-clauses: {expected}\n")).environment("mine", "allows: disrupt\n");
        user.plays("good", &[]).exits(code);
    }
    user.plays("good", &["jobs"]).exits(0);
}

fn a_mistake_in_a_suite_starts_nothing(user: &User) {
    user.suite("mine", &SUITE.replace("    http:", "    htpp:")).environment("mine", "allows: disrupt\n");
    for arguments in [&[][..], &["--list"]] {
        user.plays("good", arguments).exits(2).says("mine.suite.yaml:8:5").says("did you mean").says_not("running");
    }
}

fn nothing_that_was_started_is_left(user: &User) {
    // The token is on the command line of the service, so that it can be found among all processes.
    let token = format!("token-{}-of-this-test", std::process::id());
    user.suite("mine", "suite: mine\nchecks:\n  - name: it is up\n    health: { get: /health }\n  - name: it has no such thing\n    http: { get: /health, expect: { status: 404 } }\n");
    user.environment(
        "local",
        &format!("allows: disrupt\nprovision: {{ service: {{ embedded: reference-service, args: [--token, {token}], target: api }} }}\n"),
    );
    user.plays("plain", &[]).exits(101).says("test mine::it is up             ... ok").says("1 passed; 1 failed");
    assert_eq!(user.leases(), 0, "a lease is left");
    if cfg!(target_os = "linux") {
        assert_eq!(processes_with(&token), 0, "a process is left");
        let own = std::env::args().next().expect("cargo starts tests by their path");
        assert!(processes_with(&own) > 0, "a process that is there is seen");
    }
}

fn processes_with(argument: &str) -> usize {
    let processes = std::fs::read_dir("/proc").expect("Linux has /proc").flatten();
    processes
        .filter(|p| std::fs::read(p.path().join("cmdline")).is_ok_and(|line| String::from_utf8_lossy(&line).contains(argument)))
        .count()
}

fn processes_take_turns_at_a_target_that_they_share(user: &User) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    listener.set_nonblocking(true).expect("a socket may be told not to block");
    let address = listener.local_addr().expect("a bound socket has an address");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime starts");
    runtime.spawn(good(listener));
    user.suite("mine", SUITE).suite(
        "load",
        "suite: load\nchecks:\n  - name: it is up while it is busy\n    impact: load\n    http: { get: /health }\n  - name: it is up\n    http: { get: /health }\n",
    );
    user.environment("local", &format!("allows: load\nhosts: ['127.0.0.1']\ntargets: {{ api: {{ url: 'http://{address}' }} }}\n"));
    let exact =
        |name: &str| user.command("plain", &["--exact", name]).env("NEXTEST", "1").stdout(Stdio::piped()).spawn().expect("it starts");
    // Some other process reads from the target: another reader may run, whoever loads it waits.
    user.plays_under_nextest("plain", &["--exact", "load::it is up"]).exits(0);
    let held = user.lock();
    held.lock_shared().expect("nobody holds it");
    user.plays_under_nextest("plain", &["--exact", "load::it is up"]).exits(0);
    let mut loads = exact("load::it is up while it is busy");
    wait_until_it_waits_for_a_lock(loads.id());
    assert!(loads.try_wait().expect("a child can be asked").is_none(), "it ran beside a reader");
    held.unlock().expect("we hold it");
    assert!(loads.wait().expect("a child can be waited for").success());
}

/// Returns once the process blocks in the system call for file locks; at once where that cannot be seen.
fn wait_until_it_waits_for_a_lock(process: u32) {
    if !Path::new("/proc/locks").exists() {
        return;
    }
    for _ in 0..2_000 {
        let locks = std::fs::read_to_string("/proc/locks").unwrap_or_default();
        if locks.lines().any(|line| line.contains("->") && line.split_whitespace().any(|word| word == process.to_string())) {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    panic!("process {process} never waited for a lock");
}

/// A user's package in a folder of its own.
struct User(tempfile::TempDir);

impl User {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("there is room for a folder");
        std::fs::create_dir_all(folder.path().join("suites/environments")).expect("a new folder takes folders");
        Self(folder)
    }

    fn write(&self, path: &str, text: &str) -> &Self {
        std::fs::write(self.0.path().join("suites").join(path), text).expect("a new folder takes files");
        self
    }

    fn suite(&self, name: &str, text: &str) -> &Self {
        self.write(&format!("{name}.suite.yaml"), text)
    }

    fn environment(&self, name: &str, rest: &str) -> &Self {
        self.write(&format!("environments/{name}.env.yaml"), &format!("environment: {name}\n{rest}"))
    }

    fn out(&self) -> std::path::PathBuf {
        self.0.path().join("out")
    }

    fn command(&self, plays: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(std::env::current_exe().expect("we run"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("ALLCLEAR_") {
                command.env_remove(name);
            }
        }
        command.current_dir(self.0.path()).env_remove("NEXTEST").env(PLAYS, plays).args(arguments);
        command.env("CARGO_MANIFEST_DIR", self.0.path()).env("CARGO_PKG_NAME", "allclear").env("ALLCLEAR_OUT", self.out());
        command
    }

    fn plays(&self, plays: &str, arguments: &[&str]) -> Seen {
        Seen(self.command(plays, arguments).output().expect("our own executable starts"))
    }

    fn plays_under_nextest(&self, plays: &str, arguments: &[&str]) -> Seen {
        Seen(self.command(plays, arguments).env("NEXTEST", "1").output().expect("our own executable starts"))
    }

    fn leases(&self) -> usize {
        std::fs::read_dir(self.out().join("leases")).map_or(0, |folder| folder.flatten().count())
    }

    /// The one lock file that there is.
    fn lock(&self) -> std::fs::File {
        let mut files = files_in(&self.out().join("turns"));
        assert_eq!(files.len(), 1, "one target makes one lock: {files:?}");
        std::fs::File::open(files.remove(0)).expect("it is there")
    }
}

fn files_in(folder: &Path) -> Vec<std::path::PathBuf> {
    std::fs::read_dir(folder).map(|entries| entries.flatten().map(|e| e.path()).collect()).unwrap_or_default()
}

/// What a test binary said, and how it ended.
struct Seen(Output);

impl Seen {
    fn text(&self) -> String {
        format!("{}\n{}", String::from_utf8_lossy(&self.0.stdout), String::from_utf8_lossy(&self.0.stderr))
    }

    #[track_caller]
    fn exits(&self, code: i32) -> &Self {
        assert_eq!(self.0.status.code(), Some(code), "{}", self.text());
        self
    }

    #[track_caller]
    fn prints(&self, stdout: &str) -> &Self {
        assert_eq!(String::from_utf8_lossy(&self.0.stdout), stdout, "{}", self.text());
        self
    }

    #[track_caller]
    fn says(&self, part: &str) -> &Self {
        assert!(self.text().contains(part), "not said: {part:?}\n{}", self.text());
        self
    }

    #[track_caller]
    fn says_not(&self, part: &str) -> &Self {
        assert!(!self.text().contains(part), "said: {part:?}\n{}", self.text());
        self
    }
}
