"""What an operating point would have done on results that are already there.

Results of a version are kept in columns beside the database, computed from it and never the truth:
each call looks at what came since, for a limited time, and says how far it got. Where results were
deleted, everything is looked at again.
"""

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from django.db import models
from django.db.models.functions import Cast

from apps.defect_detection.operating.boxes import (
    FAIL,
    IGNORED,
    MINOR,
    OUTCOMES,
    PASS,
    REVIEW,
    Ints,
    weights,
)
from apps.defect_detection.points.evidence import APP
from apps.defect_detection.schema import OperatingPoint
from loupe.contract.runtime.steps import load
from loupe.host.derived import place
from loupe.host.models import ModelVersion
from loupe.host.models import OperatingPoint as PointRow
from loupe.host.people import Action, Actor, Project, require
from loupe.host.results import Result

if TYPE_CHECKING:
    from apps.defect_detection.operating.past import Past, Rows

CHUNK = 2000
BUDGET_SECONDS = 0.12
REVIEWED = 10_000
FILES = 50
EXAMPLES = 6
SCOPE_FACT = "product"
THRESHOLDS = tuple(round(index * 0.01, 2) for index in range(1, 101))
# pyarrow is loaded by the first rehearsal of a process, not by every page.
_PAST = "apps.defect_detection.operating.past"


@dataclass(frozen=True, kw_only=True)
class Judged:
    """Results that people judged, and how many of them each outcome gets wrong.

    Attributes:
        escapes: judged bad, but it would pass.
        overkill: judged good, but it would fail.
    """

    bad: int
    good: int
    escapes: int
    overkill: int


@dataclass(frozen=True, kw_only=True)
class Rehearsal:
    """Past results decided anew.

    Attributes:
        looked, total: how many of the app's results in the project were looked at so far.
        results: those of the version and the scope among them.
        then: how the machine decided, by outcome; `would` how the point decides.
        moved: counts by (from, to) where the two differ.
        examples: for each move, the newest results' ids.
        fails, asked: how many would fail, and how many a person would be asked about, at each of
            `THRESHOLDS`, common to all classes and without a review band.
    """

    looked: int
    total: int
    results: int
    then: Mapping[str, int]
    would: Mapping[str, int]
    moved: Mapping[tuple[str, str], int]
    examples: Mapping[tuple[str, str], tuple[int, ...]]
    judged: Judged
    fails: tuple[int, ...]
    asked: tuple[int, ...]

    @property
    def complete(self) -> bool:
        """Whether every result was looked at."""
        return self.looked >= self.total


def rehearse(
    actor: Actor,
    project: Project,
    version: ModelVersion,
    point: OperatingPoint,
    scope: str = "",
    seconds: float | None = None,
) -> Rehearsal:
    """Decide the version's past results in `project` anew, those of `scope` only.

    Results without a scope's own point count for the empty scope.

    Raises:
        NotVisible, Denied: the actor may not look here.
    """
    require(actor, Action.VIEW, project)
    past, total = gathered(project, version, point, scope, seconds)
    would = past.would(point)
    moved, examples = _moves(past.ids, past.said, would)
    fails, asked = by_threshold(past, point, THRESHOLDS)
    return Rehearsal(
        looked=past.looked,
        total=total,
        results=len(past.ids),
        then=_counts(past.said),
        would=_counts(would),
        moved=moved,
        examples=examples,
        judged=_judged(project, past.ids, would),
        fails=tuple(fails.tolist()),
        asked=tuple(asked.tolist()),
    )


def by_threshold(
    past: "Past", point: OperatingPoint, thresholds: Sequence[float]
) -> tuple[Ints, Ints]:
    """How many past results would fail, and how many a person would be asked about, at each
    threshold common to all classes and without a review band [J] each."""
    rank = weights(past.boxes, past.classes, point)
    grid = np.array(thresholds)
    rungs = np.searchsorted(grid, past.boxes.score, side="right")
    levels = []
    for counts in (rank > MINOR, rank > IGNORED):
        best = np.zeros(len(past.ids), dtype=np.int64)
        np.maximum.at(best, past.boxes.owner, np.where(counts, rungs, 0))
        missed = np.cumsum(np.bincount(best, minlength=len(grid) + 1))[: len(grid)]
        levels.append(len(past.ids) - missed)
    fails, caught = levels
    return fails, caught - fails


def gathered(
    project: Project,
    version: ModelVersion,
    point: OperatingPoint,
    scope: str,
    seconds: float | None = None,
) -> tuple["Past", int]:
    """The past results in columns, brought up to date for at most about `seconds` (left out:
    `BUDGET_SECONDS`), and how many results the version has in `project`."""
    until = time.monotonic() + (BUDGET_SECONDS if seconds is None else seconds)
    # Counted over all versions, which the database answers from an index alone.
    everything = Result.objects.filter(project=project, app=APP)
    total = everything.count()
    others = _scopes_apart(project, version) - {scope}
    keep = _file(project, version, point, scope, others)
    past: Past = load(f"{_PAST}:read")(keep)
    if past.looked and everything.filter(pk__lte=past.last).count() != past.looked:
        past = load(f"{_PAST}:nothing")()
    before = past.looked
    made_by = _provenances(version)
    while past.looked < total:
        ids = everything.filter(pk__gt=past.last).order_by("pk").values_list("pk", flat=True)
        window = list(ids[:CHUNK])
        if not window:
            break
        rows = everything.filter(
            pk__gt=past.last, pk__lte=window[-1], provenance__in=made_by
        ).order_by("pk")
        found = _mine(rows, scope, others)
        past = load(f"{_PAST}:extended")(past, found, point, len(window), window[-1])
        if time.monotonic() >= until:
            break
    if past.looked != before:
        load(f"{_PAST}:write")(keep, past)
        _forget_the_oldest(keep.parent, version)
    return past, total


def _forget_the_oldest(folder: Path, version: ModelVersion) -> None:
    """Regions and products change: columns nobody has asked for in a long time make room."""
    found = list(folder.glob(f"{version.pk}-*.npz"))
    if len(found) > FILES:
        found.sort(key=lambda file: file.stat().st_mtime, reverse=True)
        for file in found[FILES:]:
            file.unlink(missing_ok=True)


def _provenances(version: ModelVersion) -> list[int]:
    """Ids, so that the database need not join a hundred thousand results to look."""
    kind = Result._meta.get_field("provenance").related_model
    if not isinstance(kind, type):
        raise TypeError("Result.provenance has no model behind it.")
    return list(kind._default_manager.filter(model_version=version).values_list("pk", flat=True))


def _mine(rows: "models.QuerySet[Result]", scope: str, others: set[str]) -> "Rows":
    """Those of `rows` that the scope's point decides about; JSON stays text on the way."""
    fields = (
        "pk",
        "decision__outcome",
        Cast("job__submission__facts", models.TextField()),
        Cast("data", models.TextField()),
    )
    mine = [row for row in rows.values_list(*fields) if _belongs(row[2], scope, others)]
    kept: Rows = load(f"{_PAST}:Rows")(
        ids=[row[0] for row in mine], said=[row[1] for row in mine], data=[row[3] for row in mine]
    )
    return kept


def _belongs(facts: str, scope: str, others: set[str]) -> bool:
    said = "" if facts == "{}" else str(json.loads(facts).get(SCOPE_FACT, ""))
    return said == scope or (not scope and said not in others)


def _scopes_apart(project: Project, version: ModelVersion) -> set[str]:
    """Scopes with an operating point of their own: the general one does not decide about them."""
    own = PointRow.objects.filter(model_version=version, project=project).exclude(scope="")
    return set(own.values_list("scope", flat=True).distinct())


def _file(
    project: Project, version: ModelVersion, point: OperatingPoint, scope: str, others: set[str]
) -> Path:
    """Where the columns are kept: another file for other regions, masks or file names."""
    said = f"1 {scope!r} {sorted(others)} {point.picture.model_dump_json()}"
    name = hashlib.sha256(said.encode()).hexdigest()[:16]
    return place(APP, f"past/{project.pk}/{version.pk}-{name}.npz")


def _counts(said: "np.ndarray[Any, np.dtype[np.int8]]") -> dict[str, int]:
    counts = np.bincount(said, minlength=len(OUTCOMES)).tolist()
    return dict(zip(OUTCOMES, counts, strict=True))


def _moves(
    ids: Ints,
    then: "np.ndarray[Any, np.dtype[np.int8]]",
    would: "np.ndarray[Any, np.dtype[np.int8]]",
) -> tuple[dict[tuple[str, str], int], dict[tuple[str, str], tuple[int, ...]]]:
    moved, examples = {}, {}
    for old in (PASS, REVIEW, FAIL):
        for new in (PASS, REVIEW, FAIL):
            if old == new:
                continue
            which = np.flatnonzero((then == old) & (would == new))
            if len(which):
                key = OUTCOMES[old], OUTCOMES[new]
                moved[key] = len(which)
                examples[key] = tuple(ids[which[-EXAMPLES:][::-1]].tolist())
    return moved, examples


def _judged(
    project: Project,
    ids: Ints,
    would: "np.ndarray[Any, np.dtype[np.int8]]",
) -> Judged:
    """The newest results that people judged, against what they said last."""
    # Written as a list, because SQLite finds its index for that and not for a bare truth.
    rows = Result.objects.filter(project=project, app=APP, reviewed__in=[True])
    newest = rows.order_by("-pk").values_list("pk", "outcome")[:REVIEWED]
    found = [(pk, outcome) for pk, outcome in newest if outcome in {"pass", "fail"}]
    said = np.array([pk for pk, _outcome in found], dtype=np.int64)
    bad = np.array([outcome == "fail" for _pk, outcome in found], dtype=bool)
    place_of = np.searchsorted(ids, said)
    here = place_of < len(ids)
    here[here] = ids[place_of[here]] == said[here]
    decided, bad = would[place_of[here]], bad[here]
    return Judged(
        bad=int(bad.sum()),
        good=int((~bad).sum()),
        escapes=int((bad & (decided == PASS)).sum()),
        overkill=int((~bad & (decided == FAIL)).sum()),
    )
