//! Files of images into pixels: PNG, JPEG, GIF (the first picture), BMP and WebP. Sizes are read from the header and
//! bounded before anything is decoded, so that a small file cannot ask for much memory.
//!
//! Never here: models, llama.cpp.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use image::{ImageReader, Limits};
use std::io::Cursor;

/// Pixels of an image at most: 40 megapixels are 120 MB.
pub(crate) const PIXELS_MAX: u64 = 40_000_000;
/// Bytes of a file at most.
pub(crate) const BYTES_MAX: usize = 20 << 20;
/// Memory that decoding may take, bytes.
const MEMORY_MAX: u64 = 512 << 20;

/// Width, height, and rows of red, green, blue.
///
/// # Errors
/// What is wrong with it, for the caller.
pub(crate) fn pixels(base64: &str) -> Result<(u32, u32, Vec<u8>), String> {
    if base64.len() / 4 * 3 > BYTES_MAX + 3 {
        return Err(format!("The image is larger than {BYTES_MAX} bytes. Send a smaller one."));
    }
    let bytes = STANDARD.decode(base64).map_err(|e| format!("The image is not base64: {e}."))?;
    if bytes.len() > BYTES_MAX {
        return Err(format!("The image has {} bytes, and {BYTES_MAX} is the limit. Send a smaller one.", bytes.len()));
    }
    let reader = || ImageReader::new(Cursor::new(&bytes)).with_guessed_format().map_err(|e| e.to_string());
    if reader()?.format().is_none() {
        return Err("The image is of no known kind. Send PNG, JPEG, GIF, BMP or WebP.".into());
    }
    let broken = |e: image::ImageError| format!("The image cannot be read: {e}.");
    let (width, height) = reader()?.into_dimensions().map_err(broken)?;
    if u64::from(width) * u64::from(height) > PIXELS_MAX {
        return Err(format!(
            "The image has {width} x {height} pixels, and {PIXELS_MAX} is the limit. Send a smaller one."
        ));
    }
    let mut reader = reader()?;
    let mut limits = Limits::default();
    limits.max_alloc = Some(MEMORY_MAX);
    reader.limits(limits);
    let rgb = reader.decode().map_err(broken)?.into_rgb8();
    Ok((rgb.width(), rgb.height(), rgb.into_raw()))
}
