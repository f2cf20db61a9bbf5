//! The files: looked over before anything is sent, checked by our own lint before they are written, and all written or none.

use super::super::World;
use super::super::failure::Failure;
use super::place::Place;
use super::{super::args::SchemaOf, super::schema, text};
use crate::plan::{Inputs, Plan};
use crate::suite::Given;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// Suite and environment as text.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) suite: String,
    pub(super) environment: String,
}

impl Draft {
    /// Makes the plan that a run would make of them, in a folder that goes with this call.
    ///
    /// # Errors
    /// What lint says of our own text is our mistake, and told as that.
    pub(super) fn plan(
        &self,
        name: &str,
        place: &Place,
        world: &World,
        make: impl FnOnce(&Inputs) -> Result<Plan, Failure>,
    ) -> Result<Plan, Failure> {
        let ours = |what: String| Failure::Harness(format!("{what}\nthis is a mistake of allclear init; nothing was written"));
        if text::tells_a_secret(&self.suite, place.secrets.values()) || text::tells_a_secret(&self.environment, place.secrets.values()) {
            return Err(ours("a secret stands in what would be written".to_owned()));
        }
        let folder =
            tempfile::tempdir().map_err(|e| Failure::Harness(format!("the folder for temporary files: {e}; nothing was written")))?;
        let put = |path: PathBuf, text: &str| {
            let made = fs::create_dir_all(path.parent().unwrap_or(folder.path())).and_then(|()| fs::write(&path, text));
            made.map_err(|e| Failure::Harness(format!("{}: {e}; nothing was written", path.display())))
        };
        put(folder.path().join(suite_name(name)), &self.suite)?;
        put(folder.path().join(environment_name(name)), &self.environment)?;
        let secrets = place.secrets.iter().map(|(name, secret)| (name.clone(), secret.expose().to_owned())).collect();
        let inputs = Inputs {
            paths: vec![folder.path().to_owned()],
            environment: Some(name.to_owned()),
            given: Given { secrets, process: world.vars.clone(), ..Given::default() },
            ..Inputs::default()
        };
        let plan = make(&inputs).map_err(|refused| ours(refused.to_string()))?;
        match plan.entries.iter().find_map(|entry| Some((&entry.check.id, entry.skip.as_ref()?))) {
            Some((check, why)) => Err(ours(format!("{check} would be skipped: {why}"))),
            None => Ok(plan),
        }
    }
}

fn suite_name(name: &str) -> String {
    format!("{name}.suite.yaml")
}

fn environment_name(name: &str) -> String {
    format!("environments/{name}.env.yaml")
}

/// Where they go.
#[derive(Debug)]
pub(super) struct Files {
    folder: PathBuf,
    name: String,
    force: bool,
}

/// What became of them.
#[derive(Debug)]
pub(super) struct Written {
    /// New, or replaced.
    pub(super) files: Vec<PathBuf>,
    /// Schemas that were there and are not those of this version: left alone.
    pub(super) old: Vec<PathBuf>,
}

impl Files {
    pub(super) fn new(folder: &Path, name: &str, force: bool) -> Self {
        // `./suites` is shown as people type it.
        let plain: PathBuf = folder.components().filter(|c| *c != std::path::Component::CurDir).collect();
        let folder = if plain.as_os_str().is_empty() { PathBuf::from(".") } else { plain };
        Self { folder, name: name.to_owned(), force }
    }

    /// The suite's path.
    pub(super) fn suite(&self) -> PathBuf {
        self.folder.join(suite_name(&self.name))
    }

    fn environment(&self) -> PathBuf {
        self.folder.join(environment_name(&self.name))
    }

    /// Whether they may be written, as far as that can be known before.
    ///
    /// # Errors
    /// 2 where one of them is there; 3 where the folder takes no file.
    pub(super) fn look_over(&self) -> Result<(), Failure> {
        for path in [self.suite(), self.environment()] {
            match fs::symlink_metadata(&path) {
                Ok(found) if found.is_dir() => {
                    return Err(Failure::NeverStarted(format!(
                        "{}: expected a file or nothing, got a folder\n  help: choose another --name",
                        path.display()
                    )));
                }
                Ok(_) if !self.force => {
                    return Err(Failure::NeverStarted(format!(
                        "{}: is there already, and is not overwritten; nothing was sent\n  help: choose another --name, or say --force",
                        path.display()
                    )));
                }
                _ => {}
            }
        }
        // The folder that is there already, and in which others would be made.
        for folder in [self.folder.clone(), self.folder.join("environments")] {
            let there = folder.ancestors().map(|p| if p.as_os_str().is_empty() { Path::new(".") } else { p }).find(|p| p.exists());
            if let Some(there) = there {
                tempfile::tempfile_in(there).map_err(|e| {
                    Failure::Harness(format!(
                        "{}: a file cannot be made there: {e}; nothing was sent\n  help: choose another folder by --out DIR",
                        there.display()
                    ))
                })?;
            }
        }
        Ok(())
    }

    /// Writes all of them, or leaves all as it was.
    ///
    /// # Errors
    /// 2 where a file has come to be there meanwhile, 3 where the system refuses.
    pub(super) fn write(&self, draft: &Draft) -> Result<Written, Failure> {
        let mut all = vec![(self.suite(), draft.suite.clone()), (self.environment(), draft.environment.clone())];
        let mut old = Vec::new();
        for (name, of) in [("suite.schema.json", SchemaOf::Suite), ("environment.schema.json", SchemaOf::Environment)] {
            let (path, text) = (self.folder.join(name), schema::text(of));
            match fs::symlink_metadata(&path) {
                Ok(_) if fs::read(&path).is_ok_and(|there| there == text.as_bytes()) => {}
                // Others may rely on it, and the suite does not: editors alone read it.
                Ok(_) if !self.force => old.push(path),
                _ => all.push((path, text)),
            }
        }
        put_all(&all, self.force).map_err(|(path, e)| {
            let shown = path.display();
            match e.kind() {
                io::ErrorKind::AlreadyExists => {
                    Failure::NeverStarted(format!("{shown}: has come to be there meanwhile; nothing was written"))
                }
                _ => Failure::Harness(format!(
                    "{shown}: cannot be written: {e}; nothing was written\n  help: choose another folder by --out DIR"
                )),
            }
        })?;
        Ok(Written { files: all.into_iter().map(|(path, _)| path).collect(), old })
    }
}

/// Everything beside its place first, and then into it one by one; what cannot be is taken back.
fn put_all(all: &[(PathBuf, String)], force: bool) -> Result<(), (PathBuf, io::Error)> {
    let mut folders = Vec::new();
    let mut placed: Vec<(&Path, Option<Vec<u8>>)> = Vec::new();
    let done = place_all(all, force, &mut folders, &mut placed);
    if done.is_err() {
        for (path, before) in placed.into_iter().rev() {
            // As well as can be: that it failed is told in any case.
            let _ = match before {
                Some(bytes) => fs::write(path, bytes),
                None => fs::remove_file(path),
            };
        }
        for folder in folders.into_iter().rev() {
            let _ = fs::remove_dir(folder);
        }
    }
    done
}

fn place_all<'a>(
    all: &'a [(PathBuf, String)],
    force: bool,
    folders: &mut Vec<PathBuf>,
    placed: &mut Vec<(&'a Path, Option<Vec<u8>>)>,
) -> Result<(), (PathBuf, io::Error)> {
    let mut temporary = Vec::new();
    for (path, text) in all {
        temporary.push((path, beside(path, text, folders).map_err(|e| (path.clone(), e))?));
    }
    for (path, file) in temporary {
        let before = if force { fs::read(path).ok() } else { None };
        let kept = if force { file.persist(path) } else { file.persist_noclobber(path) };
        kept.map_err(|e| (path.clone(), e.error))?;
        placed.push((path, before));
    }
    Ok(())
}

/// The whole text in a file of another name in the same folder, on disk.
fn beside(path: &Path, text: &str, folders: &mut Vec<PathBuf>) -> io::Result<NamedTempFile> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let missing: Vec<&Path> = folder.ancestors().take_while(|p| !p.as_os_str().is_empty() && !p.exists()).collect();
    for folder in missing.into_iter().rev() {
        fs::create_dir(folder)?;
        folders.push(folder.to_owned());
    }
    let mut builder = tempfile::Builder::new();
    builder.prefix(".allclear-").suffix(".part");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // As an ordinary new file; the umask still applies.
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_written_whole_leaves_all_as_it_was() {
        let folder = tempfile::tempdir().expect("there is room");
        let path = |name: &str| folder.path().join(name);
        fs::write(path("old"), "before").expect("a new folder takes files");
        fs::create_dir(path("blocked")).expect("a new folder takes folders");
        let all = |names: [&str; 3]| names.map(|name| (path(name), "after".to_owned()));
        // The last one cannot take the place of a folder.
        put_all(&all(["old", "new/deep/file", "blocked"]), true).expect_err("a folder is in the way");
        assert_eq!(fs::read_to_string(path("old")).ok().as_deref(), Some("before"));
        assert!(!path("new").exists());
        // Without force nothing that is there is replaced, and what came before it goes.
        let (which, why) = put_all(&all(["first", "new/deep/file", "old"]), false).expect_err("it is there");
        assert_eq!((which, why.kind()), (path("old"), io::ErrorKind::AlreadyExists));
        assert!(!path("first").exists() && !path("new").exists());
        assert_eq!(fs::read_dir(folder.path()).map(Iterator::count).ok(), Some(2), "nothing half-written stays");
        put_all(&all(["old", "new/deep/file", "first"]), true).expect("nothing is in the way");
        assert_eq!(fs::read_to_string(path("old")).ok().as_deref(), Some("after"));
    }
}
