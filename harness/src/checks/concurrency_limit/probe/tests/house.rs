//! A service of this process with so many slots, held by requests or by jobs, and with at most one flaw.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

/// What is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    None,
    /// Nothing is limited.
    Absent,
    OffByOneLow,
    OffByOneHigh,
    /// Each of two processes counts for itself.
    Twice,
    LeakOnAbort,
    LeakOnFailure,
    HealthWhenFull,
    HealthSlowWhenFull,
    RetryZero,
    RetryAbsent,
    RetryShort,
    RetryLong,
    /// Waits for a slot in silence.
    Queues,
    Status503,
    /// What is refused is counted as begun.
    RefusedIsBegun,
    ClosesBeyond,
    Login,
    Redirects,
    Silent,
    Closes,
    /// 200 at once to everything.
    Anything,
    /// Once every slot was held, one is never given back.
    LosesOne,
    /// Refuses after two seconds.
    RefusesLate,
    /// No flaw: two processes with as many slots each.
    Pair,
    /// Of two processes one has too many slots, and the other too few.
    UnevenPair,
    /// The fourth answer and all after it come from memory.
    Remembers,
    /// No flaw: the first answer takes three times as long.
    WarmsUp,
    /// No flaw: a job that is asked to end does so a while later.
    EndsSlowly,
    /// The slots of jobs are free when none runs any more.
    FreesTogether,
    /// After ten jobs every submission is refused.
    RefusesInTheEnd,
    /// The sixth job is accepted without its id.
    ForgetsAnId,
    /// No flaw of the limit: one look in twenty at a job's state is answered by 503.
    Blinks,
    /// No flaw: a job that has ended is not known any more once somebody has seen that.
    ForgetsWhatEnded,
    /// No flaw where that is named: all jobs are accepted, and those beyond the limit wait.
    QueuesJobs,
    /// The same, and one more runs than should.
    QueuesJobsHigh,
    /// The same, and one fewer.
    QueuesJobsLow,
    /// One slot is missing until somebody is refused.
    Grows,
    /// Whoever submits while a job runs is answered by the id of that one.
    OneId,
    /// What is refused is begun when no other job runs.
    BeginsLater,
    /// Waits for a slot in silence, and works on for callers who have gone.
    QueuesBlindly,
    /// Nothing is limited but how many begin in a tenth of a second.
    LimitsStarts,
    /// Never answers whoever finds no slot.
    HangsBeyond,
    /// No flaw: the first two calls are cut off.
    CutsTheFirst,
    /// A slot is lost with each refusal.
    LeakOnRefusal,
    /// No flaw: what is not whole after a while is answered by 408.
    Impatient,
    /// The same, and nothing is limited.
    ImpatientAbsent,
    /// No flaw: long answers go out one after the other.
    OneLine,
    /// No job is known to who would end it.
    CancelUnknown,
    /// No flaw: a job that is asked to end does so a while after that was answered as done.
    CancelsLater,
    /// No flaw: a job that was ended has a state of its own.
    CancelsOddly,
    /// Waits for a slot in silence, and one is lost when a caller goes away meanwhile.
    LeakOnWaiting,
    /// One of the slots of the second of two processes is lost when a caller goes away.
    PairLeaksOne,
    /// Nothing is limited but how many begin in three quarters of the time that one takes.
    LimitsStartsLong,
    /// The same in a tenth of a second, for as many as two processes would take.
    LimitsStartsOfPair,
    /// No flaw: those that are worked on share one processor, and are for callers who have gone as well.
    Shares,
    /// No flaw: all work shares one processor.
    OneProcessor,
    /// Nothing is limited, and from the fourth call on every second one takes nearly twice as long.
    AbsentUneven,
    /// No flaw: a slot is free again a moment after its answer.
    FreesLate,
}

/// How long an impatient service waits for the rest of a request.
pub(super) const IMPATIENT: Duration = Duration::from_millis(1250);
/// How long after its answer a slot is free again.
const FREES_LATE: Duration = Duration::from_millis(200);
/// How long a long answer takes on the one line.
const LONG_ANSWER: Duration = Duration::from_millis(60);

pub(super) struct House {
    pub(super) flaw: Flaw,
    pub(super) limit: usize,
    /// Work takes so long.
    pub(super) takes: Duration,
    state: Mutex<State>,
    queue: Semaphore,
    line: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    /// By each of two processes; one alone is the first.
    held: [usize; 2],
    running: usize,
    begun: usize,
    /// When work began of late.
    starts: Vec<tokio::time::Instant>,
    called: usize,
    served: usize,
    jobs: BTreeMap<usize, &'static str>,
    lost: bool,
    looks: usize,
    forgotten: BTreeSet<usize>,
}

/// A slot that is held, and in which process.
struct Slot(Arc<House>, usize);

impl Drop for Slot {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.running -= 1;
        match self.0.flaw {
            Flaw::FreesTogether if state.running == 0 => state.held = [0, 0],
            Flaw::FreesTogether => {}
            _ => state.held[self.1] -= 1,
        }
    }
}

impl House {
    /// Serves for as long as the runtime lives.
    pub(super) async fn open(flaw: Flaw, limit: usize, takes: Duration) -> SocketAddr {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port on loopback");
        let address = listener.local_addr().expect("a bound socket has an address");
        let house = Arc::new(Self {
            flaw,
            limit,
            takes,
            state: Mutex::default(),
            queue: Semaphore::new(limit),
            line: tokio::sync::Mutex::default(),
        });
        tokio::spawn(async move {
            for turn in 0.. {
                let Ok((stream, _)) = listener.accept().await else { return };
                let house = house.clone();
                let process = if matches!(house.flaw, Flaw::Pair | Flaw::UnevenPair | Flaw::PairLeaksOne) { turn % 2 } else { 0 };
                tokio::spawn(async move { house.serve(stream, process).await });
            }
        });
        address
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn serve(self: Arc<Self>, mut stream: TcpStream, process: usize) {
        let patience = if matches!(self.flaw, Flaw::Impatient | Flaw::ImpatientAbsent) { IMPATIENT } else { Duration::from_secs(3600) };
        let (head, body) = match tokio::time::timeout(patience, read(&mut stream)).await {
            Ok(Some(request)) => request,
            Ok(None) => return,
            Err(_) => {
                let _ = stream.write_all(json(408, "{}").as_bytes()).await;
                return;
            }
        };
        let fails = body.contains("fail");
        let answer = match head.split(' ').take(2).collect::<Vec<_>>().as_slice() {
            ["GET", "/health"] => self.health().await,
            ["GET", "/tasks"] => json(200, &format!(r#"{{"count":{}}}"#, self.state().begun)),
            ["GET", "/running"] => json(200, &format!(r#"{{"count":{}}}"#, self.state().running)),
            ["GET", path] if path.starts_with("/tasks/") => self.task(path),
            ["DELETE", path] if path.starts_with("/tasks/") => self.end(path),
            ["POST", "/tasks"] => self.begin(fails).await,
            ["POST", _] => match self.work(&mut stream, fails, process).await {
                Some(answer) => answer.replacen("\r\n", &format!("\r\nx-instance-id: {process}\r\n"), 1),
                None => return,
            },
            _ => json(404, "{}"),
        };
        if self.flaw == Flaw::OneLine && answer.contains("done") {
            let head = answer.split("\r\n\r\n").next().unwrap_or_default().replace("content-length: 13", "content-length: 9000");
            let _ = stream.write_all(format!("{head}\r\n\r\n").as_bytes()).await;
            let _line = self.line.lock().await;
            tokio::time::sleep(LONG_ANSWER).await;
            let _ = stream.write_all(&[b'x'; 9000]).await;
        } else {
            let _ = stream.write_all(answer.as_bytes()).await;
        }
        let _ = stream.shutdown().await;
        let _ = stream.read_to_end(&mut Vec::new()).await;
    }

    fn slots(&self, process: usize) -> usize {
        match self.flaw {
            Flaw::UnevenPair if process == 0 => self.limit + 1,
            Flaw::UnevenPair => self.limit - 1,
            Flaw::Absent
            | Flaw::AbsentUneven
            | Flaw::LimitsStarts
            | Flaw::LimitsStartsLong
            | Flaw::LimitsStartsOfPair
            | Flaw::ImpatientAbsent => usize::MAX,
            Flaw::OffByOneLow | Flaw::QueuesJobsLow => self.limit - 1,
            Flaw::OffByOneHigh | Flaw::QueuesJobsHigh => self.limit + 1,
            Flaw::Grows if !self.state().lost => self.limit - 1,
            Flaw::Twice => self.limit * 2,
            _ => self.limit,
        }
    }

    fn slot(self: &Arc<Self>, process: usize) -> Option<Slot> {
        let slots = self.slots(process);
        let mut state = self.state();
        let starts = match self.flaw {
            Flaw::LimitsStarts => Some((self.limit, Duration::from_millis(100))),
            Flaw::LimitsStartsLong => Some((self.limit, self.takes * 3 / 4)),
            Flaw::LimitsStartsOfPair => Some((self.limit * 2, Duration::from_millis(100))),
            _ => None,
        };
        if let Some((most, window)) = starts {
            let now = tokio::time::Instant::now();
            state.starts.retain(|at| now - *at < window);
            if state.starts.len() >= most {
                return None;
            }
            state.starts.push(now);
        }
        if state.held[process] >= slots || self.flaw == Flaw::RefusesInTheEnd && state.begun >= 10 {
            if self.flaw == Flaw::LeakOnRefusal {
                state.held[process] += 1;
            }
            if self.flaw == Flaw::RefusedIsBegun {
                state.begun += 1;
            }
            state.lost |= self.flaw == Flaw::Grows;
            return None;
        }
        state.held[process] += 1;
        state.running += 1;
        state.begun += 1;
        if self.flaw == Flaw::LosesOne && state.held[process] == self.limit && !state.lost {
            state.lost = true;
            state.held[process] += 1;
        }
        Some(Slot(self.clone(), process))
    }

    async fn refused(&self) -> String {
        if self.flaw == Flaw::RefusesLate {
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
        let status = if self.flaw == Flaw::Status503 { 503 } else { 429 };
        let honest = self.takes.as_millis().div_ceil(1000);
        let retry = match self.flaw {
            Flaw::RetryZero => "retry-after: 0\r\n".to_owned(),
            Flaw::RetryAbsent => String::new(),
            Flaw::RetryShort => "retry-after: 1\r\n".to_owned(),
            Flaw::RetryLong => "retry-after: 60\r\n".to_owned(),
            _ => format!("retry-after: {honest}\r\n"),
        };
        format!("HTTP/1.1 {status} Full\r\n{retry}content-length: 2\r\nconnection: close\r\n\r\n{{}}")
    }

    async fn work(self: &Arc<Self>, stream: &mut TcpStream, fails: bool, process: usize) -> Option<String> {
        let (served, called) = {
            let mut state = self.state();
            state.called += 1;
            (state.served, state.called)
        };
        match self.flaw {
            Flaw::CutsTheFirst if called <= 2 => return None,
            Flaw::Login => return Some(json(401, r#"{"error":"who are you"}"#)),
            Flaw::Redirects => {
                return Some("HTTP/1.1 302 Found\r\nlocation: /login\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_owned());
            }
            Flaw::Silent => return std::future::pending().await,
            Flaw::Closes => return None,
            Flaw::Anything => return Some(json(200, "{}")),
            Flaw::Remembers if served >= 3 => return Some(json(200, "{}")),
            _ => {}
        }
        let mut gone = [0];
        let _turn = match self.flaw {
            Flaw::Queues | Flaw::QueuesBlindly => Some(self.queue.acquire().await.expect("never closed")),
            Flaw::LeakOnWaiting => tokio::select! {
                biased;
                turn = self.queue.acquire() => Some(turn.expect("never closed")),
                _ = stream.read(&mut gone) => {
                    let is_first = !std::mem::replace(&mut self.state().lost, true);
                    if is_first {
                        self.queue.acquire().await.expect("never closed").forget();
                    }
                    return None;
                }
            },
            _ => None,
        };
        let Some(slot) = self.slot(process) else {
            return match self.flaw {
                Flaw::ClosesBeyond => None,
                Flaw::HangsBeyond => std::future::pending().await,
                _ => Some(self.refused().await),
            };
        };
        let takes = match self.flaw {
            Flaw::WarmsUp if served == 0 => self.takes * 3,
            Flaw::AbsentUneven if called > 3 && called.is_multiple_of(2) => self.takes * 19 / 10,
            _ => self.takes,
        };
        let mut byte = [0];
        tokio::select! {
            () = self.spend(takes) => {}
            // Whoever goes away gives the slot back.
            _ = stream.read(&mut byte), if !matches!(self.flaw, Flaw::QueuesBlindly | Flaw::Shares) => {
                let is_one = self.flaw == Flaw::PairLeaksOne && process == 1 && !std::mem::replace(&mut self.state().lost, true);
                if self.flaw == Flaw::LeakOnAbort || is_one {
                    std::mem::forget(slot);
                }
                return None;
            }
        }
        if fails && self.flaw == Flaw::LeakOnFailure {
            std::mem::forget(slot);
        } else if self.flaw == Flaw::FreesLate {
            tokio::spawn(async move {
                tokio::time::sleep(FREES_LATE).await;
                drop(slot);
            });
        }
        self.state().served += 1;
        Some(json(if fails { 500 } else { 200 }, r#"{"done":true}"#))
    }

    /// Works for so long; what shares a processor is slower by as many as there are.
    async fn spend(&self, takes: Duration) {
        if !matches!(self.flaw, Flaw::OneProcessor | Flaw::Shares) {
            return tokio::time::sleep(takes).await;
        }
        let (mut done, mut before) = (Duration::ZERO, tokio::time::Instant::now());
        while done < takes {
            tokio::time::sleep(Duration::from_millis(5)).await;
            let running = u32::try_from(self.state().running.max(1)).unwrap_or(u32::MAX);
            done += before.elapsed() / running;
            before = tokio::time::Instant::now();
        }
    }

    async fn health(&self) -> String {
        let is_full = self.state().held[0] >= self.limit;
        match self.flaw {
            Flaw::HealthWhenFull if is_full => json(429, "{}"),
            Flaw::HealthSlowWhenFull if is_full => {
                tokio::time::sleep(self.takes * 3 / 5).await;
                json(200, "{}")
            }
            _ => json(200, "{}"),
        }
    }

    async fn begin(self: &Arc<Self>, fails: bool) -> String {
        let is_queue = matches!(self.flaw, Flaw::QueuesJobs | Flaw::QueuesJobsHigh | Flaw::QueuesJobsLow);
        let running = self.state().jobs.iter().find(|(_, state)| **state == "running").map(|(id, _)| *id);
        if let Some(id) = running.filter(|_| self.flaw == Flaw::OneId) {
            return json(202, &format!(r#"{{"id":{id}}}"#));
        }
        let slot = self.slot(0);
        if slot.is_none() && !is_queue {
            if self.flaw == Flaw::BeginsLater {
                let house = self.clone();
                tokio::spawn(async move {
                    while house.state().running > 0 {
                        tokio::time::sleep(Duration::from_millis(2)).await;
                    }
                    house.state().begun += 1;
                });
            }
            return self.refused().await;
        }
        let id = {
            let mut state = self.state();
            let id = state.jobs.len();
            state.jobs.insert(id, if slot.is_some() { "running" } else { "queued" });
            id
        };
        let house = self.clone();
        tokio::spawn(async move {
            let mut slot = slot;
            let slot = loop {
                match slot.take().or_else(|| house.slot(0)) {
                    Some(slot) => break slot,
                    None => tokio::time::sleep(Duration::from_millis(2)).await,
                }
            };
            house.state().jobs.insert(id, "running");
            let end = tokio::time::Instant::now() + house.takes;
            while tokio::time::Instant::now() < end && house.state().jobs[&id] == "running" {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            let is_asked = house.state().jobs[&id] != "running";
            if is_asked && matches!(house.flaw, Flaw::EndsSlowly | Flaw::CancelsLater) {
                tokio::time::sleep(house.takes / 2).await;
            }
            if fails && house.flaw == Flaw::LeakOnFailure {
                std::mem::forget(slot);
            } else {
                drop(slot);
            }
            let end = match (house.flaw, is_asked) {
                (Flaw::CancelsOddly, true) => "cancelled",
                _ if fails || is_asked => "failed",
                _ => "succeeded",
            };
            house.state().jobs.insert(id, end);
        });
        let is_forgotten = self.flaw == Flaw::ForgetsAnId && id == 5;
        json(202, &if is_forgotten { "{}".to_owned() } else { format!(r#"{{"id":{id}}}"#) })
    }

    /// Asks a job to end; it has by the time that is answered, unless it is slow.
    fn end(&self, path: &str) -> String {
        if self.flaw == Flaw::CancelUnknown {
            return json(404, "{}");
        }
        let id = path.trim_start_matches("/tasks/").parse().unwrap_or(usize::MAX);
        match self.state().jobs.get_mut(&id) {
            Some(state) if *state == "running" => *state = "ending",
            Some(_) => {}
            None => return json(404, "{}"),
        }
        json(if self.flaw == Flaw::EndsSlowly { 202 } else { 204 }, "")
    }

    fn task(&self, path: &str) -> String {
        let id = path.trim_start_matches("/tasks/").parse().unwrap_or(usize::MAX);
        let mut all = self.state();
        all.looks += 1;
        if self.flaw == Flaw::Blinks && all.looks.is_multiple_of(20) {
            return json(503, "{}");
        }
        let state = all.jobs.get(&id).copied().filter(|_| !all.forgotten.contains(&id));
        if self.flaw == Flaw::ForgetsWhatEnded && matches!(state, Some("succeeded" | "failed")) {
            all.forgotten.insert(id);
        }
        match state {
            Some(state) => json(200, &format!(r#"{{"state":"{state}"}}"#)),
            None => json(404, "{}"),
        }
    }
}

fn json(status: u16, body: &str) -> String {
    format!("HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}

/// A whole request: its head, and the body that its length tells.
async fn read(stream: &mut TcpStream) -> Option<(String, String)> {
    let mut all = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&all);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|l| l.to_ascii_lowercase().strip_prefix("content-length: ").map(str::to_owned));
            if body.len() >= length.and_then(|l| l.parse().ok()).unwrap_or(0) {
                return Some((head.to_owned(), body.to_owned()));
            }
        }
        if stream.read_buf(&mut all).await.ok()? == 0 {
            return None;
        }
    }
}
