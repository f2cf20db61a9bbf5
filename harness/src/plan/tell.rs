//! Tells a plan before it runs: one line a check for `list`, and every resolved check for `render`. Secrets stay names.

use super::entry::{Alone, Entry, Plan};
use crate::kind::Scope;
use crate::model::{Impact, Place, Severity};
use crate::reader::{Core, Kind as NodeKind, Node};
use serde::Serialize;
use std::fmt::Write as _;

/// One check as `list` and `--dry-run` tell it.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Listed {
    /// Name of the suite.
    pub suite: String,
    /// Name of the check.
    pub name: String,
    /// Its kind.
    pub kind: String,
    /// Its target.
    pub target: String,
    /// Its tags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// The most that it does to the target here.
    pub impact: Impact,
    /// Whether it decides the exit code.
    pub severity: Severity,
    /// Whether everything on its target waits for it.
    pub gate: bool,
    /// Names of the checks that must pass first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<String>,
    /// Clauses that will be judged.
    pub judged: Vec<String>,
    /// Clauses that it asks for and that are not judged here, each with the reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_judged: Vec<(String, String)>,
    /// Why it will not run here, if so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skip: Option<String>,
    /// Where its name stands.
    pub place: Place,
}

/// Every check of the plan, in order.
#[must_use]
pub fn list(plan: &Plan) -> Vec<Listed> {
    plan.entries.iter().map(|entry| listed(plan, entry)).collect()
}

fn listed(plan: &Plan, entry: &Entry) -> Listed {
    let check = &entry.check;
    let judged = |a: &&crate::kind::Asked| a.scope == Scope::Here && entry.skip.is_none();
    let not = |a: &crate::kind::Asked| match (&a.scope, &entry.skip) {
        (Scope::NotHere(why), _) | (Scope::Here, Some(why)) => Some((a.clause.to_string(), why.clone())),
        (Scope::Here, None) => None,
    };
    Listed {
        suite: check.id.suite.to_string(),
        name: check.id.name.to_string(),
        kind: check.kind.name().to_owned(),
        target: check.target.to_string(),
        tags: check.tags.iter().map(|t| t.to_string()).collect(),
        impact: entry.asked.iter().filter(judged).map(|a| a.impact).max().unwrap_or_default(),
        severity: check.severity,
        gate: check.gate,
        needs: entry.needs.iter().map(|n| plan.entries[*n].check.id.name.to_string()).collect(),
        judged: entry.asked.iter().filter(judged).map(|a| a.clause.to_string()).collect(),
        not_judged: entry.asked.iter().filter_map(not).collect(),
        skip: entry.skip.clone(),
        place: check.origin.place(),
    }
}

/// Every check as it will run: values and defaults put in, and below each what will be judged, what not, and why. YAML, for
/// people. The plan must have been made with `keep_resolved`; else only what will be judged is told.
#[must_use]
pub fn render(plan: &Plan) -> String {
    let mut out = String::new();
    // Writing into a String cannot fail.
    if !plan.environment.is_empty() {
        _ = writeln!(out, "# environment: {}", plan.environment);
    }
    for (name, target) in &plan.targets {
        let is_started = plan.provision.as_ref().is_some_and(|p| p.target == *name);
        let url = if is_started { "started by this run" } else { target.base.url.as_str() };
        _ = writeln!(out, "# target {name}: {url}");
    }
    let mut suite = None;
    for entry in &plan.entries {
        if suite != Some(&entry.check.id.suite) {
            suite = Some(&entry.check.id.suite);
            _ = writeln!(out, "\nsuite: {}\nchecks:", word(&entry.check.id.suite));
        }
        one(&mut out, entry);
    }
    plan.redactor.mask(&out).into_owned()
}

fn one(out: &mut String, entry: &Entry) {
    let check = &entry.check;
    _ = writeln!(out, "  - name: {}", word(&check.id.name));
    let names: Vec<String> = check.needs.iter().map(|(name, _)| word(name)).collect();
    if !names.is_empty() {
        _ = writeln!(out, "    needs: [{}]", names.join(", "));
    }
    if !check.tags.is_empty() {
        _ = writeln!(out, "    tags: [{}]", check.tags.iter().map(|t| word(t)).collect::<Vec<_>>().join(", "));
    }
    if let Some(resolved) = &check.planning.resolved {
        let (key, spec, late) = &**resolved;
        for (key, value) in late.entries().unwrap_or_default().iter().chain([&(key.clone(), spec.clone())]) {
            pair(out, key, value, 4);
        }
    }
    _ = writeln!(
        out,
        "    # target {}, timeout {}{}",
        check.target,
        crate::model::quantity::write_duration(entry.timeout),
        match entry.alone {
            Alone::No => "",
            Alone::OnTarget => ", alone on its target",
            Alone::OnStand => ", alone on its stand",
        }
    );
    if let Some(why) = &entry.skip {
        _ = writeln!(out, "    # SKIP: {}", one_line(why));
    }
    for asked in &entry.asked {
        match &asked.scope {
            Scope::Here => _ = writeln!(out, "    # {:<22} judged", asked.clause.to_string()),
            Scope::NotHere(why) => _ = writeln!(out, "    # {:<22} not judged: {}", asked.clause.to_string(), one_line(why)),
        }
    }
}

fn one_line(text: &str) -> String {
    crate::reader::visible(text).into_owned()
}

fn pair(out: &mut String, key: &Node, value: &Node, indent: usize) {
    let key = word(key.text().unwrap_or_default());
    match &value.kind {
        NodeKind::Scalar { text, plain, .. } => _ = writeln!(out, "{:indent$}{key}: {}", "", scalar(text, *plain)),
        NodeKind::Seq(items) if items.iter().all(|i| matches!(i.kind, NodeKind::Scalar { .. })) => {
            let items: Vec<String> = items.iter().map(flow).collect();
            _ = writeln!(out, "{:indent$}{key}: [{}]", "", items.join(", "));
        }
        NodeKind::Seq(items) => {
            _ = writeln!(out, "{:indent$}{key}:", "");
            for item in items {
                _ = writeln!(out, "{:indent$}  - {}", "", flow(item));
            }
        }
        NodeKind::Map(entries) if entries.is_empty() => _ = writeln!(out, "{:indent$}{key}: {{}}", ""),
        NodeKind::Map(entries) => {
            _ = writeln!(out, "{:indent$}{key}:", "");
            entries.iter().for_each(|(k, v)| pair(out, k, v, indent + 2));
        }
    }
}

fn flow(node: &Node) -> String {
    match &node.kind {
        NodeKind::Scalar { text, plain, .. } => scalar(text, *plain),
        NodeKind::Seq(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        NodeKind::Map(entries) => {
            let pairs: Vec<String> = entries.iter().map(|(k, v)| format!("{}: {}", word(k.text().unwrap_or_default()), flow(v))).collect();
            format!("{{ {} }}", pairs.join(", "))
        }
    }
}

/// A scalar with the quotes that it needs to mean the same again.
fn scalar(text: &str, plain: bool) -> String {
    match Core::of(text) {
        Core::Text(text) => word(text),
        _ if plain => text.to_owned(),
        _ => format!("{text:?}"),
    }
}

/// A text as YAML: plain where nothing in it could be taken for something else. JSON's strings are YAML's.
fn word(text: &str) -> String {
    let safe = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_' | '.' | '/' | '$' | '(' | ')' | '+');
    let plain = matches!(Core::of(text), Core::Text(_))
        && text.chars().all(safe)
        && text.starts_with(|c: char| c.is_alphanumeric() || c == '/' || c == '$')
        && !text.ends_with(' ');
    if plain { text.to_owned() } else { serde_json::Value::from(text).to_string() }
}
