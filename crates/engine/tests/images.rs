//! Images through the whole engine: the projector beside the model, places in the text, what is refused.
#![cfg(feature = "llama")]
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "support/rig.rs"]
mod rig;
#[path = "support/tiny.rs"]
mod tiny;

use base64::Engine as _;
use decide::Cause;
use rig::{Rig, chat, spec, text};
use std::sync::Arc;
use testkit::tiny::{Family, IMAGE_TOKENS, SEED, projector};
use wire::{Ask, Content, Media, Part};

fn base64(bytes: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

fn picture(width: u32, height: u32, shade: u8, format: image::ImageFormat) -> String {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let pixel = |x: u32, y: u32| image::Rgb([shade ^ (x as u8), (y as u8).wrapping_mul(9), shade]);
    image::RgbImage::from_fn(width, height, pixel).write_to(&mut bytes, format).unwrap();
    base64(&bytes.into_inner())
}

fn rig() -> Rig {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tiny.gguf");
    std::fs::write(&path, Family::Llama.file().bytes(SEED)).unwrap();
    std::fs::write(folder.path().join("mmproj-tiny.gguf"), projector().bytes(SEED)).unwrap();
    Rig::over(engine::Engine::start(spec(path)), folder)
}

fn about(data: Vec<String>) -> Ask {
    let mut ask = chat("");
    let said = Part::Text { text: "What is this?".into(), extra: Vec::new() };
    let image = |data| Part::Image {
        media: Media::Base64 { media_type: "image/png".into(), data },
        detail: None,
        extra: Vec::new(),
    };
    ask.messages.last_mut().unwrap().content = Content::Parts(data.into_iter().map(image).chain([said]).collect());
    ask.sampling.temperature = Some(0.0);
    ask.max_tokens = Some(8);
    ask
}

#[tokio::test]
async fn images_are_read_counted_and_told_apart() {
    let rig = rig();
    use image::ImageFormat::{Bmp, Gif, Jpeg, Png, WebP};
    let blind = rig.plain(about(vec![])).await.unwrap();
    let mut said = std::collections::HashSet::from([text(&blind).to_owned()]);
    for (shade, format) in (1u8..).zip([Bmp, Gif, Jpeg, Png, WebP]) {
        let answer = rig.plain(about(vec![picture(50, 30, shade * 45, format)])).await.unwrap();
        let more = answer.usage.unwrap().input - blind.usage.unwrap().input;
        assert!((IMAGE_TOKENS as u64..IMAGE_TOKENS as u64 + 2).contains(&more), "{format:?}: {more}");
        said.insert(text(&answer).to_owned());
    }
    assert!(said.len() >= 4, "{said:?}");
    let count = async |ask| rig.engine.count_tokens(Arc::new(ask)).await.unwrap() as usize;
    let two = || vec![picture(9, 9, 1, Png), picture(9, 9, 2, Png)];
    assert!(count(about(two())).await - count(about(vec![])).await >= 2 * IMAGE_TOKENS);
}

#[tokio::test]
async fn a_marker_that_a_user_types_is_text() {
    let rig = rig();
    for typed in ["<__media__>", "<image>", "\u{10ffff}0\u{10ffff}"] {
        let mut ask = about(vec![picture(9, 9, 1, image::ImageFormat::Png)]);
        let Content::Parts(parts) = &mut ask.messages.last_mut().unwrap().content else { panic!() };
        parts.push(Part::Text { text: typed.into(), extra: Vec::new() });
        rig.plain(ask).await.unwrap_or_else(|e| panic!("{typed:?}: {e:?}"));
    }
}

#[tokio::test]
async fn what_is_no_image_or_too_large_is_refused_and_the_next_request_works() {
    let rig = rig();
    let mut bomb = vec![b'B', b'M'];
    let (mut header, side) = (vec![0u8; 52], 30_000u32.to_le_bytes());
    header[8..12].copy_from_slice(&54u32.to_le_bytes());
    header[12..16].copy_from_slice(&40u32.to_le_bytes());
    header[16..20].copy_from_slice(&side);
    header[20..24].copy_from_slice(&side);
    header[24] = 1;
    header[26] = 24;
    bomb.extend(header);
    let png = picture(40, 40, 3, image::ImageFormat::Png);
    let cases = [
        ("%%%".to_owned(), "not base64"),
        (base64(b"hello, this is no image"), "no known kind"),
        (png[..png.len() / 8 * 4].to_owned(), "cannot be read"),
        (base64(&bomb), "pixels"),
    ];
    for (data, why) in cases {
        let fault = rig.plain(about(vec![data])).await.unwrap_err();
        assert_eq!(fault.cause, Cause::InvalidRequest, "{fault:?}");
        assert!(fault.shown.contains(why), "{why}: {}", fault.shown);
    }
    rig.plain(about(vec![png])).await.unwrap();
}
