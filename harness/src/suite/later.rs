//! Words of the format that this version does not know yet: each is told by name, never as a misspelling.

/// Kinds of later versions.
pub(crate) const KINDS: &[&str] = &["queue", "media"];

/// Ways to start a part of later versions.
pub(crate) const STARTS: &[&str] = &["container", "compose"];
