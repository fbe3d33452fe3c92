//! Rules with conditions and terms of places, for the property test: random ones, their text, and what they say, said again.
//!
//! Only what is certain: a rule that holds keeps a request from places that it does not want. What it lets through is
//! another rule's business.
//!
//! Never here: cases and fakes (`property`).

use super::property::{CLASSES, ZONES};
use proptest::prelude::*;

/// The only tag and the only contract there are.
pub(crate) const TAG: &str = "hipaa";
const CONTRACT: &str = "DPA";

/// What a place declares.
#[derive(Debug, Clone, Default)]
pub(crate) struct Terms {
    /// Germany, or the United States.
    german: Option<bool>,
    signed: bool,
    /// Long ago; what was declared counts for nothing then.
    expired: bool,
}

impl Terms {
    pub(crate) fn toml(&self) -> String {
        let mut out = String::from("[place.terms]\n");
        if let Some(german) = self.german {
            out.push_str(&format!("regions = [\"{}\"]\n", if german { "DE" } else { "US" }));
        }
        if self.signed {
            out.push_str(&format!("contracts = [\"{CONTRACT}\"]\n"));
        }
        let year = if self.expired { 2020 } else { 2199 };
        out + &format!("evidence = \"a drawer\"\nexpires = \"{year}-01-31\"\n\n")
    }
}

/// What a rule wants of a place.
#[derive(Debug, Clone)]
enum Wants {
    Zone(usize),
    Europe,
    Contract,
    Only(usize),
    Not(usize),
}

/// A rule.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    /// The lowest class it is about.
    class: Option<usize>,
    tagged: bool,
    ward: bool,
    wants: Wants,
}

/// Up to three rules and the terms of four places.
pub(crate) fn rules() -> impl Strategy<Value = (Vec<Rule>, [Terms; 4])> {
    let wants = prop_oneof![
        (0..ZONES.len()).prop_map(Wants::Zone),
        Just(Wants::Europe),
        Just(Wants::Contract),
        (0..4_usize).prop_map(Wants::Only),
        (0..4_usize).prop_map(Wants::Not),
    ];
    let rule = (proptest::option::of(0..CLASSES.len()), any::<bool>(), any::<bool>(), wants)
        .prop_map(|(class, tagged, ward, wants)| Rule { class, tagged, ward, wants });
    let terms = (any::<Option<bool>>(), any::<bool>(), proptest::bool::weighted(0.2))
        .prop_map(|(german, signed, expired)| Terms { german, signed, expired });
    (proptest::collection::vec(rule, 0..4), proptest::array::uniform4(terms))
}

impl Rule {
    pub(crate) fn toml(&self, number: usize) -> String {
        let mut out = format!("[[policy.rule]]\nid = \"rule-{number}\"\n");
        if let Some(class) = self.class {
            out.push_str(&format!("class = \"{}\"\n", CLASSES[class]));
        }
        if self.tagged {
            out.push_str(&format!("tags = [\"{TAG}\"]\n"));
        }
        if self.ward {
            out.push_str("keys = [\"ward\"]\n");
        }
        out.push_str(&match self.wants {
            Wants::Zone(zone) => format!("zone = \"{}\"\n", ZONES[zone]),
            Wants::Europe => "regions = [\"EU\"]\n".to_owned(),
            Wants::Contract => format!("contracts = [\"{CONTRACT}\"]\n"),
            Wants::Only(place) => format!("places = [\"p{place}\"]\n"),
            Wants::Not(place) => format!("places = [\"p{place}\"]\ndeny = true\n"),
        });
        out + "\n"
    }

    /// Whether it takes the place of the built-in rule of its class: it says where that class may go, without condition.
    pub(crate) fn grants(&self, class: usize) -> bool {
        self.class == Some(class) && !self.tagged && !self.ward && !matches!(self.wants, Wants::Not(_))
    }

    /// Whether it keeps a request of this class from a place.
    pub(crate) fn forbids(
        &self,
        class: usize,
        tagged: bool,
        ward: bool,
        place: usize,
        zone: usize,
        terms: &Terms,
    ) -> bool {
        let holds = self.class.is_none_or(|from| class >= from) && (!self.tagged || tagged) && (!self.ward || ward);
        // On the own network there is nobody to sign; on this host nothing moves anywhere.
        let (here, ours) = (zone == 0, zone <= 1);
        let wanted = match self.wants {
            Wants::Zone(most) => zone <= most,
            Wants::Europe => !terms.expired && (terms.german == Some(true) || (here && terms.german.is_none())),
            Wants::Contract => !terms.expired && (terms.signed || ours),
            Wants::Only(one) => place == one,
            Wants::Not(one) => place != one,
        };
        holds && !wanted
    }
}
