//! Which reports a command writes: those that were asked for, and the defaults inside a cargo workspace.

use super::args::{JunitProfile, Reports, Show, When};
use super::{World, ci::Ci, failure::Failure};
use crate::report::{Destination, Format, Options, ReportFile, Sections, Style, Verbosity, Wanted, file, github, inert, junit, writer};
use std::collections::HashSet;
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

/// What arguments say of reports, as they stand there.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// Each `FORMAT=PATH` of `--report`.
    pub(super) report: Vec<String>,
    /// Each path of `--report-junit`.
    pub(super) junit: Vec<PathBuf>,
    /// Whether they are to be on disk when we end.
    pub(super) durable: bool,
}

impl From<&Reports> for Asked {
    fn from(args: &Reports) -> Self {
        Self { report: args.report.clone(), junit: args.report_junit.iter().cloned().collect(), durable: args.durable }
    }
}

/// The reports of a command: what was asked for, and what goes to `folder`. None of them may take the place of one of `read`.
/// Where one of them cannot be, the others tell it.
pub(super) fn wishes(asked: &Asked, folder: Option<&Folder>, read: &[&Path]) -> Result<Vec<Wish>, Failure> {
    let (wishes, wrong) = sorted(asked, folder, read);
    match wrong {
        None => Ok(wishes),
        Some(failure) => {
            instead_of_stale(&wishes, &failure, asked.durable);
            Err(failure)
        }
    }
}

/// Leaves no old report behind and says in its place why there is no new one; tells people where an old one may still stand.
pub(super) fn instead_of_stale(wishes: &[Wish], failure: &Failure, durable: bool) {
    for wish in wishes {
        if let Err(error) = file::remove_stale(&wish.destination)
            && wish.wanted == Wanted::Asked
        {
            writer::err(&format!("{}; what stood there was left alone\n", inert::line(&error.to_string())));
        }
    }
    tell_never_started(wishes, failure, durable);
}

/// The reports that can be, and the first that cannot.
pub(super) fn sorted(asked: &Asked, folder: Option<&Folder>, read: &[&Path]) -> (Vec<Wish>, Option<Failure>) {
    let sources: Vec<PathBuf> = read.iter().map(|path| place(path)).collect();
    let mut wishes: Vec<Wish> = Vec::new();
    let mut taken: HashSet<PathBuf> = HashSet::new();
    let mut wrong = None;
    let pairs = asked.report.iter().map(|text| pair(text)).chain(asked.junit.iter().map(|path| Ok((Format::Junit, path.clone()))));
    for pair in pairs {
        let wish = pair.and_then(|(format, path)| wish(format, path, &sources)).and_then(|wish| match taken.insert(wish.key()) {
            true => Ok(wish),
            false => Err(format!("two reports go to {}: give each a path of its own", wish.destination)),
        });
        match wish {
            Ok(wish) => wishes.push(wish),
            Err(text) => drop(wrong.get_or_insert(Failure::NeverStarted(text))),
        }
    }
    for (format, name) in [(Format::Junit, "junit.xml"), (Format::Json, "run.json"), (Format::Jsonl, "events.jsonl")] {
        let Some(folder) = folder else { break };
        let wish = Wish { format, destination: Destination::File(folder.path.join(name)), wanted: folder.wanted };
        if !taken.contains(&wish.key()) {
            wishes.push(wish);
        }
    }
    (wishes, wrong)
}

/// `FORMAT=PATH`.
fn pair(text: &str) -> Result<(Format, PathBuf), String> {
    let (format, path) = text.split_once('=').ok_or_else(|| format!("--report {text}: expected FORMAT=PATH, got no `=`"))?;
    Ok((format.parse().map_err(|e| format!("--report {text}: {e}"))?, PathBuf::from(path)))
}

/// A report that was asked for, unless it has no place or would take that of a file that is read.
fn wish(format: Format, path: PathBuf, sources: &[PathBuf]) -> Result<Wish, String> {
    if path.as_os_str().is_empty() {
        return Err(format!("--report {}=: the path is empty; `-` is standard output", format.name()));
    }
    let wish = Wish { format, destination: Destination::of(path), wanted: Wanted::Asked };
    match &wish.destination {
        Destination::File(path) if sources.contains(&place(path)) || is_source(path) => {
            Err(format!("--report {}={}: this file is read, a report would replace it", format.name(), wish.destination))
        }
        _ => Ok(wish),
    }
}

impl Wish {
    /// One name for all spellings of where it goes.
    fn key(&self) -> PathBuf {
        match &self.destination {
            Destination::Stdout => PathBuf::from("-"),
            Destination::File(path) => place(path),
        }
    }
}

/// One name for all spellings of a path: `a`, `./a` and `b/../a`. Its folder need not exist yet, and a link in its last
/// place is not followed: a report replaces the link.
pub(super) fn place(path: &Path) -> PathBuf {
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

/// A run that never started is one error in JUnit and in annotations, so that no reader takes its silence for green.
pub(super) fn tell_never_started(wishes: &[Wish], failure: &Failure, durable: bool) {
    for wish in wishes {
        let text = match (wish.format, &wish.destination) {
            (Format::Junit, _) => junit::error_only(&failure.to_string()),
            (Format::Github, Destination::Stdout) => github::error_only(&failure.to_string()),
            _ => continue,
        };
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
        sections: Ci::of(&world.vars).map_or(Sections::None, Ci::sections),
        ascii: terminal && ascii,
        verbosity: match (show.quiet, show.verbose) {
            (true, _) => Verbosity::Quiet,
            (_, true) => Verbosity::Verbose,
            _ => Verbosity::Normal,
        },
    }
}
