//! How sure an upstream was of each token, where the gateway wants to know: asked for as log-probabilities, and taken out of
//! what comes back where the caller did not ask for them.
//!
//! Never here: what follows from them, or how a dialect writes them.

use crate::stream::Decode;
use bytes::Bytes;
use wire::{Answer, Ask, Chunk, WireError};

/// What is wanted of an answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wish {
    pub(crate) streamed: bool,
    /// Signs of doubt; the value says whether the caller gets the log-probabilities, too.
    signs: Option<bool>,
}

impl Wish {
    pub(crate) fn of(ask: &Ask) -> Wish {
        Wish { streamed: ask.stream, signs: (ask.signs && !ask.echo).then_some(ask.logprobs.is_some()) }
    }

    /// The answer, with its signs where they are wanted.
    pub(crate) fn taken(self, mut answer: Answer) -> Answer {
        if let Some(keep) = self.signs {
            answer.take_signs(keep);
        }
        answer
    }

    /// The same of a stream.
    pub(crate) fn decoder(self, decode: Box<dyn Decode>) -> Box<dyn Decode> {
        match self.signs {
            None => decode,
            Some(keep) => Box::new(Signed { decode, keep }),
        }
    }
}

struct Signed {
    decode: Box<dyn Decode>,
    keep: bool,
}

impl Decode for Signed {
    fn feed(&mut self, bytes: &Bytes, out: &mut dyn FnMut(Result<Chunk, WireError>)) {
        let keep = self.keep;
        self.decode.feed(bytes, &mut |chunk| out(signed(chunk, keep)));
    }

    fn end(&mut self, out: &mut dyn FnMut(Result<Chunk, WireError>)) {
        let keep = self.keep;
        self.decode.end(&mut |chunk| out(signed(chunk, keep)));
    }
}

fn signed(chunk: Result<Chunk, WireError>, keep: bool) -> Result<Chunk, WireError> {
    chunk.map(|mut chunk| {
        chunk.take_signs(keep);
        chunk
    })
}
