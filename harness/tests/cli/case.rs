//! A folder with files of its own, and the binary run inside it.

use super::program::allclear;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// What a call of the binary left to be seen.
#[derive(Debug)]
pub struct Seen {
    /// The exit code; `None` if a signal ended it.
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Seen {
    #[track_caller]
    pub fn ends(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        self
    }

    /// Standard error holds this text.
    #[track_caller]
    pub fn tells(self, text: &str) -> Self {
        assert!(self.err.contains(text), "not told: {text}\nstderr:\n{}\nstdout:\n{}", self.err, self.out);
        self
    }

    /// Standard output holds this text.
    #[track_caller]
    pub fn prints(self, text: &str) -> Self {
        assert!(self.out.contains(text), "not printed: {text}\nstdout:\n{}\nstderr:\n{}", self.out, self.err);
        self
    }

    /// Neither output holds this text.
    #[track_caller]
    pub fn hides(self, text: &str) -> Self {
        assert!(!self.out.contains(text) && !self.err.contains(text), "told: {text}\nstdout:\n{}\nstderr:\n{}", self.out, self.err);
        self
    }
}

impl From<Output> for Seen {
    fn from(output: Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
    }
}

/// A folder that goes with the test.
pub struct Case(tempfile::TempDir);

impl Case {
    /// A folder with these files.
    pub fn new(files: &[(&str, &str)]) -> Self {
        let case = Self(tempfile::tempdir().expect("the system has room for temporary files"));
        for (name, text) in files {
            case.write(name, text);
        }
        case
    }

    /// A folder with `it.suite.yaml`: these checks, aimed at `url`.
    pub fn suite(url: &str, checks: &str) -> Self {
        Self::new(&[("it.suite.yaml", &suite("it", url, checks))])
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("it lies in the folder")).unwrap();
        fs::write(path, text).unwrap();
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn folder(&self) -> &Path {
        self.0.path()
    }

    pub fn has(&self, name: &str) -> bool {
        self.path(name).exists()
    }

    #[track_caller]
    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    #[track_caller]
    pub fn json(&self, name: &str) -> serde_json::Value {
        serde_json::from_str(&self.read(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    /// The binary with this folder as the current one.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = allclear();
        command.current_dir(self.folder()).args(args).env_remove("NO_COLOR").env_remove("CARGO_TARGET_DIR");
        command
    }

    pub fn call(&self, args: &[&str]) -> Seen {
        self.command(args).output().expect("the binary starts").into()
    }

    pub fn call_with(&self, vars: &[(&str, &str)], args: &[&str]) -> Seen {
        self.command(args).envs(vars.iter().copied()).output().expect("the binary starts").into()
    }
}

/// The text of a suite of one target. `checks` are list items without indentation.
pub fn suite(name: &str, url: &str, checks: &str) -> String {
    format!("suite: {name}\ntargets: {{ api: {{ url: '{url}' }} }}\nchecks:\n{checks}")
}
