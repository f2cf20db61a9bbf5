//! Turns the bytes of a file into a source, or says why they cannot be one.

use crate::{
    model::{At, Origin, Source},
    reader::problems::Problem,
};
use std::sync::Arc;

/// Largest file that is read: 1 MiB. 10,000 checks of four lines need about 900 KiB.
const MOST_BYTES: usize = 1 << 20;

/// Keeps the bytes as a source under the path that messages show. A UTF-8 byte order mark is dropped.
///
/// # Errors
/// More than 1 MiB, UTF-16, bytes that are not UTF-8, and control characters, each with its place.
pub fn open(path: &str, bytes: &[u8]) -> Result<Arc<Source>, Box<Problem>> {
    let refuse = |text: &str, start: usize, what: String, help: &str| {
        let source = Arc::new(Source::new(path, text));
        let at = place(&text[..start.min(text.len())]);
        Err(Box::new(Problem::new(Origin { source, at }, what).with_help(help)))
    };
    if bytes.len() > MOST_BYTES {
        return refuse("", 0, format!("the file has {} bytes, more than 1 MiB", bytes.len()), "split it into several files");
    }
    if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) {
        return refuse("", 0, "the file is UTF-16, not UTF-8".to_owned(), "save it as UTF-8");
    }
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let text = match str::from_utf8(bytes) {
        Ok(text) => text,
        Err(e) => {
            let bad = bytes[e.valid_up_to()];
            let text = String::from_utf8_lossy(bytes);
            return refuse(&text, e.valid_up_to(), format!("the file is not UTF-8: byte 0x{bad:02X}"), "save it as UTF-8");
        }
    };
    let lone_cr = |start: usize, c: char| c == '\r' && text.as_bytes().get(start + 1) != Some(&b'\n');
    if let Some((start, c)) = text.char_indices().find(|(i, c)| is_forbidden(*c) || lone_cr(*i, *c)) {
        let what = format!("a control character (U+{:04X})", c as u32);
        return refuse(text, start, what, "take it out, or write it as an escape inside double quotes");
    }
    Ok(Arc::new(Source::new(path, text)))
}

/// Characters that YAML 1.2.2 §5.1 does not allow unescaped, less the harmless ones. A lone CR is refused
/// beside them, because editors and parsers disagree on whether it ends a line.
fn is_forbidden(c: char) -> bool {
    matches!(c, '\0'..='\x08' | '\x0B' | '\x0C' | '\x0E'..='\x1F' | '\x7F' | '\u{FFFE}' | '\u{FFFF}' | '\u{FEFF}')
}

/// The place just after `before`.
fn place(before: &str) -> At {
    let line = before.bytes().filter(|b| *b == b'\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |l| l.chars().count()) + 1;
    At { line: line as u32, column: column as u32, start: before.len() as u32, len: 0 }
}

#[cfg(test)]
mod tests {
    use super::open;

    #[track_caller]
    fn check(bytes: &[u8], expected: &str) {
        let told = match open("a.suite.yaml", bytes) {
            Ok(source) => format!("ok {:?}", source.text()),
            Err(problem) => problem.to_string(),
        };
        assert_eq!(told, expected);
    }

    #[test]
    fn bytes_that_are_not_text_are_refused_with_their_place() {
        check(b"suite: a\n", "ok \"suite: a\\n\"");
        check(b"\xEF\xBB\xBFsuite: a", "ok \"suite: a\"");
        check(b"\xFF\xFEs\0", "a.suite.yaml:1:1: the file is UTF-16, not UTF-8\n  help: save it as UTF-8\n");
        check(
            b"suite: a\nname: caf\xE9\n",
            "a.suite.yaml:2:10: the file is not UTF-8: byte 0xE9\n  2 | name: caf\u{FFFD}\n    |          ^\n  help: save it as UTF-8\n",
        );
        check(
            b"a: \0x",
            "a.suite.yaml:1:4: a control character (U+0000)\n  1 | a: \u{2400}x\n    |    ^\n  help: take it out, or write it as an escape inside double quotes\n",
        );
        check(
            &vec![b'#'; (1 << 20) + 1],
            "a.suite.yaml:1:1: the file has 1048577 bytes, more than 1 MiB\n  help: split it into several files\n",
        );
        check(b"a: 1\r\n", "ok \"a: 1\\r\\n\"");
        assert!(open("a", b"a: 1\rb: 2").is_err());
        assert!(open("a", &vec![b'#'; 1 << 20]).is_ok());
    }
}
