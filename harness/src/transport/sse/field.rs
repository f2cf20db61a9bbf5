//! Takes one line of an event stream apart (HTML §9.2.6).

/// What a line is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Field<'a> {
    /// The empty line: the event is whole.
    Blank,
    /// Everything behind the colon that it begins with.
    Comment(&'a str),
    Data(&'a str),
    Name(&'a str),
    Id(&'a str),
    Retry(&'a str),
    /// Of another name: ignored.
    Unknown,
}

impl<'a> Field<'a> {
    /// Reads a line without its end. One space behind the colon belongs to neither name nor value; a line without a colon is a name.
    pub(super) fn of(line: &'a str) -> Self {
        // Nearly every line of a stream that is in use is one of these two.
        if let Some(rest) = line.strip_prefix("data:") {
            return Self::Data(unspaced(rest));
        }
        if line.is_empty() {
            return Self::Blank;
        }
        let (name, value) = line.split_once(':').map_or((line, ""), |(name, value)| (name, value));
        match name {
            "" => Self::Comment(value),
            "data" => Self::Data(unspaced(value)),
            "event" => Self::Name(unspaced(value)),
            "id" => Self::Id(unspaced(value)),
            "retry" => Self::Retry(unspaced(value)),
            _ => Self::Unknown,
        }
    }
}

fn unspaced(value: &str) -> &str {
    value.strip_prefix(' ').unwrap_or(value)
}

/// The milliseconds of a `retry` field; none where it is not made of ASCII digits only. Too many digits give the largest number.
pub(super) fn millis(value: &str) -> Option<u64> {
    let digits = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| value.parse().unwrap_or(u64::MAX))
}

/// The beginning of a text, at most so many bytes.
pub(super) fn head(text: &str, most: usize) -> String {
    let end = (0..=most.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    text[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_what_the_standard_says() {
        for (line, expected) in [
            ("", Field::Blank),
            (":", Field::Comment("")),
            (": ping", Field::Comment(" ping")),
            ("::", Field::Comment(":")),
            ("data", Field::Data("")),
            ("data:", Field::Data("")),
            ("data: ", Field::Data("")),
            ("data:  two", Field::Data(" two")),
            ("data:\ttab", Field::Data("\ttab")),
            ("data: a:b", Field::Data("a:b")),
            ("data : x", Field::Unknown),
            (" data: x", Field::Unknown),
            ("Data: x", Field::Unknown),
            ("datax", Field::Unknown),
            ("event:tick", Field::Name("tick")),
            ("id", Field::Id("")),
            ("retry: 5", Field::Retry("5")),
            ("comment: x", Field::Unknown),
            ("\u{feff}data: x", Field::Unknown),
        ] {
            assert_eq!(Field::of(line), expected, "{line:?}");
        }
    }

    #[test]
    fn a_retry_is_digits_only() {
        for (value, expected) in [
            ("0", Some(0)),
            ("007", Some(7)),
            ("1000000000000", Some(1_000_000_000_000)),
            ("99999999999999999999999", Some(u64::MAX)),
            ("", None),
            ("+5", None),
            ("-5", None),
            ("5 ", None),
            (" 5", None),
            ("5.0", None),
            ("1e3", None),
            ("0x10", None),
            ("٣", None),
        ] {
            assert_eq!(millis(value), expected, "{value:?}");
        }
    }
}
