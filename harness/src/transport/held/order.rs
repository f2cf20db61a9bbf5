//! One request of a salvo, and its bytes cut before the last one.

use super::super::{
    ask::{Endpoint, OutBody, Outgoing, Step, Wishes},
    request,
    trouble::{OwnTrouble, Trouble},
};
use bytes::Bytes;
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

/// A body up to so long leaves in one piece with its head; a longer one is never copied, since thousands may be held.
const COPIED: usize = 16 << 10;

/// The bytes of a request over HTTP/1.1, in pieces.
pub(super) struct Prepared {
    /// Everything but the last byte: the head with a short body, or alone.
    pub first: Vec<u8>,
    /// Everything but the last byte of a long body, shared by all that send it.
    pub then: Bytes,
    /// The last byte: of the body, or of the head where there is none.
    pub last: [u8; 1],
    /// Where in all of it the body begins.
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
        let mut then = Bytes::new();
        match &self.out.body {
            OutBody::Empty => {}
            OutBody::Bytes(bytes) if bytes.len() > COPIED => then = bytes.clone(),
            OutBody::Bytes(bytes) => first.extend_from_slice(bytes),
            OutBody::Stream { .. } => return Err(Trouble::Own(OwnTrouble::Request)),
        }
        let last = match then.split_off(then.len().saturating_sub(1)).first() {
            Some(last) => *last,
            None => first.pop().expect("a head ends in an empty line"),
        };
        Ok(Prepared { first, then, last: [last], body_from, to_head: self.out.method == Method::HEAD, wishes: self.wishes.clone() })
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

    /// All bytes but the last one.
    pub(super) fn len(&self) -> usize {
        self.first.len() + self.then.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prepared(body: &Bytes) -> Prepared {
        let url: url::Url = "http://127.0.0.1:1/".parse().expect("a URL");
        let mut out = Outgoing::new(Method::POST, url.clone());
        out.body = OutBody::Bytes(body.clone());
        Order { endpoint: Endpoint::new(url), out, wishes: Wishes::default() }.prepare().expect("a body in memory is held")
    }

    #[test]
    fn a_long_body_is_shared_and_a_short_one_leaves_with_its_head() {
        let long = Bytes::from(vec![b'x'; COPIED + 1]);
        let held = prepared(&long);
        assert_eq!((held.then.as_ptr(), held.then.len(), held.last), (long.as_ptr(), COPIED, *b"x"));
        assert_eq!((held.body_from, held.body_of(held.len())), (held.first.len(), COPIED as u64));
        let short = prepared(&Bytes::from_static(b"hello"));
        assert!(short.then.is_empty() && short.first.ends_with(b"\r\n\r\nhell"), "{:?}", String::from_utf8_lossy(&short.first));
        assert_eq!((short.last, short.body_of(short.len())), (*b"o", 4));
    }
}
