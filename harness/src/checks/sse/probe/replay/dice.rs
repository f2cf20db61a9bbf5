//! Random numbers that are the same for the same run: a run can be made again as it was.

use sha2::{Digest as _, Sha256};

/// A source of random numbers (SplitMix64, Steele, Lea and Flood 2014).
#[derive(Debug)]
pub(super) struct Dice(u64);

impl Dice {
    /// The source of a name.
    pub(super) fn of(name: &str) -> Self {
        let digest = Sha256::digest(name.as_bytes());
        Self(u64::from_be_bytes(digest[..8].try_into().expect("a digest has 32 bytes")))
    }

    /// A number below `sides`, which is not 0.
    pub(super) fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides.max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::Dice;

    #[test]
    fn the_same_name_gives_the_same_numbers_and_every_side_comes_up() {
        let rolls = |name: &str| -> Vec<u64> {
            let mut dice = Dice::of(name);
            (0..200).map(|_| dice.roll(6)).collect()
        };
        assert_eq!(rolls("a"), rolls("a"));
        assert_ne!(rolls("a"), rolls("b"));
        assert!((0..6).all(|side| rolls("a").contains(&side)) && rolls("a").iter().all(|r| *r < 6));
    }
}
