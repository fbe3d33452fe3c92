//! Images over a tiny model and a tiny projector.

use super::*;
use crate::protocol::{Image, Turn};
use crate::worker::vision::Projector;
use base64::Engine as _;
use testkit::tiny::{Family, IMAGE_TOKENS, SEED, projector};

/// An image of stripes, as a PNG.
fn png(seed: u8) -> Arc<str> {
    let pixel = |x: u32, y: u32| image::Rgb([seed.wrapping_mul(x as u8), (y as u8).wrapping_mul(7), seed]);
    let mut bytes = std::io::Cursor::new(Vec::new());
    image::RgbImage::from_fn(40, 24, pixel).write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    base64::engine::general_purpose::STANDARD.encode(bytes.into_inner()).into()
}

fn seeing(change: impl FnOnce(&mut Load)) -> Desk {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: Vec<u8>| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let mut load = Load::new(file("tiny.gguf", Family::Llama.file().bytes(SEED)), 1024, 8, 1);
    load.projector = Some(file("mmproj.gguf", projector().bytes(SEED)));
    change(&mut load);
    let mut desk = desk_over(load);
    let eye = Projector::load(desk.slots.model, &desk.load).unwrap().map(|p| &*Box::leak(Box::new(p)));
    desk.slots.see_with(eye);
    desk
}

fn about(id: u64, text: &str, images: Vec<Arc<str>>) -> Generate {
    let images = images.into_iter().map(|data| Image { at: 4.min(text.len()), data }).collect();
    let turn = Turn { role: "user".into(), content: text.into(), images, ..Turn::default() };
    let input = Input::Chat { messages: vec![turn], tools: Vec::new(), thinking: None };
    Generate { input, ..ask(id, "", 12) }
}

#[test]
fn an_image_counts_and_changes_the_answer_and_the_same_one_gives_the_same() {
    let mut d = seeing(|_| {});
    let (plain, without) = d.one(about(1, "What is this?", vec![]));
    let (a, with) = d.one(about(2, "What is this?", vec![png(3)]));
    let (again, warm) = d.one(about(3, "What is this?", vec![png(3)]));
    let (b, _) = d.one(about(4, "What is this?", vec![png(200)]));
    assert_eq!(a, again);
    assert!(a != b && a != plain, "{plain:?} {a:?} {b:?}");
    assert_eq!(with.prompt as usize - without.prompt as usize, IMAGE_TOKENS, "the same text, cut in two");
    assert!(warm.cached < with.prompt - IMAGE_TOKENS as u32, "nothing from the image on is taken over");
    assert_eq!(d.used(), d.slots.prefixes.kept().map(|s| d.slots.session.cells().len(s)).sum::<usize>());
}

#[test]
fn images_and_texts_are_answered_together_as_alone() {
    let text = |id: u64| prompt(id as u32, 100);
    let mut d = seeing(|_| {});
    let about = |id: u64| Generate { logprobs: Some(2), ..about(id, &text(id), vec![png(id as u8)]) };
    let alone: Vec<String> = (1..=4).map(|id| d.one(about(id)).0).collect();
    // Random weights have near ties, which the other order of sums in a batch of several may turn.
    let clear: Vec<u64> = (1..=4).filter(|id| d.gaps[id] > 0.01).collect();
    assert!(clear.len() >= 2, "{:?}", d.gaps);
    let mut d = seeing(|_| {});
    (11..=14).for_each(|id| d.send(ask(id, &text(id), 60)));
    d.step();
    (1..=4).for_each(|id| d.send(about(id)));
    d.finish((1..=4).chain(11..=14));
    for id in clear {
        assert_eq!(d.texts[&id], alone[id as usize - 1], "{id}");
    }
    assert!((11..=14).all(|id| d.ended[&id].is_ok()));
}
