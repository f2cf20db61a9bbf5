//! Which reports a command writes: those that were asked for, and the defaults inside a cargo workspace.

use super::args::{JunitProfile, Reports, Show, When};
use super::{World, failure::Failure};
use crate::report::{Destination, Format, Options, ReportFile, Style, Verbosity, Wanted, file, inert, junit};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// One report that will be written.
#[derive(Debug)]
pub(super) struct Wish {
    pub(super) format: Format,
    pub(super) destination: Destination,
    pub(super) wanted: Wanted,
}

/// Where reports go that nobody named one by one.
#[derive(Clone, Debug)]
pub(super) struct Folder {
    pub(super) path: PathBuf,
    /// Whether `--out` named it: what was asked for must be there.
    pub(super) wanted: Wanted,
}

/// The reports of a command: what was asked for, and what goes to `folder`. None of them may take the place of one of `read`.
pub(super) fn wishes(args: &Reports, folder: Option<&Folder>, read: &[&Path]) -> Result<Vec<Wish>, Failure> {
    let usage = |text: String| Failure::NeverStarted(text);
    let mut wishes: Vec<Wish> = Vec::new();
    let mut taken: HashMap<PathBuf, Format> = HashMap::new();
    let asked = args
        .report
        .iter()
        .map(|text| {
            let (format, path) = text.split_once('=').ok_or_else(|| usage(format!("--report {text}: expected FORMAT=PATH, got no `=`")))?;
            Ok((format.parse::<Format>().map_err(|e| usage(format!("--report {text}: {e}")))?, PathBuf::from(path)))
        })
        .chain(args.report_junit.iter().map(|path| Ok((Format::Junit, path.clone()))));
    let sources: Vec<PathBuf> = read.iter().map(|path| place(path)).collect();
    for wish in asked {
        let (format, path) = wish?;
        if path.as_os_str().is_empty() {
            return Err(usage(format!("--report {}=: the path is empty; `-` is standard output", format.name())));
        }
        let destination = Destination::of(path);
        if let Destination::File(path) = &destination
            && (sources.contains(&place(path)) || is_source(path))
        {
            return Err(usage(format!("--report {}={destination}: this file is read, a report would replace it", format.name())));
        }
        let key = match &destination {
            Destination::Stdout => PathBuf::from("-"),
            Destination::File(path) => place(path),
        };
        if taken.insert(key, format).is_some() {
            return Err(usage(format!("two reports go to {destination}: give each a path of its own")));
        }
        wishes.push(Wish { format, destination, wanted: Wanted::Asked });
    }
    if let Some(folder) = folder {
        for (format, name) in [(Format::Junit, "junit.xml"), (Format::Json, "run.json"), (Format::Jsonl, "events.jsonl")] {
            let path = folder.path.join(name);
            if !taken.contains_key(&place(&path)) {
                wishes.push(Wish { format, destination: Destination::File(path), wanted: folder.wanted });
            }
        }
    }
    Ok(wishes)
}

/// One name for all spellings of a path: `a`, `./a` and `b/../a`. Its folder need not exist yet, and a link in its last
/// place is not followed: a report replaces the link.
fn place(path: &Path) -> PathBuf {
    let Some(name) = path.file_name() else { return path.to_owned() };
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = std::fs::canonicalize(folder).or_else(|_| std::path::absolute(folder)).unwrap_or_else(|_| folder.to_owned());
    folder.join(name)
}

/// Whether the name is that of a suite or an environment: those are written by people.
fn is_source(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    [".suite.yaml", ".suite.yml", ".env.yaml", ".env.yml"].iter().any(|end| name.ends_with(end))
}

/// What reports may do differently.
pub(super) fn options(args: &Reports) -> Options {
    let junit = match args.junit_profile {
        JunitProfile::Reader => junit::Profile::Reader,
        JunitProfile::Strict => junit::Profile::Strict,
    };
    Options { junit, durable: args.durable }
}

/// No old report stands where a new one will: a run that never starts leaves none behind.
pub(super) fn remove_stale(wishes: &[Wish]) -> Result<(), Failure> {
    for wish in wishes {
        if let Err(error) = file::remove_stale(&wish.destination)
            && wish.wanted == Wanted::Asked
        {
            return Err(Failure::Harness(inert::line(&error.to_string()).into_owned()));
        }
    }
    Ok(())
}

/// A run that never started is one error in JUnit, so that no reader takes its silence for green.
pub(super) fn tell_never_started(wishes: &[Wish], failure: &Failure, durable: bool) {
    let text = junit::error_only(&failure.to_string());
    for wish in wishes.iter().filter(|w| w.format == Format::Junit) {
        // The failure itself is told on the screen with its own exit code; a report that cannot even say that changes nothing.
        let _ = ReportFile::open(&wish.destination, durable).and_then(|file| file.commit(text.as_bytes()));
    }
}

/// Where reports and leases go: `--out`, else `target/allclear` of the cargo workspace that we stand in.
pub(super) fn default_folder(world: &World, out: Option<&PathBuf>) -> Option<Folder> {
    if let Some(out) = out {
        return Some(Folder { path: out.clone(), wanted: Wanted::Asked });
    }
    let here = std::env::current_dir().ok()?;
    let root = here.ancestors().find(|dir| dir.join("Cargo.lock").is_file())?;
    let target = world.vars.get("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |dir| root.join(dir));
    // A path below the current folder is shown as people would type it.
    let folder = target.join("allclear");
    let path = folder.strip_prefix(&here).map(Path::to_path_buf).unwrap_or(folder);
    Some(Folder { path, wanted: Wanted::Default })
}

/// How the screen looks.
pub(super) fn style(show: &Show, world: &World) -> Style {
    let terminal = world.stderr_is_terminal;
    let dumb = world.vars.get("TERM").is_some_and(|term| term == "dumb");
    let no_color = world.vars.get("NO_COLOR").is_some_and(|v| !v.is_empty());
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| world.vars.get(*name).filter(|v| !v.is_empty()));
    let ascii = locale.is_some_and(|l| {
        let l = l.to_ascii_lowercase();
        !(l.contains("utf-8") || l.contains("utf8")) && (l == "c" || l == "posix" || l.contains('.'))
    });
    Style {
        color: match show.color {
            When::Always => true,
            When::Never => false,
            When::Auto => terminal && !dumb && !no_color,
        },
        width: terminal.then_some(world.width).flatten(),
        live: terminal && !dumb,
        ascii: terminal && ascii,
        verbosity: match (show.quiet, show.verbose) {
            (true, _) => Verbosity::Quiet,
            (_, true) => Verbosity::Verbose,
            _ => Verbosity::Normal,
        },
    }
}
