"""Measures the difficulty estimate of the room `sense` on questions that its weights never saw.

    python crates/sense/train/evaluate.py DATA_DIR [--tuning]

Prints Markdown tables. AUC: the chance that a prompt the weak model failed is rated harder than one it passed (0.5 is a
coin). APGR: area under the share of the strong model's gain that is recovered, over the share of calls sent to it,
hardest first (0.5 is random order). Every row of a table is the held-out half of one exam, split by question hash.
`--tuning` shows the half that was fitted on instead: look at that one while changing anything.
"""

import sys

import numpy as np

import data
import fit

ROUNDS = 1000  # bootstrap


def auc(score, failed):
    """Area under the ROC curve, ties counted half."""
    order = np.argsort(score, kind="stable")
    ranks = np.empty(len(score))
    sorted_score = score[order]
    starts = np.flatnonzero(np.r_[True, sorted_score[1:] != sorted_score[:-1]])
    ends = np.r_[starts[1:], len(score)]
    for s, e in zip(starts, ends):
        ranks[order[s:e]] = (s + e + 1) / 2
    bad = failed > 0.5
    n, m = bad.sum(), (~bad).sum()
    return (ranks[bad].sum() - n * (n + 1) / 2) / (n * m) if n and m else np.nan


def apgr(score, weak, strong, rng):
    """Area under PGR over the share of strong calls, hardest first; ties in random order."""
    order = np.lexsort((rng.random(len(score)), -score))
    gain = np.cumsum(np.r_[0.0, (strong - weak)[order]]) / (strong - weak).sum()
    return float(np.trapezoid(gain, dx=1 / len(score)))


def interval(score, base, failed, rng):
    """95 % bootstrap interval of AUC(score) - AUC(base)."""
    n = len(failed)
    gaps = []
    for _ in range(ROUNDS):
        pick = rng.integers(0, n, n)
        gaps.append(auc(score[pick], failed[pick]) - auc(base[pick], failed[pick]))
    low, high = np.nanpercentile(gaps, [2.5, 97.5])
    return f"{low:+.3f} to {high:+.3f}"


def means(rows, key):
    """Share of failures for each value of `key`, drawn towards the overall share where there are few rows."""
    overall = np.mean([r.weak_failed for r in rows])
    groups = {}
    for r in rows:
        groups.setdefault(key(r), []).append(r.weak_failed)
    return {k: (sum(v) + 10 * overall) / (len(v) + 10) for k, v in groups.items()}, overall


def scores(rows, fitted, names):
    """Every way of rating the rows of one exam."""
    part = rows[0].part
    by_task, unknown_task = means(fitted, lambda r: r.task)
    same = [r for r in fitted if r.part == part]
    by_subject, unknown_subject = means(same, lambda r: r.subtask) if same else ({}, 0.5)
    others = [r for r in fitted if r.source != rows[0].source]
    foreign, _ = fit.fit(others, names)
    correction = np.array([r.correction for r in rows])
    whole = np.array([r.difficulty for r in rows])
    return {
        "length": np.array([float(r.length) for r in rows]),
        "task label": np.array([by_task.get(r.task, unknown_task) for r in rows]),
        "subject label*": np.array([by_subject.get(r.subtask, unknown_subject) for r in rows]),
        "learned elsewhere": np.array([r.features @ foreign for r in rows]),
        "hand-set": whole - correction,
        "learned": correction,
        "difficulty": whole,
    }


def main():
    arguments = [a for a in sys.argv[1:] if a != "--tuning"]
    if len(arguments) != 1:
        sys.exit(__doc__)
    rows, names = data.load(arguments[0])
    fitted = [r for r in rows if r.trainable and data.half(r.gid) == 0]
    shown = 0 if "--tuning" in sys.argv else 1
    held = [r for r in rows if data.half(r.gid) == shown]
    rng = np.random.default_rng(7)
    parts = sorted({r.part for r in held})
    table, gains = [], []
    for part in parts:
        here = [r for r in held if r.part == part]
        failed = np.array([r.weak_failed for r in here])
        rated = scores(here, fitted, names)
        cells = [f"{auc(s, failed):.3f}" for s in rated.values()]
        gap = interval(rated["difficulty"], rated["length"], failed, rng)
        table.append([part, str(len(here)), f"{failed.mean():.2f}", *cells, gap])
        gains.append([part, *gain_row(here, rated, rng)])
    show(["exam", "questions", "failed", *rated, "difficulty - length, 95 %"], table)
    print()
    show(["exam", "weak", "strong", "random", "length", "task label", "difficulty", "oracle"], gains)
    print()
    pooled(held, rng)


def gain_row(rows, rated, rng):
    """Accuracies and APGR of one exam."""
    weak, strong = np.array([r.weak for r in rows]), np.array([r.strong for r in rows])
    random = np.mean([apgr(rng.random(len(rows)), weak, strong, rng) for _ in range(30)])
    named = [apgr(rated[k], weak, strong, rng) for k in ("length", "task label", "difficulty")]
    oracle = apgr(strong - weak, weak, strong, rng)
    return [f"{weak.mean():.2f}", f"{strong.mean():.2f}", *(f"{v:.3f}" for v in (random, *named, oracle))]


def pooled(rows, rng):
    """All exams with a Llama-3.1-8B as the weak model thrown together: can difficulty tell the exams apart?"""
    here = [r for r in rows if r.source in ("zeroeval", "mmlupro")]
    failed = np.array([r.weak_failed for r in here])
    length = np.array([float(r.length) for r in here])
    difficulty = np.array([r.difficulty for r in here])
    print(f"All exams of Llama-3.1-8B together ({len(here)} questions): length {auc(length, failed):.3f}, "
          f"difficulty {auc(difficulty, failed):.3f} "
          f"(difference {interval(difficulty, length, failed, rng)})\n")
    table = []
    for low in range(0, 1000, 100):
        bin_ = failed[(difficulty >= low) & (difficulty < low + 100)]
        if len(bin_) >= 20:
            table.append([f"{low} to {low + 99}", str(len(bin_)), f"{bin_.mean():.2f}"])
    show(["difficulty", "questions", "failed"], table)


def show(head, rows):
    """Prints a Markdown table."""
    print("| " + " | ".join(head) + " |")
    print("|" + "---|" * len(head))
    for row in rows:
        print("| " + " | ".join(row) + " |")


if __name__ == "__main__":
    main()
