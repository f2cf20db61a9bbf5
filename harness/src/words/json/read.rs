//! Reads JSON (RFC 8259) strictly: every fault has a name and a byte offset, depth is capped, duplicate keys are remembered.

use super::{Document, Json, Step};
use crate::words::number::{Number, scan};
use std::collections::HashSet;

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

/// Reads one text, and remembers where it is.
pub(super) struct Reader<'t> {
    text: &'t str,
    bytes: &'t [u8],
    at: usize,
    steps: Vec<Step>,
    duplicates: Vec<Vec<Step>>,
}

impl<'t> Reader<'t> {
    /// The value, and the path to each key that stands more than once.
    pub(super) fn read(bytes: &'t [u8]) -> Result<(Json, Vec<Vec<Step>>), JsonError> {
        if bytes.starts_with(b"\xEF\xBB\xBF") || bytes.starts_with(b"\xFF\xFE") || bytes.starts_with(b"\xFE\xFF") {
            return Err(JsonError { fault: JsonFault::ByteOrderMark, offset: 0 });
        }
        let text = std::str::from_utf8(bytes).map_err(|e| JsonError { fault: JsonFault::NotUtf8, offset: e.valid_up_to() })?;
        let mut reader = Self { text, bytes, at: 0, steps: Vec::new(), duplicates: Vec::new() };
        reader.space();
        if reader.at == bytes.len() {
            return Err(JsonError { fault: JsonFault::Empty, offset: 0 });
        }
        let root = reader.value()?;
        reader.space();
        if reader.at < bytes.len() {
            return Err(reader.fault(JsonFault::Trailing));
        }
        Ok((root, reader.duplicates))
    }

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
