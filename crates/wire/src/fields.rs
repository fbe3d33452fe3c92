//! Every text of a request that a caller wrote, in a fixed order: to be read by detectors, and to be rewritten.
//!
//! A field is what a reader should see at once: the text parts of one message are one field, since a value can be cut
//! between two of them; a JSON value is one field with the contents of its strings decoded, since a key says what stands
//! beside it.
//!
//! Never here: what is looked for, or what is written instead.

mod opaque;
mod view;
mod walk;

use crate::Ask;
use std::ops::Range;

/// One field of a request.
#[derive(Debug, Clone, Copy)]
pub struct Field<'a> {
    /// Its number; the order is always the same for the same request.
    pub index: usize,
    /// What it says.
    pub text: &'a str,
    /// Where pieces of it meet that were apart in the request, in bytes of `text`, rising; mostly empty.
    pub joints: &'a [usize],
    /// How it can be rewritten.
    pub kind: FieldKind,
}

/// How a field can be rewritten.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FieldKind {
    /// As any text.
    Text,
    /// A name of a tool or a schema, a signature, a keyword: places refuse what is not of their form.
    Name,
    /// The id of a tool call: any other id does as well, if it is the same wherever it stands.
    Id,
}

/// A replacement in a field: bytes of its text, on character boundaries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// What is replaced.
    pub range: Range<usize>,
    /// What stands there instead.
    pub text: String,
}

impl Ask {
    /// Shows every text-bearing field with its number: texts of messages, names, calls and their arguments and results,
    /// tool definitions with their schemas, stop sequences, the form of the answer, queries, and all members that are kept
    /// as they came. Not shown is what is not forwarded (the model's name) and what no reader of texts can read
    /// ([`Ask::has_unscannable`]).
    pub fn visit_fields(&self, see: &mut dyn FnMut(Field<'_>)) {
        walk::visit(self, &mut walk::See::new(see));
    }

    /// As [`Ask::visit_fields`], without what is known about a field.
    pub fn visit_texts(&self, see: &mut dyn FnMut(usize, &str)) {
        self.visit_fields(&mut |field| see(field.index, field.text));
    }

    /// Replaces in text-bearing fields, which come in the order of [`Ask::visit_fields`]. Edits of a field rise and do not
    /// overlap. In JSON the new text is escaped as it must be, and a number becomes a string. Where an edit reaches over
    /// several pieces, the first takes the new text.
    ///
    /// Gives back the number of edits that could not be made: out of bounds, out of order, or about nothing that a caller
    /// can write (JSON's own brackets). Where it is not 0, the request still holds what was to be replaced.
    #[must_use = "an edit that was not made has left its text where it was"]
    pub fn edit_fields(&mut self, edit: &mut dyn FnMut(Field<'_>) -> Vec<Edit>) -> usize {
        let mut write = walk::Write::new(edit);
        walk::edit(self, &mut write);
        let missed = write.missed();
        self.messages.iter_mut().for_each(opaque::agree);
        missed
    }
}
