//! The one writer of the process: everything for stdout and stderr leaves here, with secrets masked.

use crate::model::Redactor;
use std::borrow::Cow;
use std::io::{self, Write};
use std::sync::{
    Arc, RwLock,
    atomic::{AtomicBool, Ordering},
};

/// Every redactor that was made known, oldest first. A process may hold several runs (as `cargo test` does), so a later
/// one adds to the earlier ones.
static KNOWN: RwLock<Vec<Arc<Redactor>>> = RwLock::new(Vec::new());

/// Set once a reader of stdout has gone away; what follows is dropped.
static STDOUT_CLOSED: AtomicBool = AtomicBool::new(false);

/// Makes secrets known to the writer: from now on they leave the process as `***`. Call it as soon as values are resolved.
pub fn learn(redactor: Arc<Redactor>) {
    KNOWN.write().unwrap_or_else(std::sync::PoisonError::into_inner).push(redactor);
}

/// The text with every known secret masked.
#[must_use]
pub fn mask(text: &str) -> Cow<'_, str> {
    let known = KNOWN.read().unwrap_or_else(std::sync::PoisonError::into_inner);
    known.iter().fold(Cow::Borrowed(text), |text, redactor| match redactor.mask(&text) {
        Cow::Borrowed(_) => text,
        Cow::Owned(masked) => Cow::Owned(masked),
    })
}

/// Writes machine output to stdout, masked and flushed. A reader that has gone away (`| head`) is not an error: the rest is
/// dropped quietly.
///
/// # Errors
/// Anything else that stdout refuses, such as a full disk behind it.
pub fn out(text: &str) -> io::Result<()> {
    write_unless_closed(&mut io::stdout().lock(), &STDOUT_CLOSED, text)
}

fn write_unless_closed(to: &mut impl Write, closed: &AtomicBool, text: &str) -> io::Result<()> {
    if closed.load(Ordering::Relaxed) {
        return Ok(());
    }
    match to.write_all(mask(text).as_bytes()).and_then(|()| to.flush()) {
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => {
            closed.store(true, Ordering::Relaxed);
            Ok(())
        }
        other => other,
    }
}

/// Writes text for people to stderr, masked. Never fails: where stderr is gone there is nobody left to tell.
pub fn err(text: &str) {
    let _ = io::stderr().lock().write_all(mask(text).as_bytes());
}

/// Standard error as an [`io::Write`] that masks. Give it whole lines: a secret cut in two by two calls is not known again.
#[derive(Debug, Default)]
pub struct Stderr;

impl Write for Stderr {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        err(&String::from_utf8_lossy(buf));
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Standard output as an [`io::Write`] that masks. Give it whole lines.
#[derive(Debug, Default)]
pub struct Stdout;

impl Write for Stdout {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        out(&String::from_utf8_lossy(buf)).map(|()| buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Makes a panic tell its message and place through this writer: masked, inert, without the values of a backtrace.
pub fn install_panic_hook() {
    std::panic::set_hook(Box::new(|info| {
        let said = info.payload();
        let said = said.downcast_ref::<&str>().copied().or_else(|| said.downcast_ref::<String>().map(String::as_str));
        err(&panic_text(said.unwrap_or("no message"), info.location().map(ToString::to_string)));
    }));
}

fn panic_text(said: &str, place: Option<String>) -> String {
    // Masked before it is made inert: an escape put into the middle of a secret would hide it from the redactor.
    let said = mask(said);
    format!("allclear: internal error, please report it: {} ({})\n", super::inert::line(&said), place.as_deref().unwrap_or("no place"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Secret;

    #[test]
    fn a_secret_that_was_learnt_leaves_neither_in_text_nor_in_a_panic() {
        learn(Arc::new(Redactor::new([&Secret::new("wr1ter-t0ken-\u{1b}-one")])));
        learn(Arc::new(Redactor::new([&Secret::new("wr1ter-t0ken-two")])));
        assert_eq!(mask("a wr1ter-t0ken-\u{1b}-one b wr1ter-t0ken-two"), "a *** b ***");
        let told = panic_text("called with wr1ter-t0ken-\u{1b}-one\n::error::", Some("src/x.rs:1:2".into()));
        assert_eq!(told, "allclear: internal error, please report it: called with ***\\n::error:: (src/x.rs:1:2)\n");
    }

    #[test]
    fn a_reader_that_went_away_is_no_error_and_a_full_disk_is() {
        let closed = AtomicBool::new(false);
        let (reader, mut pipe) = io::pipe().unwrap();
        write_unless_closed(&mut pipe, &closed, "one\n").unwrap();
        assert!(!closed.load(Ordering::Relaxed));
        drop(reader);
        write_unless_closed(&mut pipe, &closed, "two\n").unwrap();
        assert!(closed.load(Ordering::Relaxed), "what follows is dropped without another try");
        write_unless_closed(&mut pipe, &closed, "three\n").unwrap();
        if let Ok(mut full) = std::fs::OpenOptions::new().write(true).open("/dev/full") {
            let error = write_unless_closed(&mut full, &AtomicBool::new(false), "one\n").unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        }
    }

    #[test]
    fn text_without_a_secret_is_not_copied() {
        assert!(matches!(mask("nothing in here"), Cow::Borrowed(_)));
    }
}
