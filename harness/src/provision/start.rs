//! Starts the world: dependencies side by side, a relay before each, then the service, which is told the relays' addresses.

use super::fill::fill;
use super::folder::Folder;
use super::launch::{Launch, Recipe, Trouble};
use super::lease::{sweep, unusable};
use super::part::Part;
use super::process::start_process;
use super::spec::{How, PartSpec, Spec};
use super::stand::Provisioned;
use crate::transport::relay::Relay;
use std::net::SocketAddr;
use std::time::Duration;

/// How long what was started is given to end where something else does not start.
const UNDONE: Duration = Duration::from_secs(10);

/// Why the world could not be started.
#[derive(Clone, Debug)]
pub enum StartError {
    /// The service itself ended, or was never ready: its own failure.
    Service {
        /// What was seen.
        observed: String,
        /// The last lines of its output.
        lines: Vec<String>,
    },
    /// Anything else: the harness's trouble.
    Other {
        /// The part that could not be started, where it is one.
        part: Option<String>,
        /// Why.
        why: String,
    },
}

/// Ends what was left by runs that are gone. Answers with what that was, and with why this run's own parts cannot be written down.
pub(crate) async fn clean(spec: &Spec) -> Vec<String> {
    let folder = spec.leases.clone();
    let swept = move || sweep(&folder).into_iter().chain(unusable(&folder)).collect();
    tokio::task::spawn_blocking(swept).await.unwrap_or_default()
}

/// Starts everything. Whatever was started is ended again where something else does not start.
///
/// # Errors
/// [`StartError::Service`] where the service itself ended or was never ready, [`StartError::Other`] for anything else.
pub async fn start(spec: &Spec) -> Result<Provisioned, StartError> {
    let starting = spec.dependencies.iter().map(|part| start_part(spec, part, &[]));
    let mut dependencies = Vec::with_capacity(spec.dependencies.len());
    let (mut direct, mut relayed) = (Vec::new(), Vec::new());
    let mut failed = None;
    for (part, started) in spec.dependencies.iter().zip(futures_util::future::join_all(starting).await) {
        let trouble = |why: String| StartError::Other {
            part: Some(part.name.to_string()),
            why: format!("the dependency `{}` could not be started: {why}", part.name),
        };
        let relay = |started: Started| match Relay::start(started.address) {
            Ok(relay) => Ok((started, relay)),
            Err(e) => Err(Trouble::Spawn(format!("no relay before it: {e}"))),
        };
        match started.and_then(relay) {
            Ok((started, relay)) => {
                direct.extend(values(part, started.address));
                relayed.extend(values(part, relay.address()));
                dependencies.push(Part::new(part.name.clone(), started, Some(relay)));
            }
            Err(why) => failed = failed.or_else(|| Some(trouble(why.told()))),
        }
    }
    if let Some(failed) = failed {
        stop(&dependencies).await;
        return Err(failed);
    }
    let mut service = spec.service.clone();
    if let How::Embedded { args, .. } = &mut service.how {
        for (of, part) in spec.dependencies.iter().zip(&dependencies).filter(|(of, _)| spec.service.takes_by_name(of)) {
            let relay = part.relay.as_ref().expect("every dependency got a relay above");
            args.extend([format!("--{}", of.name), relay.address().to_string()]);
        }
    }
    match start_part(spec, &service, &relayed).await {
        Ok(started) => {
            let service = Part::new(service.name.clone(), started, None);
            Ok(Provisioned::new(spec, dependencies, service, direct))
        }
        Err(trouble) => {
            stop(&dependencies).await;
            Err(match trouble {
                Trouble::Spawn(why) => {
                    StartError::Other { part: Some(service.name.to_string()), why: format!("the service could not be started: {why}") }
                }
                Trouble::Start { observed, lines } => StartError::Service { observed, lines },
            })
        }
    }
}

/// Ends in order what was started in vain.
async fn stop(parts: &[Part]) {
    futures_util::future::join_all(parts.iter().map(|part| part.stop(UNDONE))).await;
}

/// What a part sets, for one of its two addresses.
fn values(part: &PartSpec, address: SocketAddr) -> Vec<(String, String)> {
    let (host, port) = (address.ip().to_string(), address.port().to_string());
    let known = [("host", host.as_str()), ("port", port.as_str())];
    part.sets.iter().map(|(name, template)| (name.clone(), fill(template, &known))).collect()
}

/// A part that runs.
pub(super) struct Started {
    /// How it is started again.
    pub(super) launch: Launch,
    /// Its process.
    pub(super) running: super::launch::Running,
    /// Where it listens.
    pub(super) address: SocketAddr,
    /// The folder of its own, if it has one.
    pub(super) folder: Option<Folder>,
}

async fn start_part(spec: &Spec, part: &PartSpec, values: &[(String, String)]) -> Result<Started, Trouble> {
    let values: Vec<(&str, &str)> = values.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    match &part.how {
        How::Embedded { what, args } => {
            let role = match what.as_str() {
                "reference-service" => "serve",
                "reference-dependency" => "dependency",
                other => return Err(Trouble::Spawn(format!("`{other}` is not embedded in this executable"))),
            };
            let args = args.iter().map(|arg| fill(arg, &values)).collect();
            let launch = launch(spec, what, Recipe::Embedded { executable: spec.executable.clone(), role, args });
            let (running, address) = launch.start(None).await?;
            Ok(Started { launch, running, address, folder: None })
        }
        How::Process(process) => start_process(spec, part, process, &values).await,
    }
}

pub(super) fn launch(spec: &Spec, what: &str, recipe: Recipe) -> Launch {
    Launch { what: what.to_owned(), recipe, leases: spec.leases.clone(), run: spec.run.clone(), claim: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::process::{Process, Program};
    use std::time::Duration;

    /// An executable that plays a part by this script; `$3` is the role. A shell writes the file: had this process it open for
    /// writing while another test forks, starting it could fail with "text file busy".
    async fn spec(folder: &std::path::Path, script: &str) -> Spec {
        let executable = folder.join("part.sh");
        let write = "printf '#!/bin/sh\\n%s\\n' \"$1\" > \"$2\" && chmod 755 \"$2\"";
        let args = ["-c".into(), write.into(), "sh".into(), script.into(), executable.clone().into()];
        let mut shell = Process::start(&Program { path: "/bin/sh".into(), args: args.into(), env: Vec::new() }).unwrap();
        assert!(shell.wait().await.unwrap().success());
        let part = |name: &str, what: &str| PartSpec {
            name: name.into(),
            how: How::Embedded { what: what.into(), args: Vec::new() },
            sets: Vec::new(),
        };
        Spec {
            dependencies: vec![part("db", "reference-dependency")],
            service: part("service", "reference-service"),
            target: "api".into(),
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
        let world = start(&spec(folder.path(), &script).await).await;
        let world = world.unwrap();
        assert_eq!(world.address(), "127.0.0.1:7002".parse().unwrap());
        assert_eq!(std::fs::read_dir(folder.path().join("leases")).unwrap().count(), 2);
        assert_eq!(world.stop(Duration::from_secs(20)).await, Vec::<String>::new());
        assert_eq!(std::fs::read_dir(folder.path().join("leases")).unwrap().count(), 0, "no lease outlives its process");
    }

    #[tokio::test]
    async fn a_service_that_ends_at_start_is_its_own_failure_with_its_last_lines() {
        let folder = tempfile::tempdir().unwrap();
        let world = start(&spec(folder.path(), &format!("{DEPENDENCY}\necho 'no such table: jobs' >&2; exit 7")).await).await;
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
        let world = start(&spec(folder.path(), "echo broken; exit 1").await).await;
        assert!(matches!(&world, Err(StartError::Other { why, .. }) if why.contains("`db`")), "{world:?}");
    }

    #[tokio::test]
    async fn an_executable_that_is_not_there_is_the_harness_s_trouble() {
        let folder = tempfile::tempdir().unwrap();
        let mut spec = spec(folder.path(), "").await;
        spec.dependencies.clear();
        spec.executable = folder.path().join("missing");
        assert!(matches!(start(&spec).await, Err(StartError::Other { .. })));
    }
}
