//! Looks at one raw line of YAML for words that need quotes, and writes the line as it should be.

use std::ops::Range;

/// The first unquoted word inside `{ }` or `[ ]` that holds brackets itself, such as `${id}`, `/jobs/${id}` or `$.items[0]`.
/// `inside`: the line begins within such brackets.
pub(crate) fn bracketed_word(line: &str, inside: bool) -> Option<Range<usize>> {
    match first(line, inside) {
        Some(Sight::Brackets(word)) => Some(word),
        _ => None,
    }
}

/// The quote on this line that is not closed on it.
pub(crate) fn unclosed_quote(line: &str) -> Option<usize> {
    match first(line, false) {
        Some(Sight::OpenQuote(at)) => Some(at),
        _ => None,
    }
}

/// What a line can hold that makes YAML stumble.
enum Sight {
    Brackets(Range<usize>),
    OpenQuote(usize),
}

fn first(line: &str, inside: bool) -> Option<Sight> {
    let bytes = line.as_bytes();
    let (mut i, mut depth, mut fresh) = (0, usize::from(inside), true);
    while i < bytes.len() {
        let b = bytes[i];
        match b {
            b' ' | b'\t' => {}
            b'#' if i == 0 || matches!(bytes[i - 1], b' ' | b'\t') => return None,
            b'{' | b'[' if fresh => depth += 1,
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                fresh = false;
            }
            b',' => fresh = true,
            b':' if matches!(bytes.get(i + 1), None | Some(b' ')) => fresh = true,
            b'-' if fresh && bytes.get(i + 1) == Some(&b' ') => {}
            b'"' | b'\'' if fresh => {
                let Some(end) = end_of_quoted(bytes, i) else { return Some(Sight::OpenQuote(i)) };
                i = end;
                fresh = false;
            }
            _ => {
                let (end, holds_brackets) = end_of_word(bytes, i, depth > 0);
                if holds_brackets && depth > 0 {
                    return Some(Sight::Brackets(i..i + line[i..end].trim_end().len()));
                }
                i = end.max(i + 1);
                fresh = false;
                continue;
            }
        }
        i += 1;
    }
    None
}

/// The index of the closing quote.
fn end_of_quoted(bytes: &[u8], start: usize) -> Option<usize> {
    let quote = bytes[start];
    let mut i = start + 1;
    while i < bytes.len() {
        match bytes[i] {
            b'\\' if quote == b'"' => i += 1,
            b'\'' if quote == b'\'' && bytes.get(i + 1) == Some(&b'\'') => i += 1,
            b if b == quote => return Some(i),
            _ => {}
        }
        i += 1;
    }
    None
}

/// Where an unquoted word ends, and whether it holds brackets. Brackets inside the word are taken with all that they hold.
fn end_of_word(bytes: &[u8], start: usize, in_flow: bool) -> (usize, bool) {
    let (mut open, mut holds) = (0usize, false);
    for i in start..bytes.len() {
        match bytes[i] {
            b'{' | b'[' => {
                open += 1;
                holds = true;
            }
            b'}' | b']' if open > 0 => open -= 1,
            b'}' | b']' | b',' if open == 0 && in_flow => return (i, holds),
            b':' if open == 0 && matches!(bytes.get(i + 1), None | Some(b' ')) => return (i, holds),
            b'#' if i > 0 && bytes[i - 1] == b' ' => return (i, holds),
            _ => {}
        }
    }
    (bytes.len(), holds)
}

/// The value of the last `key: value` or `- value` that begins before this byte, without a trailing comment.
pub(crate) fn value_around(line: &str, byte: usize) -> Option<Range<usize>> {
    let mut start = line.len() - line.trim_start().len();
    while line[start..].starts_with("- ") {
        start += 2;
        start += line[start..].len() - line[start..].trim_start().len();
    }
    // The key ends at the first `: `; what follows is the value, even when it holds another `: `.
    if let Some(colon) = line[start..].find(": ").filter(|c| start + c < byte) {
        start += colon + 2;
        start += line[start..].len() - line[start..].trim_start().len();
    }
    let end = line[start..].find(" #").map_or(line.len(), |c| start + c);
    let len = line[start..end].trim_end().len();
    (len > 0).then_some(start..start + len)
}

/// The text in quotes: double ones, or single ones where a quote or backslash is in it.
pub(crate) fn quoted(text: &str) -> String {
    if text.contains(['"', '\\']) { format!("'{}'", text.replace('\'', "''")) } else { format!("\"{text}\"") }
}

/// The line with this part in quotes, and without its indentation.
pub(crate) fn with_quotes(line: &str, part: Range<usize>) -> String {
    format!("{}{}{}", &line[..part.start], quoted(&line[part.clone()]), &line[part.end..]).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::{bracketed_word, value_around, with_quotes};

    #[track_caller]
    fn check(line: &str, expected: Option<&str>) {
        assert_eq!(bracketed_word(line, false).map(|r| with_quotes(line, r)).as_deref(), expected, "{line}");
    }

    #[test]
    fn a_word_with_brackets_inside_brackets_is_found_and_quoted() {
        check("  http: { get: /jobs/${id} }", Some("http: { get: \"/jobs/${id}\" }"));
        check("outcome: { get: ${base}, at: $.state }", Some("outcome: { get: \"${base}\", at: $.state }"));
        check("observe: { at: $.items[0] }", Some("observe: { at: \"$.items[0]\" }"));
        check("json: { $.a[*].b: 1 }", Some("json: { \"$.a[*].b\": 1 }"));
        check("needs: [${a}, b]", Some("needs: [\"${a}\", b]"));
        check("x: { a: $.i[?@.n == 'a, b'] }", Some("x: { a: \"$.i[?@.n == 'a, b']\" }"));
        check("x: { a: \"${id}\", b: '$.i[0]' }", None);
        check("x: { a: { b: [1, 2] } }", None);
        check("url: ${base}/x", None);
        check("at: $.items[0]", None);
        check("x: { a: 1 } # ${id}", None);
        assert!(bracketed_word("  get: ${id},", true).is_some());
    }

    #[test]
    fn the_value_around_a_byte_is_what_a_person_would_quote() {
        let line = "  - name: a: b # c";
        assert_eq!(value_around(line, 11).map(|r| &line[r]), Some("a: b"));
        let line = "- @x";
        assert_eq!(value_around(line, 2).map(|r| &line[r]), Some("@x"));
    }
}
