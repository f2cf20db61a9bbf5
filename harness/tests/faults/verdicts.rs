//! What a record says of each clause.

use super::table::Row;
use std::collections::BTreeMap;

/// The worst verdict of each clause over all checks and cases, and of each case, as `clause:case`, over all checks.
pub(crate) fn verdicts(record: &serde_json::Value) -> BTreeMap<String, String> {
    let rank = |v: &str| ["held", "not-judged", "unsure", "intermittent", "broken"].iter().position(|r| *r == v);
    let mut worst = BTreeMap::<String, String>::new();
    for check in record["checks"].as_array().into_iter().flatten() {
        for clause in check["clauses"].as_array().into_iter().flatten() {
            let (Some(id), Some(verdict)) = (clause["clause"].as_str(), clause["verdict"].as_str()) else { continue };
            let case = clause["case"].as_str().filter(|case| !case.is_empty()).map(|case| format!("{id}:{case}"));
            for key in std::iter::once(id.to_owned()).chain(case) {
                let entry = worst.entry(key).or_insert_with(|| verdict.to_owned());
                if rank(verdict) > rank(entry) {
                    verdict.clone_into(entry);
                }
            }
        }
    }
    worst
}

/// What is not as the row says. Where a clause is excused, it may say anything.
pub(crate) fn wrong(row: &Row, seen: &BTreeMap<String, String>, is_excused: impl Fn(&str) -> bool) -> Vec<String> {
    let mut wrong = Vec::new();
    if seen.is_empty() {
        wrong.push("nothing was judged".to_owned());
    }
    for clause in row.must {
        match seen.get(*clause).map(String::as_str) {
            Some("broken") => {}
            other => wrong.push(format!("{clause} must be broken and is {}", other.unwrap_or("not even asked for"))),
        }
    }
    for (clause, verdict) in seen {
        let id = clause.as_str();
        let is_named = |name: &&str| match name.contains(':') {
            // Where one case is named the other cases of its clause are not.
            true => *name == id || of_clause(name) == id,
            false => *name == of_clause(id),
        };
        let is_listed = row.must.iter().chain(row.may).any(is_named);
        let free = is_listed || is_excused(of_clause(id));
        // Beside a broken clause another one may have had nothing to look at; alone it may not.
        let nothing_left = verdict == "not-judged" && !row.must.is_empty();
        if !free && !nothing_left && verdict != "held" {
            wrong.push(format!("{clause} must hold and is {verdict}"));
        }
    }
    wrong
}

/// The clause of a `clause:case`.
pub(crate) fn of_clause(id: &str) -> &str {
    id.split_once(':').map_or(id, |(clause, _)| clause)
}
