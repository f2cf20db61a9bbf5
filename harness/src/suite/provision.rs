//! What is started before the checks: dependencies first, then the service that uses them.

use super::start::{DEPENDENCY, SERVICE, Start};
use crate::kind::Unavailable;
use crate::model::{At, FaultKind, Origin};
use crate::provision::{How, PartSpec, can, names};
use crate::reader::{Problem, Sp, With};
use schemars::JsonSchema;
use serde::Deserialize;
use std::{collections::BTreeMap, path::Path, sync::Arc};

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
    pub how: How,
    /// Variables that it sets once its address is known: name and template over `${host}` and `${port}`.
    pub sets: Vec<(String, String)>,
    /// Where the file asked for it.
    pub origin: Origin,
}

impl Provision {
    /// Whether this fault can be injected into the part of this name, once it is started. Pure.
    ///
    /// # Errors
    /// [`Unavailable`] with the reason.
    pub fn can(&self, part: &str, fault: FaultKind) -> Result<(), Unavailable> {
        let dependencies: Vec<PartSpec> = self.dependencies.iter().map(Part::spec).collect();
        can(&dependencies, &self.service.spec(), &self.target, part, fault)
    }

    /// Whether it may be started a second time beside the first: nothing in it insists on a port.
    #[must_use]
    pub fn starts_twice(&self) -> bool {
        let insists = |part: &Part| matches!(&part.how, How::Process(process) if process.port.is_some());
        !self.dependencies.iter().chain([&self.service]).any(insists)
    }

    /// Every name that a part sets, with the part's place.
    pub(crate) fn sets(&self) -> impl Iterator<Item = (String, Origin)> {
        self.dependencies
            .iter()
            .chain([&self.service])
            .flat_map(|part| part.sets.iter().map(|(name, _)| (name.clone(), part.origin.clone())))
    }
}

impl Part {
    /// The part as provisioning takes it.
    pub(crate) fn spec(&self) -> PartSpec {
        PartSpec { name: Arc::clone(&self.name), how: self.how.clone(), sets: self.sets.clone() }
    }
}

/// What is started first: dependencies, then the service that uses them.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct ProvisionKeys {
    /// Dependencies by name, as checks say it in `hard: [db]`.
    #[serde(default)]
    dependencies: BTreeMap<String, Sp<With<Start, DependencyKeys>>>,
    /// The service.
    service: Sp<With<Start, ServiceKeys>>,
}

/// The keys of a dependency beside how it is started.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct DependencyKeys {
    /// Variables that it sets once its address is known, over `${host}` and `${port}`.
    #[serde(default)]
    sets: BTreeMap<String, Sp<String>>,
}

/// The keys of the service beside how it is started.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct ServiceKeys {
    /// The target that it becomes.
    target: Sp<String>,
}

impl ProvisionKeys {
    /// The parts, or what is wrong with them. `folder`: that of the file.
    pub(crate) fn finish(self, origin: &dyn Fn(At) -> Origin, folder: &Path, problems: &mut Vec<Problem>) -> Option<Provision> {
        let mut dependencies = Vec::new();
        let mut set: Vec<String> = Vec::new();
        for (name, keys) in self.dependencies {
            let path = format!("provision.dependencies.{name}");
            let mut sets = Vec::new();
            for (variable, template) in keys.value.b.sets {
                let told = |what: String, help: &str| {
                    Problem::new(origin(template.at), what).with_path(format!("{path}.sets.{variable}")).with_help(help)
                };
                if !super::values::is_name(&variable) {
                    problems.push(told(format!("`{variable}` is no name of a variable"), super::values::NAME_HELP));
                } else if set.contains(&variable) {
                    problems.push(told(format!("two parts set `{variable}`"), "give each its own name"));
                } else if let Some(strange) = names(&template).into_iter().find(|n| *n != "host" && *n != "port") {
                    problems.push(told(format!("`${{{strange}}}` is not known here"), "a part knows its own `${host}` and `${port}`"));
                } else {
                    set.push(variable.clone());
                    sets.push((variable, template.value));
                }
            }
            if name == "service" || name == self.service.value.b.target.value {
                let what = format!("a dependency cannot be called `{name}`: that is the service");
                problems.push(Problem::new(origin(keys.at), what).with_path(path.clone()).with_help("give it a name of its own"));
            }
            if let Some(how) = keys.value.a.finish(DEPENDENCY, keys.at, &path, folder, origin, problems) {
                dependencies.push(Part { name: name.into(), how, sets, origin: origin(keys.at) });
            }
        }
        let With { a: start, b: service } = self.service.value;
        let how = start.finish(SERVICE, self.service.at, "provision.service", folder, origin, problems)?;
        let part = Part { name: "service".into(), how, sets: Vec::new(), origin: origin(self.service.at) };
        Some(Provision { dependencies, service: part, target: service.target.value.into() })
    }
}
