//! Allclear holds a running service to declarative suites and proves, clause by clause, whether its health contract is kept.
//!
//! The floors of the house, lowest first; a module imports only from lower ones (`tests/floors.rs` holds it):
//! `model` · `transport`, `report`, `reader` · `words` · `kind` · `checks`, `provision` · `suite` · `plan` · `run` · `cargo_test`, `cli`.

pub mod model;
pub mod provision;
pub mod run;
