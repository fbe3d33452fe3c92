//! Writing for the caller's endpoint: forwarded as it came where the flavours agree, else from canonical events.

use bytes::{Bytes, BytesMut};
use wire::{Answer, Ask, Chunk, Endpoint, Event, Flavour, Ranking, Raw, Vectors, anthropic, openai};

/// Vectors for their caller: as they came where that is the encoding asked for, else written anew.
pub(crate) fn vectors(vectors: &Vectors, ask: &Ask) -> Bytes {
    let encoding = ask.encode.as_deref().and_then(|e| e.encoding).unwrap_or_default();
    match &vectors.raw {
        Some(raw) => raw.bytes.clone(),
        None => Bytes::from(openai::write_vectors(vectors, encoding)),
    }
}

/// Scores for their caller, in one form whatever the place's own is.
pub(crate) fn ranking(ranking: &Ranking, ask: &Ask) -> Bytes {
    Bytes::from(openai::write_ranking(ranking, ask))
}

/// The flavour in which an endpoint answers with text. Vectors and scores have writers of their own above.
fn flavour(endpoint: Endpoint) -> Flavour {
    match endpoint {
        Endpoint::Chat | Endpoint::Embeddings | Endpoint::Rerank => Flavour::OpenaiChat,
        Endpoint::Completions => Flavour::OpenaiCompletions,
        Endpoint::Messages => Flavour::AnthropicMessages,
    }
}

/// A whole answer for an endpoint.
pub(crate) fn plain(endpoint: Endpoint, answer: &Answer) -> Bytes {
    match &answer.raw {
        Some(raw) if raw.flavour == flavour(endpoint) => raw.bytes.clone(),
        _ => Bytes::from(match endpoint {
            Endpoint::Chat | Endpoint::Embeddings | Endpoint::Rerank => openai::write_chat_answer(answer),
            Endpoint::Completions => openai::write_completions_answer(answer),
            Endpoint::Messages => anthropic::write_answer(answer),
        }),
    }
}

/// Writes the chunks of one stream.
pub(crate) struct Writer {
    flavour: Flavour,
    include_usage: bool,
    codec: Codec,
    scratch: Vec<u8>,
}

enum Codec {
    Chat(openai::ChatWriter),
    Completions(openai::CompletionsWriter),
    Messages(anthropic::Writer),
}

impl Writer {
    /// A writer for the caller of `ask`.
    pub(crate) fn new(ask: &Ask) -> Writer {
        let codec = match ask.endpoint {
            Endpoint::Chat | Endpoint::Embeddings | Endpoint::Rerank => {
                Codec::Chat(openai::ChatWriter::new(ask.include_usage))
            }
            Endpoint::Completions => Codec::Completions(openai::CompletionsWriter::new(ask.include_usage)),
            Endpoint::Messages => Codec::Messages(anthropic::Writer::new()),
        };
        Writer { flavour: flavour(ask.endpoint), include_usage: ask.include_usage, codec, scratch: Vec::new() }
    }

    /// Appends what says "still here" in this dialect: a comment, or Anthropic's `ping`.
    pub(crate) fn keep_alive(&mut self, out: &mut BytesMut) {
        self.events(&[Event::Ping], out);
    }

    /// Appends events, written anew.
    fn events(&mut self, events: &[Event], out: &mut BytesMut) {
        self.scratch.clear();
        for event in events {
            match &mut self.codec {
                Codec::Chat(w) => w.write(event, &mut self.scratch),
                Codec::Completions(w) => w.write(event, &mut self.scratch),
                Codec::Messages(w) => w.write(event, &mut self.scratch),
            }
        }
        out.extend_from_slice(&self.scratch);
    }

    /// Appends one chunk.
    pub(crate) fn write(&mut self, chunk: &Chunk, out: &mut BytesMut) {
        match &chunk.raw {
            Some(raw) if raw.flavour == self.flavour => {
                if self.include_usage || !is_bare_usage(chunk) {
                    forward(raw, out);
                }
            }
            _ => self.events(&chunk.events, out),
        }
    }
}

/// The usage chunk that we asked the backend for and the caller did not.
fn is_bare_usage(chunk: &Chunk) -> bool {
    let mut usage = false;
    for event in &chunk.events {
        match event {
            Event::Usage(_) => usage = true,
            Event::Start { .. } => {}
            _ => return false,
        }
    }
    usage
}

/// One SSE frame as it came.
fn forward(raw: &Raw, out: &mut BytesMut) {
    out.reserve(raw.bytes.len() + 48);
    if let Some(name) = raw.name {
        out.extend_from_slice(b"event: ");
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b"\n");
    }
    out.extend_from_slice(b"data: ");
    out.extend_from_slice(&raw.bytes);
    out.extend_from_slice(b"\n\n");
}
