//! One generation: its tokens, where it stands, and how they become text that may be sent. It owns nothing of the KV cache,
//! so it can lose its place there and go on later as if nothing had been.
//!
//! Never here: decoding, other jobs, frames.

use super::calls::{Grammars, Manner, Plan, Watch};
use super::held::{Held, Known};
use super::llama::Model;
use super::pick::logprobs;
use super::sampler::{Sampler, works};
use super::vision::{Chunk, Pixels, Projector, Seen};
use crate::disarm::{Disarm, Part, parts, stretches};
use crate::picture;
use crate::protocol::{Generate, Image, Input, Kind, Logprob, Reason, Spent, ToolSpec};
use crate::speech::{Family, Speech, opened, thinks};
use crate::stop::Stop;
use crate::template::Template;
use crate::utf8::Utf8;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Added to a logit so that its token is never chosen. Finite, since the sampler refuses anything else.
const NEVER: f32 = -1e30;

/// Stands in a prompt for a token of an image.
const IMAGE: i32 = -1;

/// Images, each with the index of its first token.
type Placed = Vec<(usize, Seen)>;

/// A generation under way.
pub(super) struct Job {
    pub(super) id: u64,
    /// Prompt and answer. The last one, once there is an answer, has not been fed yet.
    pub(super) tokens: Vec<i32>,
    /// Where there are images among them, and which; their tokens are [`IMAGE`].
    images: Placed,
    /// Of these, in the KV cache.
    pub(super) fed: usize,
    /// Tokens of the prompt.
    pub(super) prompt: usize,
    limit: usize,
    pub(super) spent: Spent,
    /// When it got its slot for the first time.
    pub(super) began: Option<Instant>,
    /// How the answer is to be read.
    pub(super) speech: Speech,
    sampler: Sampler,
    /// What waits for its moment to bind the answer.
    watch: Option<Watch>,
    /// Control tokens that are sent as text.
    shown: Arc<HashSet<i32>>,
    alternatives: Option<u32>,
    utf8: Utf8,
    stop: Stop,
    signs: bool,
    held: Held,
}

/// What one token led to.
#[derive(Default)]
pub(super) struct Piece {
    pub(super) text: String,
    pub(super) known: Known,
    pub(super) end: Option<Reason>,
}

/// What turns an input into tokens.
pub(super) struct Prompter<'m> {
    model: &'m Model,
    template: Template,
    disarm: Disarm,
    family: Family,
    /// The model reasons, by its template.
    thinks: bool,
    /// The control tokens among the family's marks.
    marks: Arc<HashSet<i32>>,
    grammars: Grammars,
    projector: Option<&'m Projector<'m>>,
}

/// An input that was read.
#[derive(Default)]
pub(super) struct Prompt {
    pub(super) tokens: Vec<i32>,
    images: Placed,
    /// It has begun the reasoning.
    opened: bool,
    tools: Vec<ToolSpec>,
    thinking: Option<bool>,
}

impl<'m> Prompter<'m> {
    /// With the template and the control tokens of the model.
    ///
    /// # Errors
    /// The template cannot be read.
    pub(super) fn new(model: &'m Model) -> Result<Prompter<'m>, String> {
        let (bos, eos) = model.borders();
        let source = model.template();
        let family = Family::of(source.as_deref().unwrap_or_default(), &model.architecture());
        let template = Template::new(source.as_deref(), bos, eos, family).map_err(|e| e.to_string())?;
        let marks = family.marks();
        Ok(Prompter {
            model,
            template,
            disarm: Disarm::new(model.spellings(), marks.iter().copied()),
            family,
            thinks: source.is_some_and(|s| thinks(&s)),
            marks: Arc::new(model.controls(|spelling| marks.contains(&spelling))),
            grammars: Grammars::default(),
            projector: None,
        })
    }

    /// Lets images be seen.
    pub(super) fn see_with(&mut self, projector: Option<&'m Projector<'m>>) {
        self.projector = projector;
    }

    /// The tokens of a rendered prompt with its images.
    fn look(&self, text: &str, images: &[Image]) -> Result<(Vec<i32>, Placed), (Kind, String)> {
        if images.is_empty() {
            return Ok((self.model.tokens(stretches(text)), Vec::new()));
        }
        let Some(projector) = self.projector else {
            return Err((Kind::Invalid, "This model reads no images; it was loaded without a projector.".into()));
        };
        let (mut tokens, mut seen, mut next) = (Vec::new(), Vec::new(), 0);
        for (i, part) in parts(text).enumerate() {
            match part {
                Part::Text(text) if i == 0 => tokens = self.model.tokens(stretches(text)),
                Part::Text(text) => tokens.extend(self.model.plain(stretches(text))),
                Part::Image(number) if number == next => {
                    next += 1;
                    let invalid = |e: String| (Kind::Invalid, format!("Image {next} of the request: {e}"));
                    let image = images.get(number).ok_or_else(|| invalid("it is not there.".into()))?;
                    let (width, height, rgb) = picture::pixels(&image.data).map_err(invalid)?;
                    for chunk in projector.see(&Pixels { width, height, rgb }).map_err(invalid)? {
                        match chunk {
                            Chunk::Text(text) => tokens.extend(text),
                            Chunk::Image(image) => {
                                let at = tokens.len();
                                tokens.resize(at + image.tokens, IMAGE);
                                seen.push((at, image));
                            }
                        }
                    }
                }
                Part::Image(_) => next = usize::MAX,
            }
        }
        if next != images.len() || tokens.last() == Some(&IMAGE) {
            let text = "The model's chat template does not keep the images of this conversation in their places. Put them into messages of the user.";
            return Err((Kind::Invalid, text.into()));
        }
        Ok((tokens, seen))
    }

    /// The tokens of an input, and what is known of the answer by it.
    ///
    /// # Errors
    /// The template refuses it, or there is nothing in it.
    pub(super) fn read(&self, input: Input) -> Result<Prompt, (Kind, String)> {
        let prompt = match input {
            Input::Raw { prompt } => Prompt { tokens: self.model.tokens([prompt.as_str()]), ..Prompt::default() },
            Input::Chat { mut messages, tools, thinking } => {
                let mut disarmed = tools.clone();
                let mut images = Vec::new();
                for message in &mut messages {
                    self.disarm.turn(message, images.len());
                    images.append(&mut message.images);
                }
                disarmed.iter_mut().for_each(|t| self.disarm.tool(t));
                let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
                let text = self.template.render(&messages, &disarmed, thinking, now);
                let text = text.map_err(|e| (Kind::Invalid, e.to_string()))?;
                let (tokens, images) = self.look(&text, &images)?;
                Prompt { tokens, images, opened: opened(&text), tools, thinking }
            }
        };
        if prompt.tokens.is_empty() {
            return Err((Kind::Invalid, "The prompt is empty; there is nothing to continue.".into()));
        }
        Ok(prompt)
    }
}

impl Job {
    /// Checks a request against the model and prepares it.
    ///
    /// # Errors
    /// The kind and the text for the caller.
    pub(super) fn new(prompter: &Prompter<'_>, g: Generate, context: u32) -> Result<Job, (Kind, String)> {
        let Prompt { tokens: prompt, images, opened, tools, thinking } = prompter.read(g.input)?;
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
        let invalid = |text| (Kind::Invalid, text);
        let manner = Manner { family: prompter.family, thinks: prompter.thinks, opened, thinking };
        let Plan { speech, constraint, watch } =
            prompter.grammars.plan(manner, g.constraint, &tools, |gbnf| works(model, gbnf)).map_err(invalid)?;
        let mut bias = g.logit_bias;
        if g.ignore_eos {
            // As llama.cpp has it: the end is never chosen. Going on after it would give end after end, and no text.
            bias.extend(model.endings().map(|token| (token, NEVER)));
        }
        let sampler = Sampler::new(model, &g.sampling, constraint.as_ref(), bias, &prompt).map_err(invalid)?;
        Ok(Job {
            id: g.id,
            fed: 0,
            prompt: prompt.len(),
            speech,
            limit,
            spent: Spent { prompt: prompt.len() as u32, ..Spent::default() },
            tokens: prompt,
            images,
            began: None,
            sampler,
            watch,
            shown: if g.special { Arc::clone(&prompter.marks) } else { Arc::default() },
            alternatives: g.logprobs,
            utf8: Utf8::default(),
            stop: Stop::new(g.stop),
            signs: g.signs,
            held: Held::default(),
        })
    }

    /// The image that is next, where one is.
    pub(super) fn image(&self) -> Option<&Seen> {
        self.images.iter().find(|(at, _)| *at == self.fed).map(|(_, image)| image)
    }

    /// Has it images?
    pub(super) fn sees(&self) -> bool {
        !self.images.is_empty()
    }

    /// Tokens before the first image. Only they can be shared with others.
    pub(super) fn head(&self) -> usize {
        self.images.first().map_or(usize::MAX, |(at, _)| *at)
    }

    /// What could be found in another sequence: all but the last token, which is computed for its logits, up to an image.
    pub(super) fn known(&self) -> &[i32] {
        &self.tokens[..(self.tokens.len() - 1).min(self.head())]
    }

    /// Where the token at this index stands: an image may take fewer positions than it has tokens.
    pub(super) fn position(&self, index: usize) -> usize {
        let before = self.images.iter().take_while(|(at, _)| *at < index);
        before.fold(index, |p, (_, image)| (p + image.positions).saturating_sub(image.tokens))
    }

    /// Tokens that are known, not fed, and before the next image.
    pub(super) fn ready(&self) -> usize {
        let until = self.images.iter().map(|(at, _)| *at).find(|at| *at >= self.fed);
        until.unwrap_or(self.tokens.len()) - self.fed
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
        let bytes = model.bytes(token, self.shown.contains(&token));
        let text = self.utf8.push(&bytes);
        if let Some(arm) = self.watch.as_mut().and_then(|w| w.see(token, &text)) {
            self.watch = None;
            self.sampler.arm(model, &arm);
        }
        let sign = self.signs.then(|| self.sampler.sign(logits, token, text.len()));
        let logprob = self.alternatives.map(|n| {
            let (logprob, top) = logprobs(logits, token, n as usize);
            let top = top.into_iter().map(|(t, p)| (model.bytes(t, self.shown.contains(&t)), p)).collect();
            Logprob { bytes, logprob, top }
        });
        self.held.push(text.len(), logprob, sign);
        let released = self.stop.push(&text);
        self.held.release(released.text.len());
        if let Some(sequence) = released.hit {
            return Ok(self.cut(released.text, sequence));
        }
        if self.left() == 0 {
            let mut piece = self.close(Reason::Length);
            piece.text.insert_str(0, &released.text);
            return Ok(piece);
        }
        Ok(Piece { text: released.text, known: self.held.ready(), end: None })
    }

    /// The end at a stop sequence.
    fn cut(&mut self, text: String, sequence: String) -> Piece {
        Piece { text, known: self.held.cut(), end: Some(Reason::Stop(sequence)) }
    }

    /// Any other end: what was held back goes out. The rest of an unfinished character may itself complete a stop
    /// sequence, so it takes the same way.
    fn close(&mut self, reason: Reason) -> Piece {
        let rest = self.utf8.finish();
        let released = self.stop.push(&rest);
        self.held.release(released.text.len());
        if let Some(sequence) = released.hit {
            return self.cut(released.text, sequence);
        }
        let text = released.text + &self.stop.finish();
        Piece { text, known: self.held.rest(), end: Some(reason) }
    }
}
