"""Compiling the loops before the first transaction waits for them.

A fresh install compiles for about a quarter of a minute; the result is kept on disk for the next
process.
"""

import numpy as np

from apps.fraud.events import fields
from apps.fraud.features.state import FeatureState
from apps.fraud.scheme import Scheme


def warm(scheme: Scheme) -> None:
    """Compile, or load, all that a state of this scheme runs."""
    columns = {
        name: np.full(2, "a") if dtype.kind == "U" else np.zeros(2, dtype)
        for name, dtype in fields(scheme).items()
    }
    state = FeatureState(scheme, mode="arrival")
    state.feed(columns)
    state.learn(np.array(["a"]), np.array([1]), np.array([1]))
