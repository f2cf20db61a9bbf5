//! The files that a suite may name: samples and schemas, found beside it and in the folders for samples. Nothing else is read.

use crate::words::Files;
use bytes::Bytes;
use std::{
    cell::RefCell,
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
};

/// Where samples are found when neither the suite's folder nor `--samples` has them.
const SAMPLES: &str = "media-samples";
/// Largest sample: it is held in memory while checks send it.
const MOST_SAMPLE_BYTES: u64 = 256 << 20;
/// Largest JSON Schema.
const MOST_SCHEMA_BYTES: u64 = 4 << 20;

/// The folders of one suite. What was read is kept, so that a hundred checks share one sample.
#[derive(Debug)]
pub(crate) struct Folder {
    beside: PathBuf,
    samples: Option<PathBuf>,
    read: RefCell<HashMap<PathBuf, Bytes>>,
}

impl Folder {
    /// `beside`: the folder of the suite; `samples`: what `--samples` says.
    pub(crate) fn new(beside: PathBuf, samples: Option<PathBuf>) -> Self {
        Self { beside, samples, read: RefCell::default() }
    }

    fn find(&self, folders: &[&Path], name: &str, most: u64) -> Result<Bytes, String> {
        for folder in folders {
            let path = folder.join(name);
            if let Some(bytes) = self.read.borrow().get(&path) {
                return Ok(bytes.clone());
            }
            match read(&path, most) {
                Ok(bytes) => {
                    self.read.borrow_mut().insert(path, bytes.clone());
                    return Ok(bytes);
                }
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                Err(e) => return Err(format!("{}: {e}", path.display())),
            }
        }
        let looked: Vec<String> =
            folders.iter().map(|f| if f.as_os_str().is_empty() { "`.`".to_owned() } else { format!("`{}`", f.display()) }).collect();
        Err(format!("no such file in {}", looked.join(", ")))
    }
}

impl Files for Folder {
    fn sample(&self, name: &str) -> Result<Bytes, String> {
        let given = self.samples.as_deref();
        let folders: Vec<&Path> = [Some(&*self.beside), given, Some(Path::new(SAMPLES))].into_iter().flatten().collect();
        self.find(&folders, name, MOST_SAMPLE_BYTES)
    }

    fn schema(&self, name: &str) -> Result<Bytes, String> {
        self.find(&[&self.beside], name, MOST_SCHEMA_BYTES)
    }
}

fn read(path: &Path, most: u64) -> io::Result<Bytes> {
    let meta = fs::metadata(path)?;
    if !meta.is_file() {
        return Err(io::Error::other("not a plain file"));
    }
    if meta.len() > most {
        return Err(io::Error::other(format!("{} bytes, more than {}", meta.len(), crate::model::Size(most))));
    }
    fs::read(path).map(Bytes::from)
}
