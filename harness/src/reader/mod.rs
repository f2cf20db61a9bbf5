//! Reads YAML into typed values with an exact place for every value and every mistake. Pure: bytes in, values or problems out.
//!
//! Bytes become a [`Source`](crate::model::Source) ([`open`](open())), the source a tree of [`Node`]s that keep their raw text and
//! place ([`parse`](parse())), `${name}` is put in ([`expand`](expand())), and [`read`](read()) types a node by serde and returns *all* its problems.
//!
//! The YAML grammar itself comes from an event parser. Anchors, merge keys, duplicate keys and limits are ours, because a
//! deserialiser resolves them before anyone can say where they stood.

mod complaint;

mod de;
mod expand;
mod magic;
mod nearest;
mod node;
mod number;
mod open;
mod parse;
mod path;
mod problems;
mod read;
mod render;
mod scalar;
mod seek;
mod syntax;
mod units;

pub use complaint::Complaint;
pub use expand::{Resolver, Value, expand};
pub use magic::{Keys, Many, Sp, TEXT, TEXT_DEFERRED, TEXT_LITERAL, TEXT_SECRET, Tree, With};
pub use nearest::nearest;
pub use node::{Given, Kind, Node, Part};
pub use open::open;
pub use parse::{Document, parse};
pub use problems::{Note, Problem};
pub use read::read;
pub use render::{render, visible};
pub use scalar::{Core, doubtful};
pub use syntax::{comment_cut, joined_by_comma};
pub use units::{Bytes, Dur, PerTime, UnitError, parse_duration, parse_rate, parse_size};

#[cfg(test)]
mod bounds;
#[cfg(test)]
mod mistakes;
#[cfg(test)]
mod typing;
