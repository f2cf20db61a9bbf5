//! Plays a part: this executable, started again by a run with a hidden argument, becomes the reference service.

use super::embedded::HIDDEN;
use std::ffi::OsString;
use std::process::ExitCode;

/// If these arguments (the program's own name first) are those of a part, plays it to its end. Every `main` asks this first.
#[must_use]
pub fn play_part(args: &[OsString]) -> Option<ExitCode> {
    let [_, hidden, what, rest @ ..] = args else { return None };
    (hidden == HIDDEN).then(|| play(what, rest))
}

#[cfg(feature = "reference")]
fn play(_what: &OsString, rest: &[OsString]) -> ExitCode {
    reference_service::main_with(rest.iter().cloned())
}

/// Built without the reference service: the run that started us sees at once that there is no such part.
#[cfg(not(feature = "reference"))]
fn play(_what: &OsString, _rest: &[OsString]) -> ExitCode {
    ExitCode::from(2)
}
