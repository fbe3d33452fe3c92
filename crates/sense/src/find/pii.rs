//! Structured personal data: one walk over the text, from mark to mark. A digit begins a chain (`hunt`), `@`, `:` and `.`
//! stand in addresses and names; where there is none of them, there is nothing to look at.
//!
//! Never here: secrets (`secret`); overlaps (`resolve`).

use super::context::Context;
use super::hunt::Hunt;
use super::phone::Plans;
use super::rec::{Rec, Shapes};
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

/// Topics of words that are no identifier's; those of the recognisers follow.
pub(super) mod topic {
    pub(in super::super) const PHONE: usize = 1;
    pub(in super::super) const CARD: usize = 2;
    pub(in super::super) const BIRTH: usize = 3;
    pub(in super::super) const PLACE: usize = 4;
    pub(in super::super) const VERSION: usize = 5;
    pub(in super::super) const OTHER: usize = 6;
    pub(in super::super) const FIRST: usize = 8;
}

const WORDS: [(usize, &[&str]); 7] = [
    (
        super::context::GENERIC,
        &["number", "numbers", "nummer", "numéro", "numero", "número", "номер", "no.", "nr.", "n°"],
    ),
    (
        topic::PHONE,
        &[
            "phone",
            "telephone",
            "telefon",
            "téléphone",
            "telephon",
            "teléfono",
            "telefono",
            "telefoon",
            "tel",
            "tlf",
            "mobile",
            "mobil",
            "móvil",
            "cell",
            "celular",
            "cellulare",
            "handy",
            "portable",
            "gsm",
            "puhelin",
            "fax",
            "desk",
            "landline",
            "festnetz",
            "hotline",
            "helpline",
            "call",
            "calling",
            "dial",
            "ring",
            "sms",
            "text me",
            "texted",
            "message",
            "messages",
            "whatsapp",
            "viber",
            "telegram",
            "signal",
            "voicemail",
            "pager",
            "contact",
            "reach",
            "answering",
            "answer at",
            "rufnummer",
            "anrufen",
            "erreichbar",
            "rückruf",
            "appelez",
            "llame",
            "llamar",
            "chiama",
            "телефон",
            "мобильный",
            "позвон",
            "电话",
            "電話",
            "手机",
            "手機",
            "전화",
            "휴대폰",
            "هاتف",
            "फोन",
            "โทร",
            "טלפון",
            "ext.",
            "switchboard",
        ],
    ),
    (
        topic::CARD,
        &[
            "card",
            "cards",
            "cc",
            "visa",
            "mastercard",
            "maestro",
            "amex",
            "american express",
            "discover",
            "diners",
            "jcb",
            "unionpay",
            "credit",
            "debit",
            "karte",
            "kreditkarte",
            "carte",
            "tarjeta",
            "carta",
            "cartão",
            "kaart",
            "kort",
            "karta",
            "карт",
            "信用卡",
            "カード",
            "pan",
            "atm",
        ],
    ),
    (
        topic::BIRTH,
        &[
            "born",
            "birth",
            "birthday",
            "birthdate",
            "dob",
            "d.o.b",
            "bday",
            "geboren",
            "geb.",
            "geburtsdatum",
            "geburtstag",
            "né le",
            "née le",
            "naissance",
            "nacido",
            "nacida",
            "nacimiento",
            "nato il",
            "nata il",
            "nascita",
            "geboortedatum",
            "geboren",
            "född",
            "født",
            "syntynyt",
            "urodz",
            "nascimento",
            "nascido",
            "narozen",
            "родил",
            "рождения",
            "出生",
            "生年月日",
            "생년월일",
        ],
    ),
    (
        topic::PLACE,
        &[
            "lat",
            "latitude",
            "longitude",
            "lng",
            "coordinate",
            "coordinates",
            "coords",
            "gps",
            "location",
            "located",
            "geo",
            "position",
            "koordinaten",
            "standort",
            "coordonnées",
            "coordenadas",
            "coordinate",
            "координат",
            "坐标",
            "waypoint",
            "geolocation",
            "maps",
        ],
    ),
    (
        topic::VERSION,
        &["version", "release", "firmware", "build", "ver.", "revision", "oid", "snmp", "section", "chapter"],
    ),
    (
        topic::OTHER,
        &[
            "order",
            "invoice",
            "tracking",
            "ticket",
            "isbn",
            "issn",
            "reference",
            "serial",
            "case",
            "account",
            "konto",
            "bestell",
            "rechnung",
            "sku",
            "iban",
            "timestamp",
            "population",
            "price",
            "amount",
            "total",
            "revenue",
            "bytes",
            "pixels",
            "meters",
            "km",
            "points",
            "id",
            "uuid",
            "commit",
            "hash",
        ],
    ),
];

/// Detectors of personal data.
#[derive(Debug)]
pub(super) struct Pii {
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

impl Pii {
    pub(super) fn new(options: &FinderOptions) -> Result<Pii, FinderError> {
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
        Ok(Pii { rec_kinds: shapes.all().map(kind).collect(), shapes, plans, context, named, own_address })
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
    pub(super) fn note_address(&self, out: &mut Vec<Finding>, seen: net::Seen, address: std::net::IpAddr, score: u8) {
        if host::global(address) {
            self.note(out, Named::Ip, seen.start, seen.end, score);
        } else if let Some(kind) = &self.own_address {
            out.push(Finding { start: seen.start, end: seen.end, kind: kind.clone(), score });
        }
    }

    /// Every reading of the text, overlapping and weak ones too, and the words that wrap more text.
    pub(super) fn find(&self, text: &str, out: &mut Vec<Finding>, wrapped: &mut Vec<Wrapped>) {
        let bytes = text.as_bytes();
        let mut hunt = Hunt::new(self, text);
        let (mut at, mut named, mut colons) = (0, 0, 0);
        while let Some(skip) = bytes[at..].iter().position(|b| MARK[usize::from(*b)]) {
            at += skip;
            let next = bytes.get(at + 1).copied().unwrap_or(b' ');
            match bytes[at] {
                b'0'..=b'9' => hunt.digit(at, out, wrapped),
                b'@' => {
                    if let Some(seen) = net::email(text, at) {
                        self.note(out, Named::Email, seen.start, seen.end, 95);
                        named = named.max(seen.end);
                    }
                }
                b':' if next == b'/' && bytes.get(at + 2) == Some(&b'/') && at >= named => {
                    if let Some((seen, password)) = net::url(text, at) {
                        self.note(out, Named::Url, seen.start, seen.end, 95);
                        if let Some(user) = password {
                            self.note(out, Named::Credentials, user.start, user.end, 95);
                        }
                        named = seen.end;
                    }
                }
                b':' if at >= colons && (next.is_ascii_hexdigit() || next == b':') => {
                    let (seen, read) = host::colons(bytes, at, colons);
                    match seen {
                        Some((seen, Some(address))) => self.note_address(out, seen, address, 95),
                        Some((seen, None)) => self.note(out, Named::Mac, seen.start, seen.end, 95),
                        None => {}
                    }
                    colons = read.max(at + 1);
                }
                b'.' if next.is_ascii_alphanumeric() && at > 0 && bytes[at - 1].is_ascii_alphanumeric() => {
                    if at >= named {
                        if let Some(seen) = net::domain(text, at) {
                            self.note(out, Named::Url, seen.start, seen.end, 85);
                            named = seen.end;
                        } else {
                            named = name_end(bytes, at);
                        }
                    }
                    if let Some(seen) = host::dotted(bytes, at) {
                        self.note(out, Named::Mac, seen.start, seen.end, 90);
                    }
                }
                b'-' if bytes.get(at + 3) == Some(&b'-') => {
                    if let Some(seen) = host::hyphens(bytes, at) {
                        self.note(out, Named::Mac, seen.start, seen.end, 95);
                    }
                }
                b'[' | b'(' | b'{' if next.eq_ignore_ascii_case(&b'a') => {
                    if let Some(seen) = net::spelled(text, at) {
                        self.note(out, Named::Email, seen.start, seen.end, 85);
                    }
                }
                _ => {}
            }
            at += 1;
        }
        for dot in memchr::memmem::find_iter(bytes, b" dot ") {
            if let Some(seen) = net::in_words(text, dot) {
                self.note(out, Named::Email, seen.start, seen.end, 75);
            }
        }
    }
}

/// Where the run of labels that the dot at `at` stands in ends: its other dots need no look.
fn name_end(bytes: &[u8], at: usize) -> usize {
    let more =
        bytes[at + 1..].iter().take(255).take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.')).count();
    at + 1 + more
}

static MARK: [bool; 256] = {
    let mut mark = [false; 256];
    let marks = b"0123456789@:.-[({";
    let mut i = 0;
    while i < marks.len() {
        mark[marks[i] as usize] = true;
        i += 1;
    }
    mark
};
