//! The images of a request: their bytes and where they stand in the text.
//!
//! Never here: decoding them (the worker does, it may crash), the network: a URL is not fetched.

use super::elsewhere;
use crate::protocol::{FRAME_MAX, Image};
use decide::{Cause, Fault};
use wire::{Content, Media, Part};

/// Images of one request at most.
const IMAGES_MAX: usize = 16;
/// Their base64 text at most, bytes, times the choices asked for: each choice takes it to the worker.
const TEXT_MAX: usize = FRAME_MAX - (1 << 20);

/// What a request may still bring.
pub(super) struct Images {
    sees: bool,
    number: usize,
    choices: usize,
    bytes: usize,
}

impl Images {
    /// For a model that does (`sees`) or does not read images, and a request for so many choices.
    pub(super) fn new(sees: bool, choices: Option<u32>) -> Images {
        Images { sees, number: 0, choices: choices.unwrap_or(1).max(1) as usize, bytes: 0 }
    }

    fn take(&mut self, media: &Media, at: usize) -> Result<Image, Fault> {
        let bad = |text: String| Err(Fault::new(Cause::InvalidRequest, text));
        let data = match media {
            Media::Base64 { data, .. } => data,
            Media::Url(_) => {
                return bad("The embedded engine fetches nothing from the network. Send the bytes of the image: \
                            `data:image/png;base64,...`."
                    .into());
            }
        };
        self.number += 1;
        if self.number > IMAGES_MAX {
            return bad(format!("A request may have at most {IMAGES_MAX} images."));
        }
        self.bytes = self.bytes.saturating_add(data.len());
        if self.bytes.saturating_mul(self.choices) > TEXT_MAX {
            let text = format!(
                "The images have {} bytes of base64 for {} choices, and {TEXT_MAX} for all of them is the limit. Send \
                 smaller images, or ask for fewer choices.",
                self.bytes, self.choices
            );
            return bad(text);
        }
        Ok(Image { at, data: data.as_str().into() })
    }
}

/// The text of a message and its images.
///
/// # Errors
/// A part that this model does not read.
pub(super) fn content(index: usize, content: &Content, images: &mut Images) -> Result<(String, Vec<Image>), Fault> {
    let Content::Parts(parts) = content else { return Ok((content.joined(), Vec::new())) };
    let (mut text, mut found) = (String::new(), Vec::new());
    for (at, part) in parts.iter().enumerate() {
        let place = || format!("messages[{index}].content[{at}]");
        match part {
            Part::Text { text: more, .. } => text.push_str(more),
            Part::Image { media, .. } if images.sees => {
                found.push(images.take(media, text.len()).map_err(|f| f.at(place()))?);
            }
            Part::Image { .. } => {
                let text =
                    "This model of the embedded engine reads no images. Give it a projector, or use another model.";
                return Err(elsewhere(Cause::Unsupported, text).at(place()));
            }
            Part::Audio { .. } | Part::Other { .. } => {
                let text = "The embedded engine reads text and images only. Use another model for audio and files.";
                return Err(elsewhere(Cause::Unsupported, text).at(place()));
            }
        }
    }
    Ok((text, found))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn text(text: &str) -> Part {
        Part::Text { text: text.into(), extra: Vec::new() }
    }

    fn image(media: Media) -> Part {
        Part::Image { media, detail: None, extra: Vec::new() }
    }

    fn bytes(n: usize) -> Part {
        image(Media::Base64 { media_type: "image/png".into(), data: "A".repeat(n) })
    }

    fn read(parts: Vec<Part>, sees: bool, n: u32) -> Result<(String, Vec<Image>), Fault> {
        content(0, &Content::Parts(parts), &mut Images::new(sees, Some(n)))
    }

    #[test]
    fn images_keep_their_places() {
        let (text, images) = read(vec![bytes(4), text("\u{e9}"), bytes(8), text("b"), bytes(4)], true, 1).unwrap();
        assert_eq!((text.as_str(), images.iter().map(|i| i.at).collect::<Vec<_>>()), ("\u{e9}b", vec![0, 2, 3]));
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        let fault = read(vec![text("a"), image(Media::Url("https://x.example/i.png".into()))], true, 1).unwrap_err();
        assert_eq!(fault.cause, Cause::InvalidRequest);
        assert!(fault.shown.contains("Send the bytes"), "{fault:?}");
        assert_eq!(fault.param.as_deref(), Some("messages[0].content[1]"));
        let fault = read(vec![bytes(4)], false, 1).unwrap_err();
        assert_eq!((fault.cause, fault.retry), (Cause::Unsupported, decide::Retry::NextPlace));
    }

    #[test]
    fn number_and_bytes_are_bounded() {
        assert!(read((0..16).map(|_| bytes(4)).collect(), true, 1).is_ok());
        assert!(read((0..17).map(|_| bytes(4)).collect(), true, 1).unwrap_err().shown.contains("at most 16"));
        assert!(read(vec![bytes(TEXT_MAX)], true, 1).is_ok());
        assert!(read(vec![bytes(TEXT_MAX), bytes(1)], true, 1).is_err());
        assert!(read(vec![bytes(TEXT_MAX / 2)], true, 2).is_ok());
        assert!(read(vec![bytes(TEXT_MAX / 2 + 1)], true, 2).is_err());
    }
}
