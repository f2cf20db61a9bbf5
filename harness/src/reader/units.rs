//! Durations, sizes and rates with their units, as people write them in a suite.

use crate::{
    model::{Rate, Size},
    reader::complaint::Complaint,
};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{
    Deserialize, Deserializer,
    de::{self, Visitor},
};
use std::{borrow::Cow, fmt, ops::Deref, time::Duration};

/// Why a text is no duration, size or rate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}")]
pub struct UnitError {
    /// What would be right: `a duration such as 200ms`.
    pub expected: &'static str,
    /// What was probably meant, written right.
    pub write: Option<String>,
}

const DURATION: &str = "a duration such as 200ms";
const SIZE: &str = "a size such as 50MiB";
const RATE: &str = "a rate such as 20/s";
/// Longest duration: 100 years. A longer one is a slip, and could not be added to a clock everywhere.
const LONGEST: u128 = 100 * 365 * 86_400 * NANOS;
const NANOS: u128 = 1_000_000_000;
/// Longest to shortest, as they follow each other in `1h30m`.
const DURATION_UNITS: [(&str, u128); 8] =
    [("d", 86_400 * NANOS), ("h", 3600 * NANOS), ("m", 60 * NANOS), ("s", NANOS), ("ms", 1_000_000), ("us", 1000), ("µs", 1000), ("ns", 1)];
const SIZE_UNITS: [(&str, u128); 10] = [
    ("B", 1),
    ("kB", 1000),
    ("KB", 1000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
];

/// Reads `200ms`, `1.5s`, `5m`, `1h30m`, `0`: decimals and `ns us ms s m h d`, longer units first, at most 100 years, exact to the
/// nanosecond.
///
/// # Errors
/// Anything else, with what was probably meant: a bare number, spaces, long unit names.
pub fn parse_duration(text: &str) -> Result<Duration, UnitError> {
    duration_of(text).ok_or_else(|| UnitError { expected: DURATION, write: duration_meant(text) })
}

/// Reads `512B`, `50MB` (millions), `50MiB` (1024 x 1024), `1.5GiB`, `0`: a whole number of bytes below 2^64.
///
/// # Errors
/// Anything else, with what was probably meant.
pub fn parse_size(text: &str) -> Result<Size, UnitError> {
    size_of(text).ok_or_else(|| UnitError { expected: SIZE, write: size_meant(text) })
}

/// Reads `20/s`, `100/m`, `5/h`: at least one, in one second, minute or hour.
///
/// # Errors
/// Anything else, with what was probably meant.
pub fn parse_rate(text: &str) -> Result<Rate, UnitError> {
    rate_of(text).ok_or_else(|| UnitError { expected: RATE, write: rate_meant(text) })
}

fn duration_of(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let (mut rest, mut total, mut least) = (text, 0u128, 0);
    while !rest.is_empty() {
        let (number, unit, after) = number_and_unit(rest)?;
        let i = DURATION_UNITS.iter().skip(least).position(|(name, _)| *name == unit)? + least;
        least = i + 1;
        total = total.checked_add(exactly(number, DURATION_UNITS[i].1)?)?;
        rest = after;
    }
    let total = Some(total).filter(|t| !text.is_empty() && *t <= LONGEST)?;
    Some(Duration::new(u64::try_from(total / NANOS).ok()?, u32::try_from(total % NANOS).ok()?))
}

fn size_of(text: &str) -> Option<Size> {
    if text == "0" {
        return Some(Size(0));
    }
    let (number, unit, "") = number_and_unit(text)? else { return None };
    let (_, factor) = SIZE_UNITS.iter().find(|(name, _)| *name == unit)?;
    u64::try_from(exactly(number, *factor)?).ok().map(Size)
}

fn rate_of(text: &str) -> Option<Rate> {
    let (count, unit) = text.split_once('/')?;
    let per = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return None,
    };
    let count = count.bytes().all(|b| b.is_ascii_digit()).then(|| count.parse::<u32>().ok())?.filter(|c| *c > 0)?;
    Some(Rate { count, per: Duration::from_secs(per) })
}

/// The first number, the letters after it, and the rest.
fn number_and_unit(text: &str) -> Option<(&str, &str, &str)> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let after = &text[digits..];
    let letters = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
    (digits > 0).then_some((&text[..digits], &after[..letters], &after[letters..]))
}

/// A decimal number times a factor, if the product is whole.
fn exactly(number: &str, factor: u128) -> Option<u128> {
    let (whole, fraction) = number.split_once('.').map_or((number, None), |(w, f)| (w, Some(f)));
    let is_digits = |t: &str| !t.is_empty() && t.len() <= 20 && t.bytes().all(|b| b.is_ascii_digit());
    if !is_digits(whole) || !fraction.is_none_or(is_digits) {
        return None;
    }
    let mut total = whole.parse::<u128>().ok()?.checked_mul(factor)?;
    if let Some(fraction) = fraction.map(|f| f.trim_end_matches('0')).filter(|f| !f.is_empty()) {
        let scale = 10u128.pow(u32::try_from(fraction.len()).ok()?);
        let part = fraction.parse::<u128>().ok()?.checked_mul(factor)?;
        if part % scale != 0 {
            return None;
        }
        total = total.checked_add(part / scale)?;
    }
    Some(total)
}

fn duration_meant(text: &str) -> Option<String> {
    let tight: String = text.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_ascii_lowercase();
    let guess = match tight.parse::<f64>() {
        // Nobody waits for 200 s where 200 was written without thinking of the unit, nor for 5 ms.
        Ok(n) if n >= 100.0 => format!("{tight}ms"),
        Ok(_) => format!("{tight}s"),
        Err(_) => {
            let mut out = String::new();
            let mut rest = tight.as_str();
            while !rest.is_empty() {
                let (number, unit, after) = number_and_unit(rest)?;
                let short = match unit {
                    "second" | "seconds" | "sec" | "secs" => "s",
                    "minute" | "minutes" | "min" | "mins" => "m",
                    "hour" | "hours" | "hr" | "hrs" => "h",
                    "day" | "days" => "d",
                    "millisecond" | "milliseconds" | "millis" | "msec" | "msecs" => "ms",
                    "microsecond" | "microseconds" | "usec" => "us",
                    other => other,
                };
                out.push_str(number);
                out.push_str(short);
                rest = after;
            }
            out
        }
    };
    duration_of(&guess).map(|_| guess)
}

fn size_meant(text: &str) -> Option<String> {
    let tight: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    if tight.bytes().all(|b| b.is_ascii_digit()) {
        return size_of(&format!("{tight}B")).map(|_| format!("{tight}B"));
    }
    let (number, unit, "") = number_and_unit(&tight)? else { return None };
    let unit = match unit.to_ascii_lowercase().as_str() {
        "b" | "byte" | "bytes" => "B",
        "k" | "ki" | "kib" => "KiB",
        "m" | "mi" | "mib" => "MiB",
        "g" | "gi" | "gib" => "GiB",
        "t" | "ti" | "tib" => "TiB",
        "kb" => "kB",
        "mb" => "MB",
        "gb" => "GB",
        "tb" => "TB",
        _ => return None,
    };
    let guess = format!("{number}{unit}");
    size_of(&guess).map(|_| guess)
}

fn rate_meant(text: &str) -> Option<String> {
    let tight: String = text.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_ascii_lowercase();
    let (count, unit) = tight.split_once('/').unwrap_or((&tight, "s"));
    let unit = match unit {
        "s" | "sec" | "second" => "s",
        "m" | "min" | "minute" => "m",
        "h" | "hour" | "hr" => "h",
        _ => return None,
    };
    let guess = format!("{count}/{unit}");
    if rate_of(&guess).is_some() {
        return Some(guess);
    }
    // Half a request a second is thirty a minute.
    [("s", "m"), ("m", "h")].iter().filter(|(small, _)| *small == unit).find_map(|(_, large)| {
        let guess = format!("{}/{large}", exactly(count, 60)?);
        rate_of(&guess).map(|_| guess)
    })
}

/// A newtype over a quantity, read by its parser, with the schema that editors check: `$types` as JSON types.
macro_rules! written {
    ($(#[$doc:meta])* $name:ident($inner:ty), $parse:ident, $expected:ident, $schema:literal, $json:tt) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $name(pub $inner);

        impl Deref for $name {
            type Target = $inner;

            fn deref(&self) -> &$inner {
                &self.0
            }
        }

        impl From<$name> for $inner {
            fn from(written: $name) -> Self {
                written.0
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                struct V;
                impl Visitor<'_> for V {
                    type Value = $name;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($expected)
                    }

                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$name, E> {
                        $parse(text).map($name).map_err(|e| {
                            let complaint = Complaint::expected(e.expected);
                            E::custom(match e.write {
                                Some(write) => complaint.write(write),
                                None => complaint,
                            })
                        })
                    }
                }
                d.deserialize_str(V)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                $schema.into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                schemars::json_schema!($json)
            }
        }
    };
}

written! {
    /// A duration as it stands in a suite: `200ms`, `1h30m`. A bare number other than 0 is refused.
    Dur(Duration), parse_duration, DURATION, "Duration",
    {
        "type": ["string", "integer"], "minimum": 0, "maximum": 0,
        "pattern": r"^(0|([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h|d))+)$|\$\{[a-z][a-z0-9_]*\}"
    }
}

written! {
    /// A size as it stands in a suite: `50MiB`. A bare number other than 0 is refused.
    Bytes(Size), parse_size, SIZE, "Size",
    {
        "type": ["string", "integer"], "minimum": 0, "maximum": 0,
        "pattern": r"^(0|[0-9]+(\.[0-9]+)?([kKMGT]?B|[KMGT]iB))$|\$\{[a-z][a-z0-9_]*\}"
    }
}

written! {
    /// A rate as it stands in a suite: `20/s`. At least one.
    PerTime(Rate), parse_rate, RATE, "Rate",
    { "type": "string", "pattern": r"^[1-9][0-9]*/[smh]$|\$\{[a-z][a-z0-9_]*\}" }
}

#[cfg(test)]
mod tests {
    use super::{UnitError, parse_duration, parse_rate, parse_size};
    use std::{fmt::Debug, time::Duration};

    #[track_caller]
    fn refused<T: Debug>(told: Result<T, UnitError>, write: &str) {
        assert_eq!(told.unwrap_err().write.unwrap_or_default(), write);
    }

    #[test]
    fn a_duration_is_exact_and_has_its_unit() {
        let check = |text: &str, expected: Duration| assert_eq!(parse_duration(text), Ok(expected), "{text}");
        check("0", Duration::ZERO);
        check("0s", Duration::ZERO);
        check("200ms", Duration::from_millis(200));
        check("1.5s", Duration::from_millis(1500));
        check("5m", Duration::from_secs(300));
        check("1h30m", Duration::from_secs(5400));
        check("1d", Duration::from_secs(86_400));
        check("7us", Duration::from_micros(7));
        check("1s1ns", Duration::new(1, 1));
    }

    #[test]
    fn a_slip_in_a_duration_is_told_with_what_was_meant() {
        for (text, write) in [
            ("200", "200ms"),
            ("30", "30s"),
            ("1.5", "1.5s"),
            ("1 s", "1s"),
            ("30sec", "30s"),
            ("5min", "5m"),
            ("1 hour 30 minutes", "1h30m"),
            ("5S", "5s"),
            ("-1s", ""),
            ("30m1h", ""),
            ("1s1s", ""),
            ("0.1ns", ""),
            ("", ""),
            ("s", ""),
            ("1.s", ""),
            (".5s", ""),
            ("1..5s", ""),
            ("3parsecs", ""),
            ("99999999999999999999d", ""),
            ("101000000000d", ""),
            ("1e3", "1e3ms"),
        ] {
            let write = if text == "1e3" { "" } else { write };
            refused(parse_duration(text), write);
        }
    }

    #[test]
    fn a_size_is_a_whole_number_of_bytes() {
        let check = |text: &str, expected: u64| assert_eq!(parse_size(text).map(|s| s.0), Ok(expected), "{text}");
        check("0", 0);
        check("512B", 512);
        check("50MB", 50_000_000);
        check("50MiB", 50 << 20);
        check("10KiB", 10 << 10);
        check("1.5GiB", 3 << 29);
        check("18446744073709551615B", u64::MAX);
        for (text, write) in [
            ("512", "512B"),
            ("50M", "50MiB"),
            ("50mb", "50MB"),
            ("50 MiB", "50MiB"),
            ("1.5B", ""),
            ("18446744073709551616B", ""),
            ("-1B", ""),
            ("x", ""),
        ] {
            refused(parse_size(text), write);
        }
    }

    #[test]
    fn a_rate_is_so_many_in_one_second_minute_or_hour() {
        let check = |text: &str, count, secs| {
            let rate = parse_rate(text).unwrap();
            assert_eq!((rate.count, rate.per), (count, Duration::from_secs(secs)), "{text}");
        };
        check("20/s", 20, 1);
        check("100/m", 100, 60);
        check("5/h", 5, 3600);
        for (text, write) in
            [("20", "20/s"), ("20/sec", "20/s"), ("0.5/s", "30/m"), ("0/s", ""), ("/s", ""), ("20/d", ""), ("-1/s", ""), ("1.1/h", "")]
        {
            refused(parse_rate(text), write);
        }
    }
}
