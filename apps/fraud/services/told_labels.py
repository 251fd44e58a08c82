"""Labels that came with the rows of a file: written down with the time they became known.

Live state is not told of them: a file's transactions are known in a session of their own, which
read the labels with the rows.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

import numpy as np

from apps.fraud.events import FRAUD, HONEST
from apps.fraud.services import labels
from apps.fraud.services.naming import LONGEST_TRANSACTION, storable
from loupe.contract.runtime.columns import Columns

WORDS = {FRAUD: "fraud", HONEST: "honest"}


def take(project_id: UUID, columns: Columns, taken: Sequence[bool] | np.ndarray) -> int:
    """Write the labels of those rows that were taken; returns how many there were.

    A label that would become known later than now is known now: somebody has just told it.
    """
    said = columns.get("label")
    if said is None:
        return 0
    labelled = (said == FRAUD) | (said == HONEST)
    rows = np.flatnonzero(labelled & np.asarray(taken))
    if not len(rows):
        return 0
    now = datetime.now(tz=UTC)
    latest = int(now.timestamp() * 1000)
    found = [
        (
            storable(name, LONGEST_TRANSACTION),
            WORDS[label],
            datetime.fromtimestamp(min(max(at, 0), latest) / 1000, tz=UTC),
        )
        for name, label, at in zip(
            np.asarray(columns["id"])[rows].tolist(),
            said[rows].tolist(),
            np.asarray(columns["label_known_at"])[rows].tolist(),
            strict=True,
        )
    ]
    labels.from_file(project_id, found, now)
    return len(found)
