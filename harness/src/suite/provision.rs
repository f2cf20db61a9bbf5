//! What is started before the checks: dependencies first, then the service that uses them.

use super::later;
use super::values::Variables;
use crate::kind::Unavailable;
use crate::model::{At, FaultKind, Origin};
use crate::provision::{How, PartSpec, can, literal};
use crate::reader::{Keys, Many, Problem, Sp, Tree, Value, With};
use schemars::JsonSchema;
use serde::Deserialize;
use std::{collections::BTreeMap, sync::Arc};

/// What can be embedded.
const SERVICE: &str = "reference-service";
const DEPENDENCY: &str = "reference-dependency";

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
    /// Puts the values of variables into the arguments. What a dependency sets stays `${name}` until it runs.
    pub(crate) fn put_values(&mut self, values: &Variables, problems: &mut Vec<Problem>) {
        let sets: Vec<String> = self.sets().map(|(name, _)| name).collect();
        for part in self.dependencies.iter_mut().chain([&mut self.service]) {
            let How::Embedded { args, .. } = &mut part.how else { continue };
            for arg in args {
                for name in names_in(&arg.clone()).into_iter().filter(|name| !sets.iter().any(|s| s == name)) {
                    match values.value(name) {
                        Some(Value::Plain(value, _)) => *arg = arg.replace(&format!("${{{name}}}"), &literal(&value)),
                        other => {
                            let what = match other {
                                Some(Value::Secret(_)) => "is a secret, and arguments of programs can be seen by everyone",
                                _ => "is neither a variable nor set by a dependency",
                            };
                            let known = sets.iter().map(|s| format!("`${{{s}}}`")).collect::<Vec<_>>().join(", ");
                            let help =
                                if known.is_empty() { String::from("give it by `--var`") } else { format!("dependencies set {known}") };
                            let problem = Problem::new(part.origin.clone(), format!("`${{{name}}}` {what}"));
                            problems.push(problem.with_path("provision").with_help(help));
                        }
                    }
                }
            }
        }
    }

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

/// How a part is started: exactly one of these. This version knows `embedded`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Start {
    /// A part of this very program: `reference-service` or `reference-dependency`.
    #[serde(default)]
    embedded: Option<Sp<String>>,
    /// Further arguments.
    #[serde(default)]
    args: Many<Sp<String>>,
    #[serde(default)]
    #[schemars(skip)]
    process: Option<Sp<Tree>>,
    #[serde(default)]
    #[schemars(skip)]
    container: Option<Sp<Tree>>,
    #[serde(default)]
    #[schemars(skip)]
    compose: Option<Sp<Tree>>,
}

impl Keys for Start {
    const KEYS: &'static [&'static str] = &["embedded", "args", "process", "container", "compose"];
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
    /// The parts, or what is wrong with them.
    pub(crate) fn finish(self, origin: &dyn Fn(At) -> Origin, problems: &mut Vec<Problem>) -> Option<Provision> {
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
                } else if let Some(strange) = names_in(&template).into_iter().find(|n| *n != "host" && *n != "port") {
                    problems.push(told(format!("`${{{strange}}}` is not known here"), "a part knows its own `${host}` and `${port}`"));
                } else {
                    set.push(variable.clone());
                    sets.push((variable, template.value));
                }
            }
            if let Some(how) = keys.value.a.finish(DEPENDENCY, keys.at, &path, origin, problems) {
                dependencies.push(Part { name: name.into(), how, sets, origin: origin(keys.at) });
            }
        }
        let With { a: start, b: service } = self.service.value;
        let how = start.finish(SERVICE, self.service.at, "provision.service", origin, problems)?;
        let part = Part { name: "service".into(), how, sets: Vec::new(), origin: origin(self.service.at) };
        Some(Provision { dependencies, service: part, target: service.target.value.into() })
    }
}

impl Start {
    /// `kind`: what this part may embed.
    fn finish(self, kind: &str, at: At, path: &str, origin: &dyn Fn(At) -> Origin, problems: &mut Vec<Problem>) -> Option<How> {
        let before = problems.len();
        let mut told = |at: At, key: &str, what: String, help: String| {
            problems.push(Problem::new(origin(at), what).with_path(format!("{path}{key}")).with_help(help));
        };
        for (name, tree) in later::STARTS.iter().zip([&self.process, &self.container, &self.compose]) {
            if let Some(tree) = tree {
                told(
                    tree.at,
                    &format!(".{name}"),
                    format!("`{name}` is not in this version"),
                    format!("this version starts `embedded: {kind}`"),
                );
            }
        }
        match &self.embedded {
            Some(what) if what.as_str() != kind => {
                told(what.at, ".embedded", format!("there is no `{}` to embed here", what.value), format!("write `embedded: {kind}`"));
            }
            Some(_) => {}
            None if self.process.is_some() || self.container.is_some() || self.compose.is_some() => {}
            None => told(at, "", "how is it started?".to_owned(), format!("write `embedded: {kind}`")),
        }
        (problems.len() == before)
            .then(|| How::Embedded { what: kind.to_owned(), args: self.args.0.into_iter().map(|arg| arg.value).collect() })
    }
}

/// The names in `${…}` of a text; `$${` is none.
pub(crate) fn names_in(text: &str) -> Vec<&str> {
    let (mut names, mut rest) = (Vec::new(), text);
    while let Some(open) = rest.find("${") {
        let inner = &rest[open + 2..];
        if !rest[..open].ends_with('$')
            && let Some((name, _)) = inner.split_once('}')
            && super::values::is_name(name)
        {
            names.push(name);
        }
        rest = inner;
    }
    names
}
