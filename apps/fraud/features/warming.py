"""Compiling the loops before the first transaction waits for them.

A fresh install compiles for about a quarter of a minute; the result is kept on disk for the next
process.
"""

import numpy as np

from apps.fraud.events import fields
from apps.fraud.features.state import FeatureState
from apps.fraud.scheme import Scheme

ROWS = 600
"""Enough that every table becomes too small and moves into a larger one."""


def warm(scheme: Scheme) -> None:
    """Compile, or load, all that a state of this scheme runs."""
    columns = {
        name: np.arange(ROWS).astype(np.str_) if dtype.kind == "U" else np.zeros(ROWS, dtype)
        for name, dtype in fields(scheme).items()
    }
    state = FeatureState(scheme, mode="arrival")
    state.feed(columns)
    state.learn(np.array(["0"]), np.array([1]), np.array([1]))
