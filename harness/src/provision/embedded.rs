//! Starts embedded parts: this very executable with hidden arguments, as child processes with runtimes of their own.

use super::lease::{LeaseFile, sweep};
use super::stand::{Provisioned, Started};
use crate::transport::process::{Process, ProcessError, Program};
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// The hidden first argument of an embedded part; the second is which part it is.
pub(crate) const HIDDEN: &str = "__embedded";
/// The part behind that argument: the reference service in all of its roles.
pub(crate) const REFERENCE: &str = "reference-service";
/// How long a part may take until it says where it listens.
const START: Duration = Duration::from_secs(30);
/// Lines of a part's own output that a failure shows.
const SHOWN_LINES: usize = 20;

/// What is to be started.
#[derive(Clone, Debug)]
pub(crate) struct Spec {
    /// Parts that the service depends on.
    pub(crate) dependencies: Vec<PartSpec>,
    /// The service.
    pub(crate) service: PartSpec,
    /// The executable that plays all the parts.
    pub(crate) executable: PathBuf,
    /// Where lease files lie.
    pub(crate) leases: PathBuf,
    /// The id of this run.
    pub(crate) run: Arc<str>,
}

/// One part.
#[derive(Clone, Debug)]
pub(crate) struct PartSpec {
    /// Its name.
    pub(crate) name: Arc<str>,
    /// `reference-service` or `reference-dependency`.
    pub(crate) what: String,
    /// Its further arguments; `${name}` stands for what a dependency sets.
    pub(crate) args: Vec<String>,
    /// What it sets once it listens: name and template over `${host}` and `${port}`.
    pub(crate) sets: Vec<(String, String)>,
}

/// Why the world could not be started.
#[derive(Clone, Debug)]
pub(crate) enum StartError {
    /// The service itself ended, or never said where it listens: its own failure.
    Service {
        /// What was seen.
        observed: String,
        /// The last lines of its output.
        lines: Vec<String>,
    },
    /// Anything else: the harness's trouble.
    Other(String),
}

/// Starts the dependencies side by side, then the service. What was left by runs that are gone is ended first;
/// the second part of the answer says what that was.
pub(crate) async fn start(spec: Spec) -> (Result<Provisioned, StartError>, Vec<String>) {
    let folder = spec.leases.clone();
    let swept = tokio::task::spawn_blocking(move || sweep(&folder)).await.unwrap_or_default();
    (start_all(&spec).await, swept)
}

async fn start_all(spec: &Spec) -> Result<Provisioned, StartError> {
    let starting = spec.dependencies.iter().map(|part| start_part(spec, part, part.args.clone()));
    let mut parts = Vec::with_capacity(spec.dependencies.len() + 1);
    for (part, started) in spec.dependencies.iter().zip(futures_util::future::join_all(starting).await) {
        parts.push(started.map_err(|(why, lines)| StartError::Other(trouble(&part.name, &why, &lines)))?);
    }
    let args = service_args(spec, &parts);
    let service = match start_part(spec, &spec.service, args).await {
        Ok(started) => started,
        Err((Trouble::Spawn(why), _)) => return Err(StartError::Other(why)),
        Err((Trouble::Service(observed), lines)) => return Err(StartError::Service { observed, lines }),
    };
    let address = service.address;
    parts.push(service);
    Ok(Provisioned::new(parts, address))
}

enum Trouble {
    /// The system would not start it.
    Spawn(String),
    /// It was started, and did not come up.
    Service(String),
}

fn trouble(name: &str, why: &Trouble, lines: &[String]) -> String {
    let (Trouble::Spawn(why) | Trouble::Service(why)) = why;
    let said = if lines.is_empty() { String::new() } else { format!("; its last lines: {}", lines.join(" | ")) };
    format!("the dependency `{name}` could not be started: {why}{said}")
}

async fn start_part(spec: &Spec, part: &PartSpec, more: Vec<String>) -> Result<Started, (Trouble, Vec<String>)> {
    let role: &[&str] = match part.what.as_str() {
        "reference-service" => &["serve"],
        "reference-dependency" => &["dependency"],
        other => return Err((Trouble::Spawn(format!("`{other}` is not embedded in this executable")), Vec::new())),
    };
    let fixed = [HIDDEN, REFERENCE].iter().chain(role).chain(&["--listen", "127.0.0.1:0", "--parent-watch"]);
    let args = fixed.map(OsString::from).chain(more.into_iter().map(OsString::from)).collect();
    let program = Program { path: spec.executable.clone(), args, env: Vec::new() };
    let mut process = Process::start(&program).map_err(|e| (Trouble::Spawn(e.to_string()), Vec::new()))?;
    let lease = LeaseFile::write(&spec.leases, &spec.run, &part.what, process.pid());
    match tokio::time::timeout(START, process.first_line()).await {
        Ok(Some(line)) => match listening(&line) {
            Some(address) => Ok(Started { name: part.name.clone(), address, process, lease }),
            None => Err(did_not_start(&mut process, "its first line did not say where it listens").await),
        },
        Ok(None) => {
            let how = match tokio::time::timeout(Duration::from_secs(1), process.wait()).await {
                Ok(Ok(status)) => format!("it ended before it listened: {status}"),
                Ok(Err(ProcessError::Immortal(_) | ProcessError::Spawn { .. } | ProcessError::Wait(_))) | Err(_) => {
                    "it closed its standard output before it listened".to_owned()
                }
            };
            Err(did_not_start(&mut process, &how).await)
        }
        Err(_) => {
            let why = format!("it did not say within {} s where it listens", START.as_secs());
            Err(did_not_start(&mut process, &why).await)
        }
    }
}

async fn did_not_start(process: &mut Process, why: &str) -> (Trouble, Vec<String>) {
    let _ = process.stop(Duration::from_millis(200)).await;
    let mut lines = process.last_lines();
    lines.drain(..lines.len().saturating_sub(SHOWN_LINES));
    (Trouble::Service(why.to_owned()), lines)
}

/// The address in the one line that a part writes once it listens.
fn listening(line: &str) -> Option<SocketAddr> {
    #[derive(serde::Deserialize)]
    struct Line {
        listening: SocketAddr,
    }
    serde_json::from_str::<Line>(line).ok().map(|l| l.listening)
}

/// The service's arguments, with what its dependencies set. A dependency of the reference service that the arguments do not
/// mention is handed over under its own name: `--db HOST:PORT`.
fn service_args(spec: &Spec, parts: &[Started]) -> Vec<String> {
    let mut args = spec.service.args.clone();
    for (part, started) in spec.dependencies.iter().zip(parts) {
        let (host, port) = (started.address.ip().to_string(), started.address.port().to_string());
        for (name, template) in &part.sets {
            let value = template.replace("${host}", &host).replace("${port}", &port);
            let slot = format!("${{{name}}}");
            args.iter_mut().for_each(|arg| *arg = arg.replace(&slot, &value));
        }
        let flag = format!("--{}", part.name);
        let known = matches!(&*part.name, "db" | "cache") && spec.service.what == "reference-service";
        if known && !args.iter().any(|a| *a == flag || a.starts_with(&format!("{flag}="))) {
            args.extend([flag, started.address.to_string()]);
        }
    }
    args
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An executable that plays a part by this script; `$3` is the role. A shell writes the file: had this process it open for
    /// writing while another test forks, starting it could fail with "text file busy".
    async fn spec(folder: &std::path::Path, script: &str) -> Spec {
        let executable = folder.join("part.sh");
        let write = "printf '#!/bin/sh\\n%s\\n' \"$1\" > \"$2\" && chmod 755 \"$2\"";
        let args = ["-c".into(), write.into(), "sh".into(), script.into(), executable.clone().into()];
        let mut shell = Process::start(&Program { path: "/bin/sh".into(), args: args.into(), env: Vec::new() }).unwrap();
        assert!(shell.wait().await.unwrap().success());
        let part = |name: &str, what: &str| PartSpec { name: name.into(), what: what.into(), args: Vec::new(), sets: Vec::new() };
        Spec {
            dependencies: vec![part("db", "reference-dependency")],
            service: part("api", "reference-service"),
            executable,
            leases: folder.join("leases"),
            run: "R1".into(),
        }
    }

    const DEPENDENCY: &str = r#"if [ "$3" = dependency ]; then echo '{"listening":"127.0.0.1:7001","pid":1}'; cat >/dev/null; exit 0; fi"#;

    #[tokio::test]
    async fn the_service_is_told_where_its_dependency_listens_and_everything_is_stopped() {
        let folder = tempfile::tempdir().unwrap();
        let script = format!("{DEPENDENCY}\necho '{{\"listening\":\"127.0.0.1:7002\"}}'; echo \"$@\" >&2; cat >/dev/null");
        let (world, swept) = start(spec(folder.path(), &script).await).await;
        let world = world.unwrap();
        assert_eq!((world.service, swept), (Some("127.0.0.1:7002".parse().unwrap()), Vec::new()));
        assert_eq!(std::fs::read_dir(folder.path().join("leases")).unwrap().count(), 2);
        assert_eq!(world.stop(Duration::from_secs(20)).await, Vec::<String>::new());
        assert_eq!(std::fs::read_dir(folder.path().join("leases")).unwrap().count(), 0, "no lease outlives its process");
    }

    #[tokio::test]
    async fn a_service_that_ends_at_start_is_its_own_failure_with_its_last_lines() {
        let folder = tempfile::tempdir().unwrap();
        let (world, _) = start(spec(folder.path(), &format!("{DEPENDENCY}\necho 'no such table: jobs' >&2; exit 7")).await).await;
        match world {
            Err(StartError::Service { observed, lines }) => {
                assert!(observed.contains("exit status: 7"), "{observed}");
                assert_eq!(lines, ["no such table: jobs"]);
            }
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn a_dependency_that_does_not_start_is_the_harness_s_trouble() {
        let folder = tempfile::tempdir().unwrap();
        let (world, _) = start(spec(folder.path(), "echo broken; exit 1").await).await;
        assert!(matches!(&world, Err(StartError::Other(why)) if why.contains("`db`")), "{world:?}");
    }

    #[tokio::test]
    async fn an_executable_that_is_not_there_is_the_harness_s_trouble() {
        let folder = tempfile::tempdir().unwrap();
        let mut spec = spec(folder.path(), "").await;
        spec.dependencies.clear();
        spec.executable = folder.path().join("missing");
        assert!(matches!(start(spec).await.0, Err(StartError::Other(_))));
    }
}
