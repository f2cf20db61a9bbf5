//! What a run starts for itself: dependencies first, then the service; can be broken, is always mended and stopped, and swept by
//! the next run if we were killed.

mod account;
mod can;
mod door;
mod fill;
mod folder;
mod janitor;
mod launch;
mod lease;
mod part;
mod port;
mod prepare;
mod process;
mod ready;
mod spec;
mod stand;
mod start;
#[cfg(all(test, feature = "reference"))]
mod tests;

pub use door::play_part;
pub use spec::{How, PartSpec, ProcessSpec, ReadyBy, Spec};
pub use stand::Provisioned;
pub use start::{StartError, start};

pub(crate) use can::can;
pub(crate) use fill::{literal, names, put};
pub(crate) use stand::Amiss;
pub(crate) use start::clean;

/// The hidden first argument of an embedded part; the second is which part it is.
pub(crate) const HIDDEN: &str = "__embedded";
/// The part behind that argument: the reference service in all of its roles.
pub(crate) const REFERENCE: &str = "reference-service";
