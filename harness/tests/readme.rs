//! What the README shows still works: its suite is read as it stands, its mistake is told as it stands, its links lead somewhere.

use allclear::plan::{Inputs, Plan, make};
use allclear::suite::Refused;
use std::fs;
use std::path::Path;

fn readme() -> String {
    fs::read_to_string("../README.md").expect("the README stands beside the packages")
}

/// The fenced blocks of one language, in their order.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    text.split(fence.as_str()).skip(1).filter_map(|rest| Some(rest.split_once("\n```")?.0.to_owned() + "\n")).collect()
}

/// The README's suite, changed, in the README's environment.
fn plan(change: impl Fn(String) -> String) -> Result<Plan, Refused> {
    let blocks = blocks(&readme(), "yaml");
    let [suite, environment] = blocks.as_slice() else { panic!("the README shows one suite and one environment: {blocks:?}") };
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let suites = folder.path().join("suites");
    fs::create_dir_all(suites.join("environments")).expect("a new folder takes folders");
    fs::write(suites.join("shop.suite.yaml"), change(suite.clone())).expect("a new folder takes files");
    fs::write(suites.join("environments/stage.env.yaml"), environment).expect("a new folder takes files");
    let mut inputs = Inputs { paths: vec![suites], environment: Some("stage".into()), ..Inputs::default() };
    inputs.given.vars.push(("sha".into(), "3f9c2ab".into()));
    make(&inputs)
}

#[test]
fn the_suite_of_the_readme_is_read_and_every_clause_is_judged() {
    let plan = plan(|suite| suite).unwrap_or_else(|refused| panic!("{refused}"));
    let clauses: usize = plan.entries.iter().map(|e| e.asked.len()).sum();
    let told = format!("ok: {} suite, {} checks, {clauses} clauses", plan.suites.len(), plan.entries.len());
    assert!(readme().contains(&told), "{told}");
    assert!(plan.entries.iter().all(|e| e.skip.is_none()));
}

#[test]
fn the_mistake_of_the_readme_is_told_as_it_says() {
    let refused = plan(|suite| suite.replace("        within: 500ms", "        wihtin: 500")).expect_err("a misspelt key is refused");
    let told = refused.to_string();
    let from = told.find("suites/shop.suite.yaml").expect("the place is told");
    let problem = told[from..].split("\n\n").next().unwrap_or_default();
    assert!(readme().contains(problem), "the README shows another text than\n{problem}");
}

#[test]
fn the_links_of_the_readme_lead_somewhere() {
    let text = readme();
    let links: Vec<&str> =
        text.split("](").skip(1).filter_map(|rest| Some(rest.split_once(')')?.0)).filter(|l| !l.contains("://")).collect();
    assert!(links.len() > 5, "{links:?}");
    for link in links {
        assert!(Path::new("..").join(link).exists(), "{link}");
    }
}
