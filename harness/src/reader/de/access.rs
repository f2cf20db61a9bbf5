//! Walks lists, maps, shared maps and pieces of text for the deserialiser.

use super::{Error, Share, Typed, What, place};
use crate::reader::{
    complaint::Complaint,
    magic::{TEXT_DEFERRED, TEXT_LITERAL, TEXT_SECRET},
    node::{Node, Part},
};
use serde::de::{self, DeserializeSeed, IntoDeserializer, Visitor, value::U32Deserializer};
use std::slice;

/// The items of a list.
pub(super) struct Items<'n>(pub(super) slice::Iter<'n, Node>);

impl<'n> de::SeqAccess<'n> for Items<'n> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'n>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        self.0.next().map(|n| place(seed.deserialize(Typed::new(n)), n)).transpose()
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

/// A list of one.
pub(super) struct One<'n>(pub(super) Option<Typed<'n>>);

impl<'n> de::SeqAccess<'n> for One<'n> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'n>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        self.0.take().map(|t| seed.deserialize(t)).transpose()
    }
}

/// The entries of a map, as far as its reader sees them.
pub(super) struct Entries<'n> {
    rest: slice::Iter<'n, (Node, Node)>,
    value: Option<&'n Node>,
    share: Share,
    are_fields: bool,
}

impl<'n> Entries<'n> {
    pub(super) fn new(entries: &'n [(Node, Node)], share: Share, are_fields: bool) -> Self {
        Self { rest: entries.iter(), value: None, share, are_fields }
    }
}

impl<'n> de::MapAccess<'n> for Entries<'n> {
    type Error = Error;

    fn next_key_seed<T: DeserializeSeed<'n>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        let share = self.share;
        let Some((key, value)) = self.rest.find(|(k, _)| share.sees(k.text().unwrap_or_default())) else {
            return Ok(None);
        };
        self.value = Some(value);
        place(seed.deserialize(Typed::new(key)), key).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'n>>(&mut self, seed: T) -> Result<T::Value, Error> {
        let node = self.value.take().ok_or_else(|| <Error as de::Error>::custom("a value is asked for before its key"))?;
        place(seed.deserialize(Typed { is_field: self.are_fields, ..Typed::new(node) }), node)
    }
}

/// A map read twice: once by the spec that names its keys, once by the spec that takes the rest.
pub(super) struct Shared<'n> {
    node: &'n Node,
    keys: &'static [&'static str],
    shares: [Option<Share>; 2],
    first: Option<Error>,
}

impl<'n> Shared<'n> {
    pub(super) fn new(node: &'n Node, keys: &'static [&'static str], own: Share, rest: Share) -> Self {
        Self { node, keys, shares: [Some(own), Some(rest)], first: None }
    }

    /// Of two mistakes the one inside the map comes first: what is said about the map as a whole often follows from it.
    fn choose(&mut self, second: Error) -> Error {
        match self.first.take() {
            Some(first) if first.id == second.id => Error { beside: Some(Box::new(second)), ..first },
            Some(first) if first.id != self.node.id => first,
            _ => second,
        }
    }
}

impl<'n> de::SeqAccess<'n> for Shared<'n> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'n>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        let Some((is_first, share)) = self.shares.iter_mut().enumerate().find_map(|(i, s)| Some((i == 0, s.take()?))) else {
            return Ok(None);
        };
        match place(seed.deserialize(Typed { share, ..Typed::new(self.node) }), self.node) {
            Ok(value) => Ok(Some(value)),
            Err(mut e) => {
                if let What::Unknown { known, .. } = &mut e.what
                    && !is_first
                    && self.node.entries().is_some_and(|m| m.iter().any(|(k, _)| k.id == e.id))
                {
                    known.splice(0..0, self.keys.iter().copied());
                }
                if is_first {
                    self.first = Some(e.clone());
                    return Err(e);
                }
                Err(self.choose(e))
            }
        }
    }
}

/// Line, column, start, length, and then the value itself.
pub(super) struct Placed<'n> {
    of: Typed<'n>,
    next: u8,
}

impl<'n> Placed<'n> {
    pub(super) fn new(of: Typed<'n>) -> Self {
        Self { of, next: 0 }
    }
}

impl<'n> de::SeqAccess<'n> for Placed<'n> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'n>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        let at = self.of.node.at;
        self.next += 1;
        let number = match self.next {
            1 => at.line,
            2 => at.column,
            3 => at.start,
            4 => at.len,
            _ => return seed.deserialize(self.of).map(Some),
        };
        seed.deserialize(U32Deserializer::<Error>::new(number)).map(Some)
    }
}

/// The pieces of a text, each a pair of kind and string.
pub(super) struct Pieces<'n>(std::vec::IntoIter<(u8, &'n str)>);

impl<'n> Pieces<'n> {
    pub(super) fn new(parts: &'n [Part]) -> Self {
        let pieces: Vec<_> = parts
            .iter()
            .map(|part| match part {
                Part::Literal(text) => (TEXT_LITERAL, text.as_str()),
                Part::Secret { value, .. } => (TEXT_SECRET, value.expose()),
                Part::Deferred(name) => (TEXT_DEFERRED, name.as_str()),
            })
            .collect();
        Self(pieces.into_iter())
    }

    pub(super) fn literal(text: &'n str) -> Self {
        Self(vec![(TEXT_LITERAL, text)].into_iter())
    }
}

impl<'n> de::SeqAccess<'n> for Pieces<'n> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'n>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        let Some((kind, text)) = self.0.next() else { return Ok(None) };
        let pair = (kind, text);
        seed.deserialize(de::value::SeqDeserializer::<_, Error>::new(PairItems(pair, 0))).map(Some)
    }
}

/// Kind and string of one piece, one after the other.
struct PairItems<'n>((u8, &'n str), u8);

/// Either half of a pair.
enum Half<'n> {
    Kind(u8),
    Text(&'n str),
}

impl<'n> Iterator for PairItems<'n> {
    type Item = Half<'n>;

    fn next(&mut self) -> Option<Half<'n>> {
        self.1 += 1;
        match self.1 {
            1 => Some(Half::Kind(self.0.0)),
            2 => Some(Half::Text(self.0.1)),
            _ => None,
        }
    }
}

impl<'n> IntoDeserializer<'n, Error> for Half<'n> {
    type Deserializer = HalfReader<'n>;

    fn into_deserializer(self) -> HalfReader<'n> {
        HalfReader(self)
    }
}

/// Reads half a pair.
struct HalfReader<'n>(Half<'n>);

impl<'n> de::Deserializer<'n> for HalfReader<'n> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'n>>(self, v: V) -> Result<V::Value, Error> {
        match self.0 {
            Half::Kind(kind) => v.visit_u8(kind),
            Half::Text(text) => v.visit_borrowed_str(text),
        }
    }

    serde::forward_to_deserialize_any! {
        <W: Visitor<'n>>
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// A word, or a map of one entry, as a variant of an enum.
pub(super) struct Variant<'n> {
    pub(super) name: &'n Node,
    pub(super) value: Option<&'n Node>,
}

impl<'n> de::EnumAccess<'n> for Variant<'n> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<T: DeserializeSeed<'n>>(self, seed: T) -> Result<(T::Value, Self), Error> {
        let name = place(seed.deserialize(Typed::new(self.name)), self.name)?;
        Ok((name, self))
    }
}

impl<'n> Variant<'n> {
    fn value(&self) -> Result<Typed<'n>, Error> {
        match self.value {
            Some(node) => Ok(Typed::new(node)),
            None => place(Err(Complaint::new(format!("`{}` needs a value", self.name.text().unwrap_or_default())).into()), self.name),
        }
    }
}

impl<'n> de::VariantAccess<'n> for Variant<'n> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        match self.value {
            None => Ok(()),
            Some(node) => place(Err(Complaint::new(format!("`{}` takes no value", self.name.text().unwrap_or_default())).into()), node),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'n>>(self, seed: T) -> Result<T::Value, Error> {
        seed.deserialize(self.value()?)
    }

    fn tuple_variant<V: Visitor<'n>>(self, _: usize, v: V) -> Result<V::Value, Error> {
        de::Deserializer::deserialize_seq(self.value()?, v)
    }

    fn struct_variant<V: Visitor<'n>>(self, keys: &'static [&'static str], v: V) -> Result<V::Value, Error> {
        de::Deserializer::deserialize_struct(self.value()?, "", keys, v)
    }
}
