//! `allclear explain`: clauses, kinds and exit codes, from the same table that judges.

use super::failure::{Failure, TABLE};
use crate::checks;
use crate::kind::{CheckKind, VisitType};
use crate::model::{Clause, Declared};
use std::fmt::Write as _;

/// The text for `explain WHAT`.
pub(crate) fn explain(what: Option<&str>) -> Result<String, Failure> {
    let kinds = checks::each(&mut Pages);
    match what {
        None => Ok(overview(&kinds)),
        Some("exit-codes") => Ok(TABLE.to_owned()),
        Some(name) => {
            if let Some(kind) = kinds.iter().find(|k| k.name == name) {
                return Ok(page(kind));
            }
            if let Some((kind, clause)) = kinds.iter().flat_map(|k| k.clauses.iter().map(move |c| (k, c))).find(|(_, c)| c.id.0 == name) {
                return Ok(one_clause(kind, clause));
            }
            let known = kinds.iter().flat_map(|k| std::iter::once(k.name).chain(k.clauses.iter().map(|c| c.id.0))).chain(["exit-codes"]);
            let near = known.map(|k| (strsim::damerau_levenshtein(k, name), k)).min().filter(|(d, _)| *d <= 4);
            let hint = near.map_or_else(
                || "`allclear explain` lists all".to_owned(),
                |(_, k)| format!("did you mean `{k}`? `allclear explain` lists all"),
            );
            Err(Failure::NeverStarted(format!("no kind and no clause is called `{name}`; {hint}")))
        }
    }
}

struct Page {
    name: &'static str,
    doc: &'static str,
    clauses: &'static [Clause],
}

struct Pages;

impl VisitType for Pages {
    type Out = Page;
    fn visit<K: CheckKind>(&mut self) -> Page {
        Page { name: K::NAME, doc: K::DOC, clauses: K::CLAUSES }
    }
}

fn overview(kinds: &[Page]) -> String {
    let mut out = String::from("allclear explain KIND | CLAUSE | exit-codes\n");
    for kind in kinds {
        let _ = writeln!(out, "\n{}", kind.name);
        for clause in kind.clauses {
            let _ = writeln!(out, "  {:24} {:28} {}", clause.id, declared(clause), clause.sentence);
        }
    }
    out
}

fn page(kind: &Page) -> String {
    let mut out = format!("{}\n\nCLAUSES\n", kind.doc.trim_end());
    for clause in kind.clauses {
        let _ = writeln!(out, "  {:24} {:28} {}", clause.id, declared(clause), clause.sentence);
    }
    out
}

fn one_clause(kind: &Page, clause: &Clause) -> String {
    let mut out = format!("{}: {}\n\n{}\n\n", clause.id, clause.sentence, clause.about);
    let _ = writeln!(out, "kind      {}", kind.name);
    let _ = writeln!(out, "judged    {}", declared(clause));
    let _ = writeln!(out, "impact    {} or more, as the request is", clause.impact);
    if !clause.faults.is_empty() {
        let names: Vec<_> = clause.faults.iter().map(ToString::to_string).collect();
        let _ = writeln!(out, "faults    {}: judged only where the environment can inject one", names.join(", "));
    }
    out
}

/// How a suite asks for the clause, as one reads it.
pub(crate) fn declared(clause: &Clause) -> String {
    match clause.declared {
        Declared::Always => "always".to_owned(),
        Declared::Key(key) => format!("by the key `{key}`"),
        Declared::Promise => "by `promises`".to_owned(),
    }
}
