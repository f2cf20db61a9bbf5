//! One run of a plan: outcomes on demand, each computed once, with everything that they wait for.

use super::attempt::{Attempt, Terms, panic_text};
use super::cleanup::{self, Budget, Owed};
use super::interrupt::Interrupt;
use super::order::{Company, Order, Place};
use super::self_watch::SelfWatch;
use super::tell::Teller;
use super::world::World;
use super::{clock, id, world, write};
use crate::kind::{Context, Job, Jobs, Setting, Stalls, Stopwatch, TraceParent};
use crate::model::event::{RunEnd, RunInfo};
use crate::model::quantity::show_duration;
use crate::model::{CheckId, Event, Outcome, Severity, Verdict};
use crate::plan::{Alone, Crowded, Entry, Plan, make_room};
use crate::transport::Exchange;
use crate::words::Values;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared, join_all};
use std::collections::{BTreeMap, HashMap};
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};
use tokio::sync::{OnceCell, watch};
use tokio_util::sync::CancellationToken;

/// What a session is given beside its plan.
#[derive(Clone, Debug)]
pub struct Options {
    /// Raised from outside to end the run in order.
    pub interrupt: Interrupt,
    /// The executable that plays the embedded parts. Default: this one.
    pub executable: Option<PathBuf>,
    /// Where it is written down what was started, so that the next run can sweep what a SIGKILL of this one leaves.
    pub leases: PathBuf,
    /// The trace that every request belongs to. `None`: each is one of its own.
    pub trace: Option<TraceParent>,
}

impl Options {
    /// Options with every default: lease files lie in `folder/leases`.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { interrupt: Interrupt::default(), executable: None, leases: folder.into().join("leases"), trace: None }
    }
}

/// A run of a plan.
pub struct Session {
    plan: Arc<Plan>,
    options: Options,
    /// The checks that need more open files than this machine allows.
    crowded: Vec<Crowded>,
    order: Order,
    slots: Vec<OnceLock<Pending>>,
    company: Option<Company>,
    jobs: Jobs,
    run: Arc<str>,
    exchange: Exchange,
    stopwatch: Stopwatch,
    teller: Arc<Teller>,
    world: OnceCell<Arc<World>>,
    /// The case "the service starts" is told once, however many stands it does not start on.
    told_broken: AtomicBool,
    /// The case "the stand is well again", where the common one is not.
    unwell: OnceLock<Outcome>,
    /// What could not be undone or stopped on stands of single checks.
    left: Mutex<Vec<String>>,
    begun: OnceLock<Begun>,
    over: CancellationToken,
    is_late: Arc<AtomicBool>,
    failed: OnceLock<CheckId>,
    waiting: Mutex<BTreeMap<usize, (Instant, watch::Receiver<String>)>>,
    owed: Mutex<Vec<Owed>>,
    undo: OnceLock<Budget>,
}

/// An outcome that comes. May be cloned, awaited from several places, and dropped; it is computed once.
type Pending = Shared<BoxFuture<'static, Arc<Finished>>>;

/// A check that is decided.
struct Finished {
    /// Its outcome, masked.
    outcome: Arc<Outcome>,
    /// What it and all that it needs have captured.
    values: Values,
}

/// Everything that a check holds while it runs.
struct Turn {
    world: Arc<World>,
    values: Values,
    _place: Option<Place>,
    job: Held,
}

/// A job that ends with the turn: contexts outlive it where clean-up is owed.
struct Held(Arc<Job>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.leave();
    }
}

/// The longest timeout: a thousand days, so that adding it to now never overflows.
const FOREVER: Duration = Duration::from_secs(1000 * 86_400);

struct Begun {
    at: Instant,
    ends: Option<tokio::time::Instant>,
    watch: Mutex<Option<SelfWatch>>,
    timer: tokio::task::JoinHandle<()>,
}

impl Session {
    /// A session that has sent nothing yet. Events go to `sink`, in order, masked.
    pub fn new(plan: Arc<Plan>, options: Options, sink: impl FnMut(Event) + Send + 'static) -> Arc<Self> {
        let order = Order::of(&plan);
        Arc::new(Self {
            slots: plan.entries.iter().map(|_| OnceLock::new()).collect(),
            company: Company::of(&plan, &order),
            order,
            // Before anything is started: what is started inherits it.
            crowded: make_room(&plan),
            jobs: Jobs::new(plan.jobs),
            run: id::fresh().into(),
            exchange: world::exchange(&plan.limits),
            stopwatch: Stopwatch::new(Arc::new(Stalls::default())),
            teller: Arc::new(Teller::new(plan.redactor.clone(), Box::new(sink))),
            world: OnceCell::new(),
            told_broken: AtomicBool::new(false),
            unwell: OnceLock::new(),
            left: Mutex::default(),
            begun: OnceLock::new(),
            over: CancellationToken::new(),
            is_late: Arc::default(),
            failed: OnceLock::new(),
            waiting: Mutex::default(),
            owed: Mutex::default(),
            undo: OnceLock::new(),
            plan,
            options,
        })
    }

    /// The outcome of one check of the plan. What it needs, and the gates of its target, are pulled with it.
    ///
    /// # Panics
    /// If the plan has no such entry, or outside of a tokio runtime.
    pub async fn outcome(self: &Arc<Self>, index: usize) -> Arc<Outcome> {
        self.finished(index).await.outcome.clone()
    }

    /// Runs every check, undoes everything, and says how the run ended. Every check has an outcome then, whatever happened.
    pub async fn run_all(self: &Arc<Self>) -> RunEnd {
        self.begin();
        let tasks: Vec<_> = (0..self.plan.entries.len()).map(|i| tokio::spawn(self.finished(i))).collect();
        for task in tasks {
            // A check's own panic is caught inside; a task itself has nothing that could.
            let _ = task.await;
        }
        self.finish().await
    }

    /// Undoes everything and says how the run ended. For callers that demand single outcomes; `run_all` does it itself.
    pub async fn finish(&self) -> RunEnd {
        let begun = self.begin();
        // The checks may have met the deadline a moment before the timer did.
        let is_late = begun.ends.is_some_and(|end| tokio::time::Instant::now() >= end) || self.is_late.load(Ordering::Relaxed);
        let undo = self.undo();
        let owed = std::mem::take(&mut *self.owed.lock().expect("no panic while clean-up is noted"));
        for note in cleanup::all(owed.into_iter().rev(), undo).await {
            self.teller.notice(note);
        }
        let mut left = std::mem::take(&mut *self.left.lock().expect("no panic while it is noted what is left"));
        if let Some(world) = self.world.get() {
            left.extend(world.stop(undo.left()).await);
        }
        begun.timer.abort();
        begun.watch.lock().expect("no panic while the watch is held").take();
        let end = RunEnd {
            took: self.stopwatch.since(begun.at).hi,
            interrupted: self.options.interrupt.signal().map(str::to_owned),
            out_of_time: is_late,
            left,
            shrunk: self.shrunk(),
        };
        self.teller.tell(Event::RunFinished(end.clone()));
        end
    }

    /// The checks that run now, since when, and what each last saw: for a live line.
    #[must_use]
    pub fn waiting(&self) -> Vec<(CheckId, Duration, String)> {
        let waiting = self.waiting.lock().expect("no panic while live lines are held");
        let line = |(i, (since, saw)): (&usize, &(Instant, watch::Receiver<String>))| {
            (self.plan.entries[*i].check.id.clone(), self.stopwatch.since(*since).hi, saw.borrow().clone())
        };
        waiting.iter().map(line).collect()
    }

    /// The last lines that a part of the provisioned world wrote.
    #[must_use]
    pub fn last_lines(&self, part: &str) -> Vec<String> {
        self.world.get().and_then(|w| w.provisioned.as_ref()).map(|p| p.last_lines(part)).unwrap_or_default()
    }

    /// The unique id of this run.
    #[must_use]
    pub fn run_id(&self) -> &str {
        &self.run
    }

    fn finished(self: &Arc<Self>, index: usize) -> Pending {
        let session = self;
        self.slots[index]
            .get_or_init(|| {
                let session = session.clone();
                session.decide(index).boxed().shared()
            })
            .clone()
    }

    /// Tells the head of the run, starts the self-watch and the clock of the deadline; once.
    fn begin(&self) -> &Begun {
        let mut is_first = false;
        let begun = self.begun.get_or_init(|| {
            is_first = true;
            let ends = self.plan.deadline.map(|d| tokio::time::Instant::now() + d);
            let (over, interrupt, is_late) = (self.over.clone(), self.options.interrupt.clone(), self.is_late.clone());
            let timer = tokio::spawn(async move {
                match ends {
                    Some(end) => tokio::select! {
                        () = interrupt.raised() => {}
                        () = tokio::time::sleep_until(end) => is_late.store(true, Ordering::Relaxed),
                    },
                    None => interrupt.raised().await,
                }
                over.cancel();
            });
            Begun { at: self.stopwatch.now(), ends, watch: Mutex::new(None), timer }
        });
        if is_first {
            self.teller.started(self.info());
            let teller = self.teller.clone();
            let watch = SelfWatch::start(self.stopwatch.stalls().clone(), move |lost| {
                let lost = show_duration(lost);
                teller.notice(format!("this machine stood still for {lost}: times that overlap it are not blamed on the service"));
            });
            *begun.watch.lock().expect("no panic while the watch is held") = Some(watch);
        }
        begun
    }

    /// What is known when the run starts.
    #[must_use]
    pub fn info(&self) -> RunInfo {
        let provisioned = self.plan.provision.as_ref().map(|p| &p.target);
        let target = |(name, target): (&Arc<str>, &Arc<crate::kind::Target>)| {
            let url = if provisioned == Some(name) { "started by this run".to_owned() } else { target.base.url.to_string() };
            (name.to_string(), url)
        };
        RunInfo {
            run: self.run.to_string(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            at: clock::now(),
            environment: self.plan.environment.clone(),
            aimed_at: self.plan.aimed_at.clone(),
            suites: self.plan.suites.clone(),
            checks: self.plan.entries.iter().map(|e| e.check.id.clone()).collect(),
            targets: self.plan.targets.iter().map(target).collect(),
            warnings: self.plan.warnings.iter().cloned().chain(self.crowded.iter().map(Crowded::warning)).collect(),
            shard: self.plan.shard,
            elsewhere: self.plan.elsewhere,
        }
    }

    /// One check from waiting to outcome.
    async fn decide(self: Arc<Self>, index: usize) -> Arc<Finished> {
        self.begin();
        let entry = &self.plan.entries[index];
        let decided = AssertUnwindSafe(self.carry(index, entry)).catch_unwind().await;
        let (mut outcome, values) = decided.unwrap_or_else(|panic| {
            let reason = format!("the harness panicked: {}", panic_text(&*panic));
            (write::not_run(entry, Verdict::Error, reason), Values::default())
        });
        self.waiting.lock().expect("no panic while live lines are held").remove(&index);
        if self.plan.fail_fast && outcome.verdict == Verdict::Fail && outcome.severity == Severity::Required {
            let _ = self.failed.set(outcome.check.clone());
        }
        self.teller.mask(&mut outcome);
        self.teller.tell(Event::CheckFinished(Box::new(outcome.clone())));
        Arc::new(Finished { outcome: Arc::new(outcome), values })
    }

    async fn carry(self: &Arc<Self>, index: usize, entry: &Entry) -> (Outcome, Values) {
        if let Some(reason) = &entry.skip {
            return (write::skipped(entry, reason, self.plan.deny_skips), Values::default());
        }
        if let Some(crowded) = self.crowded.iter().find(|c| c.index == index) {
            return (write::not_run(entry, Verdict::Error, crowded.why.clone()), Values::default());
        }
        let turn = tokio::select! {
            biased;
            () = self.over.cancelled() => Err(self.not_reached(entry)),
            turn = self.turn(index, entry) => turn,
        };
        match turn {
            // Boxed: thousands of checks wait, and only those that run need the room that probing takes.
            Ok(turn) => Box::pin(self.probe(index, entry, turn)).await,
            Err(outcome) => (*outcome, Values::default()),
        }
    }

    /// Waits until the check may run: the world is there, gates and needs have passed, nobody is in its way, a job is free.
    /// What is waited for holds no job: a long chain of waiting checks keeps nobody from running.
    async fn turn(self: &Arc<Self>, index: usize, entry: &Entry) -> Result<Turn, Box<Outcome>> {
        let owns_stand = self.order.owns_stand[index];
        if !owns_stand && let Some(broken) = &self.world().await.broken {
            return Err(Box::new(write::blocked(entry, broken)));
        }
        let before: Vec<usize> = self.order.gates[index].iter().chain(&entry.needs).copied().collect();
        let mut values = Values::default();
        for (i, done) in before.iter().zip(join_all(before.iter().map(|i| self.finished(*i))).await) {
            let required = self.plan.entries[*i].check.severity == Severity::Required;
            let softened = required && done.outcome.severity == Severity::Advisory;
            match done.outcome.verdict {
                Verdict::Pass => {}
                Verdict::Inconclusive if softened => {}
                Verdict::Skip => {
                    let reason = done.outcome.reason.as_deref().unwrap_or("what it needs was skipped");
                    return Err(Box::new(write::skipped(entry, reason, self.plan.deny_skips)));
                }
                _ => return Err(Box::new(write::blocked(entry, &done.outcome))),
            }
            values = values.and(&done.values);
        }
        let place = match &self.company {
            _ if owns_stand => None,
            Some(company) => Some(company.enter(&entry.check.target, entry.alone).await),
            None => None,
        };
        let job = Held(self.jobs.enter().await);
        if let Some(failed) = self.failed.get() {
            let reason = format!("not started: “{}” failed, and the run stops at the first failure", failed.name);
            return Err(Box::new(write::not_run(entry, Verdict::Skip, reason)));
        }
        let world = if owns_stand { self.own_world().await } else { self.world().await };
        match world.broken.as_ref().or_else(|| self.unwell.get().filter(|_| !owns_stand)) {
            Some(broken) => Err(Box::new(write::blocked(entry, broken))),
            None => Ok(Turn { world, values, _place: place, job }),
        }
    }

    async fn probe(&self, index: usize, entry: &Entry, turn: Turn) -> (Outcome, Values) {
        let begun = self.begin();
        let Some(target) = turn.world.targets.get(&entry.check.target) else {
            let reason = format!("the plan has no target `{}`", entry.check.target);
            return (write::not_run(entry, Verdict::Error, reason), Values::default());
        };
        let (saw, live) = watch::channel(String::new());
        let began = self.stopwatch.now();
        let started = clock::now();
        self.waiting.lock().expect("no panic while live lines are held").insert(index, (began, live));
        self.teller.tell(Event::CheckStarted { check: entry.check.id.clone(), at: started });
        let cx = Context::new(Setting {
            target: target.clone(),
            exchange: self.exchange.clone(),
            stand: turn.world.stand.clone(),
            values: turn.world.values.clone().and(&turn.values),
            stopwatch: self.stopwatch.clone(),
            patience: patience(entry),
            run_id: self.run.clone(),
            trace: self.options.trace.clone(),
            canaries: self.plan.redactor.clone(),
            saw,
            cancelled: self.over.clone(),
            job: Some(turn.job.0.clone()),
        });
        let since = tokio::time::Instant::now();
        let own_end = since + entry.timeout.min(FOREVER);
        let interrupted = || self.options.interrupt.signal().is_some();
        let terms = Terms {
            asked: &entry.asked,
            eventually: entry.check.eventually.as_ref(),
            consistently: entry.check.consistently,
            end: begun.ends.map_or(own_end, |end| end.min(own_end)),
            over: self.over.clone(),
            interrupted: &interrupted,
            deny_skips: self.plan.deny_skips,
        };
        let done = entry.check.kind.with(Attempt { cx: &cx, terms }).await;
        let amiss = if done.settled.verdict == Verdict::Pass { Vec::new() } else { turn.world.amiss(since) };
        for secret in world::secrets(&done.captures) {
            self.teller.learn(secret);
        }
        let values = turn.values.and(&done.captures);
        let took = self.stopwatch.since(began).hi;
        let mut outcome = write::carried_out(entry, done, started, took, self.plan.intermittent_is_advisory);
        write::excuse(&mut outcome, &amiss);
        if !entry.check.cleanup.is_empty() {
            let owed = Owed { cx: cx.with_values(turn.world.values.clone().and(&values)), check: entry.check.clone() };
            if self.order.is_needed[index] && !self.order.owns_stand[index] {
                // Others still use what it made: it is undone at the end.
                self.owed.lock().expect("no panic while clean-up is noted").push(owed);
            } else {
                let budget = if self.over.is_cancelled() { self.undo() } else { Budget::one() };
                outcome.notes.extend(cleanup::one(&owed, budget).await);
            }
        }
        if self.order.owns_stand[index] {
            let budget = if self.over.is_cancelled() { self.undo() } else { Budget::one() };
            // Others need not wait until it is gone.
            turn.job.0.leave();
            let left = turn.world.stop(budget.left()).await;
            self.left.lock().expect("no panic while it is noted what is left").extend(left);
        } else if entry.alone == Alone::OnStand && !self.over.is_cancelled() {
            self.heal(entry, &turn.world).await;
        }
        (outcome, values)
    }

    /// Waits until the common stand is well again after this check. Where it is not, everything later on it is blocked by that.
    async fn heal(&self, entry: &Entry, world: &World) {
        if let Err(unwell) = world.stand.well().await
            && self.unwell.get().is_none()
        {
            let told = self.tell_case(&world::not_well(&self.plan, &entry.check.id, &unwell));
            let _ = self.unwell.set(told);
        }
    }

    /// The common world, begun by whoever needs it first.
    async fn world(&self) -> Arc<World> {
        let begin = || async {
            let world = Box::pin(World::begin(&self.plan, &self.options, &self.run)).await;
            world.notices.iter().for_each(|notice| self.teller.notice(notice));
            self.tell_broken(&world);
            Arc::new(world)
        };
        self.world.get_or_init(begin).await.clone()
    }

    /// A world for one check alone.
    async fn own_world(&self) -> Arc<World> {
        let world = Box::pin(World::anew(&self.plan, &self.options, &self.run)).await;
        self.tell_broken(&world);
        Arc::new(world)
    }

    fn tell_broken(&self, world: &World) {
        if let Some(broken) = &world.broken
            && !self.told_broken.swap(true, Ordering::SeqCst)
        {
            self.tell_case(broken);
        }
    }

    /// Tells a case that is no check of the plan.
    fn tell_case(&self, case: &Outcome) -> Outcome {
        let mut outcome = case.clone();
        self.teller.mask(&mut outcome);
        self.teller.tell(Event::CheckFinished(Box::new(outcome.clone())));
        outcome
    }

    fn not_reached(&self, entry: &Entry) -> Box<Outcome> {
        let reason = match (self.options.interrupt.signal(), self.plan.deadline) {
            (Some(signal), _) => format!("not reached: the run was ended by {signal}"),
            (None, Some(deadline)) => format!("not reached by the run's deadline of {}", show_duration(deadline)),
            (None, None) => "not reached: the run ended".to_owned(),
        };
        Box::new(write::not_run(entry, Verdict::Inconclusive, reason))
    }

    /// The budget for undoing once the run is over: one for everything.
    fn undo(&self) -> Budget {
        *self.undo.get_or_init(Budget::overall)
    }

    /// Suites in which fewer clauses were judged than they expect.
    fn shrunk(&self) -> Vec<String> {
        let mut judged: HashMap<&str, usize> = HashMap::new();
        for slot in &self.slots {
            if let Some(done) = slot.get().and_then(Pending::peek) {
                *judged.entry(&done.outcome.check.suite).or_default() += done.outcome.judged();
            }
        }
        let shrunk = |suite: &crate::model::event::SuiteInfo| {
            let expected = suite.expect_clauses?;
            let judged = judged.get(suite.name.as_str()).copied().unwrap_or(0);
            let is_less = judged < usize::try_from(expected).unwrap_or(usize::MAX);
            is_less.then(|| format!("suite `{}` expects {expected} clauses to be judged; {judged} were", suite.name))
        };
        self.plan.suites.iter().filter_map(shrunk).collect()
    }
}

/// How long one request is waited for where its spec says nothing: three silent ones, which make a failure, fit into the timeout; and
/// one poll is no longer than all of them may take.
fn patience(entry: &Entry) -> Duration {
    let quarter = entry.timeout / 4;
    entry.check.eventually.as_ref().map_or(quarter, |promise| quarter.min(promise.within))
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(begun) = self.begun.get() {
            begun.timer.abort();
        }
    }
}
