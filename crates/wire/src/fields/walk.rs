//! The order of the fields: one list of them, from which both the reading and the rewriting walker are made.
//!
//! Never here: what is looked for, or what is written instead.

use super::view::{self, View};
use super::{Edit, Field, FieldKind};
use crate::{Ask, Content, Extra, Format, Media, Message, Part, Reasoning, Tool, ToolCall, ToolChoice};
use serde_json::value::RawValue;

macro_rules! walkers {
    ($ask:ident, $message:ident, $part:ident, $tool:ident, $format:ident, $walker:ident $(, $m:tt)?) => {
        pub(super) fn $ask(ask: &$($m)? Ask, w: &mut $walker<'_>) {
            for message in &$($m)? ask.messages {
                $message(message, w);
            }
            for tool in &$($m)? ask.tools {
                $tool(tool, w);
            }
            match &$($m)? ask.tool_choice {
                Some(ToolChoice::Named(name)) => w.text(FieldKind::Name, name),
                Some(ToolChoice::Other(raw)) => w.json(raw),
                Some(ToolChoice::Auto | ToolChoice::None | ToolChoice::Required) | None => {}
            }
            for text in &$($m)? ask.stop {
                w.text(FieldKind::Text, text);
            }
            if let Some(format) = &$($m)? ask.format {
                $format(format, w);
            }
            if let Some(Reasoning { effort: Some(text), .. }) = &$($m)? ask.reasoning {
                w.text(FieldKind::Name, text);
            }
            for text in [&$($m)? ask.user, &$($m)? ask.cache_key, &$($m)? ask.suffix].into_iter().flatten() {
                w.text(FieldKind::Text, text);
            }
            if let Some(encode) = &$($m)? ask.encode {
                w.text(FieldKind::Text, &$($m)? encode.query);
            }
            w.kept(&$($m)? ask.extra, false);
        }

        fn $message(message: &$($m)? Message, w: &mut $walker<'_>) {
            let copied = super::opaque::keeps_reasoning(message);
            match &$($m)? message.content {
                Content::None => {}
                Content::Text(text) => w.text(FieldKind::Text, text),
                Content::Parts(parts) => {
                    w.parts(parts);
                    for part in parts {
                        $part(part, w);
                    }
                }
            }
            if let Some(text) = &$($m)? message.name {
                w.text(FieldKind::Text, text);
            }
            for ToolCall { id, name, arguments } in &$($m)? message.tool_calls {
                w.text(FieldKind::Id, id);
                w.text(FieldKind::Name, name);
                w.arguments(arguments);
            }
            if let Some(id) = &$($m)? message.tool_call_id {
                w.text(FieldKind::Id, id);
            }
            if let Some((text, signature)) = &$($m)? message.reasoning {
                if !copied {
                    w.text(FieldKind::Text, text);
                }
                if let Some(signature) = signature {
                    w.text(FieldKind::Name, signature);
                }
            }
            if let Some(text) = &$($m)? message.refusal {
                w.text(FieldKind::Text, text);
            }
            w.kept(&$($m)? message.extra, true);
        }

        /// What a part has beside the text that was shown with that of its neighbours.
        fn $part(part: &$($m)? Part, w: &mut $walker<'_>) {
            match part {
                Part::Text { extra, .. } => w.kept(extra, false),
                Part::Image { media, detail, extra } => {
                    match media {
                        Media::Url(url) if view::is_bytes(url) => {}
                        Media::Url(url) => w.text(FieldKind::Text, url),
                        Media::Base64 { media_type, .. } => w.text(FieldKind::Name, media_type),
                    }
                    if let Some(detail) = detail {
                        w.text(FieldKind::Name, detail);
                    }
                    w.kept(extra, false);
                }
                Part::Audio { format, extra, .. } => {
                    w.text(FieldKind::Name, format);
                    w.kept(extra, false);
                }
                Part::Other { raw, .. } => w.part(raw),
            }
        }

        fn $tool(tool: &$($m)? Tool, w: &mut $walker<'_>) {
            w.text(FieldKind::Name, &$($m)? tool.name);
            if let Some(text) = &$($m)? tool.description {
                w.text(FieldKind::Text, text);
            }
            for raw in [&$($m)? tool.parameters, &$($m)? tool.raw].into_iter().flatten() {
                w.json(raw);
            }
            w.kept(&$($m)? tool.extra, false);
        }

        fn $format(format: &$($m)? Format, w: &mut $walker<'_>) {
            match format {
                Format::Text | Format::JsonObject => {}
                Format::JsonSchema { name, schema, description, .. } => {
                    w.text(FieldKind::Name, name);
                    if let Some(text) = description {
                        w.text(FieldKind::Text, text);
                    }
                    if let Some(raw) = schema {
                        w.json(raw);
                    }
                }
                Format::Other(raw) => w.json(raw),
            }
        }
    };
}

walkers!(visit, see_message, see_part, see_tool, see_format, See);
walkers!(edit, edit_message, edit_part, edit_tool, edit_format, Write, mut);

/// The texts among parts.
fn texts(parts: &[Part]) -> impl Iterator<Item = &str> {
    parts.iter().filter_map(|part| match part {
        Part::Text { text, .. } => Some(text.as_str()),
        _ => None,
    })
}

/// Whether arguments are a JSON object or list; what a model broke is a plain text.
fn is_json(text: &str) -> bool {
    text.trim_ascii_start().starts_with(['{', '[']) && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

/// The walker that shows.
pub(super) struct See<'s> {
    see: &'s mut dyn FnMut(Field<'_>),
    index: usize,
}

impl<'s> See<'s> {
    pub(super) fn new(see: &'s mut dyn FnMut(Field<'_>)) -> See<'s> {
        See { see, index: 0 }
    }

    fn show(&mut self, kind: FieldKind, text: &str, joints: &[usize]) {
        (self.see)(Field { index: self.index, text, joints, kind });
        self.index += 1;
    }

    fn text(&mut self, kind: FieldKind, text: &str) {
        self.show(kind, text, &[]);
    }

    fn parts(&mut self, parts: &[Part]) {
        if texts(parts).nth(1).is_none() {
            return self.text(FieldKind::Text, texts(parts).next().unwrap_or_default());
        }
        let (view, joints) = View::joined(texts(parts));
        self.show(FieldKind::Text, &view.text, &joints);
    }

    fn json(&mut self, raw: &RawValue) {
        self.text(FieldKind::Text, &View::json(None, raw.get(), false).text);
    }

    fn part(&mut self, raw: &RawValue) {
        self.text(FieldKind::Text, &View::json(None, raw.get(), true).text);
    }

    fn arguments(&mut self, text: &str) {
        match is_json(text) {
            true => self.text(FieldKind::Text, &View::json(None, text, false).text),
            false => self.text(FieldKind::Text, text),
        }
    }

    /// Members kept as they came; `files`: a file's bytes may be in them.
    fn kept(&mut self, extra: &Extra, files: bool) {
        for (key, raw) in extra {
            self.text(FieldKind::Text, &View::json(Some(key), raw.get(), files).text);
        }
    }
}

/// The walker that rewrites.
pub(super) struct Write<'s> {
    edit: &'s mut dyn FnMut(Field<'_>) -> Vec<Edit>,
    index: usize,
    missed: usize,
}

impl<'s> Write<'s> {
    pub(super) fn new(edit: &'s mut dyn FnMut(Field<'_>) -> Vec<Edit>) -> Write<'s> {
        Write { edit, index: 0, missed: 0 }
    }

    /// Edits that could not be made.
    pub(super) fn missed(&self) -> usize {
        self.missed
    }

    fn edits(&mut self, kind: FieldKind, text: &str, joints: &[usize]) -> Vec<Edit> {
        let edits = (self.edit)(Field { index: self.index, text, joints, kind });
        self.index += 1;
        edits
    }

    fn changed(&mut self, kind: FieldKind, view: &View, joints: &[usize]) -> Vec<view::Changed> {
        let edits = self.edits(kind, &view.text, joints);
        if edits.is_empty() {
            return Vec::new();
        }
        let (changed, missed) = view.change(&edits);
        self.missed += missed;
        changed
    }

    fn text(&mut self, kind: FieldKind, text: &mut String) {
        let edits = self.edits(kind, text, &[]);
        if edits.is_empty() {
            return;
        }
        let mut new = String::with_capacity(text.len());
        let mut copied = 0;
        for edit in &edits {
            let (before, old) = (text.get(copied..edit.range.start), text.get(edit.range.clone()));
            let (Some(before), Some(_)) = (before, old.filter(|old| !old.is_empty())) else {
                self.missed += 1;
                continue;
            };
            new.push_str(before);
            new.push_str(&edit.text);
            copied = edit.range.end;
        }
        new.push_str(text.get(copied..).unwrap_or_default());
        *text = new;
    }

    fn parts(&mut self, parts: &mut [Part]) {
        if texts(parts).nth(1).is_none() {
            let only = parts.iter_mut().find_map(|part| match part {
                Part::Text { text, .. } => Some(text),
                _ => None,
            });
            return self.text(FieldKind::Text, only.unwrap_or(&mut String::new()));
        }
        let (view, joints) = View::joined(texts(parts));
        let mut changed = view::by_number(self.changed(FieldKind::Text, &view, &joints)).peekable();
        let texts = parts.iter_mut().filter_map(|part| match part {
            Part::Text { text, .. } => Some(text),
            _ => None,
        });
        for (number, text) in texts.enumerate() {
            if let Some((_, new)) = changed.next_if(|(n, _)| *n == number) {
                *text = new;
            }
        }
    }

    fn json(&mut self, raw: &mut Box<RawValue>) {
        self.value(raw, false);
    }

    fn part(&mut self, raw: &mut Box<RawValue>) {
        self.value(raw, true);
    }

    fn value(&mut self, raw: &mut Box<RawValue>, files: bool) {
        let changed = self.changed(FieldKind::Text, &View::json(None, raw.get(), files), &[]);
        let (_, new) = view::rewritten(raw.get(), &changed);
        self.put(raw, new);
    }

    fn put(&mut self, raw: &mut Box<RawValue>, new: Option<String>) {
        match new.map(RawValue::from_string) {
            None => {}
            Some(Ok(new)) => *raw = new,
            // Not JSON any more: a piece that is no string stood where only strings may.
            Some(Err(_)) => self.missed += 1,
        }
    }

    fn arguments(&mut self, text: &mut String) {
        if !is_json(text) {
            return self.text(FieldKind::Text, text);
        }
        let changed = self.changed(FieldKind::Text, &View::json(None, text, false), &[]);
        if let (_, Some(new)) = view::rewritten(text, &changed) {
            *text = new;
        }
    }

    fn kept(&mut self, extra: &mut Extra, files: bool) {
        for (key, raw) in extra {
            let changed = self.changed(FieldKind::Text, &View::json(Some(key), raw.get(), files), &[]);
            let (new_key, new) = view::rewritten(raw.get(), &changed);
            self.put(raw, new);
            if let Some(new) = new_key {
                *key = new;
            }
        }
    }
}
