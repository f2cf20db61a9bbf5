//! The door through which suites reach files: samples and schemas, read while the suite is read, so that a missing one is told at its line.

use crate::reader::{Complaint, Node};
use bytes::Bytes;
use std::{cell::RefCell, rc::Rc};

/// Finds the files that a suite names. Nothing else is read.
pub trait Files {
    /// A sample: beside the suite, in `--samples DIR`, in `./media-samples`.
    ///
    /// # Errors
    /// Why it cannot be had, and where it was looked for, in a sentence without a full stop.
    fn sample(&self, name: &str) -> Result<Bytes, String>;

    /// A JSON Schema: beside the suite.
    ///
    /// # Errors
    /// As for samples.
    fn schema(&self, name: &str) -> Result<Bytes, String>;
}

thread_local! {
    /// Serde carries no context through `Deserialize`, so the files of the suite that is being read stand here meanwhile.
    static OPEN: RefCell<Option<Rc<dyn Files>>> = const { RefCell::new(None) };
}

/// Reads specs with these files at hand. Without them a spec that names a file is refused.
pub fn with_files<T>(files: Rc<dyn Files>, read: impl FnOnce() -> T) -> T {
    /// Puts back what stood there, also on panic.
    struct Back(Option<Rc<dyn Files>>);
    impl Drop for Back {
        fn drop(&mut self) {
            let before = self.0.take();
            OPEN.with_borrow_mut(|open| *open = before);
        }
    }
    let _back = Back(OPEN.with_borrow_mut(|open| open.replace(files)));
    read()
}

/// The sample that a node names.
pub(super) fn sample(node: &Node) -> Result<(String, Bytes), Complaint> {
    let name = named(node)?;
    let bytes = find(|files| files.sample(name)).map_err(|why| Complaint::new(format!("sample `{name}`: {why}")).at(node))?;
    Ok((name.to_owned(), bytes))
}

/// The schema of that name.
#[cfg(feature = "schema")]
pub(super) fn schema(name: &str) -> Result<Bytes, String> {
    find(|files| files.schema(name))
}

/// A file name that a suite may give: known before the run, relative, and staying in its folder.
pub(super) fn named(node: &Node) -> Result<&str, Complaint> {
    let name = super::text::known(node)?;
    let stays = !name.is_empty()
        && !name.starts_with(['/', '\\'])
        && !name.contains(['\0', ':'])
        && name.split(['/', '\\']).all(|part| part != "..");
    if stays { Ok(name) } else { Err(Complaint::expected("the name of a file beside the suite or below it").at(node)) }
}

fn find<T>(look: impl FnOnce(&dyn Files) -> Result<T, String>) -> Result<T, String> {
    let files = OPEN.with_borrow(Option::clone);
    files.map_or_else(|| Err("no files can be read here".to_owned()), |files| look(&*files))
}
