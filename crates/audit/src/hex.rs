//! Bytes as lower-case hexadecimal digits. One form only, so that a changed letter case is a change.

/// The digits.
pub(crate) fn show(bytes: &[u8]) -> String {
    let mut out = Vec::with_capacity(bytes.len() * 2);
    put(bytes, &mut out);
    String::from_utf8(out).unwrap_or_default()
}

/// Appends the digits.
pub(crate) fn put(bytes: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        out.push(DIGITS[usize::from(byte >> 4)]);
        out.push(DIGITS[usize::from(byte & 15)]);
    }
}

/// Reads exactly `N` bytes; `None` for anything but `2 N` lower-case digits.
pub(crate) fn read<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    if text.len() != 2 * N {
        return None;
    }
    let digit = |c: u8| match c {
        b'0'..=b'9' => Some(c - b'0'),
        b'a'..=b'f' => Some(c - b'a' + 10),
        _ => None,
    };
    let mut out = [0; N];
    for (byte, pair) in out.iter_mut().zip(text.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_form_only() {
        assert_eq!(show(&[0, 0xaf, 9]), "00af09");
        assert_eq!(read::<3>(b"00af09"), Some([0, 0xaf, 9]));
        for wrong in ["00AF09", "00af0", "00af0g", "00af0900", ""] {
            assert_eq!(read::<3>(wrong.as_bytes()), None, "{wrong}");
        }
    }
}
