//! A body as runs of blocks that repeat: as long as one likes, the same each time it is sent, and never held whole.

use crate::transport::body::hex;
use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use std::sync::Arc;

/// A generated body. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Runs(Arc<[(Bytes, u64)]>);

impl Runs {
    /// Each block so many times, one after the other.
    #[must_use]
    pub fn new(runs: impl IntoIterator<Item = (Bytes, u64)>) -> Self {
        Self(runs.into_iter().filter(|(block, times)| !block.is_empty() && *times > 0).collect())
    }

    /// Its length in bytes.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.0.iter().map(|(block, times)| block.len() as u64 * times).sum()
    }

    /// Whether it has no byte.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The same with something before and behind it: the framing of a multipart body.
    #[must_use]
    pub fn between(&self, before: Bytes, behind: Bytes) -> Self {
        Self::new([(before, 1)].into_iter().chain(self.0.iter().cloned()).chain([(behind, 1)]))
    }

    /// The blocks with how often each stands there.
    pub(super) fn blocks(&self) -> &[(Bytes, u64)] {
        &self.0
    }

    /// Its SHA-256 in lower-case hex. Reads all of it: a second or so for each GiB, so long ones belong on a thread of their own.
    #[must_use]
    pub fn sha256(&self) -> String {
        let mut hash = Sha256::new();
        for block in self.pieces() {
            hash.update(&block);
        }
        hex(&hash.finalize())
    }

    /// All of it, block by block, without copying.
    #[must_use]
    pub fn pieces(&self) -> Pieces {
        Pieces { runs: self.clone(), at: 0, done: 0 }
    }
}

/// The blocks of a body, in order.
#[derive(Clone, Debug)]
pub struct Pieces {
    runs: Runs,
    at: usize,
    done: u64,
}

impl Iterator for Pieces {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        let (block, times) = self.runs.0.get(self.at)?;
        let block = block.clone();
        self.done += 1;
        if self.done == *times {
            (self.at, self.done) = (self.at + 1, 0);
        }
        Some(block)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(runs: &Runs) -> Vec<u8> {
        runs.pieces().flat_map(|b| b.to_vec()).collect()
    }

    #[test]
    fn a_body_is_its_blocks_in_order_and_its_hash_is_that_of_the_bytes() {
        let runs = Runs::new([("ab".into(), 3), ("".into(), 9), ("x".into(), 0), ("c".into(), 1)]);
        assert_eq!((whole(&runs).as_slice(), runs.len()), (&b"abababc"[..], 7));
        assert_eq!(runs.sha256(), hex(&Sha256::digest(b"abababc")));
        assert_eq!(whole(&runs.between("<".into(), ">".into())), b"<abababc>");
    }

    #[test]
    fn an_empty_body_has_no_piece() {
        let runs = Runs::new([]);
        assert!(runs.is_empty() && runs.pieces().next().is_none());
        assert_eq!(runs.sha256(), hex(&Sha256::digest(b"")));
    }

    #[test]
    fn ten_gibibytes_take_no_more_room_than_one_block() {
        let block = Bytes::from(vec![1; 1 << 16]);
        let runs = Runs::new([(block.clone(), (10 << 30) >> 16)]);
        assert_eq!(runs.len(), 10 << 30);
        let piece = runs.pieces().nth(100_000).expect("there are more");
        assert_eq!(piece.as_ptr(), block.as_ptr(), "every piece is the same block");
    }
}
