//! Identifiers of the Americas, from their public specifications.
//!
//! Never here: anything but rows and the checks they name.

use super::check::{alnum, digit, luhn, luhn_sum, number, same, weighted, yymmdd};
use super::rec::{Grade, Rec};
use decide::DataClass::{Internal, Personal, Sensitive};

#[rustfmt::skip]
pub(super) const ALL: &[Rec] = &[
    Rec { kind: "US_SSN", class: Personal, shapes: &["999999999"], forms: &["3_2_4"], seps: "-. ", check: ssn, scores: [20,
        85, 95], words: &["ssn", "social security", "soc sec", "social sec", "ssns"] },
    // Torn apart by a copy: only beside its word.
    Rec { kind: "US_SSN", class: Personal, shapes: &["999999999"], forms: &["3-6", "5-4"], seps: "", check: ssn, scores: [0,
        20, 85], words: &["ssn", "social security", "soc sec", "social sec", "ssns"] },
    Rec { kind: "US_ITIN", class: Personal, shapes: &["999999999"], forms: &["3_2_4", "3-6", "5-4"], seps: "- ", check: itin,
        scores: [20, 80, 95], words: &["itin", "taxpayer", "tax id", "individual tax"] },
    Rec { kind: "US_NPI", class: Personal, shapes: &["9999999999"], forms: &["4_3_3"], seps: "- ", check: npi, scores: [30,
        40, 90], words: &["npi", "national provider", "provider"] },
    Rec { kind: "US_MBI", class: Sensitive, shapes: &["9AX9AX9AA99"], forms: &["4_3_4"], seps: "- ", check: mbi, scores: [60,
        85, 95], words: &["mbi", "medicare", "beneficiary"] },
    Rec { kind: "US_PASSPORT", class: Personal, shapes: &["A99999999"], forms: &[], seps: "", check: any, scores: [20, 20,
        85], words: &["passport", "travel document"] },
    Rec { kind: "US_PASSPORT", class: Personal, shapes: &["999999999"], forms: &[], seps: "", check: any, scores: [0, 0, 60],
        words: &["passport", "travel document"] },
    Rec { kind: "ABA_ROUTING_NUMBER", class: Internal, shapes: &["999999999"], forms: &["4_4_1"], seps: "-", check: aba,
        scores: [25, 55, 90], words: &["aba", "routing", "rtn", "transit"] },
    // US and other account numbers have no check digits: only beside their words.
    Rec { kind: "US_BANK_NUMBER", class: Personal, shapes: &["99999999", "999999999", "9999999999", "99999999999",
        "999999999999", "9999999999999", "99999999999999", "999999999999999", "9999999999999999", "99999999999999999"],
        forms: &[], seps: "", check: any, scores: [0, 0, 60], words: &["bank account", "account number", "account no",
        "acct", "checking account", "savings account"] },
    Rec { kind: "MEDICAL_LICENSE", class: Personal, shapes: &["AX9999999"], forms: &[], seps: "", check: dea, scores: [55,
        55, 95], words: &["dea", "medical license", "medical certificate", "certificate"] },
    Rec { kind: "US_DRIVER_LICENSE", class: Personal, shapes: &["A99999999", "A999999999", "A9999999999", "A99999999999",
        "A999999999999", "A9999999999999", "A99999999999999", "A9999999", "A999999", "AA999999", "AA9999999", "999999A",
        "99999999A", "9999999A", "AAA999999", "9AAA99999", "99AAA999999", "A999999A", "99999A9999"], forms: &["1_4_4_4",
        "4_3_2_3", "1_3_3_3_3", "3_3_3_3"], seps: "- ", check: any, scores: [20, 20, 80], words: LICENSE },
    Rec { kind: "US_DRIVER_LICENSE", class: Personal, shapes: &["999999", "9999999", "99999999", "999999999", "9999999999",
        "99999999999", "999999999999", "9999999999999", "99999999999999"], forms: &["3_3_3", "3_2_4", "4_2_4", "2_3_4",
        "2_3_3", "3_3_4", "3_3_2", "4_4", "4_3_3", "4_4_4", "3_4_4"], seps: "- ", check: any, scores: [0, 0, 70],
        words: LICENSE },
    Rec { kind: "ZIP_CODE", class: Internal, shapes: &["9999", "99999", "999999", "9999999", "99999999", "999999999",
        "9999AA", "AA9999", "A9A9A9"], forms: &["5-4", "3 2", "4 2", "2 3", "5-3", "2-3", "3-4", "3_3", "2_4"], seps: " -",
        check: zip, scores: [0, 0, 75], words: &["zip", "zipcode", "postal code", "postcode", "post code", "code postal",
        "código postal", "codigo postal", "cap"] },
    Rec { kind: "CA_SIN", class: Personal, shapes: &["999999999"], forms: &["3_3_3"], seps: "- ", check: sin, scores: [20,
        45, 95], words: &["sin", "social insurance", "nas", "assurance sociale"] },
    Rec { kind: "BR_CPF", class: Personal, shapes: &["99999999999"], forms: &["3.3.3-2", "9-2"], seps: "", check: cpf,
        scores: [40, 90, 95], words: &["cpf", "cadastro de pessoa"] },
    Rec { kind: "BR_CNPJ", class: Internal, shapes: &["99999999999999"], forms: &["2.3.3/4-2"], seps: "", check: cnpj,
        scores: [40, 90, 95], words: &["cnpj"] },
    Rec { kind: "MX_CURP", class: Personal, shapes: &["AAAA999999AAAAAAX9"], forms: &[], seps: "", check: curp, scores: [90,
        90, 95], words: &["curp"] },
    Rec { kind: "CL_RUT", class: Personal, shapes: &["99999999X", "9999999X"], forms: &["2.3.3-1", "1.3.3-1", "8-1", "7-1"],
        seps: "", check: rut, scores: [0, 75, 95], words: &["rut", "run"] },
    Rec { kind: "AR_CUIT", class: Personal, shapes: &["99999999999"], forms: &["2-8-1"], seps: "", check: cuit, scores: [0,
        80, 95], words: &["cuit", "cuil"] },
];

const LICENSE: &[&str] =
    &["driver", "driving", "license", "licence", "dl", "dls", "dl#", "lic", "lic#", "cdl", "permit", "identification"];

pub(super) fn any(bytes: &[u8]) -> Grade {
    (!same(bytes)).into()
}

fn zip(_: &[u8]) -> Grade {
    Grade::Good
}

/// Area, group and serial as the Social Security Administration gives them out; three that were printed on samples.
fn ssn(b: &[u8]) -> Grade {
    let (area, group, serial) = (number(&b[..3]), number(&b[3..5]), number(&b[5..]));
    let sample = matches!(b, b"078051120" | b"219099999" | b"123456789");
    (area != 0 && area != 666 && area < 900 && group != 0 && serial != 0 && !same(b) && !sample).into()
}

/// Begins with 9; fourth and fifth digit in the ranges of the IRS.
fn itin(b: &[u8]) -> Grade {
    (b[0] == b'9' && matches!(number(&b[3..5]), 50..=65 | 70..=88 | 90..=92 | 94..=99)).into()
}

/// Luhn with the prefix 80840 (45 CFR 162.406).
fn npi(b: &[u8]) -> Grade {
    (matches!(b[0], b'1' | b'2') && (luhn_sum(b) + 24).is_multiple_of(10) && !same(&b[..9])).into()
}

/// Position 1 is 1 to 9; letters without S, L, O, I, B, Z (CMS).
fn mbi(b: &[u8]) -> Grade {
    (b[0] != b'0' && !b.iter().any(|c| b"SLOIBZ".contains(c))).into()
}

/// Weights 3, 7, 1; first two digits of a Federal Reserve district, thrift, electronic or cheque.
fn aba(b: &[u8]) -> Grade {
    let sum = weighted(b, &[3, 7, 1, 3, 7, 1, 3, 7, 1]);
    (matches!(number(&b[..2]), 1..=12 | 21..=32 | 61..=72 | 80) && sum.is_multiple_of(10)).into()
}

/// First letter of the registrant's type, second the name's first letter or 9; odd digits and twice the even ones.
fn dea(b: &[u8]) -> Grade {
    let d = |i: usize| digit(b[i]);
    let sum = d(2) + d(4) + d(6) + 2 * (d(3) + d(5) + d(7));
    (b"ABCDEFGHJKLMPRSTUX".contains(&b[0]) && (b[1].is_ascii_alphabetic() || b[1] == b'9') && sum % 10 == d(8)).into()
}

fn sin(b: &[u8]) -> Grade {
    (!matches!(b[0], b'0' | b'8') && luhn(b) && !same(b)).into()
}

/// Two check digits, weights 10 to 2 and 11 to 2, modulo 11.
fn cpf(b: &[u8]) -> Grade {
    let check = |n: usize| {
        let sum: u32 = b[..n].iter().enumerate().map(|(i, &c)| digit(c) * (n as u32 + 1 - i as u32)).sum();
        sum * 10 % 11 % 10 == digit(b[n])
    };
    (!same(b) && check(9) && check(10)).into()
}

fn cnpj(b: &[u8]) -> Grade {
    let check = |n: usize| {
        let sum: u32 = b[..n].iter().rev().zip((2..=9).cycle()).map(|(&c, w)| digit(c) * w).sum();
        let rest = sum % 11;
        (if rest < 2 { 0 } else { 11 - rest }) == digit(b[n])
    };
    (!same(b) && check(12) && check(13)).into()
}

/// Date of birth, sex, state, check digit over the alphabet with Ñ after N.
fn curp(b: &[u8]) -> Grade {
    let value = |c: u8| alnum(c) + u32::from(c > b'N');
    let sum: u32 = b[..17].iter().enumerate().map(|(i, &c)| value(c) * (18 - i as u32)).sum();
    (yymmdd(&b[4..10]) && b"HMX".contains(&b[10]) && (10 - sum % 10) % 10 == digit(b[17])).into()
}

fn rut(b: &[u8]) -> Grade {
    let Some((check, rest)) = b.split_last() else { return Grade::No };
    let sum: u32 = rest.iter().rev().zip((2..=7).cycle()).map(|(&c, w)| digit(c) * w).sum();
    let right = match 11 - sum % 11 {
        11 => b'0',
        10 => b'K',
        n => b'0' + n as u8,
    };
    (*check == right).into()
}

fn cuit(b: &[u8]) -> Grade {
    let sum = weighted(b, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2]);
    let check = (11 - sum % 11) % 11;
    (matches!(number(&b[..2]), 20 | 23..=27 | 30 | 33 | 34) && check == digit(b[10])).into()
}
