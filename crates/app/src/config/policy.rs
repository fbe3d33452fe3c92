//! The shape of `[policy]`, `[[policy.rule]]` and `[place.terms]`.
//!
//! Never here: validation across fields (`resolve`).

use super::number::Number;
use super::words::{Class, Objective, Training, Unpriced, Zone};
use schemars::JsonSchema;
use serde::de::value::{SeqAccessDeserializer, StrDeserializer};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Formatter;

/// What data may go where, and what `auto` optimises.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Policy {
    /// What the model name `auto` optimises.
    pub(crate) auto: Objective,
    /// For each data class, the farthest zone it may go to, as it is and not at all beyond. It stands in place of the built-in
    /// rule of that class: public and internal `vendor-cloud`; personal `own-network`, and beyond it redacted; sensitive
    /// `own-network`; secret `same-host`. A class also keeps to what holds for the classes below it.
    pub(crate) reach: BTreeMap<Class, Zone>,
    /// Rules beside `reach`, as tables `[[policy.rule]]`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) rule: Vec<Rule>,
    /// Attempts per request at most, the first included (1 to 10).
    pub(crate) attempts_max: u8,
    /// What becomes of places whose price is not known, for requests without a key: `allow` (its cost stays unknown), `estimate`
    /// (charged at the dearest known price of its provider, flagged as an estimate) or `deny`. Unknown is never zero.
    pub(crate) unpriced: Unpriced,
    /// Surplus of expected quality over difficulty, per mille, that counts as sufficient (0 to 1000).
    pub(crate) margin_permille: u16,
    /// What an answer of full expected quality is worth over none, US dollars per request: what quality may cost. Left out: 10,
    /// about what it takes to notice and repair a wrong answer (ten minutes at $60 an hour).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) quality_value_usd: Option<Number>,
    /// What a second is worth that a request waits in the queue of a place, US dollars. Left out: 0, so that only declared
    /// economics move traffic from a busy place (`auto:fast` weighs waits in any case).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) second_value_usd: Option<Number>,
}

impl Default for Policy {
    fn default() -> Policy {
        Policy {
            auto: Objective::Sufficient,
            reach: BTreeMap::new(),
            rule: Vec::new(),
            attempts_max: 3,
            unpriced: Unpriced::Allow,
            margin_permille: 0,
            quality_value_usd: None,
            second_value_usd: None,
        }
    }
}

/// A rule about where data may go. It holds for the lowest class that it names and for all above (without `class`, for
/// every class), for requests that have all its `tags` and one of its `keys` and `routes`. Several rules that hold
/// intersect. A rule with `class` and without `tags`, `keys` and `routes` stands in place of the built-in rule of the classes
/// that it names.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    /// Its name in refusals and in the audit trail.
    pub(crate) id: String,
    /// The class, or several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) class: Option<Classes>,
    /// It holds for requests that have all of these tags.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tags: Option<Vec<String>>,
    /// It holds for these keys. Left out: for all, and where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) keys: Option<Vec<String>>,
    /// It holds for these routes. Left out: for every model name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) routes: Option<Vec<String>>,
    /// The farthest zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) zone: Option<Zone>,
    /// Every region in which the place processes must be among these: codes of ISO 3166-1 (`DE`), `EU` or `EEA`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) regions: Option<Vec<String>>,
    /// The seat of the place's ultimate parent must be in one of these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) legal_seat: Option<Vec<String>>,
    /// The place keeps content at most so long: `"none"`, or days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) retention: Option<Retention>,
    /// The place trains on content `never` (by contract), or not since one `opted-out`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) training: Option<Training>,
    /// Contracts that must all be in force with the place (`BAA`, `DPA`, `SCC`, or names of your own).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) contracts: Option<Vec<String>>,
    /// The place must be one of these; `*` at the end stands for any rest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) places: Option<Vec<String>>,
    /// `true`: data may go to these places only with what was found taken out. `"elsewhere"`: to these places as it is, to
    /// all others with what was found taken out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) redact: Option<Redact>,
    /// Denies `places`, or every place when it names none.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) deny: bool,
}

/// Under which terms a place handles data. What is left out counts as the worst, and so does everything once it has
/// expired; on this host and on the own network some of it need not be said (see the page on the policy).
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Terms {
    /// Every region in which content may be processed: codes of ISO 3166-1 (`DE`), `EU` or `EEA`. Left out: anywhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) regions: Option<Vec<String>>,
    /// The country of the ultimate parent, whose law can compel it. Left out: unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) legal_seat: Option<String>,
    /// How long content is kept: `"none"`, or days. Left out: unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) retention: Option<Retention>,
    /// Whether it trains on content. Left out: unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) training: Option<Training>,
    /// Contracts in force (`BAA`, `DPA`, `SCC`, or names of your own).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) contracts: Option<Vec<String>>,
    /// Where an auditor finds the proof: a link, or the number of a document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) evidence: Option<String>,
    /// The last day (UTC) on which these terms hold: `2027-03-31`. Left out: they do not expire.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) expires: Option<Date>,
}

/// One class, or several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Classes {
    /// One.
    One(Class),
    /// Several.
    Many(Vec<Class>),
}

impl Classes {
    /// As a list.
    pub(crate) fn list(&self) -> &[Class] {
        match self {
            Classes::One(class) => std::slice::from_ref(class),
            Classes::Many(list) => list,
        }
    }
}

/// `"none"`, or a number of days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Retention {
    /// At most so many days.
    Days(u32),
    /// Not at all.
    None(NoneWord),
}

impl From<Retention> for decide::Retention {
    fn from(kept: Retention) -> decide::Retention {
        match kept {
            Retention::Days(days) => decide::Retention::Days(days),
            Retention::None(_) => decide::Retention::None,
        }
    }
}

/// The word `none`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum NoneWord {
    /// Not at all ("zero data retention").
    None,
}

/// `true`, or `"elsewhere"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Redact {
    /// Only with what was found taken out.
    Always(bool),
    /// As it is to the places of the rule, redacted to all others.
    Elsewhere(ElsewhereWord),
}

/// The word `elsewhere`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ElsewhereWord {
    /// To all other places.
    Elsewhere,
}

/// A day, as a date of TOML or as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Date {
    pub(crate) year: u16,
    pub(crate) month: u8,
    pub(crate) day: u8,
}

impl Date {
    /// Reads `2027-03-31`; the reader of TOML knows the calendar.
    fn parse(text: &str) -> Option<Date> {
        let date: toml::value::Datetime = text.parse().ok()?;
        let (Some(date), None, None) = (date.date, date.time, date.offset) else { return None };
        Some(Date { year: date.year, month: date.month, day: date.day })
    }

    /// Unix seconds of the moment when the day is over, UTC. Days from a date: Hinnant, "days from civil", in the
    /// proleptic Gregorian calendar.
    pub(crate) fn end_unix_s(self) -> u64 {
        let (month, day) = (i64::from(self.month), i64::from(self.day));
        let year = i64::from(self.year) - i64::from(month <= 2);
        let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
        let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
        let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
        u64::try_from((days + 1) * 86_400).unwrap_or(0)
    }
}

impl std::fmt::Display for Date {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl Serialize for Date {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for Date {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Date".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^\\d{4}-\\d{2}-\\d{2}$" })
    }
}

/// Writes the reader of a value that may be written in two ways. By hand, since serde's untagged enums lose the line.
macro_rules! either {
    ($name:ident, $expecting:literal, { $($method:item)+ }) => {
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<$name, D::Error> {
                struct Visitor;
                impl<'de> serde::de::Visitor<'de> for Visitor {
                    type Value = $name;
                    fn expecting(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
                        f.write_str($expecting)
                    }
                    $($method)+
                }
                deserializer.deserialize_any(Visitor)
            }
        }
    };
}

either!(Classes, "a class such as \"personal\", or a list of them", {
    fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<Classes, E> {
        Class::deserialize(StrDeserializer::new(word)).map(Classes::One)
    }
    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, list: A) -> Result<Classes, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(list)).map(Classes::Many)
    }
});

either!(Retention, "\"none\", or a number of days such as 30", {
    fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<Retention, E> {
        match word {
            "none" => Ok(Retention::None(NoneWord::None)),
            _ => Err(E::invalid_value(serde::de::Unexpected::Str(word), &self)),
        }
    }
    fn visit_i64<E: serde::de::Error>(self, days: i64) -> Result<Retention, E> {
        let wrong = || E::invalid_value(serde::de::Unexpected::Signed(days), &self);
        u32::try_from(days).ok().filter(|d| *d > 0).map(Retention::Days).ok_or_else(wrong)
    }
});

either!(Redact, "true, or \"elsewhere\"", {
    fn visit_bool<E: serde::de::Error>(self, always: bool) -> Result<Redact, E> {
        Ok(Redact::Always(always))
    }
    fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<Redact, E> {
        match word {
            "elsewhere" => Ok(Redact::Elsewhere(ElsewhereWord::Elsewhere)),
            _ => Err(E::invalid_value(serde::de::Unexpected::Str(word), &self)),
        }
    }
});

either!(Date, "a day such as 2027-03-31", {
    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Date, E> {
        Date::parse(text).ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(text), &self))
    }
    fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<Date, A::Error> {
        let date = toml::value::Datetime::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
        let wrong = || serde::de::Error::invalid_value(serde::de::Unexpected::Other("a time of day"), &self);
        Date::parse(&date.to_string()).ok_or_else(wrong)
    }
});

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_day_ends_at_midnight_utc() {
        // By `date -u -d '2027-03-31 +1 day' +%s` and its kind.
        for (text, end) in [
            ("1970-01-01", 86_400),
            ("2000-02-29", 951_868_800),
            ("2026-12-31", 1_798_761_600),
            ("2027-03-31", 1_806_537_600),
            ("2100-02-28", 4_107_542_400),
        ] {
            assert_eq!(Date::parse(text).unwrap().end_unix_s(), end, "{text}");
            assert_eq!(Date::parse(text).unwrap().to_string(), text);
        }
        for wrong in ["2027-02-29", "2027-13-01", "2027-3-1", "31.3.2027", "2027-03-31T10:00:00Z", "10:00:00", ""] {
            assert_eq!(Date::parse(wrong), None, "{wrong}");
        }
        assert_eq!(Date::parse("1969-01-01").unwrap().end_unix_s(), 0, "long over");
    }
}
