//! The words that all kinds share: text with values in it, requests, expectations, matchers, JSON and captures. No I/O.

mod answered;
mod body;
mod capture;
#[cfg(all(test, feature = "schema"))]
mod editor_tests;
mod expect;
mod files;
mod form;
mod gauge;
mod json;
mod matcher;
mod number;
mod path;
mod pattern;
mod request;
mod sample;
mod schema;
mod status;
mod template;
#[cfg(test)]
mod testing;
mod text;
mod values;

pub use answered::{Answered, Miss, Part};
pub use body::BodyExpectation;
pub use capture::{Capture, CaptureFrom, CaptureMiss, CaptureRule};
pub use expect::{Expect, HeaderExpectation, JsonExpectation};
pub use files::{Files, with_files};
pub use gauge::gauge;
pub use json::{Document, Json, JsonError, JsonFault, Step};
pub use matcher::{Bound, Expression, Matcher};
pub use number::Number;
pub use path::{Located, Path, PathError, PathFailure};
pub use request::{Auth, Base, Body, Request, RequestError};
pub use sample::Sample;
pub use schema::Schema;
pub use status::Status;
pub use template::Template;
pub use text::{Encode, Rendered, Text};
pub use values::{Captured, UnknownCapture, Values};
