//! The gzip coding of a generated body, as runs again: each block is packed once, however often it stands there.

use super::Runs;
use bytes::Bytes;
use flate2::{Compress, Compression, Crc, FlushCompress, Status};

/// The header of RFC 1952 §2.3: deflate, no flags, no time, no system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
/// An empty block of its own that ends a deflate stream (RFC 1951 §3.2.4): final, stored, length 0.
const END: [u8; 5] = [1, 0, 0, 0xff, 0xff];

impl Runs {
    /// This body in the gzip coding (RFC 1952). Memory and time are those of its blocks, not of its length; numbered ones count each time.
    #[must_use]
    pub fn gzip(&self) -> Self {
        let mut crc = Crc::new();
        let mut packed = vec![(Bytes::from_static(&HEADER), 1)];
        for (block, times) in self.blocks() {
            packed.push((deflate(&block), times));
            crc.combine(&repeated(&block, times));
        }
        let mut trailer = END.to_vec();
        trailer.extend_from_slice(&crc.sum().to_le_bytes());
        trailer.extend_from_slice(&crc.amount().to_le_bytes());
        packed.push((trailer.into(), 1));
        Self::new(packed)
    }
}

/// One block as deflate data that ends at a byte and remembers nothing of what came before, so that it can be repeated.
fn deflate(block: &[u8]) -> Bytes {
    let mut packer = Compress::new(Compression::default(), false);
    let mut out = Vec::with_capacity(block.len() / 2 + 1024);
    loop {
        let taken = usize::try_from(packer.total_in()).expect("a block fits into memory");
        let status = packer.compress_vec(&block[taken..], &mut out, FlushCompress::Full).expect("memory is enough to pack a block");
        let all_taken = packer.total_in() == block.len() as u64;
        // Room that is left over says that the flush is whole.
        if all_taken && out.len() < out.capacity() || status == Status::StreamEnd {
            return out.into();
        }
        out.reserve(out.capacity().max(1024));
    }
}

/// The checksum of a block that is repeated, in as many steps as the number has digits in base two.
fn repeated(block: &[u8], times: u64) -> Crc {
    let mut power = Crc::new();
    power.update(block);
    let mut sum = Crc::new();
    let mut left = times;
    while left > 0 {
        if left & 1 == 1 {
            sum.combine(&power);
        }
        left >>= 1;
        if left > 0 {
            let mut same = Crc::new();
            same.combine(&power);
            power.combine(&same);
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;

    #[track_caller]
    fn check(runs: &Runs) {
        let packed: Vec<u8> = runs.gzip().pieces().flat_map(|b| b.to_vec()).collect();
        assert_eq!(packed.len() as u64, runs.gzip().len());
        let mut plain = Vec::new();
        flate2::read::GzDecoder::new(&packed[..]).read_to_end(&mut plain).expect("what we pack is valid");
        assert_eq!(plain, runs.pieces().flat_map(|b| b.to_vec()).collect::<Vec<_>>());
    }

    #[test]
    fn what_is_packed_unpacks_to_the_same_bytes() {
        check(&Runs::new([]));
        check(&Runs::new([("a".into(), 1)]));
        check(&Runs::new([(vec![0; 65_536].into(), 37), ("tail".into(), 1)]));
        let noise: Vec<u8> = (0..70_001_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        check(&Runs::new([("head".into(), 3), (noise.clone().into(), 5), (vec![0; 100].into(), 1)]));
        check(&Runs::numbered(noise.into(), 3));
    }

    #[test]
    fn a_bomb_of_ten_gibibytes_is_a_few_mebibytes_on_the_way() {
        let runs = Runs::new([(vec![0; 1 << 20].into(), 10 << 10)]);
        assert_eq!(runs.len(), 10 << 30);
        assert!(runs.gzip().len() < 12 << 20, "{}", runs.gzip().len());
    }
}
