//! The words that all kinds share: text with values in it, requests, expectations, matchers, JSON and captures. No I/O.

mod json;
mod matcher;
mod number;
mod path;
mod pattern;
mod template;
#[cfg(test)]
mod testing;
mod text;
mod values;

pub use json::{Document, Json, JsonError, JsonFault, Step};
pub use matcher::{Bound, Expression, Matcher};
pub use number::Number;
pub use path::{Located, Path, PathError, PathFailure};
pub use template::Template;
pub use text::{Encode, Rendered, Text};
pub use values::{Captured, UnknownCapture, Values};
