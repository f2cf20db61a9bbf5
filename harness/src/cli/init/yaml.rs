//! Text that may stand in a YAML file: scalars that are read back as they were, and comments of one line.

use crate::report::inert;

/// Words that YAML, or one of its readers, takes for something else than text.
const WORDS: [&str; 11] = ["true", "false", "yes", "no", "on", "off", "null", "none", "y", "n", "nan"];

/// A text as a scalar: plain where nothing could misread it, else in double quotes, whose escapes are those of JSON (YAML 1.2 §7.3.1).
/// `${` stays as it is: see [`literal`].
pub(super) fn scalar(text: &str) -> String {
    let is_plain = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'_' | b'-' | b'.' | b'+'))
        && !WORDS.contains(&text.to_ascii_lowercase().as_str());
    if is_plain { text.to_owned() } else { serde_json::Value::from(text).to_string() }
}

/// A sentence as a scalar that stands alone on its line: plain, too, where no part of it could be read as a key or a comment.
pub(super) fn sentence(text: &str) -> String {
    let is_harmless = |c: char| c.is_ascii_alphanumeric() || " ,;.:/_-+'`()".contains(c);
    let is_plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.contains(' ')
        && text.chars().all(is_harmless)
        && !text.contains(": ")
        && !text.ends_with([':', ' ']);
    if is_plain { text.to_owned() } else { literal(text) }
}

/// The same as [`scalar`] for a text in which nothing is to be put in: `${` is written `$${`.
pub(super) fn literal(text: &str) -> String {
    scalar(&text.replace("${", "$${"))
}

/// A text as (the rest of) a comment: one line, and nothing in it acts.
pub(super) fn comment(text: &str) -> String {
    inert::line(text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scalar_is_quoted_where_it_could_be_read_as_something_else() {
        for plain in ["healthy", "/health", "/a/b_c-d.e", "application/json", "OK"] {
            assert_eq!(scalar(plain), plain);
        }
        for (text, quoted) in [
            ("on", "\"on\""),
            ("3f9", "\"3f9\""),
            ("", "\"\""),
            ("a: b", "\"a: b\""),
            ("x\"y\\", "\"x\\\"y\\\\\""),
            ("/a?b=c", "\"/a?b=c\""),
            ("a\nb", "\"a\\nb\""),
        ] {
            assert_eq!(scalar(text), quoted);
        }
        assert_eq!(literal("/a${b}"), "\"/a$${b}\"");
        assert_eq!(sentence("http://h:1, as it was"), "http://h:1, as it was");
        for text in ["on", "a: b", "a #b", "a b:", "- a", "a ${b}"] {
            assert!(sentence(text).starts_with('"') || sentence(text) == scalar(text), "{text}");
        }
    }
}
