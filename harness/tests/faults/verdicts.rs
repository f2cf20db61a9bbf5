//! What a record says of each clause.

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
