//! Plans of small suites: what is selected, what is permitted where, what waits for what. Nothing is ever sent.

use super::{Alone, Inputs, Plan, Selection, list, make, render};
use crate::kind::Scope;
use crate::model::Impact;
use crate::suite::{Given, Meaning};
use std::{collections::BTreeMap, fs, path::Path};

/// Files of a folder, and a plan of them.
fn plan_of(files: &[(&str, &str)], change: impl FnOnce(&mut Inputs, &Path)) -> Result<Plan, String> {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let mut inputs = Inputs { paths: vec![folder.path().to_owned()], ..Inputs::default() };
    change(&mut inputs, folder.path());
    make(&inputs).map_err(|refused| {
        assert!(!refused.reasons.is_empty());
        refused.to_string().replace(&format!("{}/", folder.path().display()), "")
    })
}

fn suite(name: &str, rest: &str) -> String {
    format!("suite: {name}\ntargets: {{ api: {{ url: \"http://127.0.0.1:8080\" }} }}\nchecks:\n{rest}")
}

fn names(plan: &Plan) -> Vec<&str> {
    plan.entries.iter().map(|e| &*e.check.id.name).collect()
}

const FIVE: &str = "
  - { name: login, http: { get: /login }, tags: [smoke] }
  - { name: job made, needs: login, http: { get: /jobs } }
  - { name: job ends, needs: [job made], http: { get: /jobs/1 }, tags: [slow] }
  - { name: version, http: { get: /version }, tags: [smoke, meta] }
  - { name: metrics, http: { get: /metrics }, tags: [meta] }
";

#[track_caller]
fn check_selection(selection: Selection, expected: &[&str]) {
    let plan = plan_of(&[("a.suite.yaml", &suite("a", FIVE))], |i, _| i.selection = selection).unwrap();
    assert_eq!(names(&plan), expected);
}

#[test]
fn selection_takes_what_is_named_and_all_that_it_needs() {
    let words = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
    let none = Selection::default;
    check_selection(none(), &["login", "job made", "job ends", "version", "metrics"]);
    check_selection(Selection { tags: words(&["smoke"]), ..none() }, &["login", "version"]);
    check_selection(Selection { tags: words(&["slow"]), ..none() }, &["login", "job made", "job ends"]);
    check_selection(Selection { skip_tags: words(&["meta", "slow"]), ..none() }, &["login", "job made"]);
    check_selection(Selection { tags: words(&["slow"]), skip_tags: words(&["smoke"]), ..none() }, &["login", "job made", "job ends"]);
    check_selection(Selection { filters: words(&["JOB M"]), ..none() }, &["login", "job made"]);
    check_selection(Selection { filters: words(&["a: version"]), ..none() }, &["version"]);
    check_selection(Selection { filters: words(&["/^m/", "/^version$/"]), ..none() }, &["version", "metrics"]);
}

#[test]
fn shards_are_the_whole_together_and_never_part_what_needs_each_other() {
    let shard = |text: &str| {
        let plan = plan_of(&[("a.suite.yaml", &suite("a", FIVE))], |i, _| i.selection.shard = Some(text.parse().unwrap())).unwrap();
        for entry in &plan.entries {
            assert!(entry.needs.iter().all(|n| *n < plan.entries.len()));
            let needs: Vec<&str> = entry.needs.iter().map(|n| &*plan.entries[*n].check.id.name).collect();
            let written: Vec<&str> = entry.check.needs.iter().map(|(n, _)| &**n).collect();
            assert_eq!(needs, written);
        }
        names(&plan).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(shard("1/2"), ["login", "job made", "job ends"]);
    assert_eq!(shard("2/2"), ["version", "metrics"]);
    assert_eq!(shard("1/2"), shard("1/2"));
}

#[test]
fn an_empty_shard_is_a_plan_that_knows_what_the_others_do() {
    let shard = |text: &str, more: &str| {
        let files = [("a.suite.yaml", suite("a", &format!("{FIVE}{more}")))];
        let files = files.each_ref().map(|(name, text)| (*name, text.as_str()));
        let plan = plan_of(&files, |i, _| i.selection.shard = Some(text.parse().unwrap())).unwrap();
        (plan.entries.len(), plan.elsewhere, plan.suites.len())
    };
    assert_eq!(shard("1/2", ""), (3, 2, 1));
    assert_eq!(shard("4/4", ""), (0, 5, 0));
    // Neither what is skipped nor what is advisory decides anything.
    let more = "  - { name: writes, http: { post: /w } }\n  - { name: nice, severity: advisory, http: { get: /n } }\n";
    assert_eq!(shard("9/9", more), (0, 5, 0));
    let whole = plan_of(&[("a.suite.yaml", &suite("a", FIVE))], |_, _| {}).unwrap();
    assert_eq!((whole.entries.len(), whole.elsewhere), (5, 0));
}

#[test]
fn a_gate_stands_before_everything_on_its_target_in_every_suite_and_shard_but_not_before_what_it_needs() {
    let first = suite("a", "  - { name: warm, http: { get: /warm } }\n  - { name: up, gate: true, needs: warm, http: { get: /health } }\n");
    let second = suite("b", "  - { name: one, http: { get: /1 } }\n  - { name: two, http: { get: /2 } }\n");
    let files = [("a.suite.yaml", first.as_str()), ("b.suite.yaml", &second)];
    let plan = plan_of(&files, |_, _| {}).unwrap();
    let gates: Vec<&[usize]> = plan.entries.iter().map(|e| &*e.gates).collect();
    assert_eq!(gates, [&[] as &[usize], &[], &[1], &[1]]);
    for part in ["1/2", "2/2"] {
        let plan = plan_of(&files, |i, _| i.selection.shard = Some(part.parse().unwrap())).unwrap();
        assert!(names(&plan).contains(&"up"), "{part}: {:?}", names(&plan));
        assert!(plan.entries.iter().all(|e| e.gates.iter().all(|g| &*plan.entries[*g].check.id.name == "up")));
    }
}

const WRITES: &str = "
  - { name: reads, http: { get: /jobs } }
  - { name: writes, http: { post: /jobs } }
  - { name: after, needs: writes, http: { get: /jobs/1 } }
  - { name: cleans up, http: { get: /jobs }, cleanup: [{ delete: /jobs/1 }] }
  - { name: raised, impact: load, http: { get: /big } }
";

/// Which checks run in this environment (`None`: none), and why the others do not.
#[track_caller]
fn check_permit(environment: Option<&str>, runs: &[&str], why: &str) {
    let mut files = vec![("a.suite.yaml", suite("a", WRITES))];
    files.extend(environment.map(|text| ("environments/local.env.yaml", format!("environment: local\n{text}"))));
    let files: Vec<(&str, &str)> = files.iter().map(|(n, t)| (*n, t.as_str())).collect();
    let plan = plan_of(&files, |_, _| {}).unwrap();
    let running: Vec<&str> = plan.entries.iter().filter(|e| e.skip.is_none()).map(|e| &*e.check.id.name).collect();
    assert_eq!(running, runs);
    let skip = plan.entries.iter().find_map(|e| e.skip.as_deref()).unwrap_or_default();
    assert_eq!(skip, why);
    for entry in plan.entries.iter().filter(|e| e.skip.is_none()) {
        assert!(entry.asked.iter().any(|a| a.scope == Scope::Here), "{} would prove nothing", entry.check.id);
    }
}

#[test]
fn above_read_only_where_the_environment_allows_it_and_lists_the_host() {
    let unlisted = "`127.0.0.1` is not in `hosts` of environment `local`, so nothing above `read` is allowed there; this needs `write`";
    check_permit(None, &["reads"], "without an environment file nothing above `read` is allowed; this needs `write`");
    check_permit(Some("allows: disrupt\n"), &["reads"], unlisted);
    check_permit(Some("allows: disrupt\nhosts: [localhost, 127.0.0.2]\n"), &["reads"], unlisted);
    check_permit(Some("hosts: [127.0.0.1]\n"), &["reads"], "environment `local` allows nothing above `read`; this needs `write`");
    check_permit(
        Some("allows: write\nhosts: [127.0.0.1]\n"),
        &["reads", "writes", "after", "cleans up"],
        "environment `local` allows nothing above `write`; this needs `load`",
    );
    check_permit(Some("allows: load\nhosts: [127.0.0.1]\n"), &["reads", "writes", "after", "cleans up", "raised"], "");
}

/// The scopes of a check that starts a program.
fn exec(environment: Option<&str>) -> (Vec<Scope>, Option<String>) {
    let suite = suite("a", "  - name: runs\n    command: { run: [echo, x], stdout: x }\n");
    let mut files = vec![("a.suite.yaml", suite)];
    files.extend(environment.map(|text| ("environments/local.env.yaml", format!("environment: local\n{text}"))));
    let files: Vec<(&str, &str)> = files.iter().map(|(n, t)| (*n, t.as_str())).collect();
    let entry = plan_of(&files, |_, _| {}).unwrap().entries.remove(0);
    (entry.asked.into_iter().map(|a| a.scope).collect(), entry.skip)
}

#[test]
fn a_program_is_started_only_where_the_environment_says_so() {
    assert_eq!(exec(Some("allows-exec: true\n")), (vec![Scope::Here, Scope::Here], None));
    let (scopes, skip) = exec(Some("allows: disrupt\nhosts: [127.0.0.1]\n"));
    let why = "environment `local` does not say `allows-exec: true`, so no program is started";
    assert_eq!((scopes, skip.as_deref()), (vec![Scope::NotHere(why.to_owned()); 2], Some(why)));
    assert_eq!(exec(None).1.as_deref(), Some("without an environment file no program is started"));
}

#[test]
fn a_check_that_must_upload_more_than_is_allowed_is_skipped_before_anything_is_sent() {
    let skipped = |host: &str, limits: &str, limit: &str| {
        let text = format!("  - {{ name: sized, size-limit: {{ post: /uploads, limit: {limit} }} }}\n");
        let suite = suite("a", &text).replace("127.0.0.1", host);
        let environment = format!("environment: local\nallows: load\nhosts: [{host}]\n{limits}");
        let files = [("a.suite.yaml", suite.as_str()), ("environments/local.env.yaml", environment.as_str())];
        plan_of(&files, |_, _| {}).unwrap().entries.remove(0).skip
    };
    let why = |least: &str, most: &str| Some(format!("it uploads at least {least}, and `limits.upload` of environment `local` is {most}"));
    assert_eq!(skipped("127.0.0.1", "", "10GiB"), None);
    assert_eq!(skipped("127.0.0.1", "limits: { upload: 2MiB }\n", "1MiB"), why("2097153B", "2MiB"));
    assert_eq!(skipped("127.0.0.1", "limits: { upload: 3MiB }\n", "1MiB"), None);
    assert_eq!(skipped("api.example", "", "50MiB"), None);
    assert_eq!(skipped("api.example", "", "200MiB"), why("419430401B", "256MiB"));
    assert_eq!(skipped("api.example", "limits: { upload: 1GiB }\n", "200MiB"), None);
}

#[test]
fn what_needs_a_skipped_check_is_skipped_with_the_same_reason() {
    let plan = plan_of(&[("a.suite.yaml", &suite("a", WRITES))], |_, _| {}).unwrap();
    let after = plan.entries.iter().find(|e| &*e.check.id.name == "after").unwrap();
    let why = "without an environment file nothing above `read` is allowed; this needs `write`; it needs `writes`, which is skipped";
    assert_eq!(after.skip.as_deref(), Some(why));
}

#[test]
fn production_cannot_be_reached_by_mistake() {
    let stage = "environment: stage\nallows: disrupt\nhosts: [stage.example.org, \"*.stage.example.org\"]\ntargets: { api: { url: \"${base}\" } }\nvars: { base: \"https://stage.example.org\" }\n";
    let post = "suite: a\nchecks:\n  - { name: writes, http: { post: \"${path}\" } }\nvars: { path: /jobs }\n";
    let skipped = |base: &str, path: &str| {
        let plan = plan_of(&[("a.suite.yaml", post), ("environments/stage.env.yaml", stage)], |i, _| {
            i.environment = Some("stage".to_owned());
            i.given.vars = vec![("base".to_owned(), base.to_owned()), ("path".to_owned(), path.to_owned())];
        });
        plan.unwrap().entries[0].skip.is_some()
    };
    assert!(!skipped("https://stage.example.org", "/jobs"));
    assert!(!skipped("https://STAGE.example.org./v1", "/jobs"));
    assert!(!skipped("https://a.b.stage.example.org:8443", "/jobs"));
    for production in [
        "https://example.org",
        "https://prod.example.org",
        "https://stage.example.org.evil.example",
        "https://evilstage.example.org",
        "https://stage.example.org@prod.example.org",
        "https://prod.example.org\\@stage.example.org",
        "http://127.0.0.1:8080",
        "http://[::1]",
        "http://localhost",
    ] {
        assert!(skipped(production, "/jobs"), "{production} got a write");
        if production.contains("://") && !production.contains('\\') {
            assert!(skipped("https://stage.example.org", &format!("{production}/jobs")), "{production} got a write by an absolute URL");
        }
    }
}

#[test]
fn a_cleanup_that_leads_elsewhere_is_held_to_the_hosts_too() {
    let rest = "
  - { name: own, http: { get: /jobs }, cleanup: [{ delete: /jobs/1 }] }
  - { name: elsewhere, http: { get: /jobs }, cleanup: [{ delete: \"https://prod.example.org/jobs/1\" }] }
";
    let environment = "environment: local\nallows: disrupt\nhosts: [127.0.0.1]\n";
    let plan = plan_of(&[("a.suite.yaml", &suite("a", rest)), ("environments/local.env.yaml", environment)], |_, _| {}).unwrap();
    let skipped: Vec<bool> = plan.entries.iter().map(|e| e.skip.is_some()).collect();
    assert_eq!(skipped, [false, true]);
}

const PROVISIONED: &str = "environment: local
allows: disrupt
provision:
  dependencies:
    db: { embedded: reference-dependency, sets: { db: \"${host}:${port}\" } }
  service: { embedded: reference-service, target: api, args: [\"--db\", \"${db}\"] }
";

#[test]
fn what_this_run_starts_may_be_broken_but_hosts_beside_it_may_not() {
    let rest = "
  - { name: writes, http: { post: /jobs } }
  - { name: elsewhere, http: { post: \"https://prod.example.org/jobs\" } }
";
    let text = format!("suite: a\nchecks:\n{rest}");
    let plan = plan_of(&[("a.suite.yaml", &text), ("environments/local.env.yaml", PROVISIONED)], |_, _| {}).unwrap();
    assert_eq!(plan.entries[0].skip, None);
    assert!(plan.entries[1].skip.as_deref().is_some_and(|why| why.starts_with("`prod.example.org` is not in `hosts`")));
    assert_eq!(plan.aimed_at, "embedded reference-service");
    assert_eq!(&*plan.entries[0].check.target, "api");
}

#[test]
fn a_value_that_a_part_sets_cannot_be_given() {
    let text = "suite: a\nchecks:\n  - { name: reads, http: { get: \"/jobs?db=${db}\" } }\n";
    let files = [("a.suite.yaml", text), ("environments/local.env.yaml", PROVISIONED)];
    let told = plan_of(&files, |i, _| i.given.vars = vec![("db".to_owned(), "prod.example.org:5432".to_owned())]).unwrap_err();
    assert!(told.starts_with("--var db: `db` sets this once it is started, so it cannot be given"), "{told}");
}

/// The value that `${v}` has when each of these layers gives one.
#[track_caller]
fn check_layers(layers: &[&str], expected: &str) {
    let has = |layer: &str| layers.contains(&layer);
    let vars = if has("suite") { "vars: { v: suite }\n" } else { "" };
    let text = format!("{vars}{}", suite("a", "  - { name: reads, about: \"${v}\", http: { get: / } }\n"));
    let environment = if has("environment") { "environment: local\nvars: { v: environment }\n" } else { "environment: local\n" };
    let plan = plan_of(&[("a.suite.yaml", &text), ("environments/local.env.yaml", environment), ("v.yaml", "v: file\n")], |i, folder| {
        i.given = Given {
            vars: if has("flag") { vec![("v".to_owned(), "flag".to_owned())] } else { Vec::new() },
            var_files: if has("file") { vec![folder.join("v.yaml")] } else { Vec::new() },
            process: BTreeMap::from([("ALLCLEAR_VAR_v".to_owned(), "process".to_owned())]).into_iter().filter(|_| has("process")).collect(),
            ..Given::default()
        };
    });
    assert_eq!(plan.unwrap().entries[0].check.about.as_deref(), Some(expected));
}

#[test]
fn the_strongest_giver_of_a_value_wins() {
    check_layers(&["suite"], "suite");
    check_layers(&["suite", "environment"], "environment");
    check_layers(&["suite", "environment", "file"], "file");
    check_layers(&["suite", "environment", "file", "process"], "process");
    check_layers(&["suite", "environment", "file", "process", "flag"], "flag");
}

#[test]
fn a_secret_stays_a_secret_whoever_gives_it() {
    let text = suite("a", "  - { name: reads, http: { get: /, headers: { authorization: \"Bearer ${token}\" } } }\n");
    let environment = "environment: local\nsecrets: { token: { env: TOKEN } }\n";
    let files = [("a.suite.yaml", text.as_str()), ("environments/local.env.yaml", environment)];
    let process = |key: &str, value: &str| BTreeMap::from([(key.to_owned(), value.to_owned())]);
    for given in [
        Given { process: process("TOKEN", "correct-horse-battery"), ..Given::default() },
        Given { process: process("ALLCLEAR_VAR_token", "correct-horse-battery"), ..Given::default() },
        Given { vars: vec![("token".to_owned(), "correct-horse-battery".to_owned())], ..Given::default() },
        Given { secrets: vec![("token".to_owned(), "correct-horse-battery".to_owned())], ..Given::default() },
    ] {
        let plan = plan_of(&files, |i, _| {
            i.given = given;
            i.keep_resolved = true;
        });
        let plan = plan.unwrap();
        assert!(plan.redactor.finds("x correct-horse-battery y"));
        let shown = render(&plan);
        assert!(!shown.contains("correct-horse") && shown.contains("Bearer ${token}"), "{shown}");
    }
    let told = plan_of(&files, |_, _| {}).unwrap_err();
    assert!(told.contains("`${token}` has no value: the environment variable TOKEN is not set"), "{told}");
    let listing = plan_of(&files, |i, _| i.given.listing = true).unwrap();
    assert_eq!(list(&listing).len(), 1);
}

#[test]
fn an_unset_variable_is_no_mistake_for_checks_that_were_not_selected() {
    let text = suite("a", "  - { name: one, http: { get: / } }\n  - { name: two, http: { get: \"/${nobody_sets_this}\" } }\n");
    let files = [("a.suite.yaml", text.as_str())];
    assert!(plan_of(&files, |i, _| i.selection.filters = vec!["one".to_owned()]).is_ok());
    assert!(plan_of(&files, |_, _| {}).is_err());
}

#[test]
fn a_for_each_stands_for_every_combination_with_its_own_needs() {
    let rest = "
  - name: ${service} answers in ${region}
    for-each: { service: [a, b], region: [eu, us] }
    http: { get: \"/${service}/${region}\" }
  - name: ${service} is done
    for-each: [{ service: a }, { service: b }]
    needs: ${service} answers in eu
    tags: [\"of-${service}\"]
    http: { get: \"/${service}\" }
";
    let plan = plan_of(&[("a.suite.yaml", &suite("a", rest))], |_, _| {}).unwrap();
    assert_eq!(names(&plan), ["a answers in eu", "a answers in us", "b answers in eu", "b answers in us", "a is done", "b is done"]);
    assert_eq!((&plan.entries[4].needs[..], &plan.entries[5].needs[..]), (&[0][..], &[2][..]));
    assert_eq!(&*plan.entries[5].check.tags[0], "of-b");
}

#[test]
fn defaults_hold_where_a_check_says_nothing() {
    let text = "suite: a
targets: { api: { url: \"http://127.0.0.1:1\" } }
defaults: { timeout: 7s, tags: [all], headers: { accept: text/plain, x-a: \"1\" } }
checks:
  - { name: one, http: { get: / } }
  - { name: two, timeout: 9s, tags: own, http: { get: /, headers: { Accept: application/json } } }
";
    let plan = plan_of(&[("a.suite.yaml", text)], |i, _| i.keep_resolved = true).unwrap();
    let timeouts: Vec<u64> = plan.entries.iter().map(|e| e.timeout.as_secs()).collect();
    assert_eq!(timeouts, [7, 9]);
    let tags: Vec<Vec<&str>> = plan.entries.iter().map(|e| e.check.tags.iter().map(|t| &**t).collect()).collect();
    assert_eq!(tags, [vec!["all"], vec!["own", "all"]]);
    let shown = render(&plan);
    assert_eq!(shown.matches("text/plain").count(), 1, "{shown}");
    assert_eq!(shown.matches("x-a:").count(), 2, "{shown}");
}

#[test]
fn load_is_alone_on_its_target_and_waiting_checks_get_the_time_they_declare() {
    let rest = "
  - { name: loads, impact: load, http: { get: / } }
  - { name: breaks, impact: disrupt, http: { get: / } }
  - { name: waits, eventually: 2m, http: { get: / } }
";
    let environment = "environment: local\nallows: disrupt\nhosts: [127.0.0.1]\n";
    let plan = plan_of(&[("a.suite.yaml", &suite("a", rest)), ("environments/local.env.yaml", environment)], |_, _| {}).unwrap();
    let alone: Vec<Alone> = plan.entries.iter().map(|e| e.alone).collect();
    assert_eq!(alone, [Alone::OnTarget, Alone::OnStand, Alone::No]);
    assert_eq!(plan.entries[0].asked[0].impact, Impact::Load);
    assert!(plan.entries[0].timeout.as_secs() >= 30 && plan.entries[2].timeout.as_secs() >= 120);
}

#[test]
fn nothing_to_run_and_a_mistake_are_told_apart_and_the_mistake_weighs_more() {
    let meaning = |text: &str| {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.suite.yaml"), text).unwrap();
        let selection = Selection { tags: vec!["nobody".to_owned()], ..Selection::default() };
        make(&Inputs { paths: vec![folder.path().to_owned()], selection, ..Inputs::default() }).unwrap_err().meaning
    };
    assert_eq!(meaning(&suite("a", FIVE)), Meaning::NothingToRun);
    assert_eq!(meaning(&suite("a", &FIVE.replace("needs: login", "needs: logon"))), Meaning::Usage);
}

#[test]
fn ten_thousand_checks_are_planned_and_each_mistake_keeps_its_line() {
    let check = |i: usize| format!("  - name: call {i}\n    http: {{ get: \"/a/{i}\" }}\n");
    let text = |last: &str| {
        format!(
            "suite: a\ntargets: {{ api: {{ url: \"http://127.0.0.1:1\" }} }}\nchecks:\n{}{last}",
            (0..10_000).map(check).collect::<String>()
        )
    };
    let plan = plan_of(&[("a.suite.yaml", &text(""))], |_, _| {}).unwrap();
    assert_eq!(plan.entries.len(), 10_000);
    let told =
        plan_of(&[("a.suite.yaml", &text("  - name: last\n    needs: call 1000000\n    http: { gett: / }\n"))], |_, _| {}).unwrap_err();
    assert!(told.contains("a.suite.yaml:20005:12: needs: no check of this suite is named `call 1000000`"), "{told}");
    assert!(told.contains("a.suite.yaml:20006:13: http: unknown key `gett`"), "{told}");
}

#[test]
fn room_for_what_is_judged_here_is_made_before_anything_is_sent() {
    let many = "sse: { get: /events, fan-out: 1400, drive: { post: /jobs, id: $.id }, identify: { job: $.job } }";
    let rest = format!("\n  - {{ name: many watch, {many} }}\n");
    let soft = || nix::sys::resource::getrlimit(nix::sys::resource::Resource::RLIMIT_NOFILE).unwrap();
    let plan = |allows: &str| {
        let environment = format!("environment: local\nallows: {allows}\nlimits: {{ connections: 5000 }}\n");
        plan_of(&[("a.suite.yaml", &suite("a", &rest)), ("environments/local.env.yaml", &environment)], |_, _| {}).unwrap()
    };
    let crowds = |plan: &Plan| plan.entries[0].check.planning.demands.crowds.clone();
    let judged = plan("load");
    assert_eq!(crowds(&judged).iter().map(|c| (c.connections, c.key)).collect::<Vec<_>>(), [(1464, "fan-out")]);
    let has_room = soft().1 >= 3000;
    assert_eq!(super::make_room(&judged).is_empty(), has_room);
    assert!(!has_room || soft().0 > 1464, "{:?}", soft());
    assert!(super::make_room(&plan("read")).is_empty(), "nobody opens them where they are not judged");
}

const SLOW: &str = "  - { name: slow, time-limit: { get: /health, slow-headers: 10s, idle: 10s } }\n";

#[test]
fn who_may_hold_few_connections_gets_the_time_to_hold_them_one_after_the_other() {
    let timeout = |limits: &str| {
        let environment = format!("environment: local\nallows: load\nhosts: [127.0.0.1]\n{limits}");
        let files = [("a.suite.yaml", &*suite("a", SLOW)), ("environments/local.env.yaml", &environment)];
        plan_of(&files, |_, _| {}).unwrap().entries[0].timeout
    };
    // Nine connections: three ways, three of each.
    let (whole, three, two) = (timeout(""), timeout("limits: { connections: 3 }\n"), timeout("limits: { connections: 2 }\n"));
    assert_eq!(timeout("limits: { connections: 9 }\n"), whole);
    assert!(three > whole * 2 && two > three, "{whole:?} {three:?} {two:?}");
}

#[test]
fn who_may_send_few_requests_in_a_time_gets_the_time_to_send_them_one_after_the_other() {
    let timeout = |limits: &str| {
        let environment = format!("environment: local\nallows: load\nhosts: [127.0.0.1]\n{limits}");
        let sized = "  - { name: sized, size-limit: { post: /uploads, limit: 1MiB } }\n";
        let files = [("a.suite.yaml", &*suite("a", sized)), ("environments/local.env.yaml", &environment)];
        plan_of(&files, |_, _| {}).unwrap().entries[0].timeout.as_secs()
    };
    let (free, slow, slower) = (timeout(""), timeout("limits: { rate: 1/s }\n"), timeout("limits: { rate: 30/m }\n"));
    assert!(slow - free >= 80 && slower - free >= 160, "four framings take some hundred requests: {free} {slow} {slower}");
}

#[test]
fn what_is_cut_in_pieces_and_a_target_of_http2_are_told_before_anything_is_sent() {
    let text = |request: &str| {
        let target = "targets: { api: { url: \"http://127.0.0.1:8080\", http: 2 } }";
        format!("suite: a\n{target}\nchecks:\n  - {{ name: slow, time-limit: {{ {request}, slow-headers: 10s }} }}\n")
    };
    let plan = |request: &str| plan_of(&[("a.suite.yaml", &text(request))], |_, _| {});
    let told = plan("get: /health").unwrap_err();
    assert!(told.contains("target `api` speaks HTTP/2") && told.contains("say `http: 1.1`"), "{told}");
    assert!(plan("get: /health, http: 1.1").is_ok());
}
