//! The files as text: what was seen stands as checks, what is to be decided as comments that hold once their `#` is gone.

use super::claims::{Claim, Claims};
use super::edge::Edge;
use super::facts::Fact;
use super::place::{Place, variable};
use super::wish::Wish;
use super::yaml::{comment, literal, scalar, sentence};
use crate::model::{Secret, Size};
use std::fmt::Write as _;

/// What the suite begins with, up to its checks.
const HEAD: &str = "\
# yaml-language-server: $schema=./suite.schema.json
# Begun by `allclear init`: each check says what was seen, and claims no more. Whether that is what the service promises,
# and what else it promises, is for its people to say. What they may want to add stands behind a `#`.
";

/// The suite. At least one of the checks is there.
pub(super) fn suite(name: &str, claims: &Claims, edges: &[(Wish, Edge)]) -> String {
    let mut out = String::from(HEAD);
    let about = format!("What {name} was seen to do; its people say what of it is promised.");
    let _ = writeln!(out, "suite: {}\nabout: {}\n\nchecks:", scalar(name), sentence(&about));
    let mut checks = Vec::new();
    checks.extend(claims.live.as_ref().map(|claim| live(claim, name)));
    checks.extend(claims.ready.as_ref().map(ready));
    checks.extend(claims.build.as_ref().map(build));
    checks.extend(claims.metrics.as_ref().map(|claim| metrics(claim, claims.live.as_ref())));
    checks.extend(edges.iter().map(|(wish, edge)| sized(wish, edge)));
    out.push_str(&checks.join("\n"));
    if !claims.notes.is_empty() {
        out.push_str("\n  # Seen, and not claimed:\n");
        for (path, why) in &claims.notes {
            let _ = writeln!(out, "  #   {}  {}", comment(path), comment(why));
        }
    }
    out
}

/// A line, and in a column of its own what there is to say of it.
fn aside(out: &mut String, indent: usize, line: &str, why: &str) {
    let width = 36usize.saturating_sub(indent);
    let _ = writeln!(out, "{:indent$}{line:<width$} # {why}", "");
}

/// What could be added, and what it says.
fn to_decide(out: &mut String, indent: usize, lines: &[(&str, &str)]) {
    for (key, why) in lines {
        aside(out, indent, &format!("# {key}"), why);
    }
}

fn live(claim: &Claim, name: &str) -> String {
    let mut out = head(claim, "the process is up");
    aside(&mut out, 4, "gate: true", "while this fails, nothing else is asked");
    let _ = writeln!(out, "    health:\n      get: {}", literal(&claim.path));
    expectation(&mut out, claim);
    to_decide(
        &mut out,
        6,
        &[
            ("within: 1s", "longest time for an answer, on every fresh connection"),
            ("samples: 20", "fresh connections; 5 where nothing is said"),
        ],
    );
    to_decide(
        &mut out,
        4,
        &[
            ("promises: [health/agrees]", "there is more: open, fresh, bounded, no-leak; see `allclear explain health`"),
            (&format!("runbook: https://wiki.example.org/{name}"), "shown to whoever is woken by it"),
        ],
    );
    out
}

fn ready(claim: &Claim) -> String {
    let mut out = head(claim, "it is ready");
    let _ = writeln!(out, "    ready:\n      get: {}", literal(&claim.path));
    expectation(&mut out, claim);
    to_decide(
        &mut out,
        6,
        &[
            ("within: 30s", "until when it must be ready; this is the default"),
            ("steady-for: 2s", "and how long it must stay so"),
            ("real: { get: / }", "a request that callers make: ready only while it succeeds"),
        ],
    );
    out
}

fn build(claim: &Claim) -> String {
    let mut out = head(claim, "it tells which build is running");
    http(&mut out, claim);
    let _ = writeln!(out, "        json:");
    for fact in &claim.facts {
        if let Fact::There(name) = fact {
            let _ = writeln!(out, "          $.{name}: present");
        }
    }
    let _ = writeln!(out, "        # Is it the one that was deployed? Write \"${{build}}\" for `present`, and run with --var build=…");
    to_decide(&mut out, 8, &[("within: 500ms", "longest time for an answer")]);
    out
}

fn metrics(claim: &Claim, live: Option<&Claim>) -> String {
    let mut out = head(claim, "it tells its metrics");
    http(&mut out, claim);
    for fact in &claim.facts {
        if let Fact::Text(text) = fact {
            let _ = writeln!(out, "        body: {{ contains: {} }}", literal(text));
        }
    }
    if let (Some(live), true) = (live, claim.has_growth_gauges) {
        let line = format!("growth: {{ get: {} }}", literal(&claim.path));
        let _ = writeln!(out, "  # Beside `get: {}` above, `{line}` holds that being asked leaves", comment(&live.path));
        let _ = writeln!(out, "  # neither descriptors nor threads behind; it is `load`, which the environment would have to allow.");
    }
    out
}

/// The lines that all checks begin with.
fn head(claim: &Claim, name: &str) -> String {
    let mut out = format!("  # GET {}, {}.\n", comment(&claim.path), comment(&claim.seen()));
    if !claim.others.is_empty() {
        let _ = writeln!(
            out,
            "  # Nothing is claimed of {}.",
            claim.others.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
        );
    }
    let _ = writeln!(out, "  - name: {name}");
    out
}

fn http(out: &mut String, claim: &Claim) {
    let _ = writeln!(out, "    http:\n      get: {}\n      expect:\n        status: {}", literal(&claim.path), claim.status);
    if let Some(media_type) = &claim.media_type {
        let _ = writeln!(out, "        headers: {{ content-type: {{ starts-with: {} }} }}", literal(media_type));
    }
}

/// `expect` of a probe, where more is claimed than 200.
fn expectation(out: &mut String, claim: &Claim) {
    let mut lines = Vec::new();
    if claim.status != 200 {
        lines.push(format!("status: {}", claim.status));
    }
    let json: Vec<String> = claim
        .facts
        .iter()
        .filter_map(|fact| match fact {
            Fact::Word(name, word) => Some(format!("$.{name}: {}", literal(word))),
            Fact::True(name) => Some(format!("$.{name}: true")),
            Fact::There(_) | Fact::Text(_) => None,
        })
        .collect();
    if !json.is_empty() {
        lines.push(format!("json: {{ {} }}", json.join(", ")));
    }
    lines.extend(claim.facts.iter().filter_map(|fact| match fact {
        Fact::Text(text) => Some(format!("body: {{ contains: {} }}", literal(text))),
        _ => None,
    }));
    if !lines.is_empty() {
        aside(out, 6, &format!("expect: {{ {} }}", lines.join(", ")), "as seen; take out what may change while all is well");
    }
}

fn sized(wish: &Wish, edge: &Edge) -> String {
    let shown = comment(&wish.shown());
    let measured = match edge {
        Edge::Unknown { why } => return format!("  # {shown}: no limit is claimed: {}\n", comment(why)),
        Edge::Measured(measured) => measured,
    };
    let size = Size(measured.bytes);
    let mut out = format!("  # Measured: {}.\n", comment(&measured.summary));
    for (framing, why) in &measured.left_out {
        let _ = writeln!(out, "  # NOT SO with {framing}, which is left out of `framings` until that is mended or meant: {}", comment(why));
    }
    let _ = writeln!(out, "  - name: {}", sentence(&format!("{} takes {size} and not a byte more", wish.shown())));
    let _ = writeln!(out, "    tags: [load]");
    let _ = writeln!(out, "    size-limit:\n      {}: {}", wish.method, literal(&wish.path));
    for (key, value) in &wish.keys {
        let value = if matches!(*key, "refused" | "least") { value.clone() } else { literal(value) };
        let _ = writeln!(out, "      {key}: {value}");
    }
    let both = format!("{} bytes are taken, {} are refused", measured.bytes, measured.bytes + 1);
    aside(&mut out, 6, &format!("limit: {size}"), &both);
    if let Some(why) = &measured.not_empty {
        aside(&mut out, 6, "least: 1B", &format!("NOT SO with an empty body, until that is mended or meant: {}", comment(why)));
    }
    if !measured.left_out.is_empty() {
        let _ = writeln!(out, "      framings: [{}]", measured.framings.join(", "));
    }
    to_decide(&mut out, 6, &[("id: $.id", "where its answer names what it took; with `remove`, nothing stays behind:")]);
    let remove = format!("remove: {{ delete: {} }}", scalar(&format!("{}/${{id}}", wish.path.replace("${", "$${"))));
    let _ = writeln!(out, "      # {remove}");
    to_decide(
        &mut out,
        4,
        &[("promises: [size/early]", "there is more: answer-arrives, in-sync, unharmed; see `allclear explain size-limit`")],
    );
    out
}

/// The environment. `load`: the suite holds checks that send bodies, at most so many bytes in all.
pub(super) fn environment(name: &str, place: &Place, load: Option<Size>) -> String {
    let mut out = String::from("# yaml-language-server: $schema=../environment.schema.json\n");
    let about = format!("{}, as it was given to `allclear init`.", place.shown());
    let _ = writeln!(out, "environment: {}\nabout: {}\n", scalar(name), sentence(&about));
    match load {
        Some(upload) => {
            let _ = writeln!(
                out,
                "# `load`, since a limit was measured here: bodies are sent up to it and above. At `read` such checks are skipped."
            );
            let _ = writeln!(out, "allows: load\nhosts: [{}]", literal(place.host()));
            aside(&mut out, 0, &format!("limits: {{ upload: {upload} }}"), "of all checks together, for each run");
            out.push('\n');
        }
        None => {
            let _ = writeln!(out, "# Checks may only read here. To write, load or break takes `allows`, and the host in `hosts`:");
            let _ = writeln!(out, "# allows: write\n# hosts: [{}]\n", literal(place.host()));
        }
    }
    let _ = writeln!(out, "targets:\n  api:\n    url: {}", literal(place.shown()));
    if place.insecure {
        aside(&mut out, 4, "insecure: true", "any certificate will do: told in every report");
    }
    if !place.headers.is_empty() {
        aside(&mut out, 4, "headers:", "never with health and ready: an orchestrator has none");
        for header in &place.headers {
            let _ = writeln!(out, "      {}: {}", scalar(header.name.as_str()), scalar(&header.written));
        }
    }
    if !place.secrets.is_empty() {
        let _ = writeln!(out, "\nsecrets:");
        for name in place.secrets.keys() {
            let _ = writeln!(out, "  {name}: {{ env: {} }}", variable(name));
        }
    }
    out
}

/// What may not stand in any file.
pub(super) fn tells_a_secret<'a>(text: &str, secrets: impl IntoIterator<Item = &'a Secret>) -> bool {
    crate::model::Redactor::new(secrets).finds(text)
}
