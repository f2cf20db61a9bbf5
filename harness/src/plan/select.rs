//! Which checks were asked for: by tag, by name, by shard; always closed over `needs`.

use super::shard::Shard;
use crate::reader::nearest;
use crate::suite::{About, Reason, Refused, Suites};
use regex::{Regex, RegexBuilder};
use std::collections::BTreeSet;

/// Which checks are wanted. Default: all.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// `--tag`: checks with any of these tags. Empty: any check.
    pub tags: Vec<String>,
    /// `--skip-tag`: not those with any of these, unless a wanted check needs them.
    pub skip_tags: Vec<String>,
    /// `--filter`: checks whose name, or `SUITE: NAME`, holds any of these, whatever the case; between slashes a regular
    /// expression (`/^ready/`). Empty: any check.
    pub filters: Vec<String>,
    /// These very checks and what they need, whatever the other fields say. `None`: as those say.
    pub exactly: Option<BTreeSet<crate::model::CheckId>>,
    /// `--shard 1/3`: one of three parts, each check in one of them but for gates, which stand in every part that waits for them.
    pub shard: Option<Shard>,
}

impl Selection {
    /// Whether nothing is left out.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.tags.is_empty() && self.skip_tags.is_empty() && self.filters.is_empty() && self.exactly.is_none() && self.shard.is_none()
    }
}

/// One `--filter`.
enum Filter {
    Part(String),
    Pattern(Regex),
}

impl Filter {
    fn read(text: &str) -> Result<Self, Reason> {
        let Some(pattern) = text.strip_prefix('/').and_then(|t| t.strip_suffix('/')).filter(|p| !p.is_empty()) else {
            return Ok(Self::Part(text.to_lowercase()));
        };
        RegexBuilder::new(pattern).size_limit(1 << 20).build().map(Self::Pattern).map_err(|e| {
            let why = e.to_string();
            let last = why.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
            Reason::plain(format!("--filter {text}: this is no regular expression: {last}"), "without the slashes it is taken as it stands")
        })
    }

    fn takes(&self, about: &About<'_>) -> bool {
        let whole = about.id.to_string();
        match self {
            Self::Part(part) => whole.to_lowercase().contains(part),
            Self::Pattern(pattern) => pattern.is_match(&about.id.name) || pattern.is_match(&whole),
        }
    }
}

/// The wanted checks and all that they need, by number.
///
/// # Errors
/// A pattern that is none (usage); that nothing matches (nothing to run), with what was probably meant.
pub(crate) fn select(suites: &Suites, wanted: &Selection) -> Result<BTreeSet<usize>, Refused> {
    let (filters, reasons): (Vec<_>, Vec<_>) = wanted.filters.iter().map(|f| Filter::read(f)).partition(Result::is_ok);
    let reasons: Vec<Reason> = reasons.into_iter().filter_map(Result::err).collect();
    if !reasons.is_empty() {
        return Err(Refused::usage(reasons));
    }
    let filters: Vec<Filter> = filters.into_iter().filter_map(Result::ok).collect();
    let tagged = |about: &About<'_>, tags: &[String]| tags.iter().any(|tag| about.tags.iter().any(|t| **t == **tag));
    let takes = |about: &About<'_>| {
        (wanted.tags.is_empty() || tagged(about, &wanted.tags))
            && !tagged(about, &wanted.skip_tags)
            && (filters.is_empty() || filters.iter().any(|f| f.takes(about)))
    };
    let all: Vec<About<'_>> = suites.checks().collect();
    let is_wanted = |about: &About<'_>| wanted.exactly.as_ref().map_or_else(|| takes(about), |exactly| exactly.contains(about.id));
    let mut todo: Vec<usize> = (0..all.len()).filter(|i| is_wanted(&all[*i])).collect();
    if todo.is_empty() {
        return Err(nothing(&all, wanted));
    }
    let mut selected = BTreeSet::new();
    while let Some(i) = todo.pop() {
        if selected.insert(i) {
            todo.extend(all[i].needs());
        }
    }
    Ok(selected)
}

fn nothing(all: &[About<'_>], wanted: &Selection) -> Refused {
    if all.is_empty() {
        return Refused::nothing("there is no check in these suites", "");
    }
    let known: BTreeSet<&str> = all.iter().flat_map(|a| a.tags.iter().map(|t| &**t)).collect();
    if let Some(tag) = wanted.tags.iter().find(|t| !known.contains(t.as_str())) {
        let help = match nearest(tag, known.iter().copied()) {
            Some(near) => format!("did you mean `--tag {near}`?"),
            None if known.is_empty() => "no check has tags".to_owned(),
            None => format!("the tags are {}", known.iter().take(20).copied().collect::<Vec<_>>().join(", ")),
        };
        return Refused::nothing(format!("--tag {tag}: no check has this tag"), help);
    }
    let flags = [("--tag", &wanted.tags), ("--skip-tag", &wanted.skip_tags), ("--filter", &wanted.filters)];
    let said: Vec<String> = flags.iter().flat_map(|(flag, words)| words.iter().map(move |word| format!("{flag} {word}"))).collect();
    let near = wanted.filters.first().and_then(|f| nearest(f, all.iter().map(|a| &*a.id.name)));
    let help = near.map_or_else(|| "`allclear list` shows every check".to_owned(), |near| format!("did you mean `--filter \"{near}\"`?"));
    Refused::nothing(format!("{}: none of the {} checks matches", said.join(" "), all.len()), help)
}
