//! Lease files: what this run has started or made, so that the next one can end and remove what a SIGKILL of this one left behind.

use crate::transport::process::{Mark, Process, kill_group, started};
use serde::{Deserialize, Serialize};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// Most lease files that one sweep looks at.
const MOST: usize = 1000;
const EXTENSION: &str = "lease";

/// One started process or folder that was made, on disk for as long as it is there.
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
    /// The process, and when it was started: together they name one process for ever.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    process: Option<Started>,
    /// The folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    folder: Option<PathBuf>,
    /// The harness that started it.
    harness_pid: u32,
    /// When that was started.
    harness_started: u64,
}

/// One process, for ever.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Started {
    pid: u32,
    started: u64,
    /// What its descendants are known by, also once it is gone itself.
    mark: Mark,
}

impl LeaseFile {
    /// Writes down a process that this run has started. `None` where the system does not say when a process was started, or
    /// the folder cannot be written: the child still ends when its standard input closes.
    pub(crate) fn write(folder: &Path, run: &str, what: &str, process: &Process) -> Option<Self> {
        let pid = process.pid();
        let process = Some(Started { pid, started: started(pid)?, mark: process.mark().clone() });
        Self::put(folder, &pid.to_string(), run, what, process, None)
    }

    /// Writes down a folder that this run has made for the part of this name. `None` as above: it is then removed only by this run.
    pub(crate) fn of_folder(folder: &Path, run: &str, part: &str, made: &Path) -> Option<Self> {
        Self::put(folder, made.file_name()?.to_str()?, run, &format!("the folder of {part}"), None, Some(made.to_owned()))
    }

    fn put(folder: &Path, name: &str, run: &str, what: &str, process: Option<Started>, made: Option<PathBuf>) -> Option<Self> {
        let harness_pid = std::process::id();
        let harness_started = started(harness_pid)?;
        let lease = Lease { what: what.to_owned(), run: run.to_owned(), process, folder: made, harness_pid, harness_started };
        std::fs::create_dir_all(folder).ok()?;
        let path = folder.join(format!("{run}-{name}.{EXTENSION}"));
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
    let left: Vec<(PathBuf, Lease)> = leases.take(MOST).filter_map(left_behind).collect();
    // A folder can be removed once nothing writes into it any more.
    let (folders, processes): (Vec<_>, Vec<_>) = left.into_iter().partition(|(_, lease)| lease.folder.is_some());
    processes.into_iter().chain(folders).filter_map(|(path, lease)| sweep_one(&path, &lease)).collect()
}

/// Why nothing can be written down in this folder, if so, for people.
pub(crate) fn unusable(folder: &Path) -> Option<String> {
    let why = std::fs::create_dir_all(folder).and_then(|()| tempfile::tempfile_in(folder)).err()?;
    let place = folder.display();
    Some(format!("what this run starts cannot be written down in {place} ({why}): were it killed, nobody would end that"))
}

/// What stands in this file, if its harness is gone.
fn left_behind(path: PathBuf) -> Option<(PathBuf, Lease)> {
    // The folder may lie where everybody writes: what others put there ends nothing of ours.
    let (owner, own) = (std::fs::symlink_metadata(&path).ok()?.uid(), std::fs::metadata("/proc/self").ok()?.uid());
    if owner != own {
        return None;
    }
    let lease: Lease = serde_json::from_slice(&std::fs::read(&path).ok()?).ok()?;
    (started(lease.harness_pid) != Some(lease.harness_started)).then_some((path, lease))
}

fn sweep_one(path: &Path, lease: &Lease) -> Option<String> {
    let Lease { what, run, .. } = lease;
    let told = match (&lease.process, &lease.folder) {
        (Some(process), _) => {
            let was_there = kill_group(process.pid, process.started, &process.mark);
            was_there.then(|| format!("{what} (process {}) of run {run} was left behind and has been ended", process.pid))
        }
        (None, Some(folder)) => {
            let was_there = folder.exists();
            let told = match super::folder::remove(folder) {
                true => format!("{what} ({}) of run {run} was left behind and has been removed", folder.display()),
                false => format!("{what} ({}) of run {run} was left behind and cannot be removed", folder.display()),
            };
            was_there.then_some(told)
        }
        (None, None) => None,
    };
    let _ = std::fs::remove_file(path);
    told
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::process::Program;

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
        let lease = LeaseFile::write(folder.path(), "R1", "a sleeper", &process).unwrap();
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
        let lease = LeaseFile::write(folder.path(), "R1", "a sleeper", &process).unwrap();
        rewrite(&lease.path, |l| {
            l.harness_started += 1;
            let process = l.process.as_mut().unwrap();
            process.started += 1;
            process.mark = Mark::fresh();
        });
        assert_eq!(sweep(folder.path()), Vec::<String>::new());
        assert!(process.ended().is_none() && !lease.path.exists());
    }

    #[test]
    fn a_folder_in_which_nothing_can_be_written_down_is_told() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(unusable(&folder.path().join("leases")), None);
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert!(unusable(&file).unwrap().contains("cannot be written down"));
    }

    #[test]
    fn a_folder_that_a_dead_harness_left_is_removed_and_no_other() {
        let leases = tempfile::tempdir().unwrap();
        for (name, is_removed) in [("allclear-part-x", true), ("documents", false)] {
            let made = leases.path().join(name);
            std::fs::create_dir(&made).unwrap();
            let lease = LeaseFile::of_folder(leases.path(), "R1", "db", &made).unwrap();
            assert_eq!(sweep(leases.path()), Vec::<String>::new(), "its harness, this test, still runs");
            rewrite(&lease.path, |l| l.harness_started += 1);
            assert_eq!(sweep(leases.path()).len(), 1);
            assert_eq!(!made.exists(), is_removed, "{name}");
        }
    }
}
