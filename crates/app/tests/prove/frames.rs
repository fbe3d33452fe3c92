//! Frames of an Ethernet, and the streams of TCP put together again from them.
//!
//! Never here: sockets, or what the bytes mean.

use std::collections::BTreeMap;
use std::fmt;

/// Bytes of an address and a port, from and to.
type Way = (Vec<u8>, Vec<u8>);

/// A part of a frame that is read as big-endian numbers; what is not there reads as nothing.
fn number(bytes: &[u8], at: usize) -> Option<usize> {
    Some(usize::from(*bytes.get(at)?) << 8 | usize::from(*bytes.get(at + 1)?))
}

/// What a frame carries.
enum Carried<'a> {
    Tcp { from: &'a [u8], to: &'a [u8], segment: &'a [u8] },
    Udp,
    Icmp,
    Arp,
    Other,
}

fn carried(frame: &[u8]) -> Option<Carried<'_>> {
    let packet = frame.get(14..)?;
    let (protocol, from, to, rest) = match number(frame, 12)? {
        0x0800 => {
            let (head, whole) = (usize::from(packet.first()? & 15) * 4, number(packet, 2)?);
            (*packet.get(9)?, packet.get(12..16)?, packet.get(16..20)?, packet.get(head..whole.min(packet.len()))?)
        }
        0x86dd => {
            let whole = 40 + number(packet, 4)?;
            (*packet.get(6)?, packet.get(8..24)?, packet.get(24..40)?, packet.get(40..whole.min(packet.len()))?)
        }
        0x0806 => return Some(Carried::Arp),
        _ => return None,
    };
    Some(match protocol {
        6 => Carried::Tcp { from, to, segment: rest },
        17 => Carried::Udp,
        // Version 6 has its neighbours and its groups in ICMP, the latter behind an option.
        1 | 58 | 0 => Carried::Icmp,
        _ => Carried::Other,
    })
}

/// How many frames of each kind there were.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kinds {
    pub(crate) tcp: usize,
    pub(crate) udp: usize,
    pub(crate) icmp: usize,
    pub(crate) arp: usize,
    pub(crate) other: usize,
}

impl Kinds {
    pub(crate) fn of(frames: &[Vec<u8>]) -> Kinds {
        let mut kinds = Kinds::default();
        for frame in frames {
            *match carried(frame) {
                Some(Carried::Tcp { .. }) => &mut kinds.tcp,
                Some(Carried::Udp) => &mut kinds.udp,
                Some(Carried::Icmp) => &mut kinds.icmp,
                Some(Carried::Arp) => &mut kinds.arp,
                Some(Carried::Other) | None => &mut kinds.other,
            } += 1;
        }
        kinds
    }
}

impl fmt::Display for Kinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Kinds { tcp, udp, icmp, arp, other } = self;
        write!(f, "tcp {tcp}, udp {udp}, icmp {icmp}, arp {arp}, other {other}")
    }
}

/// The bytes that each connection carried, one entry for each direction of each, in their order and without repetitions.
pub(crate) fn streams(frames: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut open: BTreeMap<Way, (u32, Vec<u8>)> = BTreeMap::new();
    let mut over = Vec::new();
    for frame in frames {
        let Some(Carried::Tcp { from, to, segment }) = carried(frame) else { continue };
        let Some(head) = segment.get(..20) else { continue };
        let way = ([from, &head[0..2]].concat(), [to, &head[2..4]].concat());
        let sequence = u32::from_be_bytes([head[4], head[5], head[6], head[7]]);
        let payload = segment.get(usize::from(head[12] >> 4) * 4..).unwrap_or_default();
        let begins = head[13] & 2 != 0;
        // A new connection between the same ports.
        if begins
            && let Some((first, old)) = open.get(&way)
            && *first != sequence.wrapping_add(1)
        {
            over.push(old.clone());
            open.remove(&way);
        }
        let (first, stream) = open.entry(way).or_insert((sequence.wrapping_add(u32::from(begins)), Vec::new()));
        let at = sequence.wrapping_add(u32::from(begins)).wrapping_sub(*first) as usize;
        // A probe of a living connection repeats the byte before the next one; nothing real is this far off.
        if payload.is_empty() || at > 1 << 28 {
            continue;
        }
        if stream.len() < at + payload.len() {
            stream.resize(at + payload.len(), 0);
        }
        stream[at..at + payload.len()].copy_from_slice(payload);
    }
    over.extend(open.into_values().map(|(_, stream)| stream));
    over.retain(|s| !s.is_empty());
    over
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame of TCP over IP version 4 or 6.
    fn frame(six: bool, port: u16, sequence: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
        let mut tcp = Vec::new();
        tcp.extend(port.to_be_bytes());
        tcp.extend(80u16.to_be_bytes());
        tcp.extend(sequence.to_be_bytes());
        tcp.extend([0, 0, 0, 0, 6 << 4, flags, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1]);
        tcp.extend(payload);
        let mut out = vec![2; 12];
        if six {
            out.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
            out.extend((tcp.len() as u16).to_be_bytes());
            out.extend([6, 64]);
            out.extend([7; 32]);
        } else {
            out.extend([0x08, 0x00, 0x45, 0]);
            out.extend((20 + tcp.len() as u16).to_be_bytes());
            out.extend([0, 0, 0, 0, 64, 6, 0, 0]);
            out.extend([7; 8]);
        }
        out.extend(tcp);
        // Ethernet fills short frames up; that is not payload.
        out.resize(out.len().max(60), 0);
        out
    }

    #[test]
    fn a_text_split_over_frames_is_whole_again_in_any_order_and_with_repetitions() {
        for six in [false, true] {
            // The numbers run over their end.
            let start = u32::MAX - 3;
            let text = b"a canary, split";
            let part =
                |from: usize, to: usize| frame(six, 9, start.wrapping_add(1 + from as u32), 0x18, &text[from..to]);
            let frames =
                vec![frame(six, 9, start, 2, b""), part(6, 9), part(0, 4), part(2, 6), part(0, 4), part(9, 15)];
            assert_eq!(streams(&frames), vec![text.to_vec()], "version 6: {six}");
            assert_eq!(Kinds::of(&frames).tcp, 6);
        }
    }

    #[test]
    fn connections_are_kept_apart_and_broken_frames_are_no_panic() {
        let frames = vec![
            frame(false, 9, 0, 2, b""),
            frame(false, 8, 0, 2, b""),
            frame(false, 9, 1, 0x18, b"one"),
            frame(false, 8, 1, 0x18, b"two"),
            frame(false, 9, 7_000, 2, b""),
            frame(false, 9, 7_001, 0x18, b"three"),
        ];
        let mut all = streams(&frames);
        all.sort();
        assert_eq!(all, vec![b"one".to_vec(), b"three".to_vec(), b"two".to_vec()]);
        let whole = frame(true, 9, 1, 0x18, b"payload");
        for cut in 0..whole.len() {
            let _ = (streams(&[whole[..cut].to_vec()]), Kinds::of(&[whole[..cut].to_vec()]));
        }
    }
}
