//! Takes in the body of an answer: counts it, hashes it, keeps its beginning, and undoes its content coding on the way.

use super::{
    answer::Answer,
    ask::{Caps, Step, Wishes},
    decode::Decoder,
    trouble::Trouble,
};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;

/// Where a body goes, piece by piece.
pub(crate) struct Body {
    decoder: Option<Decoder>,
    store: Store,
    /// Bytes as they came.
    pub wire: u64,
}

/// What is kept of a body: never more than the caps.
pub(crate) struct Store {
    pub kept: Vec<u8>,
    pub len: u64,
    hash: Option<Sha256>,
    keep: usize,
    max: u64,
}

impl Body {
    /// For the body of the answer whose head is in `answer`.
    ///
    /// # Errors
    /// Where a content coding is to be undone that was not offered.
    pub(crate) fn new(answer: &Answer, wishes: &Wishes) -> Step<Self> {
        let decoder = if wishes.decode { Decoder::of(answer.header_all("content-encoding"))? } else { None };
        let Caps { body_keep, body_max, .. } = wishes.limits;
        let hash = wishes.sha256.then(Sha256::new);
        Ok(Self { decoder, store: Store { kept: Vec::new(), len: 0, hash, keep: body_keep, max: body_max }, wire: 0 })
    }

    /// Takes the next piece.
    ///
    /// # Errors
    /// Where the body goes beyond its cap, or its coding cannot be undone.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> Step<()> {
        self.wire += bytes.len() as u64;
        match &mut self.decoder {
            None => self.store.put(bytes),
            Some(_) if self.wire > self.store.max => Err(Trouble::BodyOverCap { cap: self.store.max }),
            Some(decoder) => decoder.feed(bytes, &mut self.store),
        }
    }

    /// Says what was taken, whole or not.
    ///
    /// # Errors
    /// Where the body is whole and its coding is not.
    pub(crate) fn finish(mut self, whole: bool, answer: &mut Answer) -> Step<()> {
        let ended = match &mut self.decoder {
            // An empty body says nothing, encoded or not: what HEAD and 304 give.
            Some(decoder) if whole && self.wire > 0 => decoder.finish(&mut self.store),
            _ => Ok(()),
        };
        answer.body = self.store.kept;
        answer.body_len = self.store.len;
        answer.wire_len = self.wire;
        answer.body_complete = whole && ended.is_ok();
        answer.sha256 = self.store.hash.filter(|_| answer.body_complete).map(|hash| hex(&hash.finalize()));
        ended
    }
}

impl Store {
    /// Takes bytes that are nobody's coding any more.
    pub(crate) fn put(&mut self, bytes: &[u8]) -> Step<()> {
        let room = usize::try_from(self.max - self.len).unwrap_or(usize::MAX);
        let fits = &bytes[..bytes.len().min(room)];
        let keep = self.keep.saturating_sub(self.kept.len()).min(fits.len());
        self.kept.extend_from_slice(&fits[..keep]);
        if let Some(hash) = &mut self.hash {
            hash.update(fits);
        }
        self.len += fits.len() as u64;
        if fits.len() < bytes.len() { Err(Trouble::BodyOverCap { cap: self.max }) } else { Ok(()) }
    }
}

/// Bytes in lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a String does not fail");
        text
    })
}
