//! Starts the process of one part and waits until it is ready; the same way when it is started again after a fault.

use super::lease::LeaseFile;
use super::port::Claim;
use super::ready::Ready;
use super::{HIDDEN, REFERENCE};
use crate::transport::process::{Process, Program, Surroundings};
use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How long an embedded part may take until it says where it listens.
const START: Duration = Duration::from_secs(30);
/// Lines of a part's own output that a failure shows.
pub(super) const SHOWN_LINES: usize = 20;

/// How the process of a part is started, with every value filled in.
#[derive(Clone, Debug)]
pub(crate) struct Launch {
    /// What it is, for people and for the lease file.
    pub(crate) what: String,
    pub(crate) recipe: Recipe,
    pub(crate) leases: PathBuf,
    pub(crate) run: Arc<str>,
    /// Keeps the port that was chosen for it.
    #[expect(dead_code, reason = "held for what its drop does")]
    pub(crate) claim: Option<Arc<Claim>>,
}

/// The two ways.
#[derive(Clone, Debug)]
pub(crate) enum Recipe {
    /// This executable in a role; its first line says where it listens.
    Embedded { executable: PathBuf, role: &'static str, args: Vec<String> },
    /// A program with an address that was chosen for it.
    Process { program: Program, surroundings: Surroundings, address: SocketAddr, ready: Option<Ready>, within: Duration },
}

/// A process that runs, and the file that says so.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) process: Process,
    /// Removed when the process has been stopped.
    pub(crate) lease: Option<LeaseFile>,
    /// Whether it was sent a signal that ends it: it is about to be gone, or should be.
    pub(crate) is_doomed: bool,
}

/// Why a part did not come up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The system would not start it.
    Spawn(String),
    /// It was started, and did not come up.
    Start {
        /// What was seen.
        observed: String,
        /// The last lines of its output.
        lines: Vec<String>,
    },
}

impl Trouble {
    /// In one line, with what it said last.
    pub(crate) fn told(&self) -> String {
        match self {
            Self::Spawn(why) => why.clone(),
            Self::Start { observed, lines } if lines.is_empty() => observed.clone(),
            Self::Start { observed, lines } => format!("{observed}; its last lines: {}", lines.join(" | ")),
        }
    }
}

impl Launch {
    /// Starts it and waits until it is ready. `at`: the address that it had before, which an embedded part takes again.
    pub(crate) async fn start(&self, at: Option<SocketAddr>) -> Result<(Running, SocketAddr), Trouble> {
        let (program, surroundings) = self.program(at.unwrap_or((Ipv4Addr::LOCALHOST, 0).into()));
        let process = Process::start_in(&program, &surroundings).map_err(|e| Trouble::Spawn(e.to_string()))?;
        let lease = LeaseFile::write(&self.leases, &self.run, &self.what, &process);
        let mut running = Running { process, lease, is_doomed: false };
        match self.come_up(&mut running.process).await {
            Ok(address) => Ok((running, address)),
            Err(observed) => {
                let _ = running.process.stop(Duration::from_millis(200)).await;
                let mut lines = running.process.last_lines();
                lines.drain(..lines.len().saturating_sub(SHOWN_LINES));
                Err(Trouble::Start { observed, lines })
            }
        }
    }

    /// What says that it is well, once it has been ready.
    pub(crate) fn ready(&self, address: SocketAddr) -> Ready {
        match &self.recipe {
            Recipe::Process { ready: Some(ready), .. } => ready.clone(),
            Recipe::Process { ready: None, .. } | Recipe::Embedded { .. } => Ready::Accepts(address),
        }
    }

    fn program(&self, at: SocketAddr) -> (Program, Surroundings) {
        match &self.recipe {
            Recipe::Embedded { executable, role, args } => {
                let at = at.to_string();
                let fixed = [HIDDEN, REFERENCE, role, "--listen", &at, "--parent-watch"];
                let args = fixed.into_iter().chain(args.iter().map(String::as_str)).map(OsString::from).collect();
                (Program { path: executable.clone(), args, env: Vec::new() }, Surroundings::default())
            }
            Recipe::Process { program, surroundings, .. } => (program.clone(), surroundings.clone()),
        }
    }

    /// Waits until it is ready, has ended, or has taken too long: what was seen.
    async fn come_up(&self, process: &mut Process) -> Result<SocketAddr, String> {
        let line = process.take_line();
        let mut last = String::new();
        let within = match &self.recipe {
            Recipe::Embedded { .. } => START,
            Recipe::Process { within, .. } => *within,
        };
        let up = async {
            match &self.recipe {
                Recipe::Embedded { .. } => match line.await {
                    Some(line) => listening(&line).ok_or("its first line did not say where it listens"),
                    None => Err("it closed its standard output before it listened"),
                },
                Recipe::Process { address, ready, surroundings, .. } => {
                    if surroundings.line.is_some() && line.await.is_none() {
                        return Err("it closed its output before it was ready");
                    }
                    if let Some(ready) = ready {
                        ready.wait(&mut last).await;
                    }
                    Ok(*address)
                }
            }
        };
        let came = tokio::select! {
            came = tokio::time::timeout(within, up) => came,
            ended = process.wait() => return Err(ended_early(ended)),
        };
        match came {
            Ok(Ok(address)) => match process.ended() {
                // Something else accepts connections there.
                Some(status) => Err(format!("it ended before it listened: {status}")),
                None => Ok(address),
            },
            Ok(Err(why)) => match tokio::time::timeout(Duration::from_secs(1), process.wait()).await {
                Ok(ended) => Err(ended_early(ended)),
                Err(_) => Err(why.to_owned()),
            },
            Err(_) => {
                let within = crate::model::quantity::show_duration(within);
                let last = if last.is_empty() { last } else { format!(" (last: {last})") };
                Err(match &self.recipe {
                    Recipe::Embedded { .. } => format!("it did not say within {within} where it listens"),
                    Recipe::Process { surroundings, .. } => match &surroundings.line {
                        Some(line) => format!("it was not ready within {within}: no line with “{line}”{last}"),
                        None => format!("it was not ready within {within}{last}"),
                    },
                })
            }
        }
    }
}

fn ended_early(ended: Result<std::process::ExitStatus, crate::transport::process::ProcessError>) -> String {
    match ended {
        Ok(status) if status.success() => format!("it ended before it listened: {status}; a part must stay in the foreground"),
        Ok(status) => format!("it ended before it listened: {status}"),
        Err(e) => format!("it ended before it listened: {e}"),
    }
}

/// The address in the one line that an embedded part writes once it listens.
fn listening(line: &str) -> Option<SocketAddr> {
    #[derive(serde::Deserialize)]
    struct Line {
        listening: SocketAddr,
    }
    serde_json::from_str::<Line>(line).ok().map(|l| l.listening)
}
