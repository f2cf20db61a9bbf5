//! Real programs: those that end well, and those with just one flaw.

use crate::checks::command::{Command, Observation};
use crate::kind::testing::{context, round, spec, told};
use crate::kind::{CheckKind as _, Round};
use crate::transport::process::started;
use std::num::NonZeroU32;
use std::time::Duration;

const ALL: &[&str] = &["command/exit", "command/stdout", "command/stderr", "command/within"];

async fn run(yaml: &str) -> Result<(Vec<String>, Observation), String> {
    let kind = spec::<Command>(yaml);
    let mut seen = Observation::default();
    let cx = context("127.0.0.1:1".parse().expect("an address"));
    kind.probe(&round::<Command>(ALL), &cx, &mut seen).await.map_err(|e| e.0)?;
    Ok((told(&kind.judge(&seen)), seen))
}

#[track_caller]
fn shell(script: &str, more: &str) -> String {
    format!("{{ run: [/bin/sh, -c, {script:?}]{more} }}")
}

async fn check(script: &str, more: &str, expected: &[&str]) {
    let (told, seen) = run(&shell(script, more)).await.expect("a shell is there");
    let fits = told.len() == expected.len() && told.iter().zip(expected).all(|(t, e)| t.starts_with(e));
    assert!(fits, "{script}: {told:?}, {seen:?}");
}

#[tokio::test]
async fn the_exit_code_is_declared_and_another_one_is_proof() {
    check("exit 0", "", &["held"]).await;
    check("exit 3", "", &["proof exit code 3"]).await;
    check("exit 3", ", exit: [0, 3]", &["held"]).await;
    check("exit 0", ", exit: 3", &["proof exit code 0"]).await;
    check("kill -9 $$", "", &["proof ended by signal 9"]).await;
}

#[tokio::test]
async fn output_is_held_without_its_last_line_end() {
    check("echo all is well", ", stdout: all is well", &["held", "held"]).await;
    check("printf 'all is well'", ", stdout: { contains: is }", &["held", "held"]).await;
    check("echo all is lost", ", stdout: { contains: well }", &["held", "proof "]).await;
    check("echo 5", ", stdout: { equals: 5 }", &["held", "held"]).await;
    check("echo oops >&2", ", stderr: absent", &["held", "proof "]).await;
    check("echo fine", ", stderr: absent", &["held", "held"]).await;
    check("exit 0", ", stdout: present", &["held", "proof "]).await;
    check(r"printf '\377'", ", stdout: x", &["held", "proof no text"]).await;
}

#[tokio::test]
async fn a_flood_is_read_to_its_end_and_not_judged_beyond_what_is_kept() {
    let (told, seen) = run(&shell("head -c 3000000 /dev/zero", ", stdout: { contains: x }")).await.expect("a shell is there");
    assert_eq!(told, ["held", "unsure it wrote 3000000 bytes, of which not all could be kept"]);
    assert!(serde_json::to_string(&seen).expect("an observation is JSON").len() < 64 * 1024);
}

#[tokio::test]
async fn a_program_that_does_not_end_is_ended_with_all_that_it_started() {
    let yaml = shell("sleep 1000 & echo $!; wait", ", wait: 300ms, within: 100ms, stdout: x");
    let (told, seen) = run(&yaml).await.expect("a shell is there");
    assert_eq!(told, ["counted 1+0/1 once", "unseen it did not end by itself: command/exit tells why", "counted 1+0/1 once"]);
    let grandchild: u32 = seen.runs[0].stdout.head.trim().parse().expect("the shell told it");
    // SIGKILL is on its way; the kernel is given 5 s to act on it.
    for _ in 0..500 {
        if started(grandchild).is_none() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the grandchild {grandchild} still runs");
}

#[tokio::test]
async fn a_program_whose_children_hold_its_output_open_has_ended_all_the_same() {
    check("sleep 2 & exit 0", ", within: 1900ms", &["held", "held"]).await;
}

#[tokio::test]
async fn it_gets_its_variables_and_its_folder_and_no_shell_reads_its_words() {
    check("echo $COLOUR; pwd", ", env: { COLOUR: blue }, cwd: /, stdout: \"blue\\n/\"", &["held", "held"]).await;
    check("echo ${HOME-none}", ", env: { HOME: null }, stdout: none", &["held", "held"]).await;
    check("echo $ALLCLEAR_TARGET", ", stdout: 'http://127.0.0.1:1/'", &["held", "held"]).await;
    let (told, seen) = run("{ run: [echo, $HOME, 'a b'], stdout: '$HOME a b' }").await.expect("echo is there");
    assert_eq!((told.len(), seen.runs[0].shown.as_str()), (2, "echo '$HOME' 'a b'"));
    assert!(told.iter().all(|t| t == "held"), "{told:?}");
}

#[tokio::test]
async fn a_program_that_is_not_there_is_the_harness_s_trouble_and_is_named() {
    let error = run("{ run: /nowhere/at/all }").await.expect_err("there is no such program");
    assert!(error.starts_with("`/nowhere/at/all` could not be run: "), "{error}");
    let error = run("{ run: [pwd], cwd: /nowhere }").await.expect_err("there is no such folder");
    assert!(error.starts_with("`pwd` could not be run in `/nowhere`: "), "{error}");
}

#[tokio::test]
async fn only_what_may_be_repeated_is_run_again() {
    for (more, runs) in [("", 1), (", repeatable: true", 6)] {
        let kind = spec::<Command>(&shell("exit 0", more));
        let (mut seen, first) = (Observation::default(), round::<Command>(ALL));
        let cx = context("127.0.0.1:1".parse().expect("an address"));
        kind.probe(&first, &cx, &mut seen).await.expect("a shell is there");
        let again = Round { number: 1, samples: NonZeroU32::new(5), ..first };
        kind.probe(&again, &cx, &mut seen).await.expect("a shell is there");
        assert_eq!(seen.runs.len(), runs);
    }
}
