"""Writes the exam of `dewpoint eval tokens`: prompts held out of training, with every answer that is right.

    python exam.py --each 100 --out exam.jsonl

One JSON object a line: `{"task", "messages", "right"}`. The same number of prompts for every skill, none twice.
"""

import argparse
import json
import random
from pathlib import Path

import corpus

SEED = "exam of token log-probabilities"
# A skill that has no further prompt after so many draws has no more.
TRIES = 400


def rows(each):
    """The rows of the exam, skill by skill."""
    for skill in corpus.SKILLS:
        r, seen, tries = random.Random(f"{SEED} {skill.__name__}"), set(), 0
        while len(seen) < each and tries < TRIES * each:
            tries += 1
            turn = corpus.draw(r, True, skill)
            chat = corpus.messages(r, turn, True)[:-1]
            if (turn.before, turn.user) in seen:
                continue
            seen.add((turn.before, turn.user))
            messages = [{"role": role, "content": content} for role, content in chat]
            yield {"task": skill.__name__, "messages": messages, "right": list(turn.accept or (turn.reply,))}


def main():
    """Writes the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--each", type=int, default=100)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    with args.out.open("w", encoding="utf-8", newline="\n") as out:
        for row in rows(args.each):
            out.write(json.dumps(row, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
