//! `allclear wait`: looks at URLs until all answer (or all are gone), says what it saw, then becomes the command.

mod look;
mod tale;

use super::args::Wait;
use super::failure::Failure;
use crate::report::writer;
use look::{Goal, Look};
use std::process::ExitCode;
use tale::{Tale, Watched};

/// Waits. The exit code is 0, 1 on timeout, or the command's own.
pub(crate) fn wait(args: &Wait) -> Result<ExitCode, Failure> {
    let goals = args.urls.iter().map(|url| Goal::parse(url, args)).collect::<Result<Vec<_>, _>>().map_err(Failure::NeverStarted)?;
    if args.timeout.is_zero() {
        return Err(Failure::NeverStarted("--timeout 0 can only fail: give the time to wait, for example --timeout 60s".to_owned()));
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::Harness(format!("the runtime cannot start: {e}")))?;
    let tales = runtime.block_on(async {
        let exchange = crate::transport::Exchange::default();
        futures_util::future::join_all(goals.iter().map(|goal| watch(goal, args, &exchange))).await
    });
    drop(runtime);
    let reached = tales.iter().all(|w| w.reached);
    for watched in &tales {
        if !watched.reached || !args.quiet {
            writer::err(&format!("{}\n", watched.last_word(args.gone, args.timeout)));
        }
    }
    if !reached {
        return Ok(ExitCode::from(1));
    }
    match args.command.split_first() {
        None => Ok(ExitCode::SUCCESS),
        Some((program, rest)) => Ok(become_command(program, rest)),
    }
}

/// Looks at one URL until its goal is reached so many times in a row, or the time is up.
async fn watch(goal: &Goal, args: &Wait, exchange: &crate::transport::Exchange) -> Watched {
    let started = tokio::time::Instant::now();
    let end = started + args.timeout;
    let mut tale = Tale::default();
    let mut in_a_row = 0;
    loop {
        let left = end.saturating_duration_since(tokio::time::Instant::now());
        let look = goal.look(exchange, args.look.min(left)).await;
        let counts = match &look {
            Look::There(_) => !args.gone,
            Look::NotThere(_) => args.gone,
            Look::Unknown(_) => false,
        };
        tale.add(look, started.elapsed());
        in_a_row = if counts { in_a_row + 1 } else { 0 };
        let reached = in_a_row >= args.successes.get();
        let next = tokio::time::Instant::now() + args.interval;
        if reached || next >= end {
            return Watched { url: goal.shown().to_owned(), reached, took: started.elapsed(), tale };
        }
        tokio::time::sleep_until(next).await;
    }
}

/// Replaces this process, so that signals and the exit code are the command's own.
#[cfg(unix)]
#[expect(clippy::disallowed_methods, reason = "this process becomes the command: nothing is spawned that would have to be watched")]
fn become_command(program: &std::ffi::OsStr, rest: &[std::ffi::OsString]) -> ExitCode {
    use std::os::unix::process::CommandExt as _;
    let error = std::process::Command::new(program).args(rest).exec();
    writer::err(&format!("allclear wait: cannot start `{}`: {error}\n", program.to_string_lossy()));
    // 126 and 127 are what shells answer for these two.
    ExitCode::from(if error.kind() == std::io::ErrorKind::NotFound { 127 } else { 126 })
}
