//! The demonstration model inside the binary, where the build has one.
//!
//! Never here: running it.

/// Its bytes, a GGUF file.
#[cfg(bundled_model)]
pub(crate) const BUNDLED: Option<&[u8]> = Some(include_bytes!("../../../models/edge/dewpoint-edge.gguf"));
/// This build has none.
#[cfg(not(bundled_model))]
pub(crate) const BUNDLED: Option<&[u8]> = None;
