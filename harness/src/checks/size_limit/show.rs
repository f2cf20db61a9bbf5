//! Sizes for people: the exact number of bytes, and the unit in which somebody may have meant it.

use crate::model::Size;

/// `1,048,576`.
pub(super) fn exact(bytes: u64) -> String {
    let digits = bytes.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1,048,576 bytes (1MiB)`; without the unit where there is no shorter way to write it.
pub(super) fn bytes(bytes: u64) -> String {
    let word = if bytes == 1 { "byte" } else { "bytes" };
    let short = Size(bytes).to_string();
    let has_unit = !short.ends_with(|c: char| c.is_ascii_digit()) && short != format!("{bytes}B");
    if has_unit { format!("{} {word} ({short})", exact(bytes)) } else { format!("{} {word}", exact(bytes)) }
}

/// The same number of the other kind of unit: 50,000,000 (50MB) for 52,428,800 (50MiB), and the other way round.
pub(super) fn other_reading(limit: u64) -> Option<u64> {
    const UNITS: [(u64, u64); 3] = [(1 << 30, 1_000_000_000), (1 << 20, 1_000_000), (1 << 10, 1000)];
    let binary = UNITS.iter().find(|(two, _)| limit >= *two && limit.is_multiple_of(*two)).map(|(two, ten)| (limit / two) * ten);
    let decimal =
        || UNITS.iter().find(|(_, ten)| limit >= *ten && limit.is_multiple_of(*ten)).and_then(|(two, ten)| (limit / ten).checked_mul(*two));
    binary.or_else(decimal).filter(|other| *other != limit && limit > 0)
}

/// What was misread where the limit lies at the other reading of the declared number.
pub(super) fn misread(declared: u64, edge: u64) -> Option<String> {
    if other_reading(declared) != Some(edge) {
        return None;
    }
    let (declared, edge) = (Size(declared), Size(edge));
    Some(match edge.to_string().contains('i') {
        true => format!("{declared} was read in powers of two: {edge}"),
        false => format!("{declared} was read in powers of ten: {edge}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_exact_and_carry_their_unit_where_they_have_one() {
        assert_eq!(bytes(0), "0 bytes");
        assert_eq!(bytes(1), "1 byte");
        assert_eq!(bytes(52_428_800), "52,428,800 bytes (50MiB)");
        assert_eq!(bytes(52_428_801), "52,428,801 bytes");
        assert_eq!(bytes(1000), "1,000 bytes (1kB)");
    }

    #[track_caller]
    fn check(declared: u64, other: Option<u64>) {
        assert_eq!(other_reading(declared), other, "{declared}");
    }

    #[test]
    fn a_round_number_has_one_other_reading() {
        check(50 << 20, Some(50_000_000));
        check(50_000_000, Some(50 << 20));
        check(2 << 30, Some(2_000_000_000));
        check(64 << 10, Some(64_000));
        check(1_500_000, Some(1500 << 10));
        check(1_048_577, None);
        check(0, None);
        assert_eq!(misread(50 << 20, 50_000_000).as_deref(), Some("50MiB was read in powers of ten: 50MB"));
        assert_eq!(misread(50_000_000, 50 << 20).as_deref(), Some("50MB was read in powers of two: 50MiB"));
        assert_eq!(misread(50 << 20, 50_000_001), None);
    }
}
