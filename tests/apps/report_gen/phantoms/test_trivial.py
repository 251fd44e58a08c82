"""The classifier that counts voxels."""

import numpy as np
import torch

from apps.report_gen.findings import KEYS
from apps.report_gen.phantoms.trivial import EDGES, scores, shares


def test_it_solves_what_a_threshold_solves_and_nothing_that_chance_decides() -> None:
    draw = np.random.default_rng(1)
    truth = draw.random((120, len(KEYS))) < 0.4
    below = []
    for row in truth:
        hu = torch.from_numpy(draw.normal(40, 5, (12, 12, 12))).round().to(torch.int16)
        if row[0]:
            hu[4:6, 4:6, 4:6] = 700
        below.append(shares(hu))
    told = scores(np.stack(below), truth)
    assert told[KEYS[0]] > 0.97
    assert max(told[key] for key in KEYS[1:]) < 0.8


def test_shares_are_those_of_a_histogram() -> None:
    hu = torch.randint(-1100, 3000, (6, 6, 6), dtype=torch.int16)
    got = shares(hu)[0]
    assert np.allclose(got, [float((hu <= edge).float().mean()) for edge in EDGES], atol=1e-6)
