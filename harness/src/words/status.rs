//! Which status codes are expected: `200`, `2xx`, `[200, 204]`.

use crate::reader::{Complaint, Core, Kind, Node, Tree};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};
use std::{borrow::Cow, fmt};

/// A set of status codes. Default: any 2xx.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status(Vec<Codes>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Codes {
    One(u16),
    /// All that begin with this digit.
    Class(u16),
}

impl Status {
    /// Exactly this code.
    #[must_use]
    pub fn exactly(code: u16) -> Self {
        Self(vec![Codes::One(code)])
    }

    /// Whether a code is among them.
    #[must_use]
    pub fn fits(&self, code: u16) -> bool {
        self.0.iter().any(|codes| match codes {
            Codes::One(one) => *one == code,
            Codes::Class(class) => code / 100 == *class,
        })
    }

    /// One code among them, the lowest of the first entry: `200` of `2xx`.
    #[must_use]
    pub fn one(&self) -> u16 {
        match self.0.first() {
            Some(Codes::One(code)) => *code,
            Some(Codes::Class(class)) => class * 100,
            None => 200,
        }
    }

    /// Reads a code, a class or a list of them.
    ///
    /// # Errors
    /// Anything else, with the corrected form.
    pub fn of(node: &Node) -> Result<Self, Complaint> {
        match node.items() {
            Some([]) | None => Ok(Self(vec![codes(node)?])),
            Some(items) => items.iter().map(codes).collect::<Result<_, _>>().map(Self),
        }
    }
}

fn codes(node: &Node) -> Result<Codes, Complaint> {
    let expected = || Complaint::expected("a status: 200, 2xx or [200, 204]").at(node);
    let Kind::Scalar { text, given, .. } = &node.kind else { return Err(expected()) };
    super::text::known(node)?;
    let code = text.parse::<u16>().ok().filter(|c| (100..=599).contains(c) && text.len() == 3);
    match (node.core(), code) {
        (Some(Core::Number(_)), Some(code)) => Ok(Codes::One(code)),
        // A variable can only be put into quotes inside `{ }`; what it stands for decides.
        (_, Some(code)) if given.is_some() => Ok(Codes::One(code)),
        (_, Some(_)) => Err(expected().got(format!("the text \"{text}\"")).write(text.as_str())),
        (Some(Core::Text(_)), None) => match text.to_ascii_lowercase().as_bytes() {
            [digit @ b'1'..=b'5', b'x', b'x'] => Ok(Codes::Class(u16::from(digit - b'0'))),
            _ => Err(expected()),
        },
        _ => Err(expected()),
    }
}

impl Default for Status {
    fn default() -> Self {
        Self(vec![Codes::Class(2)])
    }
}

impl<'de> Deserialize<'de> for Status {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Self::of(&Tree::deserialize(d)?.0).map_err(de::Error::custom)
    }
}

impl JsonSchema for Status {
    fn schema_name() -> Cow<'static, str> {
        "Status".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let one = serde_json::json!({
            "anyOf": [
                { "type": "integer", "minimum": 100, "maximum": 599 },
                { "type": "string", "pattern": r"^[1-5][xX][xX]$|^\$\{[a-z][a-z0-9_]*\}$" }
            ]
        });
        json_schema!({
            "description": "A status code, a class such as 2xx, or a list of them.",
            "anyOf": [one, { "type": "array", "minItems": 1, "items": one }]
        })
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, codes) in self.0.iter().enumerate() {
            f.write_str(match i {
                0 => "",
                _ if i + 1 == self.0.len() => " or ",
                _ => ", ",
            })?;
            match codes {
                Codes::One(code) => write!(f, "{code}")?,
                Codes::Class(class) => write!(f, "{class}xx")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Status;
    use crate::words::testing::node;

    #[track_caller]
    fn check(yaml: &str, shown: &str, admits: &[u16], refuses: &[u16]) {
        let status = Status::of(&node(yaml)).expect(yaml);
        assert_eq!(status.to_string(), shown);
        assert!(admits.iter().all(|c| status.fits(*c)) && !refuses.iter().any(|c| status.fits(*c)), "{yaml}");
    }

    #[test]
    fn a_status_is_a_code_a_class_or_a_list() {
        check("200", "200", &[200], &[201, 204, 20, 2000]);
        check("2xx", "2xx", &[200, 299], &[199, 300]);
        check("'4XX'", "4xx", &[404], &[504]);
        check("[200, 204]", "200 or 204", &[200, 204], &[201]);
        check("[200, 204, 3xx]", "200, 204 or 3xx", &[302], &[400]);
        assert!(Status::default().fits(206) && !Status::default().fits(304));
    }

    #[test]
    fn anything_else_is_refused_and_a_quoted_code_is_corrected() {
        for yaml in ["99", "600", "0200", "2x", "6xx", "ok", "[]", "{ a: 1 }", "null", "true", "200.0", "2e2", "'${later}'"] {
            assert!(Status::of(&node(yaml)).is_err(), "{yaml}");
        }
        assert_eq!(&*Status::of(&node("\"200\"")).expect_err("quoted").write, "200");
    }
}
