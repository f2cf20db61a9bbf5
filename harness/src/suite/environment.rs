//! An environment: what may be done where, the targets, the values, and what is started first. Configuration only.

use crate::kind::Target;
use crate::model::{Impact, Origin, Rate, Secret, Size};
use std::{collections::BTreeMap, sync::Arc};

/// One environment file, read and checked. Without a file: [`Environment::none`].
#[derive(Debug)]
pub struct Environment {
    /// Its name; empty without a file.
    pub name: String,
    /// One sentence.
    pub about: Option<String>,
    /// The most that checks may do here. Holds only for hosts in `hosts` and for what this run provisioned.
    pub allows: Impact,
    /// Whether `command` checks may start programs.
    pub allows_exec: bool,
    /// Hosts for which `allows` holds: exact names, or `*.` and a suffix.
    pub hosts: Vec<String>,
    /// Targets by name.
    pub targets: BTreeMap<Arc<str>, Arc<Target>>,
    /// Plain values.
    pub vars: BTreeMap<String, (String, Origin)>,
    /// Secrets, already looked up.
    pub secrets: BTreeMap<String, Secret>,
    /// Caps on what the harness does, in all.
    pub limits: EnvironmentLimits,
    /// Whether an intermittent finding is advisory here (`intermittent: report`).
    pub intermittent_is_advisory: bool,
    /// What is started first.
    pub provision: Option<Provision>,
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

/// `provision:`: dependencies first, then the service that uses them.
#[derive(Clone, Debug)]
pub struct Provision {
    /// What the service depends on.
    pub dependencies: Vec<Part>,
    /// The service itself.
    pub service: Part,
    /// The target that the service becomes.
    pub target: Arc<str>,
}

/// One thing that is started.
#[derive(Clone, Debug)]
pub struct Part {
    /// Its name, as suites say it in `hard: [db]`.
    pub name: Arc<str>,
    /// How it is started.
    pub how: PartHow,
    /// Variables that it sets once its address is known: name and template over `${host}` and `${port}`.
    pub sets: Vec<(String, String)>,
    /// Where the file asked for it.
    pub origin: Origin,
}

/// How a part is started.
#[derive(Clone, Debug)]
pub enum PartHow {
    /// A child process of this very executable: `reference-service` or `reference-dependency`, with arguments.
    Embedded {
        /// Which.
        what: String,
        /// Further arguments, for example `--defect NAME`.
        args: Vec<String>,
    },
}
