//! The list of kinds: one folder each, strangers to each other. Adding a kind is one folder and two lines here.

pub mod command;
pub mod concurrency_limit;
#[cfg(test)]
pub(crate) mod fake;
pub mod health;
pub mod http;
pub mod rate_limit;
pub mod ready;
pub mod shutdown;
pub mod size_limit;
pub mod sse;
pub mod time_limit;
pub mod transition;

use crate::kind::{CheckKind, Visit, VisitType};
use crate::model::Clause;

macro_rules! kinds {
    ($($variant:ident: $kind:ty,)*) => {
        /// A check's kind with its spec.
        #[derive(Debug)]
        pub enum Kind {
            $(#[doc = concat!("`", stringify!($variant), "`")] $variant(Box<$kind>),)*
            /// The kind with which the floors above are tested; in no list.
            #[cfg(test)]
            Fake(Box<fake::Fake>),
        }

        /// The names of all kinds, in the order of the documentation.
        pub const NAMES: &[&str] = &[$(<$kind as CheckKind>::NAME,)*];

        impl Kind {
            /// Reads the spec of the kind with this name.
            ///
            /// # Errors
            /// What the deserializer says; an unknown name is an unknown field.
            pub fn read<'de, D: serde::Deserializer<'de>>(name: &str, deserializer: D) -> Result<Self, D::Error> {
                $(if name == <$kind as CheckKind>::NAME {
                    return serde::Deserialize::deserialize(deserializer).map(|k| Self::$variant(Box::new(k)));
                })*
                Err(serde::de::Error::unknown_field(name, NAMES))
            }

            /// The one generic door: calls the visitor with the kind inside.
            pub fn with<'a, V: Visit<'a>>(&'a self, visitor: V) -> V::Out {
                match self {
                    $(Self::$variant(kind) => visitor.visit(&**kind),)*
                    #[cfg(test)]
                    Self::Fake(kind) => visitor.visit(&**kind),
                }
            }

            /// The kind's name.
            #[must_use]
            pub fn name(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => <$kind as CheckKind>::NAME,)*
                    #[cfg(test)]
                    Self::Fake(_) => fake::Fake::NAME,
                }
            }

            /// The kind's table of clauses.
            #[must_use]
            pub fn clauses(&self) -> &'static [Clause] {
                match self {
                    $(Self::$variant(_) => <$kind as CheckKind>::CLAUSES,)*
                    #[cfg(test)]
                    Self::Fake(_) => fake::Fake::CLAUSES,
                }
            }
        }

        /// Calls the visitor once for every kind, by type.
        pub fn each<V: VisitType>(visitor: &mut V) -> Vec<V::Out> {
            vec![$(visitor.visit::<$kind>(),)*]
        }

        /// Calls the visitor for the kind with this name, by type.
        pub fn named<V: VisitType>(name: &str, visitor: &mut V) -> Option<V::Out> {
            $(if name == <$kind as CheckKind>::NAME { return Some(visitor.visit::<$kind>()); })*
            None
        }
    };
}

kinds! {
    Http: http::Http,
    Health: health::Health,
    Ready: ready::Ready,
    Transition: transition::Transition,
    Shutdown: shutdown::Shutdown,
    Sse: sse::Sse,
    SizeLimit: size_limit::SizeLimit,
    ConcurrencyLimit: concurrency_limit::ConcurrencyLimit,
    RateLimit: rate_limit::RateLimit,
    TimeLimit: time_limit::TimeLimit,
    Command: command::Command,
}
