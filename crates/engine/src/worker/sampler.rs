//! The choice of one request: logit bias, penalties, the grammar of its constraint, and its own random numbers.
//!
//! What the request excludes or penalises is applied to a copy of the logits; without any of it there is no copy.
//!
//! Never here: decoding, text.

use super::calls::Arm;
use super::llama::Model;
use super::pick::{Chance, Scratch, pick, survey};
use super::sign::sign;
use crate::protocol::{Constraint, Sampling, Sign};
use llama_cpp_2::sampling::LlamaSampler;
use llama_cpp_2::token::LlamaToken;
use llama_cpp_2::token::data::LlamaTokenData;
use llama_cpp_2::token::data_array::LlamaTokenDataArray;
use std::collections::HashMap;

/// The sampler of one request. What it has chosen stays chosen: it goes forward only.
pub(super) struct Sampler {
    sampling: Sampling,
    chance: Chance,
    grammar: Option<LlamaSampler>,
    bias: Vec<(i32, f32)>,
    /// How often each token of the answer came, and 0 for those of the prompt alone; kept only where something is penalised.
    counts: HashMap<i32, u32>,
    scratch: Scratch,
    /// The scratch is of the logits as the model computed them.
    surveyed: bool,
    changed: Vec<f32>,
}

impl Sampler {
    /// Of a request after `prompt`.
    ///
    /// # Errors
    /// A token that does not exist, or a constraint that cannot be enforced; the text is for the caller.
    pub(super) fn new(
        model: &Model,
        sampling: &Sampling,
        bound: Option<&Constraint>,
        bias: Vec<(i32, f32)>,
        prompt: &[i32],
    ) -> Result<Sampler, String> {
        if let Some((token, _)) = bias.iter().find(|(t, b)| !model.knows(*t) || !b.is_finite()) {
            let most = model.vocabulary();
            return Err(format!("logit_bias names the token {token}; this model has the tokens 0 to {}.", most - 1));
        }
        let repeats = sampling.repetition_penalty != 1.0;
        let counts = if repeats { prompt.iter().map(|t| (*t, 0)).collect() } else { HashMap::new() };
        Ok(Sampler {
            sampling: *sampling,
            chance: Chance::new(sampling.seed),
            grammar: bound.map(|bound| grammar(model, bound)).transpose()?,
            bias,
            counts,
            scratch: Scratch::default(),
            surveyed: false,
            changed: Vec::new(),
        })
    }

    /// Chooses the next token. `None` where the grammar allows no token at all: the answer is complete.
    ///
    /// # Errors
    /// The model computes nonsense (not a number), or the grammar refuses its own choice.
    pub(super) fn pick(&mut self, logits: &[f32]) -> Result<Option<i32>, String> {
        let plain = self.bias.is_empty() && !self.penalises();
        let first = if plain { self.choose(logits, false)? } else { self.adjust(logits)? };
        let Some(mut token) = first else { return Ok(None) };
        if let Some(grammar) = &mut self.grammar {
            // Most free choices obey; only otherwise is the whole vocabulary checked, which costs milliseconds.
            let mut one = LlamaTokenDataArray::new(vec![LlamaTokenData::new(LlamaToken(token), 1.0, 0.0)], false);
            one.apply_sampler(grammar);
            if one.data.first().is_none_or(|d| d.logit() == f32::NEG_INFINITY) {
                let from = if plain { logits } else { &self.changed };
                let data = (0..).zip(from).map(|(i, l)| LlamaTokenData::new(LlamaToken(i), *l, 0.0));
                let mut all = LlamaTokenDataArray::from_iter(data, false);
                all.apply_sampler(grammar);
                self.changed.clear();
                self.changed.resize(logits.len(), f32::NEG_INFINITY);
                for d in &all.data {
                    if let Some(l) = usize::try_from(d.id().0).ok().and_then(|i| self.changed.get_mut(i)) {
                        *l = d.logit();
                    }
                }
                let Some(obedient) = self.choose(&[], true)? else { return Ok(None) };
                token = obedient;
            }
            if let Some(grammar) = &mut self.grammar {
                let refused = |_| "The answer does not obey its grammar.".to_owned();
                grammar.try_accept(LlamaToken(token)).map_err(refused)?;
            }
        }
        if self.penalises() {
            *self.counts.entry(token).or_insert(0) += 1;
        }
        Ok(Some(token))
    }

    /// How sure the model was of `token`, which was just chosen from these logits and has so many bytes.
    pub(super) fn sign(&mut self, logits: &[f32], token: i32, bytes: usize) -> Sign {
        if !self.surveyed {
            // What is no number was found when the token was chosen.
            let _ = survey(logits, &mut self.scratch.most);
        }
        sign(logits, &self.scratch.most, token, bytes)
    }

    fn penalises(&self) -> bool {
        let s = &self.sampling;
        s.repetition_penalty != 1.0 || s.frequency_penalty != 0.0 || s.presence_penalty != 0.0
    }

    /// From these logits, or from the changed ones.
    fn choose(&mut self, logits: &[f32], changed: bool) -> Result<Option<i32>, String> {
        let from = if changed { &self.changed } else { logits };
        self.surveyed = !changed;
        pick(from, &self.sampling, &mut self.chance, &mut self.scratch).map_err(|_| {
            "The model computed values that are not numbers; its file is damaged or not supported.".to_owned()
        })
    }

    /// Applies bias and penalties to a copy, then chooses. Formulas: repetition as in CTRL (Keskar et al. 2019), frequency and
    /// presence as in OpenAI's reference, over the answer.
    fn adjust(&mut self, logits: &[f32]) -> Result<Option<i32>, String> {
        self.changed.clear();
        self.changed.extend_from_slice(logits);
        for (token, bias) in &self.bias {
            if let Some(l) = usize::try_from(*token).ok().and_then(|t| self.changed.get_mut(t)) {
                *l += bias;
            }
        }
        let s = &self.sampling;
        for (token, times) in &self.counts {
            let Some(l) = usize::try_from(*token).ok().and_then(|t| self.changed.get_mut(t)) else { continue };
            *l = if *l > 0.0 { *l / s.repetition_penalty } else { *l * s.repetition_penalty };
            if *times > 0 {
                *l -= s.presence_penalty + s.frequency_penalty * *times as f32;
            }
        }
        self.choose(&[], true)
    }
}

/// The grammar of a constraint.
fn grammar(model: &Model, bound: &Constraint) -> Result<LlamaSampler, String> {
    match bound {
        Constraint::Schema(schema) => {
            let grammar = llama_cpp_2::json_schema_to_grammar(schema)
                .map_err(|_| "This JSON schema uses something that the embedded engine cannot enforce.".to_owned())?;
            LlamaSampler::grammar(&model.model, &grammar, "root")
                .map_err(|e| format!("This JSON schema cannot be enforced by the embedded engine: {e}."))
        }
        Constraint::Grammar { gbnf, triggers } if triggers.is_empty() => {
            LlamaSampler::grammar(&model.model, gbnf, "root").map_err(|e| format!("This grammar cannot be used: {e}."))
        }
        Constraint::Grammar { gbnf, triggers } => {
            LlamaSampler::grammar_lazy_patterns(&model.model, gbnf, "root", triggers, &[])
                .map_err(|e| format!("This grammar, or a pattern that begins it, cannot be used: {e}."))
        }
        Constraint::Calls { .. } => Err("Calls are made into a grammar before they come here.".to_owned()),
    }
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
