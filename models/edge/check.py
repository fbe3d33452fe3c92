"""Checks that llama.cpp reads the exported model exactly as the trainer wrote it: tokens, chat template and logits.

python export.py --work WORK --out WORK/f32.gguf --type F32
python check.py --work WORK --model WORK/f32.gguf
"""

import argparse
import itertools
from pathlib import Path

import jinja2
import llama_cpp
import numpy as np
import torch
from tokenizers import Tokenizer

import corpus
from train import Model, Shape, encode


def main():
    """Compares, and fails when anything differs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--chats", type=int, default=3000, help="how many chats to tokenize on both sides")
    parser.add_argument("--tolerance", type=float, default=0.01, help="largest difference allowed between logits")
    args = parser.parse_args()
    tokenizer = Tokenizer.from_file(str(args.work / "tokenizer.json"))
    llama = llama_cpp.Llama(
        str(args.model),
        n_ctx=2048,
        n_threads=1,
        n_threads_batch=1,
        type_k=llama_cpp.GGML_TYPE_F32,
        type_v=llama_cpp.GGML_TYPE_F32,
        logits_all=True,
        verbose=False,
    )
    template = jinja2.Template(llama.metadata["tokenizer.chat_template"])

    chats = list(itertools.islice(corpus.chats(99), args.chats))
    ours = [ids for ids, _ in encode(tokenizer, chats, 0.0)]
    for chat, ids in zip(chats, ours):
        text = template.render(messages=[{"role": role, "content": content} for role, content in chat]).removesuffix("\n")
        theirs = llama.tokenize(text.encode(), add_bos=False, special=True)
        assert theirs == ids, f"tokens differ for {text!r}\n{theirs}\n{ids}"
    print(f"tokens: the same for {len(chats)} chats")

    state = torch.load(args.work / "model.pt", map_location="cpu")
    model = Model(Shape(**state["shape"]))
    model.load_state_dict(state["model"])
    worst = 0.0
    far = [ids for ids, _ in encode(tokenizer, list(itertools.islice(corpus.long_chats(99), 3)), 0.0)]
    for ids in ours[:20] + far:
        with torch.no_grad():
            mine = model(torch.tensor([ids]), torch.arange(len(ids))[None])[0].numpy()
        llama.reset()
        llama.eval(ids)
        worst = max(worst, float(np.abs(mine - llama.scores[: len(ids)]).max()))
    print(f"logits: largest difference {worst:.5f}")
    assert worst < args.tolerance, "logits differ"


if __name__ == "__main__":
    main()
