//! Reads one suite file as far as it can be read before selection: its own keys, and which checks there are.

use super::draft::{self, Defaults, Draft};
use super::values::pairs;
use super::{find, keys, needs, refused::Reason, targets};
use crate::model::{At, Origin, Source};
use crate::reader::{Kind as NodeKind, Node, Problem, Sp, Tree, nearest, read};
use schemars::JsonSchema;
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

/// One suite file before selection.
#[derive(Debug)]
pub(crate) struct SuiteFile {
    pub(crate) name: Arc<str>,
    /// Where its name stands.
    pub(crate) at: At,
    pub(crate) source: Arc<Source>,
    /// The folder of the file: samples and schemas are found there.
    pub(crate) folder: PathBuf,
    /// Defaults for variables.
    pub(crate) vars: BTreeMap<String, (String, Origin)>,
    pub(crate) targets: Vec<targets::Draft>,
    pub(crate) expect_clauses: Option<u32>,
    /// What holds for every check that says nothing else.
    pub(crate) defaults: Defaults,
    pub(crate) drafts: Vec<Draft>,
    /// Whether its checks can be typed: not where a key on which they rely was misspelt.
    pub(crate) is_typable: bool,
}

/// What a service promises its callers, check by check.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[expect(
    dead_code,
    reason = "typing the keys is what tells their mistakes; their values are taken from the tree, also where a key is wrong"
)]
pub(crate) struct FileKeys {
    /// Its name, unique over all files of a run.
    suite: Sp<String>,
    /// One sentence: what is promised, and to whom.
    #[serde(default)]
    about: Option<String>,
    /// Defaults for variables: flags, files and the environment are stronger.
    #[serde(default)]
    #[schemars(with = "Option<BTreeMap<String, serde_json::Value>>")]
    vars: Option<Tree>,
    /// Targets by name; usually the environment gives them.
    #[serde(default)]
    #[schemars(with = "Option<BTreeMap<String, targets::TargetKeys>>")]
    targets: Option<Tree>,
    /// Request and check keys that hold for every check of this file.
    #[serde(default)]
    #[schemars(with = "Option<BTreeMap<String, serde_json::Value>>")]
    defaults: Option<Tree>,
    /// How many clauses must be judged, else the run is inconclusive: a guard against a suite that quietly shrank.
    #[serde(default)]
    expect_clauses: Option<Sp<std::num::NonZeroU32>>,
    /// The checks, at least one.
    #[schemars(with = "Vec<serde_json::Value>")]
    checks: Tree,
}

/// Reads a suite file.
///
/// # Errors
/// A file that cannot be read or is no YAML; then nothing more is known of it.
pub(crate) fn open(path: &Path) -> Result<(SuiteFile, Vec<Problem>), Reason> {
    let bytes = find::bytes(path)?;
    let source = crate::reader::open(&path.display().to_string(), &bytes)?;
    let document = crate::reader::parse(&source)?;
    let mut problems = document.problems;
    let folder = path.parent().unwrap_or(Path::new("")).to_owned();
    let file = suite(&source, folder, document.root, &mut problems);
    Ok((file, problems))
}

fn suite(source: &Arc<Source>, folder: PathBuf, mut root: Node, problems: &mut Vec<Problem>) -> SuiteFile {
    let told = |at: At, path: &str, what: &str, help: &str| {
        Problem::new(Origin { source: Arc::clone(source), at }, what).with_path(path).with_help(help)
    };
    let checks = take_checks(&mut root);
    let keys = match read::<FileKeys>(source, &root, "") {
        Ok(keys) => Some(keys),
        Err(more) => {
            problems.extend(more);
            None
        }
    };
    // A file whose own keys are wrong still tells what is wrong with its checks, so the rest is read from the tree.
    let suite = root.get("suite").filter(|node| !node.is_null());
    let (name, at): (Arc<str>, At) = suite.map_or((Arc::from(""), root.at), |node| (Arc::from(node.text().unwrap_or_default()), node.at));
    if keys.is_some() && name.trim().is_empty() {
        problems.push(told(at, "suite", "the name is empty", "say what is held to its promises: `suite: detections`"));
    }
    let defaults = match root.get("defaults").filter(|node| !node.is_null()) {
        Some(node) => Defaults::read(source, node.clone(), problems),
        None => Defaults::default(),
    };
    let mut drafts = Vec::new();
    match checks {
        Some((at, NodeKind::Seq(items))) => {
            if items.is_empty() {
                problems.push(told(at, "checks", "there is no check, so nothing would be held to anything", "write at least one"));
            }
            drafts.reserve(items.len());
            for item in items {
                draft::drafts(&name, source, item, &defaults, &mut drafts, problems);
            }
        }
        Some((at, _)) => problems.push(told(at, "checks", "expected a list of checks", "begin each with `- name: …`")),
        None => {}
    }
    needs::resolve(source, &mut drafts, problems);
    let origin = |n: &Node| Origin { source: Arc::clone(source), at: n.at };
    let (vars, more) = root.get("vars").map_or_else(Default::default, |node| pairs(node, &origin, "vars"));
    problems.extend(more);
    let (targets, more) = root.get("targets").map_or_else(Default::default, |node| targets::drafts(node, source, &folder));
    problems.extend(more);
    SuiteFile {
        name,
        at,
        source: Arc::clone(source),
        folder,
        vars: vars.into_iter().map(|(name, value, origin)| (name, (value, origin))).collect(),
        targets,
        expect_clauses: keys.and_then(|k| k.expect_clauses).map(|n| n.value.get()),
        defaults,
        drafts,
        is_typable: !relied_on(&root),
    }
}

/// Whether a misspelt key was probably meant to be one on which checks rely: then they would only echo that mistake.
fn relied_on(root: &Node) -> bool {
    const KNOWN: &[&str] = &["suite", "about", "vars", "targets", "defaults", "expect-clauses", "checks"];
    const RELIED_ON: &[&str] = &["vars", "targets", "defaults"];
    let words = root.entries().unwrap_or_default().iter().filter_map(|(key, _)| key.text());
    words.filter(|word| !KNOWN.contains(word)).filter_map(|word| nearest(word, KNOWN.iter().copied())).any(|near| RELIED_ON.contains(&near))
}

/// Takes the checks out, so that reading the file's own keys does not copy them, and drops `x-…`.
fn take_checks(root: &mut Node) -> Option<(At, NodeKind)> {
    let NodeKind::Map(entries) = &mut root.kind else { return None };
    entries.retain(|(key, _)| !key.text().is_some_and(|k| k.starts_with("x-")));
    let (key, checks) = entries.iter_mut().find(|(key, _)| key.text() == Some("checks"))?;
    let at = if checks.at.len == 0 { key.at } else { checks.at };
    Some((at, std::mem::replace(&mut checks.kind, NodeKind::Seq(Vec::new()))))
}

/// Every key that a check can have beside its kind, for the schema.
pub(crate) type CheckKeys = (keys::Early, keys::Late);
