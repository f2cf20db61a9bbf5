//! Suites as tests: every check is one test of `cargo test` or `cargo nextest`, with their list, filter and `--exact`.
//!
//! ```no_run
//! // tests/contract.rs, with `harness = false` for this test in Cargo.toml
//! fn main() -> std::process::ExitCode {
//!     allclear::cargo_test::main("suites") // a folder beside Cargo.toml
//! }
//! ```
//!
//! With a service of one's own, started in this process on a free port:
//!
//! ```no_run
//! # mod my_app { pub async fn serve(_: std::net::TcpListener) {} }
//! fn main() -> std::process::ExitCode {
//!     allclear::cargo_test::Harness::new("suites")
//!         .env("local")
//!         .var("max_jobs", "4")
//!         .service("api", |listener: std::net::TcpListener| async move { my_app::serve(listener).await })
//!         .run()
//! }
//! ```

mod turn;

use crate::model::{Outcome, Verdict};
use crate::plan::{Entry, Inputs, Plan, make};
use crate::report::{console, writer};
use crate::run::{Options, Session};
use libtest_mimic::{Arguments, Completion, Failed, Trial};
use std::future::Future;
use std::net::TcpListener;
use std::path::PathBuf;
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::runtime::Runtime;

/// Most checks at once unless `--test-threads` says otherwise: each waits on a thread of its own.
const MOST_THREADS: usize = 256;

/// Runs the suites of a folder (relative to the package's `Cargo.toml`) as tests.
#[must_use]
pub fn main(suites: &str) -> ExitCode {
    Harness::new(suites).run()
}

type Service = Box<dyn FnOnce(TcpListener) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send>;

/// Suites as tests, with an environment, values and a service of one's own.
pub struct Harness {
    suites: PathBuf,
    environment: Option<String>,
    vars: Vec<(String, String)>,
    service: Option<(String, Service)>,
}

impl std::fmt::Debug for Harness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Harness").field("suites", &self.suites).field("environment", &self.environment).finish_non_exhaustive()
    }
}

impl Harness {
    /// The suites of a folder, relative to the package's `Cargo.toml`; or one suite file.
    #[must_use]
    pub fn new(suites: impl Into<PathBuf>) -> Self {
        Self { suites: suites.into(), environment: None, vars: Vec::new(), service: None }
    }

    /// The environment, by name or path. Default: `ALLCLEAR_ENV`, else `local` where it exists.
    #[must_use]
    pub fn env(mut self, name: &str) -> Self {
        self.environment = Some(name.to_owned());
        self
    }

    /// Gives a variable its value.
    #[must_use]
    pub fn var(mut self, name: &str, value: &str) -> Self {
        self.vars.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Starts a service in this process on a free port of loopback; it becomes the target of this name. Checks may do to it
    /// whatever the environment allows. The future is dropped when the tests are over. Given twice, the last one counts.
    #[must_use]
    pub fn service<F, S>(mut self, target: &str, serve: S) -> Self
    where
        S: FnOnce(TcpListener) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        self.service = Some((target.to_owned(), Box::new(move |listener| Box::pin(serve(listener)))));
        self
    }

    /// Lists or runs the tests, as the arguments of the process say.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the main function of a test binary: the one place that reads the environment")]
    pub fn run(self) -> ExitCode {
        let args: Vec<_> = std::env::args_os().collect();
        // A run starts this same executable again to play the parts of its environment.
        if let Some(code) = crate::provision::play_part(&args) {
            return code;
        }
        let vars = std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?))).collect();
        writer::install_panic_hook();
        self.run_in(Arguments::from_args(), vars)
    }

    fn run_in(self, mut arguments: Arguments, vars: std::collections::BTreeMap<String, String>) -> ExitCode {
        let base = vars.get("CARGO_MANIFEST_DIR").map(PathBuf::from).unwrap_or_default();
        let out = vars.get("CARGO_TARGET_DIR").map_or_else(std::env::temp_dir, PathBuf::from).join("allclear");
        let is_nextest = vars.get("NEXTEST").is_some_and(|v| v == "1");
        let mut inputs = Inputs { paths: vec![base.join(&self.suites)], environment: self.environment, ..Inputs::default() };
        // The service has its port before the plan is made, and serves only once something is going to be run.
        let service = match self.service {
            None => None,
            Some((target, service)) => match TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).and_then(|l| Ok((l.local_addr()?, l))) {
                Ok((address, listener)) => {
                    inputs.given.running = Some((target, address));
                    Some((listener, service))
                }
                Err(error) => return refuse(&format!("no free port for `{target}`: {error}\n"), 3),
            },
        };
        if inputs.environment.is_none() {
            inputs.environment = vars.get("ALLCLEAR_ENV").cloned();
        }
        inputs.given.vars = self.vars;
        inputs.given.process = vars;
        inputs.given.listing = arguments.list;
        let plan = match make(&inputs) {
            Ok(plan) => Arc::new(plan),
            Err(refused) => return refuse(&refused.to_string(), 2),
        };
        writer::learn(plan.redactor.clone());
        if arguments.list {
            let trials =
                plan.entries.iter().map(|entry| Trial::test(title(entry), || Ok(())).with_ignored_flag(entry.skip.is_some())).collect();
            return libtest_mimic::run(&arguments, trials).exit_code();
        }
        arguments.test_threads.get_or_insert(plan.entries.len().clamp(1, MOST_THREADS));
        let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
            Ok(runtime) => Arc::new(runtime),
            Err(error) => return refuse(&format!("the runtime cannot start: {error}\n"), 3),
        };
        if let Some((listener, service)) = service {
            runtime.spawn(service(listener));
        }
        let session = Session::new(plan.clone(), Options::new(out.clone()), |_| {});
        let trials = (0..plan.entries.len()).map(|i| trial(&plan, i, &session, &runtime, is_nextest.then(|| out.clone()))).collect();
        let conclusion = libtest_mimic::run(&arguments, trials);
        // `exit_code` runs no destructors: what was started is stopped here, on every way out.
        let end = runtime.block_on(session.finish());
        for left in &end.left {
            writer::err(&format!("could not be undone: {left}\n"));
        }
        drop(session);
        if let Some(runtime) = Arc::into_inner(runtime) {
            runtime.shutdown_background();
        }
        if end.left.is_empty() { conclusion.exit_code() } else { ExitCode::from(3) }
    }
}

fn refuse(text: &str, code: u8) -> ExitCode {
    writer::err(text);
    ExitCode::from(code)
}

/// `SUITE::CHECK`: unique, stable, and what a filter looks at.
fn title(entry: &Entry) -> String {
    format!("{}::{}", entry.check.id.suite, entry.check.id.name)
}

fn trial(plan: &Arc<Plan>, index: usize, session: &Arc<Session>, runtime: &Arc<Runtime>, locks: Option<PathBuf>) -> Trial {
    let entry = &plan.entries[index];
    let ignored = entry.skip.is_some();
    let (plan, session, runtime) = (plan.clone(), session.clone(), runtime.clone());
    Trial::ignorable_test(title(entry), move || {
        let entry = &plan.entries[index];
        if let Some(why) = &entry.skip {
            return Ok(Completion::ignored_with(why.clone()));
        }
        // Under nextest every test is a process: those that need the target for themselves take turns by a lock.
        let _turn = locks.map(|folder| turn::take(&folder, &plan, entry)).transpose().map_err(|e| Failed::from(format!("lock: {e}")))?;
        let outcome = runtime.block_on(session.outcome(index));
        conclude(&outcome, &plan.environment)
    })
    .with_ignored_flag(ignored)
}

/// fail, inconclusive, error and blocked fail the trial, unless the check is advisory.
fn conclude(outcome: &Outcome, environment: &str) -> Result<Completion, Failed> {
    match outcome.verdict {
        Verdict::Pass => Ok(Completion::Completed),
        Verdict::Skip => Ok(Completion::ignored_with(outcome.reason.clone().unwrap_or_default())),
        _ if outcome.severity == crate::model::Severity::Advisory => {
            Ok(Completion::ignored_with(format!("advisory: {}", crate::report::story::message(outcome))))
        }
        _ => Err(Failed::from(console::block(outcome, environment, &[], &console::Style::default()))),
    }
}
