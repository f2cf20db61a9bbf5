//! Which reports a command writes: those that were asked for, and the defaults inside a cargo workspace.

use super::args::{JunitProfile, Reports, Show, When};
use super::{World, failure::Failure};
use crate::report::{Destination, Format, Options, ReportFile, Style, Verbosity, Wanted, file, inert, junit};
use std::path::{Path, PathBuf};

/// One report that will be written.
#[derive(Debug)]
pub(super) struct Wish {
    pub(super) format: Format,
    pub(super) destination: Destination,
    pub(super) wanted: Wanted,
}

/// The reports of a run: what was asked for, and what is written by default.
pub(super) fn wishes(args: &Reports, default_folder: Option<&Path>) -> Result<Vec<Wish>, Failure> {
    let usage = |text: String| Failure::NeverStarted(text);
    let mut wishes: Vec<Wish> = Vec::new();
    let asked = args
        .report
        .iter()
        .map(|text| {
            let (format, path) = text.split_once('=').ok_or_else(|| usage(format!("--report {text}: expected FORMAT=PATH, got no `=`")))?;
            Ok((format.parse::<Format>().map_err(|e| usage(format!("--report {text}: {e}")))?, path.to_owned()))
        })
        .chain(args.report_junit.iter().map(|path| Ok((Format::Junit, path.display().to_string()))));
    for wish in asked {
        let (format, path) = wish?;
        if path.is_empty() {
            return Err(usage(format!("--report {}=: the path is empty; `-` is standard output", format.name())));
        }
        let destination = Destination::parse(&path);
        if wishes.iter().any(|w| w.destination == destination) {
            return Err(usage(format!("two reports go to {destination}: give each a path of its own")));
        }
        wishes.push(Wish { format, destination, wanted: Wanted::Asked });
    }
    if let Some(folder) = default_folder {
        for (format, name) in [(Format::Junit, "junit.xml"), (Format::Json, "run.json"), (Format::Jsonl, "events.jsonl")] {
            let destination = Destination::File(folder.join(name));
            if wishes.iter().all(|w| w.destination != destination) {
                wishes.push(Wish { format, destination, wanted: Wanted::Default });
            }
        }
    }
    Ok(wishes)
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

/// Where reports and leases go by default: `target/allclear` of the cargo workspace that we stand in.
pub(super) fn default_folder(world: &World, out: Option<&PathBuf>) -> Option<PathBuf> {
    if let Some(out) = out {
        return Some(out.clone());
    }
    let here = std::env::current_dir().ok()?;
    let root = here.ancestors().find(|dir| dir.join("Cargo.lock").is_file())?;
    let target = world.vars.get("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |dir| root.join(dir));
    // A path below the current folder is shown as people would type it.
    let folder = target.join("allclear");
    Some(folder.strip_prefix(&here).map(Path::to_path_buf).unwrap_or(folder))
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
