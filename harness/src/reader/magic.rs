//! Types that ask the reader for more than a value: its place, its raw tree, its pieces, two specs in one map, one or many.

use crate::{model::At, reader::node::Node};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{
    Deserialize,
    de::{self, Visitor},
};
use std::{borrow::Cow, cell::RefCell, fmt, marker::PhantomData, ops::Deref};

/// Name of the newtype for which [`read`](super::read()) gives a visitor the pieces of a text, as a list of `(u8, String)`:
/// [`TEXT_LITERAL`] with the text, [`TEXT_SECRET`] with the secret value, [`TEXT_DEFERRED`] with the name.
/// A text without pieces is one literal. A secret or a deferred name can be read in no other way.
pub const TEXT: &str = "$text";
/// A piece of text as it is sent.
pub const TEXT_LITERAL: u8 = 0;
/// The value of a secret.
pub const TEXT_SECRET: u8 = 1;
/// The name of a value known only at run time.
pub const TEXT_DEFERRED: u8 = 2;

pub(crate) const AT: &str = "$at";
pub(crate) const TREE: &str = "$tree";
pub(crate) const WITH: &str = "$with";
pub(crate) const MANY: &str = "$many";

/// A value and the place that asked for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sp<T> {
    /// Where the value stands.
    pub at: At,
    /// The value.
    pub value: T,
}

impl<T> Deref for Sp<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Sp<T> {
    fn deserialize<D: de::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct V<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for V<T> {
            type Value = Sp<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value with its place")
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<Sp<T>, A::Error> {
                let mut number = || seq.next_element::<u32>()?.ok_or_else(|| de::Error::custom("a place has four numbers"));
                let at = At { line: number()?, column: number()?, start: number()?, len: number()? };
                let value = seq.next_element()?.ok_or_else(|| de::Error::custom("a place stands before its value"))?;
                Ok(Sp { at, value })
            }
        }
        d.deserialize_newtype_struct(AT, V(PhantomData))
    }
}

impl<T: JsonSchema> JsonSchema for Sp<T> {
    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

/// A value as it was written, for readers that need exact numbers, quoting or their own rules. Secret and deferred names pass.
#[derive(Clone, Debug)]
pub struct Tree(pub Node);

thread_local! {
    /// Hands a node from the deserialiser to the visitor of [`Tree`]: serde itself can carry only its own data model.
    static HANDED: RefCell<Option<Node>> = const { RefCell::new(None) };
}

/// Puts a node where the visitor of a [`Tree`] takes it.
pub(crate) fn hand_over(node: &Node) {
    HANDED.with_borrow_mut(|slot| *slot = Some(node.clone()));
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: de::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct V;
        impl Visitor<'_> for V {
            type Value = Tree;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value of a suite file")
            }

            fn visit_unit<E: de::Error>(self) -> Result<Tree, E> {
                HANDED.with_borrow_mut(Option::take).map(Tree).ok_or_else(|| E::custom("raw values are read from suite files only"))
            }
        }
        d.deserialize_newtype_struct(TREE, V)
    }
}

impl JsonSchema for Tree {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Any".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        Schema::from(true)
    }
}

/// The keys that a spec takes out of a map that it shares with another.
pub trait Keys {
    /// Every key it knows, as written in YAML.
    const KEYS: &'static [&'static str];
}

/// Two specs in one map, without `flatten`: `a` gets the keys it knows, `b` all others, and each keeps its own places.
/// `b` should deny unknown fields; the list it then tells holds the keys of both. `b` may be a `With` again, up to three specs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct With<A, B> {
    /// The spec that names its keys.
    pub a: A,
    /// The spec that takes the rest.
    pub b: B,
}

impl<'de, A: Deserialize<'de> + Keys, B: Deserialize<'de>> Deserialize<'de> for With<A, B> {
    fn deserialize<D: de::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct V<A, B>(PhantomData<(A, B)>);
        impl<'de, A: Deserialize<'de>, B: Deserialize<'de>> Visitor<'de> for V<A, B> {
            type Value = With<A, B>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map")
            }

            fn visit_seq<S: de::SeqAccess<'de>>(self, mut seq: S) -> Result<With<A, B>, S::Error> {
                let a = seq.next_element();
                // The second is read even when the first failed: the reader then tells the more exact of the two mistakes.
                let b = seq.next_element();
                let missing = || de::Error::custom("two specs share this map");
                match (a, b) {
                    (Ok(a), Ok(b)) => Ok(With { a: a.ok_or_else(missing)?, b: b.ok_or_else(missing)? }),
                    (_, Err(e)) | (Err(e), _) => Err(e),
                }
            }
        }
        d.deserialize_struct(WITH, A::KEYS, V(PhantomData))
    }
}

impl<A: JsonSchema, B: JsonSchema> JsonSchema for With<A, B> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("{}With{}", A::schema_name(), B::schema_name()).into()
    }

    /// One object with the properties of both, the required keys of both, and no others if one of them allows no others.
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut whole = object_of::<A>(generator);
        let other = object_of::<B>(generator);
        for (key, value) in other {
            match (whole.get_mut(&key), value) {
                (Some(serde_json::Value::Object(mine)), serde_json::Value::Object(theirs)) => mine.extend(theirs),
                // Two choices ("one of get, post") are both to be met; one list of both would be met by either.
                (Some(_), value @ serde_json::Value::Array(_)) if key == "oneOf" || key == "anyOf" => {
                    let mut also = serde_json::Map::new();
                    also.insert(key, value);
                    if let serde_json::Value::Array(all) = whole.entry("allOf").or_insert_with(|| serde_json::Value::Array(Vec::new())) {
                        all.push(also.into());
                    }
                }
                (Some(serde_json::Value::Array(mine)), serde_json::Value::Array(theirs)) => mine.extend(theirs),
                (Some(_), _) => {}
                (None, value) => _ = whole.insert(key, value),
            }
        }
        Schema::from(whole)
    }
}

/// The object schema of a type, also when the generator keeps it under `$defs`.
fn object_of<T: JsonSchema>(generator: &mut SchemaGenerator) -> serde_json::Map<String, serde_json::Value> {
    T::json_schema(generator).as_object().cloned().unwrap_or_default()
}

/// One value or a list of them: `needs: a` and `needs: [a, b]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Many<T>(pub Vec<T>);

impl<T> Deref for Many<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Many<T> {
    fn deserialize<D: de::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct V<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for V<T> {
            type Value = Many<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value or a list of them")
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<Many<T>, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = seq.next_element()? {
                    items.push(item);
                }
                Ok(Many(items))
            }
        }
        d.deserialize_newtype_struct(MANY, V(PhantomData))
    }
}

impl<T: JsonSchema> JsonSchema for Many<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Many{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<T>();
        schemars::json_schema!({ "anyOf": [one, { "type": "array", "items": one }] })
    }
}
