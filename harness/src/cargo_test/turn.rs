//! Turns between test processes: whoever loads or breaks a target that was not started by its own process has it alone.

use crate::plan::{Alone, Plan};
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;
use std::path::{Path, PathBuf};

/// The lock files of one workspace.
pub(super) struct Turns {
    folder: PathBuf,
    /// The target that lives in this very process.
    own: Option<String>,
}

impl Turns {
    /// Turns by files in `folder/turns`.
    pub(super) fn new(folder: &Path, own: Option<String>) -> Self {
        Self { folder: folder.join("turns"), own }
    }

    /// Waits until this check, with all that it pulls, may use its targets. The turn ends when the files are dropped, also by
    /// the death of the process.
    pub(super) fn take(&self, plan: &Plan, index: usize) -> io::Result<Vec<File>> {
        let wanted = self.wanted(plan, index);
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        fs::create_dir_all(&self.folder)?;
        // In one order for everybody, so that nobody waits in a circle.
        wanted.into_iter().map(|(origin, alone)| self.lock(&origin, alone)).collect()
    }

    /// The targets that others may use too, by origin, and whether one must be had alone.
    fn wanted(&self, plan: &Plan, index: usize) -> BTreeMap<String, Alone> {
        let mut wanted = BTreeMap::new();
        let (mut open, mut seen) = (vec![index], vec![false; plan.entries.len()]);
        while let Some(i) = open.pop() {
            if std::mem::replace(&mut seen[i], true) {
                continue;
            }
            let entry = &plan.entries[i];
            open.extend(entry.needs.iter().chain(&entry.gates));
            let name = &*entry.check.target;
            let is_ours = self.own.as_deref() == Some(name) || plan.provision.as_ref().is_some_and(|p| &*p.target == name);
            let Some(target) = plan.targets.get(name).filter(|_| !is_ours) else { continue };
            let alone = wanted.entry(target.base.url.origin().ascii_serialization()).or_insert(Alone::No);
            *alone = entry.alone.max(*alone);
        }
        wanted
    }

    fn lock(&self, origin: &str, alone: Alone) -> io::Result<File> {
        let mut hasher = DefaultHasher::new();
        origin.hash(&mut hasher);
        let path = self.folder.join(format!("{:016x}.lock", hasher.finish()));
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
        match alone {
            Alone::No => file.lock_shared()?,
            Alone::OnTarget | Alone::OnStand => file.lock()?,
        }
        Ok(file)
    }
}
