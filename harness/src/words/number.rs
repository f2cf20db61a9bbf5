//! A JSON number by its exact text, compared by value: 2^53 and 2^53+1 differ, `1`, `1.0` and `1e0` do not.

use std::{cmp::Ordering, fmt};

/// A number as RFC 8259 §6 writes it. Equality and order are those of the value, at any precision; the text is kept for showing
/// and sending.
#[derive(Clone)]
pub struct Number(Box<str>);

impl Number {
    /// Most digits of an exponent, leading zeros aside. Beyond it, adding the length of the mantissa could overflow.
    const EXPONENT_DIGITS: usize = 15;

    /// Reads a number; `None` if the text is not exactly one by RFC 8259 §6, or its exponent has more than 15 digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let end = scan(text.as_bytes())?;
        (end == text.len()).then(|| Self(text.into()))
    }

    /// The text as it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }

    /// The value as a whole number, if it is one that fits: `3`, `3.0`, `30e-1`.
    #[must_use]
    pub fn to_u64(&self) -> Option<u64> {
        let value = Decimal::of(&self.0);
        if value.digits.is_empty() {
            return Some(0);
        }
        let zeros = value.point.checked_sub(i64::try_from(value.digits.len()).ok()?)?;
        if value.is_negative || zeros < 0 || value.point > 20 {
            return None;
        }
        let digits = value.digits.iter().try_fold(0u64, |n, d| n.checked_mul(10)?.checked_add(u64::from(d - b'0')))?;
        (0..zeros).try_fold(digits, |n, _| n.checked_mul(10))
    }

    /// The nearest number that `serde_json` can hold without its arbitrary precision; beyond the range of a double, its ends.
    #[must_use]
    pub fn to_serde(&self) -> serde_json::Number {
        if let Ok(n) = self.0.parse::<u64>() {
            return n.into();
        }
        if let Ok(n) = self.0.parse::<i64>() {
            return n.into();
        }
        let float: f64 = self.0.parse().unwrap_or(0.0);
        serde_json::Number::from_f64(float.clamp(f64::MIN, f64::MAX)).unwrap_or_else(|| 0.into())
    }
}

/// Finds how far a number reaches from the start of `bytes`; `None` if none starts there or its exponent is out of range.
pub(super) fn scan(bytes: &[u8]) -> Option<usize> {
    let digits = |from: usize| from + bytes[from..].iter().take_while(|b| b.is_ascii_digit()).count();
    let whole = usize::from(bytes.first() == Some(&b'-'));
    let mut end = digits(whole);
    if end == whole || (bytes[whole] == b'0' && end > whole + 1) {
        return None;
    }
    if bytes.get(end) == Some(&b'.') {
        let fraction = end + 1;
        end = digits(fraction);
        if end == fraction {
            return None;
        }
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let exponent = end + 1 + usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        end = digits(exponent.min(bytes.len()));
        let significant = bytes.get(exponent..end)?.iter().skip_while(|b| **b == b'0').count();
        if end <= exponent || significant > Number::EXPONENT_DIGITS {
            return None;
        }
    }
    Some(end)
}

/// `0.d1d2d3… x 10^point`, without leading or trailing zeros; no digits at all is zero.
struct Decimal {
    is_negative: bool,
    digits: Vec<u8>,
    point: i64,
}

impl Decimal {
    fn of(text: &str) -> Self {
        let (is_negative, unsigned) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let exponent: i64 = exponent.parse().expect("scan() admits at most 15 significant digits");
        let zeros = whole.bytes().chain(fraction.bytes()).take_while(|b| *b == b'0').count();
        let mut digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).skip(zeros).collect();
        while digits.last() == Some(&b'0') {
            digits.pop();
        }
        let point = exponent + whole.len() as i64 - zeros as i64;
        Self { is_negative: is_negative && !digits.is_empty(), digits, point }
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        if self.0 == other.0 {
            return Ordering::Equal;
        }
        let (a, b) = (Decimal::of(&self.0), Decimal::of(&other.0));
        let sign = |d: &Decimal| if d.digits.is_empty() { 0 } else { 1 - 2 * i32::from(d.is_negative) };
        sign(&a).cmp(&sign(&b)).then_with(|| {
            let magnitude = if a.digits.is_empty() { Ordering::Equal } else { a.point.cmp(&b.point).then_with(|| a.digits.cmp(&b.digits)) };
            if a.is_negative { magnitude.reverse() } else { magnitude }
        })
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Number {}

impl From<u64> for Number {
    fn from(n: u64) -> Self {
        Self(n.to_string().into())
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Number;
    use proptest::prelude::*;
    use std::cmp::Ordering::{self, Equal, Greater, Less};

    fn number(text: &str) -> Number {
        Number::parse(text).expect(text)
    }

    #[track_caller]
    fn check(a: &str, b: &str, expected: Ordering) {
        assert_eq!(number(a).cmp(&number(b)), expected, "{a} {b}");
        assert_eq!(number(b).cmp(&number(a)), expected.reverse(), "{b} {a}");
    }

    #[test]
    fn numbers_compare_by_value_at_any_precision() {
        check("9007199254740993", "9007199254740992", Greater);
        check("1", "1.0", Equal);
        check("1", "1e0", Equal);
        check("100", "1E+2", Equal);
        check("0.1", "1e-1", Equal);
        check("0", "-0.0e5", Equal);
        check("0", "0e999", Equal);
        check("1e400", "1e401", Less);
        check("1e400", "9007199254740993", Greater);
        check("-1e400", "-1", Less);
        check("-2", "-10", Greater);
        check("-0.5", "0", Less);
        check("0.30000000000000004", "0.3", Greater);
        check("12", "2", Greater);
        check("1e-400", "0", Greater);
        check("0.001", "0.0010000", Equal);
        check("123456789012345678901234567890.1", "123456789012345678901234567890.2", Less);
        check("1e999999999999999", "9e999999999999998", Greater);
    }

    #[test]
    fn only_what_json_calls_a_number_is_one() {
        for text in [
            "",
            "-",
            "+1",
            "01",
            "-01",
            "1.",
            ".5",
            "1e",
            "1e+",
            "0x10",
            "1_000",
            "NaN",
            "1 ",
            " 1",
            "1e1234567890123456",
            "٣",
            "--1",
            "1.e1",
        ] {
            assert!(Number::parse(text).is_none(), "{text:?}");
        }
        assert!(Number::parse("1e0000000000000000000001").is_some(), "leading zeros of an exponent do not count");
    }

    #[test]
    fn a_whole_number_is_found_however_it_is_written() {
        let cases = [
            ("3", Some(3)),
            ("3.0", Some(3)),
            ("30e-1", Some(3)),
            ("3e2", Some(300)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", None),
            ("3.5", None),
            ("-1", None),
            ("-0", Some(0)),
            ("1e400", None),
        ];
        for (text, expected) in cases {
            assert_eq!(number(text).to_u64(), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn order_is_total_and_agrees_with_integers(a in any::<i64>(), b in any::<i64>(), c in any::<i64>()) {
            let [x, y, z] = [a, b, c].map(|n| number(&n.to_string()));
            prop_assert_eq!(x.cmp(&y), a.cmp(&b));
            prop_assert!(!(x <= y && y <= z) || x <= z);
        }

        #[test]
        fn order_is_transitive_over_any_spelling(texts in proptest::collection::vec("-?(0|[1-9][0-9]{0,5})(\\.[0-9]{1,5})?([eE][+-]?[0-9]{1,3})?", 3)) {
            let mut numbers: Vec<_> = texts.iter().map(|t| number(t)).collect();
            numbers.sort();
            prop_assert!(numbers[0] <= numbers[1] && numbers[1] <= numbers[2] && numbers[0] <= numbers[2]);
        }

        #[test]
        fn agrees_with_doubles_that_are_exact(a in -1_000_000i32..1_000_000, b in -1_000_000i32..1_000_000) {
            let (x, y) = (f64::from(a) / 64.0, f64::from(b) / 64.0);
            prop_assert_eq!(number(&x.to_string()).cmp(&number(&y.to_string())), x.total_cmp(&y));
        }
    }
}
