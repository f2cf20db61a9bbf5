//! `allclear wait`: looks at URLs until all answer (or all are gone), says what it saw, then becomes the command.

mod look;
mod progress;
mod tale;

use super::World;
use super::args::Wait;
use super::failure::Failure;
use crate::report::writer;
use crate::transport::Exchange;
use look::{Goal, Look};
use progress::Progress;
use std::process::ExitCode;
use std::time::Duration;
use tale::{Ended, Tale, Watched};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// A look that the end cuts shorter than this says nothing about the service.
const FAIR_LOOK: Duration = Duration::from_secs(1);

/// Waits. The exit code is 0, 1 on timeout, the command's own, or that of a signal.
pub(crate) fn wait(args: &Wait, world: &World) -> Result<ExitCode, Failure> {
    let goals = args.urls.iter().map(|url| Goal::parse(url, args)).collect::<Result<Vec<_>, _>>().map_err(Failure::NeverStarted)?;
    if args.timeout.is_zero() {
        return Err(Failure::NeverStarted("--timeout 0 can only fail: give the time to wait, for example --timeout 60s".to_owned()));
    }
    if args.look.is_zero() {
        return Err(Failure::NeverStarted("--look 0 can see nothing: give the time for one look, for example --look 5s".to_owned()));
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::Harness(format!("the runtime cannot start: {e}")))?;
    let (watched, signal) = runtime.block_on(all(&goals, args, world));
    // A name that is still being resolved holds a thread: nobody waits for it.
    runtime.shutdown_background();
    let reached = watched.iter().all(|w| w.ended == Ended::Reached);
    for watched in &watched {
        if watched.ended != Ended::Reached || !args.quiet {
            writer::err(&format!("{}\n", watched.last_word(args.gone, args.timeout)));
        }
    }
    if let Some(code) = signal {
        return Ok(ExitCode::from(code));
    }
    if !reached {
        return Ok(ExitCode::from(1));
    }
    match args.command.split_first() {
        None => Ok(ExitCode::SUCCESS),
        Some((program, rest)) => Ok(become_command(program, rest)),
    }
}

/// Watches all of them at once; a signal ends every watch, and is the exit code.
async fn all(goals: &[Goal], args: &Wait, world: &World) -> (Vec<Watched>, Option<u8>) {
    let exchange = Exchange::default();
    let over = CancellationToken::new();
    let progress = Progress::new(goals.iter().map(Goal::shown), args, world);
    let watches = goals.iter().enumerate().map(|(i, goal)| watch(i, goal, args, &exchange, &progress, &over));
    let watches = futures_util::future::join_all(watches);
    tokio::pin!(watches);
    let mut caught = None;
    let watched = tokio::select! {
        watched = &mut watches => watched,
        never = progress.keep_telling() => match never {},
        code = signal() => {
            caught = Some(code);
            over.cancel();
            watches.await
        }
    };
    progress.clear();
    (watched, caught)
}

/// Looks at one URL until its goal is reached so many times in a row, the time is up, or all is over.
async fn watch(i: usize, goal: &Goal, args: &Wait, exchange: &Exchange, progress: &Progress<'_>, over: &CancellationToken) -> Watched {
    let started = Instant::now();
    // A thousand days: adding it to now never overflows.
    let end = started + args.timeout.min(Duration::from_secs(1000 * 86_400));
    let mut tale = Tale::default();
    let mut in_a_row = 0;
    let ended = loop {
        let left = end.saturating_duration_since(Instant::now());
        let looked = tokio::select! {
            biased;
            () = over.cancelled() => break Ended::Interrupted,
            look = goal.look(exchange, args.look.min(left)) => look,
        };
        let counts = match &looked {
            Look::There(_) => !args.gone,
            Look::NotThere(_) | Look::Silent { accepted: false, .. } => args.gone,
            // A server that hangs is neither there nor gone.
            Look::Silent { accepted: true, .. } | Look::Unknown(_) => false,
        };
        in_a_row = if counts { in_a_row + 1 } else { 0 };
        let is_cut_short = matches!(looked, Look::Silent { .. }) && left < args.look.min(FAIR_LOOK);
        if !is_cut_short || tale.is_empty() {
            progress.saw(i, &looked, started.elapsed());
            tale.add(looked, started.elapsed());
        } else {
            // Nor does it say that the service is gone.
            break Ended::TimeUp;
        }
        if in_a_row >= args.successes.get() {
            break Ended::Reached;
        }
        let now = Instant::now();
        // The last look comes shortly before the end, however long the interval is.
        let last = end.checked_sub((args.timeout / 10).min(Duration::from_millis(500))).unwrap_or(end);
        let next = match now + args.interval.min(args.timeout) {
            next if next < end => next,
            _ if now < last => last,
            _ => break Ended::TimeUp,
        };
        tokio::select! {
            () = over.cancelled() => break Ended::Interrupted,
            () = tokio::time::sleep_until(next) => {}
        }
    };
    Watched { url: goal.shown().to_owned(), ended, took: started.elapsed(), tale }
}

/// The exit code of the first signal that asks us to stop.
#[cfg(unix)]
async fn signal() -> u8 {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut int), Ok(mut term)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = int.recv() => 130,
        _ = term.recv() => 143,
    }
}

/// Replaces this process, so that signals and the exit code are the command's own.
#[cfg(unix)]
#[expect(clippy::disallowed_methods, reason = "this process becomes the command: nothing is spawned that would have to be watched")]
fn become_command(program: &std::ffi::OsStr, rest: &[std::ffi::OsString]) -> ExitCode {
    use std::os::unix::process::CommandExt as _;
    let error = std::process::Command::new(program).args(rest).exec();
    let shown = program.to_string_lossy();
    writer::err(&format!("allclear wait: cannot start `{}`: {error}\n", crate::report::inert::line(&shown)));
    // 126 and 127 are what shells answer for these two.
    ExitCode::from(if error.kind() == std::io::ErrorKind::NotFound { 127 } else { 126 })
}
