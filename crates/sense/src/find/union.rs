//! Identifiers of the other countries of Europe, from their public specifications.
//!
//! Never here: anything but rows and the checks they name.

use super::america::any;
use super::check::{date, ddmmyy, digit, luhn, mod_11_10, number, same, weighted, yymmdd};
use super::rec::{Grade, Rec};
use decide::DataClass::{Internal, Personal};

const PASS: &[&str] = &["passport", "pasaporte", "passaporto", "travel document", "documento di viaggio"];
const LICENSE: &[&str] = &["patente", "driver", "driving", "license", "licence"];

#[rustfmt::skip]
pub(super) const ALL: &[Rec] = &[
    Rec { kind: "ES_NIF", class: Personal, shapes: &["99999999A", "9999999A"], forms: &["8_1", "7_1", "2.3.3-1", "2.3.3"],
        seps: "- ", check: nif, scores: [70, 80, 95], words: &["nif", "dni", "identificación", "identificacion"] },
    Rec { kind: "ES_NIE", class: Personal, shapes: &["A9999999A", "A99999999A"], forms: &["8_1", "1_7_1", "9_1"], seps: "- ",
        check: nie, scores: [75, 85, 95], words: &["nie", "extranjero"] },
    Rec { kind: "ES_PASSPORT", class: Personal, shapes: &["AAA999999"], forms: &["3_6"], seps: " ", check: any, scores: [20,
        20, 85], words: PASS },
    Rec { kind: "IT_FISCAL_CODE", class: Personal, shapes: &["AAAAAAXXAXXAXXXA"], forms: &[], seps: "", check: codice,
        scores: [90, 90, 95], words: &["codice fiscale", "cod. fisc", "fiscal code", "c.f."] },
    Rec { kind: "IT_DRIVER_LICENSE", class: Personal, shapes: &["AA9999999A"], forms: &[], seps: "", check: any, scores: [30,
        30, 85], words: LICENSE },
    Rec { kind: "IT_DRIVER_LICENSE", class: Personal, shapes: &["A9XXXXXXXA"], forms: &[], seps: "", check: it_licence,
        scores: [40, 40, 85], words: LICENSE },
    Rec { kind: "IT_IDENTITY_CARD", class: Personal, shapes: &["AA99999AA", "AA9999999", "9999999AA"], forms: &["2_7",
        "7_2"], seps: " ", check: any, scores: [20, 20, 85], words: &["carta d'identità", "carta d'identita", "identità",
        "identity card", "carta identità", "cie"] },
    Rec { kind: "IT_PASSPORT", class: Personal, shapes: &["AA9999999"], forms: &[], seps: "", check: any, scores: [15, 15,
        85], words: PASS },
    Rec { kind: "IT_VAT_CODE", class: Internal, shapes: &["99999999999"], forms: &[], seps: "", check: it_vat, scores: [30,
        30, 95], words: &["partita iva", "p.iva", "p. iva", "piva", "iva"] },
    Rec { kind: "PL_PESEL", class: Personal, shapes: &["99999999999"], forms: &[], seps: "", check: pesel, scores: [45, 45,
        95], words: &["pesel"] },
    Rec { kind: "SE_PERSONNUMMER", class: Personal, shapes: &["9999999999", "999999999999"], forms: &["6_4", "8_4"],
        seps: "-+", check: se_person, scores: [45, 75, 95], words: &["personnummer", "personal identity", "personnr", "pnr",
        "swedish id", "samordningsnummer"] },
    Rec { kind: "SE_ORGANISATIONSNUMMER", class: Internal, shapes: &["9999999999"], forms: &["6-4"], seps: "",
        check: se_organisation, scores: [30, 60, 95], words: &["organisationsnummer", "orgnummer", "org.nr", "orgnr",
        "org nr"] },
    Rec { kind: "FI_PERSONAL_IDENTITY_CODE", class: Personal, shapes: &["999999A999X"], forms: &[], seps: "", check: hetu,
        scores: [80, 80, 95], words: HETU },
    Rec { kind: "FI_PERSONAL_IDENTITY_CODE", class: Personal, shapes: &["999999999X"], forms: &["6_4"], seps: "-+",
        check: hetu, scores: [0, 85, 95], words: HETU },
    Rec { kind: "FR_NIR", class: Personal, shapes: &["999999999999999"], forms: &["1_2_2_2_3_3_2", "13_2"], seps: " ",
        check: nir, scores: [60, 85, 95], words: &["sécurité sociale", "securite sociale", "nir", "insee"] },
    Rec { kind: "NL_BSN", class: Personal, shapes: &["999999999"], forms: &["4.2.3", "3_3_3"], seps: " ", check: bsn,
        scores: [0, 0, 95], words: &["bsn", "burgerservice", "sofi"] },
    Rec { kind: "BE_NRN", class: Personal, shapes: &["99999999999"], forms: &["2.2.2-3.2"], seps: "", check: be, scores: [30,
        85, 95], words: &["rijksregister", "registre national", "insz", "niss", "nrn"] },
    Rec { kind: "DK_CPR", class: Personal, shapes: &["9999999999"], forms: &["6-4"], seps: "", check: cpr, scores: [0, 60,
        95], words: &["cpr", "personnummer"] },
    Rec { kind: "NO_FNR", class: Personal, shapes: &["99999999999"], forms: &["6_5"], seps: " ", check: fnr, scores: [45, 70,
        95], words: &["fødselsnummer", "fodselsnummer", "personnummer", "fnr"] },
    Rec { kind: "PT_NIF", class: Personal, shapes: &["999999999"], forms: &["3_3_3"], seps: " ", check: pt, scores: [0, 0,
        95], words: &["nif", "contribuinte"] },
    Rec { kind: "RO_CNP", class: Personal, shapes: &["9999999999999"], forms: &[], seps: "", check: cnp, scores: [45, 45,
        95], words: &["cnp", "cod numeric"] },
    Rec { kind: "CZ_RODNE_CISLO", class: Personal, shapes: &["9999999999"], forms: &["6/4"], seps: "", check: rc, scores: [0,
        75, 95], words: &["rodné číslo", "rodne cislo", "r.č."] },
    Rec { kind: "GR_AMKA", class: Personal, shapes: &["99999999999"], forms: &[], seps: "", check: amka, scores: [0, 0, 95],
        words: &["amka", "αμκα"] },
    Rec { kind: "BG_EGN", class: Personal, shapes: &["9999999999"], forms: &[], seps: "", check: egn, scores: [0, 0, 95],
        words: &["egn", "егн"] },
    Rec { kind: "HR_OIB", class: Personal, shapes: &["99999999999"], forms: &[], seps: "", check: oib, scores: [0, 0, 95],
        words: &["oib"] },
];

const HETU: &[&str] = &["henkilötunnus", "henkilotunnus", "hetu", "personbeteckning", "personal identity"];

const NIF: &[u8; 23] = b"TRWAGMYFPDXBNJZSQVHLCKE";

fn nif(b: &[u8]) -> Grade {
    let Some((letter, digits)) = b.split_last() else { return Grade::No };
    (NIF[(number(digits) % 23) as usize] == *letter).into()
}

/// X, Y, Z stand for 0, 1, 2.
fn nie(b: &[u8]) -> Grade {
    if !b"XYZ".contains(&b[0]) {
        return Grade::No;
    }
    let digits = &b[1..b.len() - 1];
    let value = number(digits) + u64::from(b[0] - b'X') * 10_u64.pow(digits.len() as u32);
    (NIF[(value % 23) as usize] == b[b.len() - 1]).into()
}

/// Odd places by table, even ones by value, modulo 26; letters L to V may stand for digits (omocodia).
fn codice(b: &[u8]) -> Grade {
    const ODD: [u32; 26] =
        [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23];
    let plain = [6, 7, 9, 10, 12, 13, 14].iter().all(|&i| b[i].is_ascii_digit() || b"LMNPQRSTUV".contains(&b[i]));
    let place = |c: u8| if c.is_ascii_digit() { digit(c) } else { u32::from(c - b'A') };
    let sum: u32 =
        b[..15].iter().enumerate().map(|(i, &c)| if i % 2 == 0 { ODD[place(c) as usize] } else { place(c) }).sum();
    (plain && b"ABCDEHLMPRST".contains(&b[8]) && sum % 26 == u32::from(b[15] - b'A')).into()
}

/// The form since 2013: `U1` and characters without vowels but at the end.
fn it_licence(b: &[u8]) -> Grade {
    (b.starts_with(b"U1") && !b[2..9].iter().any(|c| b"AEIOQ".contains(c))).into()
}

fn it_vat(b: &[u8]) -> Grade {
    (!same(b) && luhn(b)).into()
}

/// Month plus 20, 40, 60, 80 for other centuries; weights 1, 3, 7, 9.
fn pesel(b: &[u8]) -> Grade {
    let (year, month, day) = (number(&b[..2]) as u32, number(&b[2..4]) as u32, number(&b[4..6]) as u32);
    let century = [1900, 2000, 2100, 2200, 1800][(month / 20) as usize];
    let sum = weighted(b, &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3]);
    (date(century + year, month % 20, day) && (10 - sum % 10) % 10 == digit(b[10])).into()
}

/// Ten digits with Luhn, a century before them or not; the day is 60 more in coordination numbers.
fn se_person(b: &[u8]) -> Grade {
    let short = &b[b.len() - 10..];
    let day = number(&short[4..6]) as u32;
    let (year, month, day) =
        (number(&short[..2]) as u32, number(&short[2..4]) as u32, if day > 60 { day - 60 } else { day });
    let known = match b.len() {
        12 => matches!(number(&b[..2]), 18..=20) && date(number(&b[..2]) as u32 * 100 + year, month, day),
        _ => date(1900 + year, month, day) || date(2000 + year, month, day),
    };
    (known && luhn(short)).into()
}

/// Luhn; the third digit is at least 2, so that it is no date.
fn se_organisation(b: &[u8]) -> Grade {
    (b[2] >= b'2' && matches!(b[0], b'1'..=b'3' | b'5'..=b'9') && luhn(b) && !same(b)).into()
}

/// Day of birth, century, serial; the remainder by 31 as a letter.
fn hetu(b: &[u8]) -> Grade {
    // With a letter for the century there are eleven characters, with a sign ten.
    if b.len() == 11 && !b"YXWVUABCDEF".contains(&b[6]) {
        return Grade::No;
    }
    let serial = &b[b.len() - 4..b.len() - 1];
    let rest = (number(&b[..6]) * 1000 + number(serial)) % 31;
    (ddmmyy(b) && number(serial) >= 2 && b"0123456789ABCDEFHJKLMNPRSTUVWXY"[rest as usize] == b[b.len() - 1]).into()
}

/// Sex, year, month, place, serial; 97 less the remainder.
fn nir(b: &[u8]) -> Grade {
    let month = matches!(number(&b[3..5]), 1..=12 | 20..=42 | 50..=99);
    (matches!(b[0], b'1'..=b'4' | b'7' | b'8') && month && 97 - number(&b[..13]) % 97 == number(&b[13..])).into()
}

fn bsn(b: &[u8]) -> Grade {
    let sum = weighted(b, &[9, 8, 7, 6, 5, 4, 3, 2]);
    (!same(b) && sum % 11 == digit(b[8])).into()
}

/// Date of birth, serial; 97 less the remainder, with a 2 in front for those born since 2000.
fn be(b: &[u8]) -> Grade {
    let (stem, check) = (number(&b[..9]), number(&b[9..]));
    (yymmdd(b) && (97 - stem % 97 == check || 97 - (stem + 2_000_000_000) % 97 == check)).into()
}

/// Day of birth and serial; the check by 11 holds for numbers before 2007 only.
fn cpr(b: &[u8]) -> Grade {
    let right = weighted(b, &[4, 3, 2, 7, 6, 5, 4, 3, 2, 1]).is_multiple_of(11);
    if !ddmmyy(b) {
        Grade::No
    } else if right {
        Grade::Good
    } else {
        Grade::Weak
    }
}

fn fnr(b: &[u8]) -> Grade {
    let mut day = b.to_vec();
    if day[0] >= b'4' {
        day[0] -= 4;
    }
    let first = weighted(b, &[3, 7, 6, 1, 8, 9, 4, 5, 2, 1]).is_multiple_of(11);
    (ddmmyy(&day) && first && weighted(b, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1]).is_multiple_of(11)).into()
}

fn pt(b: &[u8]) -> Grade {
    let rest = weighted(b, &[9, 8, 7, 6, 5, 4, 3, 2]) % 11;
    (matches!(b[0], b'1'..=b'3' | b'5'..=b'9') && (if rest < 2 { 0 } else { 11 - rest }) == digit(b[8])).into()
}

fn cnp(b: &[u8]) -> Grade {
    let rest = weighted(b, &[2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9]) % 11;
    (b[0] != b'0' && yymmdd(&b[1..]) && (if rest == 10 { 1 } else { rest }) == digit(b[12])).into()
}

/// Divisible by 11; months plus 50 for women (plus 20 or 70 where a day was used up).
fn rc(b: &[u8]) -> Grade {
    let month = match number(&b[2..4]) as u32 {
        m @ 1..=12 => m,
        m @ (21..=32 | 51..=62 | 71..=82) => m % 10 + if m % 50 % 20 > 10 { 10 } else { 0 },
        _ => return Grade::No,
    };
    (number(b).is_multiple_of(11) && (1..=12).contains(&month) && (1..=31).contains(&number(&b[4..6]))).into()
}

fn amka(b: &[u8]) -> Grade {
    (ddmmyy(b) && luhn(b)).into()
}

fn egn(b: &[u8]) -> Grade {
    let month = number(&b[2..4]) % 20;
    let sum = weighted(b, &[2, 4, 8, 5, 10, 9, 7, 3, 6]);
    ((1..=12).contains(&month) && (1..=31).contains(&number(&b[4..6])) && sum % 11 % 10 == digit(b[9])).into()
}

fn oib(b: &[u8]) -> Grade {
    (mod_11_10(b) && !same(b)).into()
}
