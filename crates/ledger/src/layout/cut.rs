//! Bounds of a record and of a lesson: how long each text may be, and how great a number.
//!
//! Never here: bytes.

use decide::{Baselines, Lesson, Record};
use std::sync::Arc;

/// The greatest length of each text.
struct Lengths {
    asked: usize,
    decision: usize,
    model: usize,
    error: usize,
}

const SETTLED: Lengths = Lengths { asked: 256, decision: 512, model: 256, error: 64 };
const ESTIMATE: Lengths = Lengths { asked: 64, decision: 64, model: 88, error: 16 };

/// Cuts over-long texts (a caller chooses `asked` and `request_id`) so that a record has a greatest size and room for it
/// can be promised beforehand, and numbers beyond SQLite's, so that what is read back is what was put. A cut text ends
/// with `…`.
pub(crate) fn clip(record: &mut Record) {
    cut(record, &SETTLED);
}

/// Cuts a record so that it fits the cell of its estimate. Only the attempt that answered carries baselines and a doubt, so an
/// estimate can do without.
pub(super) fn shorten(record: &mut Record) {
    cut(record, &ESTIMATE);
    record.baselines = Baselines::default();
    record.doubt_permille = None;
}

/// Bytes of all texts together.
pub(super) fn text_bytes(r: &Record) -> usize {
    let option = |text: Option<&Arc<str>>| text.map_or(0, |t| t.len());
    let place = r.place.as_ref().map(|p| &p.0);
    let optional =
        [r.key.as_ref(), place, r.model.as_ref(), r.price_version.as_ref(), r.error.as_ref(), r.team.as_ref()];
    let always = [&r.request_id, &r.endpoint, &r.asked, &r.decision];
    always.into_iter().map(|t| t.len()).sum::<usize>() + optional.into_iter().map(option).sum::<usize>()
}

fn cut(record: &mut Record, most: &Lengths) {
    text(&mut record.request_id, 128);
    text(&mut record.endpoint, 32);
    text(&mut record.asked, most.asked);
    text(&mut record.decision, most.decision);
    option(record.key.as_mut(), 128);
    option(record.team.as_mut(), 128);
    option(record.place.as_mut().map(|p| &mut p.0), 128);
    option(record.model.as_mut(), most.model);
    option(record.price_version.as_mut(), 64);
    option(record.error.as_mut(), most.error);
    let u = &mut record.usage;
    let counts = [&mut u.input, &mut u.output, &mut u.cached, &mut u.cache_write, &mut u.reasoning];
    let more = [&mut u.cache_write_long, &mut u.audio_input, &mut u.audio_output];
    let times = [&mut record.arrived_unix_ms, &mut record.total_us].into_iter().chain(&mut record.ttft_us);
    for number in counts.into_iter().chain(more).chain(times) {
        *number = (*number).min(i64::MAX as u64);
    }
}

fn option(of: Option<&mut Arc<str>>, max: usize) {
    if let Some(of) = of {
        text(of, max);
    }
}

/// Bounds of a lesson, of the same kind.
pub(crate) fn clip_lesson(lesson: &mut Lesson) {
    text(&mut lesson.request_id, 128);
    text(&mut lesson.place.0, 128);
    text(&mut lesson.model, 256);
    if let Some(compared) = &mut lesson.compared {
        text(&mut compared.asked, 256);
        text(&mut compared.place.0, 128);
        text(&mut compared.model, 256);
    }
    lesson.at_unix_ms = lesson.at_unix_ms.min(i64::MAX as u64);
}

fn text(text: &mut Arc<str>, max: usize) {
    if text.len() > max {
        let end = text.floor_char_boundary(max - '…'.len_utf8());
        *text = Arc::from(format!("{}…", text.get(..end).unwrap_or_default()));
    }
}
