//! Child processes: started in a group of their own, tied to this process by their standard input, their last lines kept.

use nix::sys::signal::{Signal as Number, killpg};
use nix::unistd::Pid;
use std::collections::{BTreeSet, VecDeque};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, BufReader};
use tokio::sync::oneshot;

mod live;
mod mark;
mod tree;

pub use live::end_all;
pub use mark::Mark;

/// Lines of a child's output that are kept.
const LAST_LINES: usize = 40;
/// Bytes of one line that are kept.
const LONGEST_LINE: usize = 4096;

/// What is started.
#[derive(Clone, Debug)]
pub struct Program {
    /// The executable.
    pub path: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// Variables that it gets beside those of this process.
    pub env: Vec<(OsString, OsString)>,
}

/// Where a program runs, and which of its lines is waited for.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// Its working folder. Default: ours.
    pub folder: Option<PathBuf>,
    /// The account that it runs as; only root may say so. Default: ours.
    pub account: Option<Account>,
    /// A text in the line that [`Process::take_line`] waits for, on either output. Default: the first line of standard output.
    pub line: Option<String>,
}

/// Whom a program runs as: with no other groups than this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    /// The user.
    pub uid: u32,
    /// The group.
    pub gid: u32,
}

/// A child process. Dropping it kills it with all its descendants, also those that have outlived it.
#[derive(Debug)]
pub struct Process {
    child: tokio::process::Child,
    pid: u32,
    mark: Mark,
    /// Nothing of it is left.
    is_over: bool,
    /// Held open: a child that watches its standard input ends when we do, however we end.
    stdin: Option<tokio::process::ChildStdin>,
    line: Option<oneshot::Receiver<String>>,
    output: Output,
    /// Aborted when dropped.
    readers: tokio::task::JoinSet<()>,
}

/// The last lines of a child's output. Cheap to clone; outlives the child.
#[derive(Clone, Debug, Default)]
pub struct Output(Arc<Mutex<VecDeque<String>>>);

impl Output {
    /// The last lines of its standard output and standard error, oldest first.
    #[must_use]
    pub fn last_lines(&self) -> Vec<String> {
        self.0.lock().expect("no panic while lines are kept").iter().cloned().collect()
    }
}

/// A child could not be started or waited for: the harness's trouble.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// The system would not start it.
    #[error("`{program}` could not be started: {source}")]
    Spawn {
        /// The executable.
        program: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The system would not say how it ended.
    #[error("waiting for a child process failed: {0}")]
    Wait(#[from] std::io::Error),
    /// It still runs after SIGKILL.
    #[error("process {0} does not end, not even by SIGKILL")]
    Immortal(u32),
}

impl Process {
    /// Starts a program with its output piped to us, in a process group of its own: a Ctrl-C at the terminal is ours to
    /// pass on, in our order.
    ///
    /// # Errors
    /// [`ProcessError::Spawn`] with what the system said.
    pub fn start(program: &Program) -> Result<Self, ProcessError> {
        Self::start_in(program, &Surroundings::default())
    }

    /// The same, in a folder of its own, waiting for a line of its own.
    ///
    /// # Errors
    /// [`ProcessError::Spawn`] with what the system said.
    pub fn start_in(program: &Program, surroundings: &Surroundings) -> Result<Self, ProcessError> {
        let spawn = |source| ProcessError::Spawn { program: program.path.display().to_string(), source };
        #[expect(clippy::disallowed_methods, reason = "this is the one home of child processes")]
        let mut command = tokio::process::Command::new(&program.path);
        let mark = Mark::fresh();
        command.args(&program.args).envs(program.env.iter().map(|(k, v)| (k, v))).env(Mark::NAME, mark.text());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.process_group(0).kill_on_drop(true);
        if let Some(folder) = &surroundings.folder {
            command.current_dir(folder);
        }
        if let Some(account) = surroundings.account {
            command.gid(account.gid).uid(account.uid);
        }
        let mut child = command.spawn().map_err(spawn)?;
        let pid = child.id().expect("a child that has not been waited for has an id");
        live::add(pid, &mark);
        let output = Output::default();
        let (tell, line) = oneshot::channel();
        let awaited = Arc::new(Awaited { text: surroundings.line.clone(), tell: Mutex::new(Some(tell)) });
        let stdout = child.stdout.take().expect("stdout was piped");
        let stderr = child.stderr.take().expect("stderr was piped");
        let mut readers = tokio::task::JoinSet::new();
        // Only a named text may stand on standard error: the first line of a log says nothing.
        let errors = surroundings.line.is_some().then(|| awaited.clone());
        readers.spawn(keep_lines(stdout, output.clone(), Some(awaited)));
        readers.spawn(keep_lines(stderr, output.clone(), errors));
        let stdin = child.stdin.take();
        Ok(Self { child, pid, mark, is_over: false, stdin, line: Some(line), output, readers })
    }

    /// Its process id, which is its group's too.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// What its descendants are known by, wherever they have put themselves.
    #[must_use]
    pub fn mark(&self) -> &Mark {
        &self.mark
    }

    /// Its first line on standard output. `None`: it closed its standard output without one, or was asked before.
    pub async fn first_line(&mut self) -> Option<String> {
        self.take_line().await
    }

    /// The line that was to be waited for, once; by default the first one. `None`: it closed its output without one, or was asked
    /// before. The future borrows nothing: the end of the process can be waited for beside it.
    pub fn take_line(&mut self) -> impl Future<Output = Option<String>> + Send + use<> {
        let line = self.line.take();
        async { line?.await.ok() }
    }

    /// The last lines that it writes, also once it has ended.
    #[must_use]
    pub fn output(&self) -> Output {
        self.output.clone()
    }

    /// The last lines of its standard output and standard error, oldest first.
    #[must_use]
    pub fn last_lines(&self) -> Vec<String> {
        self.output.last_lines()
    }

    /// Waits until it has ended. What it said last may not be read yet.
    ///
    /// # Errors
    /// What the system said.
    pub async fn exit(&mut self) -> Result<ExitStatus, ProcessError> {
        Ok(self.child.wait().await?)
    }

    /// Waits until it has ended and all it said was read.
    ///
    /// # Errors
    /// What the system said.
    pub async fn wait(&mut self) -> Result<ExitStatus, ProcessError> {
        let status = self.child.wait().await?;
        // Grandchildren may hold the pipes open for ever; what is there now is read at once.
        let read_all = async { while self.readers.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(Duration::from_millis(200), read_all).await;
        Ok(status)
    }

    /// How it ended, if it has.
    #[must_use]
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Sends a signal to its whole group; one that nobody can heed (SIGSTOP, SIGKILL), and SIGCONT, to every descendant too, wherever it
    /// has put itself. Nothing happens if it has ended.
    pub fn signal(&self, number: Number) {
        if self.child.id().is_none() {
            return;
        }
        match number {
            Number::SIGSTOP => tree::stop(self.pid, &self.mark),
            Number::SIGCONT => tree::continue_all(self.pid, &self.mark),
            Number::SIGKILL => tree::kill_all(self.pid, &self.mark),
            other => {
                let _ = killpg(group(self.pid), other);
            }
        }
    }

    /// Closes its standard input: a program that reads it meets the end.
    pub fn close_input(&mut self) {
        self.stdin = None;
    }

    /// Asks it to end (standard input closed, SIGTERM), waits for `grace`, then ends it by SIGKILL. What it leaves behind is ended too.
    ///
    /// # Errors
    /// [`ProcessError::Immortal`] if it still runs a second after SIGKILL.
    pub async fn stop(&mut self, grace: Duration) -> Result<ExitStatus, ProcessError> {
        self.stdin = None;
        // Looked for before they are orphans: one that has another environment is known only by its parent.
        let family = if self.child.id().is_some() { tree::descendants(Some(self.pid), &self.mark) } else { BTreeSet::new() };
        self.signal(Number::SIGTERM);
        // A stopped process acts on nothing but SIGKILL until it is continued.
        self.signal(Number::SIGCONT);
        if let Ok(status) = tokio::time::timeout(grace, self.wait()).await {
            tree::kill_rest(&self.mark, family);
            self.is_over = true;
            return status;
        }
        self.signal(Number::SIGKILL);
        match tokio::time::timeout(Duration::from_secs(1), self.wait()).await {
            Ok(status) => status,
            Err(_) => Err(ProcessError::Immortal(self.pid)),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        match self.child.id() {
            Some(_) => self.signal(Number::SIGKILL),
            // Its id may be another's by now.
            None if self.is_over => {}
            None => {
                tree::kill_rest(&self.mark, BTreeSet::new());
            }
        }
        live::remove(&self.mark);
    }
}

fn group(pid: u32) -> Pid {
    Pid::from_raw(i32::try_from(pid).expect("process ids of the system fit in an i32"))
}

/// The line that is waited for, and who waits.
struct Awaited {
    text: Option<String>,
    tell: Mutex<Option<oneshot::Sender<String>>>,
}

impl Awaited {
    fn look(&self, line: &str) {
        if self.text.as_ref().is_none_or(|text| line.contains(text))
            && let Some(tell) = self.tell.lock().expect("no panic while a line is handed on").take()
        {
            let _ = tell.send(line.to_owned());
        }
    }
}

/// Keeps the last lines of a stream; hands on the one that is waited for.
async fn keep_lines(stream: impl AsyncRead + Unpin, kept: Output, awaited: Option<Arc<Awaited>>) {
    let mut stream = BufReader::new(stream);
    let mut line = Vec::new();
    let mut chunk = [0; 8192];
    loop {
        let n = stream.read(&mut chunk).await.unwrap_or(0);
        for byte in &chunk[..n] {
            match byte {
                b'\n' => keep(&mut line, &kept, awaited.as_deref()),
                _ if line.len() < LONGEST_LINE => line.push(*byte),
                _ => {}
            }
        }
        if n == 0 {
            if !line.is_empty() {
                keep(&mut line, &kept, awaited.as_deref());
            }
            return;
        }
    }
}

fn keep(line: &mut Vec<u8>, kept: &Output, awaited: Option<&Awaited>) {
    let text = String::from_utf8_lossy(line).trim_end_matches('\r').to_owned();
    line.clear();
    if let Some(awaited) = awaited {
        awaited.look(&text);
    }
    let mut kept = kept.0.lock().expect("no panic while lines are kept");
    if kept.len() == LAST_LINES {
        kept.pop_front();
    }
    kept.push_back(text);
}

/// When a process was started, in the system's own count since boot; together with its id it names one process for ever.
/// `None` where it does not run, or the system does not say (`/proc` of Linux only).
#[must_use]
pub fn started(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat")).ok()?;
    let fields = fields(&stat)?;
    // A zombie has ended; only its parent has not looked yet.
    if matches!(fields.first(), Some(&"Z" | &"X")) {
        return None;
    }
    fields.get(19)?.parse().ok()
}

/// The fields of a `stat` file from the third on; the 22nd is the start time (proc_pid_stat(5)).
fn fields(stat: &str) -> Option<Vec<&str>> {
    // The second is the name in parentheses and may hold anything.
    let (_, rest) = stat.rsplit_once(')')?;
    Some(rest.split_ascii_whitespace().collect())
}

/// Ends another run's child with all its descendants, if that very process still runs, and what bears its mark if it does not. Answers
/// whether anything was there.
#[must_use]
pub fn kill_group(pid: u32, started_at: u64, mark: &Mark) -> bool {
    if started(pid) == Some(started_at) {
        tree::kill_all(pid, mark);
        return true;
    }
    tree::kill_rest(mark, BTreeSet::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Program {
        Program { path: "/bin/sh".into(), args: vec!["-c".into(), script.into()], env: Vec::new() }
    }

    #[tokio::test]
    async fn the_first_line_is_handed_on_and_the_last_ones_are_kept() {
        let mut process = Process::start(&shell("echo one; for i in $(seq 100); do echo \"$i\" >&2; done; exit 3")).unwrap();
        assert_eq!(process.first_line().await.as_deref(), Some("one"));
        assert_eq!(process.wait().await.unwrap().code(), Some(3));
        let lines = process.last_lines();
        assert_eq!((lines.len(), lines.last().map(String::as_str)), (LAST_LINES, Some("100")));
    }

    #[tokio::test]
    async fn a_line_is_waited_for_on_either_output() {
        for stream in [1, 2] {
            let script = format!("echo starting; echo 'now ready to serve' >&{stream}; pwd; cat");
            let folder = tempfile::tempdir().unwrap();
            let surroundings =
                Surroundings { folder: Some(folder.path().to_owned()), line: Some("ready to".to_owned()), ..Surroundings::default() };
            let mut process = Process::start_in(&shell(&script), &surroundings).unwrap();
            assert_eq!(process.take_line().await.as_deref(), Some("now ready to serve"));
            assert_eq!(process.take_line().await, None, "it is handed on once");
        }
    }

    #[tokio::test]
    async fn a_line_that_never_comes_ends_with_the_output() {
        let surroundings = Surroundings { line: Some("ready".to_owned()), ..Surroundings::default() };
        let mut process = Process::start_in(&shell("echo starting"), &surroundings).unwrap();
        assert_eq!(process.take_line().await, None);
    }

    #[tokio::test]
    async fn a_child_that_says_nothing_has_no_first_line() {
        let mut process = Process::start(&shell("exit 1")).unwrap();
        assert_eq!(process.first_line().await, None);
    }

    #[tokio::test]
    async fn a_child_that_ignores_sigterm_is_killed() {
        let mut process = Process::start(&shell("trap '' TERM; echo ready; while :; do sleep 1; done")).unwrap();
        process.first_line().await.unwrap();
        let status = process.stop(Duration::from_millis(100)).await.unwrap();
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(9));
    }

    #[tokio::test]
    async fn dropping_a_process_ends_its_group() {
        let mut process = Process::start(&shell("sleep 1000 & echo $!; wait")).unwrap();
        let grandchild: u32 = process.first_line().await.unwrap().parse().unwrap();
        assert!(started(grandchild).is_some());
        drop(process);
        // SIGKILL is on its way; the kernel is given 5 s to act on it.
        for _ in 0..500 {
            if started(grandchild).is_none() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the grandchild {grandchild} still runs");
    }

    #[test]
    fn a_process_with_another_start_time_is_left_alone() {
        let me = std::process::id();
        let at = started(me).expect("this process runs");
        assert!(!kill_group(me, at + 1, &Mark::fresh()), "an id that was used again is not killed");
    }

    #[tokio::test]
    async fn a_program_that_is_not_there_is_named() {
        let missing = Program { path: "/nowhere/at/all".into(), args: Vec::new(), env: Vec::new() };
        let error = Process::start(&missing).unwrap_err();
        assert!(error.to_string().starts_with("`/nowhere/at/all` could not be started: "), "{error}");
    }
}
