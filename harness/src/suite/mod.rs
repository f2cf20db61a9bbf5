//! A suite: every check typed, with the line that asked for it; and the environment that it is read in.

mod check;
mod declare;
mod draft;
mod each;
mod environment;
mod file;
mod find;
mod finish;
mod folder;
mod for_editors;
mod hidden;
mod keys;
mod kind_key;
mod later;
mod needs;
mod part_values;
mod provision;
mod refused;
mod schema;
mod start;
mod suites;
mod targets;
mod values;

pub use check::{Always, Check, Eventually, Planning};
pub use environment::{Environment, EnvironmentLimits};
pub use provision::{Part, Provision};
pub use refused::{Meaning, Reason, Refused};
pub use schema::{environment_schema, suite_schema};
pub use suites::{About, Finished, Suites};
pub use values::Given;

pub(crate) use finish::{MARGIN, cleanup_impact};
