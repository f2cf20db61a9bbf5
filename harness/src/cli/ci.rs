//! Which CI system reads what we say: noticed by the variables that it sets, and only a matter of how things are shown.

use super::World;
use super::reports::{self, Wish};
use crate::kind::{NoTraceParent, TraceParent};
use crate::report::{Appended, Destination, Format, Reporter, Sections, Wanted};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The systems whose logs have a language of their own, and all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ci {
    /// `GITHUB_ACTIONS`: annotations, groups of lines, a summary of the step.
    Github,
    /// `GITLAB_CI`: sections.
    Gitlab,
    /// `CI`: nobody sees a line move, and colours are only noise in a log.
    Other,
}

impl Ci {
    /// The one that the environment speaks of.
    pub(super) fn of(vars: &BTreeMap<String, String>) -> Option<Self> {
        let is_set = |name: &str| vars.get(name).is_some_and(|v| !matches!(v.trim().to_ascii_lowercase().as_str(), "" | "0" | "false"));
        [("GITHUB_ACTIONS", Self::Github), ("GITLAB_CI", Self::Gitlab), ("CI", Self::Other)]
            .into_iter()
            .find_map(|(name, ci)| is_set(name).then_some(ci))
    }

    /// How lines are gathered in its log.
    pub(super) fn sections(self) -> Sections {
        match self {
            Self::Github => Sections::Github,
            Self::Gitlab => Sections::Gitlab,
            Self::Other => Sections::None,
        }
    }
}

/// A CI system may give its jobs a terminal, and nobody sits before it.
pub(super) fn as_seen(mut world: World) -> World {
    if Ci::of(&world.vars).is_some() {
        (world.stdout_is_terminal, world.stderr_is_terminal, world.width) = (false, false, None);
    }
    world
}

/// Annotations on standard output, which is where GitHub reads them, unless something else was asked for there.
pub(super) fn annotations(ci: Option<Ci>, wishes: &[Wish]) -> Option<Wish> {
    let is_taken = wishes.iter().any(|w| w.destination == Destination::Stdout || w.format == Format::Github);
    (ci == Some(Ci::Github) && !is_taken).then_some(Wish {
        format: Format::Github,
        destination: Destination::Stdout,
        wanted: Wanted::Default,
    })
}

/// The whole table behind the summary of the step, unless a report replaces that file anyhow.
pub(super) fn summary(ci: Option<Ci>, wishes: &[Wish], world: &World) -> Option<Box<dyn Reporter>> {
    let path = world.vars.get("GITHUB_STEP_SUMMARY").filter(|v| ci == Some(Ci::Github) && !v.is_empty()).map(PathBuf::from)?;
    let is_it = |w: &Wish| matches!(&w.destination, Destination::File(other) if reports::place(other) == reports::place(Path::new(&path)));
    (!wishes.iter().any(is_it)).then(|| Box::new(Appended::new(Format::Markdown, path)) as Box<dyn Reporter>)
}

/// The trace that the run belongs to: `TRACEPARENT`. One that is none is to be ignored, and that is told.
pub(super) fn trace(vars: &BTreeMap<String, String>) -> (Option<TraceParent>, Option<String>) {
    match vars.get("TRACEPARENT").filter(|v| !v.is_empty()).map(|v| v.parse()) {
        None => (None, None),
        Some(Ok(parent)) => (Some(parent), None),
        Some(Err(why @ NoTraceParent)) => (None, Some(format!("TRACEPARENT is ignored: {why}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(set: &[(&str, &str)], expected: Option<Ci>) {
        let vars = set.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        assert_eq!(Ci::of(&vars), expected, "{set:?}");
    }

    #[test]
    fn a_ci_system_is_known_by_the_variable_that_it_sets() {
        check(&[], None);
        check(&[("CI", "true")], Some(Ci::Other));
        check(&[("CI", "1"), ("GITHUB_ACTIONS", "true")], Some(Ci::Github));
        check(&[("CI", "true"), ("GITLAB_CI", "true")], Some(Ci::Gitlab));
        for off in ["", "false", "FALSE", "0"] {
            check(&[("CI", off), ("GITHUB_ACTIONS", off)], None);
        }
    }
}
