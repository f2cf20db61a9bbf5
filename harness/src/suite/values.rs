//! The values of a run: who gives a name its value, strongest first, and which of them are secret.

use super::find;
use super::refused::Reason;
use crate::model::{At, Origin, Secret, Source};
use crate::reader::{Node, Problem, Value, nearest, visible};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

/// The way out for a name that cannot be one.
pub(crate) const NAME_HELP: &str = "a name is `[a-z][a-z0-9_]*`";
/// What the names of environment variables that give values begin with.
const VARIABLE: &str = "ALLCLEAR_VAR_";
/// Largest file from which one secret is read: 64 KiB.
const MOST_SECRET_BYTES: u64 = 64 << 10;

/// What the caller gives: flags, files, and the environment of the process, which only `main` reads.
#[derive(Clone, Debug, Default)]
pub struct Given {
    /// `--var name=value`. A later one wins.
    pub vars: Vec<(String, String)>,
    /// `--secret name=value`. A later one wins.
    pub secrets: Vec<(String, String)>,
    /// `--var-file PATH`: a YAML map of names to values, or lines of `NAME=VALUE`. A later one wins.
    pub var_files: Vec<PathBuf>,
    /// The environment variables of the process. `ALLCLEAR_VAR_max_jobs` (or `…_MAX_JOBS`) gives `max_jobs`; others are read
    /// only where an environment names them: `{ env: STAGE_API_TOKEN }`.
    pub process: BTreeMap<String, String>,
    /// `--samples`: where sample files are looked for beside the suite's folder and `./media-samples`.
    pub samples: Option<PathBuf>,
    /// A service that the caller runs itself: the target that it is, and its address.
    pub running: Option<(String, SocketAddr)>,
    /// Only list: secrets are not read, a mask stands in their place.
    pub listing: bool,
}

/// Where a secret comes from, as an environment declares it.
#[derive(Clone, Debug)]
pub(crate) struct SecretSource {
    pub(crate) from: SecretFrom,
    /// Whether it is masked. A short one cannot be.
    pub(crate) mask: bool,
    pub(crate) origin: Origin,
}

/// The two places that hold secrets.
#[derive(Clone, Debug)]
pub(crate) enum SecretFrom {
    Env(String),
    File(PathBuf),
}

/// Every value that is known before the suites' own defaults.
#[derive(Debug, Default)]
pub(crate) struct Variables {
    slots: BTreeMap<String, Slot>,
    /// Names given by `--var` and `--secret`: each must be used.
    flags: BTreeMap<String, &'static str>,
    /// Names whose value comes from this call alone: from flags and from `ALLCLEAR_VAR_…`.
    of_this_call: BTreeSet<String>,
    /// Names that a provisioned part sets once it runs, and the part.
    pub(crate) set_later: BTreeMap<String, String>,
}

#[derive(Debug)]
struct Slot {
    held: Held,
    from: String,
}

/// What a name holds.
#[derive(Debug)]
enum Held {
    Plain(String),
    Secret(Secret),
    /// Declared, and not to be had; why.
    Missing(String),
}

/// Whether this is a name: `[a-z][a-z0-9_]*`.
pub(crate) fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase()) && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// Plain `name: value` pairs of a map, each a scalar taken as it stands.
pub(crate) fn pairs(map: &Node, origin: &dyn Fn(&Node) -> Origin, path: &str) -> (Vec<(String, String, Origin)>, Vec<Problem>) {
    let (mut pairs, mut problems) = (Vec::new(), Vec::new());
    let Some(entries) = map.entries() else {
        if !map.is_null() {
            problems.push(Problem::new(origin(map), "expected names with their values").with_path(path).with_help("write `name: value`"));
        }
        return (pairs, problems);
    };
    for (key, value) in entries {
        let name = key.text().unwrap_or_default();
        let here = format!("{path}.{name}");
        let told = |at: &Node, what: &str, help: &str| Problem::new(origin(at), what).with_path(here.as_str()).with_help(help);
        match value.text() {
            _ if !is_name(name) => problems.push(told(key, &format!("`{}` is no name of a variable", visible(name)), NAME_HELP)),
            Some(text) if text.contains("${") && !text.contains("$${") => {
                problems.push(told(value, "a variable's value is taken as it stands", "put the names together where they are used"));
            }
            // An empty value is told where it is used: `--var` may still give one.
            Some(_) if value.is_null() => pairs.push((name.to_owned(), String::new(), origin(key))),
            Some(text) => pairs.push((name.to_owned(), text.replace("$${", "${"), origin(value))),
            None => problems.push(told(key, "expected a text, a number, true or false", "a variable holds one value")),
        }
    }
    (pairs, problems)
}

impl Variables {
    /// Puts the layers together: flags over `ALLCLEAR_VAR_…` over files over the environment.
    pub(crate) fn new(
        given: &Given,
        vars: &[(String, String, Origin)],
        secrets: &BTreeMap<String, SecretSource>,
        set_later: BTreeMap<String, String>,
        reasons: &mut Vec<Reason>,
    ) -> Self {
        let mut all = Self { set_later, ..Self::default() };
        for (name, value, origin) in vars {
            all.put(name, Held::Plain(value.clone()), origin.to_string());
        }
        for (name, source) in secrets {
            all.put(name, source.read(name, given, reasons), source.origin.to_string());
        }
        let is_secret = |name: &str| secrets.get(name).map(|source| source.mask);
        for path in &given.var_files {
            for (name, value, origin) in var_file(path, reasons) {
                all.give(&name, value, origin.to_string(), is_secret(&name), reasons);
            }
        }
        // The upper-case spelling first, so that the exact one wins.
        let spelt = |exact: bool| {
            given.process.iter().filter_map(move |(key, value)| {
                let name = key.strip_prefix(VARIABLE)?;
                (is_name(name) == exact).then(|| (name.to_ascii_lowercase(), key, value))
            })
        };
        for (name, key, value) in spelt(false).chain(spelt(true)) {
            if is_name(&name) {
                all.of_this_call.insert(name.clone());
                all.give(&name, value.clone(), key.clone(), is_secret(&name), reasons);
            }
        }
        let flags = given.vars.iter().map(|v| ("--var", v)).chain(given.secrets.iter().map(|s| ("--secret", s)));
        for (flag, (name, value)) in flags {
            if !is_name(name) {
                reasons.push(Reason::plain(format!("{flag} {name}: this is no name of a variable"), NAME_HELP));
                continue;
            }
            if let Some(part) = all.set_later.get(name) {
                let what = format!("{flag} {name}: `{part}` sets this once it is started, so it cannot be given");
                reasons.push(Reason::plain(what, "use an environment that does not provision it"));
                continue;
            }
            if flag == "--var" && given.secrets.iter().any(|(secret, _)| secret == name) {
                reasons.push(Reason::plain(format!("{name} is given by --var and by --secret"), "give it once"));
                continue;
            }
            let secrecy = if flag == "--secret" { Some(true) } else { is_secret(name) };
            all.give(name, value.clone(), format!("{flag} {name}"), secrecy, reasons);
            all.flags.insert(name.clone(), flag);
            all.of_this_call.insert(name.clone());
        }
        all
    }

    /// A value from outside the environment file: a name that is declared a secret stays one.
    fn give(&mut self, name: &str, value: String, from: String, masked: Option<bool>, reasons: &mut Vec<Reason>) {
        let held = match masked {
            Some(true) => match secret(&value) {
                Ok(secret) => Held::Secret(secret),
                Err(why) => {
                    reasons.push(Reason::plain(format!("{from}: {why}"), SHORT_HELP));
                    return;
                }
            },
            _ => Held::Plain(value),
        };
        self.put(name, held, from);
    }

    fn put(&mut self, name: &str, held: Held, from: String) {
        self.slots.insert(name.to_owned(), Slot { held, from });
    }

    /// What a name stands for; `None`: nobody here gives it.
    pub(crate) fn value(&self, name: &str) -> Option<Value> {
        if self.set_later.contains_key(name) {
            return Some(Value::Deferred);
        }
        let slot = self.slots.get(name)?;
        Some(match &slot.held {
            Held::Plain(value) if value.is_empty() => empty(name, &slot.from),
            Held::Plain(value) => Value::Plain(value.clone(), slot.from.clone()),
            Held::Secret(secret) => Value::Secret(secret.clone()),
            Held::Missing(why) => Value::Refused {
                what: format!("`${{{name}}}` has no value: {why}"),
                help: format!("declared at {}; it can also be given by `--secret {name}=…`", slot.from),
            },
        })
    }

    /// Who gives this name, if anyone does.
    pub(crate) fn giver(&self, name: &str) -> Option<String> {
        self.slots.get(name).map(|slot| slot.from.clone()).or_else(|| self.set_later.get(name).map(|part| format!("part `{part}`")))
    }

    /// Every name that has a giver.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.slots.keys().chain(self.set_later.keys()).map(String::as_str)
    }

    /// Every secret of the run, used or not: the service may tell any of them.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &Secret> {
        self.slots.values().filter_map(|slot| match &slot.held {
            Held::Secret(secret) => Some(secret),
            _ => None,
        })
    }

    /// The flags that give these texts the same values once more. Only those that they use: others would be refused. Of a
    /// secret only the name.
    pub(crate) fn again(&self, texts: &[&str]) -> Vec<String> {
        let is_used = |name: &&String| texts.iter().any(|text| text.contains(&format!("${{{name}}}")));
        let flags = self.of_this_call.iter().filter(is_used).filter_map(|name| match &self.slots.get(name)?.held {
            Held::Plain(value) => Some(["--var".to_owned(), format!("{name}={value}")]),
            Held::Secret(_) => Some(["--secret".to_owned(), format!("{name}=…")]),
            Held::Missing(_) => None,
        });
        flags.flatten().collect()
    }

    /// Tells each `--var` and `--secret` that none of these texts uses.
    pub(crate) fn unused(&self, texts: &[&str], known: &BTreeSet<String>, reasons: &mut Vec<Reason>) {
        for (name, flag) in &self.flags {
            let used = format!("${{{name}}}");
            if !texts.iter().any(|text| text.contains(&used)) {
                let near = nearest(name, known.iter().map(String::as_str).filter(|k| k != name));
                let help = near.map_or_else(String::new, |near| format!("did you mean `{flag} {near}=…`?"));
                reasons.push(Reason::plain(format!("{flag} {name}: no suite uses `{used}`"), help));
            }
        }
    }
}

/// The answer for a value that is there and empty.
pub(crate) fn empty(name: &str, from: &str) -> Value {
    Value::Refused {
        what: format!("`${{{name}}}` is empty: {from} gives no value"),
        help: format!("give it one there, or by `--var {name}=…`"),
    }
}

const SHORT_HELP: &str = "use a longer one, or declare it in the environment with `mask: false`: masking a short word would rewrite others";

fn secret(value: &str) -> Result<Secret, String> {
    match value.chars().count() {
        n if n < Secret::LEAST_LEN && n > 0 => {
            Err(format!("a secret of {n} characters is too short to be masked; at least {}", Secret::LEAST_LEN))
        }
        _ => Ok(Secret::new(value)),
    }
}

impl SecretSource {
    fn read(&self, name: &str, given: &Given, reasons: &mut Vec<Reason>) -> Held {
        if given.listing {
            return if self.mask { Held::Secret(Secret::new("(not read while listing)")) } else { Held::Plain(Secret::MASK.to_owned()) };
        }
        let value = match &self.from {
            SecretFrom::Env(key) => match given.process.get(key) {
                None => return Held::Missing(format!("the environment variable {key} is not set")),
                Some(value) if value.is_empty() => return Held::Missing(format!("the environment variable {key} is empty")),
                Some(value) => value.clone(),
            },
            SecretFrom::File(path) => match secret_file(path) {
                Ok(value) => value,
                Err(why) => return Held::Missing(why),
            },
        };
        if !self.mask {
            return Held::Plain(value);
        }
        secret(&value).map_or_else(
            |why| {
                reasons
                    .push(Problem::new(self.origin.clone(), why.clone()).with_path(format!("secrets.{name}")).with_help(SHORT_HELP).into());
                Held::Missing(why)
            },
            Held::Secret,
        )
    }
}

/// The text of a secret file without its last line end.
fn secret_file(path: &Path) -> Result<String, String> {
    let shown = path.display();
    let meta = std::fs::metadata(path).map_err(|e| format!("{shown}: {e}"))?;
    if !meta.is_file() || meta.len() > MOST_SECRET_BYTES {
        return Err(format!("{shown} is not a plain file of at most 64 KiB"));
    }
    let text = std::fs::read_to_string(path).map_err(|e| format!("{shown}: {e}"))?;
    match text.trim_end_matches(['\r', '\n']) {
        "" => Err(format!("{shown} is empty")),
        value => Ok(value.to_owned()),
    }
}

/// The pairs of a file of `NAME=VALUE` lines, blank ones and `#` comments aside; `None` where the file is something else.
fn lines(source: &Arc<Source>) -> Option<Vec<(String, String, Origin)>> {
    let (mut pairs, mut start) = (Vec::new(), 0);
    for (i, line) in source.text().split_inclusive('\n').enumerate() {
        let text = line.trim_end_matches(['\r', '\n']);
        if !text.trim().is_empty() && !text.starts_with('#') {
            let (name, value) = text.split_once('=').filter(|(name, _)| is_name(name))?;
            let at = At { line: i as u32 + 1, column: 1, start, len: text.len() as u32 };
            pairs.push((name.to_owned(), value.to_owned(), Origin { source: Arc::clone(source), at }));
        }
        start += line.len() as u32;
    }
    Some(pairs).filter(|pairs| !pairs.is_empty())
}

fn var_file(path: &Path, reasons: &mut Vec<Reason>) -> Vec<(String, String, Origin)> {
    let shown = path.display().to_string();
    let read = find::bytes(path).and_then(|bytes| {
        let source = crate::reader::open(&shown, &bytes)?;
        match lines(&source) {
            Some(pairs) => Ok(Ok(pairs)),
            None => Ok(Err(crate::reader::parse(&source)?)),
        }
    });
    let read = match read {
        Ok(Ok(pairs)) => return pairs,
        Ok(Err(document)) => Ok(document),
        Err(reason) => Err(reason),
    };
    match read {
        Ok(document) => {
            let origin = |node: &Node| Origin { source: document.source.clone(), at: node.at };
            let (pairs, problems) = pairs(&document.root, &origin, "");
            reasons.extend(document.problems.into_iter().chain(problems).map(Reason::from));
            pairs
        }
        Err(reason) => {
            reasons.push(reason);
            Vec::new()
        }
    }
}
