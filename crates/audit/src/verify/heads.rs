//! What is wrong with the heads of a trail and with the keys in its folder.
//!
//! Never here: the chain itself.

use super::{Check, Walk};
use crate::folder::HEADS;
use crate::frame::End;
use crate::head::public;
use crate::scan::HeadFile;
use crate::{AuditError, key};
use std::path::Path;

impl Walk<'_> {
    /// What is wrong with the heads themselves, and those about records that are not there.
    pub(super) fn heads_of(&mut self, file: &HeadFile, check: &Check, end: Option<End>, first: u64) {
        if let Some((line, why)) = &file.bad {
            self.out.bad(None, HEADS, *line, why.clone());
        } else if file.torn && self.out.in_use_by.is_none() {
            let line = file.heads.len() as u64 + 1;
            self.out.bad(
                None,
                HEADS,
                line,
                "the last head is unfinished: the server was ended while it wrote, or it was cut off",
            );
        }
        if let Some(pinned) = check.key
            && let Some(head) = file.heads.iter().find(|h| h.key != pinned)
        {
            self.out.bad(Some(head.seq), HEADS, head.n, "it is signed with another key than the one that was given");
        }
        let missing: Vec<(u64, u64)> = self.out.gaps.clone();
        let in_gap = |seq: u64| missing.iter().any(|(from, to)| (*from..=*to).contains(&seq));
        // Where the chain is bad already, what lies behind is not known.
        let Some(end) = end else { return };
        for (head, brought) in file.heads.iter().map(|h| (h, false)).chain(check.heads.iter().map(|h| (h, true))) {
            let whose = if brought { "the head that was kept elsewhere" } else { "it" };
            if head.seq > end.seq {
                let why = format!(
                    "{whose} has signed record {}, and the chain ends at record {}: its tail was cut off",
                    head.seq, end.seq
                );
                let line = if brought { 0 } else { head.n };
                self.out.bad(Some(end.seq.saturating_add(1)), HEADS, line, why);
                break;
            }
            if brought && head.seq < first && head.seq.saturating_add(1) != first {
                let same = file
                    .heads
                    .iter()
                    .any(|h| h.line == head.line || (h.seq, h.hash, h.key) == (head.seq, head.hash, head.key));
                let note = format!(
                    "the head of record {} is about records that were deleted{}",
                    head.seq,
                    if same { "; the folder has the same head" } else { "" }
                );
                if same {
                    self.out.notes.push(note);
                } else {
                    self.out.bad(Some(head.seq), HEADS, 0, format!("{note}, and the folder does not have that head"));
                }
            } else if brought
                && head.seq.saturating_add(1) == first
                && file.heads.iter().any(|h| h.seq == head.seq && h.hash != head.hash)
            {
                self.out.bad(
                    Some(first),
                    HEADS,
                    0,
                    "the head that was kept elsewhere has another record before the first one",
                );
            } else if brought && in_gap(head.seq) {
                self.out.notes.push(format!("the head of record {} is about records that are missing", head.seq));
            }
        }
        if file.heads.is_empty() {
            self.out.bad(
                None,
                HEADS,
                0,
                "there is no signed head: the file was deleted, or the server was ended within its first moments",
            );
        }
    }

    /// Whether the key files of the folder are those that the chain names. A copy of the folder without them is fine.
    pub(super) fn keys_of(&mut self, dir: &Path) {
        let path = dir.join(key::KEY);
        if let (true, Some(known)) = (path.exists(), self.key) {
            match key::signing(&path, false).map(|pair| public(&pair)) {
                Ok(found) if found == known => {}
                // Not readable for an auditor: fine as well.
                Err(AuditError::File { .. }) => {}
                Ok(_) => self.out.bad(None, key::KEY, 0, "it is not the key that the chain names"),
                Err(error) => self.out.bad(None, key::KEY, 0, error.to_string()),
            }
        }
        let path = dir.join(key::PROMPT_KEY);
        if let (true, Some(known)) = (path.exists(), self.prompt_key_id.as_ref()) {
            match key::prompt_key(dir).map(|k| key::prompt_key_id(&k)) {
                Ok(found) if found == *known => {}
                Err(AuditError::File { .. }) => {}
                Ok(_) => self.out.bad(None, key::PROMPT_KEY, 0, "it is not the key that the chain names"),
                Err(error) => self.out.bad(None, key::PROMPT_KEY, 0, error.to_string()),
            }
        }
    }
}
