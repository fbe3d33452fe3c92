//! Names of countries and of the groups of them that rules are written with.
//!
//! Never here: what a rule wants of a region ([`crate::Demand`]).

use std::collections::BTreeSet;
use std::sync::Arc;

/// Every officially assigned code of ISO 3166-1 alpha-2, in alphabetical order (249 of them).
const COUNTRIES: &str = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ \
     CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR \
     GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP \
     KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ \
     NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW \
     SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ \
     UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW";
/// The member states of the European Union.
const EU: &str = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK";
/// What the European Economic Area has beside the European Union.
const EEA_BESIDE_EU: &str = "IS LI NO";
/// Names shown of a list at most.
const SHOWN: usize = 6;

/// The countries behind one word: a code of ISO 3166-1 alpha-2 (any case), `EU` (the 27 member states) or `EEA` (with
/// Iceland, Liechtenstein and Norway). `None` for anything else, `UK` (it is `GB`) included.
pub fn countries(word: &str) -> Option<Vec<Arc<str>>> {
    let word = word.to_ascii_uppercase();
    let all = |list: &str| list.split_whitespace().map(Arc::from).collect::<Vec<Arc<str>>>();
    match word.as_str() {
        "EU" => Some(all(EU)),
        "EEA" => Some(all(EU).into_iter().chain(all(EEA_BESIDE_EU)).collect()),
        code => COUNTRIES.split_whitespace().any(|c| c == code).then(|| vec![Arc::from(code)]),
    }
}

/// A list of countries for people: the names of groups where they are the whole list, else the first few.
pub(crate) fn shown(list: &BTreeSet<Arc<str>>) -> String {
    for group in ["EU", "EEA"] {
        if countries(group).is_some_and(|g| g.len() == list.len() && g.iter().all(|c| list.contains(c))) {
            return group.to_owned();
        }
    }
    some(list.iter().map(|c| &**c), list.len())
}

/// The first few of a list, and how many more there are.
pub(crate) fn some<'a>(list: impl Iterator<Item = &'a str>, len: usize) -> String {
    let mut text = list.take(SHOWN).collect::<Vec<_>>().join(", ");
    if len > SHOWN {
        text.push_str(&format!(" and {} more", len - SHOWN));
    }
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn there_are_as_many_countries_as_the_standard_has() {
        let all: Vec<&str> = COUNTRIES.split_whitespace().collect();
        assert_eq!(all.len(), 249);
        assert!(all.windows(2).all(|w| w[0] < w[1]), "sorted and none twice");
        assert_eq!(countries("EU").unwrap().len(), 27);
        assert_eq!(countries("eea").unwrap().len(), 30);
        let known = |c: &Arc<str>| countries(c).unwrap() == [c.clone()];
        assert!(countries("EEA").unwrap().iter().all(known));
    }

    #[test]
    fn a_word_that_is_no_country_is_none() {
        for wrong in ["", "UK", "XX", "D", "DEU", "EU ", "DE FR", "AN", "🇩🇪"] {
            assert_eq!(countries(wrong), None, "{wrong}");
        }
        assert_eq!(countries("de").unwrap()[0].as_ref(), "DE");
    }

    #[test]
    fn long_lists_are_cut_and_groups_have_their_name() {
        let set = |words: &[&str]| words.iter().flat_map(|w| countries(w).unwrap()).collect::<BTreeSet<_>>();
        assert_eq!(shown(&set(&["FR", "DE"])), "DE, FR");
        assert_eq!(shown(&set(&["EU"])), "EU");
        assert_eq!(shown(&set(&["EEA"])), "EEA");
        assert_eq!(shown(&set(&["EU", "US"])), "AT, BE, BG, CY, CZ, DE and 22 more");
    }
}
