//! Who needs whom inside a suite: every name is found, and nothing needs itself, not even by a long way round.

use super::draft::Draft;
use crate::model::{Origin, Source};
use crate::reader::{Note, Problem, joined_by_comma, nearest};
use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

/// Fills in [`Draft::needed`]; tells doubled names, unknown names and circles.
pub(crate) fn resolve(source: &Arc<Source>, drafts: &mut [Draft], problems: &mut Vec<Problem>) {
    let origin = |at| Origin { source: Arc::clone(source), at };
    let mut by_name: HashMap<Arc<str>, usize> = HashMap::with_capacity(drafts.len());
    for (i, draft) in drafts.iter().enumerate() {
        match by_name.entry(Arc::clone(&draft.id.name)) {
            Entry::Vacant(slot) => _ = slot.insert(i),
            Entry::Occupied(first) => {
                let problem = Problem::new(origin(draft.at), format!("two checks are named `{}`", draft.id.name)).with_path("name");
                let first = &drafts[*first.get()];
                problems.push(match &draft.set {
                    Some(set) if first.at == draft.at => {
                        let missing = set.keys().map(|name| format!("`${{{name}}}`")).collect::<Vec<_>>().join(", ");
                        problem.with_help(format!("every check of a `for-each` needs a name of its own: put {missing} into it"))
                    }
                    _ => Problem {
                        also: vec![Note::at(origin(first.at), "the first one")],
                        ..problem.with_help("reports tell checks apart by name")
                    },
                });
            }
        }
    }
    let mut all_needed = Vec::with_capacity(drafts.len());
    for (i, draft) in drafts.iter().enumerate() {
        let mut needed = Vec::with_capacity(draft.needs.len());
        for (n, (name, at)) in draft.needs.iter().enumerate() {
            match by_name.get(name) {
                Some(&other) if other == i => {
                    problems
                        .push(Problem::new(origin(*at), "a check cannot need itself").with_path("needs").with_help("take the name out"));
                }
                Some(&other) => needed.push(other),
                None => {
                    let items: Vec<&str> = draft.needs.iter().map(|(n, _)| &**n).collect();
                    let help = match joined_by_comma(&items, n, by_name.keys().map(|k| &**k)) {
                        // The other half was told already.
                        Some(whole) if n > 0 && whole.ends_with(&format!(", {}", items[n])) => continue,
                        Some(whole) => format!("a comma separates names; quote it: `needs: [\"{whole}\"]`"),
                        None => nearest(name, by_name.keys().map(|k| &**k).filter(|k| *k != &*draft.id.name))
                            .map_or("a check needs checks of its own suite, by their whole name".to_owned(), |near| {
                                format!("did you mean `{near}`?")
                            }),
                    };
                    problems.push(
                        Problem::new(origin(*at), format!("no check of this suite is named `{name}`")).with_path("needs").with_help(help),
                    );
                }
            }
        }
        all_needed.push(needed);
    }
    for (draft, needed) in drafts.iter_mut().zip(all_needed) {
        draft.needed = needed;
    }
    circles(source, drafts, problems);
}

/// Walks depth first without recursion, and tells each circle once, at the need that closes it.
fn circles(source: &Arc<Source>, drafts: &mut [Draft], problems: &mut Vec<Problem>) {
    #[derive(Clone, Copy, PartialEq)]
    enum Mark {
        New,
        OnPath,
        Done,
    }
    let mut marks = vec![Mark::New; drafts.len()];
    let mut broken: Vec<(usize, usize)> = Vec::new();
    for start in 0..drafts.len() {
        if marks[start] != Mark::New {
            continue;
        }
        let mut path = vec![(start, 0)];
        marks[start] = Mark::OnPath;
        while let Some((here, next)) = path.last_mut() {
            let here = *here;
            let Some(&to) = drafts[here].needed.get(*next) else {
                marks[here] = Mark::Done;
                path.pop();
                continue;
            };
            *next += 1;
            match marks[to] {
                Mark::New => {
                    marks[to] = Mark::OnPath;
                    path.push((to, 0));
                }
                Mark::Done => {}
                Mark::OnPath => {
                    let from = path.iter().position(|(i, _)| *i == to).unwrap_or(0);
                    let round: Vec<String> =
                        path[from..].iter().map(|(i, _)| *i).chain([to]).map(|i| format!("`{}`", drafts[i].id.name)).collect();
                    let at = drafts[here].needs.iter().find(|(name, _)| *name == drafts[to].id.name).map_or(drafts[here].at, |(_, at)| *at);
                    let problem = Problem::new(
                        Origin { source: Arc::clone(source), at },
                        format!("these checks need each other: {}", round.join(" -> ")),
                    );
                    problems.push(problem.with_path("needs").with_help("none of them could ever start; take one `needs` out"));
                    broken.push((here, to));
                }
            }
        }
    }
    // What follows may rely on there being no circle.
    for (from, to) in broken {
        drafts[from].needed.retain(|n| *n != to);
    }
}
