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
//!
//! A test is named `SUITE::CHECK`. It fails where its check is fail, inconclusive, error or blocked, with the story of the
//! check as its message. A check that is skipped here is listed as ignored, with the reason when the tests run; an advisory
//! check that does not hold is ignored too, and says so. What was asked for and not judged is told after the tests.
//!
//! Under `cargo nextest` every test is a process of its own: it starts what its environment provisions, runs what its check
//! `needs`, and takes turns with the other processes where a check wants its target for itself. Whole-run rules
//! (`expect-clauses`, "nothing was judged") hold under `cargo test` without a filter; no single process of nextest sees a
//! whole run.

mod service;
mod trials;
mod turn;

use crate::model::event::RunEnd;
use crate::plan::{Inputs, Plan, make};
use crate::report::writer;
use crate::run::{Options, Session};
use crate::suite::Meaning;
use libtest_mimic::{Arguments, Conclusion};
use service::{Listening, Serve};
use std::collections::BTreeMap;
use std::future::Future;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use tokio::runtime::Runtime;
use trials::Bench;

/// Most checks at once unless `--test-threads` says otherwise: each waits on a thread of its own.
const MOST_THREADS: usize = 256;

/// Runs the suites of a folder (relative to the package's `Cargo.toml`) as tests.
#[must_use]
pub fn main(suites: &str) -> ExitCode {
    Harness::new(suites).run()
}

/// Suites as tests, with an environment, values and a service of one's own.
pub struct Harness {
    suites: PathBuf,
    environment: Option<String>,
    vars: Vec<(String, String)>,
    service: Option<(String, Serve)>,
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

    /// Gives a variable its value. As with `--var`, one that no suite uses is refused.
    #[must_use]
    pub fn var(mut self, name: &str, value: &str) -> Self {
        self.vars.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Starts a service in this process on a free port of loopback; it becomes the target of this name, in place of what the
    /// environment would start for it. Checks may do to it whatever the environment allows. A name that no check targets is
    /// refused: the checks would judge something else.
    ///
    /// The listener is bound and does not block, as `tokio::net::TcpListener::from_std` wants it. The service has a runtime
    /// of its own, so a handler that blocks slows the service and not its judge. Its future is dropped when the tests are
    /// over; one that ends before is told. Given twice, the last one counts.
    #[must_use]
    pub fn service<F, S>(mut self, target: &str, serve: S) -> Self
    where
        S: FnOnce(TcpListener) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        self.service = Some((target.to_owned(), Box::new(move |listener| Box::pin(serve(listener)))));
        self
    }

    /// Lists or runs the tests, as the arguments of the process say. 0: none failed. 101: a test failed. Else as
    /// `allclear explain exit-codes` says: 2 never started, 3 the harness failed, 4 and 5 as for a whole run.
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
        self.run_in(Arguments::from_args(), vars).unwrap_or_else(|refused| {
            writer::err(&format!("{}\n", refused.text.trim_end()));
            ExitCode::from(refused.code)
        })
    }

    fn run_in(self, mut arguments: Arguments, vars: BTreeMap<String, String>) -> Result<ExitCode, NotRun> {
        let package = vars.get("CARGO_MANIFEST_DIR").map(PathBuf::from).unwrap_or_default();
        // Without the `.` of `main(".")`: the path is shown.
        let mut inputs = Inputs { paths: vec![package.join(&self.suites).components().collect()], ..Inputs::default() };
        let out = vars.get("ALLCLEAR_OUT").map_or_else(default_folder, PathBuf::from);
        let is_nextest = vars.get("NEXTEST").is_some_and(|v| v == "1");
        let again = again(&vars);
        // The service has its port before the plan is made, and serves only once something is going to be run.
        let service = self.service.map(|(target, serve)| Listening::bind(target, serve)).transpose()?;
        inputs.given.running = service.as_ref().map(|s| (s.target.clone(), s.address));
        inputs.environment = self.environment.or_else(|| vars.get("ALLCLEAR_ENV").cloned());
        inputs.given.vars = self.vars;
        // One that is none is ignored, as the specification wants it.
        let trace = vars.get("TRACEPARENT").and_then(|v| v.parse().ok());
        inputs.given.process = vars;
        inputs.given.listing = arguments.list;
        let plan = Arc::new(make(&inputs).map_err(|refused| {
            let code = if refused.meaning == Meaning::Usage { 2 } else { 5 };
            NotRun { text: refused.to_string(), code }
        })?);
        writer::learn(plan.redactor.clone());
        if let Some(service) = &service {
            service.is_judged(&plan)?;
        }
        if arguments.list {
            return Ok(libtest_mimic::run(&arguments, trials::listed(&plan)).exit_code());
        }
        arguments.test_threads.get_or_insert(plan.entries.len().clamp(1, MOST_THREADS));
        let runtime = runtime()?;
        let own = service.as_ref().map(|s| s.target.clone());
        let service = service.map(Listening::start).transpose()?;
        let session = Session::new(plan.clone(), Options { trace, ..Options::new(out.clone()) }, |_| {});
        let bench = Arc::new(Bench::new(plan.clone(), session.clone(), runtime, again, is_nextest.then(|| turn::Turns::new(&out, own))));
        let conclusion = libtest_mimic::run(&arguments, trials::all(&bench, arguments.ignored));
        // On every way out what was started is stopped, because a process that ends by its exit code runs no destructors.
        let end = bench.runtime.block_on(session.finish());
        bench.tell_unjudged();
        drop(service);
        let is_whole = !is_nextest && conclusion.num_filtered_out == 0 && !arguments.ignored;
        Ok(code(&conclusion, &end, &plan, is_whole))
    }
}

/// Why no test was run.
struct NotRun {
    text: String,
    code: u8,
}

impl NotRun {
    fn harness(text: String) -> Self {
        Self { text, code: 3 }
    }
}

fn runtime() -> Result<Runtime, NotRun> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| NotRun::harness(format!("the runtime cannot start: {error}")))
}

/// What the process answers, and what there is to say beside the tests.
fn code(conclusion: &Conclusion, end: &RunEnd, plan: &Plan, is_whole: bool) -> ExitCode {
    for left in &end.left {
        writer::err(&format!("could not be undone: {left}\n"));
    }
    if conclusion.has_failed() {
        return conclusion.exit_code();
    }
    if !end.left.is_empty() {
        return ExitCode::from(3);
    }
    if is_whole && !end.shrunk.is_empty() {
        end.shrunk.iter().for_each(|shrunk| writer::err(&format!("{shrunk}\n")));
        return ExitCode::from(4);
    }
    if is_whole && conclusion.num_passed == 0 {
        writer::err(&format!("nothing was judged: none of {} checks could run here\n", plan.entries.len()));
        return ExitCode::from(5);
    }
    conclusion.exit_code()
}

/// Where leases and locks lie: `allclear` in cargo's target folder, which is the nearest one above this executable that
/// carries cargo's tag. A test binary that was moved elsewhere uses the folder for temporary files.
fn default_folder() -> PathBuf {
    let executable = std::env::current_exe().unwrap_or_default();
    let target = executable.ancestors().skip(1).find(|folder| folder.join("CACHEDIR.TAG").is_file());
    target.map_or_else(std::env::temp_dir, Path::to_path_buf).join("allclear")
}

/// What runs one of these tests again, up to the name of the test; `None` where cargo has not started us.
fn again(vars: &BTreeMap<String, String>) -> Option<String> {
    let package = vars.get("CARGO_PKG_NAME")?;
    let executable = std::env::current_exe().ok()?;
    // Cargo names a test binary TARGET-HASH.
    let (target, _) = executable.file_name()?.to_str()?.rsplit_once('-')?;
    Some(format!("cargo test -p {package} --test {target} -- --exact"))
}
