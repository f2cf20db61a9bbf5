//! Starts the world: dependencies side by side, a relay before each, then the service, which is told the relays' addresses.

use super::fill::fill;
use super::launch::{Launch, Recipe, Trouble};
use super::lease::sweep;
use super::part::Part;
use super::port;
use super::ready::Ready;
use super::spec::{How, PartSpec, ProcessSpec, ReadyBy, Spec};
use super::stand::Provisioned;
use crate::transport::process::Program;
use crate::transport::relay::Relay;
use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

/// How often a program is started anew when somebody else took the port that was chosen for it.
const PORT_TRIES: usize = 3;

/// Why the world could not be started.
#[derive(Clone, Debug)]
pub(crate) enum StartError {
    /// The service itself ended, or was never ready: its own failure.
    Service {
        /// What was seen.
        observed: String,
        /// The last lines of its output.
        lines: Vec<String>,
    },
    /// Anything else: the harness's trouble.
    Other(String),
}

/// Ends what was left by runs that are gone. Answers with what that was.
pub(crate) async fn clean(spec: &Spec) -> Vec<String> {
    let folder = spec.leases.clone();
    tokio::task::spawn_blocking(move || sweep(&folder)).await.unwrap_or_default()
}

/// Starts everything. Whatever was started is ended again where something else does not start.
pub(crate) async fn start(spec: &Spec) -> Result<Provisioned, StartError> {
    let starting = spec.dependencies.iter().map(|part| start_part(spec, part, &[]));
    let mut dependencies = Vec::with_capacity(spec.dependencies.len());
    let (mut direct, mut relayed) = (Vec::new(), Vec::new());
    for (part, started) in spec.dependencies.iter().zip(futures_util::future::join_all(starting).await) {
        let trouble = |why: String| StartError::Other(format!("the dependency `{}` could not be started: {why}", part.name));
        let (launch, running, address) = started.map_err(|t| trouble(t.told()))?;
        let relay = Relay::start(address).map_err(|e| trouble(format!("no relay before it: {e}")))?;
        direct.extend(values(part, address));
        relayed.extend(values(part, relay.address()));
        dependencies.push(Part::new(part.name.clone(), launch, running, address, Some(relay)));
    }
    let mut service = spec.service.clone();
    if let How::Embedded { args, .. } = &mut service.how {
        for (of, part) in spec.dependencies.iter().zip(&dependencies).filter(|(of, _)| spec.service.takes_by_name(of)) {
            let relay = part.relay.as_ref().expect("every dependency got a relay above");
            args.extend([format!("--{}", of.name), relay.address().to_string()]);
        }
    }
    match start_part(spec, &service, &relayed).await {
        Ok((launch, running, address)) => {
            let service = Part::new(service.name.clone(), launch, running, address, None);
            Ok(Provisioned::new(spec, dependencies, service, direct))
        }
        Err(Trouble::Spawn(why)) => Err(StartError::Other(format!("the service could not be started: {why}"))),
        Err(Trouble::Start { observed, lines }) => Err(StartError::Service { observed, lines }),
    }
}

/// What a part sets, for one of its two addresses.
fn values(part: &PartSpec, address: SocketAddr) -> Vec<(String, String)> {
    let (host, port) = (address.ip().to_string(), address.port().to_string());
    let known = [("host", host.as_str()), ("port", port.as_str())];
    part.sets.iter().map(|(name, template)| (name.clone(), fill(template, &known))).collect()
}

type Started = (Launch, super::launch::Running, SocketAddr);

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
            Ok((launch, running, address))
        }
        How::Process(process) => start_process(spec, part, process, &values).await,
    }
}

fn launch(spec: &Spec, what: &str, recipe: Recipe) -> Launch {
    Launch { what: what.to_owned(), recipe, leases: spec.leases.clone(), run: spec.run.clone() }
}

async fn start_process(spec: &Spec, part: &PartSpec, process: &ProcessSpec, values: &[(&str, &str)]) -> Result<Started, Trouble> {
    let mut tries = 0;
    loop {
        tries += 1;
        let port = match process.port {
            Some(port) => {
                let taken = |e| Trouble::Spawn(format!("port {port} cannot be listened on, so `{}` is not started: {e}", part.name));
                port::is_free(port).map_err(taken)?;
                port
            }
            None => port::free().map_err(Trouble::Spawn)?,
        };
        let launch = launch(spec, &process.run[0], recipe(process, port, values)?);
        match launch.start(None).await {
            Ok((running, address)) => return Ok((launch, running, address)),
            // Somebody else took it after we had looked.
            Err(_) if process.port.is_none() && tries < PORT_TRIES && port::is_free(port).is_err() => {}
            Err(trouble) => return Err(trouble),
        }
    }
}

/// The program with everything filled in.
fn recipe(process: &ProcessSpec, port: u16, values: &[(&str, &str)]) -> Result<Recipe, Trouble> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let (host, port) = (address.ip().to_string(), port.to_string());
    let known: Vec<(&str, &str)> = values.iter().copied().chain([("host", host.as_str()), ("port", port.as_str())]).collect();
    let wrong = |what: &str, text: &str| Trouble::Spawn(format!("`ready` of `{}`: `{text}` is no {what}", process.run[0]));
    let (ready, line) = match &process.ready {
        ReadyBy::Tcp(at) => {
            let at = fill(at, &known);
            (Some(Ready::Accepts(at.parse().map_err(|_| wrong("IP address with a port", &at))?)), None)
        }
        ReadyBy::Get(at) => {
            let at = fill(at, &known);
            let whole = if at.starts_with('/') { format!("http://{address}{at}") } else { at };
            (Some(Ready::Answers(Box::new(whole.parse().map_err(|_| wrong("URL", &whole))?))), None)
        }
        ReadyBy::Line(text) => (None, Some(fill(text, &known))),
    };
    let mut words = process.run.iter().map(|word| fill(word, &known));
    let mut path: PathBuf = words.next().expect("a program has a name").into();
    if let Some(folder) = process.cwd.as_ref().filter(|_| path.is_relative() && path.components().count() > 1) {
        // Systems disagree from where they look for it once the folder has changed.
        path = folder.join(path);
    }
    let program = Program {
        path,
        args: words.map(OsString::from).collect(),
        env: process.env.iter().map(|(name, value)| (name.into(), fill(value.expose(), &known).into())).collect(),
    };
    Ok(Recipe::Process { program, folder: process.cwd.clone(), address, ready, line, within: process.within })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::process::Process;
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
        assert!(matches!(&world, Err(StartError::Other(why)) if why.contains("`db`")), "{world:?}");
    }

    #[tokio::test]
    async fn an_executable_that_is_not_there_is_the_harness_s_trouble() {
        let folder = tempfile::tempdir().unwrap();
        let mut spec = spec(folder.path(), "").await;
        spec.dependencies.clear();
        spec.executable = folder.path().join("missing");
        assert!(matches!(start(&spec).await, Err(StartError::Other(_))));
    }
}
