"""From what the service and the model answered to the columns of results."""

import numpy as np

from apps.fraud.events import ATTRIBUTE, ENTITY, FEATURE
from loupe.contract.runtime.columns import Columns
from loupe.contract.runtime.payload import Payload

SCALARS = (
    "id", "sequence", "event_time", "known_at", "amount", "amount_original", "currency", "late",
    "history", "refused", "repeated", "score",
)  # fmt: skip
LABELS = ("label", "label_known_at")
_SPREAD = {
    ENTITY: "entities.",
    ATTRIBUTE: "attributes.",
    FEATURE: "features.",
    "reasons.": "reasons.",
    "weights.": "weights.",
}

_SAID = ("reasons.", "weights.")
"""What the model said of a row, beside its score."""


def assemble(payload: Payload) -> Columns:
    """The columns of `ScoredTransaction`; attributes that are numbers become text.

    A row that was not taken has no features, so what the model said of it says nothing: its score
    is 0, without reasons.
    """
    arrays = payload.arrays
    rows = len(arrays["id"])
    found: dict[str, np.ndarray] = {"schema_version": np.ones(rows, dtype=np.int64)}
    for name in SCALARS:
        found[name] = np.asarray(arrays[name])
    for name in LABELS:
        found[name] = np.asarray(arrays.get(name, np.full(rows, -1, dtype=np.int64)))
    for name, column in arrays.items():
        start, dot, key = name.partition(".")
        field = _SPREAD.get(start + dot)
        if field is not None:
            found[field + key] = _fitting(field, np.asarray(column))
    refused = found["refused"] != ""
    if refused.any():
        for name in [name for name in found if name.startswith(_SAID)]:
            nothing = "" if found[name].dtype.kind == "U" else np.nan
            found[name] = np.where(refused, nothing, found[name])
        found["score"] = np.where(refused, 0.0, found["score"])
    return found


def _fitting(field: str, column: np.ndarray) -> np.ndarray:
    if field != "attributes." or column.dtype.kind == "U":
        return column
    texts = ["" if value != value else f"{value:.15g}" for value in column.tolist()]
    return np.array(texts, dtype=np.str_)
