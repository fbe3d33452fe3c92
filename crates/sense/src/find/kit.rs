//! What the walk over a text needs: the tables of identifiers by shape, the plans of telephone numbers, the words, the kinds.
//!
//! Never here: the walk itself (`pii`, `hunt`).

use super::context::Context;
use super::phone::Plans;
use super::rec::{Rec, Shapes};
use super::words::{WORDS, topic};
use super::{FinderError, FinderOptions, Finding, Kind, america, europe, host, net, union, world};
use decide::DataClass::{self, Internal, Personal, Secret};

/// Kinds that are no rows of a table, with their classes.
pub(super) const NAMED: [(&str, DataClass); 12] = [
    ("EMAIL_ADDRESS", Personal),
    ("PHONE_NUMBER", Personal),
    ("CREDIT_CARD", Personal),
    ("IBAN_CODE", Personal),
    ("IP_ADDRESS", Personal),
    ("MAC_ADDRESS", Personal),
    ("URL", Internal),
    ("URL_WITH_CREDENTIALS", Secret),
    ("CRYPTO", Personal),
    ("DATE_TIME", Internal),
    ("DATE_OF_BIRTH", Personal),
    ("COORDINATES", Personal),
];

/// Places in [`NAMED`].
#[derive(Debug, Clone, Copy)]
pub(super) enum Named {
    Email,
    Phone,
    Card,
    Iban,
    Ip,
    Mac,
    Url,
    Credentials,
    Crypto,
    Date,
    Birth,
    Coordinates,
}

/// What the walk needs.
#[derive(Debug)]
pub(super) struct Kit {
    pub(super) shapes: Shapes,
    /// By recogniser.
    pub(super) rec_kinds: Vec<Kind>,
    pub(super) plans: Plans,
    pub(super) context: Context,
    named: [Option<Kind>; NAMED.len()],
    /// Addresses of nobody (own networks, loopback): the same name, a lower class.
    own_address: Option<Kind>,
}

/// A word of Base64: what stands at this place of the text is to be read too.
#[derive(Debug)]
pub(super) struct Wrapped {
    pub start: usize,
    pub end: usize,
    pub text: String,
}

impl Kit {
    pub(super) fn new(options: &FinderOptions) -> Result<Kit, FinderError> {
        let on = |name: &str| !options.off.iter().any(|off| off == name);
        let rows = || america::ALL.iter().chain(europe::ALL).chain(union::ALL).chain(world::ALL);
        for off in &options.off {
            let personal = off.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
            if personal && !rows().map(|r| r.kind).chain(NAMED.map(|n| n.0)).any(|k| k == off) {
                return Err(FinderError {
                    option: "off".into(),
                    why: format!(
                        "names the kind `{off}`, which is not known: `dewpoint scan` prints the names of what it finds"
                    ),
                });
            }
        }
        let shapes = Shapes::new(rows().filter(|r| on(r.kind)).copied());
        let kind = |r: &Rec| Kind { name: r.kind.into(), class: r.class };
        let mut words: Vec<(usize, &[&str])> = WORDS.to_vec();
        words.extend(shapes.all().enumerate().map(|(i, r)| (topic::FIRST + i, r.words)));
        let context = Context::new(&words).map_err(|e| FinderError {
            option: "detectors".into(),
            why: format!("cannot be built ({e}): this is a bug of Dewpoint"),
        })?;
        let plans = Plans::new(&options.phone_regions).map_err(|region| FinderError {
            option: "phone_regions".into(),
            why: format!("names `{region}`, which is no region with telephone numbers: give codes of ISO 3166-1, such as DE or US"),
        })?;
        let named = NAMED.map(|(name, class)| on(name).then(|| Kind { name: name.into(), class }));
        let own_address = named[Named::Ip as usize].clone().map(|k| Kind { class: Internal, ..k });
        Ok(Kit { rec_kinds: shapes.all().map(kind).collect(), shapes, plans, context, named, own_address })
    }

    /// Notes a finding of a named kind, where it is looked for.
    pub(super) fn note(&self, out: &mut Vec<Finding>, kind: Named, start: usize, end: usize, score: u8) {
        if let Some(kind) = &self.named[kind as usize]
            && score > 0
        {
            out.push(Finding { start, end, kind: kind.clone(), score });
        }
    }

    /// Notes an address of a machine.
    pub(super) fn note_address(&self, out: &mut Vec<Finding>, seen: net::Seen, address: core::net::IpAddr, score: u8) {
        if host::global(address) {
            self.note(out, Named::Ip, seen.start, seen.end, score);
        } else if let Some(kind) = &self.own_address {
            out.push(Finding { start: seen.start, end: seen.end, kind: kind.clone(), score });
        }
    }
}
