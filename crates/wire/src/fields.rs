//! Every text of a request that a caller wrote, in a fixed order: to be read by detectors, and to be rewritten.
//!
//! Never here: what is looked for, or what is written instead.

use crate::{Ask, Content, Part};

impl Ask {
    /// Shows every text-bearing field with its number. The order is that of [`Ask::rewrite_texts`].
    pub fn visit_texts(&self, see: &mut dyn FnMut(usize, &str)) {
        for (field, text) in self.messages.iter().flat_map(|m| m.content.texts()).enumerate() {
            see(field, text);
        }
    }

    /// Replaces text-bearing fields: `write` gives the new text, or `None` to leave the field as it is.
    pub fn rewrite_texts(&mut self, write: &mut dyn FnMut(usize, &str) -> Option<String>) {
        let mut field = 0;
        let mut one = |text: &mut String| {
            if let Some(new) = write(field, text) {
                *text = new;
            }
            field += 1;
        };
        for message in &mut self.messages {
            match &mut message.content {
                Content::None => {}
                Content::Text(text) => one(text),
                Content::Parts(parts) => parts.iter_mut().for_each(|part| {
                    if let Part::Text { text, .. } = part {
                        one(text);
                    }
                }),
            }
        }
    }
}
