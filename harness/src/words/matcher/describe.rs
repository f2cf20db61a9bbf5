//! Says what a matcher expects, in words, with the values of the run in it.

use super::{Bound, Matcher};
use crate::words::{template::Template, text::Text, values::Values};

/// Most characters of one value in a message.
pub(super) const BRIEF: usize = 200;

impl Matcher {
    /// What is expected, for a finding: `at least 0.5`, `one of "a", "b"`. Secrets are `***`.
    #[must_use]
    pub fn describe(&self, values: &Values) -> String {
        let value = |template: &Template| template.show(values).brief(BRIEF);
        let list = |templates: &[Template]| templates.iter().map(value).collect::<Vec<_>>().join(", ");
        match self {
            Self::Present => "something there".to_owned(),
            Self::Absent => "absent".to_owned(),
            Self::Every(matchers) => matchers.iter().map(|m| m.describe(values)).collect::<Vec<_>>().join(" and "),
            Self::Not(inner) => format!("not {}", inner.describe(values)),
            Self::Equals(template) => value(template),
            Self::Compare(Bound::AtLeast, template) => format!("at least {}", value(template)),
            Self::Compare(Bound::AtMost, template) => format!("at most {}", value(template)),
            Self::Compare(Bound::Above, template) => format!("above {}", value(template)),
            Self::Compare(Bound::Below, template) => format!("below {}", value(template)),
            Self::Length(inner) => format!("a length of {}", inner.describe(values)),
            Self::OneOf(templates) => format!("one of {}", list(templates)),
            Self::Matches(expression) => format!("a text matching `{}`", expression.0.text()),
            Self::Contains(template) => format!("something that contains {}", value(template)),
            Self::StartsWith(text) => format!("a text that starts with {}", shown(text, values)),
            Self::EndsWith(text) => format!("a text that ends with {}", shown(text, values)),
            Self::All(inner) => format!("all {}", inner.describe(values)),
            Self::Any(inner) => format!("any {}", inner.describe(values)),
            Self::Count(inner) => format!("a count of {}", inner.describe(values)),
        }
    }
}

fn shown(text: &Text, values: &Values) -> String {
    Template::Text(text.clone()).show(values).brief(BRIEF)
}
