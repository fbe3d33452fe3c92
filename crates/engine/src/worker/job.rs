//! One generation: its tokens, where it stands, and how they become text that may be sent. It owns nothing of the KV cache,
//! so it can lose its place there and go on later as if nothing had been.
//!
//! Never here: decoding, other jobs, frames.

use super::llama::Model;
use super::pick::logprobs;
use super::sampler::Sampler;
use crate::disarm::{Disarm, stretches};
use crate::protocol::{Generate, Input, Kind, Logprob, Reason, Spent};
use crate::stop::Stop;
use crate::template::Template;
use crate::utf8::Utf8;
use std::collections::VecDeque;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Added to a logit so that its token is never chosen. Finite, since the sampler refuses anything else.
const NEVER: f32 = -1e30;

/// A generation under way.
pub(super) struct Job {
    pub(super) id: u64,
    /// Prompt and answer. The last one, once there is an answer, has not been fed yet.
    pub(super) tokens: Vec<i32>,
    /// Of these, in the KV cache.
    pub(super) fed: usize,
    /// Tokens of the prompt.
    pub(super) prompt: usize,
    limit: usize,
    pub(super) spent: Spent,
    /// When it got its slot for the first time.
    pub(super) began: Option<Instant>,
    sampler: Sampler,
    alternatives: Option<u32>,
    special: bool,
    utf8: Utf8,
    stop: Stop,
    /// Log-probabilities of tokens whose text is not sent yet, each with where its text begins and ends.
    pending: VecDeque<(usize, usize, Logprob)>,
    assembled: usize,
    released: usize,
}

/// What one token led to.
#[derive(Default)]
pub(super) struct Piece {
    pub(super) text: String,
    pub(super) logprobs: Vec<Logprob>,
    pub(super) end: Option<Reason>,
}

/// What turns an input into tokens.
pub(super) struct Prompter<'m> {
    model: &'m Model,
    template: Template,
    disarm: Disarm,
}

impl<'m> Prompter<'m> {
    /// With the template and the control tokens of the model.
    ///
    /// # Errors
    /// The template cannot be read.
    pub(super) fn new(model: &'m Model) -> Result<Prompter<'m>, String> {
        let (bos, eos) = model.borders();
        let template = Template::new(model.template().as_deref(), bos, eos).map_err(|e| e.to_string())?;
        Ok(Prompter { model, template, disarm: Disarm::new(model.spellings()) })
    }

    /// The tokens of an input.
    ///
    /// # Errors
    /// The template refuses it, or there is nothing in it.
    pub(super) fn tokens(&self, input: Input) -> Result<Vec<i32>, (Kind, String)> {
        let tokens = match input {
            Input::Raw { prompt } => self.model.tokens([prompt.as_str()]),
            Input::Chat { mut messages, mut tools, thinking } => {
                messages.iter_mut().for_each(|m| self.disarm.turn(m));
                tools.iter_mut().for_each(|t| self.disarm.tool(t));
                let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
                let text = self.template.render(&messages, &tools, thinking, now);
                self.model.tokens(stretches(&text.map_err(|e| (Kind::Invalid, e.to_string()))?))
            }
        };
        if tokens.is_empty() {
            return Err((Kind::Invalid, "The prompt is empty; there is nothing to continue.".into()));
        }
        Ok(tokens)
    }
}

impl Job {
    /// Checks a request against the model and prepares it.
    ///
    /// # Errors
    /// The kind and the text for the caller.
    pub(super) fn new(prompter: &Prompter<'_>, g: Generate, context: u32) -> Result<Job, (Kind, String)> {
        let prompt = prompter.tokens(g.input)?;
        let room = u32::try_from(prompt.len()).ok().and_then(|n| context.checked_sub(n)).unwrap_or(0);
        if room == 0 {
            let text = format!(
                "The prompt has {} tokens and this model has room for {context}, with at least one for the answer. \
                 Shorten the conversation or use a model with a larger context.",
                prompt.len()
            );
            return Err((Kind::Context, text));
        }
        let limit = g.max_tokens.unwrap_or(u32::MAX).clamp(1, room) as usize;
        let model = prompter.model;
        let mut bias = g.logit_bias;
        if g.ignore_eos {
            // As llama.cpp has it: the end is never chosen. Going on after it would give end after end, and no text.
            bias.extend(model.endings().map(|token| (token, NEVER)));
        }
        let sampler = Sampler::new(model, &g.sampling, g.constraint.as_ref(), bias, &prompt)
            .map_err(|text| (Kind::Invalid, text))?;
        Ok(Job {
            id: g.id,
            fed: 0,
            prompt: prompt.len(),
            limit,
            spent: Spent { prompt: prompt.len() as u32, ..Spent::default() },
            tokens: prompt,
            began: None,
            sampler,
            alternatives: g.logprobs,
            special: g.special,
            utf8: Utf8::default(),
            stop: Stop::new(g.stop),
            pending: VecDeque::new(),
            assembled: 0,
            released: 0,
        })
    }

    /// Tokens that are known and not fed.
    pub(super) fn pending(&self) -> usize {
        self.tokens.len() - self.fed
    }

    /// Tokens of the answer so far.
    pub(super) fn produced(&self) -> usize {
        self.tokens.len() - self.prompt
    }

    /// Tokens that the answer may still get.
    pub(super) fn left(&self) -> usize {
        self.limit.saturating_sub(self.produced())
    }

    /// Chooses the next token from the logits and says what may be sent.
    ///
    /// # Errors
    /// The sampler's.
    pub(super) fn advance(&mut self, model: &Model, logits: &[f32]) -> Result<Piece, String> {
        let Some(token) = self.sampler.pick(logits)? else { return Ok(self.close(Reason::End)) };
        self.tokens.push(token);
        self.spent.completion += 1;
        if model.ends(token) {
            return Ok(self.close(Reason::End));
        }
        let bytes = model.bytes(token, self.special);
        let text = self.utf8.push(&bytes);
        let begins = self.assembled;
        self.assembled += text.len();
        if let Some(n) = self.alternatives {
            let (logprob, top) = logprobs(logits, token, n as usize);
            let top = top.into_iter().map(|(t, p)| (model.bytes(t, self.special), p)).collect();
            self.pending.push_back((begins, self.assembled, Logprob { bytes, logprob, top }));
        }
        let released = self.stop.push(&text);
        self.released += released.text.len();
        if let Some(sequence) = released.hit {
            return Ok(self.cut(released.text, sequence));
        }
        if self.left() == 0 {
            let mut piece = self.close(Reason::Length);
            piece.text.insert_str(0, &released.text);
            return Ok(piece);
        }
        let ready = self.pending.iter().take_while(|(_, end, _)| *end <= self.released).count();
        let logprobs = self.pending.drain(..ready).map(|(_, _, l)| l).collect();
        Ok(Piece { text: released.text, logprobs, end: None })
    }

    /// The end at a stop sequence: tokens that lie wholly in it are not shown.
    fn cut(&mut self, text: String, sequence: String) -> Piece {
        let released = self.released;
        let shown = self.pending.drain(..).filter(|(begins, _, _)| *begins < released).map(|(_, _, l)| l).collect();
        Piece { text, logprobs: shown, end: Some(Reason::Stop(sequence)) }
    }

    /// Any other end: what was held back goes out. The rest of an unfinished character may itself complete a stop
    /// sequence, so it takes the same way.
    fn close(&mut self, reason: Reason) -> Piece {
        let rest = self.utf8.finish();
        let released = self.stop.push(&rest);
        self.released += released.text.len();
        if let Some(sequence) = released.hit {
            return self.cut(released.text, sequence);
        }
        let text = released.text + &self.stop.finish();
        Piece { text, logprobs: self.pending.drain(..).map(|(_, _, l)| l).collect(), end: Some(reason) }
    }
}
