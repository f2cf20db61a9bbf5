//! `allclear run`: from flags to the exit code of a run.

use super::ci::{self, Ci};
use super::failure::Failure;
use super::inputs::{inputs, plan};
use super::reports::{self, Wish};
use super::{World, args, inspect, print};
use crate::model::Event;
use crate::plan::{Inputs, Plan, make_room};
use crate::provision::{How, literal};
use crate::report::{self, Console, Reporters, Style, Wanted, inert};
use crate::run::{Interrupt, Options, Session};
use crate::transport::process::end_all;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How often the live line of a terminal is drawn anew.
const LIVE: Duration = Duration::from_millis(100);

/// Runs suites and tells the verdict.
pub(super) fn run(args: &args::Run, world: &World) -> Result<ExitCode, Failure> {
    let folder = reports::default_folder(world, args.out.as_ref());
    let read = args.inputs.paths.iter().chain(&args.inputs.var_files).map(PathBuf::as_path);
    let read: Vec<&Path> = read.chain(args.inputs.env.as_deref().map(Path::new)).collect();
    let mut wishes = if args.dry_run { Vec::new() } else { reports::wishes(&(&args.reports).into(), folder.as_ref(), &read)? };
    let ci = Ci::of(&world.vars).filter(|_| !args.dry_run);
    wishes.extend(ci::annotations(ci, &wishes));
    reports::remove_stale(&wishes)?;
    let mut made = prepare(args, world).inspect_err(|failure| {
        if matches!(failure, Failure::NeverStarted(_) | Failure::NothingToJudge(_)) {
            reports::tell_never_started(&wishes, failure, args.reports.durable);
        }
    })?;
    if args.dry_run {
        let crowded: String = make_room(&made).iter().map(|c| format!("warning: {}\n", inert::line(&c.warning()))).collect();
        return print(crowded + &inspect::lines(&made));
    }
    let style = reports::style(&args.show, world);
    let (trace, ignored) = ci::trace(&world.vars);
    made.warnings.extend(ignored);
    let (mut reporters, unwritable) = open(&made, &wishes, args, style)?;
    if let Some(summary) = ci::summary(ci, &wishes, world) {
        reporters.push(summary, Wanted::Default);
    }
    let options = Options { trace, ..Options::new(folder.map_or_else(|| std::env::temp_dir().join("allclear"), |f| f.path)) };
    carry_out(made, options, reporters, unwritable, style)
}

/// Reads and plans; nothing has been sent.
fn prepare(args: &args::Run, world: &World) -> Result<Plan, Failure> {
    let mut made = plan(&Inputs {
        jobs: args.jobs.map(std::num::NonZeroUsize::get),
        deadline: args.deadline,
        deny_skips: args.deny_skips,
        fail_fast: args.fail_fast,
        ..inputs(&args.inputs, world)?
    })?;
    if !args.service_arg.is_empty() {
        match made.provision.as_mut().map(|p| &mut p.service.how) {
            Some(How::Embedded { args: own, .. }) => own.extend(args.service_arg.iter().map(|arg| literal(arg))),
            Some(How::Process(_)) | None => {
                return Err(Failure::NeverStarted("--service-arg: this environment starts no embedded service".to_owned()));
            }
        }
    }
    Ok(made)
}

/// Opens every report before anything is sent. A default one that cannot be written is only told.
fn open(plan: &Plan, wishes: &[Wish], args: &args::Run, style: Style) -> Result<(Reporters, Vec<String>), Failure> {
    let mut reporters = Reporters::new(plan.redactor.clone());
    let mut told = Vec::new();
    for wish in wishes {
        match report::open(wish.format, &wish.destination, reports::options(&args.reports)) {
            Ok(reporter) => reporters.push(reporter, wish.wanted),
            Err(error) if wish.wanted == Wanted::Default => told.push(error.to_string()),
            Err(error) => return Err(Failure::Harness(format!("{}; nothing was sent", inert::line(&error.to_string())))),
        }
    }
    reporters.screen(Box::new(Console::stderr(style)));
    Ok((reporters, told))
}

fn carry_out(plan: Plan, options: Options, reporters: Reporters, unwritable: Vec<String>, style: Style) -> Result<ExitCode, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::Harness(format!("the runtime cannot start: {e}")))?;
    let interrupt = options.interrupt.clone();
    let listeners = Arc::new(Mutex::new(Some(reporters)));
    let ears = listeners.clone();
    let session = Session::new(Arc::new(plan), options, move |event| hear(&ears, event));
    runtime.block_on(async {
        let signals = tokio::spawn(signals(interrupt));
        let live = style.live.then(|| tokio::spawn(keep_drawing(session.clone(), listeners.clone())));
        for what in unwritable {
            hear(&listeners, Event::Noticed { what });
        }
        session.run_all().await;
        if let Some(live) = live {
            live.abort();
        }
        signals.abort();
    });
    let reporters = listeners.lock().unwrap_or_else(PoisonError::into_inner).take().expect("taken once, here");
    let finished = reporters.finish();
    // Probes of servers that never answer may still hold blocking threads (name resolution): nobody waits for them.
    runtime.shutdown_background();
    let exit = ExitCode::from(finished.exit);
    // The process ends here and the system takes its memory back at once; taking 10,000 checks apart first is time for nothing.
    // Everything that a drop would undo has been undone by `run_all`.
    std::mem::forget((session, finished));
    Ok(exit)
}

fn hear(listeners: &Mutex<Option<Reporters>>, event: Event) {
    if let Some(reporters) = listeners.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
        reporters.take(event);
    }
}

/// Draws what is waited for, until it is aborted.
async fn keep_drawing(session: Arc<Session>, listeners: Arc<Mutex<Option<Reporters>>>) {
    let mut ticks = tokio::time::interval(LIVE);
    loop {
        ticks.tick().await;
        let waiting: Vec<_> = session.waiting().into_iter().filter(|(_, since, _)| *since >= LIVE).map(|(id, _, saw)| (id, saw)).collect();
        if let Some(reporters) = listeners.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            reporters.live(&waiting);
        }
    }
}

/// The first SIGINT, SIGTERM or SIGHUP (the terminal is gone) ends the run in order; a second one ends it at once, and what was started
/// with it. A SIGHUP that this process was told to ignore, as `nohup` does, stays ignored.
#[cfg(unix)]
pub(super) async fn signals(interrupt: Interrupt) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut int), Ok(mut term)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) else { return };
    let mut hangup = if ignores_hangup() { None } else { signal(SignalKind::hangup()).ok() };
    for turn in 0.. {
        let hung_up = async {
            match &mut hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        let (name, code) = tokio::select! {
            _ = int.recv() => ("SIGINT", 130),
            _ = term.recv() => ("SIGTERM", 143),
            _ = hung_up => ("SIGHUP", 129),
        };
        if turn > 0 {
            end_all();
            std::process::exit(code);
        }
        interrupt.raise(name);
    }
}

/// Whether SIGHUP was ignored before we were started, as `/proc` of Linux tells it.
#[cfg(unix)]
fn ignores_hangup() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}
