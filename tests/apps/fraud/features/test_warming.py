"""Everything that a state runs can be compiled ahead."""

import pytest

from apps.fraud.features.loops import filling, hashing, labels, meetings, memory, network, nodes
from apps.fraud.features.warming import warm
from apps.fraud.scheme import Scheme
from core_kernels.cpu_ops import window_hash, window_idle, window_pairs
from tests.apps.fraud.features.histories import ACCOUNTS, CARDS


@pytest.mark.parametrize("scheme", [CARDS, ACCOUNTS])
def test_warming_compiles_what_feeding_and_learning_run(scheme: Scheme) -> None:
    warm(scheme)
    loops = (
        filling.fill, hashing.hashed, labels.wait, memory.enter, memory.find,
        meetings.forget, network.feed,
        nodes.living, nodes.move_nodes, nodes.move_pairs, nodes.rows_of,
        window_hash.living, window_hash.move_keys, window_hash.move_pairs, window_idle.sweep,
        window_pairs.forget,
    )  # fmt: skip
    assert all(getattr(loop, "signatures", None) for loop in loops)
