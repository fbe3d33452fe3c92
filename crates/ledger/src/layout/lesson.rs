//! The bytes of one lesson in the journal, little-endian:
//!
//! | bytes | what |
//! |---|---|
//! | 1, 1 | kind of entry ([`super::LESSON`]), layout ([`LAYOUT`]) |
//! | 8, 1, 1, 2, 4, 1 | when, task, origin, score, weight, whether there was a comparison |
//! | 2, 2 | doubt and loss of the comparison, where there was one |
//! | 2 + n each | request_id, place, model, then the name asked for, place and model of the stronger answer where there was one |
//!
//! The CRC-32 of these bytes stands beside the row in SQLite.
//! Never here: where the bytes lie.

use super::{Eye, LESSON, bad, push_text};
use crate::LedgerError;
use crate::names::{origin_code, origin_of, task_code, task_of};
use decide::{Compared, Lesson, PlaceId};

/// Its layout.
pub(crate) const LAYOUT: u8 = 1;
/// No encoded lesson of clipped texts is longer.
pub(crate) const MAX_BYTES: usize = 2 + (8 + 1 + 1 + 2 + 4 + 1) + 4 + 6 * 2 + 128 + 256 + 2 * (128 + 256);
const _: () = assert!(MAX_BYTES <= super::MAX_BYTES);

/// The bytes of a clipped lesson.
pub(crate) fn encode(l: &Lesson) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    out.extend_from_slice(&[LESSON, LAYOUT]);
    out.extend_from_slice(&l.at_unix_ms.to_le_bytes());
    out.extend_from_slice(&[task_code(l.task), origin_code(l.origin)]);
    out.extend_from_slice(&l.score_permille.to_le_bytes());
    out.extend_from_slice(&l.weight_milli.to_le_bytes());
    out.push(u8::from(l.compared.is_some()));
    if let Some(c) = &l.compared {
        out.extend_from_slice(&c.doubt_permille.to_le_bytes());
        out.extend_from_slice(&c.loss_permille.to_le_bytes());
    }
    for text in [&l.request_id, &l.place.0, &l.model] {
        push_text(&mut out, text);
    }
    for text in l.compared.iter().flat_map(|c| [&c.asked, &c.place.0, &c.model]) {
        push_text(&mut out, text);
    }
    out
}

/// Reads a lesson back.
///
/// # Errors
/// As [`super::decode`].
pub(crate) fn decode(bytes: &[u8]) -> Result<Lesson, LedgerError> {
    let mut eye = Eye(bytes);
    let [kind, layout] = eye.take().ok_or_else(|| bad("it is empty"))?;
    if (kind, layout) != (LESSON, LAYOUT) {
        let [found, known] = [(kind, layout), (LESSON, LAYOUT)].map(|(k, l)| i64::from(k) << 8 | i64::from(l));
        return Err(LedgerError::Version { what: "a lesson in the journal", found, known });
    }
    let lesson = read(&mut eye).ok_or_else(|| bad("its lesson ends early or holds an unknown value"))?;
    if eye.0.is_empty() { Ok(lesson) } else { Err(bad("its lesson is too long")) }
}

fn read(eye: &mut Eye<'_>) -> Option<Lesson> {
    let at_unix_ms = eye.number()?;
    let (task, origin) = (task_of(eye.byte()?)?, origin_of(eye.byte()?)?);
    let (score_permille, weight_milli) = (eye.short()?, u32::from_le_bytes(eye.take()?));
    let compared = match eye.byte()? {
        0 => None,
        1 => Some((eye.signed()?, eye.signed()?)),
        _ => return None,
    };
    let (request_id, place, model) = (eye.text()?, PlaceId(eye.text()?), eye.text()?);
    let compared = match compared {
        None => None,
        Some((doubt_permille, loss_permille)) => {
            let (asked, place, model) = (eye.text()?, PlaceId(eye.text()?), eye.text()?);
            Some(Compared { asked, place, model, doubt_permille, loss_permille })
        }
    };
    Some(Lesson { request_id, at_unix_ms, place, model, task, origin, score_permille, weight_milli, compared })
}
