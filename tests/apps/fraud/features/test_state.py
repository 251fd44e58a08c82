"""The state as a whole: batches, restarts, refusals."""

import numpy as np
import pytest

from apps.fraud.features.state import FeatureState
from apps.fraud.scheme import CARD_PAYMENTS
from loupe.contract.runtime.errors import InputRefused


def test_a_mode_that_is_neither_is_refused() -> None:
    with pytest.raises(InputRefused, match="give 'arrival' or 'event_time'"):
        FeatureState(CARD_PAYMENTS, mode="both")  # type: ignore[arg-type]


def test_a_batch_without_a_column_is_refused_by_its_name() -> None:
    state = FeatureState(CARD_PAYMENTS, mode="event_time")
    with pytest.raises(InputRefused, match="'amount'"):
        state.feed({"event_time": np.zeros(1, np.int64)})
