//! A permit cannot be written down: its fields are private.
fn main() {
    let _ = decide::Permit { ask_id: 1, place: decide::PlaceId::new("openai"), model: "m".into(), class: decide::DataClass::Public, redact_above: None };
}
