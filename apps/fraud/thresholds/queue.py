"""A queue of k a day: from which score analysts are asked, so that on average k come.

One cut-off for all bands, never above a band's block: what is blocked is no longer asked about.
It is chosen on the earlier days and told on the later ones.
"""

import numpy as np
from numpy.typing import NDArray

from apps.fraud.events import FRAUD
from apps.fraud.thresholds.asked import QueueFound
from apps.fraud.thresholds.rows import DAY, Scored

Floats = NDArray[np.float64]


def cut_offs(rows: Scored, block: Floats, a_day: int) -> Floats:
    """The review cut-off of each band [bands]."""
    open_ones = np.sort(rows.score[rows.score < block[rows.band]])[::-1]
    allowed = a_day * _days(rows)
    if not len(open_ones) or allowed >= len(open_ones):
        cut = float(open_ones[-1]) if len(open_ones) else float(block.min())
    else:
        cut = float(np.nextafter(open_ones[allowed], np.inf))
    return np.minimum(cut, block)


def found(rows: Scored, block: Floats, review: Floats, a_day: int) -> QueueFound:
    """What the queue would have got."""
    open_ones = rows.score < block[rows.band]
    queued = open_ones & (rows.score >= review[rows.band])
    days = _days(rows)
    first = int(rows.time.min()) // DAY if len(rows.time) else 0
    counts = np.bincount(rows.time[queued] // DAY - first, minlength=days)
    frauds = int((open_ones & (rows.label == FRAUD)).sum())
    return QueueFound(
        asked=a_day,
        a_day=float(counts.sum() / days) if days else 0.0,
        busiest=int(counts.max(initial=0)),
        days=days,
        days_over=int((counts > a_day).sum()),
        recall=float((queued & (rows.label == FRAUD)).sum() / frauds) if frauds else None,
    )


def _days(rows: Scored) -> int:
    """Days from the first to the last row, both counted."""
    if not len(rows.time):
        return 0
    return int(rows.time.max() // DAY - rows.time.min() // DAY) + 1
