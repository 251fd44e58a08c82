"""Everything that a state runs can be compiled ahead."""

import pytest

from apps.fraud.features.loops import deviation, hashing, labels, memory, network, nodes
from apps.fraud.features.warming import warm
from apps.fraud.scheme import Scheme
from tests.apps.fraud.features.histories import ACCOUNTS, CARDS


@pytest.mark.parametrize("scheme", [CARDS, ACCOUNTS])
def test_warming_compiles_what_feeding_and_learning_run(scheme: Scheme) -> None:
    warm(scheme)
    loops = (
        deviation.deviations, hashing.hashed, labels.wait, memory.enter, memory.find,
        network.feed, nodes.rows_of,
    )  # fmt: skip
    assert all(getattr(loop, "signatures", None) for loop in loops)
