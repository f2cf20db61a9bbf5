//! Stub.
use crate::model::{At, Impact};
use crate::reader::Keys;
use super::*;
use crate::transport::Outgoing;
#[derive(Clone, Debug)] pub struct Base { pub url: url::Url }
#[derive(Debug, serde::Deserialize, schemars::JsonSchema)] pub struct Request { get: String }
impl Keys for Request { const KEYS: &'static [&'static str] = &["get"]; }
impl Base { pub fn new(url: url::Url) -> Self { Self { url } } }
impl Request {
  pub fn impact(&self) -> Impact { Impact::Read }
  pub fn is_repeatable(&self) -> bool { true }
  pub fn captures_used(&self) -> Vec<(String, At)> { vec![] }
  pub fn absolute_host(&self) -> Option<String> { None }
  pub fn outgoing(&self, base: &Base, _v: &Values, _a: bool) -> Result<Outgoing, UnknownCapture> { Ok(Outgoing::get(base.url.join(&self.get).unwrap())) }
}
