//! Lease files: what this run has started, so that the next one can end what a SIGKILL of this one left behind.

use crate::transport::process::{kill_group, started};
use serde::{Deserialize, Serialize};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// Most lease files that one sweep looks at.
const MOST: usize = 1000;
const EXTENSION: &str = "lease";

/// One started process, on disk for as long as it runs.
#[derive(Debug)]
pub(crate) struct LeaseFile {
    path: PathBuf,
}

/// What stands in a lease file.
#[derive(Debug, Serialize, Deserialize)]
struct Lease {
    /// What it is, for people.
    what: String,
    /// The id of the run that started it.
    run: String,
    /// The process.
    pid: u32,
    /// When it was started; with `pid` it names one process for ever.
    started: u64,
    /// The harness that started it.
    harness_pid: u32,
    /// When that was started.
    harness_started: u64,
}

impl LeaseFile {
    /// Writes down a process that this run has started. `None` where the system does not say when a process was started, or
    /// the folder cannot be written: the child still ends when its standard input closes.
    pub(crate) fn write(folder: &Path, run: &str, what: &str, pid: u32) -> Option<Self> {
        let harness_pid = std::process::id();
        let lease = Lease {
            what: what.to_owned(),
            run: run.to_owned(),
            pid,
            started: started(pid)?,
            harness_pid,
            harness_started: started(harness_pid)?,
        };
        std::fs::create_dir_all(folder).ok()?;
        let path = folder.join(format!("{run}-{pid}.{EXTENSION}"));
        std::fs::write(&path, serde_json::to_vec(&lease).ok()?).ok()?;
        Some(Self { path })
    }
}

impl Drop for LeaseFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Ends what runs that are gone have left, and removes their lease files. Answers with what was ended, for people.
///
/// A process is ended only if its id *and* its start time are those in the file, and its harness no longer runs.
pub(crate) fn sweep(folder: &Path) -> Vec<String> {
    let Ok(files) = std::fs::read_dir(folder) else { return Vec::new() };
    let leases = files.flatten().map(|f| f.path()).filter(|p| p.extension().is_some_and(|e| e == EXTENSION));
    leases.take(MOST).filter_map(|path| sweep_one(&path)).collect()
}

fn sweep_one(path: &Path) -> Option<String> {
    // The folder may lie where everybody writes: what others put there ends nothing of ours.
    let (owner, own) = (std::fs::symlink_metadata(path).ok()?.uid(), std::fs::metadata("/proc/self").ok()?.uid());
    if owner != own {
        return None;
    }
    let lease: Lease = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
    if started(lease.harness_pid) == Some(lease.harness_started) {
        return None;
    }
    let was_there = kill_group(lease.pid, lease.started);
    let _ = std::fs::remove_file(path);
    was_there.then(|| format!("{} (process {}) of run {} was left behind and has been ended", lease.what, lease.pid, lease.run))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::process::{Process, Program};

    fn sleeper() -> Process {
        Process::start(&Program { path: "/bin/sleep".into(), args: vec!["1000".into()], env: Vec::new() }).unwrap()
    }

    fn rewrite(path: &Path, change: impl FnOnce(&mut Lease)) {
        let mut lease: Lease = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        change(&mut lease);
        std::fs::write(path, serde_json::to_vec(&lease).unwrap()).unwrap();
    }

    #[tokio::test]
    async fn what_a_dead_harness_left_is_ended_and_what_a_living_one_holds_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let mut process = sleeper();
        let lease = LeaseFile::write(folder.path(), "R1", "a sleeper", process.pid()).unwrap();
        assert_eq!(sweep(folder.path()), Vec::<String>::new(), "its harness, this test, still runs");
        rewrite(&lease.path, |l| l.harness_started += 1);
        assert_eq!(sweep(folder.path()).len(), 1);
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&process.wait().await.unwrap()), Some(9));
        assert!(!lease.path.exists());
    }

    #[tokio::test]
    async fn a_process_that_only_has_the_same_id_is_never_ended() {
        let folder = tempfile::tempdir().unwrap();
        let mut process = sleeper();
        let lease = LeaseFile::write(folder.path(), "R1", "a sleeper", process.pid()).unwrap();
        rewrite(&lease.path, |l| (l.harness_started, l.started) = (l.harness_started + 1, l.started + 1));
        assert_eq!(sweep(folder.path()), Vec::<String>::new());
        assert!(process.ended().is_none() && !lease.path.exists());
    }
}
