//! The binary: reads arguments, environment, terminal and clock once, and hands them to the command line.

use std::io::IsTerminal as _;
use std::process::ExitCode;

#[expect(clippy::disallowed_methods, reason = "this is where the environment is read, once")]
fn main() -> ExitCode {
    allclear::cli::main(allclear::cli::World {
        args: std::env::args_os().collect(),
        vars: std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?))).collect(),
        stdout_is_terminal: std::io::stdout().is_terminal(),
        stderr_is_terminal: std::io::stderr().is_terminal(),
        width: terminal_size::terminal_size_of(std::io::stderr()).map(|(w, _)| usize::from(w.0)),
    })
}
