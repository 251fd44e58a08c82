"""Which rows a model learns from and which measure it: by time only, never by lot.

```
 ── fit ──│ delay │── validation ──│ delay │── test ──►   time
 ────────────── train ─────────────│
```

Between two parts lies the time until labels are known: on the first day of a test nobody knows the
labels of the week before. `fit` and `validation` choose (numbers of trees, epochs, weights of the
ensemble, calibration); the models that are measured learn again from all of `train`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from apps.fraud.training.table import DAY_MS, Table
from loupe.contract.runtime.errors import InputRefused

Rows = NDArray[np.int64]
LEAST_FRAUDS = 10
NEVER = 2**40
"""A day that no row has."""


@dataclass(frozen=True, kw_only=True)
class Periods:
    """Milliseconds since 1970; ends are exclusive."""

    train_from: int
    train_to: int
    test_from: int
    test_to: int
    delay: int

    @property
    def validation_from(self) -> int:
        """The last part of the training, as long as the test but at most a third of it."""
        longest = (self.train_to - self.train_from) // 3
        return self.train_to - min(self.test_to - self.test_from, longest)

    @property
    def fit_to(self) -> int:
        """A delay before the validation; without one where the training is too short for it."""
        left = self.validation_from - self.train_from
        return self.validation_from - (self.delay if 2 * self.delay < left else 0)


@dataclass(frozen=True)
class Split:
    """Numbers of rows of a `Table`, ascending."""

    periods: Periods
    fit: Rows
    validation: Rows
    train: Rows
    test: Rows


def default_periods(
    table: Table,
    *,
    train_days: int = 0,
    test_days: int = 0,
    test_from: int | None = None,
) -> Periods:
    """The last days as test, a delay, and what lies before as training.

    Args:
        table: of all rows.
        train_days: 0: all there are, but the first tenth, in which histories only begin.
        test_days: 0: a fifth of the time, at most 28.
        test_from: milliseconds; None: so that the test ends with the data.

    Raises:
        InputRefused: the time is too short for the delay of labels.
    """
    first, last = int(table.time[0]), int(table.time[-1])
    midnight = first - first % DAY_MS
    end = last - last % DAY_MS + DAY_MS
    days = (end - midnight) // DAY_MS
    delay = 1000 * table.scheme.label_delay
    long = (test_days or max(1, min(28, days // 5))) * DAY_MS
    start = end - long if test_from is None else test_from
    stop = min(end, start + long)
    train_to = start - delay
    train_from = train_to - train_days * DAY_MS if train_days else midnight + days // 10 * DAY_MS
    if train_to - train_from < DAY_MS or stop <= start:
        raise InputRefused(
            f"{days} days of transactions are too few: a test of {long // DAY_MS} days, "
            f"{delay / DAY_MS:g} days until labels are known and a training before it do not fit. "
            "Give more data, or a shorter test (--test-days).",
            code="too_short",
        )
    return Periods(
        train_from=max(train_from, midnight),
        train_to=train_to,
        test_from=start,
        test_to=stop,
        delay=delay,
    )


def split(table: Table, periods: Periods, *, drop_known: bool = True) -> Split:
    """The rows of each part; rows without a label are in none.

    Args:
        table: of all rows.
        periods: see `default_periods`.
        drop_known: leave out of validation and test the payers of whom a fraud was known by that
            day and happened since their training began, as the Handbook does: such a card is
            stopped already.

    Raises:
        InputRefused: a part has fewer than `LEAST_FRAUDS` frauds or no honest row.
    """
    p = periods
    fit = _between(table, p.train_from, p.fit_to)
    validation = _between(table, p.validation_from, p.train_to)
    train = _between(table, p.train_from, p.train_to)
    test = _between(table, p.test_from, p.test_to)
    if drop_known:
        span = min(p.train_to - p.train_from, p.test_to - p.test_from)
        validation = _unknown_payers(table, validation, p.validation_from - p.delay - span, p.delay)
        test = _unknown_payers(table, test, p.train_to - span, p.delay)
    for name, rows in (("training", fit), ("validation", validation), ("test", test)):
        frauds = int((table.label[rows] == 1).sum())
        if frauds < LEAST_FRAUDS or frauds == len(rows):
            raise InputRefused(
                f"The {name} part has {frauds} frauds among {len(rows)} rows with labels; at least "
                f"{LEAST_FRAUDS} of each kind are needed. Give more data or longer parts.",
                code="too_few_frauds",
            )
    return Split(periods, fit, validation, train, test)


def _between(table: Table, start: int, stop: int) -> Rows:
    inside = (table.time >= start) & (table.time < stop) & (table.label >= 0)
    return np.flatnonzero(inside)


def _unknown_payers(table: Table, rows: Rows, since: int, delay: int) -> Rows:
    """Those of `rows` whose payer had no fraud from `since` on that was known by that day.

    A fraud of day d counts as known from the day after d + delay, as in the Handbook.
    """
    frauds = np.flatnonzero((table.label == 1) & (table.time >= since))
    _, payer = np.unique(table.payer, return_inverse=True)
    first = np.full(int(payer.max()) + 1, NEVER)
    np.minimum.at(first, payer[frauds], table.day[frauds])
    return rows[first[payer[rows]] + delay // DAY_MS >= table.day[rows]]


def thinned(table: Table, rows: Rows, most: int, seed: int) -> tuple[Rows, NDArray[np.float32]]:
    """All frauds and a draw of the honest rows so that about `most` remain, with their weights.

    The weights make the draw stand for all rows, so probabilities stay what they are.
    """
    fraud = table.label[rows] == 1
    honest = int((~fraud).sum())
    share = min(1.0, max(1, most - int(fraud.sum())) / max(1, honest))
    keep = fraud | (np.random.default_rng(seed).random(len(rows)) < share)
    weights = np.where(fraud, 1.0, 1.0 / share)[keep]
    return rows[keep], weights.astype(np.float32)
