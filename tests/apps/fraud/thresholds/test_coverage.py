"""Of many certificates, no more are wrong than their confidence says."""

import numpy as np
import pytest
from scipy.stats import beta, binom

from apps.fraud.schema import OperatingPoint
from apps.fraud.thresholds.asked import Asked, Budget
from apps.fraud.thresholds.fit import fit
from tests.apps.fraud.thresholds.made import DAY

DRAWS = 400


def _drawn(seed: int, ties: bool) -> tuple[dict[str, np.ndarray], np.ndarray]:
    chance = np.random.default_rng(seed)
    score = chance.beta(1, 8, 3_000)
    if ties:
        score = np.ceil(score * 50) / 50
    columns = {
        "score": score,
        "event_time": np.sort(chance.integers(0, 10 * DAY, 3_000)),
        "amount": chance.integers(0, 10_000, 3_000),
    }
    return columns, np.zeros(3_000, dtype=np.int64)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_certificates_are_wrong_no_more_often_than_they_say(ties: bool, confidence: float) -> None:
    asked = Asked(budgets=(Budget(outcome="block", at_most=0.01),), confidence=confidence)
    wrong = certified = 0
    for seed in range(DRAWS):
        columns, labels = _drawn(seed, ties)
        fitted = fit(columns, labels, OperatingPoint(), asked)
        if not fitted.certificate.holds:
            continue
        certified += 1
        cut = fitted.point.bands[0].block
        reached = np.floor(cut * 50 + 1e-9) / 50 if ties else cut
        wrong += beta.sf(reached, 1, 8) > 0.01
    # What luck allows when the promise is kept exactly: one in a thousand sees more.
    assert wrong <= binom.ppf(0.999, DRAWS, 1 - confidence)
    # And not by refusing to promise anything.
    assert certified > DRAWS / 2
