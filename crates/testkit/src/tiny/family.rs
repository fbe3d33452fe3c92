//! The tiny models: one per family, some hundred kilobytes each.
//!
//! Never here: the tensors of a block (`block`), the real-size model.

use super::block::{self, Block};
use super::gguf::Gguf;
use super::sizes::{HIDDEN, LAYERS, WIDTH};
use super::vocab::{self, Marks, Vocab};
use super::{encoder, template};

/// The context that is written into the header, tokens, where nothing else is asked for.
pub const CONTEXT: u32 = 1024;

/// A family of models: architecture, vocabulary and chat template as its models have them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Llama 3.
    Llama,
    /// Mistral 7B: the architecture of Llama with a SentencePiece vocabulary.
    Mistral,
    /// Qwen 2.5.
    Qwen2,
    /// Qwen 3: norms on queries and keys, thoughts.
    Qwen3,
    /// Qwen 1.5 MoE: experts and a shared expert with a gate.
    Qwen2Moe,
    /// Gemma.
    Gemma,
    /// Gemma 2: sliding windows, soft caps.
    Gemma2,
    /// Gemma 3.
    Gemma3,
    /// Phi 3: fused projections.
    Phi3,
    /// DeepSeek V3: latent attention, grouped experts.
    DeepSeek2,
    /// An encoder that makes vectors.
    Bert,
    /// An encoder with a head that scores pairs.
    BertRank,
}

impl Family {
    /// All of them.
    pub const ALL: [Family; 12] = [
        Family::Llama,
        Family::Mistral,
        Family::Qwen2,
        Family::Qwen3,
        Family::Qwen2Moe,
        Family::Gemma,
        Family::Gemma2,
        Family::Gemma3,
        Family::Phi3,
        Family::DeepSeek2,
        Family::Bert,
        Family::BertRank,
    ];

    /// The name of its file, without the ending.
    pub fn name(self) -> &'static str {
        match self {
            Family::Llama => "tiny-llama",
            Family::Mistral => "tiny-mistral",
            Family::Qwen2 => "tiny-qwen2",
            Family::Qwen3 => "tiny-qwen3",
            Family::Qwen2Moe => "tiny-qwen2moe",
            Family::Gemma => "tiny-gemma",
            Family::Gemma2 => "tiny-gemma2",
            Family::Gemma3 => "tiny-gemma3",
            Family::Phi3 => "tiny-phi3",
            Family::DeepSeek2 => "tiny-deepseek2",
            Family::Bert => "tiny-bert",
            Family::BertRank => "tiny-bert-rank",
        }
    }

    /// llama.cpp's name of its architecture.
    pub fn architecture(self) -> &'static str {
        match self {
            Family::Llama | Family::Mistral => "llama",
            Family::Qwen2 => "qwen2",
            Family::Qwen3 => "qwen3",
            Family::Qwen2Moe => "qwen2moe",
            Family::Gemma => "gemma",
            Family::Gemma2 => "gemma2",
            Family::Gemma3 => "gemma3",
            Family::Phi3 => "phi3",
            Family::DeepSeek2 => "deepseek2",
            Family::Bert | Family::BertRank => "bert",
        }
    }

    /// Whether it writes text; the others are encoders.
    pub fn writes(self) -> bool {
        !matches!(self, Family::Bert | Family::BertRank)
    }

    /// The chat template in its file.
    pub fn template(self) -> Option<String> {
        Some(match self {
            Family::Llama => template::LLAMA.to_owned(),
            Family::Mistral => template::MISTRAL.to_owned(),
            Family::Qwen2 | Family::Qwen2Moe => template::QWEN.to_owned(),
            Family::Qwen3 => format!("{}{}", template::QWEN, template::QWEN_THINKS_NOT),
            Family::Gemma | Family::Gemma2 | Family::Gemma3 => template::GEMMA.to_owned(),
            Family::Phi3 => template::PHI.to_owned(),
            Family::DeepSeek2 => template::DEEPSEEK.to_owned(),
            Family::Bert | Family::BertRank => return None,
        })
    }

    /// Its file with the usual context.
    pub fn file(self) -> Gguf {
        self.file_with(CONTEXT)
    }

    /// Its file for a context of so many tokens.
    pub fn file_with(self, context: u32) -> Gguf {
        let mut file = Gguf::default();
        let arch = self.architecture();
        file.text("general.architecture", arch);
        file.text("general.name", self.name());
        file.text("general.description", "a test model with random weights");
        file.uint(&format!("{arch}.context_length"), context);
        file.uint(&format!("{arch}.embedding_length"), WIDTH as u32);
        file.uint(&format!("{arch}.block_count"), LAYERS as u32);
        file.uint(&format!("{arch}.feed_forward_length"), HIDDEN as u32);
        if let Some(template) = self.template() {
            file.text("tokenizer.chat_template", &template);
        }
        if !self.writes() {
            encoder::write(&mut file, self == Family::BertRank, context as usize);
            return file;
        }
        let block = self.block();
        block.keys(&mut file, arch);
        let vocab = self.vocabulary(&mut file);
        block::outer(&mut file, &vocab, self.tied());
        (0..LAYERS).for_each(|layer| block.tensors(&mut file, layer));
        file
    }

    /// Whether the output layer is the embedding.
    fn tied(self) -> bool {
        matches!(self, Family::Qwen2 | Family::Gemma | Family::Gemma2 | Family::Gemma3)
    }

    fn block(self) -> Block {
        let plain = Block::default();
        match self {
            Family::Qwen2 => Block { biases: true, ..plain },
            Family::Qwen2Moe => Block { biases: true, experts: true, ..plain },
            Family::Qwen3 => Block { head_norms: true, ..plain },
            // Gemma multiplies embeddings by the root of the width: its blocks must say more to be heard.
            Family::Gemma => Block { strength: 8.0, ..plain },
            Family::Gemma2 => Block { post_norms: true, strength: 8.0, window: Some(64), soft_caps: true, ..plain },
            Family::Gemma3 => Block { post_norms: true, head_norms: true, strength: 8.0, window: Some(64), ..plain },
            Family::Phi3 => Block { fused: true, ..plain },
            Family::DeepSeek2 => Block { latent: true, experts: true, ..plain },
            Family::Llama | Family::Mistral | Family::Bert | Family::BertRank => plain,
        }
    }

    fn vocabulary(self, file: &mut Gguf) -> Vocab {
        let gemma = Marks {
            control: &["<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>"],
            part: &[],
            bos: Some("<bos>"),
            eos: "<eos>",
        };
        match self {
            Family::Llama => {
                let control =
                    ["<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"];
                let control = [&control[..], &["<|eom_id|>", "<|python_tag|>"]].concat();
                let marks = Marks { control: &control, part: &[], bos: Some("<|begin_of_text|>"), eos: "<|eot_id|>" };
                vocab::byte_level(file, "llama-bpe", &marks)
            }
            Family::Mistral => {
                let control = ["<unk>", "<s>", "</s>", "[INST]", "[/INST]", "[TOOL_CALLS]", "[AVAILABLE_TOOLS]"];
                let control = [&control[..], &["[/AVAILABLE_TOOLS]", "[TOOL_RESULTS]", "[/TOOL_RESULTS]"]].concat();
                vocab::pieces(file, "<unk>", &Marks { control: &control, part: &[], bos: Some("<s>"), eos: "</s>" })
            }
            Family::Phi3 => {
                let control =
                    ["<unk>", "<s>", "</s>", "<|endoftext|>", "<|user|>", "<|assistant|>", "<|system|>", "<|end|>"];
                let marks = Marks { control: &control, part: &[], bos: Some("<s>"), eos: "<|endoftext|>" };
                vocab::pieces(file, "<unk>", &marks)
            }
            Family::Gemma | Family::Gemma2 | Family::Gemma3 => vocab::pieces(file, "<unk>", &gemma),
            Family::DeepSeek2 => {
                let control = ["<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>"];
                let part = [
                    "<｜User｜>",
                    "<｜Assistant｜>",
                    "<think>",
                    "</think>",
                    "<｜tool▁calls▁begin｜>",
                    "<｜tool▁calls▁end｜>",
                ];
                let more = ["<｜tool▁call▁begin｜>", "<｜tool▁call▁end｜>", "<｜tool▁sep｜>"];
                let part = [&part[..], &more].concat();
                let (bos, eos) = (Some(control[0]), control[1]);
                vocab::byte_level(file, "deepseek-v3", &Marks { control: &control, part: &part, bos, eos })
            }
            _ => {
                let part =
                    ["<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>", "<think>", "</think>"];
                let control = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"];
                let marks = Marks { control: &control, part: &part, bos: None, eos: "<|im_end|>" };
                vocab::byte_level(file, "qwen2", &marks)
            }
        }
    }
}
