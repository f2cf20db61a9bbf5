//! A folder of a part's own: empty when the part is started first, kept while it is killed and started again, gone at the end.

use super::lease::LeaseFile;
use crate::transport::process::Account;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What the names of such folders begin with: nothing else is ever removed.
const PREFIX: &str = "allclear-part-";
/// How often a removal is tried. A program that was killed may have children that write for a moment longer.
const TRIES: u32 = 25;
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(20);

/// The folder. Removed when dropped.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    lease: Option<LeaseFile>,
}

impl Folder {
    /// Makes one for the part of this name, among the temporary files of the system; only this account may look into it.
    ///
    /// # Errors
    /// What the system said.
    pub(super) fn make(leases: &Path, run: &str, part: &str, account: Option<Account>) -> std::io::Result<Self> {
        let path = tempfile::Builder::new().prefix(PREFIX).tempdir()?.keep();
        let lease = LeaseFile::of_folder(leases, run, part, &path);
        let folder = Self { path, lease };
        if let Some(account) = account {
            std::os::unix::fs::chown(&folder.path, Some(account.uid), Some(account.gid))?;
        }
        Ok(folder)
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !remove(&self.path) {
            // The next run tries again.
            std::mem::forget(self.lease.take());
        }
    }
}

/// Removes a folder that a part had, and nothing else. Answers whether it is gone.
pub(super) fn remove(path: &Path) -> bool {
    let is_ours = path.is_absolute() && path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(PREFIX));
    for _ in 0..TRIES {
        match std::fs::symlink_metadata(path) {
            Err(error) => return error.kind() == std::io::ErrorKind::NotFound,
            Ok(found) if !is_ours || !found.is_dir() => return false,
            Ok(_) => {}
        }
        if std::fs::remove_dir_all(path).is_ok() {
            return true;
        }
        std::thread::sleep(PAUSE);
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_with_everything_in_it_and_so_does_its_lease() {
        let leases = tempfile::tempdir().unwrap();
        let folder = Folder::make(leases.path(), "R1", "db", None).unwrap();
        let path = folder.path().to_owned();
        std::fs::create_dir(path.join("data")).unwrap();
        std::fs::write(path.join("data/file"), "x").unwrap();
        assert_eq!(std::fs::read_dir(leases.path()).unwrap().count(), 1);
        drop(folder);
        assert!(!path.exists());
        assert_eq!(std::fs::read_dir(leases.path()).unwrap().count(), 0);
    }

    #[test]
    fn nothing_else_is_removed() {
        let other = tempfile::tempdir().unwrap();
        assert!(!remove(other.path()) && other.path().exists(), "another name");
        let link = other.path().join("allclear-part-link");
        std::fs::create_dir(other.path().join("target")).unwrap();
        std::os::unix::fs::symlink(other.path().join("target"), &link).unwrap();
        assert!(!remove(&link) && other.path().join("target").exists(), "a link to somewhere");
        assert!(!remove(Path::new("allclear-part-relative")) || !Path::new("allclear-part-relative").exists());
    }
}
