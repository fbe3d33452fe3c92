//! Members that are not understood, kept as text: finding one, and making one.
//!
//! Never here: which members a dialect knows.

use crate::Extra;
use crate::json;
use crate::json::fault::Trail;
use crate::json::read::{Members, Read, Str, Value, again};
use crate::json::write::{Object, body};
use serde::de::{Error, MapAccess};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// Members of an object while it is being read: borrowed from the body, so that most are never copied.
pub(crate) type Rest<'de> = Vec<(Str<'de>, &'de RawValue)>;

/// The member of that name.
pub(crate) fn find<'e>(extra: &'e Extra, key: &str) -> Option<&'e RawValue> {
    extra.iter().find(|(k, _)| k == key).map(|(_, v)| &**v)
}

/// The member of that name, taken out. Of several the last counts and none stays: what is read here and what is kept
/// must never be two different values.
pub(crate) fn take<'de>(rest: &mut Rest<'de>, key: &str) -> Option<&'de RawValue> {
    let mut last = None;
    rest.retain(|(k, v)| {
        let other = k.0 != key;
        if !other {
            last = Some(*v);
        }
        other
    });
    last
}

/// Keeps the borrowed members.
pub(crate) fn keep(rest: Rest<'_>) -> Extra {
    rest.into_iter().map(|(k, v)| (k.0.into_owned(), v.to_owned())).collect()
}

/// Keeps unknown members of the object that stands under `key` as an object of the same name: what is left over keeps
/// its place, and the writer puts it back into the object it came from.
pub(crate) fn keep_under(extra: &mut Extra, key: &str, rest: Rest<'_>) {
    if rest.is_empty() {
        return;
    }
    if let Some(left) = raw(|o| rest.iter().for_each(|(k, v)| o.raw(&k.0, v))) {
        extra.push((key.to_owned(), left));
    }
}

/// An object made here as raw text. `None` only if it were not JSON, which the writer does not produce.
pub(crate) fn raw(members: impl FnOnce(&mut Object<'_>)) -> Option<Box<RawValue>> {
    from_bytes(body(256, members))
}

/// JSON text made here as a raw value.
pub(crate) fn from_bytes(bytes: Vec<u8>) -> Option<Box<RawValue>> {
    RawValue::from_string(String::from_utf8(bytes).ok()?).ok()
}

/// A string member.
pub(crate) fn text(key: &str, value: &str) -> Option<(String, Box<RawValue>)> {
    let mut out = Vec::new();
    crate::json::write::string(&mut out, value);
    Some((key.to_owned(), from_bytes(out)?))
}

/// A whole number as a member.
pub(crate) fn number(key: &str, value: i64) -> Option<(String, Box<RawValue>)> {
    Some((key.to_owned(), RawValue::from_string(value.to_string()).ok()?))
}

/// An error about a member that should be there.
pub(crate) fn missing<E: Error>(trail: &Trail, key: &str, complaint: &str) -> E {
    trail.key(key);
    E::custom(complaint)
}

/// The value read already, or read now from where it was kept.
pub(crate) fn late<'de, T: Read<'de>, E: Error>(
    read: Option<T>,
    rest: &mut Rest<'de>,
    key: &'static str,
    trail: &Trail,
) -> Result<T, E> {
    match (read, take(rest, key)) {
        (Some(value), _) => Ok(value),
        (None, Some(raw)) => again(raw, trail).inspect_err(|_| trail.key(key)),
        (None, None) => Err(missing(trail, key, "is missing; the part's `type` promises it")),
    }
}

/// The members of an object that was kept as text; none where it is something else.
pub(crate) fn members(object: &RawValue) -> Extra {
    #[derive(Default)]
    struct All<'de>(Rest<'de>);
    impl<'de> Members<'de> for All<'de> {
        fn member<A: MapAccess<'de>>(&mut self, key: &str, value: Value<'_, A>) -> Result<(), A::Error> {
            self.0.push((Str(Cow::Owned(key.to_owned())), value.get()?));
            Ok(())
        }
    }
    let mut all = All::default();
    match json::read::object(object.get(), &mut all) {
        Ok(()) => keep(all.0),
        Err(_) => Vec::new(),
    }
}
