//! Content parts of OpenAI's messages, read.
//!
//! A part is read in one pass when its `type` comes first, as the SDKs send it; else the members are kept until the type
//! is known and read again.
//!
//! Never here: decoding of media.

use crate::extra::{self, Rest, late, missing};
use crate::json::fault::Trail;
use crate::json::read::{Members, Read, Str, StrOr, Value, fresh, members, readable};
use crate::{Content, Media, Part};
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use std::borrow::Cow;
use std::fmt;

/// A part under construction.
#[derive(Default)]
struct PartIn<'de> {
    kind: Option<Str<'de>>,
    text: Option<String>,
    image: Option<ImageIn<'de>>,
    audio: Option<AudioIn<'de>>,
    rest: Rest<'de>,
}

impl PartIn<'_> {
    fn is(&self, kind: &str) -> bool {
        self.kind.as_ref().is_some_and(|k| k.0 == kind)
    }
}

impl<'de> Members<'de> for PartIn<'de> {
    const WHAT: &'static str = "a content part (an object)";

    fn member<A: MapAccess<'de>>(&mut self, key: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match key {
            "type" => value.once(&mut self.kind)?,
            "text" if self.is("text") => value.once(&mut self.text)?,
            "image_url" if self.is("image_url") => value.once(&mut self.image)?,
            "input_audio" if self.is("input_audio") => value.once(&mut self.audio)?,
            _ => self.rest.push((Str(Cow::Owned(key.to_owned())), value.get()?)),
        }
        Ok(())
    }
}
readable!(PartIn<'de>);

impl<'de> Read<'de> for Part {
    fn read<D: Deserializer<'de>>(from: D, trail: &Trail) -> Result<Part, D::Error> {
        let mut part: PartIn<'de> = fresh(from, trail)?;
        let Some(kind) = part.kind.take() else {
            return Err(missing(trail, "type", "is missing; a part needs a `type`, for example \"text\""));
        };
        match &*kind.0 {
            "text" => text(part, trail),
            "image_url" => image(part, trail),
            "input_audio" => audio(part, trail),
            _ => {
                let raw = extra::raw(|o| {
                    o.str("type", &kind.0);
                    part.rest.iter().for_each(|(k, v)| o.raw(&k.0, v));
                });
                let raw = raw.ok_or_else(|| D::Error::custom("cannot be kept as it is"))?;
                Ok(Part::Other { kind: kind.0.into_owned(), raw })
            }
        }
    }
}

fn text<E: Error>(mut part: PartIn<'_>, trail: &Trail) -> Result<Part, E> {
    let text = late(part.text.take(), &mut part.rest, "text", trail)?;
    Ok(Part::Text { text, extra: extra::keep(part.rest) })
}

fn image<E: Error>(mut part: PartIn<'_>, trail: &Trail) -> Result<Part, E> {
    let image = late(part.image.take(), &mut part.rest, "image_url", trail)?;
    let Some(url) = image.url else {
        trail.key("url");
        return Err(missing(trail, "image_url", "is missing; give a URL or a data: URL"));
    };
    let mut extra = extra::keep(part.rest);
    extra::keep_under(&mut extra, "image_url", image.rest);
    Ok(Part::Image { media: media(&url.0), detail: image.detail, extra })
}

fn audio<E: Error>(mut part: PartIn<'_>, trail: &Trail) -> Result<Part, E> {
    let audio = late(part.audio.take(), &mut part.rest, "input_audio", trail)?;
    let (Some(data), Some(format)) = (audio.data, audio.format) else {
        return Err(missing(trail, "input_audio", "needs `data` (base64) and `format`"));
    };
    let mut extra = extra::keep(part.rest);
    extra::keep_under(&mut extra, "input_audio", audio.rest);
    Ok(Part::Audio { data, format, extra })
}

/// A `data:` URL of the plain form is taken apart, so that other dialects can have the pieces; any other stays a URL.
fn media(url: &str) -> Media {
    let pieces = url.strip_prefix("data:").and_then(|u| u.split_once(";base64,"));
    match pieces {
        Some((media_type, data)) if !media_type.is_empty() && !media_type.contains([';', ',']) => {
            Media::Base64 { media_type: media_type.to_owned(), data: data.to_owned() }
        }
        _ => Media::Url(url.to_owned()),
    }
}

/// `image_url`: an object, or the bare URL that some clients send.
#[derive(Default)]
struct ImageIn<'de> {
    url: Option<Str<'de>>,
    detail: Option<String>,
    rest: Rest<'de>,
}

impl<'de> Members<'de> for ImageIn<'de> {
    fn member<A: MapAccess<'de>>(&mut self, key: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match key {
            "url" => value.once(&mut self.url)?,
            "detail" => self.detail = value.get()?,
            _ => self.rest.push((Str(Cow::Owned(key.to_owned())), value.get()?)),
        }
        Ok(())
    }
}

impl<'de> Read<'de> for ImageIn<'de> {
    fn read<D: Deserializer<'de>>(from: D, trail: &Trail) -> Result<Self, D::Error> {
        struct UrlOrObject<'t>(&'t Trail);
        impl<'de> Visitor<'de> for UrlOrObject<'_> {
            type Value = ImageIn<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with a `url`")
            }
            fn visit_borrowed_str<E>(self, url: &'de str) -> Result<ImageIn<'de>, E> {
                Ok(ImageIn { url: Some(Str(Cow::Borrowed(url))), ..ImageIn::default() })
            }
            fn visit_str<E>(self, url: &str) -> Result<ImageIn<'de>, E> {
                Ok(ImageIn { url: Some(Str(Cow::Owned(url.to_owned()))), ..ImageIn::default() })
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ImageIn<'de>, A::Error> {
                let mut image = ImageIn::default();
                members(map, &mut image, self.0)?;
                Ok(image)
            }
        }
        from.deserialize_any(UrlOrObject(trail))
    }
}

#[derive(Default)]
struct AudioIn<'de> {
    data: Option<String>,
    format: Option<String>,
    rest: Rest<'de>,
}

impl<'de> Members<'de> for AudioIn<'de> {
    fn member<A: MapAccess<'de>>(&mut self, key: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match key {
            "data" => value.once(&mut self.data)?,
            "format" => value.once(&mut self.format)?,
            _ => self.rest.push((Str(Cow::Owned(key.to_owned())), value.get()?)),
        }
        Ok(())
    }
}
readable!(AudioIn<'de>);

impl<'de> Read<'de> for Content {
    fn read<D: Deserializer<'de>>(from: D, trail: &Trail) -> Result<Content, D::Error> {
        Ok(match Option::<StrOr<Part>>::read(from, trail)? {
            None => Content::None,
            Some(StrOr::Str(text)) => Content::Text(text),
            Some(StrOr::List(parts)) => Content::Parts(parts),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_data_urls_are_taken_apart() {
        let split = |t: &str, d: &str| Media::Base64 { media_type: t.to_owned(), data: d.to_owned() };
        assert_eq!(media("data:image/png;base64,QUJD"), split("image/png", "QUJD"));
        for whole in ["https://x/y.png", "data:;base64,QQ", "data:text/plain;charset=utf-8;base64,QQ", "data:,a"] {
            assert_eq!(media(whole), Media::Url(whole.to_owned()));
        }
    }
}
