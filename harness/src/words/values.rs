//! What is known only at run time: captured values by name. Cheap to clone; adding a value leaves earlier copies as they were.

use super::json::Json;
use std::{collections::BTreeMap, fmt, sync::Arc};

/// Captured values, by name.
#[derive(Clone, Default)]
pub struct Values(Arc<BTreeMap<Arc<str>, Captured>>);

/// One captured value.
#[derive(Clone)]
pub struct Captured {
    /// The value, exact.
    pub json: Json,
    /// Never shown.
    pub is_secret: bool,
}

/// A name without a value: the request that captures it has not answered, or not with that.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`${{{name}}}` has no value yet")]
pub struct UnknownCapture {
    /// The name.
    pub name: String,
}

impl Values {
    /// These values and one more; a value of the same name is replaced.
    #[must_use]
    pub fn with(mut self, name: &str, json: Json, is_secret: bool) -> Self {
        Arc::make_mut(&mut self.0).insert(name.into(), Captured { json, is_secret });
        self
    }

    /// These values and all of the others, which win.
    #[must_use]
    pub fn and(mut self, others: &Self) -> Self {
        if self.0.is_empty() {
            return others.clone();
        }
        if !others.0.is_empty() {
            Arc::make_mut(&mut self.0).extend(others.0.iter().map(|(k, v)| (Arc::clone(k), v.clone())));
        }
        self
    }

    /// The value of a name.
    ///
    /// # Errors
    /// When there is none.
    pub fn get(&self, name: &str) -> Result<&Captured, UnknownCapture> {
        self.0.get(name).ok_or_else(|| UnknownCapture { name: name.to_owned() })
    }

    /// Every name with its value, sorted.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Captured)> {
        self.0.iter().map(|(k, v)| (&**k, v))
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Captured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&if self.is_secret { crate::model::Secret::MASK.to_owned() } else { self.json.brief(200) })
    }
}

impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::Values;
    use crate::words::Json;

    #[test]
    fn adding_a_value_leaves_earlier_copies_as_they_were() {
        let first = Values::default().with("a", Json::Null, false);
        let second = first.clone().with("a", Json::Bool(true), false).with("b", Json::String("hidden-value".into()), true);
        assert_eq!(first.get("a").expect("given").json, Json::Null);
        assert_eq!(second.get("a").expect("given").json, Json::Bool(true));
        assert!(first.get("b").is_err());
        assert_eq!(format!("{second:?}"), r#"{"a": true, "b": ***}"#);
        assert_eq!(format!("{:?}", first.and(&second)), format!("{second:?}"));
    }
}
