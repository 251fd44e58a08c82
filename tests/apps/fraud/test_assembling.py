"""What a service and a model answered becomes results: nothing is said of what was not taken."""

import numpy as np

from apps.fraud.assembling import assemble
from apps.fraud.decide import decide_columns
from apps.fraud.schema import OperatingPoint
from loupe.contract.runtime.payload import Payload


def test_a_row_that_was_not_taken_has_no_score_and_no_reasons_of_the_model() -> None:
    whole = np.array([1, 2], dtype=np.int64)
    arrays = {
        "id": np.array(["a", "b"]),
        **dict.fromkeys(("sequence", "event_time", "known_at", "amount"), whole),
        **dict.fromkeys(("amount_original", "history"), whole),
        "currency": np.array(["EUR", "EUR"]),
        **dict.fromkeys(("late", "repeated"), np.zeros(2, np.bool_)),
        "refused": np.array(["duplicate_id", ""]),
        "score": np.array([0.97, 0.5]),
        "entity.customer": np.array(["c", "c"]),
        "reasons.1": np.array(["amount", "amount"]),
        "weights.1": np.array([2.0, 1.0]),
    }
    found = assemble(Payload(arrays=arrays))
    assert found["score"].tolist() == [0.0, 0.5]
    assert found["reasons.1"].tolist() == ["", "amount"]
    assert np.isnan(found["weights.1"]).tolist() == [True, False]
    decided = decide_columns({**found, "attributes.country": np.array(["", ""])}, OperatingPoint())
    assert decided.outcome.tolist()[0] == "review"
    assert decided.label.tolist()[0] == "refused.duplicate_id"
