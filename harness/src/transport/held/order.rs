//! One request of a salvo, and its bytes cut before the last one.

use super::super::{
    ask::{Endpoint, OutBody, Outgoing, Step, Wishes},
    request,
    trouble::{OwnTrouble, Trouble},
};
use http::Method;

/// What is to be held: where to, what, and within which bounds. Always a fresh connection; over HTTP/2, one for each
/// request all the same.
#[derive(Clone, Debug)]
pub struct Order {
    /// Where it goes.
    pub endpoint: Endpoint,
    /// The request; its body is empty or in memory.
    pub out: Outgoing,
    /// `timeouts.connect` and `timeouts.total` bound the holding; the answer is waited for as long as its caller says.
    pub wishes: Wishes,
}

/// The bytes of a request over HTTP/1.1, in two pieces.
pub(super) struct Prepared {
    /// Everything but the last byte.
    pub first: Vec<u8>,
    /// The last byte: of the body, or of the head where there is none.
    pub last: [u8; 1],
    /// Where in `first` the body begins.
    pub body_from: usize,
    /// Whether the answer has no body whatever its head says.
    pub to_head: bool,
    pub wishes: Wishes,
}

impl Order {
    /// # Errors
    /// Where the request cannot be held: its body is made while it is sent.
    pub(super) fn prepare(&self) -> Step<Prepared> {
        let through = self.endpoint.proxy.as_ref().filter(|_| self.out.url.scheme() == "http" && self.endpoint.unix.is_none());
        let mut first = request::head(&self.out, &self.wishes, through);
        let body_from = first.len();
        match &self.out.body {
            OutBody::Empty => {}
            OutBody::Bytes(bytes) => first.extend_from_slice(bytes),
            OutBody::Stream { .. } => return Err(Trouble::Own(OwnTrouble::Request)),
        }
        let last = [first.pop().expect("a head ends in an empty line")];
        Ok(Prepared { first, last, body_from, to_head: self.out.method == Method::HEAD, wishes: self.wishes.clone() })
    }

    /// Bytes of its body.
    pub(super) fn body_len(&self) -> u64 {
        match &self.out.body {
            OutBody::Bytes(bytes) => bytes.len() as u64,
            OutBody::Empty | OutBody::Stream { .. } => 0,
        }
    }
}

impl Prepared {
    /// How many of the first `sent` bytes belong to the body.
    pub(super) fn body_of(&self, sent: usize) -> u64 {
        sent.saturating_sub(self.body_from) as u64
    }
}
