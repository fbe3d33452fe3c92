//! The pure nouns and judgements of Dewpoint: what a request needs, which places there are, what the
//! policy says, where the request goes and why, and what it cost.
//!
//! Way of a request: [`Need`] × [`Fleet`] × [`Policy`] → [`choose`](choose()) → [`Verdict`] → [`Permit`] per
//! attempt → [`Record`].
//!
//! Never here: a clock, randomness, I/O, async, logging. The same inputs give the same [`Verdict`].

mod ability;
mod basis;
mod border;
mod candidate;
mod cascade;
mod choose;
mod class;
mod demand;
mod economics;
mod fault;
mod fleet;
mod found;
mod language;
mod lesson;
mod live;
mod moment;
mod money;
mod need;
mod odds;
mod outlook;
mod permit;
mod place;
mod policy;
mod price;
mod promise;
mod rank;
mod recall;
mod record;
mod regions;
mod rule;
mod subject;
mod target;
mod task;
mod terms;
mod verdict;
mod witness;

pub use ability::{Ability, Belief, model_name};
pub use basis::{COMPARED_DAYS, COMPARED_MAX, Drift, Promised, Sample, groups, needed, promised};
pub use border::Passage;
pub use candidate::{Candidate, Reason};
pub use cascade::Cascade;
pub use choose::{Sum, choose, choose_live, in_scope};
pub use class::DataClass;
pub use demand::{Demand, Unmet};
pub use economics::{Capacity, Economics, HOURS_PER_MONTH, Moment, Power, Tenure, capacity_price};
pub use fault::{Cause, Fault, Retry, Side};
pub use fleet::{Fleet, Health, Load, Offer, PlaceState};
pub use found::{Count, Found};
pub use language::Language;
pub use lesson::{Compared, Lesson, Lessons, Origin};
pub use live::{Gate, Live, Pick, Standing, Unseen};
pub use money::{Nanousd, Usage};
pub use need::{Difficulty, Need, Unpriced};
pub use outlook::Outlook;
pub use permit::{Permit, permit};
pub use place::{Api, Caps, Kind, Model, Place, PlaceId, Tier, Zone};
pub use policy::{Objective, Policy, Route};
pub use price::{Batch, Extra, More, Otherwise, Price, Rates, Tier as PriceTier, When, cost};
pub use promise::{ERROR_RATE, Evidence, Promise, promise};
pub use rank::{RANKS, Rank};
pub use recall::{Answered, Forgotten, Recall};
pub use record::{Baselines, Committed, Durability, Outcome, Outlet, OutletFull, Priced, Record, Slot, Trouble};
pub use regions::countries;
pub use rule::{Rule, Through, contract, tag};
pub use subject::Subject;
pub use target::Target;
pub use task::Task;
pub use terms::{Retention, Terms, Training};
pub use verdict::{Refusal, Refused, Spill, Verdict};
pub use witness::{Blind, Decision, Ending, Sent, Taken, Witness, Written};
