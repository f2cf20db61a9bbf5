//! Types a node by serde, so that every error knows the node that caused it.

mod access;
mod error;

use crate::reader::{
    complaint::Complaint,
    magic,
    node::{Kind, Node, Part},
    number,
    scalar::Core,
};
use access::{Entries, Items, One, Pieces, Placed, Shared, Variant};
pub(crate) use error::{Error, What};
use error::{in_plain_words, place};
use serde::de::{self, Visitor};
use std::fmt;

/// Reads one node.
#[derive(Clone, Copy)]
pub(crate) struct Typed<'n> {
    node: &'n Node,
    /// Which keys of the map are seen, when specs share it.
    share: Share,
    /// The value of a field of a struct: an explicit null there would switch a promise off without a word.
    is_field: bool,
}

/// Which keys of a shared map a spec sees: for each sharing, the keys and whether they are its own.
#[derive(Clone, Copy, Default)]
struct Share([Option<(&'static [&'static str], bool)>; 2]);

impl Share {
    fn sees(&self, key: &str) -> bool {
        self.0.iter().flatten().all(|(keys, own)| keys.contains(&key) == *own)
    }

    fn and(mut self, keys: &'static [&'static str], own: bool) -> Option<Self> {
        *self.0.iter_mut().find(|s| s.is_none())? = Some((keys, own));
        Some(self)
    }
}

impl<'n> Typed<'n> {
    /// A reader of this node.
    pub(crate) fn new(node: &'n Node) -> Self {
        Self { node, share: Share::default(), is_field: false }
    }

    /// An error for what was told before, when a value could not be put in.
    fn told(self) -> Error {
        Error { id: self.node.id, what: What::Told, beside: None }
    }

    /// That a scalar may be told to anyone and is known now.
    fn known(self) -> Result<(), Error> {
        if self.node.is_unset {
            return Err(self.told());
        }
        let Kind::Scalar { parts: Some(parts), .. } = &self.node.kind else { return Ok(()) };
        for part in parts {
            let complaint = match part {
                Part::Literal(_) => continue,
                Part::Secret { name, .. } => Complaint::new(format!("`${{{name}}}` is a secret and cannot stand here"))
                    .help("secrets may stand only in text that is sent or compared"),
                Part::Deferred(name) => Complaint::new(format!("`${{{name}}}` is known only at run time and cannot stand here"))
                    .help("write the value itself, or a variable"),
            };
            return Err(Error::from(complaint));
        }
        Ok(())
    }

    fn text(self, expected: impl FnOnce() -> String) -> Result<&'n str, Error> {
        self.known()?;
        match self.node.text() {
            Some(text) if !self.node.is_null() => Ok(text),
            _ => Err(Complaint::expected(expected()).into()),
        }
    }

    fn whole<T: TryFrom<i128>>(self, expected: String) -> Result<T, Error> {
        self.known()?;
        Ok(number::whole(self.node, &expected)?)
    }

    /// A map that was expected and is something else.
    fn no_map(self, expected: String) -> Error {
        let complaint = Complaint::expected(expected);
        match self.node.text().and_then(|t| t.split_once(':')) {
            Some((key, value)) if !key.is_empty() && !value.is_empty() && key.bytes().all(|b| b.is_ascii_lowercase() || b == b'-') => {
                complaint.help(format!("a space is missing after the colon: `{key}: {value}`")).into()
            }
            _ => complaint.into(),
        }
    }
}

/// What a visitor expects, in the words of someone who writes YAML.
fn expected<'de, V: Visitor<'de>>(v: &V) -> String {
    struct Expecting<'a, V>(&'a V);
    impl<'de, V: Visitor<'de>> fmt::Display for Expecting<'_, V> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.expecting(f)
        }
    }
    in_plain_words(&Expecting(v).to_string())
}

macro_rules! whole_numbers {
    ($($method:ident $visit:ident $type:ty),*) => {
        $(fn $method<V: Visitor<'n>>(self, v: V) -> Result<V::Value, Error> {
            place(self.whole::<$type>(expected(&v)).and_then(|n| v.$visit(n)), self.node)
        })*
    };
}

impl<'n> de::Deserializer<'n> for Typed<'n> {
    type Error = Error;

    whole_numbers! {
        deserialize_u8 visit_u8 u8, deserialize_u16 visit_u16 u16, deserialize_u32 visit_u32 u32, deserialize_u64 visit_u64 u64,
        deserialize_i8 visit_i8 i8, deserialize_i16 visit_i16 i16, deserialize_i32 visit_i32 i32, deserialize_i64 visit_i64 i64,
        deserialize_u128 visit_u128 u128, deserialize_i128 visit_i128 i128
    }

    fn deserialize_f32<V: Visitor<'n>>(self, v: V) -> Result<V::Value, Error> {
        self.deserialize_f64(v)
    }

    fn deserialize_f64<V: Visitor<'n>>(self, v: V) -> Result<V::Value, Error> {
        let number = self.known().and_then(|()| Ok(number::fraction(self.node, &expected(&v))?));
        place(number.and_then(|n| v.visit_f64(n)), self.node)
    }

    fn deserialize_bool<V: Visitor<'n>>(self, v: V) -> Result<V::Value, Error> {
        let boolean = self.known().and_then(|()| Ok(number::boolean(self.node, &expected(&v))?));
        place(boolean.and_then(|b| v.visit_bool(b)), self.node)
    }

    fn deserialize_str<V: Visitor<'n>>(self, v: V) -> Result<V::Value, Error> {
        place(self.text(|| expected(&v)).and_then(|t| v.visit_borrowed_str(t)), self.node)
    }

    fn deserialize_string<V: Visitor<'n>>(self, v: V) -> Result<V::Value, Error> {
        self.deserialize_str(v)
    }

    fn deserialize_char<V: Visitor<'n>>(self, v: V) -> Result<V::Value, Error> {
        self.deserialize_str(v)
    }

    fn deserialize_bytes<V: Visitor<'n>>(self, v: V) -> Result<V::Value, Error> {
        self.deserialize_str(v)
    }

    fn deserialize_byte_buf<V: Visitor<'n>>(self, v: V) -> Result<V::Value, Error> {
        self.deserialize_str(v)
    }

    fn deserialize_identifier<V: Visitor<'n>>(self, v: V) -> Result<V::Value, Error> {
        place(self.node.text().ok_or_else(|| Complaint::expected("a word").into()).and_then(|t| v.visit_borrowed_str(t)), self.node)
    }

    fn deserialize_option<V: Visitor<'n>>(self, v: V) -> Result<V::Value, Error> {
        if !self.node.is_null() {
            return place(v.visit_some(self), self.node);
        }
        if self.is_field {
            let complaint = Complaint::new("there is no value").help("give it one, or take the key out");
            return place(Err(complaint.into()), self.node);
        }
        place(v.visit_none(), self.node)
    }

    fn deserialize_unit<V: Visitor<'n>>(self, v: V) -> Result<V::Value, Error> {
        let unit = if self.node.is_null() { Ok(()) } else { Err(Complaint::expected("null").into()) };
        place(unit.and_then(|()| v.visit_unit()), self.node)
    }

    fn deserialize_unit_struct<V: Visitor<'n>>(self, _: &'static str, v: V) -> Result<V::Value, Error> {
        self.deserialize_unit(v)
    }

    fn deserialize_newtype_struct<V: Visitor<'n>>(self, name: &'static str, v: V) -> Result<V::Value, Error> {
        let value = match name {
            magic::AT => v.visit_seq(Placed::new(self)),
            magic::TREE if self.node.holds_unset() => Err(self.told()),
            magic::TREE => {
                magic::hand_over(self.node);
                v.visit_unit()
            }
            magic::TEXT if self.node.is_unset => Err(self.told()),
            magic::TEXT => match &self.node.kind {
                Kind::Scalar { parts: Some(parts), .. } => v.visit_seq(Pieces::new(parts)),
                _ => self.text(|| "text".to_owned()).and_then(|t| v.visit_seq(Pieces::literal(t))),
            },
            magic::MANY => match &self.node.kind {
                Kind::Seq(items) => v.visit_seq(Items(items.iter())),
                _ => v.visit_seq(One(Some(self))),
            },
            _ => v.visit_newtype_struct(self),
        };
        place(value, self.node)
    }

    fn deserialize_seq<V: Visitor<'n>>(self, v: V) -> Result<V::Value, Error> {
        let value = match &self.node.kind {
            Kind::Seq(items) => v.visit_seq(Items(items.iter())),
            _ => Err(Complaint::expected(expected(&v)).into()),
        };
        place(value, self.node)
    }

    fn deserialize_tuple<V: Visitor<'n>>(self, _: usize, v: V) -> Result<V::Value, Error> {
        self.deserialize_seq(v)
    }

    fn deserialize_tuple_struct<V: Visitor<'n>>(self, _: &'static str, _: usize, v: V) -> Result<V::Value, Error> {
        self.deserialize_seq(v)
    }

    fn deserialize_map<V: Visitor<'n>>(self, v: V) -> Result<V::Value, Error> {
        let value = match &self.node.kind {
            Kind::Map(entries) => v.visit_map(Entries::new(entries, self.share, false)),
            _ => Err(self.no_map(expected(&v))),
        };
        place(value, self.node)
    }

    fn deserialize_struct<V: Visitor<'n>>(self, name: &'static str, keys: &'static [&'static str], v: V) -> Result<V::Value, Error> {
        let value = match &self.node.kind {
            Kind::Map(_) if name == magic::WITH => match (self.share.and(keys, true), self.share.and(keys, false)) {
                (Some(own), Some(rest)) => v.visit_seq(Shared::new(self.node, keys, own, rest)),
                _ => Err(de::Error::custom("at most three specs share a map")),
            },
            Kind::Map(entries) => v.visit_map(Entries::new(entries, self.share, true)),
            _ => {
                let listed: Vec<String> = keys.iter().take(4).map(|k| format!("`{k}`")).collect();
                let more = if keys.len() > 4 { ", …" } else { "" };
                let of = if keys.is_empty() { String::new() } else { format!(" with {}{more}", listed.join(", ")) };
                Err(self.no_map(format!("a map{of}")))
            }
        };
        place(value, self.node)
    }

    fn deserialize_enum<V: Visitor<'n>>(self, _: &'static str, names: &'static [&'static str], v: V) -> Result<V::Value, Error> {
        let value = self.known().and_then(|()| match &self.node.kind {
            Kind::Scalar { .. } if !self.node.is_null() => v.visit_enum(Variant { name: self.node, value: None }),
            Kind::Map(entries) if entries.len() == 1 => v.visit_enum(Variant { name: &entries[0].0, value: Some(&entries[0].1) }),
            _ => Err(Complaint::expected(format!("one of {}", error::list(names))).into()),
        });
        place(value, self.node)
    }

    fn deserialize_any<V: Visitor<'n>>(self, v: V) -> Result<V::Value, Error> {
        let value = self.known().and_then(|()| match &self.node.kind {
            Kind::Seq(items) => v.visit_seq(Items(items.iter())),
            Kind::Map(entries) => v.visit_map(Entries::new(entries, self.share, false)),
            Kind::Scalar { text, .. } => match self.node.core().unwrap_or(Core::Null) {
                Core::Null => v.visit_unit(),
                Core::Bool(b) => v.visit_bool(b),
                Core::Text(_) => v.visit_borrowed_str(text),
                Core::Number(n) => match (n.parse::<u64>(), n.parse::<i64>(), n.parse::<f64>()) {
                    (Ok(n), ..) => v.visit_u64(n),
                    (_, Ok(n), _) => v.visit_i64(n),
                    (.., Ok(n)) if n.is_finite() => v.visit_f64(n),
                    _ => Err(Complaint::expected("a number that fits into 64 bits").into()),
                },
            },
        });
        place(value, self.node)
    }

    fn deserialize_ignored_any<V: Visitor<'n>>(self, v: V) -> Result<V::Value, Error> {
        v.visit_unit()
    }
}
