//! A bounded piece of evidence: how long the whole was, its hash, and its head.

use serde::{Deserialize, Serialize};

/// What is kept of a body or a stream. The whole is never kept; its length and hash are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Excerpt {
    /// Bytes of the whole, as far as it was read.
    pub len: u64,
    /// SHA-256 of what was read, in hex; empty where it was not asked for.
    pub sha256: String,
    /// The first bytes as text: invalid UTF-8 replaced, nothing else changed.
    pub head: String,
}

impl Excerpt {
    /// Most bytes of a head kept with a check that passed.
    pub const ON_PASS: usize = 2 * 1024;
    /// Most bytes of a head kept with a check that did not pass.
    pub const ON_FAIL: usize = 64 * 1024;

    /// Keeps the head of `bytes`, at most `cap` bytes of it, cut at a character.
    #[must_use]
    pub fn of(bytes: &[u8], cap: usize) -> Self {
        let cut = &bytes[..bytes.len().min(cap)];
        Self { len: bytes.len() as u64, sha256: String::new(), head: String::from_utf8_lossy(cut).into_owned() }
    }

    /// Shortens the head to `cap` bytes, at a character boundary.
    pub fn shorten(&mut self, cap: usize) {
        if self.head.len() > cap {
            let end = (0..=cap).rev().find(|i| self.head.is_char_boundary(*i)).unwrap_or(0);
            self.head.truncate(end);
            self.head.shrink_to_fit();
        }
    }
}
