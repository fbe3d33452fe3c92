//! Writes a tiny llama-architecture GGUF whose weights spell a known chain of characters, so that tests can say exactly
//! what it answers: `a…z` round and round, `0…9` and then the end of the turn, `é` for ever, and `0` after a new line
//! (so that a ChatML prompt is answered with `0123456789`). Attention and feed-forward add nothing: their outgoing
//! matrices are zero. Embeddings are pseudo-random unit vectors from a fixed seed.
//!
//! Never here: anything that is shipped.
#![allow(dead_code, unreachable_pub, missing_docs, clippy::unwrap_used)]

/// What varies between tests.
pub struct Tiny {
    /// Context length written into the header.
    pub context: u32,
    /// Chat template; `None` leaves the key out.
    pub template: Option<&'static str>,
    /// Further float values, such as `general.sampling.temp`.
    pub floats: Vec<(&'static str, f32)>,
    /// Architecture name.
    pub arch: &'static str,
    /// One more control token, said after a new line instead of `0`; nothing in particular follows it.
    pub mark: Option<&'static str>,
    /// Attention counts: every token depends on all before it, and the answer is no chain any more.
    pub attends: bool,
}

impl Default for Tiny {
    fn default() -> Tiny {
        Tiny { context: 512, template: None, floats: Vec::new(), arch: "llama", attends: false, mark: None }
    }
}

const WIDTH: usize = 64;
const HIDDEN: usize = 32;
pub const IM_START: usize = 256;
pub const IM_END: usize = 257;
const END_OF_TEXT: usize = 258;
const VOCAB: usize = 259;

/// The token after `token` in the chain, if it is part of it. What is not leads somewhere, but always to the same place.
fn next(token: usize) -> Option<usize> {
    match token as u8 {
        _ if token >= IM_START => None,
        b'a'..=b'y' | b'0'..=b'8' => Some(token + 1),
        b'z' => Some(usize::from(b'a')),
        b'9' => Some(IM_END),
        b'\n' => Some(usize::from(b'0')),
        0xc3 => Some(0xa9),
        0xa9 => Some(0xc3),
        _ => None,
    }
}

impl Tiny {
    /// The bytes of the file.
    pub fn bytes(&self) -> Vec<u8> {
        let tensors = tensors(self.attends, self.mark.is_some());
        let mut keys = Keys::default();
        self.keys(&mut keys);
        let mut out = b"GGUF".to_vec();
        out.extend(3u32.to_le_bytes());
        out.extend((tensors.len() as u64).to_le_bytes());
        out.extend(keys.count.to_le_bytes());
        out.extend(&keys.bytes);
        let mut data: Vec<u8> = Vec::new();
        for (name, shape, values) in &tensors {
            string(&mut out, name);
            out.extend((shape.len() as u32).to_le_bytes());
            shape.iter().for_each(|n| out.extend((*n as u64).to_le_bytes()));
            out.extend(0u32.to_le_bytes());
            out.extend((data.len() as u64).to_le_bytes());
            values.iter().for_each(|v| data.extend(v.to_le_bytes()));
            data.resize(data.len().next_multiple_of(32), 0);
        }
        out.resize(out.len().next_multiple_of(32), 0);
        out.extend(data);
        out
    }

    fn keys(&self, k: &mut Keys) {
        let a = self.arch;
        k.text("general.architecture", a);
        k.text("general.name", "tiny chain");
        k.text("general.description", "a test model");
        k.uint(&format!("{a}.context_length"), self.context);
        k.uint(&format!("{a}.embedding_length"), WIDTH as u32);
        k.uint(&format!("{a}.block_count"), 1);
        k.uint(&format!("{a}.feed_forward_length"), HIDDEN as u32);
        k.uint(&format!("{a}.attention.head_count"), 2);
        k.uint(&format!("{a}.attention.head_count_kv"), 2);
        k.uint(&format!("{a}.rope.dimension_count"), 32);
        k.float(&format!("{a}.attention.layer_norm_rms_epsilon"), 1e-5);
        self.floats.iter().for_each(|(key, v)| k.float(key, *v));
        k.text("tokenizer.ggml.model", "gpt2");
        k.text("tokenizer.ggml.pre", "gpt-2");
        let mut tokens: Vec<String> = (0..=255u8).map(|b| printable(b).to_string()).collect();
        tokens.extend(["<|im_start|>", "<|im_end|>", "<|endoftext|>"].map(String::from));
        tokens.extend(self.mark.map(String::from));
        k.strings("tokenizer.ggml.tokens", &tokens);
        let kinds: Vec<i32> = (0..tokens.len()).map(|t| if t >= IM_START { 3 } else { 1 }).collect();
        k.ints("tokenizer.ggml.token_type", &kinds);
        k.strings("tokenizer.ggml.merges", &[]);
        k.uint("tokenizer.ggml.eos_token_id", IM_END as u32);
        k.uint("tokenizer.ggml.bos_token_id", END_OF_TEXT as u32);
        if let Some(template) = self.template {
            k.text("tokenizer.chat_template", template);
        }
    }
}

/// GPT-2's printable stand-in for a byte.
fn printable(b: u8) -> char {
    let keeps = |b: u8| matches!(b, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff);
    if keeps(b) {
        return char::from(b);
    }
    let rank = (0..b).filter(|x| !keeps(*x)).count() as u32;
    char::from_u32(256 + rank).unwrap()
}

type Tensor = (String, Vec<usize>, Vec<f32>);

fn tensors(attends: bool, mark: bool) -> Vec<Tensor> {
    let vocab = VOCAB + usize::from(mark);
    let mut seed = 0x9e37_79b9_7f4a_7c15u64;
    let mut random = move || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((seed >> 40) as f32 / (1u64 << 24) as f32) - 0.5
    };
    let mut embed = Vec::with_capacity(vocab * WIDTH);
    for _ in 0..vocab {
        let row: Vec<f32> = (0..WIDTH).map(|_| random()).collect();
        let length = row.iter().map(|v| v * v).sum::<f32>().sqrt();
        embed.extend(row.iter().map(|v| v / length));
    }
    let mut output = vec![0f32; vocab * WIDTH];
    let chain = |t: usize| if mark && t == usize::from(b'\n') { Some(VOCAB) } else { next(t) };
    for (token, to) in (0..VOCAB).filter_map(|t| chain(t).map(|to| (t, to))) {
        for i in 0..WIDTH {
            output[to * WIDTH + i] += embed[token * WIDTH + i];
        }
    }
    let mut matrix = |rows: usize, columns: usize| (0..rows * columns).map(|_| random() * 0.1).collect::<Vec<f32>>();
    let square = vec![WIDTH, WIDTH];
    let outgoing =
        if attends { matrix(WIDTH, WIDTH).iter().map(|v| v * 40.0).collect() } else { vec![0.0; WIDTH * WIDTH] };
    vec![
        ("token_embd.weight".into(), vec![WIDTH, vocab], embed.clone()),
        ("output_norm.weight".into(), vec![WIDTH], vec![1.0; WIDTH]),
        ("output.weight".into(), vec![WIDTH, vocab], output),
        ("blk.0.attn_norm.weight".into(), vec![WIDTH], vec![1.0; WIDTH]),
        ("blk.0.attn_q.weight".into(), square.clone(), matrix(WIDTH, WIDTH)),
        ("blk.0.attn_k.weight".into(), square.clone(), matrix(WIDTH, WIDTH)),
        ("blk.0.attn_v.weight".into(), square.clone(), matrix(WIDTH, WIDTH)),
        ("blk.0.attn_output.weight".into(), square, outgoing),
        ("blk.0.ffn_norm.weight".into(), vec![WIDTH], vec![1.0; WIDTH]),
        ("blk.0.ffn_gate.weight".into(), vec![WIDTH, HIDDEN], matrix(WIDTH, HIDDEN)),
        ("blk.0.ffn_up.weight".into(), vec![WIDTH, HIDDEN], matrix(WIDTH, HIDDEN)),
        ("blk.0.ffn_down.weight".into(), vec![HIDDEN, WIDTH], vec![0.0; WIDTH * HIDDEN]),
    ]
}

#[derive(Default)]
struct Keys {
    bytes: Vec<u8>,
    count: u64,
}

impl Keys {
    fn key(&mut self, key: &str, kind: u32) -> &mut Vec<u8> {
        self.count += 1;
        string(&mut self.bytes, key);
        self.bytes.extend(kind.to_le_bytes());
        &mut self.bytes
    }

    fn text(&mut self, key: &str, value: &str) {
        let out = self.key(key, 8);
        string(out, value);
    }

    fn uint(&mut self, key: &str, value: u32) {
        self.key(key, 4).extend(value.to_le_bytes());
    }

    fn float(&mut self, key: &str, value: f32) {
        self.key(key, 6).extend(value.to_le_bytes());
    }

    fn strings(&mut self, key: &str, values: &[String]) {
        let out = self.key(key, 9);
        out.extend(8u32.to_le_bytes());
        out.extend((values.len() as u64).to_le_bytes());
        values.iter().for_each(|v| string(out, v));
    }

    fn ints(&mut self, key: &str, values: &[i32]) {
        let out = self.key(key, 9);
        out.extend(5u32.to_le_bytes());
        out.extend((values.len() as u64).to_le_bytes());
        values.iter().for_each(|v| out.extend(v.to_le_bytes()));
    }
}

fn string(out: &mut Vec<u8>, text: &str) {
    out.extend((text.len() as u64).to_le_bytes());
    out.extend(text.as_bytes());
}
