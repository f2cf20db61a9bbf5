//! All suites of a run with their environment: read first, typed only where they were selected.

use super::draft::Draft;
use super::file::{self, SuiteFile};
use super::finish::{Surroundings, finish};
use super::folder::Folder;
use super::refused::{Reason, Refused};
use super::values::{Given, Variables};
use super::{Check, Environment, find, targets};
use crate::kind::Target;
use crate::model::event::SuiteInfo;
use crate::model::{CheckId, Origin, Secret};
use crate::reader::{Resolver, Value, nearest};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    rc::Rc,
    sync::Arc,
};

/// Suites and environment, read and checked as far as that needs no values. Nothing was sent.
#[derive(Debug)]
pub struct Suites {
    /// The environment; [`Environment::default`] without a file.
    pub environment: Environment,
    files: Vec<SuiteFile>,
    variables: Variables,
    listing: bool,
    samples: Option<PathBuf>,
    /// What was found wrong so far; the checks that can be typed still tell theirs.
    reasons: Vec<Reason>,
    /// File and place in it of every check, in order.
    index: Vec<(usize, usize)>,
    /// The first check of each file.
    starts: Vec<usize>,
}

/// What is known of a check before it is selected.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// Which check.
    pub id: &'a CheckId,
    /// Its tags.
    pub tags: &'a [Arc<str>],
    /// The checks of the same suite that must pass first, by their number in the run.
    needed: &'a [usize],
    start: usize,
}

impl About<'_> {
    /// The checks that must pass first, by their number in the run.
    pub fn needs(&self) -> impl Iterator<Item = usize> + '_ {
        self.needed.iter().map(|n| self.start + n)
    }
}

impl Suites {
    /// Reads the suites under `paths` (none: `./suites`) and the environment. What is wrong in them is told by
    /// [`finish`](Self::finish), together with what is wrong with the checks.
    ///
    /// # Errors
    /// [`super::Meaning::Usage`]: a path is wrong, or the environment. [`super::Meaning::NothingToRun`]: there is no suite file.
    pub fn read(paths: &[PathBuf], environment: Option<&str>, given: &Given) -> Result<Self, Refused> {
        let found = find::suites(paths)?;
        let mut reasons = Vec::new();
        let mut environment = Environment::find(environment, &found).unwrap_or_else(|more| {
            reasons.extend(more);
            Environment::default()
        });
        if let Some((target, address)) = &given.running {
            environment.runs(target, *address);
        }
        let is_blind = !reasons.is_empty();
        let mut files = Vec::with_capacity(found.len());
        for path in &found {
            match file::open(path) {
                Ok((file, mut problems)) => {
                    problems.sort_by_key(|p| p.origin.at.start);
                    reasons.extend(problems.into_iter().map(Reason::from));
                    files.push(file);
                }
                Err(reason) => reasons.push(reason),
            }
        }
        same_names(&files, &mut reasons);
        let set_later = environment
            .provision
            .iter()
            .flat_map(|p| p.dependencies.iter().flat_map(|part| part.sets.iter().map(|(name, _)| (name.clone(), part.name.to_string()))));
        let set_later = set_later.collect();
        let variables = Variables::new(given, &environment.vars, &environment.secrets, set_later, &mut reasons);
        if let Some(provision) = &mut environment.provision {
            let mut problems = Vec::new();
            provision.put_values(&variables, &mut problems);
            reasons.extend(problems.into_iter().map(Reason::from));
        }
        if reasons.is_empty() {
            let texts: Vec<&str> = files.iter().map(|f| f.source.text()).chain(environment.source.iter().map(|s| s.text())).collect();
            let known: BTreeSet<String> =
                files.iter().flat_map(|f| f.vars.keys().cloned()).chain(variables.names().map(str::to_owned)).collect();
            variables.unused(&texts, &known, &mut reasons);
        }
        // Without its environment a suite would only complain of what that gives.
        if is_blind {
            return Err(Refused::usage(reasons));
        }
        let (mut index, mut starts) = (Vec::new(), Vec::new());
        for (f, file) in files.iter().enumerate() {
            starts.push(index.len());
            index.extend((0..file.drafts.len()).map(|d| (f, d)));
        }
        Ok(Self { environment, files, variables, listing: given.listing, samples: given.samples.clone(), reasons, index, starts })
    }

    /// What was found wrong so far, if anything: it weighs more than a selection that matches nothing.
    pub(crate) fn wrong(&mut self) -> Option<Refused> {
        (!self.reasons.is_empty()).then(|| Refused::usage(std::mem::take(&mut self.reasons)))
    }

    /// How many checks there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether there is no check at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// What is known of each check, in order.
    pub fn checks(&self) -> impl Iterator<Item = About<'_>> {
        self.index.iter().map(|&(f, d)| {
            let draft = &self.files[f].drafts[d];
            About { id: &draft.id, tags: &draft.tags, needed: &draft.needed, start: self.starts[f] }
        })
    }

    /// Every secret of the run.
    pub fn secrets(&self) -> impl Iterator<Item = &Secret> {
        self.variables.secrets().filter(|_| !self.listing)
    }

    /// The suites, as reports name them. `environment`: the one that was asked for, if one was.
    #[must_use]
    pub fn infos(&self, environment: Option<&str>, given: &Given) -> Vec<SuiteInfo> {
        let info = |file: &SuiteFile| SuiteInfo {
            name: file.name.to_string(),
            file: file.source.path().to_string(),
            expect_clauses: file.expect_clauses,
            again: self.again(file, environment, given),
        };
        self.files.iter().map(info).collect()
    }

    /// What a command line must say, beside file and filter, to run checks of this file again.
    fn again(&self, file: &SuiteFile, environment: Option<&str>, given: &Given) -> Vec<String> {
        let environment = environment.or(Some(self.environment.name.as_str())).filter(|name| !name.is_empty());
        let samples = given.samples.as_ref().map(|path| ("--samples", path));
        let paths = given.var_files.iter().map(|path| ("--var-file", path)).chain(samples);
        let texts: Vec<&str> = [file.source.text()].into_iter().chain(self.environment.source.as_ref().map(|s| s.text())).collect();
        let mut again: Vec<String> = environment.into_iter().flat_map(|name| ["-e".to_owned(), name.to_owned()]).collect();
        again.extend(paths.flat_map(|(flag, path)| [flag.to_owned(), path.display().to_string()]));
        again.extend(self.variables.again(&texts));
        again
    }

    /// Types the selected checks (by number, closed over needs) and the targets that they use.
    /// `keep`: keep the resolved nodes, to be shown.
    ///
    /// # Errors
    /// Every problem of every selected check and of every target that one of them uses.
    pub fn finish(mut self, selected: &BTreeSet<usize>, keep: bool) -> Result<(Finished, Environment), Refused> {
        let mut reasons = std::mem::take(&mut self.reasons);
        let captures: BTreeMap<usize, Vec<(String, Arc<str>)>> = selected.iter().map(|&i| (i, self.captures_for(i))).collect();
        let drafts: Vec<(usize, usize, Draft)> = selected
            .iter()
            .map(|&i| {
                let (f, d) = self.index[i];
                (i, f, self.files[f].drafts[d].for_typing())
            })
            .collect();
        let folders: Vec<Rc<Folder>> = self.files.iter().map(|f| Rc::new(Folder::new(f.folder.clone(), self.samples.clone()))).collect();
        let (mut checks, mut broken) = (Vec::with_capacity(drafts.len()), BTreeSet::new());
        for (i, f, draft) in drafts {
            let file = &self.files[f];
            if !file.is_typable {
                continue;
            }
            let target = draft.late.get("target").and_then(|node| node.text()).map(Arc::from);
            let around = Surroundings {
                file,
                variables: &self.variables,
                folder: &folders[f],
                captures: &captures[&i],
                first_target: self.first_target(file),
                keep,
            };
            match finish(draft, &around) {
                Ok(check) => checks.push((i, f, check)),
                Err(problems) => {
                    // The target that it would use still tells what is wrong with it.
                    broken.extend(target.or_else(|| self.first_target(file)).map(|name| (f, name)));
                    reasons.extend(problems.into_iter().map(Reason::from));
                }
            }
        }
        severities(&self, &checks, &mut reasons);
        let targets = self.targets(&checks, &broken, &mut reasons);
        if !reasons.is_empty() {
            return Err(Refused::usage(reasons));
        }
        let checks = checks.into_iter().map(|(i, f, check)| (i, f, Arc::new(check))).collect();
        Ok((Finished { checks, targets }, self.environment))
    }

    /// The captures of everything that a check needs, near and far.
    fn captures_for(&self, i: usize) -> Vec<(String, Arc<str>)> {
        let (f, d) = self.index[i];
        let drafts = &self.files[f].drafts;
        if drafts[d].needed.is_empty() {
            return Vec::new();
        }
        let (mut seen, mut todo, mut captures) = (BTreeSet::new(), drafts[d].needed.clone(), Vec::new());
        while let Some(next) = todo.pop() {
            if seen.insert(next) {
                captures.extend(drafts[next].gives.iter().map(|(name, _)| (name.clone(), Arc::clone(&drafts[next].id.name))));
                todo.extend(&drafts[next].needed);
            }
        }
        captures
    }

    /// The target of checks that name none: the provisioned one, else the first of the suite, else the first of the environment.
    fn first_target(&self, file: &SuiteFile) -> Option<Arc<str>> {
        let own = self.environment.own_target().cloned();
        own.or_else(|| file.targets.iter().chain(&self.environment.targets).map(|t| Arc::clone(&t.name)).next())
    }

    /// The targets that the checks use. The environment's win over the suite's.
    /// `broken`: suites and targets of checks that could not be typed.
    fn targets(
        &self,
        checks: &[(usize, usize, Check)],
        broken: &BTreeSet<(usize, Arc<str>)>,
        reasons: &mut Vec<Reason>,
    ) -> BTreeMap<Arc<str>, Arc<Target>> {
        let mut done: BTreeMap<Arc<str>, (Arc<Target>, GivenBy)> = BTreeMap::new();
        let mut failed: BTreeSet<(Arc<str>, usize)> = BTreeSet::new();
        let started = self.environment.own_target().cloned();
        let used = checks.iter().map(|(_, f, check)| (f, &check.target, check.planning.target_at.as_ref()));
        for (f, name, asked_at) in used.chain(broken.iter().map(|(f, name)| (f, name, None))) {
            let (file, name) = (&self.files[*f], Arc::clone(name));
            let is_started = started.as_ref() == Some(&name);
            let of_environment = self.environment.targets.iter().find(|t| t.name == name);
            let draft = of_environment.or_else(|| file.targets.iter().find(|t| t.name == name));
            let given_by = draft.filter(|_| of_environment.is_none() && !is_started).map(|draft| (*f, draft.origin()));
            match (done.get(&name), &given_by) {
                (Some((_, Some((other, first)))), Some((_, second))) if other != f => {
                    let (a, b) = (first.source.text(), second.source.text());
                    let line = |o: &Origin, text: &str| text.get(o.at.start as usize..).and_then(|t| t.lines().next()).map(str::to_owned);
                    if line(first, a) != line(second, b) && failed.insert((Arc::clone(&name), *f)) {
                        let problem =
                            crate::reader::Problem::new(second.clone(), format!("target `{name}` is given differently in another suite"));
                        let problem = problem.with_path("targets").with_note(first.clone(), "given here");
                        reasons.push(problem.with_help("give it once, in the environment").into());
                    }
                    continue;
                }
                (Some(_), _) => continue,
                (None, _) => {}
            }
            let made = match draft {
                Some(draft) => {
                    draft.finish(&OfFile { variables: &self.variables, file: of_environment.is_none().then_some(file) }, is_started)
                }
                None if is_started => targets::bare(&name, targets::NOT_YET).map_err(|_| Vec::new()),
                None if asked_at.is_none() => continue,
                None => {
                    let known = file.targets.iter().chain(&self.environment.targets).map(|t| &*t.name).chain(started.as_deref());
                    let known: BTreeSet<&str> = known.collect();
                    let help = match nearest(&name, known.iter().copied()) {
                        Some(near) => format!("did you mean `{near}`?"),
                        None if known.is_empty() => "give it in the environment or under `targets` of the suite".to_owned(),
                        None => format!("there is {}", known.iter().map(|k| format!("`{k}`")).collect::<Vec<_>>().join(", ")),
                    };
                    let told = |at: &Origin| crate::reader::Problem::new(at.clone(), format!("there is no target `{name}`"));
                    Err(asked_at.map(|at| told(at).with_path("target").with_help(help)).into_iter().collect())
                }
            };
            match made {
                Ok(mut target) => {
                    if let Some((_, address)) = self.environment.running.as_ref().filter(|(running, _)| *running == name) {
                        let url = url::Url::parse(&format!("http://{address}/")).expect("an address makes a URL");
                        target.base.url = url.clone();
                        target.endpoint.url = url;
                    }
                    done.insert(name, (Arc::new(target), given_by));
                }
                Err(problems) => {
                    if failed.insert((name, if given_by.is_some() { *f } else { usize::MAX })) || draft.is_none() {
                        reasons.extend(problems.into_iter().map(Reason::from));
                    }
                }
            }
        }
        done.into_iter().map(|(name, (target, _))| (name, target)).collect()
    }
}

/// The suite that gives a target, and where; `None`: the environment does.
type GivenBy = Option<(usize, Origin)>;

/// The typed checks and the targets that they use.
#[derive(Debug)]
pub struct Finished {
    /// Number in the run, number of the suite, and the check, in order.
    pub checks: Vec<(usize, usize, Arc<Check>)>,
    /// The targets by name. One that is provisioned has a placeholder for its address.
    pub targets: BTreeMap<Arc<str>, Arc<Target>>,
}

/// Resolves the values of targets: those of the run, and of the suite's own file where the suite gives the target.
struct OfFile<'a> {
    variables: &'a Variables,
    file: Option<&'a SuiteFile>,
}

impl Resolver for OfFile<'_> {
    fn value(&self, name: &str) -> Value {
        let own = || self.file?.vars.get(name).map(|(value, origin)| Value::Plain(value.clone(), origin.to_string()));
        self.variables.value(name).or_else(own).unwrap_or_else(|| {
            let known = self.variables.names().chain(self.file.iter().flat_map(|f| f.vars.keys().map(String::as_str)));
            Value::Unknown { did_you_mean: nearest(name, known).map(str::to_owned) }
        })
    }
}

fn same_names(files: &[SuiteFile], reasons: &mut Vec<Reason>) {
    let mut names: BTreeMap<&str, &SuiteFile> = BTreeMap::new();
    for file in files {
        let origin = |f: &SuiteFile| Origin { source: Arc::clone(&f.source), at: f.at };
        if let Some(first) = names.insert(&file.name, file) {
            let problem = crate::reader::Problem::new(origin(file), format!("two suites are named `{}`", file.name)).with_path("suite");
            reasons.push(problem.with_note(origin(first), "the first one").with_help("reports tell suites apart by name").into());
        }
    }
}

/// A required check may not need an advisory one: it could be blocked by what is never to decide.
fn severities(suites: &Suites, checks: &[(usize, usize, Check)], reasons: &mut Vec<Reason>) {
    use crate::model::Severity::{Advisory, Required};
    let advisory: BTreeSet<usize> = checks.iter().filter(|(_, _, c)| c.severity == Advisory).map(|(i, ..)| *i).collect();
    if advisory.is_empty() {
        return;
    }
    for (i, f, check) in checks.iter().filter(|(_, _, c)| c.severity == Required) {
        let (_, d) = suites.index[*i];
        for needed in &suites.files[*f].drafts[d].needed {
            let name = &suites.files[*f].drafts[*needed].id.name;
            if advisory.contains(&(suites.starts[*f] + needed)) {
                let origin = check.needs.iter().find(|(n, _)| n == name).map_or(check.origin.clone(), |(_, o)| o.clone());
                let problem = crate::reader::Problem::new(origin, format!("a required check needs `{name}`, which is advisory"));
                reasons.push(problem.with_path("needs").with_help("make this one advisory too, or that one required").into());
            }
        }
    }
}
