//! Token estimates: how many go in, how many will come out.
//!
//! Nothing here knows a model's tokenizer. The input estimate counts bytes by the kind of character; it is meant for
//! context windows, reservations and prices before the answer, and errs on the high side. What a backend counts
//! replaces it afterwards.
//!
//! Never here: prices.

use crate::lexicon::Cue;
use crate::scan::Reading;
use decide::Task;
use wire::{Ask, Content, Format, Media, Part};

/// Bytes of text that are looked at in one request; the rest is taken to be alike.
const SAMPLE: usize = 32 * 1024;
/// Bytes looked at in one piece of text: this many evenly spaced slices …
const SLICES: usize = 8;
/// … of this many bytes.
const SLICE: usize = 512;
/// Tokens of one image, near what vendors charge for a picture of about a megapixel.
const IMAGE: u64 = 1000;
/// Tokens around each message and each tool definition (role marks, separators).
const FRAME: u64 = 4;
/// Base64 characters of audio per token (speech as MP3 of 128 kbit/s at ten tokens a second).
const AUDIO_BYTES: u64 = 2000;
/// Bytes per token of a document whose content cannot be read here (mostly base64 of a PDF).
const OTHER_BYTES: u64 = 16;

/// Estimated prompt tokens of the whole request: messages, calls, tool definitions, schema.
pub(crate) fn input(ask: &Ask) -> u32 {
    let mut meter = Meter { tokens: 0, left: SAMPLE, seen: 0, sixtieths: 0 };
    for message in &ask.messages {
        meter.tokens += FRAME;
        meter.content(&message.content);
        for call in &message.tool_calls {
            meter.json(call.name.len() + call.arguments.len());
        }
        meter.json(message.reasoning.as_ref().map_or(0, |r| r.0.len()));
    }
    for tool in &ask.tools {
        let raw = tool.raw.as_ref().map_or(0, |r| r.get().len());
        let parameters = tool.parameters.as_ref().map_or(0, |p| p.get().len());
        let description = tool.description.as_ref().map_or(0, String::len);
        meter.tokens += FRAME;
        meter.json(tool.name.len() + description + parameters + raw);
    }
    if let Some(Format::JsonSchema { schema: Some(schema), .. }) = &ask.format {
        meter.json(schema.get().len());
    }
    meter.text(ask.suffix.as_deref().unwrap_or_default());
    clamp(meter.tokens)
}

/// Estimated tokens of texts for an encoder: each text, or each document together with its query.
pub(crate) fn encoded(ask: &Ask) -> u32 {
    let encode = ask.encode.as_deref();
    let ids: usize = encode.map_or(0, |e| e.tokens.iter().map(Vec::len).sum());
    let mut query = Meter { tokens: 0, left: SAMPLE, seen: 0, sixtieths: 0 };
    query.text(encode.map_or("", |e| e.query.as_str()));
    let each = query.tokens.saturating_mul(ask.messages.len() as u64);
    clamp(u64::from(input(ask)).saturating_add(each).saturating_add(ids as u64))
}

struct Meter {
    tokens: u64,
    /// Bytes that may still be looked at.
    left: usize,
    /// Bytes looked at so far, and what they weighed: unread text is taken to be alike.
    seen: u64,
    sixtieths: u64,
}

impl Meter {
    fn content(&mut self, content: &Content) {
        content.texts().for_each(|text| self.text(text));
        let Content::Parts(parts) = content else { return };
        for part in parts {
            self.tokens += match part {
                Part::Text { .. } => 0,
                Part::Image { media: Media::Url(_) | Media::Base64 { .. }, .. } => IMAGE,
                Part::Audio { data, .. } => 1 + data.len() as u64 / AUDIO_BYTES,
                Part::Other { raw, .. } => 1 + raw.get().len() as u64 / OTHER_BYTES,
            };
        }
    }

    /// JSON and identifiers: mostly ASCII, more tokens than prose.
    fn json(&mut self, bytes: usize) {
        self.tokens += (bytes as u64 * 2).div_ceil(7);
    }

    /// Text, looked at within the bound; what is not looked at is taken to be like the rest of it.
    fn text(&mut self, text: &str) {
        let bytes = text.as_bytes();
        let (mut seen, mut sixtieths) = (0usize, 0u64);
        if bytes.len() <= (SLICES * SLICE).min(self.left) {
            (seen, sixtieths) = (bytes.len(), weigh(bytes));
        } else {
            let (stride, length) = (bytes.len() / SLICES, SLICE.min(self.left / SLICES));
            for from in (0..SLICES).map(|slice| slice * stride) {
                let slice = &bytes[from..from + length.min(stride)];
                seen += slice.len();
                sixtieths += weigh(slice);
            }
        }
        self.left -= seen.min(self.left);
        self.seen += seen as u64;
        self.sixtieths += sixtieths;
        let (seen, sixtieths) = if seen > 0 { (seen as u64, sixtieths) } else { (self.seen, self.sixtieths) };
        let whole = bytes.len() as u128 * u128::from(sixtieths);
        self.tokens += whole.div_ceil(u128::from(seen.max(1)) * 60) as u64;
    }
}

/// Sixtieths of a token in a piece of text. ASCII letters and spaces: 4 bytes a token. Digits and marks: 2. Characters
/// of two bytes (Cyrillic, Greek, Arabic, accents): 3 bytes a token. Characters of three bytes (Chinese, Japanese,
/// Korean, Indic scripts): one token each. Characters of four bytes (emoji): two tokens each.
fn weigh(bytes: &[u8]) -> u64 {
    bytes.iter().map(|byte| u64::from(WEIGHTS[*byte as usize])).sum()
}

static WEIGHTS: [u8; 256] = weights();

const fn weights() -> [u8; 256] {
    let mut table = [15u8; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = match byte as u8 {
            b'a'..=b'z' | b'A'..=b'Z' | b' ' => 15,
            0x00..=0x7f => 30,
            // A continuation byte costs 20; the lead byte pays what is missing.
            0x80..=0xbf => 20,
            0xc0..=0xdf => 20,
            0xe0..=0xef => 20,
            0xf0..=0xff => 60,
        };
        byte += 1;
    }
    table
}

/// Completion tokens: what the caller allows, else what such a task usually takes, for one choice.
pub(crate) fn output(ask: &Ask, task: Task, reading: &Reading) -> u32 {
    if let Some(asked) = ask.max_tokens {
        return clamp(asked);
    }
    let text = clamp(reading.bytes as u64 / 4);
    let usual = match task {
        Task::Classify => 10,
        Task::Chat => 100,
        Task::Extract => 100,
        Task::Summarize => 200,
        Task::Transform => text.clamp(32, 4000),
        Task::Answer => 200,
        Task::Write if reading.count(Cue::Long) > 0 => 2000,
        Task::Write if reading.count(Cue::Short) > 0 => 60,
        Task::Write => 500,
        Task::Code => 600,
        Task::Math => 500,
        Task::Reason => 800,
        Task::Tool | Task::Agent => 120,
        Task::ExplainCode => 350,
        Task::Boilerplate => 300,
        Task::Grounded => 120,
        Task::Search => 60,
    };
    let usual = if reading.count(Cue::Brief) > 0 { usual.min(60) } else { usual };
    usual.saturating_add(thinking(ask))
}

/// Tokens of thinking that the caller asks for.
fn thinking(ask: &Ask) -> u32 {
    let Some(reasoning) = &ask.reasoning else { return 0 };
    if reasoning.enabled == Some(false) {
        return 0;
    }
    if let Some(budget) = reasoning.budget_tokens {
        return clamp(budget);
    }
    match reasoning.effort.as_deref() {
        Some("none" | "minimal") => 0,
        Some("low") => 500,
        Some("high" | "xhigh" | "max") => 4000,
        Some(_) => 1500,
        None if reasoning.enabled == Some(true) => 1500,
        None => 0,
    }
}

fn clamp(tokens: u64) -> u32 {
    u32::try_from(tokens).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::scan::scan;
    use wire::{Endpoint, Message, Role, Tool};

    fn ask(text: &str) -> Ask {
        let mut ask = Ask::new(Endpoint::Chat);
        ask.messages.push(Message::text(Role::User, text));
        ask
    }

    #[test]
    fn scripts_have_their_own_rate() {
        let of = |text: &str| i64::from(input(&ask(text))) - FRAME as i64;
        assert_eq!(of(&"word ".repeat(80)), 100);
        assert_eq!(of(&"中".repeat(100)), 100);
        assert_eq!(of(&"д".repeat(150)), 100);
        assert_eq!(of(&"😀".repeat(50)), 100);
        assert_eq!(of(&"12345678".repeat(25)), 100);
        assert_eq!(of(""), 0);
    }

    #[test]
    fn a_long_text_is_sampled_and_the_sample_carries_over() {
        let whole = input(&ask(&"中文字".repeat(1_000_000)));
        assert!((2_900_000..=3_100_000).contains(&whole), "{whole}");
        let mut many = ask("");
        many.messages = (0..10_000).map(|_| Message::text(Role::User, "中文".repeat(10))).collect();
        let tokens = input(&many);
        assert!((200_000..=280_000).contains(&tokens), "{tokens}");
    }

    #[test]
    fn tools_images_and_calls_count() {
        let base = input(&ask("Hi"));
        let mut with = ask("Hi");
        with.tools.push(Tool {
            name: "weather".into(),
            description: Some("Tells the weather of a city.".into()),
            parameters: None,
            strict: None,
            raw: None,
            extra: Vec::new(),
        });
        assert!(input(&with) > base + 8);
        let image = Part::Image { media: Media::Url("x".into()), detail: None, extra: Vec::new() };
        with.messages[0].content = Content::Parts(vec![image.clone(), image]);
        assert!(input(&with) > base + 2000);
    }

    #[test]
    fn output_is_what_is_allowed_else_what_the_task_takes() {
        let reading = scan("Write a novel.");
        let mut asked = ask("Write a novel.");
        assert_eq!(output(&asked, Task::Write, &reading), 2000);
        asked.reasoning = Some(wire::Reasoning { effort: Some("high".into()), ..Default::default() });
        assert_eq!(output(&asked, Task::Write, &reading), 6000);
        asked.max_tokens = Some(u64::MAX);
        assert_eq!(output(&asked, Task::Write, &reading), u32::MAX);
        asked.max_tokens = Some(7);
        assert_eq!(output(&asked, Task::Write, &reading), 7);
    }
}
