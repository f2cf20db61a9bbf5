//! How a part is started, as an environment says it: embedded, or a program with its arguments, port and readiness.

use super::later;
use crate::model::{At, Origin, Secret};
use crate::provision::{How, ProcessSpec, ReadyBy, literal, names};
use crate::reader::{Dur, Keys, Many, Problem, Sp, Tree};
use schemars::JsonSchema;
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    num::NonZeroU16,
    path::{Path, PathBuf},
    time::Duration,
};

/// What can be embedded.
pub(crate) const SERVICE: &str = "reference-service";
pub(crate) const DEPENDENCY: &str = "reference-dependency";
/// How long a program may take until it is ready, if nothing is said.
const WITHIN: Duration = Duration::from_secs(30);
/// What says that a program is ready, if nothing is said.
const READY: &str = "${host}:${port}";

/// How a part is started: exactly one of `embedded` and `process`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Start {
    /// A part of this very program: `reference-service` or `reference-dependency`.
    #[serde(default)]
    embedded: Option<Sp<String>>,
    /// Further arguments of what is embedded.
    #[serde(default)]
    args: Many<Sp<String>>,
    /// A program.
    #[serde(default)]
    process: Option<Sp<ProcessKeys>>,
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

/// A program that is started as a part. In its texts `${port}`, `${host}` and `${dir}` are its own, `${name}` what a dependency sets. `${dir}`
/// is a folder that is empty when it is first started, kept while it is killed and started again, and removed at the end.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct ProcessKeys {
    /// The program and its arguments: `[redis-server, --port, "${port}"]`. No shell reads them.
    run: Many<Sp<String>>,
    /// Variables that it gets beside those of this process. They may hold secrets; arguments may not.
    #[serde(default)]
    env: BTreeMap<String, Sp<String>>,
    /// Its working folder, relative to this file, or `${dir}`. Default: where this run was started.
    #[serde(default)]
    cwd: Option<Sp<String>>,
    /// Commands that are run in this order before it is started for the first time, each within `within`: `[[initdb, -D, "${dir}/data"]]`.
    /// They get the same variables, folder and user; one that fails is the last.
    #[serde(default)]
    prepare: Vec<Many<Sp<String>>>,
    /// The user that it runs as where this run is root's: some programs refuse to be root. Elsewhere it runs as whoever started this run.
    #[serde(default)]
    drop_root_to: Option<Sp<String>>,
    /// The port that it listens on. Default: a free one, given to it as `${port}`.
    #[serde(default)]
    port: Option<NonZeroU16>,
    /// What says that it is ready. Default: `{ tcp: "${host}:${port}" }`.
    #[serde(default)]
    ready: Option<Sp<ReadyKeys>>,
    /// How long it may take until then. Default: 30s.
    #[serde(default)]
    within: Option<Dur>,
}

/// What says that a program is ready: exactly one of these.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ReadyKeys {
    /// This address accepts a connection: `${host}:${port}`.
    #[serde(default)]
    tcp: Option<Sp<String>>,
    /// A GET of this path (or URL) is answered 2xx: `/health`.
    #[serde(default)]
    get: Option<Sp<String>>,
    /// A line of its output holds this text.
    #[serde(default)]
    line: Option<Sp<String>>,
}

impl Start {
    /// How the part is started, or what is wrong. `kind`: what this part may embed; `folder`: that of the file.
    pub(crate) fn finish(
        self,
        kind: &str,
        at: At,
        path: &str,
        folder: &Path,
        origin: &dyn Fn(At) -> Origin,
        problems: &mut Vec<Problem>,
    ) -> Option<How> {
        let before = problems.len();
        let mut told = |at: At, key: &str, what: String, help: String| {
            problems.push(Problem::new(origin(at), what).with_path(format!("{path}{key}")).with_help(help));
        };
        let ways = format!("write `embedded: {kind}`, or `process: {{ run: [PROGRAM, …] }}`");
        for (name, tree) in later::STARTS.iter().zip([&self.container, &self.compose]) {
            if let Some(tree) = tree {
                told(tree.at, &format!(".{name}"), format!("`{name}` is not in this version"), ways.clone());
            }
        }
        if let Some(what) = self.embedded.as_ref().filter(|what| what.as_str() != kind) {
            told(what.at, ".embedded", format!("there is no `{}` to embed here", what.value), format!("write `embedded: {kind}`"));
        }
        match (&self.embedded, &self.process) {
            (Some(_), Some(process)) => {
                told(process.at, ".process", "a part is started in one way; this names two".to_owned(), "keep one of them".to_owned());
            }
            (None, Some(_)) if !self.args.0.is_empty() => {
                let help = "write them in `process.run`, after the program".to_owned();
                told(self.args.0[0].at, ".args", "`args` are those of an embedded part".to_owned(), help);
            }
            (None, None) if self.container.is_none() && self.compose.is_none() => told(at, "", "how is it started?".to_owned(), ways),
            _ => {}
        }
        let process = self.process.and_then(|keys| keys.value.finish(keys.at, folder, &mut told));
        if problems.len() > before {
            return None;
        }
        Some(match process {
            Some(process) => How::Process(Box::new(process)),
            None => How::Embedded { what: kind.to_owned(), args: self.args.0.into_iter().map(|arg| arg.value).collect() },
        })
    }
}

/// Tells a problem: its place, the key below the part, what is wrong, and the way out.
type Tell<'a> = dyn FnMut(At, &str, String, String) + 'a;

impl ProcessKeys {
    fn finish(self, at: At, folder: &Path, told: &mut Tell<'_>) -> Option<ProcessSpec> {
        let run = command(self.run, at, "run", &|words| format!("run: [{words}]"), told);
        let each = self.prepare.into_iter();
        let prepare = each.map(|words| command(words, at, "prepare", &|words| format!("prepare: [[{words}]]"), told)).collect();
        if let Some(user) = self.drop_root_to.as_ref().filter(|user| user.is_empty()) {
            told(user.at, ".process.drop-root-to", "which user?".to_owned(), "write `drop-root-to: postgres`, or take it out".to_owned());
        }
        for (name, value) in &self.env {
            if name.is_empty() || name.contains(['=', '\0']) {
                let what = format!("`{name}` is no name of an environment variable");
                told(value.at, ".process.env", what, "write NAME: value".to_owned());
            }
        }
        let ready = match self.ready {
            None => Some(ReadyBy::Tcp(READY.to_owned())),
            Some(keys) => match keys.value {
                ReadyKeys { tcp: Some(at), get: None, line: None } => Some(ReadyBy::Tcp(at.value)),
                ReadyKeys { tcp: None, get: Some(url), line: None } => Some(ReadyBy::Get(url.value)),
                ReadyKeys { tcp: None, get: None, line: Some(text) } if !text.is_empty() => Some(ReadyBy::Line(text.value)),
                _ => {
                    let help = "write `{ tcp: \"${host}:${port}\" }`, `{ get: /health }` or `{ line: TEXT }`";
                    told(keys.at, ".process.ready", "exactly one thing says that it is ready".to_owned(), help.to_owned());
                    None
                }
            },
        };
        Some(ProcessSpec {
            run,
            env: self.env.into_iter().map(|(name, value)| (name, Secret::new(value.value))).collect(),
            cwd: self.cwd.map(|cwd| if names(&cwd.value).is_empty() { beside(folder, &cwd.value) } else { cwd.value.into() }),
            prepare,
            drop_root_to: self.drop_root_to.map(|user| user.value),
            port: self.port.map(NonZeroU16::get),
            ready: ready?,
            within: self.within.map_or(WITHIN, |within| within.0),
        })
    }
}

/// A path relative to this folder, in which nothing is to be filled in.
fn beside(folder: &Path, path: &str) -> PathBuf {
    let path = folder.join(path);
    path.to_str().map(literal).map_or(path.clone(), PathBuf::from)
}

/// A program and its arguments, or what is wrong with them. `written`: how these words stand in a file.
fn command(words: Many<Sp<String>>, at: At, key: &str, written: &dyn Fn(&str) -> String, told: &mut Tell<'_>) -> Vec<String> {
    let at = words.0.first().map_or(at, |word| word.at);
    let words: Vec<String> = words.0.into_iter().map(|word| word.value).collect();
    let key = format!(".process.{key}");
    if words.first().is_none_or(String::is_empty) {
        told(at, &key, "which program?".to_owned(), format!("write `{}`", written("PROGRAM, ARGUMENT, …")));
    } else if words[0].starts_with('-') {
        told(
            at,
            &key,
            format!("no program is called `{}`", words[0]),
            format!("each command is a list: `{}`", written("PROGRAM, ARGUMENT, …")),
        );
    } else if words.len() == 1 && words[0].contains(' ') {
        // A single word with a space is a command line that nobody takes apart.
        let apart = words[0].split_whitespace().collect::<Vec<_>>().join(", ");
        told(at, &key, format!("no shell reads `{}`", words[0]), format!("write `{}`", written(&apart)));
    }
    words
}
