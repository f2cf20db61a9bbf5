//! The hidden door of the executable: started with it, the process is an embedded part and nothing else.

use super::HIDDEN;
use std::ffi::OsString;
use std::process::ExitCode;

/// If these arguments (the program's own name first) make this process an embedded part, plays it to its end. `None`: they
/// do not, and the program is itself. To be called before anything else, in every executable that may provision.
#[must_use]
pub fn play_part(args: &[OsString]) -> Option<ExitCode> {
    let [_, hidden, part, rest @ ..] = args else { return None };
    (hidden == HIDDEN).then(|| play(part, rest))
}

#[cfg(feature = "reference")]
fn play(part: &OsString, rest: &[OsString]) -> ExitCode {
    if part == super::REFERENCE { reference_service::main_with(rest.iter().cloned()) } else { ExitCode::from(2) }
}

/// Built without the reference service. Nobody reads a message here: the parent sees the exit code.
#[cfg(not(feature = "reference"))]
fn play(_part: &OsString, _rest: &[OsString]) -> ExitCode {
    ExitCode::from(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_arguments_play_no_part() {
        let args = |line: &str| line.split(' ').map(OsString::from).collect::<Vec<_>>();
        assert!(play_part(&args("allclear")).is_none());
        assert!(play_part(&args("allclear run suites")).is_none());
        assert!(play_part(&args("allclear run __embedded reference-service")).is_none());
    }

    #[test]
    fn an_unknown_part_is_refused() {
        let args = ["allclear", HIDDEN, "another-service"].map(OsString::from);
        assert!(play_part(&args).is_some());
    }
}
