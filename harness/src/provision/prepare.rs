//! Runs what must be done once before a program is started: a data folder made, a file written.

use super::launch::{SHOWN_LINES, Trouble};
use super::lease::LeaseFile;
use crate::model::quantity::show_duration;
use crate::transport::process::{Process, Program, Surroundings};
use std::time::Duration;

/// Runs the commands one after another, each for this time at most, and written down by `lease` meanwhile. The first that does not
/// succeed is the last.
///
/// # Errors
/// [`Trouble::Spawn`] for one that is not there, [`Trouble::Start`] with its last lines for one that fails or takes too long.
pub(super) async fn prepare(
    commands: &[Program],
    surroundings: &Surroundings,
    within: Duration,
    lease: impl Fn(&Process) -> Option<LeaseFile>,
) -> Result<(), Trouble> {
    for command in commands {
        let mut process = Process::start_in(command, surroundings).map_err(|e| Trouble::Spawn(e.to_string()))?;
        // One that hangs is no less left behind by a SIGKILL than what it prepares.
        let _lease = lease(&process);
        process.close_input();
        let name = command.path.display();
        let observed = match tokio::time::timeout(within, process.wait()).await {
            Ok(Ok(status)) if status.success() => continue,
            Ok(Ok(status)) => format!("`{name}`, which prepares it, ended: {status}"),
            Ok(Err(e)) => format!("`{name}`, which prepares it: {e}"),
            Err(_) => format!("`{name}`, which prepares it, has not ended within {}", show_duration(within)),
        };
        let mut lines = process.last_lines();
        lines.drain(..lines.len().saturating_sub(SHOWN_LINES));
        return Err(Trouble::Start { observed, lines });
    }
    Ok(())
}
