//! Explains YAML syntax errors from the source line: what people meant, and the line as it should stand.

use crate::{
    model::{At, Origin, Source},
    reader::{
        node::{Kind, Node},
        problems::Problem,
        seek::{bracketed_word, quoted, unclosed_quote, value_around, with_quotes},
    },
};
use granit_parser::{ErrorKind, ScanError};
use std::sync::Arc;

/// The problem for an error of the YAML parser.
pub(crate) fn explain(source: &Arc<Source>, error: &ScanError) -> Problem {
    let mark = error.marker();
    let text = source.text();
    let start = mark.byte_offset().unwrap_or(0).min(text.len());
    let at = At { line: mark.line() as u32, column: mark.col() as u32 + 1, start: start as u32, len: 1 };
    let found = Slip::find(source, at, error.kind());
    let at = found.at.unwrap_or(at);
    let problem = Problem::new(Origin { source: Arc::clone(source), at }, found.what);
    match found.help {
        Some(help) => problem.with_help(help),
        None => problem,
    }
}

/// What was probably meant.
struct Slip {
    what: String,
    help: Option<String>,
    at: Option<At>,
}

impl Slip {
    fn new(what: impl Into<String>, help: impl Into<String>) -> Self {
        Self { what: what.into(), help: Some(help.into()), at: None }
    }

    fn find(source: &Source, at: At, kind: &ErrorKind) -> Self {
        use ErrorKind as K;
        let line = source.line_at(at.start);
        let here = line.char_indices().nth(at.column.saturating_sub(1) as usize).map_or(line.len(), |(i, _)| i);
        if let Some(slip) = tab(line, at) {
            return slip;
        }
        let in_flow = matches!(
            kind,
            K::ExpectedFlowMappingSeparator
                | K::ExpectedFlowSequenceSeparator
                | K::MismatchedFlowCollectionEnd { .. }
                | K::MisplacedFlowCollectionEnd
                | K::UnclosedFlowCollection { .. }
                | K::UnexpectedEofFlowMapping
                | K::UnexpectedEofFlowSequence
                | K::InvalidFlowScalarIndent
                | K::FlowMappingValueAdjacentCollection
        );
        if let Some(slip) = unquoted_brackets(line, at, in_flow) {
            return slip;
        }
        let first = line[here..].chars().next();
        match kind {
            K::MappingValueNotAllowed | K::InvalidColonPlacement | K::InvalidSimpleKey | K::SimpleKeyExpected => {
                if let Some(slip) = second_colon(line, at) {
                    return slip;
                }
                Self::new("a `key: value` cannot stand here", "check the indentation of this line and the one before it")
            }
            K::UnknownAnchor => {
                let name: String = line[here..].chars().take_while(|c| !c.is_whitespace() && !matches!(c, ',' | ']' | '}')).collect();
                let corrected = quoted_line(source, at).unwrap_or_else(|| quoted(&name));
                Self::new(format!("`{name}` is an alias of an anchor that is not there"), format!("if it is text, quote it: `{corrected}`"))
            }
            _ if matches!(first, Some('@' | '`' | '%' | '*' | '&' | '!' | '|' | '>' | ',')) => {
                let c = first.unwrap_or('@');
                let c = if c == '`' { "a backtick".to_owned() } else { format!("`{c}`") };
                match quoted_line(source, at) {
                    Some(line) => Self::new(format!("unquoted text cannot begin with {c}"), format!("quote it: `{line}`")),
                    None => Self::new(format!("{c} cannot stand here without quotes"), "quote the value"),
                }
            }
            K::UnclosedQuotedScalar | K::InvalidQuotedScalarIndent | K::DocumentIndicatorInQuotedScalar => Self {
                at: open_quote(source, at),
                ..Self::new("a quote is never closed", "close it; inside '…' a quote is written twice, inside \"…\" as \\\"")
            },
            K::InvalidTrailingSingleQuotedScalar | K::InvalidTrailingDoubleQuotedScalar => {
                Self::new("text after a closing quote", "quote the whole value; inside '…' a quote is written twice, inside \"…\" as \\\"")
            }
            K::UnknownQuotedScalarEscape => {
                Self::new("an unknown escape after `\\`", "write `\\\\` for a backslash, or use single quotes, which have no escapes")
            }
            K::UnclosedFlowCollection { open } => Self::new(format!("`{open}` is never closed"), closing(*open)),
            K::UnexpectedEofFlowMapping | K::UnexpectedEofImplicitFlowMapping => Self::new("`{` is never closed", closing('{')),
            K::UnexpectedEofFlowSequence => Self::new("`[` is never closed", closing('[')),
            K::MismatchedFlowCollectionEnd { open, close } => Self::new(format!("`{open}` is closed by `{close}`"), closing(*open)),
            K::MisplacedFlowCollectionEnd => {
                Self::new("a closing bracket without an opening one", "take it out, or quote the text that holds it")
            }
            K::ExpectedFlowMappingSeparator => {
                Self::new("expected `,` or `}`", "separate entries by `,`; quote text that holds , : [ ] { }")
            }
            K::ExpectedFlowSequenceSeparator => {
                Self::new("expected `,` or `]`", "separate items by `,`; quote text that holds , : [ ] { }")
            }
            K::ExpectedBlockMappingKey => Self::new("expected a key here", "indent it like the other keys of its map"),
            K::ExpectedBlockSequenceEntry => Self::new("expected `- ` here", "indent it like the other items of its list"),
            K::BlockSequenceEntryNotAllowed | K::BlockEntryInFlowCollection => {
                Self::new("a list item (`- `) cannot stand here", "start the list on a line of its own, below its key")
            }
            K::InvalidIndentation | K::InvalidFlowScalarIndent | K::InvalidBlockScalarIndent => {
                Self::new("wrong indentation", "indent it like its neighbours, with spaces")
            }
            K::ExpectedDocumentStart => Self::new("text after the end of the value", "check the indentation of this line"),
            K::RecursionLimitExceeded => Self { what: "nested deeper than 64 levels".to_owned(), help: None, at: None },
            other => Self { what: other.to_string(), help: None, at: None },
        }
    }
}

/// The line of a place with the value that begins there in quotes.
pub(crate) fn quoted_line(source: &Source, at: At) -> Option<String> {
    let line = source.line_at(at.start);
    let here = (at.start - line_start(line, at)?) as usize;
    let value = value_around(line, here + 1).filter(|v| v.start == here).or_else(|| {
        // Inside brackets the value ends where the entry does.
        let rest = line.get(here..)?;
        let len = rest[..rest.find([',', ']', '}'])?].trim_end().len();
        (len > 0).then_some(here..here + len)
    })?;
    Some(with_quotes(line, value))
}

/// A quote that was opened on this line or an earlier one and never closed.
fn open_quote(source: &Source, at: At) -> Option<At> {
    let mut end = (at.start as usize).min(source.text().len());
    let mut line_number = at.line;
    // An unclosed quote swallows lines until the file ends or a line stands too far left; it began not far above.
    for _ in 0..200 {
        let line = source.line_at(end as u32);
        let start = source.text()[..end].rfind('\n').map_or(0, |i| i + 1);
        if let Some(quote) = unclosed_quote(line) {
            let column = line[..quote].chars().count() as u32 + 1;
            return Some(At { line: line_number, column, start: (start + quote) as u32, len: 1 });
        }
        end = start.checked_sub(1)?;
        line_number = line_number.checked_sub(1)?;
    }
    None
}

fn closing(open: char) -> String {
    let close = if open == '{' { '}' } else { ']' };
    format!("close it by `{close}`; quote text that holds brackets")
}

/// A tab in the indentation of the line.
fn tab(line: &str, at: At) -> Option<Slip> {
    let indent = &line[..line.len() - line.trim_start_matches([' ', '\t', '-']).len()];
    let tab = indent.find('\t')?;
    // Only ASCII stands before the tab, so bytes are characters; the error itself may stand further right.
    let at = At { column: tab as u32 + 1, start: line_start(line, at)? + tab as u32, len: 1, ..at };
    let corrected = format!("{}{}", indent.replace('\t', "  "), line[indent.len()..].trim_end());
    Some(Slip { at: Some(at), ..Slip::new("a tab in the indentation", format!("indent with spaces: `{corrected}`")) })
}

/// The byte at which the line of `at` begins.
fn line_start(line: &str, at: At) -> Option<u32> {
    let before: usize = line.chars().take(at.column.saturating_sub(1) as usize).map(char::len_utf8).sum();
    at.start.checked_sub(before as u32)
}

/// `${id}` or `$.items[0]` without quotes inside brackets.
fn unquoted_brackets(line: &str, at: At, in_flow: bool) -> Option<Slip> {
    let word = bracketed_word(line, false).or_else(|| in_flow.then(|| bracketed_word(line, true)).flatten())?;
    let start = line_start(line, at)? + word.start as u32;
    let column = line[..word.start].chars().count() as u32 + 1;
    let at = At { start, column, len: word.len() as u32, ..at };
    let text = &line[word.clone()];
    let help = format!("quote it: `{}`", with_quotes(line, word.clone()));
    Some(Slip { at: Some(at), ..Slip::new(format!("`{text}` needs quotes inside {{ }} or [ ]"), help) })
}

/// `a: b: c` on one line.
fn second_colon(line: &str, at: At) -> Option<Slip> {
    let value = value_around(line, line.len())?;
    let text = &line[value.clone()];
    let inner = text.find(": ").or_else(|| text.ends_with(':').then(|| text.len() - 1))?;
    if text.starts_with(['"', '\'', '{', '[']) || value.start == 0 || !line[..value.start].contains(": ") {
        return None;
    }
    let column = line[..value.start + inner].chars().count() as u32 + 1;
    let start = line_start(line, at)? + (value.start + inner) as u32;
    let help = format!("quote the value: `{}`; or put the inner key on a line of its own", with_quotes(line, value));
    Some(Slip { at: Some(At { start, column, len: 1, ..at }), ..Slip::new("a second `: ` on one line", help) })
}

/// Whether a ` #…` directly after an unquoted value has probably cut it: `name: job #5` is the name `job` and a comment.
/// A comment that begins with a space after `#` is taken for one.
#[must_use]
pub fn comment_cut(source: &Arc<Source>, key: &str, value: &Node) -> Option<Problem> {
    let Kind::Scalar { text, plain: true, .. } = &value.kind else { return None };
    let end = (value.at.start + value.at.len) as usize;
    let rest = source.text().get(end..)?.lines().next()?;
    let comment = rest.trim_start();
    if text.is_empty() || comment.len() == rest.len() || !comment.starts_with('#') {
        return None;
    }
    let first = comment[1..].chars().next()?;
    if first.is_whitespace() || matches!(first, '#' | '-' | '=' | '!') {
        return None;
    }
    let blanks = rest.len() - comment.len();
    let at = At {
        line: value.at.line,
        column: value.at.column + source.text().get(value.at.start as usize..end + blanks)?.chars().count() as u32,
        start: (end + blanks) as u32,
        len: comment.trim_end().len() as u32,
    };
    let whole = format!("{text}{}", rest.trim_end());
    let problem =
        Problem::new(Origin { source: Arc::clone(source), at }, format!("`{}` is a comment and not part of the value", comment.trim_end()));
    Some(Problem { is_warning: true, ..problem.with_help(format!("quote it: `{key}: {}`", quoted(&whole))) })
}

/// When item `i` of a list is no known name: the known name that it makes up together with its neighbour, as when
/// `needs: [start, then stop]` was meant as one name.
#[must_use]
pub fn joined_by_comma<'k>(items: &[&str], i: usize, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let pair = |a: usize| Some(format!("{}, {}", items.get(a)?, items.get(a + 1)?));
    let pairs = [i.checked_sub(1).and_then(pair), pair(i)];
    known.into_iter().find(|k| pairs.iter().flatten().any(|p| p == k))
}
