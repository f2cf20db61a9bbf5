//! Our own JSON value and reader: numbers keep their exact text, duplicate keys are found, every fault has a name and a byte offset.

use super::number::{Number, scan};
use std::{cell::OnceCell, collections::HashSet, fmt, fmt::Write as _};

/// A JSON value. Equality is that of JSON: numbers by value, members of objects in any order.
#[derive(Clone, Debug)]
pub enum Json {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, exact.
    Number(Number),
    /// A string, without its escapes.
    String(String),
    /// A list.
    Array(Vec<Json>),
    /// Members in the order of the text. A key may stand more than once: see [`Document::duplicates`].
    Object(Vec<(String, Json)>),
}

/// A JSON text that was read.
#[derive(Debug)]
pub struct Document {
    /// The value.
    pub root: Json,
    /// The path to each member whose key stands more than once in its object; at most [`Document::MOST_DUPLICATES`].
    pub duplicates: Vec<Vec<Step>>,
    value: OnceCell<serde_json::Value>,
}

/// One step of a path into a value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// A member of an object.
    Name(String),
    /// An item of an array, from 0.
    Index(usize),
}

/// Why a text is not JSON (RFC 8259), and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{fault} (byte {offset})")]
pub struct JsonError {
    /// What is wrong.
    pub fault: JsonFault,
    /// Where, in bytes from 0.
    pub offset: usize,
}

/// The faults of a JSON text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonFault {
    /// Nothing, or only white space.
    #[error("is empty")]
    Empty,
    /// A byte order mark before the value (RFC 8259 §8.1 forbids it).
    #[error("begins with a byte order mark")]
    ByteOrderMark,
    /// Not UTF-8 (RFC 8259 §8.1).
    #[error("is not valid UTF-8")]
    NotUtf8,
    /// The text ends inside a value.
    #[error("ends inside a value")]
    EndsEarly,
    /// Something after the value.
    #[error("goes on after the end of the value")]
    Trailing,
    /// A character that cannot stand there.
    #[error("has a character that cannot stand there")]
    Unexpected,
    /// An object key that is not a string.
    #[error("has a key that is not a string in double quotes")]
    Key,
    /// Not a number by RFC 8259 §6: a leading zero or plus, a bare point.
    #[error("has a malformed number")]
    Number,
    /// A control character, NUL among them, that is not escaped inside a string.
    #[error("has an unescaped control character in a string")]
    Control,
    /// A backslash that starts no escape.
    #[error("has an unknown escape in a string")]
    Escape,
    /// Half of a surrogate pair: it stands for no character.
    #[error("has a lone surrogate in a string")]
    LoneSurrogate,
    /// More than [`Json::MOST_DEPTH`] levels.
    #[error("is nested more than 128 levels deep")]
    TooDeep,
}

impl Json {
    /// Most levels of arrays and objects within each other.
    pub const MOST_DEPTH: usize = 128;

    /// The member of an object; the last one where there are several.
    #[must_use]
    pub fn member(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Object(members) => members.iter().rev().find(|(k, _)| k == key).map(|(_, v)| v),
            _ => None,
        }
    }

    /// What it is, with an article, for messages: `a number`.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::String(_) => "a text",
            Self::Array(_) => "an array",
            Self::Object(_) => "an object",
        }
    }

    /// The value for crates that speak `serde_json`. Numbers beyond 64 bits become the nearest double, duplicate keys their last value.
    #[must_use]
    pub fn to_serde(&self) -> serde_json::Value {
        use serde_json::Value;
        match self {
            Self::Null => Value::Null,
            Self::Bool(b) => Value::Bool(*b),
            Self::Number(n) => Value::Number(n.to_serde()),
            Self::String(s) => Value::String(s.clone()),
            Self::Array(items) => Value::Array(items.iter().map(Self::to_serde).collect()),
            Self::Object(members) => Value::Object(members.iter().map(|(k, v)| (k.clone(), v.to_serde())).collect()),
        }
    }

    /// Compact JSON, cut at a character after about `most` bytes and then marked with `…`.
    #[must_use]
    pub fn brief(&self, most: usize) -> String {
        let mut out = Brief { text: String::new(), most };
        // Stops writing as soon as it is full, so a large body costs no more than a small one.
        if write!(out, "{self}").is_err() {
            out.text.push('…');
        }
        out.text
    }
}

/// Takes text until it is full.
struct Brief {
    text: String,
    most: usize,
}

impl fmt::Write for Brief {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        let room = self.most.saturating_sub(self.text.len());
        if s.len() <= room {
            self.text.push_str(s);
            return Ok(());
        }
        let end = (0..=room).rev().find(|i| s.is_char_boundary(*i)).unwrap_or(0);
        self.text.push_str(&s[..end]);
        Err(fmt::Error)
    }
}

impl Document {
    /// Most duplicates that are remembered; a hostile body has no end of them.
    pub const MOST_DUPLICATES: usize = 64;

    /// Reads one JSON text.
    ///
    /// # Errors
    /// The first fault, with its byte offset.
    pub fn read(bytes: &[u8]) -> Result<Self, JsonError> {
        if bytes.starts_with(b"\xEF\xBB\xBF") || bytes.starts_with(b"\xFF\xFE") || bytes.starts_with(b"\xFE\xFF") {
            return Err(JsonError { fault: JsonFault::ByteOrderMark, offset: 0 });
        }
        let text = std::str::from_utf8(bytes).map_err(|e| JsonError { fault: JsonFault::NotUtf8, offset: e.valid_up_to() })?;
        let mut reader = Reader { text, bytes, at: 0, steps: Vec::new(), duplicates: Vec::new() };
        reader.space();
        if reader.at == bytes.len() {
            return Err(JsonError { fault: JsonFault::Empty, offset: 0 });
        }
        let root = reader.value()?;
        reader.space();
        if reader.at < bytes.len() {
            return Err(reader.fault(JsonFault::Trailing));
        }
        Ok(Self { root, duplicates: reader.duplicates, value: OnceCell::new() })
    }

    /// The same as a `serde_json` value, made once.
    pub(super) fn value(&self) -> &serde_json::Value {
        self.value.get_or_init(|| self.root.to_serde())
    }

    /// A duplicate key on the way to the node at `path`, or inside it: then its value is ambiguous.
    pub(super) fn duplicate_at(&self, path: &[Step]) -> Option<&[Step]> {
        self.duplicates.iter().map(Vec::as_slice).find(|d| d.starts_with(path) || path.starts_with(d))
    }
}

impl From<Json> for Document {
    fn from(root: Json) -> Self {
        Self { root, duplicates: Vec::new(), value: OnceCell::new() }
    }
}

struct Reader<'t> {
    text: &'t str,
    bytes: &'t [u8],
    at: usize,
    steps: Vec<Step>,
    duplicates: Vec<Vec<Step>>,
}

impl Reader<'_> {
    fn fault(&self, fault: JsonFault) -> JsonError {
        JsonError { fault, offset: self.at }
    }

    /// The fault of a character that is not expected, or of the end.
    fn unexpected(&self) -> JsonError {
        self.fault(if self.at >= self.bytes.len() { JsonFault::EndsEarly } else { JsonFault::Unexpected })
    }

    fn space(&mut self) {
        self.at += self.bytes[self.at..].iter().take_while(|b| matches!(b, b' ' | b'\t' | b'\n' | b'\r')).count();
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// Takes the byte if it is next.
    fn eat(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn value(&mut self) -> Result<Json, JsonError> {
        match self.peek() {
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::array),
            Some(b'"') => self.string().map(Json::String),
            Some(b'-' | b'0'..=b'9') => {
                let end = self.at + scan(&self.bytes[self.at..]).ok_or(self.fault(JsonFault::Number))?;
                let number = Number::parse(&self.text[self.at..end]).ok_or(self.fault(JsonFault::Number))?;
                self.at = end;
                Ok(Json::Number(number))
            }
            Some(b't') => self.word("true", Json::Bool(true)),
            Some(b'f') => self.word("false", Json::Bool(false)),
            Some(b'n') => self.word("null", Json::Null),
            _ => Err(self.unexpected()),
        }
    }

    fn word(&mut self, word: &str, value: Json) -> Result<Json, JsonError> {
        let same = self.bytes[self.at..].iter().zip(word.bytes()).take_while(|(a, b)| **a == *b).count();
        self.at += same;
        if same == word.len() { Ok(value) } else { Err(self.unexpected()) }
    }

    fn nested(&mut self, read: fn(&mut Self) -> Result<Json, JsonError>) -> Result<Json, JsonError> {
        if self.steps.len() >= Json::MOST_DEPTH {
            return Err(self.fault(JsonFault::TooDeep));
        }
        self.at += 1;
        self.steps.push(Step::Index(0));
        let value = read(self);
        self.steps.pop();
        value
    }

    fn array(&mut self) -> Result<Json, JsonError> {
        let mut items = Vec::new();
        self.space();
        if self.eat(b']') {
            return Ok(Json::Array(items));
        }
        loop {
            self.space();
            if let Some(here) = self.steps.last_mut() {
                *here = Step::Index(items.len());
            }
            items.push(self.value()?);
            self.space();
            if self.eat(b']') {
                return Ok(Json::Array(items));
            }
            if !self.eat(b',') {
                return Err(self.unexpected());
            }
        }
    }

    fn object(&mut self) -> Result<Json, JsonError> {
        let mut members: Vec<(String, Json)> = Vec::new();
        let mut seen: HashSet<String> = HashSet::new();
        self.space();
        if self.eat(b'}') {
            return Ok(Json::Object(members));
        }
        loop {
            self.space();
            if self.peek() != Some(b'"') {
                return Err(if self.at >= self.bytes.len() { self.unexpected() } else { self.fault(JsonFault::Key) });
            }
            let key = self.string()?;
            // Few keys are compared one by one; a set is worth its allocation only in a large object.
            let is_twice = if members.len() < 16 {
                members.iter().any(|(k, _)| *k == key)
            } else {
                if seen.is_empty() {
                    seen.extend(members.iter().map(|(k, _)| k.clone()));
                }
                !seen.insert(key.clone())
            };
            if let Some(here) = self.steps.last_mut() {
                *here = Step::Name(key.clone());
            }
            if is_twice && self.duplicates.len() < Document::MOST_DUPLICATES {
                self.duplicates.push(self.steps.clone());
            }
            self.space();
            if !self.eat(b':') {
                return Err(self.unexpected());
            }
            self.space();
            members.push((key, self.value()?));
            self.space();
            if self.eat(b'}') {
                return Ok(Json::Object(members));
            }
            if !self.eat(b',') {
                return Err(self.unexpected());
            }
        }
    }

    fn string(&mut self) -> Result<String, JsonError> {
        self.at += 1;
        let mut out = String::new();
        loop {
            let run = self.bytes[self.at..].iter().take_while(|b| **b >= 0x20 && **b != b'"' && **b != b'\\').count();
            // The run ends before an ASCII byte or at the end, so both ends are character boundaries.
            out.push_str(&self.text[self.at..self.at + run]);
            self.at += run;
            match self.peek() {
                None => return Err(self.fault(JsonFault::EndsEarly)),
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => out.push(self.escape()?),
                Some(_) => return Err(self.fault(JsonFault::Control)),
            }
        }
    }

    fn escape(&mut self) -> Result<char, JsonError> {
        let c = match self.bytes.get(self.at + 1) {
            None => return Err(self.fault(JsonFault::EndsEarly)),
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode(),
            Some(_) => return Err(self.fault(JsonFault::Escape)),
        };
        self.at += 2;
        Ok(c)
    }

    fn unicode(&mut self) -> Result<char, JsonError> {
        let first = self.hex(self.at)?;
        let lone = self.fault(JsonFault::LoneSurrogate);
        let code = match first {
            0xD800..=0xDBFF if self.bytes[self.at + 6..].starts_with(b"\\u") => {
                let second = self.hex(self.at + 6)?;
                if !(0xDC00..=0xDFFF).contains(&second) {
                    return Err(lone);
                }
                self.at += 6;
                0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00)
            }
            _ => first,
        };
        self.at += 6;
        char::from_u32(code).ok_or(lone)
    }

    /// The four hex digits of the `\u` escape that begins at `at`.
    fn hex(&self, at: usize) -> Result<u32, JsonError> {
        let Some(digits) = self.bytes.get(at + 2..at + 6) else { return Err(JsonError { fault: JsonFault::EndsEarly, offset: at }) };
        digits
            .iter()
            .try_fold(0, |n, b| Some(n * 16 + char::from(*b).to_digit(16)?))
            .ok_or(JsonError { fault: JsonFault::Escape, offset: at })
    }
}

impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Number(a), Self::Number(b)) => a == b,
            (Self::String(a), Self::String(b)) => a == b,
            (Self::Array(a), Self::Array(b)) => a == b,
            (Self::Object(a), Self::Object(b)) => {
                // In the usual case both are in the same order. Each member is compared once, or nesting would make it exponential.
                let same_order = a.len() == b.len() && a.iter().zip(b).all(|((x, _), (y, _))| x == y);
                if same_order { a.iter().zip(b).all(|((_, x), (_, y))| x == y) } else { a.len() == b.len() && same_sorted(a, b) }
            }
            _ => false,
        }
    }
}

/// Compares objects by sorting their keys, so that a hostile body cannot make it quadratic.
fn same_sorted(a: &[(String, Json)], b: &[(String, Json)]) -> bool {
    let sorted = |members: &[(String, Json)]| {
        let mut order: Vec<usize> = (0..members.len()).collect();
        order.sort_by(|x, y| members[*x].0.cmp(&members[*y].0));
        order
    };
    sorted(a).into_iter().zip(sorted(b)).all(|(x, y)| a[x] == b[y])
}

/// Compact JSON; numbers as they were written.
impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(b) => write!(f, "{b}"),
            Self::Number(n) => write!(f, "{n}"),
            Self::String(s) => write_string(f, s),
            Self::Array(items) => {
                f.write_char('[')?;
                for (i, item) in items.iter().enumerate() {
                    if i > 0 {
                        f.write_char(',')?;
                    }
                    write!(f, "{item}")?;
                }
                f.write_char(']')
            }
            Self::Object(members) => {
                f.write_char('{')?;
                for (i, (key, value)) in members.iter().enumerate() {
                    if i > 0 {
                        f.write_char(',')?;
                    }
                    write_string(f, key)?;
                    write!(f, ":{value}")?;
                }
                f.write_char('}')
            }
        }
    }
}

/// Writes a JSON string: what RFC 8259 §7 asks to be escaped, and DEL.
pub(super) fn write_string(out: &mut impl fmt::Write, text: &str) -> fmt::Result {
    out.write_char('"')?;
    let mut plain = 0;
    for (i, c) in text.char_indices() {
        let short = match c {
            '"' => "\\\"",
            '\\' => "\\\\",
            '\n' => "\\n",
            '\r' => "\\r",
            '\t' => "\\t",
            '\0'..='\u{1f}' | '\u{7f}' => "",
            _ => continue,
        };
        out.write_str(&text[plain..i])?;
        if short.is_empty() { write!(out, "\\u{:04x}", u32::from(c))? } else { out.write_str(short)? }
        plain = i + c.len_utf8();
    }
    out.write_str(&text[plain..])?;
    out.write_char('"')
}

impl From<&serde_json::Value> for Json {
    fn from(value: &serde_json::Value) -> Self {
        use serde_json::Value;
        match value {
            Value::Null => Self::Null,
            Value::Bool(b) => Self::Bool(*b),
            Value::Number(n) => Self::Number(Number::parse(&n.to_string()).expect("serde_json writes numbers by RFC 8259")),
            Value::String(s) => Self::String(s.clone()),
            Value::Array(items) => Self::Array(items.iter().map(Self::from).collect()),
            Value::Object(map) => Self::Object(map.iter().map(|(k, v)| (k.clone(), Self::from(v))).collect()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Document, Json, JsonFault, Step};
    use proptest::prelude::*;

    #[track_caller]
    fn check(text: &[u8], fault: JsonFault, offset: usize) {
        let error = Document::read(text).expect_err("a fault");
        assert_eq!((error.fault, error.offset), (fault, offset), "{}", String::from_utf8_lossy(text));
    }

    fn json(text: &str) -> Json {
        Document::read(text.as_bytes()).expect(text).root
    }

    #[test]
    fn every_fault_has_its_name_and_offset() {
        check(b"", JsonFault::Empty, 0);
        check(b" \n\t ", JsonFault::Empty, 0);
        check(b"\xEF\xBB\xBF{}", JsonFault::ByteOrderMark, 0);
        check(b"\xFF\xFE{\0}\0", JsonFault::ByteOrderMark, 0);
        check(b"\"a\xFFb\"", JsonFault::NotUtf8, 2);
        check(b"\"\xED\xA0\x80\"", JsonFault::NotUtf8, 1);
        check(b"{\"a\":1", JsonFault::EndsEarly, 6);
        check(b"[1,", JsonFault::EndsEarly, 3);
        check(b"\"abc", JsonFault::EndsEarly, 4);
        check(b"\"\\u12", JsonFault::EndsEarly, 1);
        check(b"tru", JsonFault::EndsEarly, 3);
        check(b"{} x", JsonFault::Trailing, 3);
        check(b"{}\0", JsonFault::Trailing, 2);
        check(b"1 2", JsonFault::Trailing, 2);
        check(b"<html>", JsonFault::Unexpected, 0);
        check(b"[1 2]", JsonFault::Unexpected, 3);
        check(b"[1,]", JsonFault::Unexpected, 3);
        check(b"{\"a\" 1}", JsonFault::Unexpected, 5);
        check(b"NaN", JsonFault::Unexpected, 0);
        check(b"{a:1}", JsonFault::Key, 1);
        check(b"{\"a\":1,}", JsonFault::Key, 7);
        check(b"{'a':1}", JsonFault::Key, 1);
        check(b"[01]", JsonFault::Number, 1);
        check(b"-", JsonFault::Number, 0);
        check(b"[1.]", JsonFault::Number, 1);
        check(b"\"a\nb\"", JsonFault::Control, 2);
        check(b"\"a\0b\"", JsonFault::Control, 2);
        check(b"\"\\x\"", JsonFault::Escape, 1);
        check(b"\"\\u12G4\"", JsonFault::Escape, 1);
        check(b"\"\\uD800\"", JsonFault::LoneSurrogate, 1);
        check(b"\"\\uDC00\"", JsonFault::LoneSurrogate, 1);
        check(b"\"\\uD800\\u0041\"", JsonFault::LoneSurrogate, 1);
    }

    #[test]
    fn depth_is_capped_and_the_cap_itself_is_read() {
        let nested = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        assert!(Document::read(nested(128).as_bytes()).is_ok());
        check(nested(129).as_bytes(), JsonFault::TooDeep, 128);
        check("[".repeat(100_000).as_bytes(), JsonFault::TooDeep, 128);
        check("{\"a\":".repeat(100_000).as_bytes(), JsonFault::TooDeep, 640);
    }

    #[test]
    fn escapes_are_undone_and_written_again() {
        assert_eq!(json(r#""\ud83d\ude00 \u0000 \/ é""#), Json::String("😀 \0 / é".into()));
        assert_eq!(json(r#""\ud83d\ude00 \u0000 \/\n""#).to_string(), "\"😀 \\u0000 /\\n\"");
    }

    #[test]
    fn duplicate_keys_are_found_with_their_path() {
        let find = |text: &str| Document::read(text.as_bytes()).expect(text).duplicates;
        let name = |s: &str| Step::Name(s.into());
        assert_eq!(find(r#"{"a":{"b":[0,{"c":1,"c":2}]}}"#), [vec![name("a"), name("b"), Step::Index(1), name("c")]]);
        assert_eq!(find(r#"{"a":1,"\u0061":2}"#), [vec![name("a")]]);
        assert!(find(r#"{"a":{"b":1},"b":1}"#).is_empty());
        let large: String = (0..40).map(|i| format!("\"k{i}\":0,")).collect();
        assert_eq!(find(&format!("{{{large}\"k3\":1}}")), [vec![name("k3")]]);
        assert_eq!(find(&format!("[{}]", vec![r#"{"a":1,"a":1}"#; 200].join(","))).len(), Document::MOST_DUPLICATES);
    }

    #[test]
    fn equality_is_by_value_and_knows_no_order_of_members() {
        assert_eq!(json(r#"{"a":1,"b":[1.0,"x"]}"#), json(r#"{"b":[1e0,"x"],"a":1.00}"#));
        assert_ne!(json(r#"{"a":1}"#), json(r#"{"a":1,"b":2}"#));
        assert_ne!(json("9007199254740993"), json("9007199254740992"));
        assert_ne!(json("\"1\""), json("1"));
        assert_ne!(json("null"), json("0"));
        let members = |order: &mut dyn Iterator<Item = usize>, last: u8| {
            json(&format!("{{{},\"z\":{last}}}", order.map(|i| format!("\"k{i}\":{i}")).collect::<Vec<_>>().join(",")))
        };
        assert_eq!(members(&mut (0..500), 1), members(&mut (0..500).rev(), 1));
        assert_ne!(members(&mut (0..500), 1), members(&mut (0..500).rev(), 2));
    }

    #[test]
    fn a_large_value_is_shown_cut() {
        assert_eq!(json(&format!("[\"{}\"]", "é".repeat(1_000_000))).brief(9), "[\"ééé…");
        assert_eq!(json("[1]").brief(9), "[1]");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused_and_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            _ = Document::read(&bytes);
        }

        #[test]
        fn near_json_is_refused_where_serde_refuses_and_read_where_it_reads(text in "[\\[\\]{}\",:0-9eE+. \\\\udtrn-]{0,24}") {
            let theirs: Result<serde_json::Value, _> = serde_json::from_str(&text);
            match (Document::read(text.as_bytes()), theirs) {
                (Ok(ours), Ok(theirs)) => if ours.duplicates.is_empty() { prop_assert_eq!(ours.root.to_serde(), theirs) },
                (Err(_), Err(_)) => {}
                // serde_json refuses numbers beyond a double; we keep them.
                (Ok(_), Err(e)) => prop_assert!(e.to_string().contains("out of range"), "{e}"),
                (Err(e), Ok(_)) => prop_assert_eq!(e.fault, JsonFault::Number, "serde takes an exponent of any length"),
            }
        }

        #[test]
        fn what_is_written_is_read_again(value in value()) {
            let ours = Json::from(&value);
            let again = Document::read(ours.to_string().as_bytes()).expect("we read what we write");
            prop_assert_eq!(&again.root, &ours);
            prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&ours.to_string()).expect("so does serde_json"), value);
        }
    }

    fn value() -> impl Strategy<Value = serde_json::Value> {
        use serde_json::{Value, json};
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u32>().prop_map(|n| json!(f64::from(n) / 8.0)),
            any::<String>().prop_map(Value::from)
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                proptest::collection::btree_map(any::<String>(), inner, 0..5).prop_map(|m| Value::Object(m.into_iter().collect()))
            ]
        })
    }
}
