//! What a run starts for itself: dependencies first, then the service; always stopped, and swept by the next run if we were killed.

mod embedded;
mod lease;
mod part;
mod stand;

pub use part::play_part;
pub use stand::Provisioned;

pub(crate) use embedded::{PartSpec, Spec, StartError, start};
