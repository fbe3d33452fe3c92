//! Where texts stand in a backend's own bytes: which string of a frame goes on with which text of the stream.
//!
//! Never here: what is done with them.

use crate::channel::Writing;
use wire::{Flavour, Leaf, Step};

/// Which text of a stream a string belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Spot {
    /// The choice; in Anthropic's streams, the block.
    pub(crate) choice: u64,
    /// What kind of text: one kind ends where another begins.
    pub(crate) kind: Kind,
    /// The way below the choice: keys, and indexes by the number that their element bears.
    pub(crate) way: Vec<Way>,
}

/// One step of a way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Way {
    /// A member.
    Key(String),
    /// The element that bears this `index`.
    Index(u64),
}

/// Kinds of texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// What is shown.
    Content,
    /// Thoughts.
    Reasoning,
    /// A refusal.
    Refusal,
    /// Arguments of calls.
    Arguments,
    /// Anything else that comes in pieces.
    Other,
}

impl Kind {
    /// How values are written into it.
    pub(crate) fn writing(self, content: Writing) -> Writing {
        match self {
            Kind::Content => content,
            Kind::Arguments => Writing::Json,
            Kind::Reasoning | Kind::Refusal | Kind::Other => Writing::Plain,
        }
    }

    /// The kind of the text under this key; `None` where it is no text that comes in pieces.
    pub(crate) fn of(key: &str) -> Option<Kind> {
        Some(match key {
            "content" | "text" => Kind::Content,
            "reasoning" | "reasoning_content" | "thinking" | "summary" => Kind::Reasoning,
            "refusal" => Kind::Refusal,
            "arguments" | "partial_json" => Kind::Arguments,
            "input" | "transcript" => Kind::Other,
            _ => return None,
        })
    }
}

/// The numbers that elements of lists bear: `"index": 3` of the element at a way.
#[derive(Debug, Default)]
pub(crate) struct Indexes(Vec<(Vec<Step>, u64)>);

impl Indexes {
    /// Reads them.
    pub(crate) fn read(json: &str) -> Indexes {
        let mut all = Vec::new();
        let _ = wire::rewrite_leaves(json, |path, leaf, text| {
            if let (Leaf::Number, [above @ .., Step::Key(_)], Ok(number)) = (leaf, path, text.parse())
                && path.last().is_some_and(|s| s.key(json) == "index")
            {
                all.push((above.to_vec(), number));
            }
            None
        });
        Indexes(all)
    }

    pub(crate) fn at(&self, path: &[Step], position: usize) -> u64 {
        self.0.iter().find(|(way, _)| way == path).map_or(position as u64, |(_, number)| *number)
    }

    /// The index of the whole frame (Anthropic's block).
    pub(crate) fn top(&self) -> u64 {
        self.0.iter().find(|(way, _)| way.is_empty()).map_or(0, |(_, n)| *n)
    }
}

/// The spot of a string in one frame of a stream; `None` where it stands alone.
pub(crate) fn spot(flavour: Flavour, json: &str, path: &[Step], indexes: &Indexes) -> Option<Spot> {
    let key = path.last()?.key(json);
    let kind = Kind::of(key)?;
    if flavour == Flavour::AnthropicMessages {
        // `{"index": 1, "delta": {"text": …}}` and `{"content_block": {"text": …}}`.
        let [Step::Key(_), Step::Key(_)] = path else { return None };
        let inside = matches!(path[0].key(json), "delta" | "content_block");
        // A whole input is no text.
        let inside = inside && key != "input" && key != "content";
        return inside.then(|| Spot { choice: indexes.top(), kind, way: vec![Way::Key(key.to_owned())] });
    }
    let [Step::Key(_), Step::Index(position), below @ ..] = path else { return None };
    let begins = match below {
        [only] => only.key(json) == "text",
        [first, ..] => first.key(json) == "delta",
        [] => false,
    };
    if !begins || path[0].key(json) != "choices" {
        return None;
    }
    let way = (2..path.len()).map(|at| match &path[at] {
        Step::Key(_) => Way::Key(path[at].key(json).to_owned()),
        Step::Index(position) => Way::Index(indexes.at(&path[..=at], *position)),
    });
    Some(Spot { choice: indexes.at(&path[..2], *position), kind, way: way.collect() })
}
