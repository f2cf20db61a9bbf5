//! Runs one program to its end: output of both kinds kept apart and bounded, its whole process group ended if it takes too long.

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Child;

/// Most bytes of each output that are kept.
pub(super) const KEPT: usize = 1 << 20;
/// How long the output is read on after the end of the program: others may hold it open for ever.
const LEFT: Duration = Duration::from_millis(500);

/// What is started.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) path: PathBuf,
    pub(super) args: Vec<OsString>,
    /// Variables beside those of this process; none takes one out.
    pub(super) env: Vec<(String, Option<String>)>,
    pub(super) cwd: Option<PathBuf>,
}

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Done {
    /// How it ended; none: it still ran when the time was over.
    pub(super) status: Option<ExitStatus>,
    pub(super) stdout: Output,
    pub(super) stderr: Output,
}

/// The beginning of what was written, and how much it was in all.
#[derive(Debug, Default)]
pub(super) struct Output {
    pub(super) kept: Vec<u8>,
    pub(super) len: u64,
}

/// Runs it. Dropping the future ends the process group too.
///
/// # Errors
/// What the system said where it could not be started or waited for.
pub(super) async fn run(program: &Program, patience: Duration) -> io::Result<Done> {
    #[expect(clippy::disallowed_methods, reason = "a command's output is kept whole and apart, unlike that of the parts of a stand")]
    let mut command = tokio::process::Command::new(&program.path);
    command.args(&program.args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    for (name, value) in &program.env {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    if let Some(cwd) = &program.cwd {
        command.current_dir(cwd);
    }
    command.process_group(0).kill_on_drop(true);
    let mut group = Group(command.spawn()?);
    let stdout = group.0.stdout.take().expect("stdout was piped");
    let stderr = group.0.stderr.take().expect("stderr was piped");
    let mut done = Done::default();
    {
        let reading = futures_util::future::join(done.stdout.fill(stdout), done.stderr.fill(stderr));
        tokio::pin!(reading);
        let mut is_read = false;
        let ended = async {
            loop {
                tokio::select! {
                    status = group.0.wait() => break status,
                    _ = &mut reading, if !is_read => is_read = true,
                }
            }
        };
        done.status = tokio::time::timeout(patience, ended).await.ok().transpose()?;
        drop(group);
        if !is_read {
            let _ = tokio::time::timeout(LEFT, reading).await;
        }
    }
    Ok(done)
}

/// The program and all that it started; ended when dropped, unless it has ended by itself.
struct Group(Child);

impl Drop for Group {
    fn drop(&mut self) {
        // The id stays taken until the program was waited for, so that no other group is ever meant.
        if let Some(pid) = self.0.id().and_then(|pid| i32::try_from(pid).ok()) {
            let _ = killpg(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }
}

impl Output {
    async fn fill(&mut self, mut from: impl AsyncRead + Unpin) {
        let mut chunk = vec![0; 16 * 1024];
        // Read on beyond what is kept: a full pipe would stop the program.
        while let Ok(n @ 1..) = from.read(&mut chunk).await {
            let room = KEPT.saturating_sub(self.kept.len()).min(n);
            self.kept.extend_from_slice(&chunk[..room]);
            self.len += n as u64;
        }
    }

    /// Whether all of it is here.
    pub(super) fn is_whole(&self) -> bool {
        self.len == self.kept.len() as u64
    }

    /// Without the line end that closes it.
    pub(super) fn text(&self) -> &[u8] {
        let text = self.kept.strip_suffix(b"\n").unwrap_or(&self.kept);
        text.strip_suffix(b"\r").unwrap_or(text)
    }
}
