"""Fits the learned correction of the room `sense` and writes `src/weights.rs`.

    python crates/sense/train/fit.py DATA_DIR [--check]

DATA_DIR holds routellm, zeroeval and mmlupro (`*.jsonl.zst`). Needs numpy, scikit-learn, zstd and cargo.
`--check` writes nothing and fails when the committed weights differ from what the data give.

The model: logistic regression of "the weak model failed" on the features, fitted on one half of the questions (by gid).
Each source has its own intercept while fitting, so that the weights learn what is hard *within* an exam rather than
which exam a prompt comes from; the intercepts are thrown away. Features whose effect a reader would find absurd are
held at zero: the sign of each feature is fixed beforehand (SIGN), and a fit of the wrong sign drops the feature.
"""

import os
import sys

import numpy as np
from sklearn.linear_model import LogisticRegression

import data

# +1: more of it must not make a prompt easier. 0: free (a subject may be easier or harder than average).
SIGN = {name: 1 for name in ("words numbers math_marks tex_marks code_marks questions sentences choices parts "
                             "reason limit not explain hard_math proof code math").split()}
STRENGTH = 0.05  # inverse of the L2 penalty, on standardised features


def fit(rows, names):
    """Weights per feature (in the features' own units) and the mean log-odds without intercepts."""
    x = np.array([r.features for r in rows])
    y = np.array([r.weak_failed for r in rows])
    parts = sorted({r.part for r in rows})
    own = np.array([[10.0 * (r.part == p) for p in parts] for r in rows])  # lightly penalised intercepts
    # Every part counts the same, else one exam with many questions decides.
    weight = part_weights(rows, parts)
    scale = x.std(axis=0)
    scale[scale == 0] = 1.0
    kept = np.ones(len(names), dtype=bool)
    while True:
        model = LogisticRegression(C=STRENGTH, max_iter=2000)
        model.fit(np.hstack([x / scale * kept, own]), y, sample_weight=weight)
        w = model.coef_[0][: len(names)] * kept
        wrong = np.array([SIGN.get(n, 0) * v < 0 for n, v in zip(names, w)])
        if not wrong.any():
            break
        kept &= ~wrong
    w = w / scale
    return w, float(np.average(x @ w, weights=weight))


def part_weights(rows, parts):
    """Weight of each row so that every part of the data weighs the same."""
    size = {p: 0 for p in parts}
    for r in rows:
        size[r.part] += 1
    return np.array([len(rows) / (len(parts) * size[r.part]) for r in rows])


def render(names, w, centre, count):
    """The Rust table."""
    lines = "\n".join(f"    {v:.4f}, // {n}" for n, v in zip(names, w))
    return f"""//! Weights of the learned correction. Written by `train/fit.py`; do not edit by hand.
//!
//! Origin: logistic regression of "the weak model failed" over {count} questions (half of each source, by question hash)
//! of RouteLLM's MMLU and GSM8K (Apache-2.0; mixtral-8x7b-instruct-v0.1), ZeroEval's GSM, CRUX and MATH level 5
//! (Apache-2.0; Llama-3.1-8B-Instruct) and MMLU-Pro (Apache-2.0; Llama-3.1-8B-Instruct), contaminated rows and rows of
//! RouterArena left out. No text of any question is in it.
//!
//! Never here: anything else.

/// Mean log-odds over the questions fitted on, so that an average exam question gets no correction.
pub(crate) const CENTRE: f32 = {centre:.4f};

/// One weight per feature, in the order of [`crate::FEATURE_NAMES`]; log-odds per unit.
#[rustfmt::skip]
pub(crate) const WEIGHTS: [f32; {len(names)}] = [
{lines}
];
"""


def main():
    arguments = [a for a in sys.argv[1:] if a != "--check"]
    if len(arguments) != 1:
        sys.exit(__doc__)
    rows, names = data.load(arguments[0], data.TRAINED_ON)
    rows = [r for r in rows if r.trainable and data.half(r.gid) == 0]
    w, centre = fit(rows, names)
    text = render(names, w, centre, len(rows))
    target = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "src", "weights.rs")
    if "--check" in sys.argv:
        with open(target, encoding="utf-8") as file:
            same = file.read() == text
        sys.exit(None if same else "src/weights.rs differs; run fit.py without --check and look at the difference")
    with open(target, "w", encoding="utf-8") as file:
        file.write(text)
    print(f"fitted on {len(rows)} questions; wrote src/weights.rs")


if __name__ == "__main__":
    main()
