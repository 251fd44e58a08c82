"""Transactions with the features that were frozen for them: what every model learns from."""

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from apps.fraud.events import ENTITY, UNKNOWN
from apps.fraud.features.state import FeatureState
from apps.fraud.scheme import Scheme
from loupe.contract.runtime.columns import Columns, row_count
from loupe.contract.runtime.errors import InputRefused

DAY_MS = 86_400_000
LATEST = 2**62


@dataclass(frozen=True)
class Table:
    """Rows in order of event time.

    Attributes:
        events: columns as `apps.fraud.events.fields` names them, with labels.
        names: of the features, without prefix.
        values: [n, features] float32.
        history: [n] earlier events of the payer.
    """

    scheme: Scheme
    events: Columns
    names: tuple[str, ...]
    values: NDArray[np.float32]
    history: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.values)

    @property
    def time(self) -> NDArray[np.int64]:
        """Event time, milliseconds."""
        return self.events["event_time"]

    @property
    def label(self) -> NDArray[np.int64]:
        """1 fraud, 0 honest, −1 not known."""
        return self.events["label"]

    @property
    def label_known_at(self) -> NDArray[np.int64]:
        """Milliseconds; `LATEST` where it is never known."""
        known = self.events["label_known_at"]
        return np.where((self.label == UNKNOWN) | (known < 0), LATEST, known)

    @property
    def payer(self) -> NDArray[np.str_]:
        """The identifiers of who pays."""
        return self.events[ENTITY + self.scheme.payer.key]

    @property
    def day(self) -> NDArray[np.int64]:
        """Days since 1970, UTC."""
        return self.time // DAY_MS

    def columns(
        self, names: Collection[str], rows: NDArray[np.int64] | None = None
    ) -> NDArray[np.float32]:
        """[n, len(names)] of the features of those names, in their order; of some rows or all."""
        place = {name: index for index, name in enumerate(self.names)}
        places = np.array([place[name] for name in names], np.int64)
        return self.values[:, places] if rows is None else self.values[np.ix_(rows, places)]

    def with_features(self, names: Collection[str], values: NDArray[np.float32]) -> "Table":
        """The same rows with more features behind the others."""
        together = np.concatenate([self.values, values.astype(np.float32)], axis=1)
        return replace(self, names=(*self.names, *names), values=together)


def ordered(scheme: Scheme, events: Columns) -> dict[str, np.ndarray]:
    """The columns in order of event time, of one time in order of arrival, then as they stand.

    Where `label_known_at` says nothing for a label, it is known `scheme.label_delay` later.

    Raises:
        InputRefused: there is no row, or no label among them.
    """
    if not row_count(events):
        raise InputRefused("There is no transaction in the data.", code="no_rows")
    order = np.lexsort((events["known_at"], events["event_time"]))
    found = {name: column[order] for name, column in events.items()}
    label = found.get("label")
    if label is None or not (label == 1).any() or not (label == 0).any():
        raise InputRefused(
            "The data has no labels of both kinds, fraud and honest, so nothing can be learned "
            "from it or measured on it. Name the column of the label in the mapping.",
            code="no_labels",
        )
    known = found["label_known_at"]
    later = found["event_time"] + 1000 * scheme.label_delay
    found["label_known_at"] = np.where((label != UNKNOWN) & (known < 0), later, known)
    return found


def build(scheme: Scheme, events: Columns, groups: Collection[str] | None = None) -> Table:
    """The table of events, with the features that the live service would have made.

    Args:
        scheme: of the project.
        events: columns in any order.
        groups: of features, as `FeatureState` takes them; None for all.

    Raises:
        InputRefused: a column does not fit, or labels are missing.
    """
    found = ordered(scheme, events)
    state = FeatureState(scheme, mode="event_time", groups=groups)
    fed = state.feed(found)
    return Table(scheme, found, state.names, fed.values, fed.history)
