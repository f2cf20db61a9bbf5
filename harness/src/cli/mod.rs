//! The command line: one file a command; `failure` is the table of exit codes.

mod args;
mod explain;
mod failure;
mod inputs;
mod inspect;
mod report;
mod reports;
mod run;
mod schema;
mod wait;

use crate::report::writer;
use args::{Cli, Command};
use clap::Parser as _;
use failure::Failure;
use std::{collections::BTreeMap, ffi::OsString, process::ExitCode};

/// What the process was started with: read once, in `main`.
#[derive(Debug)]
pub struct World {
    /// Arguments, the program's own name first.
    pub args: Vec<OsString>,
    /// Environment variables that are valid UTF-8.
    pub vars: BTreeMap<String, String>,
    /// Whether standard output is a terminal.
    pub stdout_is_terminal: bool,
    /// Whether standard error is a terminal.
    pub stderr_is_terminal: bool,
    /// Columns of the terminal, if it tells.
    pub width: Option<usize>,
}

/// Runs one command to its exit code.
#[must_use]
pub fn main(world: World) -> ExitCode {
    if let Some(code) = crate::provision::play_part(&world.args) {
        return code;
    }
    writer::install_panic_hook();
    let cli = match Cli::try_parse_from(&world.args) {
        Ok(cli) => cli,
        Err(usage) => return told_usage(&usage),
    };
    let done = match cli.command {
        None => run::run(&default_run(), &world),
        Some(Command::Run(args)) => run::run(&args, &world),
        Some(Command::Lint(args)) => inspect::lint(&args, &world),
        Some(Command::List(args)) => inspect::list(&args, &world),
        Some(Command::Render(args)) => inspect::render(&args, &world),
        Some(Command::Explain(args)) => explain::explain(args.what.as_deref()).and_then(print),
        Some(Command::Wait(args)) => wait::wait(&args),
        Some(Command::Schema(args)) => print(schema::text(args.what)),
        Some(Command::Report(args)) => report::report(&args, &world),
        Some(Command::Completions { shell }) => {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut <Cli as clap::CommandFactory>::command(), "allclear", &mut text);
            print(String::from_utf8_lossy(&text).into_owned())
        }
        #[cfg(feature = "reference")]
        Some(Command::ServeReference { args }) => return reference_service::main_with(args),
    };
    match done {
        Ok(code) => code,
        Err(failure) => {
            let text = failure.to_string();
            writer::err(&format!("{}\n", text.trim_end()));
            ExitCode::from(&failure)
        }
    }
}

/// The flags of `allclear run` without any: environment variables still count.
fn default_run() -> args::Run {
    match Cli::try_parse_from(["allclear", "run"]).map(|cli| cli.command) {
        Ok(Some(Command::Run(run))) => *run,
        _ => unreachable!("`run` takes no required argument"),
    }
}

/// Help and version are answers (0, standard output); everything else that clap says is usage (2).
fn told_usage(usage: &clap::Error) -> ExitCode {
    let text = usage.render().to_string();
    if usage.use_stderr() {
        writer::err(&text);
        ExitCode::from(2)
    } else {
        let _ = writer::out(&text);
        ExitCode::SUCCESS
    }
}

/// Machine output goes to standard output.
fn print(text: impl AsRef<str>) -> Result<ExitCode, Failure> {
    let text = text.as_ref();
    let line_end = if text.ends_with('\n') { "" } else { "\n" };
    writer::out(&format!("{text}{line_end}")).map_err(|e| Failure::Harness(format!("standard output: {e}")))?;
    Ok(ExitCode::SUCCESS)
}
