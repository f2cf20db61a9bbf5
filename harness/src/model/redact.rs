//! Takes secrets out of any text: raw, percent-, base64-, JSON- and XML-escaped, in one pass.

use super::Secret;
use aho_corasick::{AhoCorasick, MatchKind};
use base64::Engine as _;
use std::{borrow::Cow, collections::BTreeSet, fmt};

/// Knows every form of every secret of a run. Cheap to apply; applying it twice changes nothing more.
pub struct Redactor {
    forms: Option<AhoCorasick>,
}

impl Redactor {
    /// Knows no secret: text passes through.
    #[must_use]
    pub fn none() -> Self {
        Self { forms: None }
    }

    /// Knows all forms of these secrets. Empty values are left out: they would match everywhere.
    #[must_use]
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a Secret>) -> Self {
        let mut forms = BTreeSet::new();
        for secret in secrets {
            if !secret.expose().is_empty() {
                forms.extend(forms_of(secret.expose()));
            }
        }
        if forms.is_empty() {
            return Self::none();
        }
        let automaton = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(forms);
        Self { forms: Some(automaton.expect("a set of short literal patterns always builds")) }
    }

    /// The text with every form of every secret replaced by `***`.
    #[must_use]
    pub fn mask<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match &self.forms {
            Some(ac) if ac.is_match(text) => {
                let mut out = String::with_capacity(text.len());
                ac.replace_all_with(text, &mut out, |_, _, to| {
                    to.push_str(Secret::MASK);
                    true
                });
                Cow::Owned(out)
            }
            _ => Cow::Borrowed(text),
        }
    }

    /// The same for bytes that may not be UTF-8.
    #[must_use]
    pub fn mask_bytes<'t>(&self, bytes: &'t [u8]) -> Cow<'t, [u8]> {
        match &self.forms {
            Some(ac) if ac.is_match(bytes) => {
                let mut out = Vec::with_capacity(bytes.len());
                ac.replace_all_with_bytes(bytes, &mut out, |_, _, to| {
                    to.extend_from_slice(Secret::MASK.as_bytes());
                    true
                });
                Cow::Owned(out)
            }
            _ => Cow::Borrowed(bytes),
        }
    }

    /// Masks every string inside a JSON value, keys too.
    pub fn mask_json(&self, value: &mut serde_json::Value) {
        use serde_json::Value;
        match value {
            Value::String(s) => {
                if let Cow::Owned(masked) = self.mask(s) {
                    *s = masked;
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|v| self.mask_json(v)),
            Value::Object(map) => {
                if map.keys().any(|k| matches!(self.mask(k), Cow::Owned(_))) {
                    *map = std::mem::take(map).into_iter().map(|(k, v)| (self.mask(&k).into_owned(), v)).collect();
                }
                map.values_mut().for_each(|v| self.mask_json(v));
            }
            Value::Number(n) => {
                let shown = n.to_string();
                if let Cow::Owned(masked) = self.mask(&shown) {
                    *value = Value::String(masked);
                }
            }
            _ => {}
        }
    }

    /// Whether any form of any secret stands in the text.
    #[must_use]
    pub fn finds(&self, text: &str) -> bool {
        self.forms.as_ref().is_some_and(|ac| ac.is_match(text))
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor").field("patterns", &self.forms.as_ref().map_or(0, AhoCorasick::patterns_len)).finish()
    }
}

/// Every way in which the value may stand in a text that was encoded once (or twice, for JSON in JSON).
fn forms_of(value: &str) -> BTreeSet<String> {
    use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
    const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    const QUERY: &AsciiSet = &percent_encoding::CONTROLS.add(b' ').add(b'"').add(b'#').add(b'<').add(b'>').add(b'&').add(b'+');
    const PATH: &AsciiSet = &QUERY.add(b'?').add(b'`').add(b'{').add(b'}').add(b'/').add(b'%');
    let mut forms = BTreeSet::from([value.to_owned()]);
    for set in [NON_ALPHANUMERIC, UNRESERVED, QUERY, PATH] {
        let upper = utf8_percent_encode(value, set).to_string();
        forms.insert(lower_hex(&upper));
        forms.insert(upper.replace("%20", "+"));
        forms.insert(upper);
    }
    let json = json_escaped(value);
    forms.insert(json.replace('/', "\\/"));
    let ascii_json: String = value
        .chars()
        .map(|c| {
            if c.is_ascii() {
                json_escaped(c.encode_utf8(&mut [0; 4]))
            } else {
                c.encode_utf16(&mut [0; 2]).iter().map(|u| format!("\\u{u:04x}")).collect()
            }
        })
        .collect();
    forms.insert(ascii_json);
    forms.insert(json_escaped(&json));
    forms.insert(json);
    let xml = value.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    forms.insert(xml.replace('"', "&quot;"));
    forms.insert(xml.replace('"', "&quot;").replace('\'', "&apos;"));
    forms.insert(xml.replace('"', "&quot;").replace('\'', "&#39;"));
    forms.insert(xml.replace('"', "&#34;").replace('\'', "&#39;"));
    forms.insert(xml);
    // A report quotes what a service said, in whatever form that was.
    let quoted: Vec<String> = forms.iter().map(|form| json_escaped(form)).collect();
    forms.extend(quoted);
    forms.extend(base64_forms(value.as_bytes()));
    forms
}

/// The text as it stands between the quotes of a JSON string.
fn json_escaped(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

fn lower_hex(percent: &str) -> String {
    let mut out = String::with_capacity(percent.len());
    let mut rest = 0;
    for c in percent.chars() {
        match c {
            '%' => rest = 2,
            _ if rest > 0 => {
                rest -= 1;
                out.push(c.to_ascii_lowercase());
                continue;
            }
            _ => {}
        }
        out.push(c);
    }
    out
}

/// Inside a longer base64 text the value starts at one of three alignments. Of each, the characters that depend
/// on the value alone; both alphabets. Pieces under 8 characters would match by chance and are left out.
fn base64_forms(value: &[u8]) -> impl Iterator<Item = String> {
    use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
    let mut forms = Vec::new();
    for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
        for lead in 0..3usize {
            let mut bytes = vec![0u8; lead];
            bytes.extend_from_slice(value);
            let text = engine.encode(&bytes);
            // The first `ceil(lead * 4 / 3)` characters mix in what came before; the last one mixes in what follows
            // unless the value ends on a whole group.
            let from = (lead * 4).div_ceil(3);
            let to = if bytes.len() % 3 == 0 { text.len() } else { text.len() - 1 };
            if to > from && to - from >= 8 {
                forms.push(text[from..to].to_owned());
            }
        }
    }
    forms.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUE: &str = "p\"ss <w>/rd&ü'+%1";

    #[track_caller]
    fn check(text: &str) {
        let redactor = Redactor::new([&Secret::new(VALUE)]);
        let masked = redactor.mask(text);
        assert!(masked.contains("***"), "not masked: {text}");
        assert_eq!(redactor.mask(&masked), masked, "masking twice changes nothing");
    }

    #[test]
    fn every_form_of_a_secret_is_masked() {
        check(&format!("x {VALUE} y"));
        check(&format!("?q={}", percent_encoding::utf8_percent_encode(VALUE, percent_encoding::NON_ALPHANUMERIC)));
        check(&url::form_urlencoded::byte_serialize(VALUE.as_bytes()).collect::<String>());
        check(&serde_json::json!({ "a": VALUE }).to_string());
        check(&serde_json::json!({ "a": serde_json::json!({ "b": VALUE }).to_string() }).to_string());
        check(&VALUE.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"));
        let ascii = serde_json::json!({ "a": VALUE }).to_string().replace('ü', "\\u00fc");
        check(&ascii);
        check(&serde_json::json!({ "quoted by a report": ascii }).to_string());
    }

    #[test]
    fn base64_is_masked_in_all_three_alignments() {
        for lead in ["", "a", "ab", "user:", "someone:"] {
            for tail in ["", "x", "xy"] {
                let text = base64::engine::general_purpose::STANDARD.encode(format!("{lead}correct horse battery{tail}"));
                let redactor = Redactor::new([&Secret::new("correct horse battery")]);
                assert!(redactor.mask(&text).contains("***"), "{lead} {tail}: {text}");
            }
        }
    }

    #[test]
    fn text_without_a_secret_is_not_touched() {
        let redactor = Redactor::new([&Secret::new("correct horse battery")]);
        assert!(matches!(redactor.mask("correct horse"), Cow::Borrowed(_)));
        assert!(!redactor.finds("battery staple"));
    }
}
