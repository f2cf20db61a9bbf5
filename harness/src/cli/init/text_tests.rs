//! Whatever was seen, the files that tell it are read without a mistake; also once all that is left to decide is decided.

use super::super::World;
use super::super::failure::Failure;
use super::claims::{Claim, Claims};
use super::edge::{Edge, Measured};
use super::facts::Fact;
use super::files::Draft;
use super::place::{Header, Place};
use super::text;
use super::wish::Wish;
use crate::model::{Secret, Size};
use crate::plan::Plan;
use std::collections::BTreeMap;
use std::time::Duration;

fn claim(path: &str, facts: Vec<Fact>) -> Claim {
    Claim {
        path: path.to_owned(),
        status: 200,
        media_type: Some("application/json".to_owned()),
        facts,
        others: vec!["uptime".to_owned()],
        has_growth_gauges: true,
        looks: 3,
        fastest: Duration::from_micros(900),
        slowest: Duration::from_millis(2),
    }
}

fn everything() -> Claims {
    let fact = |name: &str| Fact::There(name.to_owned());
    Claims {
        live: Some(claim(
            "/health",
            vec![Fact::Word("status".to_owned(), "on line: \"yes\" ${x}".to_owned()), Fact::True("ok".to_owned())],
        )),
        ready: Some(Claim { status: 204, ..claim("/ready?a=1&b=${c}", vec![Fact::Text("OK".to_owned())]) }),
        build: Some(claim("/version", vec![fact("git_sha"), fact("version")])),
        metrics: Some(claim("/metrics", vec![Fact::Text("# TYPE ".to_owned())])),
        notes: vec![("/up".to_owned(), "redirects to /\n- name: forged".to_owned())],
    }
}

fn edges() -> Vec<(Wish, Edge)> {
    let wish = |text: &str| Wish::read(text).expect("well formed");
    let measured = |bytes, not_empty: Option<&str>, left_out: &[&str]| {
        Edge::Measured(Measured {
            bytes,
            summary: "accepts what it says\nrefuses the rest".to_owned(),
            framings: vec!["content-length".to_owned()],
            not_empty: not_empty.map(str::to_owned),
            left_out: left_out.iter().map(|f| ((*f).to_owned(), "411".to_owned())).collect(),
        })
    };
    vec![
        (wish("POST /uploads"), measured(1 << 20, None, &[])),
        (
            wish("PUT /files/${x} field=file refused=400 type=image/png"),
            measured(1_048_577, Some("expected 2xx,\n  got 400"), &["chunked", "tiny-chunks"]),
        ),
        (wish("POST /nothing"), Edge::Unknown { why: "no body was refused, up to 1GiB".to_owned() }),
    ]
}

fn place() -> Place {
    let header = Header {
        name: "authorization".parse().expect("a header name"),
        written: "Bearer ${api_token}".to_owned(),
        value: "Bearer 0123456789".parse().expect("a header value"),
    };
    Place {
        url: "http://127.0.0.1:8931/base/".parse().expect("a URL"),
        insecure: true,
        headers: vec![header],
        secrets: BTreeMap::from([("api_token".to_owned(), Secret::new("0123456789"))]),
    }
}

/// The plan of these texts, or everything that is wrong with them.
fn plan(suite: String, environment: String) -> Result<Plan, String> {
    let world = World { args: Vec::new(), vars: BTreeMap::new(), stdout_is_terminal: false, stderr_is_terminal: false, width: None };
    let make = |inputs: &_| crate::plan::make(inputs).map_err(|refused| Failure::NeverStarted(refused.to_string()));
    Draft { suite, environment }.plan("shop", &place(), &world, make).map_err(|failure| failure.to_string())
}

/// The text with every key that stands behind a `#` put in force.
fn decided(text: &str) -> String {
    let is_key = |line: &str| {
        let word = line.trim_start().strip_prefix("# ").and_then(|rest| rest.split(' ').next()).unwrap_or_default();
        word.starts_with(|c: char| c.is_ascii_lowercase()) && word.ends_with(':') && word != "yaml-language-server:"
    };
    text.lines().map(|line| if is_key(line) { line.replacen("# ", "", 1) } else { line.to_owned() } + "\n").collect()
}

#[test]
fn everything_that_can_be_seen_makes_files_without_a_mistake() {
    let suite = text::suite("shop", &everything(), &edges());
    let environment = text::environment("shop", &place(), Some(Size(256 << 20)));
    let plan = plan(suite.clone(), environment).unwrap_or_else(|told| panic!("{told}\n{suite}"));
    assert_eq!(plan.entries.len(), 6);
    assert!(suite.starts_with("# yaml-language-server: $schema=./suite.schema.json\n"));
    assert!(suite.lines().all(|line| !line.trim_start().starts_with("- name: forged")), "{suite}");
}

#[test]
fn what_is_left_to_decide_holds_once_it_is_decided() {
    let (suite, environment) = (text::suite("shop", &everything(), &edges()), text::environment("shop", &place(), None));
    let (more, allowed) = (decided(&suite), decided(&environment));
    assert!(more.matches("\n      within: ").count() >= 2 && allowed.contains("\nallows: write\nhosts: "), "{more}\n{allowed}");
    let plan = plan(more.clone(), allowed.replace("allows: write", "allows: load")).unwrap_or_else(|told| panic!("{told}\n{more}"));
    assert_eq!(plan.entries.len(), 6);
}

#[test]
fn a_check_that_would_be_skipped_or_a_secret_that_would_be_told_is_a_mistake_of_ours() {
    let suite = text::suite("shop", &everything(), &edges());
    let told = plan(suite, text::environment("shop", &place(), None)).expect_err("bodies are not allowed");
    assert!(told.contains("would be skipped") && told.contains("a mistake of allclear init"), "{told}");
    let told = plan("# 0123456789\n".to_owned(), String::new()).expect_err("a secret");
    assert!(told.contains("a secret stands in") && !told.contains("0123456789"), "{told}");
}
