//! A scalar from a backend that may come in any type: counts as floats, ids as numbers, null anywhere. What a caller
//! sends is read strictly; what a backend sends is read as far as it makes sense, since one odd member must not cost
//! the answer.
//!
//! Never here: what a caller sends.

use super::fault::Trail;
use super::read::Read;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::fmt;

/// Any value; objects and lists are passed over.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) enum Loose<'a> {
    /// null, an object or a list.
    #[default]
    Nothing,
    /// true or false.
    Bool(bool),
    /// A whole number that is not negative.
    Whole(u64),
    /// Another number.
    Real(f64),
    /// A string.
    Text(Cow<'a, str>),
}

impl<'a> Loose<'a> {
    /// As a count; what is not a number, or is negative, is `None`. Too large becomes the largest.
    pub(crate) fn count(&self) -> Option<u64> {
        match self {
            Loose::Whole(n) => Some(*n),
            // A saturating cast is what is wanted here.
            Loose::Real(r) if *r >= 0.0 => Some(*r as u64),
            _ => None,
        }
    }

    /// As text that is not empty.
    pub(crate) fn text(self) -> Option<Cow<'a, str>> {
        match self {
            Loose::Text(t) => Some(t).filter(|t| !t.is_empty()),
            _ => None,
        }
    }

    /// As an owned string; numbers are written out, the rest is empty.
    pub(crate) fn shown(self) -> String {
        match self {
            Loose::Text(t) => t.into_owned(),
            Loose::Whole(n) => n.to_string(),
            Loose::Real(r) => r.to_string(),
            Loose::Bool(_) | Loose::Nothing => String::new(),
        }
    }
}

impl<'de> Read<'de> for Loose<'de> {
    fn read<D: Deserializer<'de>>(from: D, _: &Trail) -> Result<Self, D::Error> {
        from.deserialize_any(Any)
    }
}

struct Any;

impl<'de> Visitor<'de> for Any {
    type Value = Loose<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, v: bool) -> Result<Self::Value, E> {
        Ok(Loose::Bool(v))
    }

    fn visit_u64<E>(self, v: u64) -> Result<Self::Value, E> {
        Ok(Loose::Whole(v))
    }

    fn visit_i64<E>(self, v: i64) -> Result<Self::Value, E> {
        Ok(u64::try_from(v).map_or(Loose::Real(v as f64), Loose::Whole))
    }

    fn visit_f64<E>(self, v: f64) -> Result<Self::Value, E> {
        Ok(Loose::Real(v))
    }

    fn visit_borrowed_str<E>(self, v: &'de str) -> Result<Self::Value, E> {
        Ok(Loose::Text(Cow::Borrowed(v)))
    }

    fn visit_str<E>(self, v: &str) -> Result<Self::Value, E> {
        Ok(Loose::Text(Cow::Owned(v.to_owned())))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Loose::Nothing)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Loose::Nothing)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Loose::Nothing)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn loose(text: &str) -> Loose<'_> {
        Loose::read(&mut serde_json::Deserializer::from_str(text), &Trail::default()).unwrap()
    }

    #[test]
    fn counts_survive_odd_types() {
        assert_eq!(loose("12").count(), Some(12));
        assert_eq!(loose("12.7").count(), Some(12));
        assert_eq!(loose("1e300").count(), Some(u64::MAX));
        assert_eq!(loose("-1").count(), None);
        assert_eq!(loose("\"12\"").count(), None);
        assert_eq!(loose("{\"a\":[1]}").count(), None);
    }

    #[test]
    fn ids_survive_odd_types() {
        assert_eq!(loose("17").shown(), "17");
        assert_eq!(loose("\"x\"").shown(), "x");
        assert_eq!(loose("[1]").shown(), "");
        assert_eq!(loose("\"\"").text(), None);
    }
}
