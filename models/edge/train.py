"""Trains the demonstration model from nothing, on the CPU, on text that `corpus.py` generates.

    python train.py --work WORK --steps 2400         # writes WORK/tokenizer.json and WORK/model.pt

The model is a small Llama: RMSNorm, rotary positions on interleaved pairs, SwiGLU, tied embeddings. Hidden matrices are trained
with Muon, the rest with AdamW; the learning rate is constant and falls to zero over the last part of the run. An interrupted
run goes on from its last checkpoint when started again with the same arguments.
"""

import argparse
import itertools
import random
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.distributed as dist
import torch.nn.functional as F
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import nn

import corpus

IM_START, IM_END, END_OF_TEXT = "<|im_start|>", "<|im_end|>", "<|endoftext|>"
SPECIALS = [END_OF_TEXT, IM_START, IM_END]


@dataclass(frozen=True)
class Shape:
    """The sizes of the model; `export.py` writes them into the GGUF."""

    vocab: int = 3072
    width: int = 256
    layers: int = 6
    heads: int = 8
    hidden: int = 640
    context: int = 2048
    rope_base: float = 10000.0
    eps: float = 1e-5


class Block(nn.Module):
    """One layer: attention, then a gated feed-forward step."""

    def __init__(self, s):
        super().__init__()
        self.heads, self.eps = s.heads, s.eps
        self.attn_norm = nn.Parameter(torch.ones(s.width))
        self.ffn_norm = nn.Parameter(torch.ones(s.width))
        self.q, self.k, self.v, self.o = (nn.Linear(s.width, s.width, bias=False) for _ in range(4))
        self.gate, self.up = (nn.Linear(s.width, s.hidden, bias=False) for _ in range(2))
        self.down = nn.Linear(s.hidden, s.width, bias=False)
        nn.init.zeros_(self.o.weight)
        nn.init.zeros_(self.down.weight)

    def forward(self, x, turn):
        rows, length, width = x.shape
        y = F.rms_norm(x, (width,), self.attn_norm, self.eps)

        def split(t):
            return t.view(rows, length, self.heads, -1)

        def rotate(t):
            return torch.view_as_real(torch.view_as_complex(split(t).unflatten(-1, (-1, 2))) * turn).flatten(-2)

        y = F.scaled_dot_product_attention(
            rotate(self.q(y)).transpose(1, 2),
            rotate(self.k(y)).transpose(1, 2),
            split(self.v(y)).transpose(1, 2),
            is_causal=True,
        )
        x = x + self.o(y.transpose(1, 2).reshape(rows, length, width))
        y = F.rms_norm(x, (width,), self.ffn_norm, self.eps)
        return x + self.down(F.silu(self.gate(y)) * self.up(y))


class Model(nn.Module):
    """The language model: tokens and their positions in, logits out."""

    def __init__(self, s):
        super().__init__()
        self.shape = s
        self.embed = nn.Parameter(torch.randn(s.vocab, s.width) * 0.02)
        self.blocks = nn.ModuleList(Block(s) for _ in range(s.layers))
        self.norm = nn.Parameter(torch.ones(s.width))
        size = s.width // s.heads
        angles = torch.outer(torch.arange(s.context), s.rope_base ** (-torch.arange(0, size, 2) / size))
        self.register_buffer("turns", torch.polar(torch.ones_like(angles), angles), persistent=False)

    def forward(self, tokens, positions):
        x = F.embedding(tokens, self.embed)
        turn = self.turns[positions][:, :, None]
        for block in self.blocks:
            x = block(x, turn)
        return F.rms_norm(x, self.norm.shape, self.norm, self.shape.eps) @ self.embed.T


def train_tokenizer(vocab, seed):
    """A byte-level BPE; its splitting into words is the one that llama.cpp calls "smollm" (single digits, then GPT-2)."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    texts = (text for chat in itertools.islice(corpus.chats(seed), 60000) for _, text in chat)
    trainer = trainers.BpeTrainer(
        vocab_size=vocab,
        special_tokens=SPECIALS,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def encode(tokenizer, chats, user_weight):
    """Token ids and loss weights of chats: replies count (the tokens of short ones the most), what is said to the model a little."""
    start, end = tokenizer.token_to_id(IM_START), tokenizer.token_to_id(IM_END)
    pieces = [text for chat in chats for role, content in chat for text in (role + "\n", content)]
    encoded = iter(tokenizer.encode_batch(pieces + ["\n"], add_special_tokens=False))
    out = []
    newline = tokenizer.encode("\n", add_special_tokens=False).ids
    for chat in chats:
        ids, weights = [], []
        for role, _ in chat:
            head, body = [start, *next(encoded).ids], [*next(encoded).ids, end]
            ids += head + body + newline
            weight = len(body) ** -0.5 if role == "assistant" else user_weight
            weights += [0.0] * len(head) + [weight] * len(body) + [0.0] * len(newline)
        out.append((ids[: -len(newline)], weights[: -len(newline)]))
    return out


def batches(encoded, budget, context, r, pad):
    """Chats of like length side by side, at most `budget` tokens at once; some with a gap in their positions, which teaches
    far positions at the price of near ones."""
    encoded = sorted((e for e in encoded if len(e[0]) <= context), key=lambda e: len(e[0]))
    groups, group = [], []
    for entry in encoded:
        if group and (len(group) + 1) * len(entry[0]) > budget:
            groups.append(group)
            group = []
        group.append(entry)
    groups.append(group)
    r.shuffle(groups)
    for group in groups:
        length = max(len(ids) for ids, _ in group)
        tokens = torch.tensor([ids + [pad] * (length - len(ids)) for ids, _ in group])
        weights = torch.tensor([ws + [0.0] * (length - len(ws)) for _, ws in group])
        positions = torch.arange(length).repeat(len(group), 1)
        for row in positions:
            if r.random() < 0.15:
                row[r.randrange(length) :] += r.randint(0, context - length)
        yield tokens, weights, positions


def stream(tokenizer, seed, budget, context, user_weight, copying):
    """Endless training batches, always of new chats, a share of which only copy."""
    r = random.Random(seed)
    pad = tokenizer.token_to_id(END_OF_TEXT)
    common, copies, far = corpus.chats(seed + 1), corpus.copying_chats(seed + 2), corpus.long_chats(seed + 3)
    sizes = [(common, round(1600 * (1 - copying))), (copies, round(1600 * copying)), (far, 10)]
    while True:
        chunk = [chat for chats, count in sizes for chat in itertools.islice(chats, count)]
        yield from batches(encode(tokenizer, chunk, user_weight), budget, context, r, pad)


def orthogonal(g):
    """The nearest orthogonal matrix, roughly, by five Newton-Schulz steps (as in Muon)."""
    tall = g.shape[0] > g.shape[1]
    x = g.T if tall else g
    x = x / (x.norm() + 1e-7)
    for _ in range(5):
        s = x @ x.T
        x = 3.4445 * x + (-4.7750 * s + 2.0315 * s @ s) @ x
    return x.T if tall else x


class Muon(torch.optim.Optimizer):
    """Momentum, made orthogonal: the optimizer of the hidden matrices. Each process does the costly part for its share."""

    def __init__(self, params, lr, momentum=0.95, decay=0.01):
        super().__init__(params, dict(lr=lr, momentum=momentum, decay=decay))

    @torch.no_grad()
    def step(self):
        """One update."""
        group = self.param_groups[0]
        updates = []
        for index, p in enumerate(group["params"]):
            m = self.state[p].setdefault("momentum", torch.zeros_like(p))
            m.lerp_(p.grad, 1 - group["momentum"])
            mine = index % dist.get_world_size() == dist.get_rank()
            updates.append(orthogonal(p.grad.lerp(m, group["momentum"])) if mine else torch.zeros_like(p))
        for p, update in zip(group["params"], total(updates)):
            p.mul_(1 - group["lr"] * group["decay"]).add_(update, alpha=-group["lr"] * max(1, p.shape[0] / p.shape[1]) ** 0.5)


def total(tensors):
    """The sums of tensors over all processes, in one exchange."""
    flat = torch.cat([t.flatten() for t in tensors])
    dist.all_reduce(flat)
    return [part.view_as(t) for part, t in zip(flat.split([t.numel() for t in tensors]), tensors)]


def rate(step, steps, warmup=60, fall=0.6):
    """The learning rate's factor: up quickly, level, then down to zero."""
    return min(1, (step + 1) / warmup, (steps - step) / (fall * steps))


def loss_of(model, tokens, weights, positions):
    """The weighted cross-entropy of a batch."""
    logits = model(tokens[:, :-1], positions[:, :-1])
    nll = F.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten(), reduction="none")
    weights = weights[:, 1:].flatten()
    return (nll * weights).sum() / weights.sum()


def work(rank, args):
    """One of the training processes: each takes its part of every batch on one thread, then they average their gradients."""
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    dist.init_process_group(
        "gloo", init_method=f"file://{(args.work / 'rendezvous').resolve()}", rank=rank, world_size=args.processes
    )
    shape = Shape()
    tokenizer = Tokenizer.from_file(str(args.work / "tokenizer.json"))
    model = Model(shape)
    hidden = [p for p in model.blocks.parameters() if p.ndim == 2]
    others = [model.embed, *(p for p in model.parameters() if p.ndim == 1)]
    optimizers = [Muon(hidden, lr=0.02), torch.optim.AdamW(others, lr=0.004, betas=(0.9, 0.98), weight_decay=0.0)]
    base = [o.param_groups[0]["lr"] for o in optimizers]

    saved = args.work / "model.pt"
    done, tokens_seen, seconds = 0, 0, 0.0
    if saved.exists():
        state = torch.load(saved)
        model.load_state_dict(state["model"])
        for optimizer, kept in zip(optimizers, state["optimizers"]):
            optimizer.load_state_dict(kept)
        done, tokens_seen, seconds = state["step"], state["tokens"], state["seconds"]
    feed = stream(
        tokenizer,
        (args.seed * 10000 + done) * 100 + 10 * rank,
        args.budget // args.processes,
        shape.context,
        user_weight=0.02,
        copying=args.copying,
    )

    mean, since = None, time.time()
    for step in range(done, args.steps):
        tokens, weights, positions = next(feed)
        loss = loss_of(model, tokens, weights, positions)
        loss.backward()
        *grads, losses, counts = total(
            [*(p.grad for p in hidden + others), loss.detach()[None], torch.tensor([float(tokens.numel())])]
        )
        for p, grad in zip(hidden + others, grads):
            p.grad = grad / args.processes
        for optimizer, lr in zip(optimizers, base):
            optimizer.param_groups[0]["lr"] = lr * rate(step, args.steps)
            optimizer.step()
            optimizer.zero_grad()
        tokens_seen += int(counts.item())
        loss = losses.item() / args.processes
        mean = loss if mean is None else 0.95 * mean + 0.05 * loss
        now = time.time()
        seconds, since = seconds + now - since, now
        if rank == 0 and (step + 1) % 20 == 0:
            left = seconds / (step + 1) * (args.steps - step - 1)
            print(
                f"step {step + 1} loss {mean:.4f} tokens {tokens_seen} {tokens_seen / seconds:.0f} tokens/s left {left / 60:.1f} min",
                flush=True,
            )
        if rank == 0 and ((step + 1) % 100 == 0 or step + 1 == args.steps):
            torch.save(
                {
                    "shape": asdict(shape),
                    "model": model.state_dict(),
                    "optimizers": [o.state_dict() for o in optimizers],
                    "step": step + 1,
                    "tokens": tokens_seen,
                    "seconds": seconds,
                },
                saved.with_suffix(".new"),
            )
            saved.with_suffix(".new").replace(saved)


def main():
    """Trains and saves."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, required=True, help="folder for the tokenizer and the checkpoint")
    parser.add_argument("--steps", type=int, default=2400)
    parser.add_argument("--budget", type=int, default=4096, help="tokens in a batch, at most")
    parser.add_argument("--processes", type=int, default=2, help="how many processes share a batch")
    parser.add_argument("--copying", type=float, default=0.0, help="share of chats that only copy from the prompt")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    if not (args.work / "tokenizer.json").exists():
        train_tokenizer(Shape().vocab, args.seed).save(str(args.work / "tokenizer.json"))
    (args.work / "rendezvous").unlink(missing_ok=True)
    torch.multiprocessing.spawn(work, (args,), args.processes)


if __name__ == "__main__":
    main()
