//! What an unquoted word means: null, a boolean, a number or just text.

/// The meaning of a scalar. Numbers keep their exact text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Core<'t> {
    /// `null`, `~` or nothing. `None` is a word.
    Null,
    /// `true` or `false` (also `True`, `TRUE`, …). `yes`, `no`, `on`, `off` are words.
    Bool(bool),
    /// A number exactly as JSON writes it (RFC 8259 §6), with its text.
    Number(&'t str),
    /// Anything else.
    Text(&'t str),
}

impl<'t> Core<'t> {
    /// The meaning of an unquoted word: YAML 1.2.2 §10.3.2, but only JSON's spelling of numbers, so that `08`, `0x10`,
    /// `1_000` and `22:22` stay text instead of becoming a number that depends on the reader.
    #[must_use]
    pub fn of(text: &'t str) -> Self {
        match text {
            "" | "~" | "null" | "Null" | "NULL" => Self::Null,
            "true" | "True" | "TRUE" => Self::Bool(true),
            "false" | "False" | "FALSE" => Self::Bool(false),
            _ if is_json_number(text) => Self::Number(text),
            _ => Self::Text(text),
        }
    }
}

/// Whether the text is a number by RFC 8259 §6.
pub(crate) fn is_json_number(text: &str) -> bool {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((m, e)) => (m, Some(e.strip_prefix(['+', '-']).unwrap_or(e))),
        None => (unsigned, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((w, f)) => (w, Some(f)),
        None => (mantissa, None),
    };
    is_whole(whole) && fraction.is_none_or(is_digits) && exponent.is_none_or(is_digits)
}

/// Decimal digits without a leading zero.
pub(crate) fn is_whole(text: &str) -> bool {
    is_digits(text) && (text == "0" || !text.starts_with('0'))
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// Whether an unquoted word reads as a boolean or number to some YAML readers and as text to others (`no`, `on`, `08`, `0x10`,
/// `1_000`, `.5`, `+1`), and so should be quoted or rewritten where text and numbers are both possible. The answer is how the
/// number or boolean is written, as far as that is clear.
#[must_use]
pub fn doubtful(text: &str) -> Option<Option<String>> {
    let lower = text.to_ascii_lowercase();
    match lower.as_str() {
        "yes" | "on" | "y" => return Some(Some("true".to_owned())),
        "no" | "off" | "n" => return Some(Some("false".to_owned())),
        ".inf" | "-.inf" | "+.inf" | ".nan" => return Some(None),
        _ => {}
    }
    if is_json_number(text) || !text.contains(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let (sign, digits) = match text.as_bytes().first()? {
        b'-' => ("-", &text[1..]),
        b'+' => ("", &text[1..]),
        _ => ("", text),
    };
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] {
        if let Some(rest) = digits.strip_prefix(prefix) {
            return u64::from_str_radix(rest, radix).ok().map(|n| Some(format!("{sign}{n}")));
        }
    }
    let mut joined = digits.replace('_', "");
    if joined.starts_with('.') {
        joined.insert(0, '0');
    }
    if joined.ends_with('.') {
        joined.pop();
    }
    let zeros = joined.bytes().take_while(|b| *b == b'0').count();
    if zeros > 0 && joined.as_bytes().get(zeros).is_some_and(u8::is_ascii_digit) {
        joined.drain(..zeros);
    } else if zeros > 1 {
        joined.drain(..zeros - 1);
    }
    let written = format!("{sign}{joined}");
    is_json_number(&written).then_some(Some(written))
}

#[cfg(test)]
mod tests {
    use super::{Core, doubtful};

    #[track_caller]
    fn check(text: &str, expected: Core<'_>) {
        assert_eq!(Core::of(text), expected, "{text}");
    }

    #[test]
    fn a_word_means_what_yaml_1_2_says_and_only_json_numbers_are_numbers() {
        for null in ["", "~", "null", "NULL"] {
            check(null, Core::Null);
        }
        check("true", Core::Bool(true));
        check("False", Core::Bool(false));
        for number in ["0", "-0", "12", "-3.5", "1e3", "1.5E-7", "9007199254740993"] {
            check(number, Core::Number(number));
        }
        for text in ["None", "yes", "no", "on", "08", "0x10", "1_000", "22:22", "+5", ".5", "5.", "1e", "-", "٣", ".inf", "1.2.3"] {
            check(text, Core::Text(text));
        }
    }

    #[test]
    fn a_doubtful_word_is_told_with_what_it_may_mean() {
        let cases = [
            ("no", Some(Some("false"))),
            ("ON", Some(Some("true"))),
            ("08", Some(Some("8"))),
            ("00", Some(Some("0"))),
            ("0x10", Some(Some("16"))),
            ("1_000", Some(Some("1000"))),
            (".5", Some(Some("0.5"))),
            ("+5", Some(Some("5"))),
            ("-007", Some(Some("-7"))),
            (".nan", Some(None)),
            ("8", None),
            ("1e3", None),
            ("22:22", None),
            ("job-7", None),
            ("healthy", None),
            ("2024-01-01", None),
        ];
        for (text, expected) in cases {
            assert_eq!(doubtful(text).as_ref().map(|o| o.as_deref()), expected, "{text}");
        }
    }
}
