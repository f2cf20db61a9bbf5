//! A report's file: opened before the run, replaced as a whole at its end, never through a symbolic link.

use super::ReportError;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// Where a report goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// Standard output, written `-`.
    Stdout,
    /// A file. Missing folders above it are made.
    File(PathBuf),
}

impl Destination {
    /// Reads what stands behind `FORMAT=`: `-` and `/dev/stdout` are standard output, which may be a file that must not be
    /// replaced; anything else is a path.
    #[must_use]
    pub fn of(path: PathBuf) -> Self {
        if path.as_os_str() == "-" || path.as_os_str() == "/dev/stdout" { Self::Stdout } else { Self::File(path) }
    }
}

impl std::fmt::Display for Destination {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Stdout => f.write_str("standard output"),
            Self::File(path) => write!(f, "{}", path.display()),
        }
    }
}

/// A report that is written as a whole. Until [`ReportFile::commit`] there is no file under its name: an old one is removed
/// when this is opened, so that a stale green report can never be taken for a new one.
#[derive(Debug)]
pub struct ReportFile {
    destination: Destination,
    temp: Option<NamedTempFile>,
    durable: bool,
}

impl ReportFile {
    /// Makes the folders, removes an old report and opens a new file beside its place.
    ///
    /// # Errors
    /// [`ReportError`] if any of it is refused, or if the path is a folder, a device, a pipe or a socket.
    pub fn open(destination: &Destination, durable: bool) -> Result<Self, ReportError> {
        let temp = match destination {
            Destination::Stdout => None,
            Destination::File(path) => Some(prepare(path).and_then(|folder| beside(&folder)).map_err(|e| ReportError::open(path, e))?),
        };
        Ok(Self { destination: destination.clone(), temp, durable })
    }

    /// Writes the whole report and gives it its name. With `durable` it is on disk when this returns.
    ///
    /// # Errors
    /// [`ReportError`] if the disk is full or the folder was taken away; then nothing stands under the name.
    pub fn commit(self, bytes: &[u8]) -> Result<(), ReportError> {
        match (self.temp, &self.destination) {
            (Some(mut temp), Destination::File(path)) => {
                let mut write = || {
                    temp.as_file_mut().write_all(bytes)?;
                    if self.durable { temp.as_file().sync_all() } else { Ok(()) }
                };
                write().map_err(|e| ReportError::write(&self.destination, e))?;
                temp.persist(path).map_err(|e| ReportError::write(&self.destination, e.error))?;
                if self.durable {
                    File::open(folder_of(path)).and_then(|f| f.sync_all()).map_err(|e| ReportError::write(&self.destination, e))?;
                }
                Ok(())
            }
            _ => super::writer::out(&String::from_utf8_lossy(bytes)).map_err(|e| ReportError::write(&self.destination, e)),
        }
    }
}

/// A report that grows line by line under its own name, so that a run that is killed can still be told.
#[derive(Debug)]
pub struct LiveFile {
    destination: Destination,
    file: Option<File>,
    durable: bool,
}

/// How often another run may put its own file into the place while ours is made. Two runs meet once; more is no accident.
const MEETINGS: usize = 16;

/// Removes an old file and starts an empty one, also where another run does the same at this moment: the last one wins.
fn start_new(path: &Path) -> io::Result<File> {
    let mut met = io::ErrorKind::AlreadyExists.into();
    for _ in 0..MEETINGS {
        prepare(path)?;
        // `create_new` does not follow a link that someone put there in between.
        match OpenOptions::new().append(true).create_new(true).open(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => met = error,
            done => return done,
        }
    }
    Err(met)
}

impl LiveFile {
    /// Makes the folders, removes an old report and starts a new, empty one.
    ///
    /// # Errors
    /// As [`ReportFile::open`].
    pub fn open(destination: &Destination, durable: bool) -> Result<Self, ReportError> {
        let file = match destination {
            Destination::Stdout => None,
            Destination::File(path) => Some(start_new(path).map_err(|e| ReportError::open(path, e))?),
        };
        Ok(Self { destination: destination.clone(), file, durable })
    }

    /// Appends whole lines in one call, so that they are there even if the process dies right after.
    ///
    /// # Errors
    /// [`ReportError`] if the disk is full.
    pub fn append(&mut self, lines: &str) -> Result<(), ReportError> {
        match &mut self.file {
            Some(file) => file.write_all(lines.as_bytes()),
            None => super::writer::out(lines),
        }
        .map_err(|e| ReportError::write(&self.destination, e))
    }

    /// Ends the report. With `durable` it is on disk when this returns.
    ///
    /// # Errors
    /// [`ReportError`] if the disk refuses.
    pub fn close(&mut self) -> Result<(), ReportError> {
        match &self.file {
            Some(file) if self.durable => file.sync_all().map_err(|e| ReportError::write(&self.destination, e)),
            _ => Ok(()),
        }
    }
}

/// Removes an old report without opening one: for a run that ends before its reports are opened (exit 2).
///
/// # Errors
/// [`ReportError`] if something stands there that cannot be removed, or is no report's place.
pub fn remove_stale(destination: &Destination) -> Result<(), ReportError> {
    match destination {
        Destination::Stdout => Ok(()),
        Destination::File(path) => clear(path).map_err(|e| ReportError::open(path, e)),
    }
}

fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

fn prepare(path: &Path) -> io::Result<PathBuf> {
    if path.file_name().is_none() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it names no file"));
    }
    let folder = folder_of(path);
    fs::create_dir_all(&folder)?;
    clear(path)?;
    Ok(folder)
}

/// Takes an old report away. A link is removed itself, not what it points at; devices, pipes and the links to them
/// (`/dev/stdout`) are refused rather than replaced.
fn clear(path: &Path) -> io::Result<()> {
    let other = |what: &str| Err(io::Error::new(io::ErrorKind::InvalidInput, format!("it is {what}; `-` writes to standard output")));
    match fs::symlink_metadata(path) {
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(()),
        Err(e) => Err(e),
        Ok(found) if found.is_dir() => other("a folder"),
        // Wherever the stream leads at this moment: with standard output sent to a file, `/dev/stdout` is a link to a plain file.
        Ok(found) if found.is_symlink() && fs::read_link(path).is_ok_and(|to| to.starts_with("/proc") || to.starts_with("/dev")) => {
            other("a link to an open stream or a device")
        }
        Ok(found) if found.is_symlink() && fs::metadata(path).is_ok_and(|to| !to.is_file() && !to.is_dir()) => {
            other("a link to a device or a pipe")
        }
        Ok(found) if !found.is_file() && !found.is_symlink() => other("a device or a pipe"),
        // Another run may have taken it away in between.
        Ok(_) => fs::remove_file(path).or_else(|e| if e.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(e) }),
    }
}

fn beside(folder: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".allclear-").suffix(".part");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // As an ordinary new file: CI systems collect reports under another user. The umask still applies.
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(path: &Path) -> Destination {
        Destination::File(path.to_owned())
    }

    #[test]
    fn a_report_appears_only_as_a_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("deep/er/junit.xml");
        let file = ReportFile::open(&at(&path), true).unwrap();
        assert!(!path.exists());
        file.commit(b"whole").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn an_old_report_is_gone_as_soon_as_the_new_one_is_opened_and_stays_gone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("junit.xml");
        fs::write(&path, "green").unwrap();
        drop(ReportFile::open(&at(&path), false).unwrap());
        assert!(!path.exists());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
        fs::write(&path, "green").unwrap();
        remove_stale(&at(&path)).unwrap();
        remove_stale(&at(&path)).unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn a_live_report_can_be_read_before_it_is_closed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("events.jsonl");
        fs::write(&path, "old\n").unwrap();
        let mut live = LiveFile::open(&at(&path), true).unwrap();
        live.append("one\n").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"one\n");
        live.append("two\n").unwrap();
        live.close().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"one\ntwo\n");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_replaced_and_what_it_points_at_is_not_touched() {
        let dir = tempfile::tempdir().unwrap();
        let (victim, link) = (dir.path().join("victim"), dir.path().join("junit.xml"));
        fs::write(&victim, "precious").unwrap();
        for live in [false, true] {
            let _ = fs::remove_file(&link);
            std::os::unix::fs::symlink(&victim, &link).unwrap();
            if live {
                LiveFile::open(&at(&link), false).unwrap().append("report").unwrap();
            } else {
                ReportFile::open(&at(&link), false).unwrap().commit(b"report").unwrap();
            }
            assert_eq!(fs::read(&victim).unwrap(), b"precious");
            assert_eq!(fs::read(&link).unwrap(), b"report");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_path_that_cannot_be_written_is_told_when_it_is_opened() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        // As `/dev/stdout` is made, and standard output sent to a file. The real one is not put at risk here.
        use std::os::fd::AsRawFd as _;
        let stream = fs::File::create(dir.path().join("out.txt")).unwrap();
        let (to_stream, to_device) = (dir.path().join("stdout"), dir.path().join("null"));
        std::os::unix::fs::symlink(format!("/proc/self/fd/{}", stream.as_raw_fd()), &to_stream).unwrap();
        std::os::unix::fs::symlink("/dev/null", &to_device).unwrap();
        for (path, why) in [
            (dir.path().to_owned(), "it is a folder"),
            (to_stream.clone(), "it is a link to an open stream"),
            (to_device.clone(), "it is a link to an open stream or a device"),
            (file.join("below/junit.xml"), "Not a directory"),
            (PathBuf::from("/dev/null"), "it is a device or a pipe"),
            (PathBuf::from("/proc/nowhere/junit.xml"), ""),
            (PathBuf::from("bad\0name"), "NUL"),
            (PathBuf::from("x".repeat(4096)), ""),
        ] {
            for error in [ReportFile::open(&at(&path), false).err(), LiveFile::open(&at(&path), false).err()] {
                let error = error.expect("cannot be opened").to_string();
                assert!(error.contains(why), "{error}");
            }
        }
        assert!(to_stream.is_symlink() && to_device.is_symlink(), "what is refused is left alone");
    }
}
