//! Taking out: findings become placeholders.
//!
//! Never here: finding, or putting back.

use crate::book::Book;
use crate::form::{Coder, Scope, label, placeholder, removed};
use crate::vault::Vault;
use decide::DataClass;
use sense::{Finding, Inspection, Kind};
use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use wire::{Ask, Edit, Field, FieldKind};

/// Why a request cannot be masked; then it is not sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MaskError {
    /// Something must be taken out that cannot be rewritten. The text names kinds, never values.
    #[error("{0}")]
    Rigid(String),
}

/// Attempts at a code that is free; the second is needed once in 2^40 values.
const ATTEMPTS: u32 = 64;

/// What is taken out of one field: without overlaps, rising, on character boundaries.
struct Taken {
    range: Range<usize>,
    kind: Kind,
}

/// Replaces every finding above `above`. The masked request has the same id and is marked [`Ask::redacted`].
///
/// `seen` must be what a [`sense::Finder`] saw in this very request.
///
/// # Errors
/// [`MaskError`] where a finding stands in a name that places refuse if it is changed, where the reading was not complete,
/// or where `seen` is not about this request; nothing may be sent then.
pub fn mask(ask: &Ask, seen: &Inspection, above: DataClass, scope: &Scope) -> Result<(Ask, Vault), MaskError> {
    if let Some(why) = &seen.found.failed {
        return Err(MaskError::Rigid(format!(
            "What this request holds is not known, since it was not read to its end ({why}); nothing can be taken out of it."
        )));
    }
    let found: HashMap<usize, &[Finding]> = seen.fields.iter().map(|(at, f)| (*at, f.as_slice())).collect();
    let expected = found.values().filter(|f| f.iter().any(|f| f.kind.class > above)).count();
    let mut masked = ask.clone();
    masked.redacted = true;
    if expected == 0 {
        return Ok((masked, Vault::new(Book::new([]), ask)));
    }
    let coder = Coder::new(scope);
    let mut book = codes(ask, &found, above)?;
    let mut reached = 0;
    let mut unwritten = false;
    let missed = masked.edit_fields(&mut |field| {
        let taken = taken(&field, &found, above);
        reached += usize::from(!taken.is_empty());
        if field.kind == FieldKind::Id && !taken.is_empty() {
            return vec![Edit { range: 0..field.text.len(), text: coder.id(field.text) }];
        }
        let edit = |taken: Taken| {
            let value = field.text.get(taken.range.clone()).unwrap_or_default();
            let text = written(&mut book, &coder, &taken.kind, value).unwrap_or_else(|| {
                unwritten = true;
                String::new()
            });
            Edit { range: taken.range, text }
        };
        taken.into_iter().map(edit).collect()
    });
    if unwritten || missed > 0 || reached != expected {
        return Err(MaskError::Rigid(
            "Something that may not leave stands where it cannot be replaced; nothing was sent.".to_owned(),
        ));
    }
    Ok((masked, Vault::new(book, ask)))
}

/// A book of the types that will be needed, which knows what the request itself holds in the form of a placeholder.
fn codes(ask: &Ask, found: &HashMap<usize, &[Finding]>, above: DataClass) -> Result<Book, MaskError> {
    let mut labels = BTreeSet::new();
    let mut rigid = None;
    ask.visit_fields(&mut |field| {
        for taken in taken(&field, found, above) {
            if field.kind == FieldKind::Name {
                rigid = Some(taken.kind.name.clone());
            }
            if taken.kind.class < DataClass::Secret {
                labels.insert(label(&taken.kind.name));
            }
        }
    });
    if let Some(kind) = rigid {
        return Err(MaskError::Rigid(format!(
            "A name in this request (of a tool, a schema, an option) holds data of the kind `{kind}`, which may not leave and \
             cannot be replaced there, since names have a fixed form; rename it."
        )));
    }
    let mut book = Book::new(labels);
    if !book.has_no_types() {
        ask.visit_fields(&mut |field| book.note_given(field.text));
    }
    Ok(book)
}

/// What stands instead of a value; `None` where no code is free, which does not happen.
fn written(book: &mut Book, coder: &Coder, kind: &Kind, value: &str) -> Option<String> {
    if kind.class >= DataClass::Secret {
        return Some(removed(&kind.name));
    }
    let label = label(&kind.name);
    (0..ATTEMPTS).find_map(|attempt| {
        let code = coder.code(&label, value, attempt);
        book.note(&label, code, value).then(|| placeholder(&label, &code))
    })
}

/// What is to be taken out of a field. Findings that overlap are one, of the highest class among them.
fn taken(field: &Field<'_>, found: &HashMap<usize, &[Finding]>, above: DataClass) -> Vec<Taken> {
    let Some(findings) = found.get(&field.index) else { return Vec::new() };
    let mut all: Vec<&Finding> = findings.iter().filter(|f| f.kind.class > above).collect();
    all.sort_by_key(|f| (f.start, std::cmp::Reverse(f.end)));
    let mut out: Vec<Taken> = Vec::with_capacity(all.len());
    for finding in all {
        let start = field.text.floor_char_boundary(finding.start);
        let end = field.text.ceil_char_boundary(finding.end);
        match out.last_mut().filter(|last| start < last.range.end) {
            Some(last) => {
                last.range.end = last.range.end.max(end);
                if finding.kind.class > last.kind.class {
                    last.kind = finding.kind.clone();
                }
            }
            None if start < end => out.push(Taken { range: start..end, kind: finding.kind.clone() }),
            None => {}
        }
    }
    out
}
