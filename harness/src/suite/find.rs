//! Finds suite files under the paths that were given, and reads their bytes within bounds.

use super::refused::{Reason, Refused};
use crate::reader::nearest;
use std::{
    collections::BTreeSet,
    ffi::OsStr,
    fs, io,
    path::{Path, PathBuf},
};

/// What the name of a suite file ends with.
pub(crate) const SUITE_END: &str = ".suite.yaml";
/// What the name of an environment file ends with.
pub(crate) const ENVIRONMENT_END: &str = ".env.yaml";
/// Where suites are looked for when no path is given.
const DEFAULT_FOLDER: &str = "suites";
/// Deepest folder below a given one in which suites are looked for.
const MOST_DEPTH: usize = 16;
/// Largest file that is read: 1 MiB.
const MOST_BYTES: u64 = 1 << 20;

/// The suite files under these paths (none: `./suites`), each once, sorted by path within each given folder.
///
/// # Errors
/// Every path that is missing or is no suite (a usage mistake); no suite file under any of them (nothing to run).
pub(crate) fn suites(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Refused> {
    let default = [PathBuf::from(DEFAULT_FOLDER)];
    let given = if paths.is_empty() { &default[..] } else { paths };
    let (mut found, mut seen, mut reasons, mut empty) = (Vec::new(), BTreeSet::new(), Vec::new(), Vec::new());
    for path in given {
        match fs::metadata(path) {
            Err(e) => reasons.push(missing(path, &e, paths.is_empty())),
            Ok(meta) if meta.is_dir() => {
                let mut here = Vec::new();
                let mut others = Vec::new();
                if let Err(e) = walk(path, 0, &mut here, &mut others) {
                    reasons.push(Reason::plain(format!("{}: {e}", path.display()), ""));
                }
                here.sort();
                if here.is_empty() {
                    empty.push((path, others));
                }
                found.extend(here);
            }
            Ok(_) if ends_with(path, ENVIRONMENT_END) => {
                let help = format!("give it by `--env {}`, and a suite as the path", path.display());
                reasons.push(Reason::plain(format!("{}: an environment, not a suite", path.display()), help));
            }
            Ok(meta) if meta.is_file() => found.push(path.clone()),
            Ok(_) => reasons.push(Reason::plain(format!("{}: neither a file nor a folder", path.display()), "")),
        }
    }
    if !reasons.is_empty() {
        return Err(Refused::usage(reasons));
    }
    found.retain(|path| seen.insert(fs::canonicalize(path).unwrap_or_else(|_| path.clone())));
    match (found.is_empty(), empty.first()) {
        (true, Some((path, others))) => Err(none_in(path, others)),
        _ => Ok(found),
    }
}

fn missing(path: &Path, error: &io::Error, is_default: bool) -> Reason {
    if error.kind() != io::ErrorKind::NotFound {
        return Reason::plain(format!("{}: {error}", path.display()), "");
    }
    if is_default {
        return Reason::plain(
            "no suites: there is no folder `suites` here",
            "give a path: `allclear run PATH`; a suite is a file `NAME.suite.yaml`",
        );
    }
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let names: Vec<String> = fs::read_dir(parent)
        .map(|entries| entries.flatten().take(1000).map(|e| e.file_name().to_string_lossy().into_owned()).collect())
        .unwrap_or_default();
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let help =
        nearest(&name, names.iter().map(String::as_str)).map(|near| format!("did you mean `{}`?", path.with_file_name(near).display()));
    Reason::plain(format!("{}: no such file or folder", path.display()), help.unwrap_or_default())
}

fn none_in(path: &Path, others: &[PathBuf]) -> Refused {
    let help = match others.first() {
        Some(other) => {
            let stem = other.file_stem().unwrap_or_default().to_string_lossy();
            format!("suites are named `NAME{SUITE_END}`; is `{}` one? Name it `{stem}{SUITE_END}`", other.display())
        }
        None => format!("suites are named `NAME{SUITE_END}`"),
    };
    let is_empty = fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none());
    let what = if is_empty { "the folder is empty" } else { "no suite files in this folder" };
    Refused::nothing(format!("{}: {what}", path.display()), help)
}

/// Collects suite files, and YAML files that are neither suite nor environment. Links to folders are not followed, so there
/// are no circles; hidden folders and those that hold built or fetched things are left out.
fn walk(folder: &Path, depth: usize, found: &mut Vec<PathBuf>, others: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (name, kind, path) = (entry.file_name(), entry.file_type()?, entry.path());
        if kind.is_dir() {
            let is_foreign = name.to_string_lossy().starts_with('.') || name == "target" || name == "node_modules";
            if !is_foreign && depth < MOST_DEPTH {
                walk(&path, depth + 1, found, others)?;
            }
        } else if ends_with(&path, SUITE_END) {
            found.push(path);
        } else if path.extension().is_some_and(|e| e == "yaml" || e == "yml") && !ends_with(&path, ENVIRONMENT_END) {
            others.push(path);
        }
    }
    Ok(())
}

/// Whether the name of the file ends so, with something before it.
pub(crate) fn ends_with(path: &Path, end: &str) -> bool {
    path.file_name().and_then(OsStr::to_str).is_some_and(|name| name.len() > end.len() && name.ends_with(end))
}

/// The bytes of a file. A large one is not read at all.
///
/// # Errors
/// What the system says; not a plain file; more than 1 MiB.
pub(crate) fn bytes(path: &Path) -> Result<Vec<u8>, Reason> {
    let told = |what: String, help: &str| Reason::plain(format!("{}: {what}", path.display()), help);
    let meta = fs::metadata(path).map_err(|e| told(e.to_string(), ""))?;
    if !meta.is_file() {
        return Err(told("not a plain file".to_owned(), ""));
    }
    if meta.len() > MOST_BYTES {
        return Err(told(format!("the file has {} bytes, more than 1 MiB", meta.len()), "split it into several files"));
    }
    fs::read(path).map_err(|e| told(e.to_string(), ""))
}
