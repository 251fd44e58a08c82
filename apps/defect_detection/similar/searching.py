"""Exact search: a vector against every kept one of the project, in memory.

One signed byte a dimension: 100,000 places of 256 dimensions take 26 MB. The common part of all
vectors is taken away first; it says how all pictures of a line are alike, not how two are.
"""

import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from django.db.models import Count, Max
from numpy.typing import NDArray

from apps.defect_detection.models import Case, Embedder

CHUNK = 4096
MOST_PLACES = 200_000
"""The newest that are searched; older ones are left out."""
MOST_PROJECTS = 2

_shelves: "OrderedDict[tuple[int, datetime], Shelf]" = OrderedDict()
_lock = threading.Lock()


@dataclass
class Shelf:
    """The vectors of one embedder.

    Attributes:
        ids, results: of the cases, ascending by id.
        codes: [N, D] int8.
        scales: what makes a row of `codes` a unit vector.
        middle: the mean of the unit vectors.
        lengths: of the unit vectors less `middle`.
    """

    ids: "NDArray[np.int64]" = field(default_factory=lambda: np.empty(0, np.int64))
    results: "NDArray[np.int64]" = field(default_factory=lambda: np.empty(0, np.int64))
    codes: "NDArray[np.int8]" = field(default_factory=lambda: np.empty((0, 0), np.int8))
    scales: "NDArray[np.float32]" = field(default_factory=lambda: np.empty(0, np.float32))
    middle: "NDArray[np.float32]" = field(default_factory=lambda: np.empty(0, np.float32))
    lengths: "NDArray[np.float32]" = field(default_factory=lambda: np.empty(0, np.float32))

    def refresh(self, embedder: Embedder) -> None:
        """Take in what was kept since, and let go of what is gone."""
        rows = Case.objects.filter(embedder=embedder)
        state = rows.aggregate(last=Max("pk"), count=Count("pk"))
        newest = int(self.ids[-1]) if len(self.ids) else 0
        fresh = list(
            rows.filter(pk__gt=newest)
            .order_by("-pk")
            .values_list("pk", "result_id", "vector")[:MOST_PLACES]
        )[::-1]
        if fresh:
            codes = np.frombuffer(b"".join(bytes(row[2]) for row in fresh), np.int8)
            codes = codes.reshape(len(fresh), -1)
            self.codes = np.concatenate([self.codes, codes]) if len(self.codes) else codes
            self.ids = np.concatenate([self.ids, np.array([row[0] for row in fresh])])
            self.results = np.concatenate([self.results, np.array([row[1] for row in fresh])])
        gone = len(self.ids) != state["count"]
        if gone:
            there = np.fromiter(rows.values_list("pk", flat=True), np.int64, count=-1)
            self._only(np.isin(self.ids, there))
        if len(self.ids) > MOST_PLACES:
            self._only(np.arange(len(self.ids)) >= len(self.ids) - MOST_PLACES)
        if fresh or gone:
            self._measure()

    def alike(self, vector: "NDArray[np.float32]") -> "NDArray[np.float32]":
        """How alike each row is, -1 to 1."""
        if not len(self.ids):
            return np.empty(0, np.float32)
        wanted = vector - self.middle
        wanted = wanted / max(float(np.linalg.norm(wanted)), 1e-9)
        across = float(self.middle @ wanted)
        scores = np.empty(len(self.ids), np.float32)
        for start in range(0, len(scores), CHUNK):
            part = slice(start, start + CHUNK)
            raw = self.codes[part].astype(np.float32) @ wanted
            scores[part] = raw * self.scales[part] - across
        np.divide(scores, np.maximum(self.lengths, np.float32(1e-9)), out=scores)
        return scores

    def _only(self, kept: "NDArray[np.bool_]") -> None:
        self.ids, self.results, self.codes = self.ids[kept], self.results[kept], self.codes[kept]

    def _measure(self) -> None:
        count = len(self.ids)
        self.scales = np.empty(count, np.float32)
        total = np.zeros(self.codes.shape[1] if count else 0, np.float64)
        for start in range(0, count, CHUNK):
            part = slice(start, start + CHUNK)
            rows = self.codes[part].astype(np.float32)
            self.scales[part] = 1 / np.maximum(np.linalg.norm(rows, axis=1), 1e-9)
            total += self.scales[part] @ rows
        # A few cases have no common part worth the name; half of it is taken away by then.
        self.middle = (total / max(count, 1) * (count / (count + 8))).astype(np.float32)
        self.lengths = np.empty(count, np.float32)
        for start in range(0, count, CHUNK):
            part = slice(start, start + CHUNK)
            rows = self.codes[part].astype(np.float32) * self.scales[part, None]
            self.lengths[part] = np.linalg.norm(rows - self.middle, axis=1)


@dataclass(frozen=True, kw_only=True)
class Near:
    """A case and how alike it is, -1 to 1."""

    case_id: int
    result_id: int
    likeness: float


def nearest(
    embedder: Embedder, vector: "NDArray[np.float32]", limit: int, *, without: int
) -> tuple[list[Near], int]:
    """The best place of each of the `limit` nearest results, and how many places were compared.

    Args:
        without: a result that is not to be found: the one that is asked about.
    """
    with _lock:
        key = (embedder.pk, embedder.created_at)
        shelf = _shelves.setdefault(key, Shelf())
        _shelves.move_to_end(key)
        while len(_shelves) > MOST_PROJECTS:
            _shelves.popitem(last=False)
        shelf.refresh(embedder)
        scores, ids, results = shelf.alike(vector), shelf.ids, shelf.results
    found: dict[int, Near] = {}
    # A result has a few places at most, so this many rows hold enough results.
    top = min(len(scores), (limit + 1) * 16)
    chosen = np.argpartition(-scores, top - 1)[:top] if top else np.empty(0, np.int64)
    for index in chosen[np.argsort(-scores[chosen], kind="stable")]:
        result = int(results[index])
        if result == without or result in found:
            continue
        found[result] = Near(
            case_id=int(ids[index]), result_id=result, likeness=float(scores[index])
        )
        if len(found) == limit:
            break
    return list(found.values()), len(scores)
