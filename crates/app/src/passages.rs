//! The table of where data may go, by class and place, for `dewpoint check`, and the name of a policy in evidence.
//!
//! Never here: judgement (room `decide`).

use crate::table::columns;
use decide::{DataClass, Place, Policy};
use std::fmt::Write as _;

/// SHA-256 of a policy, hexadecimal: the one that the audit trail names.
pub(crate) fn hash(policy: &Policy) -> String {
    let shown = crate::key::show_hash(&crate::key::sha256(policy.canonical()));
    shown.trim_start_matches("sha256:").to_owned()
}

const HEAD: &str = "\nwhere data may go (rules about tags, keys and routes may narrow it further)\n";
const FOOT: &str = "A secret that is found is taken out for good wherever it may not go.\n";

/// One line a class: the places that get it as it is, only redacted, and not at all. `now_unix_s`: terms expire.
pub(crate) fn table(policy: &Policy, places: &[&Place], now_unix_s: u64) -> String {
    let mut rows = vec![["  class", "as it is", "only redacted", "not at all"].map(str::to_owned).to_vec()];
    let passages: Vec<_> = places.iter().map(|p| (p, policy.passage(p, now_unix_s))).collect();
    for class in DataClass::ALL {
        let mut cells = [String::new(), String::new(), String::new()];
        for (place, passage) in &passages {
            let column = if passage.whole >= Some(class) {
                0
            } else if passage.redacted >= Some(class) {
                1
            } else {
                2
            };
            let gap = if cells[column].is_empty() { "" } else { ", " };
            let _ = write!(cells[column], "{gap}{}", place.id);
        }
        let shown = cells.map(|c| if c.is_empty() { "-".to_owned() } else { c });
        rows.push([format!("  {class}")].into_iter().chain(shown).collect());
    }
    format!("{HEAD}{}{FOOT}policy {}\n", columns(&rows), hash(policy))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use decide::{Api, Kind, PlaceId, Terms, Tier, Zone};

    #[test]
    fn every_place_stands_once_in_every_line() {
        let place = |name: &str, zone| Place {
            id: PlaceId::new(name),
            api: Api::Openai,
            tier: Tier::Cloud,
            kind: Kind::Serverless,
            zone,
            provider: name.into(),
            terms: Terms::default(),
            economics: None,
        };
        let list = [place("edge", Zone::Embedded), place("gpu", Zone::OwnNetwork), place("cloud", Zone::VendorCloud)];
        let shown = table(&Policy::default(), &list.iter().collect::<Vec<_>>(), 0);
        let (lines, tail) = shown.rsplit_once("policy ").unwrap();
        assert_eq!(tail.trim_end().len(), 64, "a SHA-256 in hexadecimal");
        insta::assert_snapshot!(lines, @"
        where data may go (rules about tags, keys and routes may narrow it further)
          class      as it is          only redacted  not at all
          public     edge, gpu, cloud  -              -
          internal   edge, gpu, cloud  -              -
          personal   edge, gpu         cloud          -
          sensitive  edge, gpu         -              cloud
          secret     edge              -              gpu, cloud
        A secret that is found is taken out for good wherever it may not go.
        ");
    }
}
