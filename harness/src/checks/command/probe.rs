//! Runs the program and holds its output against the matchers while it is at hand. The only I/O of `command`.

use super::child::{Output, Program, run};
use super::judge::{Miss, Observation, Run};
use super::spec::Spec;
use super::table::{EXIT, STDERR, STDOUT};
use crate::kind::{Context, ProbeError, Round};
use crate::model::{ClauseId, Excerpt};
use crate::reader::Sp;
use crate::words::{Answered, BodyExpectation, Encode, Expect, Matcher, Part, Rendered, Text};
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;

#[cfg(test)]
mod tests;

/// Most bytes of each output that an observation keeps.
const SHOWN: usize = 4 * 1024;

pub(super) async fn probe(spec: &Spec, round: &Round, cx: &Context, seen: &mut Observation) -> Result<(), ProbeError> {
    if round.number > 0 && !spec.is_repeatable() {
        return Ok(());
    }
    for _ in 0..round.samples_or(1) {
        let run = once(spec, cx).await?;
        cx.saw(run.how());
        seen.runs.push(run);
        if seen.runs.iter().filter(|r| r.is_bad(&spec.codes())).count() >= round.enough_bad.max(1) as usize {
            break;
        }
    }
    Ok(())
}

async fn once(spec: &Spec, cx: &Context) -> Result<Run, ProbeError> {
    let render = |text: &Sp<Text>| -> Result<Rendered, ProbeError> {
        text.value.render(cx.values(), Encode::Raw).map_err(|e| ProbeError(e.to_string()))
    };
    let words = spec.run.iter().map(render).collect::<Result<Vec<_>, _>>()?;
    let [program, args @ ..] = words.as_slice() else { return Err(ProbeError("no program is named".to_owned())) };
    let mut env = vec![
        ("ALLCLEAR_TARGET".to_owned(), Some(cx.target().base.url.to_string())),
        ("ALLCLEAR_RUN".to_owned(), Some(cx.run_id().to_owned())),
    ];
    for (name, value) in &spec.env {
        env.push((name.clone(), value.as_ref().map(|v| render(v).map(|r| r.wire)).transpose()?));
    }
    let cwd = spec.cwd.as_ref().map(|cwd| render(cwd).map(|r| PathBuf::from(r.wire))).transpose()?;
    let shown = words.iter().map(|word| quoted(&word.shown)).collect::<Vec<_>>().join(" ");
    let started =
        Program { path: located(&program.wire)?, args: args.iter().map(|arg| arg.wire.clone().into()).collect(), env, cwd: cwd.clone() };
    let timed = cx.stopwatch().time(run(&started, spec.wait())).await;
    let done = timed.value.map_err(|error| {
        let place = cwd.map(|cwd| format!(" in `{}`", cwd.display())).unwrap_or_default();
        ProbeError(format!("`{}` could not be run{place}: {error}", program.shown))
    })?;
    let mut run = Run {
        shown,
        code: done.status.and_then(|s| s.code()),
        signal: done.status.and_then(|s| s.signal()),
        has_ended: done.status.is_some(),
        took: timed.took,
        stdout: excerpt(&done.stdout),
        stderr: excerpt(&done.stderr),
        ..Run::default()
    };
    for (clause, matcher, output) in [(STDOUT, &spec.stdout, &done.stdout), (STDERR, &spec.stderr, &done.stderr)] {
        let Some(matcher) = matcher else { continue };
        if output.is_whole() {
            run.misses.extend(misses(clause, matcher, output, cx)?);
        } else {
            run.cut.push(clause.0.to_owned());
        }
    }
    Ok(run)
}

fn excerpt(output: &Output) -> Excerpt {
    let mut excerpt = Excerpt::of(&output.kept, SHOWN);
    excerpt.len = output.len;
    excerpt
}

/// A matcher is held against an output as against the body of an answer: the same words, the same messages.
fn misses(clause: ClauseId, matcher: &Sp<Matcher>, output: &Output, cx: &Context) -> Result<Vec<Miss>, ProbeError> {
    let body = BodyExpectation { matcher: Some(matcher.value.clone()), max_size: None, sha256: None, at: matcher.at };
    let mut expect = Expect::default();
    expect.body = Some(body);
    let judged = expect.judge(&Answered::new(200, &[], output.text()), cx.values()).map_err(|e| ProbeError(e.to_string()))?;
    let name = if clause == STDOUT { "standard output" } else { "standard error" };
    let told = |text: String| text.strip_prefix("body ").map_or_else(|| text.clone(), |rest| format!("{name} {rest}"));
    let of_body = judged.into_iter().filter(|miss| miss.part == Part::Body);
    Ok(of_body
        .map(|miss| Miss {
            clause: clause.0.to_owned(),
            expected: told(miss.expected),
            observed: told(miss.observed.replace("the body", &format!("its {name}"))),
            at: [miss.at.line, miss.at.column, miss.at.start, miss.at.len],
        })
        .collect())
}

/// A path with a slash is one from the folder of the run, whatever `cwd` says; a bare name is looked for in `PATH`.
fn located(program: &str) -> Result<PathBuf, ProbeError> {
    match program.contains('/') {
        true => std::path::absolute(program).map_err(|error| ProbeError(format!("`{program}`: {error}"))),
        false => Ok(program.into()),
    }
}

/// A word as a shell reads it.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

impl Run {
    /// What makes a further run of no use.
    fn is_bad(&self, codes: &[i32]) -> bool {
        !self.has_ended || !self.code.is_some_and(|code| codes.contains(&code)) || self.misses.iter().any(|m| m.clause != EXIT.0)
    }
}
