//! Identifiers of Germany, Austria, Switzerland, the United Kingdom and Ireland, from their public specifications.
//!
//! Never here: anything but rows and the checks they name.

use super::america::any;
use super::check::{alnum, date, ddmmyy, digit, icao, mod_11_10, number, same, weighted};
use super::rec::{Grade, Rec};
use decide::DataClass::{Internal, Personal, Sensitive};

const DRIVER: &[&str] = &["führerschein", "fuehrerschein", "fahrerlaubnis", "driver", "driving", "licence", "license"];
const PASS: &[&str] = &["passport", "reisepass", "pass-nr", "passnummer", "travel document", "passeport"];

#[rustfmt::skip]
pub(super) const ALL: &[Rec] = &[
    Rec { kind: "DE_TAX_ID", class: Personal, shapes: &["99999999999"], forms: &["2_3_3_3"], seps: " ", check: de_tax_id,
        scores: [45, 55, 95], words: &["steuer", "idnr", "tin", "tax id", "tax identification"] },
    // No check digit that holds for all states.
    Rec { kind: "DE_TAX_NUMBER", class: Personal, shapes: &["9999999999", "99999999999", "999999999"], forms: &["2/3/5",
        "3/3/5", "3/4/4", "3/3/4", "2/3/4"], seps: "", check: any, scores: [0, 45, 85], words: &["steuer", "st.-nr", "stnr",
        "st-nr", "finanzamt", "tax number"] },
    Rec { kind: "DE_TAX_NUMBER", class: Personal, shapes: &["9999999999999"], forms: &[], seps: "", check: elster,
        scores: [20, 20, 85], words: &["steuer", "st.-nr", "stnr", "st-nr", "finanzamt", "elster", "tax number"] },
    Rec { kind: "DE_VAT_ID", class: Internal, shapes: &["AA999999999"], forms: &["2_9", "2_3_3_3"], seps: " -.",
        check: de_vat, scores: [80, 80, 95], words: &["ust", "umsatzsteuer", "vat"] },
    Rec { kind: "DE_PASSPORT", class: Personal, shapes: &["AXXXXXXX9"], forms: &[], seps: "", check: de_document,
        scores: [40, 40, 95], words: PASS },
    Rec { kind: "DE_ID_CARD", class: Personal, shapes: &["AXXXXXXX9", "AXXXXXXXX9"], forms: &[], seps: "",
        check: de_document, scores: [40, 40, 95], words: &["personalausweis", "ausweis", "identity card", "id card",
        "id-card"] },
    Rec { kind: "DE_FUEHRERSCHEIN", class: Personal, shapes: &["AA99999999X"], forms: &[], seps: "", check: any, scores: [30,
        30, 85], words: DRIVER },
    Rec { kind: "DE_SOCIAL_SECURITY", class: Personal, shapes: &["99999999A999"], forms: &["2_6_1_3"], seps: " ",
        check: de_pension, scores: [80, 80, 95], words: &["rentenversicherung", "sozialversicherung", "rvnr", "svnr",
        "versicherungsnummer"] },
    Rec { kind: "DE_HEALTH_INSURANCE", class: Sensitive, shapes: &["A999999999"], forms: &[], seps: "", check: de_health,
        scores: [45, 45, 95], words: &["krankenversicher", "krankenkasse", "kvnr", "versichertennummer", "gesundheitskarte",
        "egk"] },
    Rec { kind: "DE_LANR", class: Personal, shapes: &["999999999"], forms: &[], seps: "", check: de_lanr, scores: [20, 20,
        90], words: &["lanr", "arztnummer", "arztnr", "vertragsarzt"] },
    Rec { kind: "DE_KFZ", class: Personal, shapes: &["AA99", "AA999", "AA9999", "AAA9", "AAA99", "AAA999", "AAA9999",
        "AAAA9", "AAAA99", "AAAA999", "AAAA9999", "AAAAA9", "AAAAA99", "AAAAA999", "AA999A", "AA9999A", "AAA999A",
        "AAA9999A", "AAAA999A", "AAAA9999A", "AAAAA999A", "AAAAA9999A"], forms: &["1_1_2", "1_1_3", "1_1_4", "1_2_2",
        "1_2_3", "1_2_4", "2_1_1", "2_1_2", "2_1_3", "2_1_4", "2_2_1", "2_2_2", "2_2_3", "2_2_4", "3_1_1", "3_1_2", "3_1_3",
        "3_1_4", "3_2_1", "3_2_2", "3_2_3", "3_2_4", "3_2_5", "3_1_5", "2_2_5", "2_1_5", "1_2_5", "1_1_5", "1-2 1", "1-2 2",
        "1-2 3", "1-2 4", "1-1 2", "1-1 3", "1-1 4", "2-1 2", "2-1 3", "2-1 4", "2-2 1", "2-2 2", "2-2 3", "2-2 4", "3-1 1",
        "3-1 2", "3-1 3", "3-1 4", "3-2 1", "3-2 2", "3-2 3"], seps: " -", check: weak, scores: [0, 20, 80],
        words: &["kennzeichen", "kfz", "nummernschild", "fahrzeug", "license plate", "number plate", "licence plate"] },
    Rec { kind: "DE_HANDELSREGISTER", class: Internal, shapes: &["AAA99", "AAA999", "AAA9999", "AAA99999", "AAA999999",
        "AAA9999A", "AAA99999A", "AAA999999A"], forms: &["3_2", "3_3", "3_4", "3_5", "3_6", "3_4_1", "3_5_1", "3_6_1"],
        seps: " -", check: de_register, scores: [80, 80, 95], words: &["handelsregister", "amtsgericht", "registergericht"] },
    Rec { kind: "DE_PLZ", class: Internal, shapes: &["99999"], forms: &[], seps: "", check: plz, scores: [0, 0, 80],
        words: &["plz", "postleitzahl"] },
    Rec { kind: "AT_SVNR", class: Personal, shapes: &["9999999999"], forms: &["4_6"], seps: " -", check: at_svnr, scores: [0,
        55, 95], words: &["sozialversicherung", "svnr", "sv-nr", "versicherungsnummer"] },
    Rec { kind: "CH_AHV", class: Personal, shapes: &["9999999999999"], forms: &["3.4.4.2", "3_4_4_2"], seps: " -",
        check: ch_ahv, scores: [70, 90, 95], words: &["ahv", "avs", "oasi"] },
    Rec { kind: "UK_NHS", class: Sensitive, shapes: &["9999999999"], forms: &["3_3_4"], seps: "- ", check: nhs, scores: [25,
        40, 95], words: &["nhs", "national health"] },
    Rec { kind: "UK_NINO", class: Personal, shapes: &["AA999999A"], forms: &["2_2_2_2_1", "2_6_1", "8_1"], seps: "- ",
        check: nino, scores: [75, 85, 95], words: &["nino", "national insurance", "ni number", "ni no"] },
    Rec { kind: "UK_PASSPORT", class: Personal, shapes: &["AA9999999"], forms: &[], seps: "", check: any, scores: [15, 15,
        85], words: PASS },
    Rec { kind: "UK_DRIVING_LICENCE", class: Personal, shapes: &["AAAAA999999AXXAA", "AAAA9999999AXXAA", "AAA99999999AXXAA",
        "AA999999999AXXAA", "A9999999999AXXAA"], forms: &[], seps: "", check: uk_licence, scores: [85, 85, 95],
        words: DRIVER },
    Rec { kind: "UK_VEHICLE_REGISTRATION", class: Personal, shapes: &["AA99AAA", "A9AAA", "A99AAA", "A999AAA", "AAA9A",
        "AAA99A", "AAA999A"], forms: &["4_3", "2_3", "3_3", "3_2", "3_4"], seps: " ", check: uk_plate, scores: [20, 40, 85],
        words: &["registration", "number plate", "licence plate", "license plate", "reg", "vehicle", "dvla", "vrn"] },
    Rec { kind: "UK_POSTCODE", class: Personal, shapes: &["A99AA", "A999AA", "AA99AA", "AA999AA", "A9A9AA", "AA9A9AA"],
        forms: &["2_3", "3_3", "4_3"], seps: " ", check: postcode, scores: [20, 55, 85], words: &["postcode", "post code",
        "postal code", "address"] },
    Rec { kind: "IE_PPS", class: Personal, shapes: &["9999999A", "9999999AA"], forms: &[], seps: "", check: ie_pps,
        scores: [0, 0, 90], words: &["pps", "ppsn", "personal public service"] },
];

/// Nothing can be checked.
fn weak(_: &[u8]) -> Grade {
    Grade::Weak
}

/// MOD 11,10; of the first ten digits exactly one stands two or three times (BZSt). Some test numbers break the second rule.
fn de_tax_id(b: &[u8]) -> Grade {
    if b[0] == b'0' || same(b) || !mod_11_10(b) {
        return Grade::No;
    }
    let mut counts = [0; 10];
    b[..10].iter().for_each(|&c| counts[digit(c) as usize] += 1);
    let (twice, more) = (counts.iter().filter(|n| matches!(n, 2 | 3)).count(), counts.iter().any(|n| *n > 3));
    if twice == 1 && !more { Grade::Good } else { Grade::Weak }
}

/// Thirteen digits of the unified form, for any state: Bavaria's and others' begin with 1 to 4 or 9, never alike throughout.
fn elster(b: &[u8]) -> Grade {
    if same(b) || !matches!(number(&b[..2]), 9..=12 | 21..=32 | 40..=41 | 51..=56) { Grade::No } else { Grade::Weak }
}

/// 01001 to 99998.
fn plz(b: &[u8]) -> Grade {
    matches!(number(b), 1001..=99998).into()
}

fn de_vat(b: &[u8]) -> Grade {
    (b.starts_with(b"DE") && b[2] != b'0' && mod_11_10(&b[2..])).into()
}

/// Nine characters with ICAO's check digit as the last, or ten (identity card with check digit apart).
fn de_document(b: &[u8]) -> Grade {
    let letters = |c: &u8| !c.is_ascii_alphabetic() || b"CFGHJKLMNPRTVWXYZ".contains(c);
    (b.iter().all(letters) && icao(b)).into()
}

/// Area, day (50 more for a second person of that day), month, year, letter, serial; weights over sums of digits.
fn de_pension(b: &[u8]) -> Grade {
    let day = number(&b[2..4]) as u32;
    let (day, month, year) = (if day > 50 { day - 50 } else { day }, number(&b[4..6]) as u32, number(&b[6..8]) as u32);
    if !(date(1900 + year, month, day) || date(2000 + year, month, day)) {
        return Grade::No;
    }
    let letter = alnum(b[8]) - 9;
    let digits = b[..8].iter().map(|&c| digit(c)).chain([letter / 10, letter % 10, digit(b[9]), digit(b[10])]);
    let sum: u32 = digits.zip([2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1]).map(|(d, w)| d * w / 10 + d * w % 10).sum();
    (sum % 10 == digit(b[11])).into()
}

/// The letter as two digits, then alternating weights 1 and 2 over sums of digits (§ 290 SGB V).
fn de_health(b: &[u8]) -> Grade {
    let letter = alnum(b[0]) - 9;
    let digits = [letter / 10, letter % 10].into_iter().chain(b[1..9].iter().map(|&c| digit(c)));
    let sum: u32 = digits.zip([1, 2].into_iter().cycle()).map(|(d, w)| d * w / 10 + d * w % 10).sum();
    (sum % 10 == digit(b[9])).into()
}

/// Weights 4 and 9 over six digits; then the check digit and two digits of the field.
fn de_lanr(b: &[u8]) -> Grade {
    let sum = weighted(b, &[4, 9, 4, 9, 4, 9]);
    ((10 - sum % 10) % 10 == digit(b[6]) && !same(&b[..7])).into()
}

fn de_register(b: &[u8]) -> Grade {
    (b.starts_with(b"HRA") || b.starts_with(b"HRB")).into()
}

/// Serial, check digit (fourth), date of birth.
fn at_svnr(b: &[u8]) -> Grade {
    let sum = weighted(b, &[3, 7, 9, 0, 5, 8, 4, 2, 1, 6]);
    (b[0] != b'0' && ddmmyy(&b[4..]) && sum % 11 == digit(b[3])).into()
}

/// 756 and the check digit of EAN-13.
fn ch_ahv(b: &[u8]) -> Grade {
    (b.starts_with(b"756") && ean13(b)).into()
}

/// The check digit of EAN-13: weights 1 and 3.
pub(super) fn ean13(b: &[u8]) -> bool {
    b.len() == 13 && weighted(b, &[1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1]).is_multiple_of(10)
}

fn nhs(b: &[u8]) -> Grade {
    let sum = weighted(b, &[10, 9, 8, 7, 6, 5, 4, 3, 2]);
    (!same(b) && (11 - sum % 11) % 11 == digit(b[9]) && sum % 11 != 1).into()
}

/// Prefixes that HMRC does not give out; the suffix is A to D.
fn nino(b: &[u8]) -> Grade {
    let prefix = !b"DFIQUV".contains(&b[0]) && !b"DFIOQUV".contains(&b[1]);
    let never = [b"BG", b"GB", b"NK", b"KN", b"TN", b"NT", b"ZZ"].iter().any(|p| b.starts_with(*p));
    (prefix && !never && b"ABCD".contains(&b[8])).into()
}

/// Surname padded with 9, decade, month (50 more for women), day, year, initials.
fn uk_licence(b: &[u8]) -> Grade {
    let month = number(&b[6..8]) as u32;
    let month = if month > 50 { month - 50 } else { month };
    let year = digit(b[5]) * 10 + digit(b[10]);
    let padded = b[..5].iter().skip_while(|c| c.is_ascii_alphabetic()).all(|c| *c == b'9');
    let initials = b[11].is_ascii_alphabetic() && (b[12].is_ascii_alphabetic() || b[12] == b'9');
    let day = number(&b[8..10]) as u32;
    (padded && initials && (date(1900 + year, month, day) || date(2000 + year, month, day))).into()
}

/// Since 2001 `AB51 ABC` with the half-year; before that a letter of the year before or behind.
fn uk_plate(b: &[u8]) -> Grade {
    if b.len() == 7
        && b[1].is_ascii_alphabetic()
        && b[3].is_ascii_digit()
        && b[6].is_ascii_alphabetic()
        && b[4].is_ascii_alphabetic()
    {
        let age = matches!(number(&b[2..4]), 2..=29 | 51..=79);
        return (age && !b[..2].iter().any(|c| b"IQZ".contains(c)) && !b[4..].iter().any(|c| b"IQ".contains(c))).into();
    }
    let year = if b[1].is_ascii_digit() { b[0] } else { b[b.len() - 1] };
    (!b"IOQUZ".contains(&year) && !b.iter().any(|c| b"IQ".contains(c)) && b.len() >= 6).into()
}

/// The 124 areas of Royal Mail, with those of the Channel Islands and Man.
const AREAS: &str = " AB AL B BA BB BD BH BL BN BR BS BT CA CB CF CH CM CO CR CT CV CW DA DD DE DG DH DL DN DT DY E EC EH EN EX FK FY G GL \
    GU GY HA HD HG HP HR HS HU HX IG IM IP IV JE KA KT KW KY L LA LD LE LL LN LS LU M ME MK ML N NE NG NN NP NR NW OL OX PA PE PH PL \
    PO PR RG RH RM S SA SE SG SK SL SM SN SO SP SR SS ST SW SY TA TD TF TN TQ TR TS TW UB W WA WC WD WF WN WR WS WV YO ZE ";

fn postcode(b: &[u8]) -> Grade {
    let letters = b.iter().take_while(|c| c.is_ascii_alphabetic()).count();
    let area = std::str::from_utf8(&b[..letters]).unwrap_or_default();
    let known = AREAS.match_indices(area).any(|(i, m)| {
        AREAS.as_bytes().get(i.wrapping_sub(1)) == Some(&b' ') && AREAS.as_bytes().get(i + m.len()) == Some(&b' ')
    });
    let inward = &b[b.len() - 3..];
    (known && inward[0].is_ascii_digit() && !inward[1..].iter().any(|c| b"CIKMOV".contains(c))).into()
}

/// Weights 8 to 2, a second letter counts nine times.
fn ie_pps(b: &[u8]) -> Grade {
    let second = b.get(8).map_or(0, |&c| if c == b'W' { 0 } else { (alnum(c) - 9) * 9 });
    let sum = weighted(&b[..7], &[8, 7, 6, 5, 4, 3, 2]) + second;
    (u32::from(b[7] - b'A') + 1 == if sum.is_multiple_of(23) { 23 } else { sum % 23 }).into()
}
