"""Payments as codes: what honest life and every scenario produce before identifiers are given."""

from dataclasses import dataclass, fields

import numpy as np

DAY_MS, HOUR_MS, MINUTE_MS = 86_400_000, 3_600_000, 60_000
POS, ONLINE, ATM, TRANSFER = range(4)
CHANNELS = np.array(["pos", "online", "atm", "transfer"])
NOBODY = -1
"""Of a device, an address or a ring: there is none."""


@dataclass(frozen=True)
class Rows:
    """Columns of integers, all of one length.

    `terminal` is the code of a terminal, or for a transfer the count of terminals plus the code of
    the customer who is paid. `time` is milliseconds since the first midnight, `amount` minor units,
    `scenario` an index of `scenarios.NAMES` (0: honest).
    """

    customer: np.ndarray
    terminal: np.ndarray
    device: np.ndarray
    address: np.ndarray
    country: np.ndarray
    channel: np.ndarray
    time: np.ndarray
    amount: np.ndarray
    scenario: np.ndarray
    ring: np.ndarray

    def __len__(self) -> int:
        return len(self.customer)

    def take(self, which: np.ndarray) -> "Rows":
        """The rows of these indices, or where this mask holds."""
        return Rows(**{field.name: getattr(self, field.name)[which] for field in fields(self)})


def rows(**columns: np.ndarray | int) -> Rows:
    """Rows of which single numbers hold for all; scenario and ring are 0 and none unless told."""
    length = len(next(value for value in columns.values() if isinstance(value, np.ndarray)))
    told = {"scenario": 0, "ring": NOBODY, **columns}
    return Rows(
        **{
            name: np.ascontiguousarray(np.broadcast_to(np.asarray(value, np.int64), length))
            for name, value in told.items()
        }
    )


def together(parts: list[Rows]) -> Rows:
    """All rows one after another."""
    return Rows(
        **{
            field.name: np.concatenate([getattr(part, field.name) for part in parts])
            for field in fields(Rows)
        }
    )
