//! What is to be measured: the request whose bodies grow, as `--find-size-limit` names it.

use super::super::failure::Failure;

/// One endpoint whose limit is to be found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wish {
    /// The key of the method in a suite: `post`.
    pub(super) method: &'static str,
    pub(super) path: String,
    /// Further keys of `size-limit`, as they stand in a suite: `field`, `least`, `refused`, `type`.
    pub(super) keys: Vec<(&'static str, String)>,
}

const FLAG: &str = "--find-size-limit";
const HELP: &str = "write 'POST /api/v1/uploads', for a form 'POST /api/v1/uploads field=file'";

impl Wish {
    /// Reads `POST /api/v1/uploads field=file refused=400`.
    pub(super) fn read(text: &str) -> Result<Self, Failure> {
        let told = |what: String| Failure::NeverStarted(format!("{FLAG} `{text}`: {what}\n  help: {HELP}"));
        let mut words = text.split_whitespace();
        let (Some(method), Some(path)) = (words.next(), words.next()) else {
            return Err(told("expected a method and a path, got less".to_owned()));
        };
        let method = match method.to_ascii_uppercase().as_str() {
            "POST" => "post",
            "PUT" => "put",
            "PATCH" => "patch",
            _ => return Err(told(format!("expected POST, PUT or PATCH, got `{method}`"))),
        };
        let path = checked_path(FLAG, path)?;
        let mut keys: Vec<(&'static str, String)> = Vec::new();
        for word in words {
            let (key, value) = word.split_once('=').ok_or_else(|| told(format!("expected KEY=VALUE behind the path, got `{word}`")))?;
            let key = match key {
                "field" => "field",
                "type" => "type",
                "least" if is_size(value) => "least",
                "least" => return Err(told(format!("least: expected a size such as 1B, got `{value}`"))),
                "refused" if value.len() == 3 && value.bytes().all(|b| b.is_ascii_digit()) => "refused",
                "refused" => return Err(told(format!("refused: expected a status such as 413, got `{value}`"))),
                _ => return Err(told(format!("expected field, least, refused or type, got `{key}`"))),
            };
            if value.is_empty() || keys.iter().any(|(k, _)| *k == key) {
                return Err(told(format!("expected one value for `{key}`")));
            }
            keys.push((key, value.to_owned()));
        }
        Ok(Self { method, path, keys })
    }

    /// `POST /api/v1/uploads`.
    pub(super) fn shown(&self) -> String {
        format!("{} {}", self.method.to_ascii_uppercase(), self.path)
    }
}

/// A number and its unit; the suite reads it, and tells what is wrong with the unit.
fn is_size(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit()) && text.ends_with('B') && text.bytes().all(|b| b.is_ascii_alphanumeric())
}

/// A path below the base URL, as a flag gives it.
pub(super) fn checked_path(flag: &str, path: &str) -> Result<String, Failure> {
    let wrong = if !path.starts_with('/') {
        "expected a path that begins with `/`"
    } else if path.contains(|c: char| c.is_whitespace() || c.is_control() || c == '#') {
        "expected a path without white space and without `#`"
    } else {
        return Ok(path.to_owned());
    };
    Err(Failure::NeverStarted(format!("{flag}: {wrong}, got `{path}`\n  help: write it as it stands behind the URL, such as /health")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_is_a_method_a_path_and_what_the_endpoint_needs() {
        let wish = Wish::read("POST /uploads least=20B").expect("well formed");
        assert_eq!(wish.keys, [("least", "20B".to_owned())]);
        let wish = Wish::read("post /uploads field=file refused=400").expect("well formed");
        assert_eq!((wish.method, wish.path.as_str()), ("post", "/uploads"));
        assert_eq!(wish.keys, [("field", "file".to_owned()), ("refused", "400".to_owned())]);
        assert_eq!(wish.shown(), "POST /uploads");
    }

    #[test]
    fn what_is_no_wish_is_told() {
        for (text, why) in [
            ("POST", "got less"),
            ("GET /x", "got `GET`"),
            ("POST x", "begins with `/`"),
            ("POST /x field", "got `field`"),
            ("POST /x limit=1", "got `limit`"),
            ("POST /x refused=never", "such as 413"),
            ("POST /x least=1", "such as 1B"),
            ("POST /x field=a field=b", "one value"),
        ] {
            let told = Wish::read(text).expect_err(text).to_string();
            assert!(told.contains(why) && told.contains("help: "), "{told}");
        }
    }
}
