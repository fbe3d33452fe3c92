//! What a request says of its data beside the class: tags, and what it demands of the places that may get it. A demand
//! narrows what the policy allows and never widens it.
//!
//! Never here: the policy itself (room `decide`).

use decide::{Cause, Demand, Fault, Need, Retention, Rule, Training, Zone, contract, countries, tag};
use http::HeaderValue;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::sync::Arc;
use wire::{Ask, Dialect};

const TAGS: &str = "x-dewpoint-tags";
const POLICY: &str = "x-dewpoint-policy";
/// Tags of one request at most.
const TAGS_MAX: usize = 16;
/// What `x-dewpoint-policy` understands.
const WORDS: &str =
    "zone=own-network, region=DE|FR, legal-seat=DE|FR, retention=none (or days), zdr, no-training, contract=BAA|DPA";
/// The body member of OpenRouter that says how providers may handle data, and the provider that reads it itself.
const MEMBER: &str = "provider";
const HEEDED_BY: &str = "openrouter";

/// What the headers said so far.
#[derive(Debug, Default)]
pub(super) struct Wishes {
    tags: Vec<Arc<str>>,
    demand: Option<Demand>,
}

impl Wishes {
    /// Takes one header, if it is one of these two. Of a header sent twice everything counts.
    ///
    /// # Errors
    /// When it says something that is not understood: a wish that is passed over would be a promise not kept.
    pub(super) fn note(&mut self, name: &str, value: &HeaderValue) -> Result<bool, Fault> {
        match name {
            TAGS => {
                for word in words(value, TAGS)? {
                    let why = "a tag has 1 to 64 letters, digits and -_.:/@, as in `hipaa, customer:acme`";
                    self.tags.push(tag(word).ok_or_else(|| wrong(TAGS, word, why))?);
                }
                if self.tags.len() > TAGS_MAX {
                    let shown = format!("The header {TAGS} has more than {TAGS_MAX} tags.");
                    return Err(Fault::new(Cause::InvalidRequest, shown).at(TAGS));
                }
            }
            POLICY => {
                let demand = self.demand.get_or_insert_default();
                for word in words(value, POLICY)? {
                    let understood = demanded(word)
                        .ok_or_else(|| wrong(POLICY, word, &format!("the words are {WORDS}, separated by commas")))?;
                    demand.and(&understood);
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Adds what was said, and what the body says (OpenRouter's `provider`), to a need that has the tags of the key.
    ///
    /// # Errors
    /// When the body's member is not what OpenRouter documents.
    pub(super) fn complete(self, ask: &Ask, need: &mut Need) -> Result<(), Fault> {
        if !self.tags.is_empty() {
            need.tags.extend(self.tags);
            need.tags.sort_unstable();
            need.tags.dedup();
        }
        let rule = |id, demand| Rule { id: Arc::from(id), demand, ..Rule::default() };
        need.demands.extend(self.demand.map(|demand| Arc::new(rule(POLICY, demand))));
        if let Some(demand) = asked_in_body(ask)? {
            let heeded_by = Some(Arc::from(HEEDED_BY));
            need.demands.push(Arc::new(Rule { heeded_by, ..rule(MEMBER, demand) }));
        }
        Ok(())
    }
}

/// The words of a header, between commas.
fn words<'v>(value: &'v HeaderValue, name: &str) -> Result<impl Iterator<Item = &'v str>, Fault> {
    let text = value.to_str().map_err(|_| wrong(name, "?", "write it in ASCII"))?;
    Ok(text.split(',').map(str::trim).filter(|w| !w.is_empty()))
}

fn wrong(name: &str, word: &str, why: &str) -> Fault {
    let word: String = word.chars().take(80).collect();
    Fault::new(Cause::InvalidRequest, format!("The header {name} says `{word}`; {why}.")).at(name)
}

/// One word of `x-dewpoint-policy`; `None` when it is none.
fn demanded(word: &str) -> Option<Demand> {
    let none = Demand::default();
    let (name, value) = word.split_once('=').map_or((word, None), |(n, v)| (n.trim_end(), Some(v.trim_start())));
    Some(match (name, value) {
        ("zdr", None) => Demand { retention: Some(Retention::None), ..none },
        ("no-training", None) => Demand { training: Some(Training::OptedOut), ..none },
        ("zone", Some(zone)) => Demand { zone: Some(Zone::parse(zone)?), ..none },
        ("retention", Some("none")) => Demand { retention: Some(Retention::None), ..none },
        ("retention", Some(days)) => Demand { retention: Some(Retention::Days(days.parse().ok()?)), ..none },
        ("region", Some(list)) => Demand { regions: Some(all(list, countries)?), ..none },
        ("legal-seat", Some(list)) => Demand { legal_seat: Some(all(list, countries)?), ..none },
        ("contract", Some(list)) => Demand { contracts: all(list, |c| contract(c).map(|c| vec![c]))?, ..none },
        _ => return None,
    })
}

/// Every name between bars; `None` when one of them is none.
fn all(list: &str, read: impl Fn(&str) -> Option<Vec<Arc<str>>>) -> Option<BTreeSet<Arc<str>>> {
    let mut names = BTreeSet::new();
    for name in list.split('|') {
        names.extend(read(name.trim())?);
    }
    Some(names)
}

/// The members of OpenRouter's `provider` that are about data. Others are none of our business.
#[derive(Deserialize)]
struct Provider {
    #[serde(default)]
    data_collection: Option<Collection>,
    #[serde(default)]
    zdr: Option<bool>,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Collection {
    Allow,
    Deny,
}

fn asked_in_body(ask: &Ask) -> Result<Option<Demand>, Fault> {
    let member = ask.extra.iter().find(|(name, _)| name == MEMBER).map(|(_, value)| value.get());
    let Some(object) = member.filter(|text| text.starts_with('{')) else { return Ok(None) };
    if ask.endpoint.dialect() != Dialect::Openai {
        return Ok(None);
    }
    let provider: Provider = serde_json::from_str(object).map_err(|_| {
        let shown = "`provider.data_collection` must be \"allow\" or \"deny\", and `provider.zdr` true or false.";
        Fault::new(Cause::InvalidRequest, shown).at(MEMBER)
    })?;
    let demand = Demand {
        retention: (provider.zdr == Some(true)).then_some(Retention::None),
        training: (provider.data_collection == Some(Collection::Deny)).then_some(Training::OptedOut),
        ..Demand::default()
    };
    Ok(Some(demand).filter(|d| *d != Demand::default()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn said(list: &[(&str, &str)]) -> Result<Need, Fault> {
        let body = br#"{"model":"auto","messages":[{"role":"user","content":"Hi"}]}"#;
        said_with(list, body)
    }

    fn said_with(list: &[(&str, &str)], body: &[u8]) -> Result<Need, Fault> {
        let ask = wire::openai::read_chat(body).unwrap();
        let mut wishes = Wishes::default();
        for (name, value) in list {
            assert!(wishes.note(name, &HeaderValue::from_str(value).unwrap())?);
        }
        let mut need = Need { tags: vec!["key".into()], ..Need::default() };
        wishes.complete(&ask, &mut need)?;
        Ok(need)
    }

    fn demand(text: &str) -> Demand {
        said(&[(POLICY, text)]).unwrap().demands[0].demand.clone()
    }

    fn set(words: &[&str]) -> BTreeSet<Arc<str>> {
        words.iter().map(|w| Arc::from(*w)).collect()
    }

    #[test]
    fn tags_join_those_of_the_key_in_one_form() {
        let need = said(&[(TAGS, "HIPAA, customer:Acme,,"), (TAGS, "hipaa")]).unwrap();
        assert_eq!(need.tags.iter().map(|t| &**t).collect::<Vec<_>>(), ["customer:acme", "hipaa", "key"]);
        assert_eq!(said(&[]).unwrap().tags.len(), 1);
        let many = |n: usize| (0..n).map(|i| format!("t{i}")).collect::<Vec<_>>().join(",");
        assert_eq!(said(&[(TAGS, &many(TAGS_MAX))]).unwrap().tags.len(), TAGS_MAX + 1);
        assert_eq!(said(&[(TAGS, &many(TAGS_MAX + 1))]).unwrap_err().param.as_deref(), Some(TAGS));
        for wrong in ["a b", "a=b", &"x".repeat(65)] {
            assert_eq!(said(&[(TAGS, wrong)]).unwrap_err().cause, Cause::InvalidRequest, "{wrong}");
        }
    }

    #[test]
    fn the_policy_of_a_request_is_understood_whole_or_refused() {
        let all = demand("zone=own-network, region=DE|FR, legal-seat=EU, zdr, no-training, contract=baa|DPA");
        let wanted = Demand {
            zone: Some(Zone::OwnNetwork),
            regions: Some(set(&["DE", "FR"])),
            legal_seat: Some(countries("EU").unwrap().into_iter().collect()),
            retention: Some(Retention::None),
            training: Some(Training::OptedOut),
            contracts: set(&["BAA", "DPA"]),
            places: None,
        };
        assert_eq!(all, wanted);
        assert_eq!(demand("retention = 30").retention, Some(Retention::Days(30)));
        assert_eq!(demand("retention=30, zdr, retention=7").retention, Some(Retention::None), "the strictest counts");
        assert_eq!(demand("region=DE|FR, region=FR|ES").regions, Some(set(&["FR"])));
        assert_eq!(demand("region=DE, region=FR").regions, Some(set(&[])), "nowhere is both");
        for wrong in [
            "eu-only",
            "zone=cloud",
            "zone",
            "region=UK",
            "region=",
            "zdr=false",
            "retention=-1",
            "contract=",
            "ZDR",
            "no training",
        ] {
            let fault = said(&[(POLICY, wrong)]).unwrap_err();
            assert_eq!((fault.cause, fault.param.as_deref()), (Cause::InvalidRequest, Some(POLICY)), "{wrong}");
            assert!(fault.shown.contains(WORDS) && fault.shown.contains(wrong), "{}", fault.shown);
        }
        let twice = said(&[(POLICY, "zdr"), (POLICY, "no-training")]).unwrap();
        assert_eq!(twice.demands.len(), 1);
        assert_eq!(twice.demands[0].demand.training, Some(Training::OptedOut));
        assert!(said(&[]).unwrap().demands.is_empty());
    }

    #[test]
    fn what_openrouter_reads_in_the_body_counts_everywhere_else() {
        let body = |provider: &str| {
            let text =
                format!(r#"{{"model":"auto","provider":{provider},"messages":[{{"role":"user","content":"Hi"}}]}}"#);
            said_with(&[], text.as_bytes())
        };
        let rule = body(r#"{"zdr":true,"data_collection":"deny","order":["x"]}"#).unwrap().demands.remove(0);
        assert_eq!((rule.demand.retention, rule.demand.training), (Some(Retention::None), Some(Training::OptedOut)));
        assert_eq!(rule.heeded_by.as_deref(), Some("openrouter"));
        for nothing in [r#"{"zdr":false,"data_collection":"allow"}"#, r#"{"order":["x"]}"#, r#""groq""#, "null"] {
            assert!(body(nothing).unwrap().demands.is_empty(), "{nothing}");
        }
        for wrong in [r#"{"zdr":"yes"}"#, r#"{"data_collection":"Deny"}"#] {
            assert_eq!(body(wrong).unwrap_err().param.as_deref(), Some("provider"), "{wrong}");
        }
    }
}
