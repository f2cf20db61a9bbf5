//! Puts what is known of the parts into the texts that start them: `${name}` is a value, `$${` a literal `${`.

/// What stands for the folder of a part.
pub(crate) const DIR: &str = "dir";

/// The text with every known `${name}` replaced, once: a value is not looked at again. Unknown names stay as they are.
pub(crate) fn fill(text: &str, values: &[(&str, &str)]) -> String {
    let mut out = String::with_capacity(text.len());
    pieces(text, |piece| match piece {
        Piece::Text(text) => out.push_str(text),
        Piece::Name(name) => match values.iter().find(|(known, _)| *known == name) {
            Some((_, value)) => out.push_str(value),
            None => out.extend(["${", name, "}"]),
        },
    });
    out
}

/// The same, for a text that will be filled once more: what is put in comes through that as it is.
pub(crate) fn put(text: &str, values: &[(&str, &str)]) -> String {
    let mut out = String::with_capacity(text.len());
    pieces(text, |piece| match piece {
        Piece::Text("${") => out.push_str("$${"),
        Piece::Text(text) => out.push_str(text),
        Piece::Name(name) => match values.iter().find(|(known, _)| *known == name) {
            Some((_, value)) => out.push_str(&literal(value)),
            None => out.extend(["${", name, "}"]),
        },
    });
    out
}

/// Every name that stands in the text as `${name}`.
pub(crate) fn names(text: &str) -> Vec<&str> {
    let mut names = Vec::new();
    pieces(text, |piece| {
        names.extend(match piece {
            Piece::Text(_) => None,
            Piece::Name(name) => Some(name),
        })
    });
    names
}

/// Whether `${name}` stands in the text.
pub(crate) fn holds(text: &str, name: &str) -> bool {
    names(text).contains(&name)
}

/// A value, written so that filling leaves it as it is.
pub(crate) fn literal(value: &str) -> String {
    value.replace("${", "$${")
}

enum Piece<'a> {
    Text(&'a str),
    Name(&'a str),
}

fn pieces<'a>(text: &'a str, mut take: impl FnMut(Piece<'a>)) {
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, from) = rest.split_at(at);
        let inner = &from[2..];
        if let Some(before) = before.strip_suffix('$') {
            take(Piece::Text(before));
            take(Piece::Text("${"));
            rest = inner;
        } else if let Some((name, after)) = inner.split_once('}') {
            take(Piece::Text(before));
            take(Piece::Name(name));
            rest = after;
        } else {
            break;
        }
    }
    take(Piece::Text(rest));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(fill(text, &[("host", "127.0.0.1"), ("port", "6379"), ("odd", "${port}")]), expected, "{text}");
    }

    #[test]
    fn known_names_are_filled_in_once() {
        check("", "");
        check("redis://${host}:${port}/0", "redis://127.0.0.1:6379/0");
        check("${odd}${odd}", "${port}${port}");
        check("$${port} costs $5 or ${port}", "${port} costs $5 or 6379");
        check("${unknown} ${port", "${unknown} ${port");
    }

    #[test]
    fn what_is_put_in_is_not_filled_again() {
        let once = put("$${port} ${odd} ${port} ${later}", &[("odd", "${later}"), ("port", "1")]);
        assert_eq!(fill(&once, &[("later", "2"), ("port", "3")]), "${port} ${later} 1 2");
        assert_eq!(names("a $${port} ${odd}${later} ${"), ["odd", "later"]);
    }

    #[test]
    fn a_literal_value_comes_through_as_it_is() {
        for value in ["plain", "${port}", "a ${ b", "$"] {
            assert_eq!(fill(&literal(value), &[("port", "1")]), value);
        }
    }
}
