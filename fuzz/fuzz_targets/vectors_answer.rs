//! Answers with vectors and with scores: what is read is written, and reads the same again.
#![no_main]

use bytes::Bytes;
use wire::{Ask, Encode, Encoding, Endpoint, Message, Role, openai};

libfuzzer_sys::fuzz_target!(|body: &[u8]| {
    let body = Bytes::copy_from_slice(body);
    if let Ok(vectors) = openai::read_vectors(&body) {
        let numbers: Vec<Vec<f32>> = vectors.vectors.iter().map(wire::Vector::numbers).collect();
        for encoding in [Encoding::Float, Encoding::Base64] {
            let written = openai::write_vectors(&vectors, encoding);
            assert!(written.len() <= 64 * body.len() + 4096, "{} bytes from {}", written.len(), body.len());
            let again = openai::read_vectors(&Bytes::from(written)).expect("what we write reads");
            let same: Vec<Vec<f32>> = again.vectors.iter().map(wire::Vector::numbers).collect();
            // Base64 may hold any bits, JSON's numbers only finite ones.
            if encoding == Encoding::Base64 || numbers.iter().flatten().all(|n| n.is_finite()) {
                assert_eq!(bits(&same), bits(&numbers));
            }
        }
    }
    if let Ok(ranking) = openai::read_ranking(&body) {
        let mut ask = Ask::new(Endpoint::Rerank);
        ask.messages = vec![Message::text(Role::User, "first".to_owned()), Message::text(Role::User, "2".to_owned())];
        ask.encode = Some(Box::new(Encode { top_n: Some(3), return_documents: true, ..Encode::default() }));
        let written = openai::write_ranking(&ranking, &ask);
        let again = openai::read_ranking(&Bytes::from(written)).expect("what we write reads");
        assert_eq!(again.results.len(), ranking.results.len().min(3));
        assert!(again.results.is_sorted_by(|a, b| a.score >= b.score), "{:?}", again.results);
    }
});

fn bits(all: &[Vec<f32>]) -> Vec<Vec<u32>> {
    all.iter().map(|numbers| numbers.iter().map(|n| n.to_bits()).collect()).collect()
}
