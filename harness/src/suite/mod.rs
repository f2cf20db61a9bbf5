//! A suite: every check typed, with the line that asked for it; and the environment that it is read in.

mod check;
mod environment;

pub use check::{Always, Check, Eventually};
pub use environment::{Environment, EnvironmentLimits, Part, PartHow, Provision};
