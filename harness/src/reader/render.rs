//! Draws a problem on the user's own source line. No colours: they belong to the screen.

use crate::{model::Origin, reader::problems::Problem};
use std::{borrow::Cow, fmt::Write as _};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Widest piece of a source line that is shown; longer lines are windowed around the caret.
const WIDTH: usize = 120;

/// The full text of a problem: place and message, the source line with a caret under the value, the way out, other places.
///
/// ```text
/// suites/api.suite.yaml:7:15: health.within: expected a duration such as 200ms, got 200
///   7 |       within: 200
///     |               ^^^
///   help: write `within: 200ms`
/// ```
/// Every line ends with a line feed. Control and bidirectional characters of the file are made visible.
#[must_use]
pub fn render(problem: &Problem) -> String {
    let mut out = String::new();
    // Writing into a String cannot fail.
    _ = writeln!(out, "{}: {}", visible(&problem.origin.to_string()), problem.message());
    snippet(&mut out, &problem.origin);
    if let Some(help) = &problem.help {
        _ = writeln!(out, "  help: {}", visible(help));
    }
    for note in &problem.also {
        match &note.origin {
            Some(origin) => {
                _ = writeln!(out, "  note: {}: {}", visible(&origin.to_string()), visible(&note.text));
                snippet(&mut out, origin);
            }
            None => _ = writeln!(out, "  note: {}", visible(&note.text)),
        }
    }
    out
}

fn snippet(out: &mut String, origin: &Origin) {
    if origin.at.line == 0 || origin.source.text().is_empty() {
        return;
    }
    let line = origin.source.line_at(origin.at.start);
    let from = origin.at.column.saturating_sub(1) as usize;
    let text = origin.source.text();
    let span = text.get(origin.at.start as usize..(origin.at.start + origin.at.len) as usize).unwrap_or("");
    let marked = span.lines().next().map_or(0, |l| l.chars().count()).max(1);

    let chars: Vec<String> = line.chars().map(shown).collect();
    let window = window(&chars, from, marked);
    let widths = |range: std::ops::Range<usize>| -> usize {
        chars.get(range.start.min(chars.len())..range.end.min(chars.len())).map_or(0, |c| c.iter().map(|s| s.width()).sum())
    };
    let (left, right) = (if window.start > 0 { "…" } else { "" }, if window.end < chars.len() { "…" } else { "" });
    let piece: String = chars[window.clone()].concat();
    let pad = left.width() + widths(window.start..from) + from.saturating_sub(chars.len());
    let end = (from + marked).min(window.end.max(from + 1));
    let carets = widths(from..end).max(1);

    let number = origin.at.line.to_string();
    _ = writeln!(out, "  {number} | {left}{piece}{right}");
    _ = writeln!(out, "  {:w$} | {:pad$}{}", "", "", "^".repeat(carets), w = number.len());
}

/// The part of a line that is shown: all of it, or about `WIDTH` columns that hold the start of what is marked.
fn window(chars: &[String], from: usize, marked: usize) -> std::ops::Range<usize> {
    let total: usize = chars.iter().map(|s| s.width()).sum();
    if total <= WIDTH {
        return 0..chars.len();
    }
    let from = from.min(chars.len());
    let room = WIDTH.saturating_sub(marked.min(WIDTH / 2));
    let mut start = from;
    let mut used = 0;
    while start > 0 && used + chars[start - 1].width() <= room / 2 {
        start -= 1;
        used += chars[start].width();
    }
    let mut end = from;
    while end < chars.len() && used + chars[end].width() <= WIDTH {
        used += chars[end].width();
        end += 1;
    }
    while start > 0 && used + chars[start - 1].width() <= WIDTH {
        start -= 1;
        used += chars[start].width();
    }
    start..end
}

/// A text with its control characters, tabs and bidirectional controls made visible, so that nothing in a file can move a
/// cursor, hide text or start a terminal sequence.
#[must_use]
pub fn visible(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_harmless) { Cow::Borrowed(text) } else { Cow::Owned(text.chars().map(shown).collect()) }
}

fn is_harmless(c: char) -> bool {
    !c.is_control() && !is_invisible(c)
}

/// Zero-width and direction characters (Unicode Technical Report 36 §3), and the line separators.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{061C}' | '\u{E0000}'..='\u{E007F}')
}

fn shown(c: char) -> String {
    match c {
        '\t' => "→".to_owned(),
        '\0'..='\x1F' => char::from_u32(0x2400 + c as u32).unwrap_or('\u{FFFD}').to_string(),
        '\x7F' => '\u{2421}'.to_string(),
        c if c.is_control() || is_invisible(c) => format!("<U+{:04X}>", c as u32),
        // A combining mark on its own takes no column; it is kept with the character before it.
        c if c.width().is_none() => '\u{FFFD}'.to_string(),
        c => c.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        model::{At, Origin, Source},
        reader::Problem,
    };
    use std::sync::Arc;

    #[track_caller]
    fn check(text: &str, mark: &str, expected: &str) {
        let start = text.find(mark).unwrap();
        let before = &text[..start];
        let at = At {
            line: before.matches('\n').count() as u32 + 1,
            column: before.rsplit('\n').next().unwrap().chars().count() as u32 + 1,
            start: start as u32,
            len: mark.len() as u32,
        };
        let source = Arc::new(Source::new("a.yaml", text));
        assert_eq!(Problem::new(Origin { source, at }, "no").to_string(), expected);
    }

    #[test]
    fn the_caret_stands_under_the_value_whatever_stands_before_it() {
        check("a: 1\nb: two\n", "two", "a.yaml:2:4: no\n  2 | b: two\n    |    ^^^\n");
        check("名前: x9\n", "x9", "a.yaml:1:5: no\n  1 | 名前: x9\n    |       ^^\n");
        check("a:\tx9\n", "x9", "a.yaml:1:4: no\n  1 | a:→x9\n    |    ^^\n");
        check("a: \u{202E}x9\r\n", "x9", "a.yaml:1:5: no\n  1 | a: <U+202E>x9\n    |            ^^\n");
        check("e\u{301}: x9", "x9", "a.yaml:1:5: no\n  1 | e\u{301}: x9\n    |    ^^\n");
        check("a: |\n  x\n  y\n", "|\n  x\n  y", "a.yaml:1:4: no\n  1 | a: |\n    |    ^\n");
    }

    #[test]
    fn a_long_line_is_windowed_around_the_caret() {
        let text = format!("a: {} here {}", "x".repeat(500), "y".repeat(500));
        let source = Arc::new(Source::new("a.yaml", text.as_str()));
        let at = At { line: 1, column: 505, start: 504, len: 4 };
        let told = Problem::new(Origin { source, at }, "no").to_string();
        let lines: Vec<&str> = told.lines().collect();
        assert!(lines[1].chars().count() <= 130, "{told}");
        let caret = lines[2].find('^').unwrap();
        assert_eq!(lines[1].chars().skip(caret).take(4).collect::<String>(), "here", "{told}");
        assert!(lines[1].ends_with('…') && lines[1].contains("| …"), "{told}");
    }
}
