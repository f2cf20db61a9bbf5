//! A value that must never be shown.

use std::{fmt, sync::Arc};

/// A secret value. `Debug` and serialisation show `***`; only the wire sees the value.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Secret(Arc<str>);

impl Secret {
    /// Shorter ones are refused unless they say `mask: false`: masking `dev` would rewrite `devices`.
    pub const LEAST_LEN: usize = 8;
    /// What stands in its place.
    pub const MASK: &'static str = "***";

    /// Wraps a value.
    #[must_use]
    pub fn new(value: impl Into<Arc<str>>) -> Self {
        Self(value.into())
    }

    /// The value itself, for the wire and for the redactor alone.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::MASK)
    }
}

impl serde::Serialize for Secret {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(Self::MASK)
    }
}
