//! Writes JSON strings so that nothing in them acts when the file is printed.

use crate::report::inert;
use serde_json::ser::Formatter;
use std::io::{self, Write};

/// Another formatter, with escapes for what [`inert::acts`] and for the hashes of `##[…` commands.
pub(crate) struct Inert<F>(pub(crate) F);

/// Passes a method on to the formatter inside.
macro_rules! pass_on {
    ($($method:ident($($arg:ident: $type:ty),*);)*) => {
        $(fn $method<W: ?Sized + Write>(&mut self, writer: &mut W $(, $arg: $type)*) -> io::Result<()> {
            self.0.$method(writer $(, $arg)*)
        })*
    };
}

impl<F: Formatter> Formatter for Inert<F> {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        if fragment.bytes().all(|b| (0x20..0x7F).contains(&b)) && !fragment.contains("##") {
            return writer.write_all(fragment.as_bytes());
        }
        let mut from = 0;
        let mut hash_before = false;
        for (at, c) in fragment.char_indices() {
            if inert::acts(c) || (c == '#' && hash_before) {
                writer.write_all(&fragment.as_bytes()[from..at])?;
                for unit in c.encode_utf16(&mut [0; 2]) {
                    write!(writer, "\\u{unit:04x}")?;
                }
                from = at + c.len_utf8();
                hash_before = false;
            } else {
                hash_before = c == '#';
            }
        }
        writer.write_all(&fragment.as_bytes()[from..])
    }

    pass_on! {
        begin_array();
        end_array();
        begin_array_value(first: bool);
        end_array_value();
        begin_object();
        end_object();
        begin_object_key(first: bool);
        end_object_key();
        begin_object_value();
        end_object_value();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::inert::tests::{HOSTILE, assert_inert};
    use serde::Serialize as _;

    #[test]
    fn the_value_is_the_same_and_nothing_in_it_acts() {
        for text in HOSTILE {
            let mut bytes = Vec::new();
            let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, Inert(serde_json::ser::CompactFormatter));
            text.serialize(&mut serializer).unwrap();
            let written = String::from_utf8(bytes).unwrap();
            assert_inert(&written);
            assert_eq!(serde_json::from_str::<String>(&written).unwrap(), *text);
        }
    }
}
