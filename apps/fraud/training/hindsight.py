"""The guard for columns that come with the file: which of them was made with hindsight.

A column cannot be made again from another past, as `canaries` does with features. So it is asked
what tells it: figures that were known at the moment of each row (all features of the table), or
those and some that nobody knew (the row's own label, undelayed risk, totals over all of the data).
A column that the second tell almost wholly and the first do not, on rows that neither was fitted
on, is a copy of what was not known: of the label, of risk without its delay, of a target encoding.
A strong but honest signal is not told so by anything else.
"""

from typing import Final

import numpy as np
import xgboost
from numpy.typing import NDArray

from apps.fraud.events import ATTRIBUTE, ENTITY
from apps.fraud.features.catalogue import catalogue
from apps.fraud.features.state import FeatureState
from apps.fraud.training.rungs import threads_for
from apps.fraud.training.table import Table

ROWS: Final = 20_000
TREES: Final = 60
TOLD: Final = 0.9
"""Share of a column's variance from which it counts as told."""
GAIN: Final = 0.15
"""Share of the variance that only hindsight tells: a channel that follows from devices and habits
gains a little by totals of all the data, which honest columns may."""
EXACT, TIMES = 0.99, 5
"""From here on told exactly, if the known leaves so many times as much untold."""
HELPS = 0.05
"""Share of the labels' variance that an exactly told column must add to what was known: the channel
of a terminal follows exactly from that terminal's totals, and tells of no label."""


def copied(table: Table, seed: int = 0) -> dict[str, str]:
    """The attributes that tell what nobody knew, and how that was seen."""
    columns = {
        attribute.key: _numbers(table.events[ATTRIBUTE + attribute.key], table.label)
        for attribute in table.scheme.attributes
    }
    if not columns:
        return {}
    rows = np.sort(np.random.default_rng(seed).permutation(len(table))[:ROWS])
    own = {one.name for one in catalogue(table.scheme) if one.entity in columns}
    names = [at for at, name in enumerate(table.names) if name not in own]
    known = table.values[rows][:, names]
    both = np.concatenate([known, _unknown(table)[rows]], axis=1)
    found = {}
    for key, column in columns.items():
        target = column[rows]
        if not target.std() > 0:
            continue
        by_known, by_both = _share(known, target, seed), _share(both, target, seed)
        if not _is_copy(by_known, by_both):
            continue
        if by_both - by_known >= GAIN or _helps(known, target, table.label[rows], seed):
            found[key] = (
                f"{by_both:.0%} of it follows from labels and totals that were not known yet, "
                f"{max(by_known, 0):.0%} from what was"
            )
    return found


def _is_copy(by_known: float, by_both: float) -> bool:
    """Hindsight tells much more than the known does, or all of it where the known comes near."""
    exactly = by_both >= EXACT and 1 - by_both <= (1 - by_known) / TIMES
    return exactly or (by_both >= TOLD and by_both - by_known >= GAIN)


def _helps(
    known: NDArray[np.float32],
    column: NDArray[np.float64],
    label: NDArray[np.int64],
    seed: int,
) -> bool:
    """Whether the column tells of labels what the known does not."""
    fraud = (label == 1).astype(np.float64)
    more = np.column_stack([known, column.astype(np.float32)])
    return _share(more, fraud, seed) - max(0.0, _share(known, fraud, seed)) >= HELPS


def _numbers(column: NDArray, label: NDArray[np.int64]) -> NDArray[np.float64]:
    """Ranks of numbers from 0 to 1; of a category's values by their share of frauds."""
    if column.dtype.kind == "f":
        values = np.nan_to_num(column, nan=-1.0, posinf=1e300, neginf=-1e300)
        _, rank = np.unique(values, return_inverse=True)
    else:
        _, value = np.unique(column, return_inverse=True)
        frauds = np.bincount(value, weights=label == 1)
        share = frauds / np.maximum(np.bincount(value), 1)
        _, rank = np.unique(share[value], return_inverse=True)
    return rank / max(1, int(rank.max(initial=0)))


def _unknown(table: Table) -> NDArray[np.float32]:
    """[n, …] what nobody knew: labels, risk without delay and with the row itself, totals."""
    at_once = table.scheme.model_copy(update={"label_delay": 0})
    events = {**table.events, "label_known_at": table.time}
    early = FeatureState(at_once, mode="event_time", groups=("risk",)).feed(events).values
    fraud = (table.label == 1).astype(np.float64)
    parts: list[NDArray] = [fraud, *early.T]
    for entity in table.scheme.entities:
        _, node = np.unique(table.events[ENTITY + entity.key], return_inverse=True)
        total, frauds = np.bincount(node), np.bincount(node, weights=fraud)
        money = np.bincount(node, weights=table.events["amount"])
        so_far = _before(node, fraud)
        parts += [total[node], frauds[node], (frauds / total)[node], (money / total)[node]]
        parts += [so_far, so_far + fraud, so_far / np.maximum(_before(node, fraud * 0 + 1), 1)]
    return np.stack(parts, axis=1).astype(np.float32)


def _before(node: NDArray[np.int64], value: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of each row: the sum over earlier rows of its node."""
    order = np.argsort(node, kind="stable")
    running = np.cumsum(value[order]) - value[order]
    first = np.append(True, np.diff(node[order]) != 0)
    start = np.maximum.accumulate(np.where(first, np.arange(len(node)), 0))
    told = np.empty(len(node))
    told[order] = running - running[start]
    return told


def _share(values: NDArray[np.float32], target: NDArray[np.float64], seed: int) -> float:
    """The share of variance that trees tell on rows they were not fitted on."""
    fit = np.random.default_rng(seed).random(len(target)) < 0.5
    threads = threads_for(len(target))
    data = xgboost.QuantileDMatrix(values[fit], target[fit], nthread=threads)
    settings = {"max_depth": 6, "eta": 0.2, "nthread": threads, "seed": seed}
    booster = xgboost.train(settings, data, TREES)
    away = target[~fit] - booster.inplace_predict(values[~fit])
    spread = float(target[~fit].var())
    return 1.0 - float((away**2).mean()) / spread if spread > 0 else 0.0
