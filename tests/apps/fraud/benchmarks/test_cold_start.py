"""The benchmark of cold start tells every treatment against none, over several banks."""

import numpy as np
import pytest
from scipy.stats import percentileofscore

from apps.fraud.benchmarks.cold_start import KINDS, _ranks, lines, run


def test_scores_become_shares_of_honest_rows_below_ties_half() -> None:
    rng = np.random.default_rng(0)
    margins, label = np.round(rng.normal(size=300), 1), (rng.random(300) < 0.2).astype(np.int64)
    honest = margins[label == 0]
    expected = [percentileofscore(honest, one, kind="mean") / 100 for one in margins]
    np.testing.assert_allclose(_ranks(margins, label), expected)


@pytest.mark.slow
def test_each_kind_has_its_figures_and_its_gain_over_none() -> None:
    said = run(populations=1, customers=2_500, days=60, seed=100, most_rows=3_000)
    assert list(said["kinds"]) == list(KINDS)
    assert said["frauds"] > 5
    none = said["kinds"]["untreated"]["average_precision"]["value"]
    for kind, row in said["kinds"].items():
        told = row["average_precision"]
        assert told["low"] <= told["value"] <= told["high"]
        assert 0 <= row["recall_at_budget"]["value"] <= 1
        if kind != "untreated":
            gain = row["gain"]["average_precision"]["value"]
            assert gain == pytest.approx(told["value"] - none)
    assert len(lines(said)) == 2 + 2 * len(KINDS) - 1
