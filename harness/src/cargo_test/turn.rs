//! Turns between test processes: whoever loads or breaks a target that was not started by its own process has it alone.

use crate::plan::{Alone, Entry, Plan};
use std::fs::{self, File, OpenOptions};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;
use std::path::Path;

/// Waits until this check may use its target; the turn ends when the file is dropped.
pub(super) fn take(folder: &Path, plan: &Plan, entry: &Entry) -> io::Result<Option<File>> {
    // What this process has started itself is nobody else's.
    if plan.provision.as_ref().is_some_and(|p| p.target == entry.check.target) {
        return Ok(None);
    }
    let Some(target) = plan.targets.get(&entry.check.target) else { return Ok(None) };
    let mut hasher = DefaultHasher::new();
    target.base.url.as_str().hash(&mut hasher);
    let locks = folder.join("turns");
    fs::create_dir_all(&locks)?;
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(locks.join(format!("{:016x}.lock", hasher.finish())))?;
    match entry.alone {
        Alone::No => file.lock_shared()?,
        Alone::OnTarget | Alone::OnStand => file.lock()?,
    }
    Ok(Some(file))
}
