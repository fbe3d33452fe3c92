//! From logits to a token: penalties, top-k, top-p, min-p, temperature, seed, and the grammar of a JSON schema; and
//! log-probabilities.
//!
//! Never here: decoding, text.

use super::calls::Arm;
use super::llama::Model;
use crate::protocol::{Constraint, Sampling};
use llama_cpp_2::sampling::LlamaSampler;
use llama_cpp_2::token::LlamaToken;
use llama_cpp_2::token::data::LlamaTokenData;
use llama_cpp_2::token::data_array::LlamaTokenDataArray;

/// Penalties look back at most this many tokens of the answer.
const PENALTY_WINDOW: u32 = 4096;

/// The sampler of one request.
pub(super) struct Sampler {
    chain: LlamaSampler,
    grammar: Option<LlamaSampler>,
}

impl Sampler {
    /// Builds the chain; `bound` is what every answer must obey.
    ///
    /// # Errors
    /// The schema cannot be made into a grammar; the text is for the caller.
    pub(super) fn new(model: &Model, s: &Sampling, bound: Option<&Constraint>, limit: u32) -> Result<Sampler, String> {
        let mut steps = Vec::new();
        if s.frequency_penalty != 0.0 || s.presence_penalty != 0.0 {
            let window = limit.clamp(1, PENALTY_WINDOW) as i32;
            let (often, ever) = (s.frequency_penalty, s.presence_penalty);
            steps.push(LlamaSampler::penalties(model.model.n_vocab(), window, 1.0, often, ever));
        }
        if s.temperature <= 0.0 {
            steps.push(LlamaSampler::greedy());
        } else {
            if s.top_k > 0 {
                steps.push(LlamaSampler::top_k(i32::try_from(s.top_k).unwrap_or(i32::MAX)));
            }
            steps.push(LlamaSampler::top_p(s.top_p, 1));
            steps.push(LlamaSampler::min_p(s.min_p, 1));
            steps.push(LlamaSampler::temp(s.temperature));
            // The largest number means "random" to llama.cpp.
            steps.push(LlamaSampler::dist(s.seed.min(u32::MAX - 1)));
        }
        let grammar = bound.map(|bound| grammar(model, bound)).transpose()?;
        Ok(Sampler { chain: LlamaSampler::chain(steps, true), grammar })
    }

    /// Chooses the next token. `None` where the grammar allows no token at all: the answer is complete.
    ///
    /// # Errors
    /// The model computes nonsense (not a number), or the grammar refuses its own choice.
    pub(super) fn pick(&mut self, logits: &[f32]) -> Result<Option<i32>, String> {
        if logits.iter().any(|l| l.is_nan()) {
            return Err("The model computed values that are not numbers; its file is damaged or not supported.".into());
        }
        let mut token = choose(&mut self.chain, candidates(logits));
        if let Some(grammar) = &mut self.grammar {
            // Most free choices obey; only otherwise is the whole vocabulary checked, which costs milliseconds.
            let mut one = LlamaTokenDataArray::new(vec![LlamaTokenData::new(LlamaToken(token), 1.0, 0.0)], false);
            one.apply_sampler(grammar);
            if one.data.first().is_none_or(|d| d.logit() == f32::NEG_INFINITY) {
                let mut all = candidates(logits);
                all.apply_sampler(grammar);
                all.data.retain(|d| d.logit() > f32::NEG_INFINITY);
                if all.data.is_empty() {
                    return Ok(None);
                }
                token = choose(&mut self.chain, all);
            }
            grammar
                .try_accept(LlamaToken(token))
                .map_err(|_| "The answer does not obey the JSON schema.".to_owned())?;
        }
        self.chain.accept(LlamaToken(token));
        Ok(Some(token))
    }
}

fn candidates(logits: &[f32]) -> LlamaTokenDataArray {
    let one = |(i, logit): (i32, &f32)| LlamaTokenData::new(LlamaToken(i), *logit, 0.0);
    LlamaTokenDataArray::from_iter((0..).zip(logits).map(one), false)
}

/// Applies the chain, which ends in a choice; without one (which would be a bug of the chain) the likeliest is taken.
fn choose(chain: &mut LlamaSampler, mut from: LlamaTokenDataArray) -> i32 {
    from.apply_sampler(chain);
    let likeliest = || from.data.iter().max_by(|a, b| a.logit().total_cmp(&b.logit())).map(LlamaTokenData::id);
    from.selected_token().or_else(likeliest).map_or(0, |t| t.0)
}

fn grammar(model: &Model, bound: &Constraint) -> Result<LlamaSampler, String> {
    let schema = match bound {
        Constraint::Schema(schema) => schema,
        Constraint::Grammar { gbnf, triggers } => {
            let made = if triggers.is_empty() {
                LlamaSampler::grammar(&model.model, gbnf, "root")
            } else {
                LlamaSampler::grammar_lazy_patterns(&model.model, gbnf, "root", triggers, &[])
            };
            return made.map_err(|e| format!("This grammar cannot be enforced by the embedded engine: {e}."));
        }
        Constraint::Calls { .. } => return Err("Calls are made into a grammar before they come here.".to_owned()),
    };
    let grammar = llama_cpp_2::json_schema_to_grammar(schema)
        .map_err(|_| "This JSON schema uses something that the embedded engine cannot enforce.".to_owned())?;
    LlamaSampler::grammar(&model.model, &grammar, "root")
        .map_err(|e| format!("This JSON schema cannot be enforced by the embedded engine: {e}."))
}

impl Sampler {
    /// From now on the answer obeys `arm`'s grammar; false where what it has said already does not.
    pub(super) fn arm(&mut self, model: &Model, arm: &Arm) -> bool {
        let model = &model.model;
        let made = if arm.tokens.is_empty() {
            LlamaSampler::grammar(model, &arm.gbnf, "root")
        } else {
            // The pattern matches with the first token and leaves out what is not the grammar's.
            let pattern = format!("^[\\s\\S]{{{}}}([\\s\\S]+)", arm.skip);
            LlamaSampler::grammar_lazy_patterns(model, &arm.gbnf, "root", &[pattern], &[])
        };
        let Ok(mut grammar) = made else { return false };
        let obeys = arm.tokens.iter().all(|t| grammar.try_accept(LlamaToken(*t)).is_ok());
        if obeys {
            self.grammar = Some(grammar);
        }
        obeys
    }
}

/// Can the sampler work with this grammar?
///
/// # Errors
/// It cannot; for the caller.
pub(super) fn works(model: &Model, gbnf: &str) -> Result<(), String> {
    LlamaSampler::grammar(&model.model, gbnf, "root")
        .map(drop)
        .map_err(|e| format!("The embedded engine cannot enforce these JSON schemas: {e}. Simplify them."))
}

/// Natural logarithm of the probability of `token`, and of the `top` likeliest tokens, before any sampling parameter.
pub(super) fn logprobs(logits: &[f32], token: i32, top: usize) -> (f32, Vec<(i32, f32)>) {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = logits.iter().map(|l| f64::from(l - most).exp()).sum();
    let log_sum = f64::from(most) + sum.ln();
    let of = |token: i32| {
        let logit = usize::try_from(token).ok().and_then(|t| logits.get(t)).copied().unwrap_or(f32::NEG_INFINITY);
        (f64::from(logit) - log_sum) as f32
    };
    let mut ranked: Vec<i32> = (0..logits.len() as i32).collect();
    let by_logit = |a: &i32, b: &i32| logits[*b as usize].total_cmp(&logits[*a as usize]).then(a.cmp(b));
    if top < ranked.len() && top > 0 {
        ranked.select_nth_unstable_by(top - 1, by_logit);
    }
    ranked.truncate(top);
    ranked.sort_unstable_by(by_logit);
    (of(token), ranked.into_iter().map(|t| (t, of(t))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logprobs_are_a_log_softmax() {
        let logits = [1.0f32, 3.0, 2.0, -1000.0];
        let (chosen, top) = logprobs(&logits, 0, 2);
        let sum: f32 = logits.iter().map(|l| l.exp()).sum();
        assert!((chosen - (1.0f32.exp() / sum).ln()).abs() < 1e-5);
        assert_eq!(top.iter().map(|t| t.0).collect::<Vec<_>>(), [1, 2]);
        let all: f32 = logprobs(&logits, 0, 9).1.iter().map(|t| t.1.exp()).sum();
        assert!((all - 1.0).abs() < 1e-5);
    }
}
