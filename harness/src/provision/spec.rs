//! What is to be started, as the environment says it: parts by name, and how each is started.

use crate::model::Secret;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// What is to be started.
#[derive(Clone, Debug)]
pub struct Spec {
    /// Parts that the service depends on.
    pub dependencies: Vec<PartSpec>,
    /// The service.
    pub service: PartSpec,
    /// The target that the service becomes.
    pub target: Arc<str>,
    /// The executable that plays embedded parts.
    pub executable: PathBuf,
    /// Where lease files lie.
    pub leases: PathBuf,
    /// The id of this run.
    pub run: Arc<str>,
}

/// One part.
#[derive(Clone, Debug)]
pub struct PartSpec {
    /// Its name.
    pub name: Arc<str>,
    /// How it is started.
    pub how: How,
    /// What it sets once its address is known: name and template over `${host}` and `${port}`.
    pub sets: Vec<(String, String)>,
}

/// How a part is started. In the texts `${name}` stands for what a dependency sets, `$${` for `${`.
#[derive(Clone, Debug)]
pub enum How {
    /// A child process of this very executable.
    Embedded {
        /// `reference-service` or `reference-dependency`.
        what: String,
        /// Further arguments.
        args: Vec<String>,
    },
    /// Any program.
    Process(Box<ProcessSpec>),
}

/// A program that is a part. Its texts may hold its own `${host}`, `${port}` and `${dir}` too.
#[derive(Clone, Debug)]
pub struct ProcessSpec {
    /// The program and its arguments; at least the program.
    pub run: Vec<String>,
    /// Variables that it gets beside those of this process.
    pub env: Vec<(String, Secret)>,
    /// Its working folder. Default: ours. It may begin with `${dir}`.
    pub cwd: Option<PathBuf>,
    /// Commands that are run in this order before it is started for the first time.
    pub prepare: Vec<Vec<String>>,
    /// Whom it runs as if we are root. Default: root.
    pub drop_root_to: Option<String>,
    /// The port that it listens on. Default: a free one.
    pub port: Option<u16>,
    /// What says that it is ready.
    pub ready: ReadyBy,
    /// How long it may take until then.
    pub within: Duration,
}

/// What says that a program is ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadyBy {
    /// `HOST:PORT` accepts a connection.
    Tcp(String),
    /// A GET of this URL, or path on its own address, is answered 2xx.
    Get(String),
    /// A line of its output holds this text.
    Line(String),
}

impl ProcessSpec {
    /// Whether it has a folder of its own: it names it somewhere.
    pub(crate) fn has_folder(&self) -> bool {
        let (ReadyBy::Tcp(ready) | ReadyBy::Get(ready) | ReadyBy::Line(ready)) = &self.ready;
        let cwd = self.cwd.as_ref().map(|cwd| cwd.to_string_lossy());
        let words = self.run.iter().chain(self.prepare.iter().flatten()).map(String::as_str);
        let env = self.env.iter().map(|(_, value)| value.expose());
        words.chain(env).chain([ready.as_str()]).chain(cwd.as_deref()).any(|text| super::fill::holds(text, super::fill::DIR))
    }
}

impl PartSpec {
    /// Every text that may hold `${name}`.
    fn texts(&self) -> Vec<&str> {
        match &self.how {
            How::Embedded { args, .. } => args.iter().map(String::as_str).collect(),
            How::Process(process) => {
                let env = process.env.iter().map(|(_, value)| value.expose());
                process.run.iter().map(String::as_str).chain(env).collect()
            }
        }
    }

    /// Whether it is given the address of a dependency, by something that this sets or, for the reference service, by name.
    pub(crate) fn is_given(&self, dependency: &Self) -> bool {
        let texts = self.texts();
        let is_used = |name: &str| texts.iter().any(|text| super::fill::holds(text, name));
        dependency.sets.iter().any(|(name, _)| is_used(name)) || self.takes_by_name(dependency)
    }

    /// The reference service takes `db` and `cache` as arguments of these names, without being told so.
    pub(crate) fn takes_by_name(&self, dependency: &Self) -> bool {
        let How::Embedded { what, args } = &self.how else { return false };
        let flag = format!("--{}", dependency.name);
        let is_told = args.iter().any(|a| *a == flag || a.starts_with(&format!("{flag}=")));
        what == super::REFERENCE && matches!(&*dependency.name, "db" | "cache") && !is_told
    }
}
