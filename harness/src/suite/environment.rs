//! An environment: what may be done where, the targets, the values, and what is started first. Configuration only.

use super::find::{self, ENVIRONMENT_END};
use super::refused::Reason;
use super::values::{SecretFrom, SecretSource, pairs};
use super::{provision, targets};
use crate::model::{Impact, Origin, Rate, Size, Source};
use crate::reader::{Bytes, Kind as NodeKind, Node, PerTime, Problem, Sp, Tree, nearest, read};
use schemars::JsonSchema;
use serde::Deserialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use provision::Provision;

/// The environment that is used when none is named and it exists.
const DEFAULT: &str = "local";

/// One environment file, read and checked. Without a file: [`Environment::default`], where everything may only be looked at.
#[derive(Debug, Default)]
pub struct Environment {
    /// Its name; empty without a file.
    pub name: String,
    /// One sentence.
    pub about: Option<String>,
    /// The most that checks may do here. Holds only for hosts in `hosts` and for what this run provisioned. Default: read.
    pub allows: Impact,
    /// Whether `command` checks may start programs. Default: false.
    pub allows_exec: bool,
    /// Hosts for which `allows` holds, in lower case: exact names, or `*.` and a suffix.
    pub hosts: Vec<String>,
    /// Caps on what the harness does, in all.
    pub limits: EnvironmentLimits,
    /// Whether an intermittent finding is advisory here (`intermittent: report`).
    pub intermittent_is_advisory: bool,
    /// What is started first.
    pub provision: Option<Provision>,
    /// A service that runs already, in the process of the caller: the target that it is, and its address.
    pub running: Option<(Arc<str>, SocketAddr)>,
    /// Targets as they were written, in order.
    pub(crate) targets: Vec<targets::Draft>,
    /// Plain values, and who gives them.
    pub(crate) vars: Vec<(String, String, Origin)>,
    /// Where secrets come from.
    pub(crate) secrets: BTreeMap<String, SecretSource>,
    /// The file; none without one.
    pub(crate) source: Option<Arc<Source>>,
}

/// `limits:` of an environment.
#[derive(Clone, Copy, Debug, Default)]
pub struct EnvironmentLimits {
    /// Requests a second.
    pub rate: Option<Rate>,
    /// Bytes of request bodies, in all.
    pub upload: Option<Size>,
    /// Open connections at once.
    pub connections: Option<u32>,
}

/// The difference that one place makes: what may be done there, where the targets are, which values hold.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct EnvironmentKeys {
    /// Its name, as reports show it.
    environment: Sp<String>,
    /// One sentence.
    #[serde(default)]
    about: Option<String>,
    /// The most that checks may do here: read, write, load or disrupt. Holds only for `hosts` and what this run starts. Default: read.
    #[serde(default)]
    allows: Option<Sp<Impact>>,
    /// Whether `command` checks may start programs. Default: false.
    #[serde(default)]
    allows_exec: Option<bool>,
    /// Hosts for which `allows` holds: names, or `*.` and a suffix. Loopback must be listed too.
    #[serde(default)]
    hosts: Vec<Sp<String>>,
    /// Targets by name.
    #[serde(default)]
    #[schemars(with = "Option<BTreeMap<String, targets::TargetKeys>>")]
    targets: Option<Tree>,
    /// Values by name.
    #[serde(default)]
    #[schemars(with = "Option<BTreeMap<String, serde_json::Value>>")]
    vars: Option<Tree>,
    /// Secrets by name: from an environment variable or a file.
    #[serde(default)]
    secrets: BTreeMap<String, Sp<SecretKeys>>,
    /// What the harness may do to the targets, in all.
    #[serde(default)]
    limits: LimitKeys,
    /// What an intermittent finding (one or two bad of sixty) is here. Default: inconclusive.
    #[serde(default)]
    intermittent: Intermittent,
    /// What is started first, and stopped at the end.
    #[serde(default)]
    provision: Option<provision::ProvisionKeys>,
}

/// Where a secret comes from: exactly one of `env` and `file`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct SecretKeys {
    /// The environment variable that holds it.
    #[serde(default)]
    env: Option<String>,
    /// The file that holds it; its last line end is dropped.
    #[serde(default)]
    file: Option<String>,
    /// Whether it is masked everywhere. Secrets under 8 characters must say false. Default: true.
    #[serde(default)]
    mask: Option<bool>,
}

/// Client-side caps; off loopback they are conservative by default.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct LimitKeys {
    /// Requests a second, in all: `200/s`.
    #[serde(default)]
    rate: Option<PerTime>,
    /// Bytes of request bodies, in all: `2GiB`.
    #[serde(default)]
    upload: Option<Bytes>,
    /// Open connections at once, at least 1.
    #[serde(default)]
    connections: Option<std::num::NonZeroU32>,
}

/// What an intermittent finding is.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Intermittent {
    /// The run is inconclusive: exit 4.
    #[default]
    Inconclusive,
    /// Advisory here, still in every report.
    Report,
}

impl Environment {
    /// Finds and reads the environment: by path, by name beside the suites, or `local` if there is one.
    ///
    /// # Errors
    /// Every problem of the file; that no such file exists, with the names of those that do.
    pub(crate) fn find(wanted: Option<&str>, suites: &[PathBuf]) -> Result<Self, Vec<Reason>> {
        let by_path = wanted.filter(|w| w.contains(['/', '\\']) || w.ends_with(".yaml") || w.ends_with(".yml"));
        if let Some(path) = by_path {
            return Self::open(Path::new(path), None);
        }
        let name = wanted.unwrap_or(DEFAULT);
        let folders = folders(suites);
        let file = format!("{name}{ENVIRONMENT_END}");
        if let Some(path) = folders.iter().map(|folder| folder.join(&file)).find(|path| path.is_file()) {
            return Self::open(&path, Some(name));
        }
        if wanted.is_none() {
            return Ok(Self::default());
        }
        let there: BTreeSet<String> = folders.iter().flat_map(|folder| names_in(folder)).collect();
        let listed = there.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ");
        let help = match nearest(name, there.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`? There is {listed}"),
            None if there.is_empty() => format!("write `environments/{file}` beside the suites"),
            None => format!("there is {listed}"),
        };
        Err(vec![Reason::plain(format!("--env {name}: there is no environment `{name}`"), help)])
    }

    /// Reads one file. `name`: the name by which it was found; it must agree.
    fn open(path: &Path, name: Option<&str>) -> Result<Self, Vec<Reason>> {
        let bytes = find::bytes(path).map_err(|e| vec![e])?;
        let source = crate::reader::open(&path.display().to_string(), &bytes).map_err(|e| vec![e.into()])?;
        let document = crate::reader::parse(&source).map_err(|e| vec![e.into()])?;
        let hidden = super::hidden::spans(&document.root);
        let (environment, problems) = Self::read(document.root, &source, path.parent().unwrap_or(Path::new("")), name);
        let mut problems: Vec<Problem> = document.problems.into_iter().chain(problems).collect();
        problems.sort_by_key(|p| p.origin.at.start);
        match environment {
            Some(environment) if problems.is_empty() => Ok(environment),
            _ => Err(super::hidden::hide(problems, &source, &hidden).into_iter().map(Reason::from).collect()),
        }
    }

    fn read(mut root: Node, source: &Arc<Source>, folder: &Path, name: Option<&str>) -> (Option<Self>, Vec<Problem>) {
        let at = |at| Origin { source: Arc::clone(source), at };
        if let NodeKind::Map(entries) = &mut root.kind {
            entries.retain(|(key, _)| !key.text().is_some_and(|k| k.starts_with("x-")));
        }
        let keys = match read::<EnvironmentKeys>(source, &root, "") {
            Ok(keys) => keys,
            Err(problems) => return (None, problems),
        };
        let mut problems = Vec::new();
        if let Some(name) = name.filter(|n| *n != keys.environment.as_str()) {
            let what = format!("the file is `{name}{ENVIRONMENT_END}`, but it says `{}`", keys.environment.value);
            let help = format!("write `environment: {name}`, or rename the file: reports show this name");
            problems.push(Problem::new(at(keys.environment.at), what).with_path("environment").with_help(help));
        }
        let hosts = keys.hosts.iter().filter_map(|host| host_name(host).map_err(|p| problems.push(p(at(host.at)))).ok()).collect();
        let (targets, more) = keys.targets.as_ref().map_or_else(Default::default, |tree| targets::drafts(&tree.0, source, folder));
        problems.extend(more);
        let (vars, more) = keys.vars.as_ref().map_or_else(Default::default, |tree| pairs(&tree.0, &|n: &Node| at(n.at), "vars"));
        problems.extend(more);
        let mut secrets = BTreeMap::new();
        for (name, secret) in &keys.secrets {
            let told = |what: String, help: &str| Problem::new(at(secret.at), what).with_path(format!("secrets.{name}")).with_help(help);
            let from = match (&secret.env, &secret.file) {
                (Some(key), None) => SecretFrom::Env(key.clone()),
                (None, Some(file)) => SecretFrom::File(folder.join(file)),
                (Some(_), Some(_)) => {
                    problems.push(told("a secret comes from one place; this names two".to_owned(), "keep `env` or `file`"));
                    continue;
                }
                (None, None) => {
                    problems.push(told("where does it come from?".to_owned(), "write `{ env: NAME }` or `{ file: PATH }`"));
                    continue;
                }
            };
            if !super::values::is_name(name) {
                problems.push(told(format!("`{name}` is no name of a variable"), super::values::NAME_HELP));
            } else if let Some((.., origin)) = vars.iter().find(|(var, ..)| var == name) {
                problems.push(
                    told(format!("`{name}` is a secret and a variable"), "keep one of them")
                        .with_note(origin.clone(), "given here under `vars`"),
                );
            }
            secrets.insert(name.clone(), SecretSource { from, mask: secret.mask.unwrap_or(true), origin: at(secret.at) });
        }
        let provision = keys.provision.and_then(|p| p.finish(&at, folder, &mut problems));
        for (name, origin) in provision.iter().flat_map(Provision::sets) {
            if let Some(from) = vars.iter().find(|(v, ..)| *v == name).map(|(.., o)| o).or_else(|| secrets.get(&name).map(|s| &s.origin)) {
                let what = format!("`{name}` is set by this part and given in this file");
                problems.push(
                    Problem::new(origin, what).with_path("provision").with_note(from.clone(), "given here").with_help("keep one of them"),
                );
            }
        }
        let environment = Self {
            name: keys.environment.value,
            about: keys.about,
            allows: keys.allows.map(|a| a.value).unwrap_or_default(),
            allows_exec: keys.allows_exec.unwrap_or(false),
            hosts,
            limits: EnvironmentLimits {
                rate: keys.limits.rate.map(|r| r.0),
                upload: keys.limits.upload.map(|u| u.0),
                connections: keys.limits.connections.map(std::num::NonZeroU32::get),
            },
            intermittent_is_advisory: matches!(keys.intermittent, Intermittent::Report),
            running: None,
            provision,
            targets,
            vars,
            secrets,
            source: Some(Arc::clone(source)),
        };
        (Some(environment), problems)
    }

    /// The target whose service belongs to this run: what it provisions, or what its caller runs.
    #[must_use]
    pub fn own_target(&self) -> Option<&Arc<str>> {
        self.running.as_ref().map(|(name, _)| name).or(self.provision.as_ref().map(|p| &p.target))
    }

    /// Takes in a service that the caller runs: it stands in for whatever would have been started for that target.
    pub(crate) fn runs(&mut self, target: &str, address: SocketAddr) {
        self.provision.take_if(|p| &*p.target == target);
        self.running = Some((target.into(), address));
    }

    /// Whether `allows` holds for this host by name. What this run provisioned is judged elsewhere.
    #[must_use]
    pub fn lists(&self, host: &str) -> bool {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        self.hosts.iter().any(|listed| match listed.strip_prefix('*') {
            Some(suffix) => host.len() > suffix.len() && host.ends_with(suffix) && host.parse::<std::net::Ipv4Addr>().is_err(),
            None => host == *listed,
        })
    }
}

/// A host as `hosts` holds it: no scheme, no port, no path; a star only as the whole first label.
fn host_name(written: &Sp<String>) -> Result<String, impl Fn(Origin) -> Problem + use<>> {
    let text = written.value.trim_end_matches('.').to_ascii_lowercase();
    let problem = |what: String, help: String| move |origin| Problem::new(origin, what.clone()).with_path("hosts").with_help(help.clone());
    if let Ok(url) = url::Url::parse(&text)
        && let Some(host) = url.host_str()
    {
        return Err(problem("expected a host, got a URL".to_owned(), format!("write `{host}`")));
    }
    let bracketed = text.starts_with('[') || text.parse::<std::net::Ipv6Addr>().is_ok();
    if let (Some((host, port)), false) = (text.rsplit_once(':'), bracketed)
        && port.bytes().all(|b| b.is_ascii_digit())
    {
        return Err(problem("expected a host, got a host with a port".to_owned(), format!("write `{host}`: it holds for every port")));
    }
    let (star, name) = text.strip_prefix("*.").map_or(("", text.as_str()), |name| ("*.", name));
    let name = if name.parse::<std::net::Ipv6Addr>().is_ok() { format!("[{name}]") } else { name.to_owned() };
    match url::Host::parse(&name) {
        Ok(url::Host::Domain(domain)) if !domain.contains('*') => Ok(format!("{star}{domain}")),
        Ok(host @ (url::Host::Ipv4(_) | url::Host::Ipv6(_))) if star.is_empty() => Ok(host.to_string()),
        _ => Err(problem(format!("`{}` is no host", written.value), "write a name, or `*.` and a name: `*.stage.example.org`".to_owned())),
    }
}

/// The folders in which environments are looked for: `environments` in and beside each folder of suites.
fn folders(suites: &[PathBuf]) -> Vec<PathBuf> {
    let mut folders = Vec::new();
    for suite in suites {
        let folder = suite.parent().unwrap_or(Path::new(""));
        let beside = match folder.file_name() {
            Some(_) => folder.parent().unwrap_or(Path::new("")).join("environments"),
            None => folder.join("../environments"),
        };
        for folder in [folder.join("environments"), beside] {
            if !folders.contains(&folder) {
                folders.push(folder);
            }
        }
    }
    folders
}

fn names_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().take(1000);
    entries
        .filter_map(|entry| Some(entry.file_name().to_str()?.strip_suffix(ENVIRONMENT_END)?.to_owned()))
        .filter(|n| !n.is_empty())
        .collect()
}
