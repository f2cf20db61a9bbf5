//! The command line: one file a command; `failure` is the table of exit codes.

mod args;
mod ci;
mod explain;
mod failure;
mod init;
mod inputs;
mod inspect;
mod report;
mod reports;
mod run;
mod schema;
mod unread;
mod wait;

use crate::report::{inert, writer};
use args::{Cli, Command};
use clap::error::{ContextKind, ContextValue, ErrorKind};
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
    let world = ci::as_seen(world);
    // Without a command: run, with whatever the environment says.
    let implied = (world.args.len() == 1).then(|| OsString::from("run"));
    let cli = match parse(world.args.iter().cloned().chain(implied), &world) {
        Ok(cli) => cli,
        Err(usage) => return told_usage(&usage, &world),
    };
    let done = match cli.command {
        Command::Run(args) => run::run(&args, &world),
        Command::Lint(args) => inspect::lint(&args, &world),
        Command::List(args) => inspect::list(&args, &world),
        Command::Render(args) => inspect::render(&args, &world),
        Command::Explain(args) => explain::explain(args.what.as_deref()).and_then(print),
        Command::Wait(args) => wait::wait(&args, &world),
        Command::Init(args) => init::init(&args, &world),
        Command::Schema(args) => print(schema::text(args.what)),
        Command::Report(args) => report::report(&args, &world),
        Command::Completions { shell } => {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut <Cli as clap::CommandFactory>::command(), "allclear", &mut text);
            print(String::from_utf8_lossy(&text))
        }
        #[cfg(feature = "reference")]
        Command::ServeReference { args } => return reference_service::main_with(args),
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

/// Reads the arguments. A variable that stands in for a flag and is empty counts as not set: CI systems set every variable
/// that a pipeline names.
fn parse(args: impl Iterator<Item = OsString>, world: &World) -> Result<Cli, clap::Error> {
    let is_empty =
        |arg: &clap::Arg| arg.get_env().is_some_and(|name| world.vars.get(&*name.to_string_lossy()).is_some_and(String::is_empty));
    let without = |arg: clap::Arg| if is_empty(&arg) { arg.env(None::<&'static str>) } else { arg };
    let mut command = <Cli as clap::CommandFactory>::command().mut_subcommands(|sub| sub.mut_args(without));
    let mut matches = command.try_get_matches_from_mut(args)?;
    <Cli as clap::FromArgMatches>::from_arg_matches_mut(&mut matches).map_err(|e| e.format(&mut command))
}

/// Help and version are answers (0, standard output); everything else that clap says is usage (2).
fn told_usage(usage: &clap::Error, world: &World) -> ExitCode {
    let mut text = usage.render().to_string();
    if !usage.use_stderr() {
        let _ = writer::out(&text);
        return ExitCode::SUCCESS;
    }
    if let (ErrorKind::InvalidSubcommand, Some(ContextValue::String(word))) = (usage.kind(), usage.get(ContextKind::InvalidSubcommand)) {
        let command = <Cli as clap::CommandFactory>::command();
        let near = crate::reader::nearest(word, command.get_subcommands().map(clap::Command::get_name));
        if std::path::Path::new(word).exists() {
            text.push_str(&format!("\n  tip: to run the suites there: allclear run {}\n", inert::line(word)));
        } else if let (None, Some(near)) = (usage.get(ContextKind::SuggestedSubcommand), near) {
            text.push_str(&format!("\n  tip: did you mean `{near}`?\n"));
        }
    }
    writer::err(&text);
    unread::tell(world, &text);
    ExitCode::from(2)
}

/// Machine output goes to standard output.
fn print(text: impl AsRef<str>) -> Result<ExitCode, Failure> {
    let text = text.as_ref();
    let line_end = if text.ends_with('\n') { "" } else { "\n" };
    writer::out(&format!("{text}{line_end}")).map_err(|e| Failure::Harness(format!("standard output: {e}")))?;
    Ok(ExitCode::SUCCESS)
}
