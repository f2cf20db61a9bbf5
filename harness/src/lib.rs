//! Allclear holds a running service to declarative suites and proves, clause by clause, whether its contract is kept.
//!
//! The floors of the house, lowest first; a module imports only from lower ones, and neighbours on one floor do not know
//! each other (`tests/floors.rs` holds it):
//!
//! | floor | modules |
//! |---|---|
//! | 1 | [`model`]: the words everyone speaks |
//! | 2 | `transport`: reaching out · `report`: telling · `reader`: YAML with the place of everything |
//! | 3 | `words`: what all kinds share in a suite: requests, expectations, values |
//! | 4 | `kind`: the contract of a kind |
//! | 5 | `checks`: the kinds · `provision`: what a run starts |
//! | 6 | `suite`: suites and environments |
//! | 7 | `plan`: what will be done |
//! | 8 | `run`: doing it |
//! | 9 | `cargo_test`, `cli` |

pub mod checks;
pub mod cli;
pub mod kind;
pub mod model;
pub mod plan;
pub mod provision;
pub mod reader;
pub mod report;
pub mod run;
pub mod suite;
pub mod transport;
pub mod words;
