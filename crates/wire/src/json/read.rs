//! Reading objects member by member, in one pass.
//!
//! A type that is an object says in [`Members::member`] what to do with each key; [`Value::get`] reads the value as
//! whatever type the target has. Unknown members are taken as raw text by the same call. There is no tree, no derive with
//! `flatten` or `untagged`, and no copy other than into the canonical form.
//!
//! Never here: a dialect's keys.

use super::fault::{Trail, explain};
use crate::WireError;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

/// A type that is read from one JSON value.
pub(crate) trait Read<'de>: Sized {
    /// Reads it; `trail` learns where an error lies.
    fn read<D: Deserializer<'de>>(from: D, trail: &Trail) -> Result<Self, D::Error>;
}

/// A type that is filled from the members of an object.
pub(crate) trait Members<'de> {
    /// What the object is called in "must be …".
    const WHAT: &'static str = "an object";

    /// Takes one member. Must consume `value` ([`Value::get`] or [`Value::skip`]).
    fn member<A: MapAccess<'de>>(&mut self, key: &str, value: Value<'_, A>) -> Result<(), A::Error>;
}

/// The value of the member at hand, not yet read.
pub(crate) struct Value<'a, A> {
    map: &'a mut A,
    trail: &'a Trail,
}

impl<'de, A: MapAccess<'de>> Value<'_, A> {
    /// Reads it as the type that the caller wants.
    pub(crate) fn get<T: Read<'de>>(self) -> Result<T, A::Error> {
        self.map.next_value_seed(Seed(self.trail, PhantomData))
    }

    /// Reads a value into a slot that must still be empty; a second one is refused, since two readers of one body must
    /// never see different values of a field that matters.
    pub(crate) fn once<T: Read<'de>>(self, slot: &mut Option<T>) -> Result<(), A::Error> {
        if slot.is_some() {
            return Err(A::Error::custom("is a duplicate field; send it once"));
        }
        *slot = Some(self.get()?);
        Ok(())
    }

    /// Reads an object into something that exists already.
    pub(crate) fn fill<T: Members<'de>>(self, into: &mut T) -> Result<(), A::Error> {
        self.map.next_value_seed(Fill { into, trail: self.trail, nullable: true })
    }

    /// Passes over it.
    pub(crate) fn skip(self) -> Result<(), A::Error> {
        self.map.next_value::<IgnoredAny>().map(|_| ())
    }
}

/// Reads a whole body that must be one object.
pub(crate) fn object<'de, T: Members<'de>>(text: &'de str, into: &mut T) -> Result<(), WireError> {
    whole(text, into, &Trail::default())
}

/// Reads a whole body that is a request: one object, no key twice, and in memory not many times its size.
pub(crate) fn request<'de, T: Members<'de>>(text: &'de str, into: &mut T) -> Result<(), WireError> {
    whole(text, &mut Once { into, seen: Vec::with_capacity(24) }, &Trail::bounded())
}

fn whole<'de, T: Members<'de>>(text: &'de str, into: &mut T, trail: &Trail) -> Result<(), WireError> {
    let mut from = serde_json::Deserializer::from_str(text);
    let seed = Fill { into, trail, nullable: false };
    seed.deserialize(&mut from).and_then(|()| from.end()).map_err(|e| explain(&e, trail))
}

/// Reads a value that was kept as text, such as a part whose type was learnt late.
pub(crate) fn again<'de, T: Read<'de>, E: Error>(raw: &'de RawValue, trail: &Trail) -> Result<T, E> {
    let mut from = serde_json::Deserializer::from_str(raw.get());
    T::read(&mut from, trail).map_err(|e| E::custom(e.to_string().split(" at line ").next().unwrap_or_default()))
}

/// Fields of a request at most; no API has a third as many.
const FIELDS_MAX: usize = 256;

/// A request, each of whose keys is there once: two readers of one body must never see different values of a field.
struct Once<'a, T> {
    into: &'a mut T,
    /// Hashes of the keys so far (FNV-1a, 64 bits). Who makes two keys of one hash has made a request that is refused.
    seen: Vec<u64>,
}

impl<'de, T: Members<'de>> Members<'de> for Once<'_, T> {
    const WHAT: &'static str = T::WHAT;

    fn member<A: MapAccess<'de>>(&mut self, key: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        let hash = key.bytes().fold(0xcbf2_9ce4_8422_2325u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3));
        if self.seen.contains(&hash) {
            return Err(A::Error::custom("is a duplicate field; send it once"));
        }
        if self.seen.len() == FIELDS_MAX {
            return Err(A::Error::custom(format!("is one field too many; a request has at most {FIELDS_MAX}")));
        }
        self.seen.push(hash);
        self.into.member(key, value)
    }
}

struct Seed<'t, T>(&'t Trail, PhantomData<T>);

impl<'de, T: Read<'de>> DeserializeSeed<'de> for Seed<'_, T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<T, D::Error> {
        T::read(from, self.0)
    }
}

struct Fill<'a, T> {
    into: &'a mut T,
    trail: &'a Trail,
    nullable: bool,
}

impl<'de, T: Members<'de>> DeserializeSeed<'de> for Fill<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        // `deserialize_any`, so that a wrong type is named as what it is.
        from.deserialize_any(self)
    }
}

impl<'de, T: Members<'de>> Visitor<'de> for Fill<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::WHAT)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        members(map, self.into, self.trail)
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        if self.nullable { Ok(()) } else { Err(E::invalid_type(serde::de::Unexpected::Other("null"), &self)) }
    }
}

/// Hands each member to `into`, noting the key of the one at fault.
pub(crate) fn members<'de, T, A>(mut map: A, into: &mut T, trail: &Trail) -> Result<(), A::Error>
where
    T: Members<'de>,
    A: MapAccess<'de>,
{
    while let Some(key) = map.next_key_seed(Seed::<Str<'de>>(trail, PhantomData))? {
        if let Err(error) = into.member(&key.0, Value { map: &mut map, trail }) {
            trail.key(&key.0);
            return Err(error);
        }
    }
    Ok(())
}

/// Reads an object as a fresh value of its type.
pub(crate) fn fresh<'de, T, D>(from: D, trail: &Trail) -> Result<T, D::Error>
where
    T: Members<'de> + Default,
    D: Deserializer<'de>,
{
    let mut into = T::default();
    Fill { into: &mut into, trail, nullable: false }.deserialize(from)?;
    Ok(into)
}

/// Makes an object type readable as a value. A blanket implementation would overlap with those of lists and options.
macro_rules! readable {
    ($($name:ident $(<$life:lifetime>)?),+) => {$(
        impl<'de> $crate::json::read::Read<'de> for $name $(<$life>)? {
            fn read<D: serde::Deserializer<'de>>(
                from: D,
                trail: &$crate::json::fault::Trail,
            ) -> Result<Self, D::Error> {
                $crate::json::read::fresh(from, trail)
            }
        }
    )+};
}
pub(crate) use readable;

/// A string, borrowed from the body where it has no escapes.
#[derive(Default, Clone)]
pub(crate) struct Str<'a>(pub(crate) Cow<'a, str>);

impl<'de> Read<'de> for Str<'de> {
    fn read<D: Deserializer<'de>>(from: D, _: &Trail) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Str<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Str<'de>, E> {
                Ok(Str(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Str<'de>, E> {
                Ok(Str(Cow::Owned(text.to_owned())))
            }
        }
        from.deserialize_str(Text)
    }
}

/// Types that `serde` reads as we want them.
macro_rules! plain {
    ($($name:ty),+) => {$(
        impl<'de> Read<'de> for $name {
            fn read<D: Deserializer<'de>>(from: D, _: &Trail) -> Result<Self, D::Error> {
                serde::Deserialize::deserialize(from)
            }
        }
    )+};
}
plain!(String, bool, f64, u32, u64, i64);

/// What a kept member takes beside its text: its key, two pointers with their lengths, and their places on the heap.
const KEPT_BYTES: usize = 96;

/// Text kept as it came.
macro_rules! kept {
    ($($name:ty),+) => {$(
        impl<'de> Read<'de> for $name {
            fn read<D: Deserializer<'de>>(from: D, trail: &Trail) -> Result<Self, D::Error> {
                trail.spend(KEPT_BYTES)?;
                serde::Deserialize::deserialize(from)
            }
        }
    )+};
}
kept!(Box<RawValue>, &'de RawValue);

impl<'de, T: Read<'de>> Read<'de> for Option<T> {
    fn read<D: Deserializer<'de>>(from: D, trail: &Trail) -> Result<Self, D::Error> {
        struct Maybe<'t, T>(Seed<'t, T>);
        impl<'de, T: Read<'de>> Visitor<'de> for Maybe<'_, T> {
            type Value = Option<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }
            fn visit_none<E>(self) -> Result<Option<T>, E> {
                Ok(None)
            }
            fn visit_unit<E>(self) -> Result<Option<T>, E> {
                Ok(None)
            }
            fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<Option<T>, D::Error> {
                self.0.deserialize(from).map(Some)
            }
        }
        from.deserialize_option(Maybe(Seed(trail, PhantomData)))
    }
}

impl<'de, T: Read<'de>> Read<'de> for Vec<T> {
    fn read<D: Deserializer<'de>>(from: D, trail: &Trail) -> Result<Self, D::Error> {
        from.deserialize_seq(List(trail, PhantomData))
    }
}

struct List<'t, T>(&'t Trail, PhantomData<T>);

impl<'de, T: Read<'de>> Visitor<'de> for List<'_, T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Vec<T>, A::Error> {
        elements(seq, self.0)
    }
}

/// Reads the elements of a list, noting the index of the one at fault.
pub(crate) fn elements<'de, T: Read<'de>, A: SeqAccess<'de>>(mut seq: A, trail: &Trail) -> Result<Vec<T>, A::Error> {
    let mut out = Vec::new();
    loop {
        match seq.next_element_seed(Seed(trail, PhantomData)) {
            Ok(Some(element)) => {
                trail.spend(size_of::<T>())?;
                out.push(element);
            }
            Ok(None) => return Ok(out),
            Err(error) => {
                trail.index(out.len());
                return Err(error);
            }
        }
    }
}

/// A value that may be a plain string or a list: content, prompts, stop sequences.
pub(crate) enum StrOr<T> {
    /// The string.
    Str(String),
    /// The list.
    List(Vec<T>),
}

impl<'de, T: Read<'de>> Read<'de> for StrOr<T> {
    fn read<D: Deserializer<'de>>(from: D, trail: &Trail) -> Result<Self, D::Error> {
        struct Either<'t, T>(&'t Trail, PhantomData<T>);
        impl<'de, T: Read<'de>> Visitor<'de> for Either<'_, T> {
            type Value = StrOr<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or a list")
            }
            fn visit_str<E>(self, text: &str) -> Result<StrOr<T>, E> {
                Ok(StrOr::Str(text.to_owned()))
            }
            fn visit_string<E>(self, text: String) -> Result<StrOr<T>, E> {
                Ok(StrOr::Str(text))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<StrOr<T>, A::Error> {
                elements(seq, self.0).map(StrOr::List)
            }
        }
        from.deserialize_any(Either(trail, PhantomData))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[derive(Default)]
    struct Outer {
        n: Option<u32>,
        inner: Vec<Inner>,
        rest: Vec<(String, Box<RawValue>)>,
    }

    #[derive(Default)]
    struct Inner {
        t: Option<f64>,
    }

    impl<'de> Members<'de> for Outer {
        fn member<A: MapAccess<'de>>(&mut self, key: &str, value: Value<'_, A>) -> Result<(), A::Error> {
            match key {
                "n" => value.once(&mut self.n)?,
                "inner" => self.inner = value.get()?,
                _ => self.rest.push((key.to_owned(), value.get()?)),
            }
            Ok(())
        }
    }

    impl<'de> Members<'de> for Inner {
        fn member<A: MapAccess<'de>>(&mut self, key: &str, value: Value<'_, A>) -> Result<(), A::Error> {
            if key == "t" {
                self.t = value.get()?;
                return Ok(());
            }
            value.skip()
        }
    }
    readable!(Inner);

    fn read(text: &str) -> Result<Outer, WireError> {
        let mut out = Outer::default();
        object(text, &mut out).map(|()| out)
    }

    #[test]
    fn unknown_members_stay_as_text_in_order() {
        let out = read(r#"{"z": {"a" : 1e5}, "n":3, "y":[1, 2]}"#).unwrap();
        let rest: Vec<_> = out.rest.iter().map(|(k, v)| (k.as_str(), v.get())).collect();
        assert_eq!(rest, [("z", r#"{"a" : 1e5}"#), ("y", "[1, 2]")]);
        assert_eq!(out.n, Some(3));
    }

    #[test]
    fn errors_name_the_field_and_what_came() {
        let error = read(r#"{"inner":[{},{"t":"hot"}]}"#).err().unwrap();
        assert_eq!(error.param.as_deref(), Some("inner[1].t"));
        assert_eq!(error.message, "`inner[1].t` must be a number, but it is a string.");
        let error = read(r#"{"n":-1}"#).err().unwrap();
        assert_eq!(error.message, "`n` must be a whole number that is not negative, but it is the number -1.");
        let error = read(r#"{"inner":[null]}"#).err().unwrap();
        assert_eq!(error.message, "`inner[0]` must be an object, but it is null.");
    }

    #[test]
    fn the_body_itself_can_be_at_fault() {
        for (body, word) in [
            ("[]", "must be an object, but it is a list"),
            ("null", "null"),
            ("3", "3"),
            ("{", "ends too early"),
            ("{} x", "trailing characters"),
            ("{\"inner\":[{\"t\":1e999}]}", "out of range"),
            ("{\"inner\":[{\"t\":NaN}]}", "not valid JSON"),
        ] {
            let error = read(body).err().unwrap();
            assert!(error.message.contains(word), "{body}: {error}");
        }
    }

    #[test]
    fn no_field_of_a_request_may_come_twice() {
        let strict = |text: &str| request(text, &mut Outer::default());
        for (text, key) in
            [(r#"{"n":1,"n":1}"#, "n"), (r#"{"z":1,"y":2,"z":3}"#, "z"), (r#"{"inner":[],"\u0069nner":[]}"#, "inner")]
        {
            let error = strict(text).unwrap_err();
            assert_eq!((error.param.as_deref(), error.message.contains("duplicate")), (Some(key), true), "{error}");
        }
        assert!(read(r#"{"z":1,"z":3}"#).is_ok(), "an answer is read as far as it makes sense");
    }

    #[test]
    fn fields_and_elements_are_bounded() {
        let strict = |text: &str| request(text, &mut Outer::default());
        let fields = |n: usize| {
            let all: Vec<String> = (0..n).map(|i| format!(r#""f{i}":0"#)).collect();
            strict(&format!("{{{}}}", all.join(",")))
        };
        assert!(fields(FIELDS_MAX).is_ok(), "at the limit");
        assert!(fields(FIELDS_MAX + 1).unwrap_err().message.contains("256"), "one past it");
        let most = super::super::fault::SPEND_MAX / size_of::<Inner>();
        let elements = |n: usize| strict(&format!(r#"{{"inner":[{}{{}}]}}"#, "{},".repeat(n - 1)));
        assert!(elements(most).is_ok(), "at the limit");
        let error = elements(most + 1).unwrap_err();
        assert!(error.message.contains("more elements"), "{error}");
    }

    #[test]
    fn a_second_value_is_refused() {
        let error = read(r#"{"n":1,"n":2}"#).err().unwrap();
        assert!(error.message.contains("duplicate field"), "{error}");
        assert_eq!(error.param.as_deref(), Some("n"));
    }
}
