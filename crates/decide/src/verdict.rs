//! The verdict: where a request goes, in which order, and why every other place was refused.
//!
//! Never here: choosing (`choose`) or carrying out (room `gateway`).

use crate::candidate::Dollars;
use crate::{
    Candidate, Cause, DataClass, Difficulty, Fault, Fleet, Model, Need, Objective, Outlook, Place, Rule, Subject, Task,
    Unmet, Zone,
};
use serde::Serialize;
use std::cmp::Reverse;
use std::fmt::Write;
use std::sync::Arc;

/// Why a place was refused. The text of `Display` is what `explain` and errors show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    /// The verdict has no such candidate.
    #[error("is not in the verdict")]
    NotNamed,
    /// The class of the data may not go so far.
    #[error("class {} may go no farther than {} ({by}), and this is {}", .class.as_str(), .reach.as_str(), .zone.as_str())]
    Class {
        /// The class that may not: the declared one, or that of something found.
        class: DataClass,
        /// Farthest zone allowed.
        reach: Zone,
        /// Zone of the place.
        zone: Zone,
        /// What says so: `built-in rule` or `[policy] reach`.
        by: &'static str,
    },
    /// A rule keeps the class from the place.
    #[error("rule `{}` {}", .rule.id, told(.rule, .unmet.as_ref()))]
    Rule {
        /// The class that may not: the declared one, or that of something found.
        class: DataClass,
        /// The rule.
        #[serde(serialize_with = "by_id")]
        rule: Arc<Rule>,
        /// What the place does not meet; `None` where the rule denies it outright.
        unmet: Option<Unmet>,
    },
    /// The class may go there only with what was found taken out, and not all of the request can be searched.
    #[error(
        "takes class {class} only redacted ({rule}), and this request carries content that was not searched (an image, audio or a file, or a search that did not finish)"
    )]
    Unscanned {
        /// The declared class.
        class: DataClass,
        /// The rule that wants it redacted.
        rule: Arc<str>,
    },
    /// The class may go there only with what was found taken out, and nobody says where in the text it stands.
    #[error("takes class {class} only redacted ({rule}), and such data was found in words that cannot be taken out")]
    Loose {
        /// The class of what was found.
        class: DataClass,
        /// The rule that wants it redacted.
        rule: Arc<str>,
    },
    /// The search for personal data and secrets did not end well, so nothing leaves this host.
    #[error("is beyond this host, and the search for personal data and secrets did not finish ({0})")]
    Unread(Arc<str>),
    /// The objective keeps to own ground.
    #[error("keeps to own ground, and this is {}", .0.as_str())]
    NotLocal(Zone),
    /// The caller's key does not cover it.
    #[error("outside the scope of this key")]
    Scope,
    /// Its price is not known, and the key (or the policy) wants none of that: see [`Unpriced`](crate::Unpriced).
    #[error("has no known price")]
    Unpriced,
    /// Lacks a capability.
    #[error("cannot do {0}")]
    Lacks(&'static str),
    /// Another model than the one that makes this request's vectors.
    #[error("makes vectors that do not compare with those of {0}")]
    OtherModel(Arc<str>),
    /// Prompt and completion do not fit.
    #[error("needs {need} tokens of context, has {has}")]
    Context {
        /// Prompt plus completion.
        need: u32,
        /// Window of the model.
        has: u32,
    },
    /// Does not answer.
    #[error("is {0}")]
    Unhealthy(String),
}

impl Refusal {
    /// Whether the policy said so, rather than what a place can do or how it is.
    pub const fn is_policy(&self) -> bool {
        matches!(
            self,
            Refusal::Class { .. }
                | Refusal::Rule { .. }
                | Refusal::Unscanned { .. }
                | Refusal::Loose { .. }
                | Refusal::Unread(_)
        )
    }
}

fn told(rule: &Rule, unmet: Option<&Unmet>) -> String {
    unmet.map_or_else(|| "denies this place".to_owned(), |u| rule.demand.tell(u))
}

fn by_id<S: serde::Serializer>(rule: &Arc<Rule>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&rule.id)
}

/// A (place, model) pair that was asked for but may not or cannot answer, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refused {
    /// The place.
    pub place: Arc<Place>,
    /// The model there.
    pub model: Arc<Model>,
    /// Why not.
    pub why: Refusal,
}

/// Traffic that goes elsewhere because a place is busy. Displayed: "the queue of `gpu` makes its capacity worth $0.0021 now; with it
/// a request costs $0.0021 there and $0.0017 at `cloud`".
#[derive(Debug, Clone, Copy)]
pub struct Spill<'a> {
    /// Where it would go if every place were idle.
    pub from: &'a Candidate,
    /// Where it goes.
    pub to: &'a Candidate,
}

impl std::fmt::Display for Spill<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Spill { from, to } = self;
        let why = if from.reason.pressure_permille > 1_000 { "queue" } else { "load" };
        let worth = Dollars(from.reason.capacity_nanousd);
        write!(f, "the {why} of `{}` makes its capacity worth {worth} now; with it a request costs ", from.place.id)?;
        write!(f, "{} there and {} at `{}`", from.reason.price(), to.reason.price(), to.place.id)
    }
}

/// The decision about one request: immutable, and carried out to the letter by `dispatch`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// The request.
    pub ask_id: u128,
    /// Task that was assumed.
    pub task: Task,
    /// Difficulty that was assumed.
    pub difficulty: Difficulty,
    /// How well models of each rank were expected to answer.
    pub outlook: Option<Outlook>,
    /// The expected quality that was enough, per mille: near that of the best for a prompt like what was trained on, else the
    /// difficulty.
    pub enough_permille: u16,
    /// Effective data class: the highest declared and found.
    pub class: DataClass,
    /// The highest class declared, by key, route and headers.
    pub declared: DataClass,
    /// What the policy looked at; an attempt is judged by it again.
    #[serde(skip)]
    pub subject: Subject,
    /// What was optimised; `None` when the caller or a route fixed the order.
    pub objective: Option<Objective>,
    /// In the order in which they are to be tried. Empty: see [`Verdict::fault`].
    pub order: Vec<Candidate>,
    /// Everything else that the model name covers, with the reason. Pairs that the name does not cover are left out.
    pub refused: Vec<Refused>,
    /// The policy this was decided under.
    pub policy_version: u64,
    /// The fleet snapshot this was decided on.
    pub fleet_version: u64,
}

impl Verdict {
    /// `x-dewpoint-decision`: one line, no text of the request.
    /// Example: `sufficient;task=math;difficulty=480;outlook=310/540/700/860;class=internal;chosen=openai/gpt-5;quality=860;of=3`:
    /// the outlook of each rank from edge to frontier, or `unfamiliar`; the quality expected of what was chosen, and after it
    /// `evidence=12` where the team has observed it twelve times.
    pub fn summary(&self) -> String {
        let mut s = String::with_capacity(160);
        let how = self.objective.map_or("named", Objective::as_str);
        let _ = write!(s, "{how};task={};difficulty={}", self.task.as_str(), self.difficulty.0,);
        match self.outlook {
            Some(Outlook { unfamiliar: true, .. }) => s.push_str(";outlook=unfamiliar"),
            Some(Outlook { good_permille: [edge, local, large, frontier], .. }) => {
                let _ = write!(s, ";outlook={edge}/{local}/{large}/{frontier}");
            }
            None => {}
        }
        let _ = write!(s, ";class={};chosen=", self.class.as_str());
        match self.order.first() {
            Some(c) => {
                s.push_str(c.place.id.as_str());
                s.push('/');
                s.push_str(&c.model.id);
                let _ = write!(s, ";quality={}", c.reason.quality_permille);
                if let Some(n) = c.reason.observations() {
                    let _ = write!(s, ";evidence={n}");
                }
            }
            None => s.push_str("none"),
        }
        let _ = write!(s, ";of={}", self.order.len() + self.refused.len());
        if let Some(spill) = self.spill() {
            let _ = write!(s, ";busy={}", spill.from.place.id);
        }
        s
    }

    /// That the request goes elsewhere only because the place where it would go is busy; `None` where it goes there.
    pub fn spill(&self) -> Option<Spill<'_>> {
        let to = self.order.first()?;
        let from = self.order.iter().skip(1).find(|c| c.reason.home)?;
        let dearer = from.reason.capacity_nanousd > 0 && from.reason.utility_nanousd < to.reason.utility_nanousd;
        dearer.then_some(Spill { from, to })
    }

    /// What savings are compared with, of those that may answer: the candidate of the highest expected quality (of equals the
    /// cheapest), and the cheapest in full of those whose quality is sufficient.
    pub fn baselines(&self) -> (Option<&Candidate>, Option<&Candidate>) {
        let full = |c: &Candidate| c.reason.full_nanousd.unwrap_or(i64::MAX);
        let strongest = self.order.iter().min_by_key(|c| (Reverse(c.reason.quality_permille), full(c)));
        let enough = self.order.iter().filter(|c| c.reason.sufficient && c.reason.full_nanousd.is_some());
        (strongest, enough.min_by_key(|c| full(c)))
    }

    /// What to tell the caller when nothing may or can answer; `None` when there is a candidate.
    pub fn fault(&self, need: &Need, fleet: &Fleet) -> Option<Fault> {
        if !self.order.is_empty() {
            return None;
        }
        let any = |test: fn(&Refusal) -> bool| self.refused.iter().any(|r| test(&r.why));
        Some(if self.refused.is_empty() {
            model_not_found(need, fleet)
        } else if any(|r| matches!(r, Refusal::Unhealthy(_))) {
            Fault::new(Cause::NoPlaceReady, self.told("Nothing that may answer is ready", "Try again in a moment"))
                .after(2)
        } else if any(Refusal::is_policy) {
            let advice = "Declare a lower class, add a place that the rules allow, or change [policy]";
            let what = "The policy lets this request go nowhere";
            let raised = format!("{what} ({} data was found in it)", self.class);
            let what = if self.class > self.declared { &raised } else { what };
            Fault::new(Cause::PolicyDenied, self.told(what, advice))
        } else if any(|r| matches!(r, Refusal::Unpriced)) {
            let advice = "Give it a price (`price` of the model, or [[price]]), look it up with `dewpoint prices`, or set unpriced = \"estimate\" or \"allow\" for this key";
            let what = "What may be spent here has to be known before it is spent, and no price is known";
            Fault::new(Cause::PolicyDenied, self.told(what, advice)).at("model")
        } else if any(|r| matches!(r, Refusal::Context { .. })) {
            let advice = "Shorten the prompt, lower max_tokens, or add a model with a larger context";
            Fault::new(Cause::ContextLength, self.told("The request fits no context window", advice)).at("messages")
        } else if any(|r| matches!(r, Refusal::Lacks(_))) {
            let advice = "Add a place with that capability, or leave the feature out";
            Fault::new(Cause::Unsupported, self.told("No model here can do what is asked", advice))
        } else if any(|r| matches!(r, Refusal::Scope)) {
            Fault::new(Cause::Forbidden, self.told("This key may not use it", "Ask for a key with a wider scope"))
        } else {
            Fault::new(Cause::Unsupported, self.told("Nothing on own ground can answer", "Add a local place"))
        })
    }

    /// "What happened: a/b why; c/d why. Advice." with at most four reasons.
    fn told(&self, what: &str, advice: &str) -> String {
        const SHOWN: usize = 4;
        let mut s = format!("{what}: ");
        for (i, r) in self.refused.iter().take(SHOWN).enumerate() {
            let gap = if i == 0 { "" } else { "; " };
            let _ = write!(s, "{gap}{}/{} {}", r.place.id, r.model.id, r.why);
        }
        if self.refused.len() > SHOWN {
            let _ = write!(s, "; and {} more", self.refused.len() - SHOWN);
        }
        let _ = write!(s, ". {advice}.");
        s
    }
}

fn model_not_found(need: &Need, fleet: &Fleet) -> Fault {
    const SHOWN: usize = 8;
    let asked: String = need.model.chars().take(80).collect();
    if fleet.places.is_empty() {
        return Fault::new(
            Cause::NoPlaceReady,
            "No place is configured and the embedded engine is off. Run `dewpoint init`, or set a provider's API key and restart.",
        );
    }
    let mut s = format!("The model `{asked}` does not exist here. Use `auto`, or one of:");
    for (i, offer) in fleet.offers().take(SHOWN).enumerate() {
        let gap = if i == 0 { " " } else { ", " };
        let _ = write!(s, "{gap}{}/{}", offer.state.place.id, offer.model.id);
    }
    let all = fleet.offers().count();
    if all > SHOWN {
        let _ = write!(s, " and {} more (GET /v1/models)", all - SHOWN);
    }
    s.push('.');
    Fault::new(Cause::ModelNotFound, s).at("model")
}
