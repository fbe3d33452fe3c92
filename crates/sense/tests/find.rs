//! What detection promises: kinds and places of values of every sort, hidden or plain; own patterns; bounds; no panic.
#![allow(clippy::unwrap_used)]

use decide::DataClass::{self, Internal, Personal, Secret, Sensitive};
use proptest::prelude::*;
use sense::{Dictionary, Finder, FinderOptions, LONGEST, MOST, Pattern, RAISES, characters};
use std::sync::LazyLock;

static FINDER: LazyLock<Finder> = LazyLock::new(|| Finder::new(&FinderOptions::default()).unwrap());

fn found(text: &str) -> Vec<(String, String)> {
    let found = FINDER.find(text).unwrap();
    found.iter().map(|f| (f.kind.name.to_string(), text[f.start..f.end].to_owned())).collect()
}

fn kinds(text: &str) -> Vec<String> {
    found(text).into_iter().map(|(kind, _)| kind).collect()
}

fn class(text: &str) -> Option<DataClass> {
    FINDER.find(text).unwrap().iter().map(|f| f.kind.class).max()
}

fn reads(text: &str, kind: &str) -> bool {
    FINDER.scan(text).unwrap().iter().any(|f| &*f.kind.name == kind)
}

/// The stem with the one last character that makes the value of this kind.
fn complete(kind: &str, stem: &str, context: &str) -> String {
    let last = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ".chars();
    let right: Vec<String> = last
        .map(|c| format!("{stem}{c}"))
        .filter(|v| {
            let text = format!("{context} {v}");
            FINDER.find(&text).unwrap().iter().any(|f| &*f.kind.name == kind && text[f.start..f.end] == **v)
        })
        .collect();
    assert_eq!(right.len(), 1, "{kind} {stem}: {right:?}");
    right[0].clone()
}

/// The stem with the digit that makes Luhn's sum right.
fn luhn(stem: &str) -> String {
    let sum: u32 = stem
        .bytes()
        .rev()
        .enumerate()
        .map(|(i, b)| match (i % 2, u32::from(b - b'0')) {
            (0, d) if d > 4 => 2 * d - 9,
            (0, d) => 2 * d,
            (_, d) => d,
        })
        .sum();
    format!("{stem}{}", (10 - sum % 10) % 10)
}

#[test]
fn identifiers_with_a_check_character_take_exactly_one() {
    for (kind, stem, context) in [
        ("UK_NHS", "943476591", "NHS number"),
        ("DE_TAX_ID", "8609574271", "Steuer-ID"),
        ("PL_PESEL", "9005141234", "PESEL"),
        ("ES_NIF", "12345678", "DNI"),
        ("ES_NIE", "X1234567", "NIE"),
        ("IT_FISCAL_CODE", "RSSMRA80A01H501", "codice fiscale"),
        ("SE_PERSONNUMMER", "19811228987", "personnummer"),
        ("FI_PERSONAL_IDENTITY_CODE", "131052-308", "henkilötunnus"),
        ("IN_AADHAAR", "23412341234", "Aadhaar"),
        ("TH_TNIN", "110170123456", "Thai"),
        ("ZA_ID_NUMBER", "800101500908", "South African"),
        ("CN_RESIDENT_ID", "11010519491231002", "身份证"),
        ("NL_BSN", "11122233", "BSN"),
        ("CA_SIN", "13069254", "SIN"),
        ("US_NPI", "123456789", "NPI"),
        ("ABA_ROUTING_NUMBER", "12100035", "routing"),
        ("DE_SOCIAL_SECURITY", "15070649C10", "Rentenversicherung"),
        ("DE_HEALTH_INSURANCE", "A12345678", "Krankenkasse"),
        ("HR_OIB", "6943515153", "OIB"),
        ("PT_NIF", "12345678", "contribuinte"),
    ] {
        complete(kind, stem, context);
    }
    for (kind, value, wrong) in [
        ("BR_CPF", "529.982.247-25", "529.982.247-26"),
        ("BE_NRN", "85.07.30-033.28", "85.07.30-033.29"),
        ("FR_NIR", "1 85 05 78 006 084 91", "1 85 05 78 006 084 92"),
        ("TR_NATIONAL_ID", "TC kimlik 10000000146", "TC kimlik 10000000147"),
        ("KR_RRN", "900101-1234567", "901301-1234567"),
        ("UK_NINO", "AB 12 34 56 C", "BG 12 34 56 C"),
        ("US_MBI", "1EG4-TE5-MK73", "1SG4-TE5-MK73"),
        ("US_ITIN", "912-70-1234", "912-66-1234"),
        ("CH_AHV", "756.9217.0769.85", "756.9217.0769.84"),
        ("SG_NRIC_FIN", "NRIC S1234567D", "NRIC S12345678"),
        ("NO_FNR", "fødselsnummer 01010100131", "fødselsnummer 01010100132"),
    ] {
        assert!(kinds(value).iter().any(|k| k == kind), "{kind} {value}: {:?}", found(value));
        assert!(!kinds(wrong).iter().any(|k| k == kind), "{kind} {wrong}");
    }
}

#[test]
fn cards_accounts_and_numbers_with_their_words() {
    let card = luhn("453912345678901");
    let spaced: Vec<String> = card.as_bytes().chunks(4).map(|c| String::from_utf8_lossy(c).into_owned()).collect();
    for text in [card.clone(), spaced.join(" "), spaced.join("-")] {
        assert_eq!(found(&format!("pay with {text}, thanks")), [("CREDIT_CARD".into(), text)]);
    }
    let unknown = luhn("350912345678901");
    assert!(kinds(&unknown).is_empty() && kinds(&format!("my card {unknown}")) == ["CREDIT_CARD"]);
    assert_eq!(kinds("GB82 WEST 1234 5698 7654 32"), ["IBAN_CODE"]);
    assert_eq!(kinds("pk36scbl0000001123456702"), ["IBAN_CODE"]);
    assert!(kinds("GB83 WEST 1234 5698 7654 32").is_empty());
    // The same nine digits: nobody's, a passport's, a licence's.
    assert!(kinds("part 123456782 is out of stock").is_empty());
    assert_eq!(kinds("passport 123456782"), ["US_PASSPORT"]);
    assert_eq!(kinds("my driver's license number is 2270-66-1551"), ["US_DRIVER_LICENSE"]);
    assert_eq!(kinds("order number 5551234567"), Vec::<String>::new());
    assert_eq!(kinds("reach me at 555 123 4567 x89"), ["PHONE_NUMBER"]);
    assert_eq!(kinds("born on 12/24/1980"), ["DATE_OF_BIRTH"]);
    assert_eq!(kinds("due on 12/24/1980"), ["DATE_TIME"]);
    assert_eq!(kinds("latitude and longitude 52.5200, 13.4050"), ["COORDINATES"]);
    assert!(kinds("weights = [0.5200, 0.4050, 1.2345]").is_empty());
}

#[test]
fn classes_are_those_of_the_documentation() {
    for (text, expected) in [
        ("https://example.org/a", Internal),
        ("due on 2024-12-24", Internal),
        ("ping 127.0.0.1", Internal),
        ("blocked: 8.8.4.4", Personal),
        ("jo@example.org", Personal),
        ("social security number 536-22-1234", Personal),
        ("postgres://app:hu7nter2x@db.example.org/main", Secret),
        ("Medicare ID: 1EG4-TE5-MK73", Sensitive),
    ] {
        assert_eq!(class(text), Some(expected), "{text}: {:?}", found(text));
    }
    for clean in
        ["3... 2... 1... liftoff!", "Room 12 on floor 3, 4 people, 50 % off", "let x = foo.bar(1)[2] + 3.14; // v1.2.3"]
    {
        assert_eq!(found(clean), [], "{clean}");
        assert!(FINDER.scan(clean).unwrap().is_empty(), "{clean}");
    }
}

#[test]
fn what_hides_a_value_does_not() {
    let card = luhn("453912345678901");
    let wide: String = card.chars().map(|c| char::from_u32(c as u32 - 0x30 + 0xFF10).unwrap()).collect();
    let holes: String = card.chars().flat_map(|c| [c, '\u{200b}']).collect();
    let gaps = format!("{}\u{a0}{}\u{2009}{}\u{202f}{}", &card[..4], &card[4..8], &card[8..12], &card[12..]);
    for text in [wide, holes, gaps] {
        let found = FINDER.find(&text).unwrap();
        assert_eq!(found.len(), 1, "{text}");
        let digits = text[found[0].start..found[0].end].chars().filter(|c| c.is_numeric()).count();
        assert_eq!(digits, 16, "all of it: {text}");
    }
    for (text, value) in [
        ("q=jo%2Edoe%40example.org&x=1", "jo%2Edoe%40example.org"),
        (r#"{"to":"jo\u0040example.org\nbye"}"#, r"jo\u0040example.org"),
        ("jo.doe [at] example [dot] org", "jo.doe [at] example [dot] org"),
        ("ｊｏ＠example.org", "ｊｏ＠example.org"),
        ("note am8uZG9lQGV4YW1wbGUub3JnIGlzIG1l here", "am8uZG9lQGV4YW1wbGUub3JnIGlzIG1l"),
    ] {
        assert_eq!(found(text), [("EMAIL_ADDRESS".into(), value.into())], "{text}");
    }
    assert!(kinds(r"Phone:\n+49 30 23125000\n").contains(&"PHONE_NUMBER".to_owned()));
}

#[test]
fn a_higher_class_inside_of_a_lower_one_is_found_and_the_rest_stays() {
    let card = luhn("453912345678901");
    let text = format!("https://shop.example.org/pay?card={card}&x=1");
    let kinds: Vec<(String, String)> = found(&text);
    assert_eq!(kinds.iter().map(|k| k.0.as_str()).collect::<Vec<_>>(), ["URL", "CREDIT_CARD", "URL"]);
    assert_eq!(kinds.iter().map(|k| k.1.as_str()).collect::<String>(), text);
}

#[test]
fn weak_readings_show_only_in_a_scan() {
    assert!(reads("121000358", "ABA_ROUTING_NUMBER") && kinds("121000358").is_empty());
    assert!(reads("A12803456", "US_PASSPORT") && kinds("A12803456").is_empty());
    let scanned = FINDER.scan("passport A12803456").unwrap();
    assert!(scanned.iter().any(|f| &*f.kind.name == "US_PASSPORT" && f.score >= RAISES));
}

#[test]
fn own_patterns_and_dictionaries() {
    let options = FinderOptions {
        patterns: vec![Pattern { name: "project".into(), regex: r"PRJ-\d{4}".into(), class: Sensitive }],
        dictionaries: vec![Dictionary {
            name: "customer".into(),
            terms: vec!["Acme Corp".into(), "Müller".into(), "测试公司".into()],
            class: Personal,
        }],
        off: vec!["EMAIL_ADDRESS".into()],
        ..FinderOptions::default()
    };
    let finder = Finder::new(&options).unwrap();
    let see = |text: &str| -> Vec<(String, String)> {
        let found = finder.find(text).unwrap();
        found.iter().map(|f| (f.kind.name.to_string(), text[f.start..f.end].to_owned())).collect()
    };
    assert_eq!(
        see("PRJ-1234 for ACME corp"),
        [("project".into(), "PRJ-1234".into()), ("customer".into(), "ACME corp".into())]
    );
    assert_eq!(see("Herr MÜLLER, Müllerin"), [("customer".into(), "MÜLLER".into())], "whole words, any case");
    assert_eq!(see("是测试公司的"), [("customer".into(), "测试公司".into())]);
    assert_eq!(see("PRJ\u{2011}１２３４"), [("project".into(), "PRJ\u{2011}１２３４".into())], "in the view too");
    assert_eq!(see("jo@example.org").iter().filter(|f| f.0 == "EMAIL_ADDRESS").count(), 0, "off is off");

    let refused = |options: FinderOptions| Finder::new(&options).err().unwrap().to_string();
    let pattern = |regex: &str| FinderOptions {
        patterns: vec![Pattern { name: "p".into(), regex: regex.into(), class: Personal }],
        ..FinderOptions::default()
    };
    assert!(refused(pattern("(")).contains("does not compile") && refused(pattern("a*")).contains("empty text"));
    let words = |terms: Vec<String>| FinderOptions {
        dictionaries: vec![Dictionary { name: "d".into(), terms, class: Personal }],
        ..FinderOptions::default()
    };
    assert!(refused(words(vec![])).contains("no terms") && refused(words(vec![" ".into()])).contains("empty term"));
    assert!(refused(FinderOptions { off: vec!["EMAIL".into()], ..FinderOptions::default() }).contains("EMAIL"));
    assert!(refused(FinderOptions { phone_regions: vec!["XX".into()], ..FinderOptions::default() }).contains("XX"));
}

#[test]
fn what_is_too_much_is_unread_not_clean() {
    assert!(FINDER.find(&" ".repeat(LONGEST)).is_ok());
    assert!(FINDER.find(&" ".repeat(LONGEST + 1)).is_err());
    assert!(FINDER.scan(&"1.1.1.1 ".repeat(MOST)).is_ok_and(|f| f.len() == MOST));
    assert!(FINDER.find(&"1.1.1.1 ".repeat(MOST + 1)).is_err());
}

#[test]
fn offsets_in_characters() {
    let text = "für jo@example.org – 8.8.4.4";
    let found = FINDER.find(text).unwrap();
    assert_eq!(characters(text, &found), [(4, 18), (21, 28)]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn findings_lie_on_boundaries_sorted_and_apart(
        text in r"(\PC|[0-9]{1,6}|[-.:/@ %()+\[\]\\]|jo@ex\.org|https://|4539|::|GB82|２|\u{200b}|\u{a0}|ab12|%4|\\u00| dot ){0,40}"
    ) {
        let mut before = 0;
        for f in FINDER.find(&text).unwrap() {
            prop_assert!(before <= f.start && f.start < f.end && f.end <= text.len() && f.score >= RAISES);
            prop_assert!(text.is_char_boundary(f.start) && text.is_char_boundary(f.end));
            before = f.end;
        }
        for f in FINDER.scan(&text).unwrap() {
            prop_assert!(f.start < f.end && text.is_char_boundary(f.start) && text.is_char_boundary(f.end));
        }
    }

    #[test]
    fn an_address_is_found_wherever_it_stands(before in r"[a-z ]{0,20}[ ,(<]", after in r"([ ,)>?!][a-z ]{0,20})?") {
        let text = format!("{before}jo.doe@example.org{after}");
        prop_assert!(found(&text).contains(&("EMAIL_ADDRESS".into(), "jo.doe@example.org".into())), "{:?}", found(&text));
    }
}
