"""Measures the exported model in llama.cpp on prompts held out of training, and shows its answers to common first prompts.

    python eval.py --model dewpoint-edge.gguf --out eval.json

An answer counts only if it is, letter for letter, one of the accepted ones.
"""

import argparse
import itertools
import json
import math
import random
import time
from pathlib import Path

import jinja2
import llama_cpp
import numpy as np

import corpus

PROMPTS = [
    "Say hello.",
    "Hello",
    "Hi there, who are you?",
    "What can you do?",
    "What is the capital of France?",
    "Write a haiku",
    "Tell me a joke",
    "Thank you",
    "Explain what an API is",
    "Classify the sentiment: I love it",
    "Summarize: The city council opened a new library near the river on Monday. It holds forty thousand books and has a small garden. Many people came to see it.",
    "Translate hello to French",
    "Translate this report into Japanese: sales went up in spring.",
    "2+2",
    "what is 7 times 8?",
    "Extract the email: please write to jane.doe42@example.org before Friday",
    "Write this as JSON: name: Maria, age: 34, city: Oslo",
    "Spam or ham? You have won a free car! Click here now",
    "Is Paris the capital of France?",
    "Does my data leave this machine?",
    "Explain quantum entanglement in detail",
    "Write a Rust function that parses a CSV file",
    "What are the side effects of ibuprofen?",
    "Why did the stock market crash in 1929, and what did governments learn from it?",
]


class Edge:
    """The model in llama.cpp, with its own chat template."""

    def __init__(self, path, threads):
        self.llama = llama_cpp.Llama(
            str(path), n_ctx=2048, n_threads=threads, n_threads_batch=threads, logits_all=True, verbose=False, seed=1
        )
        self.template = jinja2.Template(self.llama.metadata["tokenizer.chat_template"])

    def tokens(self, chat, ask):
        """The token ids of a chat, ready for an answer if `ask`."""
        text = self.template.render(
            messages=[{"role": role, "content": content} for role, content in chat], add_generation_prompt=ask
        )
        return self.llama.tokenize(text.encode(), add_bos=False, special=True)

    def answer(self, chat, temperature=0.0, top_k=0, top_p=1.0):
        """The model's reply and whether it ended it by itself."""
        out = self.llama.create_completion(
            self.tokens(chat, True),
            max_tokens=160,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            min_p=0.0,
            repeat_penalty=1.0,
        )["choices"][0]
        return out["text"], out["finish_reason"] == "stop"

    def surprise(self, chat):
        """The summed negative log-likelihood of a chat's last reply, and its number of tokens."""
        before, ids = self.tokens(chat[:-1], True), self.tokens(chat, False)[:-1]
        self.llama.reset()
        self.llama.eval(ids)
        logits = self.llama.scores[len(before) - 1 : len(ids) - 1].astype(np.float64)
        top = logits.max(1)
        log_sum = np.log(np.exp(logits - top[:, None]).sum(1)) + top
        target = logits[np.arange(len(logits)), ids[len(before) :]]
        return float((log_sum - target).sum()), len(target)


def skills(edge, each, seed):
    """The share of right answers per skill on held-out prompts."""
    rows = {}
    for skill in corpus.SKILLS:
        r = random.Random(f"{seed} {skill.__name__}")
        turns = [corpus.draw(r, True, skill) for _ in range(each)]
        right = sum(turn.is_right(edge.answer(corpus.messages(r, turn, True)[:-1])[0]) for turn in turns)
        rows[skill.__name__] = round(right / each, 3)
    return rows


def sampled(edge, count, seed):
    """At several temperatures: the share of right answers over all skills, and of answers that end by themselves."""
    rows = {}
    settings = {
        "greedy": {},
        "temperature 0.2, top-k 20, top-p 0.9": dict(temperature=0.2, top_k=20, top_p=0.9),
        "temperature 0.7": dict(temperature=0.7),
        "temperature 1.0": dict(temperature=1.0),
    }
    for name, how in settings.items():
        r = random.Random(seed)
        right = ended = 0
        for _ in range(count):
            turn = corpus.draw(r, True)
            text, stopped = edge.answer(corpus.messages(r, turn, True, r.choice([0, 0, 1, 2]))[:-1], **how)
            right, ended = right + turn.is_right(text), ended + stopped
        rows[name] = {"right": round(right / count, 3), "ended": round(ended / count, 3)}
    return rows


def main():
    """Measures, prints a table and writes the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--each", type=int, default=50, help="held-out prompts per skill")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=4242)
    args = parser.parse_args()
    edge = Edge(args.model, args.threads)
    started = time.time()

    answers = {prompt: edge.answer([("user", prompt)])[0] for prompt in PROMPTS}
    for prompt, text in answers.items():
        print(f"| {prompt} | {text} |".replace("\n", " / "))
    per_skill = skills(edge, args.each, args.seed)
    for name, share in per_skill.items():
        print(f"| {name} | {share:.0%} |")
    by_sampling = sampled(edge, 4 * args.each, args.seed)
    for name, row in by_sampling.items():
        print(f"| {name} | {row['right']:.0%} | {row['ended']:.0%} |")
    totals = [edge.surprise(chat) for chat in itertools.islice(corpus.chats(args.seed, test=True), 4 * args.each)]
    perplexity = math.exp(sum(nll for nll, _ in totals) / sum(count for _, count in totals))
    print(f"perplexity of held-out replies {perplexity:.3f}, {time.time() - started:.0f} s")
    if args.out:
        result = {
            "prompts_per_skill": args.each,
            "held_out_exact_match": per_skill,
            "sampling": by_sampling,
            "reply_perplexity": round(perplexity, 3),
            "answers": answers,
        }
        args.out.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
