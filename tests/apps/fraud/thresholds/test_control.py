"""Lots are uniform, the same every time, and another with another secret."""

import numpy as np
from scipy.stats import kstest

from apps.fraud.thresholds.control import lot, lots


def test_lots_are_uniform_and_repeatable() -> None:
    names = [f"payment-{number}" for number in range(5_000)]
    found = lots(names, "a secret of the project")
    assert kstest(found, "uniform").pvalue > 0.001
    assert found.tolist() == [lot(name, "a secret of the project") for name in names]
    other = lots(names, "another secret of it")
    assert abs(np.corrcoef(found, other)[0, 1]) < 0.05


def test_any_identifier_has_a_lot() -> None:
    for name in ("", "ünïcode-卡", "\ud800", "x" * 10_000):
        assert 0 <= lot(name, "k" * 16) < 1
