"""Reads the routing data and joins it with what the room `sense` reads from each prompt. Shared by fit.py and evaluate.py.

The features come out of the Rust code itself (`cargo run --example features`), so training and serving cannot differ.
No prompt and nothing keyed by a prompt is written anywhere.
"""

import json
import os
import subprocess
import sys
from dataclasses import dataclass

import numpy as np

# The weak and strong model of each source, as the data's README names them.
PAIRS = {
    "routellm": ("mixtral-8x7b-instruct-v0.1", "gpt-4-1106-preview"),
    "zeroeval": ("Meta-Llama-3.1-8B-Instruct", "gpt-4o-2024-08-06"),
    "mmlupro": ("Meta-Llama-3_1-8B-Instruct", "gemini-1.5-pro-002"),
    "routerbench_sub3": ("mistralai/mixtral-8x7b-chat", "gpt-4-1106-preview"),
    "bfcl": ("NousResearch_Hermes-2-Pro-Llama-3-8B", "gpt-4-1106-preview"),
}
# Sources that weights may be fitted on here; the other two only show how far the estimate carries.
TRAINED_ON = ("routellm", "zeroeval", "mmlupro")


@dataclass
class Row:
    """One prompt with the outcome of its weak and strong model."""

    source: str
    part: str  # source/task, the unit of reporting
    subtask: str
    gid: str
    weak_failed: float
    weak: float
    strong: float
    length: int
    trainable: bool = False
    task: str = ""
    difficulty: float = 0.0
    correction: float = 0.0
    features: np.ndarray | None = None


def half(gid):
    """0 (fitted on) or 1 (held out), by the question's hash alone, so that one question is never in both."""
    return int(gid[:8], 16) & 1


def load(folder, sources=tuple(PAIRS)):
    """Every usable row of the named sources, features included, and the names of the features."""
    rows, prompts, kept_apart = [], [], set()
    for source in sources:
        path = os.path.join(folder, f"{source}.jsonl.zst")
        text = subprocess.run(["zstd", "-dc", path], check=True, capture_output=True).stdout.decode("utf-8")
        for line in filter(None, text.split("\n")):
            raw = json.loads(line)
            if raw.get("in_routerarena") == 1:
                kept_apart.add(raw["gid"])  # the same question may stand in another source too
            row = usable(source, raw)
            if row:
                rows.append(row)
                prompts.append({"id": str(len(prompts)), "prompt": raw["prompt"], "functions": raw.get("functions")})
    for row in rows:
        row.trainable = row.source in TRAINED_ON and row.gid not in kept_apart
    names = attach(rows, prompts)
    return rows, names


def usable(source, raw):
    """The row, unless it is contaminated, not a benchmark of right and wrong, or lacks one of the two models."""
    if raw.get("contaminated") == 1 or raw["task"] == "mt_bench":
        return None
    weak, strong = (raw["m"].get(model, {}).get("s") for model in PAIRS[source])
    if weak is None or strong is None:
        return None
    return Row(
        source=source,
        part=f"{source}/{raw['task']}",
        subtask=raw["subtask"],
        gid=raw["gid"],
        weak_failed=float(weak < 0.5),
        weak=float(weak),
        strong=float(strong),
        length=len(raw["prompt"]),
    )


def attach(rows, prompts):
    """Adds task, difficulty and features by running the Rust example over all prompts."""
    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
    command = ["cargo", "run", "--quiet", "--release", "--example", "features"]
    lines = "".join(json.dumps(p) + "\n" for p in prompts)
    done = subprocess.run(command, cwd=root, input=lines.encode(), stdout=subprocess.PIPE)
    if done.returncode != 0:
        sys.exit("`cargo run --release --example features` failed in crates/sense; see its message above.")
    table = done.stdout.decode().split("\n")
    names = table[0].split("\t")[4:]
    for row, line in zip(rows, filter(None, table[1:]), strict=True):
        cells = line.split("\t")
        row.task, row.difficulty = cells[1], float(cells[2])
        row.correction = float(cells[3])
        row.features = np.array([float(x) for x in cells[4:]])
    return names
