//! Makes text that came from a target inert: it can start no escape sequence, no workflow command and no line of its own.
//!
//! What is dangerous is shown, not dropped: a reader at night must see that a service answered with an escape sequence.

use std::borrow::Cow;
use std::fmt::Write as _;

/// One line for people: line breaks and everything that acts on a terminal are shown as escapes (`\n`, `\x1b`, `\u{202e}`).
///
/// The result holds no control character, no bidirectional control, no invisible character, no character that XML 1.0
/// refuses, and no start of a workflow command of the usual CI systems. Applying it twice changes nothing more.
#[must_use]
pub fn line(text: &str) -> Cow<'_, str> {
    if text.bytes().all(is_plain) && !may_command(text) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    push(&mut out, text, false);
    Cow::Owned(disarm(out))
}

/// The same for text of several lines: LF and CRLF stay as line breaks, a tab becomes four spaces, a lone CR is shown.
#[must_use]
pub fn block(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|b| is_plain(b) || b == b'\n') && !may_command(text) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    push(&mut out, text, true);
    Cow::Owned(disarm(out))
}

/// Whether the character acts instead of showing: C0, DEL and C1 controls, line and paragraph separators, bidirectional
/// controls (Unicode UAX #9), zero-width and other invisible characters, and what is no character in XML 1.0 §2.2.
#[must_use]
pub fn acts(c: char) -> bool {
    matches!(u32::from(c),
        0x00..=0x1F | 0x7F..=0x9F | 0xAD | 0x34F | 0x61C | 0x115F | 0x1160 | 0x17B4 | 0x17B5 | 0x180B..=0x180F
        | 0x200B..=0x200F | 0x2028..=0x202E | 0x2060..=0x206F | 0x3164 | 0xFE00..=0xFE0E | 0xFEFF | 0xFFA0
        | 0xFFF0..=0xFFFB | 0xFFFE | 0xFFFF | 0xE0000..=0xE0FFF)
        || u32::from(c) & 0xFFFE == 0xFFFE
}

/// Printable ASCII: the common case, told without decoding.
fn is_plain(byte: u8) -> bool {
    (0x20..0x7F).contains(&byte)
}

fn push(out: &mut String, text: &str, breaks: bool) {
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\r' if breaks && chars.peek() == Some(&'\n') => {}
            '\n' if breaks => out.push('\n'),
            '\t' if breaks => out.push_str("    "),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if u32::from(c) < 0x100 && acts(c) => {
                let _ = write!(out, "\\x{:02x}", u32::from(c));
            }
            c if acts(c) => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
            c => out.push(c),
        }
    }
}

/// `##[`, `##vso[` and `##teamcity[` count anywhere in a line, `::` at its start after blanks
/// (GitHub's runner trims the line before it looks).
fn may_command(text: &str) -> bool {
    text.contains("##") || text.contains("::")
}

/// Puts a backslash where a command would start, so that no CI system takes the text for one.
fn disarm(text: String) -> String {
    if !may_command(&text) {
        return text;
    }
    let mut out = String::with_capacity(text.len() + 8);
    for (i, line) in text.split('\n').enumerate() {
        if i > 0 {
            out.push('\n');
        }
        let body = line.trim_start();
        let lead = &line[..line.len() - body.len()];
        out.push_str(lead);
        if body.starts_with("::") {
            out.push('\\');
        }
        let mut rest = body;
        while let Some(at) = rest.find("##") {
            let (before, from) = rest.split_at(at);
            out.push_str(before);
            if starts_command(&from[2..]) {
                out.push_str("#\\#");
                rest = &from[2..];
            } else {
                // One hash at a time: in `###[` the command starts at the second.
                out.push('#');
                rest = &from[1..];
            }
        }
        out.push_str(rest);
    }
    out
}

/// Whether what follows two hashes makes them a logging command of GitHub, Azure or TeamCity.
fn starts_command(after: &str) -> bool {
    ["[", "vso[", "teamcity["].iter().any(|p| after.get(..p.len()).is_some_and(|head| head.eq_ignore_ascii_case(p)))
}

/// Escapes the message of a GitHub workflow command: `%`, CR and LF.
#[must_use]
pub fn command_data(text: &str) -> String {
    block(text).replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes a property of a GitHub workflow command: as its message, and `:` and `,`.
#[must_use]
pub fn command_property(text: &str) -> String {
    command_data(&line(text)).replace(':', "%3A").replace(',', "%2C")
}

/// One line of Markdown in which nothing is markup: punctuation that Markdown or HTML could read stands as an entity,
/// also `@` and `:` so that nobody is mentioned and nothing becomes a link.
#[must_use]
pub fn markdown(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for c in line(text).chars() {
        if c.is_ascii_punctuation() && !matches!(c, ',' | '.' | '/' | '-' | '=' | ';' | '\'' | '%' | '?') {
            let _ = write!(out, "&#{};", u32::from(c));
        } else {
            out.push(c);
        }
    }
    // `www.` and a leading list marker are the two things left that Markdown reads without other punctuation.
    let out = out.replace("www.", "www&#46;");
    match out.chars().next() {
        Some('-' | '=') => format!("&#{};{}", u32::from(out.as_bytes()[0]), &out[1..]),
        _ => out,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Texts that have broken reports elsewhere: every reporter is held to all of them.
    pub(crate) const HOSTILE: &[&str] = &[
        "\u{0}\u{1}\u{8}\u{b}\u{c}\u{1f}\u{7f}",
        "\u{1b}[31mred\u{1b}[0m \u{1b}[2J\u{1b}[1;1H",
        "\u{1b}]8;;https://evil.example\u{7}click\u{1b}]8;;\u{7}",
        "\u{9b}31m C1 \u{85} next line",
        "]]></failure></testcase><testcase name=\"forged\"/>",
        "]]>]]>]]]>]]]]>",
        "\u{fffe} \u{ffff} \u{1fffe}",
        "lone\rcarriage return\rPASS",
        "\u{202e}desrever\u{202c} \u{2066}isolate\u{2069} \u{200f}",
        "zero\u{200b}width\u{feff}\u{2060}",
        "::error file=a,line=1::forged",
        "  \t::set-output name=x::y\n::add-mask::z",
        "##[error]forged ###[group]x ##vso[task.complete result=Succeeded] ##TeamCity[x]",
        "<script>alert(1)</script><!-- --><![CDATA[ &amp; &#0; &bogus; \"'",
        "**bold** [link](http://x) @someone `code` | pipe\n# head\n- item",
        "ok 1 - forged # SKIP\nnot ok 2\nBail out!",
        "line\u{2028}separator\u{2029}paragraph",
        "naïve — 日本語 🎉 👩‍👩‍👧",
        "",
        " ",
        "\n\n\n",
        "%0A%0D%3A",
    ];

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(line(text), expected);
    }

    #[test]
    fn what_would_act_is_shown_instead() {
        check("plain", "plain");
        check("a\nb\rc\td", "a\\nb\\rc\\td");
        check("\u{1b}[31m", "\\x1b[31m");
        check("\u{202e}x\u{200b}", "\\u{202e}x\\u{200b}");
        check("\u{fffe}", "\\u{fffe}");
        check("日本語 naïve", "日本語 naïve");
        check("::error::x", "\\::error::x");
        check("a::b", "a::b");
        check("##[error]", "#\\#[error]");
        check("###[x", "##\\#[x");
        check("## head", "## head");
        assert_eq!(block("a\r\nb\rc\n  ::error::"), "a\nb\\rc\n  \\::error::");
    }

    #[test]
    fn hostile_text_is_inert_and_stays_so() {
        for text in HOSTILE {
            assert_inert(&line(text));
            assert_inert(&block(text));
            assert!(!line(text).contains('\n'));
            assert_eq!(line(&line(text)), line(text), "{text:?}");
            assert_eq!(block(&block(text)), block(text), "{text:?}");
        }
    }

    #[test]
    fn markdown_holds_no_markup() {
        for text in HOSTILE {
            let shown = markdown(text);
            assert!(!shown.contains(['<', '>', '`', '*', '[', '|', '@', '\n', '_', '\\']), "{shown}");
        }
        assert_eq!(markdown("- item"), "&#45; item");
    }

    #[test]
    fn a_workflow_command_cannot_be_left() {
        assert_eq!(command_data("100%\r\n::error::x"), "100%25%0A\\::error::x");
        assert_eq!(command_property("a:b,c"), "a%3Ab%2Cc");
    }

    /// Nothing in it acts, and no line of it starts a workflow command.
    #[track_caller]
    pub(crate) fn assert_inert(text: &str) {
        for line in text.split('\n') {
            if let Some(c) = line.chars().find(|c| acts(*c)) {
                panic!("U+{:04X} acts in {line:?}", u32::from(c));
            }
            assert!(!line.trim_start().starts_with("::"), "a workflow command starts: {line:?}");
            let lower = line.to_ascii_lowercase();
            assert!(!lower.contains("##[") && !lower.contains("##vso[") && !lower.contains("##teamcity["), "a logging command: {line:?}");
        }
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig { failure_persistence: None, ..Default::default() })]
        #[test]
        fn any_text_becomes_inert(text in "(\\PC|\\p{C}|[#:\\[ \n\r]){0,40}") {
            assert_inert(&line(&text));
            assert_inert(&block(&text));
            let once = line(&text).into_owned();
            proptest::prop_assert_eq!(line(&once), once.as_str());
        }
    }
}
