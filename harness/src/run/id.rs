//! The id of a run: unique, sortable by time, and part of every request id.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};

/// A new id: 10 characters of milliseconds since 1970 and 16 random ones, in Crockford's base 32 (a ULID).
pub(crate) fn fresh() -> String {
    // Each RandomState is keyed from the system's randomness once per thread and counted up: two halves never repeat.
    let half = |n: u64| {
        let mut hasher = RandomState::new().build_hasher();
        hasher.write_u64(n);
        hasher.write_u32(std::process::id());
        u128::from(hasher.finish())
    };
    let random = (half(1) << 16 ^ half(2)) & ((1 << 80) - 1);
    let ms = u128::try_from(super::clock::now().as_millisecond()).unwrap_or(0);
    encode((ms & ((1 << 48) - 1)) << 80 | random)
}

fn encode(id: u128) -> String {
    const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    (0..26).rev().map(|i| char::from(ALPHABET[(id >> (5 * i) & 31) as usize])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_twenty_six_characters_and_never_the_same() {
        let ids: std::collections::BTreeSet<_> = (0..1000).map(|_| fresh()).collect();
        assert_eq!(ids.len(), 1000);
        assert!(ids.iter().all(|id| id.len() == 26 && id.bytes().all(|b| b.is_ascii_alphanumeric())));
    }

    #[test]
    fn later_ids_sort_later() {
        assert!(encode(1 << 80) < encode(2 << 80));
    }
}
