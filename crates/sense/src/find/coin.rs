//! Addresses of crypto currencies: Base58Check, Bech32 (BIP 173, 350), and Ethereum's form.
//!
//! Never here: keys and seeds (`secret`).

use ring::digest;

/// Whether a word is an address whose checksum is right (Ethereum: whose form is).
pub(super) fn address(word: &[u8]) -> bool {
    match word {
        [b'0', b'x' | b'X', rest @ ..] => {
            rest.len() == 40 && rest.iter().all(u8::is_ascii_hexdigit) && rest.windows(8).any(|w| w[0] != w[7])
        }
        [b'1' | b'3' | b'L' | b'M' | b'D' | b'X' | b'T' | b't' | b'9' | b'A', ..]
            if (26..=35).contains(&word.len()) =>
        {
            base58(word)
        }
        _ if (14..=90).contains(&word.len()) => bech32(word),
        _ => false,
    }
}

/// 25 bytes of which the last four begin the double SHA-256 of the others.
fn base58(word: &[u8]) -> bool {
    const ALPHABET: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    let mut number = [0_u8; 26];
    for byte in word {
        let Some(value) = ALPHABET.iter().position(|a| a == byte) else { return false };
        let mut carry = value as u32;
        for digit in number.iter_mut().rev() {
            carry += u32::from(*digit) * 58;
            *digit = carry as u8;
            carry >>= 8;
        }
        if carry > 0 {
            return false;
        }
    }
    let payload = &number[1..];
    // Every leading 1 is a zero byte: that the number has 25 bytes follows from the checksum.
    let once = digest::digest(&digest::SHA256, &payload[..21]);
    let twice = digest::digest(&digest::SHA256, once.as_ref());
    number[0] == 0 && twice.as_ref()[..4] == payload[21..]
}

fn bech32(word: &[u8]) -> bool {
    const ALPHABET: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    let Some(one) = word.iter().rposition(|b| *b == b'1') else { return false };
    let (name, data) = (&word[..one], &word[one + 1..]);
    let mixed = word.iter().any(u8::is_ascii_lowercase) && word.iter().any(u8::is_ascii_uppercase);
    if !(2..=10).contains(&name.len()) || data.len() < 6 || mixed || !name.iter().all(u8::is_ascii_alphabetic) {
        return false;
    }
    let mut sum: u32 = 1;
    let mut step = |value: u32| {
        let top = sum >> 25;
        sum = (sum & 0x1ff_ffff) << 5 ^ value;
        for (i, part) in [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3].into_iter().enumerate() {
            if top >> i & 1 == 1 {
                sum ^= part;
            }
        }
    };
    name.iter().for_each(|b| step(u32::from(b.to_ascii_lowercase()) >> 5));
    step(0);
    name.iter().for_each(|b| step(u32::from(b.to_ascii_lowercase()) & 31));
    for byte in data {
        let Some(value) = ALPHABET.iter().position(|a| *a == byte.to_ascii_lowercase()) else { return false };
        step(value as u32);
    }
    matches!(sum, 1 | 0x2bc8_30a3)
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn checksums_decide() {
        // Examples of BIP 173, BIP 350, EIP-55 and the address of the first block.
        for good in [
            "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
            "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4",
            "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
            "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
            "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
        ] {
            assert!(address(good.as_bytes()), "{good}");
            let mut bad = good.as_bytes().to_vec();
            let last = bad.len() - 1;
            bad[last] = if bad[last] == b'z' { b'g' } else { b'z' };
            assert!(!address(&bad), "{good}");
        }
        assert!(!address(b"0x0000000000000000000000000000000000000000"));
    }
}
