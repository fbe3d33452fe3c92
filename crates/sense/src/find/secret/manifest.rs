//! Values of Kubernetes' secrets in YAML: `kind: Secret` with `data:` or `stringData:`.
//!
//! Never here: other YAML.

use super::allow;
use super::shape::{ALNUM, WORD};

/// Bytes of a document looked at before and after its kind.
const BEFORE: usize = 2048;
const AFTER: usize = 8192;

/// Tells the spans of the values in the document whose `kind:` stands at `word`; nothing before `floor` is read.
/// Returns how far was read.
pub(super) fn values(text: &[u8], word: (usize, usize), floor: usize, tell: &mut dyn FnMut((usize, usize))) -> usize {
    let at = text[word.1..].iter().take(8).take_while(|c| matches!(c, b' ' | b'\t' | b'"' | b'\'')).count() + word.1;
    let secret = text.get(at..at + 6).is_some_and(|w| w.eq_ignore_ascii_case(b"secret"));
    if !secret || text.get(at + 6).is_some_and(|c| WORD.has(*c)) {
        return word.1;
    }
    let first = word.0.saturating_sub(BEFORE).max(floor);
    let first = memchr::memmem::rfind(&text[first..word.0], b"\n---").map_or(first, |i| first + i + 1);
    let last = text.len().min(word.1 + AFTER);
    let last = memchr::memmem::find(&text[word.1..last], b"\n---").map_or(last, |i| word.1 + i);
    let mut inside: Option<usize> = None;
    let mut start = first;
    for line in text[first..last].split_inclusive(|c| *c == b'\n') {
        let begin = start;
        start += line.len();
        let depth = line.iter().take_while(|c| **c == b' ').count();
        let content = line.trim_ascii();
        if content.is_empty() || content.starts_with(b"#") {
            continue;
        }
        // What follows the name may be a remark.
        let opens = |name: &[u8]| {
            content.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.trim_ascii_start().starts_with(b"#"))
        };
        if opens(b"data:") || opens(b"stringData:") {
            inside = Some(depth);
        } else if inside.is_some_and(|outer| depth > outer) {
            if let Some((from, to)) = value(content) {
                tell((begin + depth + from, begin + depth + to));
            }
        } else {
            inside = None;
        }
    }
    last
}

/// The span of the value in a line `name: value`, or of a line of a longer value.
fn value(line: &[u8]) -> Option<(usize, usize)> {
    let start = match line.iter().position(|c| *c == b':') {
        Some(colon) => colon + 1 + line[colon + 1..].iter().take_while(|c| matches!(c, b' ' | b'"' | b'\'')).count(),
        None => 0,
    };
    let length =
        line[start..].iter().position(|c| matches!(c, b' ' | b'"' | b'\'' | b'#')).unwrap_or(line.len() - start);
    let value = &line[start..start + length];
    let block = value.first().is_some_and(|c| matches!(c, b'|' | b'>'));
    let encoded = value.iter().all(|c| ALNUM.has(*c) || matches!(c, b'+' | b'/' | b'='));
    let least = if encoded && start > 0 { 8 } else { 4 };
    let good = !block && value.len() >= least && !allow::variable(value) && !allow::stand_in(value);
    good.then_some((start, start + length))
}
