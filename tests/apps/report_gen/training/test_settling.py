"""Verdicts are fitted where their loss is least, to phantoms that nothing was drawn from."""

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from torch.nn import functional as F

from apps.report_gen.findings import KEYS
from apps.report_gen.inference.evidence import EVIDENCE, first_weights
from apps.report_gen.inference.network import ImageNetwork, windowed
from apps.report_gen.inference.shape import TOY
from apps.report_gen.phantoms.grid import Grid
from apps.report_gen.training.losses import EDGE, _peaks, spread
from apps.report_gen.training.pool import ONE_IN, Pool
from apps.report_gen.training.settling import LEAST, RIDGE, Facts, fitted_weights, settled

COUNT = len(KEYS)


def facts(studies: int) -> Facts:
    draw = torch.Generator().manual_seed(4)
    seen = torch.randn(studies, COUNT, EVIDENCE, generator=draw).double()
    wanted = (seen[..., 3:6] * 2 + torch.randn(studies, COUNT, 3, generator=draw) > 1).double()
    rest = torch.zeros(studies, COUNT, 3).double()
    return Facts(seen, rest, wanted, torch.ones_like(rest))


def test_the_fit_is_the_logistic_regression_that_scikit_learn_makes() -> None:
    told = facts(200)
    weights, bias = fitted_weights(told, torch.zeros(COUNT * 3, EVIDENCE))
    for row, (kind, answer) in ((0, (0, 0)), (22, (7, 1))):
        # Their ridge spares the intercept; a column of ones whose weight costs a tenth is ours.
        ones = np.full((200, 1), np.sqrt(10))
        theirs = LogisticRegression(C=1 / RIDGE, fit_intercept=False, tol=1e-10, max_iter=5000)
        theirs.fit(
            np.hstack([told.seen[:, kind].numpy(), ones]), told.wanted[:, kind, answer].numpy()
        )
        assert np.allclose(weights[row].numpy(), theirs.coef_[0, :-1], atol=0.01)
        assert abs(float(bias[kind, answer]) - theirs.coef_[0, -1] * np.sqrt(10)) < 0.02


def test_what_does_not_count_moves_no_weight() -> None:
    told = facts(60)
    counts = told.counts.clone()
    counts[:, 3] = 0
    before = first_weights()
    weights, bias = fitted_weights(told._replace(counts=counts), before)
    assert torch.equal(weights[9:12], before[9:12])
    assert not bias[3].any()
    assert not torch.allclose(weights[:9], before[:9], atol=0.1)


def test_a_network_whose_verdicts_went_astray_finds_its_way_back() -> None:
    torch.manual_seed(3)
    network = ImageNetwork(TOY)
    pool = Pool(Grid(shape=TOY.grid, spacing=TOY.spacing), LEAST, seed=0)
    while len(pool.examples) < LEAST:
        pool.add()
    with torch.no_grad():
        network.verdict_bias.fill_(5.0)
    assert not settled(network, pool.examples[: LEAST - 1], torch.float32)
    assert settled(network, pool.examples, torch.float32)
    wanted = torch.stack([each.states for each in pool.examples])
    shares = wanted.mean(0)
    with torch.no_grad():
        said = torch.cat([network(windowed(e.hu[None].float())).states for e in pool.examples])
    by_share = F.binary_cross_entropy(shares.expand_as(wanted).clamp(0.01, 0.99), wanted)
    assert F.binary_cross_entropy_with_logits(said, wanted) < by_share + 0.02


def test_spare_phantoms_are_never_drawn() -> None:
    tiny = Grid(shape=(16, 16, 16), spacing=(20.0, 22.0, 22.0))
    pool = Pool(tiny, 2, seed=ONE_IN - 2)
    for _ in range(3):
        pool.add()
    assert [each.seed for each in pool.spare] == [ONE_IN - 1]
    assert [each.seed for each in pool.examples] == [ONE_IN - 2, ONE_IN]


def test_a_few_false_voxels_cost_as_much_as_if_the_chest_were_full_of_them() -> None:
    regions = torch.zeros(1, 20, 24, 24, dtype=torch.int16)
    regions[0, 5:7, 5:7, 5:7] = 1 << 4
    clean = torch.full((1, COUNT, 20, 24, 24), -8.0)
    clean[0, 4, 5:7, 5:7, 5:7] = 8.0
    few = clean.clone()
    few[0, 4, 14:18, 14:18, 14:18] = 6.0
    near = clean.clone()
    near[0, 4, 5 - EDGE : 7 + EDGE, 5:7, 5:7] = 6.0
    missed = clean.clone()
    missed[0, 4] = -8.0
    plain = float(_peaks(clean, regions))
    assert plain < 0.01
    assert float(_peaks(few, regions)) > plain + 0.2
    assert float(_peaks(near, regions)) < plain + 0.01
    assert float(_peaks(missed, regions)) > plain + 1.5


def test_bits_spread_as_far_as_a_dilation_reaches() -> None:
    torch.manual_seed(5)
    bits = (torch.rand(1, 9, 10, 11) < 0.02).to(torch.int16) * 6
    wide = F.max_pool3d((bits > 0).float()[:, None], 5, 1, 2)[:, 0] > 0
    assert torch.equal(spread(bits, 2) > 0, wide)
    assert torch.equal(spread(bits, 2), wide.to(torch.int16) * 6)
