//! Identifiers of Asia, Africa and Oceania, from their public specifications.
//!
//! Never here: anything but rows and the checks they name.

use super::america::any;
use super::check::{alnum, digit, luhn, number, same, verhoeff, weighted, yymmdd};
use super::list::Pairs;
use super::rec::{Grade, Rec};
use decide::DataClass::{Internal, Personal, Sensitive};

const PASS: &[&str] = &["passport", "travel document", "여권"];
const PLATE: &[&str] =
    &["registration", "number plate", "license plate", "licence plate", "vehicle", "plate", "reg no", "plaka", "araç"];

#[rustfmt::skip]
pub(super) const ALL: &[Rec] = &[
    Rec { kind: "AU_ABN", class: Internal, shapes: &["99999999999"], forms: &["2_3_3_3"], seps: " -", check: abn,
        scores: [30, 70, 95], words: &["abn", "australian business"] },
    Rec { kind: "AU_ACN", class: Internal, shapes: &["999999999"], forms: &["3_3_3"], seps: " -", check: acn, scores: [20,
        40, 95], words: &["acn", "australian company"] },
    Rec { kind: "AU_TFN", class: Personal, shapes: &["999999999"], forms: &["3_3_3"], seps: " -", check: tfn, scores: [20,
        40, 95], words: &["tfn", "tax file"] },
    Rec { kind: "AU_MEDICARE", class: Sensitive, shapes: &["9999999999"], forms: &["4_5_1"], seps: " -", check: au_medicare,
        scores: [20, 60, 95], words: &["medicare"] },
    Rec { kind: "IN_AADHAAR", class: Personal, shapes: &["999999999999"], forms: &["4_4_4"], seps: " -:", check: aadhaar,
        scores: [40, 60, 95], words: &["aadhaar", "aadhar", "uidai", "आधार"] },
    Rec { kind: "IN_PAN", class: Personal, shapes: &["AAAAA9999A"], forms: &[], seps: "", check: pan, scores: [70, 70, 95],
        words: &["pan", "permanent account"] },
    Rec { kind: "IN_GSTIN", class: Personal, shapes: &["99AAAAA9999AXAX"], forms: &[], seps: "", check: gstin, scores: [85,
        85, 95], words: &["gst", "gstin"] },
    Rec { kind: "IN_PASSPORT", class: Personal, shapes: &["A9999999"], forms: &["1_7", "3_5"], seps: " ", check: in_passport,
        scores: [20, 20, 85], words: PASS },
    Rec { kind: "IN_VOTER", class: Personal, shapes: &["AAA9999999"], forms: &[], seps: "", check: any, scores: [25, 25, 85],
        words: &["voter", "epic", "election"] },
    Rec { kind: "IN_VEHICLE_REGISTRATION", class: Personal, shapes: &["AA9999", "AA99999", "AA999999", "AA9A9999",
        "AA99A9999", "AA9AA9999", "AA99AA9999", "AA9AAA9999", "AA99AAA9999"], forms: &["2_2_2_4", "2_2_1_4", "2_2_3_4",
        "4_2_4", "4_1_4", "4_3_4", "4_6", "2_2_4", "4_4", "2_1_2_4"], seps: " -", check: in_plate, scores: [30, 40, 85],
        words: PLATE },
    Rec { kind: "SG_NRIC_FIN", class: Personal, shapes: &["A9999999A"], forms: &[], seps: "", check: nric, scores: [75, 75,
        95], words: &["nric", "fin", "identification"] },
    Rec { kind: "SG_UEN", class: Internal, shapes: &["99999999A", "999999999A", "A99AA9999A"], forms: &[], seps: "",
        check: uen, scores: [55, 55, 95], words: &["uen", "acra", "unique entity"] },
    Rec { kind: "TH_TNIN", class: Personal, shapes: &["9999999999999"], forms: &["1_4_5_2_1"], seps: " -", check: th,
        scores: [45, 75, 95], words: &["thai", "ประชาชน", "national id", "เลขบัตร"] },
    Rec { kind: "TR_NATIONAL_ID", class: Personal, shapes: &["99999999999"], forms: &[], seps: "", check: tr_id, scores: [45,
        45, 95], words: &["kimlik", "tckn", "tc no", "t.c.", "national id"] },
    Rec { kind: "TR_LICENSE_PLATE", class: Personal, shapes: &["99A99", "99A999", "99A9999", "99A99999", "99AA99", "99AA999",
        "99AA9999", "99AAA99", "99AAA999", "99AAA9999"], forms: &["2_1_2", "2_1_3", "2_1_4", "2_1_5", "2_2_2", "2_2_3",
        "2_2_4", "2_3_2", "2_3_3", "2_3_4"], seps: " ", check: tr_plate, scores: [20, 25, 80], words: PLATE },
    Rec { kind: "KR_RRN", class: Personal, shapes: &["9999999999999"], forms: &["6-7"], seps: "", check: rrn, scores: [45,
        80, 95], words: &["rrn", "resident registration", "주민등록"] },
    Rec { kind: "KR_FRN", class: Personal, shapes: &["9999999999999"], forms: &["6-7"], seps: "", check: frn, scores: [45,
        80, 95], words: &["frn", "foreigner registration", "alien registration", "외국인등록"] },
    Rec { kind: "KR_BRN", class: Internal, shapes: &["9999999999"], forms: &["3-2-5"], seps: "", check: brn, scores: [25, 75,
        95], words: &["brn", "business registration", "사업자등록"] },
    Rec { kind: "KR_DRIVER_LICENSE", class: Personal, shapes: &["999999999999"], forms: &["2-2-6-2"], seps: "",
        check: kr_licence, scores: [20, 75, 90], words: &["driver", "driving", "license", "licence", "운전면허"] },
    Rec { kind: "KR_PASSPORT", class: Personal, shapes: &["A999A9999"], forms: &[], seps: "", check: kr_passport,
        scores: [40, 40, 90], words: PASS },
    Rec { kind: "KR_PASSPORT", class: Personal, shapes: &["A99999999"], forms: &[], seps: "", check: kr_passport,
        scores: [20, 20, 85], words: PASS },
    Rec { kind: "ZA_ID_NUMBER", class: Personal, shapes: &["9999999999999"], forms: &["6_4_3", "6_4_2_1"], seps: " ",
        check: za, scores: [45, 75, 95], words: &["south african", "rsa id", "sa id", "refugee", "id number",
        "identity number"] },
    Rec { kind: "NG_NIN", class: Personal, shapes: &["99999999999"], forms: &[], seps: "", check: nin, scores: [30, 30, 90],
        words: &["nin", "national identi", "nimc"] },
    Rec { kind: "NG_VEHICLE_REGISTRATION", class: Personal, shapes: &["AAA999AA"], forms: &["3_5", "3_3_2"], seps: "- ",
        check: any, scores: [30, 40, 85], words: PLATE },
    Rec { kind: "PH_TIN", class: Personal, shapes: &["999999999999", "99999999999999"], forms: &["3-3-3-3", "3-3-3-5"],
        seps: "", check: any, scores: [0, 70, 95], words: &["tin", "bir", "tax id", "taxpayer"] },
    Rec { kind: "PH_TIN", class: Personal, shapes: &["999999999"], forms: &["3-3-3"], seps: "", check: any, scores: [0, 0,
        80], words: &["tin", "bir", "taxpayer"] },
    // Numbers of one country as scanners for it call them; what counts is PHONE_NUMBER (`phone`), so these never raise.
    Rec { kind: "PH_MOBILE_NUMBER", class: Personal, shapes: &["99999999999", "999999999999"], forms: &["4_3_4", "2_3_3_4",
        "2(3(3 4", "2(3(3-4"], seps: " -", check: ph_mobile, scores: [30, 40, 45], words: &["mobile"] },
    Rec { kind: "TR_PHONE_NUMBER", class: Personal, shapes: &["9999999999", "99999999999", "999999999999"],
        forms: &["3_3_2_2", "1_3_3_2_2", "4_3_2_2", "2_3_3_2_2", "2(3(3 2 2", "1(3(3 2 2", "3_3_4", "4_3_4"], seps: " -.",
        check: tr_phone, scores: [30, 40, 45], words: &["cep", "telefon"] },
    Rec { kind: "CN_RESIDENT_ID", class: Personal, shapes: &["99999999999999999X"], forms: &["6_8_4"], seps: " ", check: cn,
        scores: [90, 90, 95], words: &["身份证", "身分證", "resident identity"] },
    Rec { kind: "JP_MY_NUMBER", class: Personal, shapes: &["999999999999"], forms: &["4_4_4"], seps: " -", check: jp,
        scores: [0, 0, 95], words: &["my number", "マイナンバー", "個人番号"] },
    Rec { kind: "TW_NATIONAL_ID", class: Personal, shapes: &["A999999999"], forms: &[], seps: "", check: tw, scores: [0, 0,
        95], words: &["身分證", "national id", "身份證"] },
    Rec { kind: "HK_ID_CARD", class: Personal, shapes: &["A999999X"], forms: &["7(1"], seps: "", check: hk, scores: [0, 75,
        95], words: &["hkid", "identity card", "身份證"] },
    Rec { kind: "IL_ID_NUMBER", class: Personal, shapes: &["999999999"], forms: &[], seps: "", check: il, scores: [0, 0, 90],
        words: &["teudat", "israeli id", "israel id", "תעודת זהות", "ת.ז"] },
    Rec { kind: "MY_NRIC", class: Personal, shapes: &["999999999999"], forms: &["6-2-4"], seps: "", check: my, scores: [0,
        75, 95], words: &["mykad", "nric", "kad pengenalan", "ic no", "ic number"] },
];

/// Weights 10, 1, 3 … 19 after one is taken from the first digit, modulo 89.
fn abn(b: &[u8]) -> Grade {
    let sum = weighted(b, &[10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19]);
    (b[0] != b'0' && sum >= 10 && (sum - 10).is_multiple_of(89)).into()
}

fn acn(b: &[u8]) -> Grade {
    let sum = weighted(b, &[8, 7, 6, 5, 4, 3, 2, 1]);
    ((10 - sum % 10) % 10 == digit(b[8]) && !same(b)).into()
}

fn tfn(b: &[u8]) -> Grade {
    (weighted(b, &[1, 4, 3, 7, 5, 8, 6, 9, 10]).is_multiple_of(11) && !same(b)).into()
}

fn au_medicare(b: &[u8]) -> Grade {
    (matches!(b[0], b'2'..=b'6') && weighted(b, &[1, 3, 7, 9, 1, 3, 7, 9]) % 10 == digit(b[8])).into()
}

/// Verhoeff; begins with 2 to 9, no palindrome (UIDAI).
fn aadhaar(b: &[u8]) -> Grade {
    (b[0] >= b'2' && verhoeff(b) && !b.iter().eq(b.iter().rev())).into()
}

/// The fourth letter is the holder's type.
fn pan(b: &[u8]) -> Grade {
    if b"ABCFGHJLPTK".contains(&b[3]) { Grade::Good } else { Grade::Weak }
}

/// State, a PAN, entity, `Z`, check character.
fn gstin(b: &[u8]) -> Grade {
    (matches!(number(&b[..2]), 1..=38 | 97 | 99) && b[13] == b'Z' && b[12] != b'0').into()
}

fn in_passport(b: &[u8]) -> Grade {
    (!b"QXZ".contains(&b[0]) && b[1] != b'0' && b[7] != b'0').into()
}

/// Codes of states and union territories.
fn in_plate(b: &[u8]) -> Grade {
    static STATES: Pairs = Pairs::of(
        "AN AP AR AS BH BR CG CH DD DL DN GA GJ HP HR JH JK KA KL LA LD MH ML MN MP MZ NL OD OR PB PY RJ SK TN TR TS UK UP WB",
    );
    (STATES.begin(b) && !same(&b[b.len() - 4..])).into()
}

/// Weights 2, 7, 6, 5, 4, 3, 2; T and G count 4 more, M 3 more; the letter from the table of its series.
fn nric(b: &[u8]) -> Grade {
    let (more, table): (u32, &[u8; 11]) = match b[0] {
        b'S' => (0, b"JZIHGFEDCBA"),
        b'T' => (4, b"JZIHGFEDCBA"),
        b'F' => (0, b"XWUTRQPNMLK"),
        b'G' => (4, b"XWUTRQPNMLK"),
        b'M' => (3, b"KLJNPQRTUWX"),
        _ => return Grade::No,
    };
    let sum = weighted(&b[1..8], &[2, 7, 6, 5, 4, 3, 2]) + more;
    if table[(sum % 11) as usize] == b[8] { Grade::Good } else { Grade::Weak }
}

/// Businesses, local companies, others: each with weights and check letters of its own.
fn uen(b: &[u8]) -> Grade {
    let (stem, last) = b.split_at(b.len() - 1);
    let right = match b.len() {
        9 => b"XMKECAWLJDB"[(weighted(stem, &[10, 4, 9, 3, 8, 2, 7, 1]) % 11) as usize],
        _ if b[0].is_ascii_digit() => b"ZKCMDNERGWH"[(weighted(stem, &[10, 8, 6, 4, 9, 7, 5, 3, 1]) % 11) as usize],
        _ => {
            const ORDER: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWX0123456789";
            let place = |c: u8| ORDER.iter().position(|o| *o == c).unwrap_or(0) as u32;
            let sum: u32 = stem.iter().zip([4, 3, 5, 3, 10, 2, 2, 5, 7]).map(|(&c, w)| place(c) * w).sum();
            if !b"RST".contains(&b[0]) {
                return Grade::No;
            }
            ORDER[((sum + 11 - 5) % 11) as usize]
        }
    };
    (last[0] == right).into()
}

/// Category 1 to 8, province of ISO 3166-2:TH, weights 13 to 2 modulo 11.
fn th(b: &[u8]) -> Grade {
    let province = matches!(number(&b[1..3]), 10..=27 | 30..=49 | 50..=58 | 60..=67 | 70..=77 | 80..=86 | 90..=96);
    let sum = weighted(b, &[13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2]);
    (matches!(b[0], b'1'..=b'8') && province && (11 - sum % 11) % 10 == digit(b[12])).into()
}

/// Two check digits: 7 times the odd places less the even ones, then the sum of all.
fn tr_id(b: &[u8]) -> Grade {
    let d = |i: usize| digit(b[i]);
    let (odd, even) = (d(0) + d(2) + d(4) + d(6) + d(8), d(1) + d(3) + d(5) + d(7));
    let tenth = (odd * 7 + 100 - even) % 10;
    (b[0] != b'0' && tenth == d(9) && (odd + even + d(9)) % 10 == d(10)).into()
}

/// Province 01 to 81; no month's short name, so that a date is none.
fn tr_plate(b: &[u8]) -> Grade {
    const MONTHS: [&[u8]; 12] =
        [b"JAN", b"FEB", b"MAR", b"APR", b"MAY", b"JUN", b"JUL", b"AUG", b"SEP", b"OCT", b"NOV", b"DEC"];
    let letters: Vec<u8> = b.iter().copied().filter(u8::is_ascii_alphabetic).collect();
    let words: [&[u8]; 8] = [b"TO", b"OF", b"AM", b"PM", b"X", b"OR", b"AND", b"IN"];
    let word = MONTHS.contains(&&letters[..]) || words.contains(&&letters[..]);
    if matches!(number(&b[..2]), 1..=81) && !word && !letters.iter().any(|c| b"QWX".contains(c)) {
        Grade::Good
    } else {
        Grade::No
    }
}

/// Date of birth, then the sex and century; the old check digit is not given out since October 2020.
fn rrn(b: &[u8]) -> Grade {
    (yymmdd(b) && matches!(b[6], b'1'..=b'4')).into()
}

fn frn(b: &[u8]) -> Grade {
    (yymmdd(b) && matches!(b[6], b'5'..=b'8')).into()
}

fn brn(b: &[u8]) -> Grade {
    let sum = weighted(b, &[1, 3, 7, 1, 3, 7, 1, 3]) + digit(b[8]) * 5 + digit(b[8]) * 5 / 10;
    (!same(b) && (10 - sum % 10) % 10 == digit(b[9])).into()
}

/// Region 11 to 28.
fn kr_licence(b: &[u8]) -> Grade {
    matches!(number(&b[..2]), 11..=28).into()
}

fn kr_passport(b: &[u8]) -> Grade {
    b"MSROD".contains(&b[0]).into()
}

/// Date of birth, sex and serial, citizenship 0 to 2, Luhn.
fn za(b: &[u8]) -> Grade {
    (yymmdd(b) && matches!(b[10], b'0'..=b'2') && luhn(b)).into()
}

/// 09 or 639 and nine more digits, no third-digit 0.
fn ph_mobile(b: &[u8]) -> Grade {
    let national = if b.len() == 11 { b.strip_prefix(b"0") } else { b.strip_prefix(b"63") };
    national.is_some_and(|n| n[0] == b'9').into()
}

/// Area or mobile code 2 to 5, with 0 or 90 in front or not.
fn tr_phone(b: &[u8]) -> Grade {
    let national = match b.len() {
        10 => Some(b),
        11 => b.strip_prefix(b"0"),
        _ => b.strip_prefix(b"90"),
    };
    national.is_some_and(|n| matches!(n[0], b'2'..=b'5')).into()
}

fn nin(b: &[u8]) -> Grade {
    (verhoeff(b) && !same(b)).into()
}

/// Region, date of birth, serial; ISO 7064 MOD 11-2.
fn cn(b: &[u8]) -> Grade {
    let sum = weighted(&b[..17], &[7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]);
    (matches!(number(&b[6..8]), 19 | 20) && yymmdd(&b[8..14]) && b"10X98765432"[(sum % 11) as usize] == b[17]).into()
}

fn jp(b: &[u8]) -> Grade {
    let rest = weighted(b, &[6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11;
    ((if rest <= 1 { 0 } else { 11 - rest }) == digit(b[11])).into()
}

/// The letter as two digits by the order of the registers.
fn tw(b: &[u8]) -> Grade {
    const ORDER: &[u8; 26] = b"ABCDEFGHJKLMNPQRSTUVXYWZIO";
    let letter = ORDER.iter().position(|c| *c == b[0]).unwrap_or(0) as u32 + 10;
    let sum = letter / 10 + letter % 10 * 9 + weighted(&b[1..], &[8, 7, 6, 5, 4, 3, 2, 1, 1]);
    (matches!(b[1], b'1' | b'2' | b'8' | b'9') && sum.is_multiple_of(10)).into()
}

fn hk(b: &[u8]) -> Grade {
    let check = if b[7] == b'A' {
        10
    } else if b[7].is_ascii_digit() {
        digit(b[7])
    } else {
        return Grade::No;
    };
    let sum = 36 * 9 + alnum(b[0]) * 8 + weighted(&b[1..7], &[7, 6, 5, 4, 3, 2]) + check;
    sum.is_multiple_of(11).into()
}

fn il(b: &[u8]) -> Grade {
    (luhn(b) && !same(b)).into()
}

fn my(b: &[u8]) -> Grade {
    (yymmdd(b) && !matches!(number(&b[6..8]), 0 | 17..=20 | 69..=70 | 73 | 80..=81 | 94..=97)).into()
}
