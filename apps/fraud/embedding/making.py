"""From stored transactions to a generation of embeddings, as of a moment."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from apps.fraud.events import ENTITY, FEATURE, UNKNOWN
from apps.fraud.inference.embeddings import Generation
from apps.fraud.scheme import Scheme
from apps.fraud.training.encoder import Encoder
from apps.fraud.training.table import Table
from loupe.contract.runtime.columns import Columns
from loupe.contract.runtime.errors import ModelRefused

Labels = Mapping[str, tuple[int, int]]
"""By transaction: its label, and when it was known (milliseconds)."""


def made(
    encoder: Encoder, scheme: Scheme, columns: Columns, labels: Labels, moment: int
) -> tuple[Generation, int]:
    """The generation of a moment, and how many transactions it is made of.

    Args:
        scheme: by which the model was trained.
        columns: of stored transactions, in the order they were stored: ``id``, ``event_time``,
            ``known_at``, ``label``, ``label_known_at``, ``refused``, ``repeated``, and
            ``entity.<key>`` and ``feature.<name>`` as far as they are there.
        labels: that people told; they outweigh those of the columns.
        moment: milliseconds; what happened or was known later does not count.

    Raises:
        ModelRefused: the encoder is of entities that the scheme does not have.
    """
    if unknown := sorted(set(encoder.entities) - {one.key for one in scheme.entities}):
        raise ModelRefused(
            f"The model's embeddings are of {unknown[0]!r}, which its scheme does not have. Train "
            "the model again.",
            code="encoder_invalid",
        )
    table = _table(encoder, scheme, columns, labels, moment)
    return Generation.of(moment, encoder.latest(table, moment)), len(table)


def _table(
    encoder: Encoder, scheme: Scheme, columns: Columns, labels: Labels, moment: int
) -> Table:
    names, rows = encoder.scale.names, len(columns["id"])
    missing = np.full(rows, np.nan)
    told = [columns.get(FEATURE + name, missing) for name in names]
    values = np.stack(told, axis=1).astype(np.float32)
    keep = np.isfinite(values).all(axis=1) & (columns["refused"] == "")
    keep &= ~columns["repeated"].astype(np.bool_)
    keep &= (columns["event_time"] < moment) & (columns["known_at"] < moment)
    keep &= _first(columns["id"])
    order = np.lexsort((columns["known_at"], columns["event_time"]))
    order = order[keep[order]]
    nothing = np.zeros(rows, np.str_)
    entities = {ENTITY + one.key: columns.get(ENTITY + one.key, nothing) for one in scheme.entities}
    events = {name: columns[name][order] for name in ("id", "event_time", "known_at")}
    events |= {name: column[order] for name, column in entities.items()}
    label, known = columns["label"][order].copy(), columns["label_known_at"][order].copy()
    later = events["event_time"] + 1000 * scheme.label_delay
    known = np.where((label != UNKNOWN) & (known < 0), later, known)
    for row, name in enumerate(events["id"].tolist()):
        if name in labels:
            label[row], known[row] = labels[name]
    events |= {"label": label.astype(np.int64), "label_known_at": known.astype(np.int64)}
    return Table(scheme, events, names, values[order], np.zeros(len(order), np.int64))


def _first(ids: NDArray[np.str_]) -> NDArray[np.bool_]:
    """Which rows are the first of their id: a file that came again says nothing new."""
    found = np.zeros(len(ids), np.bool_)
    found[np.unique(ids, return_index=True)[1]] = True
    return found
