//! Arguments that cannot be read: the reports that they ask for tell it all the same, and no old one stays in their place.

use super::World;
use super::args::Cli;
use super::ci::{self, Ci};
use super::failure::Failure;
use super::reports::{self, Asked, Wish};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// What arguments say that matters for reports, whatever else is wrong with them.
#[derive(Debug, Default)]
struct Said {
    asked: Asked,
    out: Option<PathBuf>,
    /// Every other word, and what is glued to a flag: it may name a file that is to be read.
    others: Vec<PathBuf>,
    /// Nothing is written then.
    is_dry: bool,
}

/// Writes `why` into every report that the arguments ask for, and takes the old ones away.
pub(super) fn tell(world: &World, why: &str) {
    let (wishes, durable) = wishes(world);
    reports::instead_of_stale(&wishes, &Failure::NeverStarted(why.to_owned()), durable);
}

fn wishes(world: &World) -> (Vec<Wish>, bool) {
    let command = world.args.get(1).and_then(|word| word.to_str());
    let known = <Cli as clap::CommandFactory>::command();
    let is_command = |word: &str| word == "help" || known.get_subcommands().any(|c| c.get_name() == word);
    let rest = match command {
        Some("run" | "report") => &world.args[2..],
        // Its own arguments may look like ours, and it writes no report.
        Some(word) if is_command(word) => return (Vec::new(), false),
        _ => world.args.get(1..).unwrap_or_default(),
    };
    let said = read(rest);
    if said.is_dry {
        return (Vec::new(), false);
    }
    // Where no command stands, only what is named is ours to touch.
    let is_run = command.is_none() || command == Some("run");
    let out = said.out.or_else(|| world.vars.get("ALLCLEAR_OUT").filter(|v| !v.is_empty()).map(PathBuf::from));
    let folder = is_run.then(|| reports::default_folder(world, out.as_ref())).flatten();
    let environment = world.vars.get("ALLCLEAR_ENV").map(Path::new);
    let sources: Vec<&Path> = said.others.iter().map(PathBuf::as_path).chain(environment).collect();
    let mut wishes = reports::sorted(&said.asked, folder.as_ref(), &sources).0;
    if is_run {
        wishes.extend(ci::annotations(Ci::of(&world.vars), &wishes));
    }
    (wishes, said.asked.durable)
}

/// Reads what can be read: flags as they are spelt in full, with their value behind `=` or in the next word.
fn read(words: &[OsString]) -> Said {
    let mut said = Said::default();
    let mut words = words.iter().peekable();
    while let Some(word) = words.next() {
        let text = word.to_string_lossy();
        let (flag, glued) = match text.split_once('=') {
            Some((flag, value)) if flag.starts_with("--") => (flag, Some(OsString::from(value))),
            _ => (&*text, None),
        };
        let mut value = || glued.clone().or_else(|| words.next_if(|next| is_value(next)).cloned());
        match flag {
            "--" => {
                said.others.extend(words.map(PathBuf::from));
                break;
            }
            "--report" => said.asked.report.extend(value().and_then(|v| v.into_string().ok())),
            "--report-junit" => said.asked.junit.extend(value().map(PathBuf::from)),
            "--out" => said.out = value().map(PathBuf::from),
            "--durable" => said.asked.durable = true,
            "--dry-run" => said.is_dry = true,
            // The one flag whose value may begin with a dash: it is meant for somebody else.
            "--service-arg" => drop(glued.or_else(|| words.next().cloned())),
            _ => said.others.push(glued.map_or_else(|| PathBuf::from(word), PathBuf::from)),
        }
    }
    said
}

/// Whether a word is the value of the flag before it, and no flag itself.
fn is_value(word: &OsStr) -> bool {
    word == "-" || !word.to_string_lossy().starts_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, reports: &[&str], others: &[&str]) {
        let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        let said = read(&words);
        let junit = said.asked.junit.iter().map(|path| format!("junit={}", path.display()));
        let got: Vec<String> = said.asked.report.iter().cloned().chain(junit).collect();
        assert_eq!(got, reports, "{line}");
        assert_eq!(said.others, others.iter().map(PathBuf::from).collect::<Vec<_>>(), "{line}");
    }

    #[test]
    fn reports_are_found_among_words_that_make_no_sense() {
        check("--report junit=a.xml --nope", &["junit=a.xml"], &["--nope"]);
        check("--nope --report=junit=a.xml b", &["junit=a.xml"], &["--nope", "b"]);
        check("--report-junit a.xml --report-junit=b.xml", &["junit=a.xml", "junit=b.xml"], &[]);
        check("--report json=- --var-file=v.txt -e x.yaml", &["json=-"], &["v.txt", "-e", "x.yaml"]);
    }

    #[test]
    fn a_word_that_belongs_to_something_else_asks_for_no_report() {
        check("--report --nope", &[], &["--nope"]);
        check("--service-arg --report=junit=a.xml", &[], &[]);
        check("a -- --report junit=a.xml", &[], &["a", "--report", "junit=a.xml"]);
        check("--reports junit=a.xml --filter=--report", &[], &["--reports", "junit=a.xml", "--report"]);
    }
}
