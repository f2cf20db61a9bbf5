//! A regular expression of a suite: linear in time, compiled once per distinct text when the suite is read.

use super::{
    text::{Encode, Text},
    values::{UnknownCapture, Values},
};
use crate::reader::{Complaint, Node};
use regex::{Regex, RegexBuilder};
use std::{cell::RefCell, collections::HashMap, fmt};

/// A regular expression. What a secret or capture holds is taken literally.
#[derive(Clone)]
pub(super) struct Pattern {
    text: Text,
    /// Compiled already, if nothing is left to put in.
    fixed: Option<Regex>,
}

/// Most bytes of a compiled expression.
const MOST_BYTES: usize = 4 << 20;
/// Most expressions kept for reuse in one thread.
const MOST_KEPT: usize = 1024;

impl Pattern {
    /// Reads and compiles the expression.
    pub(super) fn of(node: &Node) -> Result<Self, Complaint> {
        let text = Text::of(node)?;
        let told = |e: &regex::Error| Complaint::new(format!("not a regular expression: {}", brief(e))).at(node);
        let fixed = match text.literal() {
            Some(literal) => Some(compiled(literal).map_err(|e| told(&e))?),
            None => {
                // With a letter in each place, so that a mistake is told before the run and not in it.
                let values = text.captures().fold(Values::default(), |v, name| v.with(name, super::Json::String("x".to_owned()), false));
                let sample = text.render(&values, Encode::Regex).map_err(|e| Complaint::new(e.to_string()).at(node))?;
                RegexBuilder::new(&sample.wire).size_limit(MOST_BYTES).build().map_err(|_| {
                    Complaint::new(format!("not a regular expression: `{text}`"))
                        .help("the text around each `${…}` must be one by itself")
                        .at(node)
                })?;
                None
            }
        };
        Ok(Self { text, fixed })
    }

    /// Whether it is found in the text. `None`: with the values put in, it is no expression any more.
    pub(super) fn finds(&self, text: &str, values: &Values) -> Result<Option<bool>, UnknownCapture> {
        if let Some(regex) = &self.fixed {
            return Ok(Some(regex.is_match(text)));
        }
        let rendered = self.text.render(values, Encode::Regex)?;
        Ok(RegexBuilder::new(&rendered.wire).size_limit(MOST_BYTES).build().ok().map(|regex| regex.is_match(text)))
    }

    pub(super) fn text(&self) -> &Text {
        &self.text
    }
}

fn compiled(text: &str) -> Result<Regex, regex::Error> {
    thread_local! {
        static KEPT: RefCell<HashMap<String, Regex>> = RefCell::default();
    }
    KEPT.with_borrow_mut(|kept| {
        if let Some(regex) = kept.get(text) {
            return Ok(regex.clone());
        }
        let regex = RegexBuilder::new(text).size_limit(MOST_BYTES).build()?;
        if kept.len() < MOST_KEPT {
            kept.insert(text.to_owned(), regex.clone());
        }
        Ok(regex)
    })
}

/// The sentence of an error, without the drawing that the crate makes over several lines.
fn brief(error: &regex::Error) -> String {
    let text = error.to_string();
    text.lines().rev().find_map(|l| l.trim().strip_prefix("error: ")).map_or_else(|| text.replace('\n', " "), str::to_owned)
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::Pattern;
    use crate::words::{Json, Values, testing::node};

    #[test]
    fn what_a_capture_holds_is_taken_literally() {
        let pattern = Pattern::of(&node("'^job-${id}$'")).expect("an expression");
        let values = Values::default().with("id", Json::String("a.c".into()), false);
        assert_eq!(pattern.finds("job-a.c", &values), Ok(Some(true)));
        assert_eq!(pattern.finds("job-abc", &values), Ok(Some(false)));
        assert!(pattern.finds("job-a.c", &Values::default()).is_err());
    }

    #[test]
    fn a_malformed_expression_is_told_in_one_line() {
        for (yaml, what) in [
            ("'a('", "not a regular expression: unclosed group"),
            ("'(?=a)'", "not a regular expression: look-around, including look-ahead and look-behind, is not supported"),
            ("'[${id}'", "not a regular expression: `[${id}`"),
        ] {
            assert_eq!(&*Pattern::of(&node(yaml)).expect_err(yaml).what, what);
        }
        assert!(Pattern::of(&node("'(a{1000}){1000}'")).is_err(), "too large when compiled");
    }

    #[test]
    fn an_expression_that_would_blow_up_elsewhere_is_linear() {
        let pattern = Pattern::of(&node("'^(a+)+$'")).expect("an expression");
        assert_eq!(pattern.finds(&format!("{}b", "a".repeat(100_000)), &Values::default()), Ok(Some(false)));
    }
}
