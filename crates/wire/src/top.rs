//! The top-level members of a request as an upstream wants them: what its [`Shape`] says is left out here, in one place.
//!
//! Never here: a dialect's members.

use crate::json::write::{Object, real, string, whole};
use crate::{Ask, Content, Media, Message, Part, Shape};
use serde_json::value::RawValue;

/// The top-level object.
pub(crate) struct Top<'t, 'o> {
    o: &'t mut Object<'o>,
    shape: &'t Shape,
}

impl<'t, 'o> Top<'t, 'o> {
    /// The object `o`, for an upstream of this shape.
    pub(crate) fn new(o: &'t mut Object<'o>, shape: &'t Shape) -> Top<'t, 'o> {
        Top { o, shape }
    }

    /// The upstream's shape.
    pub(crate) fn shape(&self) -> &'t Shape {
        self.shape
    }

    /// Whether a member that was not understood may go to this upstream.
    pub(crate) fn keeps(&self, key: &str) -> bool {
        self.shape.keep_extra.as_ref().is_none_or(|keep| keep.iter().any(|k| k == key))
    }

    /// A member that was not understood, if the upstream takes it.
    pub(crate) fn extra(&mut self, key: &str, value: &RawValue) {
        if self.keeps(key) {
            self.put(key, |out| out.extend_from_slice(value.get().as_bytes()));
        }
    }

    /// A member, unless the upstream wants it left out.
    pub(crate) fn put(&mut self, key: &str, write: impl FnOnce(&mut Vec<u8>)) {
        if !self.shape.strip.iter().any(|s| s == key) {
            write(self.o.key(key));
        }
    }

    /// A member if there is a value.
    pub(crate) fn opt<T>(&mut self, key: &str, value: Option<T>, write: impl FnOnce(&mut Vec<u8>, T)) {
        if let Some(value) = value {
            self.put(key, |out| write(out, value));
        }
    }

    /// A number.
    pub(crate) fn real(&mut self, key: &str, value: Option<f64>) {
        self.opt(key, value, real);
    }

    /// A whole number.
    pub(crate) fn int(&mut self, key: &str, value: Option<impl Into<i128>>) {
        self.opt(key, value, |out, v| whole(out, v.into()));
    }

    /// A string.
    pub(crate) fn str(&mut self, key: &str, value: Option<&str>) {
        self.opt(key, value, string);
    }

    /// true or false.
    pub(crate) fn bool(&mut self, key: &str, value: Option<bool>) {
        self.opt(key, value, |out, v| out.extend_from_slice(if v { b"true" } else { b"false" }));
    }
}

/// Roughly the bytes that a request needs when written, so that they are not moved while they grow; media above all.
pub(crate) fn capacity(ask: &Ask) -> usize {
    let part = |part: &Part| match part {
        Part::Text { text, .. } => text.len(),
        Part::Image { media: Media::Base64 { data, .. }, .. } | Part::Audio { data, .. } => data.len(),
        Part::Image { media: Media::Url(url), .. } => url.len(),
        Part::Other { raw, .. } => raw.get().len(),
    };
    let message = |m: &Message| {
        let content = match &m.content {
            Content::None => 0,
            Content::Text(text) => text.len(),
            Content::Parts(parts) => parts.iter().map(|p| part(p) + 96).sum(),
        };
        let calls: usize = m.tool_calls.iter().map(|c| c.arguments.len() + 96).sum();
        96 + content + calls
    };
    let messages: usize = ask.messages.iter().map(message).sum();
    let tools: usize = ask.tools.iter().map(|t| 256 + t.parameters.as_ref().map_or(0, |p| p.get().len())).sum();
    let extra: usize = ask.extra.iter().map(|(k, v)| k.len() + v.get().len() + 4).sum();
    // A sixteenth for escapes.
    512 + messages + messages / 16 + tools + extra
}
