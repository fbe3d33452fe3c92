//! Little-endian numbers at an offset of the mapped file, without a panic past its end.

pub(crate) fn number(from: &[u8], at: usize) -> Option<u64> {
    from.get(at..)?.first_chunk().map(|b| u64::from_le_bytes(*b))
}

pub(crate) fn set_number(to: &mut [u8], at: usize, value: u64) {
    if let Some(place) = to.get_mut(at..).and_then(|rest| rest.first_chunk_mut()) {
        *place = value.to_le_bytes();
    }
}
