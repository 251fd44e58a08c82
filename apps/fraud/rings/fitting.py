"""``python -m apps.fraud.rings.fitting``: fit the trees of `scoring` anew.

Writes ``scoring.json``. Tuned shapes, look-alikes and seeds alone are read, nothing held out.
"""

import json
import sys

import numpy as np
import xgboost

from apps.fraud.rings.candidates import Candidates, candidates
from apps.fraud.rings.generator import (
    MEMBER_RECALL,
    OVERLAP,
    SCHEME,
    TUNED_LOOKALIKES,
    TUNED_SEEDS,
    TUNED_SHAPES,
    Planted,
    Setting,
    generate,
)
from apps.fraud.rings.scoring import MODEL, RISING, inputs, matrix
from apps.fraud.rings.state import RingState

TUNING = Setting(shapes=TUNED_SHAPES, lookalikes=TUNED_LOOKALIKES, each=6, honest_each=50)
TREES, DEPTH, RATE = 150, 4, 0.1
READ = (
    "tree_param", "left_children", "right_children", "split_indices", "default_left",
    "split_conditions",
)  # fmt: skip
"""Of a tree."""


def main() -> int:
    """Generate, fit, write."""
    rows, found = [], []
    for seed in TUNED_SEEDS:
        columns, planted = generate(TUNING, seed)
        state = RingState(SCHEME)
        state.feed(columns)
        for graph in state.graphs():
            told = candidates(graph)
            rows.append(matrix(told.numbers))
            found.append(hits(told, planted, state.people))
        print(f"seed {seed}: {sum(map(len, rows))} candidates, {int(sum(map(sum, found)))} match")
    names = list(inputs(np.zeros((0, told.numbers.shape[1]))))
    model = xgboost.XGBClassifier(
        n_estimators=TREES, max_depth=DEPTH, learning_rate=RATE, n_jobs=2, random_state=0,
        tree_method="hist", base_score=0.5, min_child_weight=3,
        monotone_constraints=tuple(RISING.get(name, 0) for name in names),
    )  # fmt: skip
    model.fit(np.concatenate(rows), np.concatenate(found))
    MODEL.write_bytes(read_part(bytes(model.get_booster().save_raw("json"))))
    return 0


def read_part(model: bytes) -> bytes:
    """What `scoring` reads of XGBoost's JSON: half of it tells how the trees were learned."""
    told = json.loads(model)
    trees = told["learner"]["gradient_booster"]["model"]["trees"]
    for at, tree in enumerate(trees):
        trees[at] = {name: tree[name] for name in READ}
    return json.dumps(told, separators=(",", ":")).encode()


def hits(told: Candidates, planted: list[Planted], people: list[str]) -> np.ndarray:
    """Whether each candidate would find a planted ring."""
    place = {member: at for at, ring in enumerate(planted) for member in ring.members}
    ring = np.array([place.get(name, -1) for name in people])[told.member]
    size = np.diff(told.bounds)
    owner = np.repeat(np.arange(len(told)), size)
    there = ring >= 0
    pair, common = np.unique(np.stack([owner[there], ring[there]], 1), axis=0, return_counts=True)
    ours = np.array([len(one.members) for one in planted])[pair[:, 1]]
    good = (common >= MEMBER_RECALL * ours) & (
        common >= OVERLAP * (ours + size[pair[:, 0]] - common)
    )
    told_hits = np.zeros(len(told), np.bool_)
    told_hits[pair[good, 0]] = True
    return told_hits


if __name__ == "__main__":
    sys.exit(main())
