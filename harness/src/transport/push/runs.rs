//! A body as runs of blocks that repeat, with their numbers or without: as long as one likes, the same each time it is sent, and never
//! held whole.

use crate::transport::body::hex;
use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};

/// A generated body. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Runs(Arc<[Run]>);

/// A block and how often it stands there.
#[derive(Clone, Debug)]
pub(super) struct Run {
    pub(super) block: Bytes,
    pub(super) times: u64,
    /// Each time with its number in the place of its first bytes.
    is_numbered: bool,
}

/// Digits of a block's number: enough for 256 TiB in blocks of 64 KiB.
const DIGITS: usize = 8;

impl Runs {
    /// Each block so many times, one after the other.
    #[must_use]
    pub fn new(runs: impl IntoIterator<Item = (Bytes, u64)>) -> Self {
        let run = |(block, times)| Run { block, times, is_numbered: false };
        Self(runs.into_iter().filter(|(block, times)| !block.is_empty() && *times > 0).map(run).collect())
    }

    /// One block so many times, each of them with its number, from 0 on, in eight hexadecimal digits in the place of its first bytes: whoever
    /// mixes them up makes another body. A block that is shorter than that carries the first of them.
    #[must_use]
    pub fn numbered(block: Bytes, times: u64) -> Self {
        let is_empty = block.is_empty() || times == 0;
        let run = Run { block, times, is_numbered: true };
        Self((!is_empty).then_some(run).into_iter().collect())
    }

    /// This body and then that one.
    #[must_use]
    pub fn then(&self, other: &Self) -> Self {
        Self(self.0.iter().chain(other.0.iter()).cloned().collect())
    }

    /// Its length in bytes.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.0.iter().map(|run| run.block.len() as u64 * run.times).sum()
    }

    /// Whether it has no byte.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The same with something before and behind it: the framing of a multipart body.
    #[must_use]
    pub fn between(&self, before: Bytes, behind: Bytes) -> Self {
        Self::new([(before, 1)]).then(self).then(&Self::new([(behind, 1)]))
    }

    /// The blocks with how often each stands there; numbered ones, which differ, one by one.
    pub(super) fn blocks(&self) -> impl Iterator<Item = (Bytes, u64)> {
        self.0.iter().flat_map(|run| {
            let steps = if run.is_numbered { run.times } else { 1 };
            (0..steps).map(move |at| (run.at(at), run.times / steps))
        })
    }

    /// Its SHA-256 in lower-case hex. Reads all of it: a second or so for each GiB, so long ones belong on a thread of their own.
    #[must_use]
    pub fn sha256(&self) -> String {
        self.sha256_unless(&AtomicBool::new(false)).unwrap_or_default()
    }

    /// The same, until nobody wants it any more; then none.
    #[must_use]
    pub fn sha256_unless(&self, unwanted: &AtomicBool) -> Option<String> {
        let mut hash = Sha256::new();
        for block in self.pieces() {
            if unwanted.load(Relaxed) {
                return None;
            }
            hash.update(&block);
        }
        Some(hex(&hash.finalize()))
    }

    /// All of it, block by block; only numbered ones are copied, each as it comes.
    #[must_use]
    pub fn pieces(&self) -> Pieces {
        Pieces { runs: self.clone(), at: 0, done: 0 }
    }
}

impl Run {
    /// The block as it stands there for that time.
    fn at(&self, number: u64) -> Bytes {
        if !self.is_numbered {
            return self.block.clone();
        }
        let mut block = self.block.to_vec();
        let digits = format!("{number:0DIGITS$x}");
        let most = DIGITS.min(block.len());
        block[..most].copy_from_slice(&digits.as_bytes()[digits.len() - DIGITS..][..most]);
        block.into()
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
        let run = self.runs.0.get(self.at)?;
        let block = run.at(self.done);
        self.done += 1;
        if self.done == run.times {
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
    fn numbered_blocks_are_told_from_each_other() {
        let block = Bytes::from_static(b"********-noise ");
        let runs = Runs::numbered(block.clone(), 3).then(&Runs::new([("end".into(), 1)]));
        assert_eq!(String::from_utf8_lossy(&whole(&runs)), "00000000-noise 00000001-noise 00000002-noise end");
        assert_eq!((runs.len(), Runs::numbered("x".into(), 2).len()), (48, 2));
        assert!(Runs::numbered(block, 0).is_empty());
    }

    #[test]
    fn a_hash_that_nobody_wants_is_given_up() {
        let runs = Runs::new([(vec![1; 1 << 16].into(), 1 << 40)]);
        assert_eq!(runs.sha256_unless(&AtomicBool::new(true)), None);
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
