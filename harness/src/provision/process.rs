//! Starts a program as a part: a port and a folder for it, everything filled in, what prepares it first.

use super::account::account;
use super::fill::{DIR, fill};
use super::folder::Folder;
use super::launch::{Launch, Recipe, Trouble};
use super::lease::LeaseFile;
use super::port;
use super::prepare::prepare;
use super::ready::Ready;
use super::spec::{PartSpec, ProcessSpec, ReadyBy, Spec};
use super::start::{Started, launch};
use crate::transport::process::{Account, Program, Surroundings};
use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How often a program is started anew when somebody else took the port that was chosen for it.
const PORT_TRIES: usize = 3;

/// Starts it and waits until it is ready. `values`: what its dependencies set.
pub(super) async fn start_process(
    spec: &Spec,
    part: &PartSpec,
    process: &ProcessSpec,
    values: &[(&str, &str)],
) -> Result<Started, Trouble> {
    let account = process.drop_root_to.as_deref().map_or(Ok(None), account).map_err(Trouble::Spawn)?;
    let mut tries = 0;
    loop {
        tries += 1;
        let (port, claim) = match process.port {
            Some(port) => {
                let taken = |e| Trouble::Spawn(format!("port {port} cannot be listened on, so `{}` is not started: {e}", part.name));
                (port, port::claim(port).map_err(taken)?)
            }
            None => port::free().map_err(Trouble::Spawn)?,
        };
        let folder = match process.has_folder() {
            true => Some(
                Folder::make(&spec.leases, &spec.run, &part.name, account).map_err(|e| Trouble::Spawn(format!("no folder for it: {e}")))?,
            ),
            false => None,
        };
        let filled = Filled::new(process, port, folder.as_ref().map(Folder::path), values);
        let commands: Vec<Program> = process.prepare.iter().map(|words| filled.program(words)).collect();
        let surroundings = Surroundings { folder: filled.cwd.clone(), account, line: None };
        let what = format!("what prepares {}", part.name);
        prepare(&commands, &surroundings, process.within, |running| LeaseFile::write(&spec.leases, &spec.run, &what, running)).await?;
        let launch = Launch { claim: Some(Arc::new(claim)), ..launch(spec, &process.run[0], filled.recipe(account)?) };
        match launch.start(None).await {
            Ok((running, address)) => return Ok(Started { launch, running, address, folder }),
            // Somebody else took it after we had looked.
            Err(_) if process.port.is_none() && tries < PORT_TRIES && port::is_free(port).is_err() => {}
            Err(trouble) => return Err(trouble),
        }
    }
}

/// A program with everything that can be filled in.
struct Filled<'a> {
    process: &'a ProcessSpec,
    address: SocketAddr,
    cwd: Option<PathBuf>,
    known: Vec<(&'a str, String)>,
}

impl<'a> Filled<'a> {
    fn new(process: &'a ProcessSpec, port: u16, folder: Option<&Path>, values: &[(&'a str, &str)]) -> Self {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut known: Vec<(&str, String)> = values.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        known.extend([("host", address.ip().to_string()), ("port", port.to_string())]);
        // Made by us, of characters that every system takes.
        known.extend(folder.map(|path| (DIR, path.to_string_lossy().into_owned())));
        let mut filled = Self { process, address, cwd: None, known };
        // A folder that is no UTF-8 holds nothing to fill in.
        filled.cwd = process.cwd.as_ref().map(|cwd| cwd.to_str().map_or_else(|| cwd.clone(), |text| filled.fill(text).into()));
        filled
    }

    fn fill(&self, text: &str) -> String {
        let known: Vec<(&str, &str)> = self.known.iter().map(|(name, value)| (*name, value.as_str())).collect();
        fill(text, &known)
    }

    fn program(&self, words: &[String]) -> Program {
        let mut words = words.iter().map(|word| self.fill(word));
        let mut path: PathBuf = words.next().expect("a program has a name").into();
        if let Some(folder) = self.cwd.as_ref().filter(|_| path.is_relative() && path.components().count() > 1) {
            // Systems disagree from where they look for it once the folder has changed.
            path = folder.join(path);
        }
        let env = self.process.env.iter().map(|(name, value)| (name.into(), self.fill(value.expose()).into())).collect();
        Program { path, args: words.map(OsString::from).collect(), env }
    }

    fn recipe(&self, account: Option<Account>) -> Result<Recipe, Trouble> {
        let process = self.process;
        let wrong = |what: &str, text: &str| Trouble::Spawn(format!("`ready` of `{}`: `{text}` is no {what}", process.run[0]));
        let (ready, line) = match &process.ready {
            ReadyBy::Tcp(at) => {
                let at = self.fill(at);
                (Some(Ready::Accepts(at.parse().map_err(|_| wrong("IP address with a port", &at))?)), None)
            }
            ReadyBy::Get(at) => {
                let at = self.fill(at);
                let whole = if at.starts_with('/') { format!("http://{}{at}", self.address) } else { at };
                (Some(Ready::Answers(Box::new(whole.parse().map_err(|_| wrong("URL", &whole))?))), None)
            }
            ReadyBy::Line(text) => (None, Some(self.fill(text))),
        };
        let surroundings = Surroundings { folder: self.cwd.clone(), account, line };
        Ok(Recipe::Process { program: self.program(&process.run), surroundings, address: self.address, ready, within: process.within })
    }
}
