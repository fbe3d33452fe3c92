//! What the fuzz targets check of this room's readers: headers of model files, and the frames between gateway and worker.
//!
//! Never here: anything that is shipped; the feature `fuzz` is for `fuzz/` only.

use crate::protocol::{self, CacheType, FromWorker, ToWorker};
use crate::source::Facts;
use crate::{gguf, inspect};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use std::io::Cursor;

/// Reads bytes as a model file's header and computes what is computed from one; what is accepted lies within the file.
///
/// # Panics
/// When it does not, or the same bytes are read differently twice.
#[doc(hidden)]
pub fn check_header(bytes: &[u8]) {
    let read = |bytes: &[u8]| gguf::read(Cursor::new(bytes));
    let header = match read(bytes) {
        Ok(header) => header,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    assert_eq!(header.file_len, bytes.len() as u64);
    for tensor in &header.tensors {
        assert!(tensor.bytes <= header.file_len, "{tensor:?} is larger than its file");
    }
    let weights = header.tensors.iter().map(|t| u128::from(t.bytes)).sum::<u128>();
    assert!(weights <= u128::from(header.file_len), "tensors share bytes: {weights} of {}", header.file_len);
    let facts = Facts::new(&header);
    if let Ok(context) = facts.context(None) {
        for cache in [CacheType::F16, CacheType::Q8_0, CacheType::Q4_0] {
            let least = facts.fit.cache(0, cache);
            assert!(facts.fit.cache(context, cache) >= least && facts.fit.cache(u32::MAX, cache) >= least);
        }
        assert!(facts.fit.compute(u32::MAX, u32::MAX) >= facts.fit.compute(1, 1));
    }
    let shown = inspect::facts(&header);
    assert!(shown.memory_bytes(u64::MAX, u64::MAX) >= shown.memory_bytes(0, 0));
    let _ = shown.context_within(0, u64::MAX);
    // A header with a number that is none (NaN) differs from itself.
    let again = read(bytes).ok();
    let odd = again.is_some() && format!("{header:?}").contains("NaN");
    assert!(odd || again.as_ref() == Some(&header), "{again:?} was {header:?}");
}

/// Reads bytes as a series of frames in both directions, as far as they go. What is read is written and reads the same.
///
/// # Panics
/// When it does not.
#[doc(hidden)]
pub fn check_frames(bytes: &[u8]) {
    check_all::<ToWorker>(bytes);
    check_all::<FromWorker>(bytes);
}

fn check_all<T: DeserializeOwned + Serialize + PartialEq + Debug>(bytes: &[u8]) {
    let mut from = Cursor::new(bytes);
    while let Ok(Some(message)) = protocol::read::<T>(&mut from) {
        let frame = match protocol::encode(&message) {
            Ok(frame) => frame,
            // A message that grows past the limit when written is refused before it is sent.
            Err(error) => return assert!(bytes.len() > protocol::FRAME_MAX / 8, "{error}: {message:?}"),
        };
        let again = protocol::read::<T>(&mut Cursor::new(&frame));
        assert!(matches!(&again, Ok(Some(again)) if *again == message), "{again:?} was {message:?}");
    }
}
