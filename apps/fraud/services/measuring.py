"""Asks a process of its own what rules did; few at a time."""

import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

import numpy as np
from django.utils import timezone
from django.utils.translation import gettext as _
from pydantic import BaseModel

from apps.fraud.models import TransactionLabel
from apps.fraud.policy.asked import CountAsked, Counts
from apps.fraud.schema import Rule
from apps.fraud.scheme import Scheme
from apps.fraud.services.labels import VALUES
from loupe.contract.runtime.errors import TemporarilyUnavailable
from loupe.host.block_files import newest_files
from loupe.host.people import Project

COUNT_ROWS, COUNT_BLOCKS, COUNT_S = 500_000, 2_000, 20.0
"""The newest transactions among which a day is looked for, and how long that may take."""
COUNT_LABELS = 200_000
"""The newest labels that are looked at."""
AT_ONCE = 2
WAIT_S = 8.0
_places = threading.BoundedSemaphore(AT_ONCE)


def count(project: Project, scheme: Scheme, rules: Sequence[Rule]) -> Counts:
    """What each rule did yesterday, or on the last day there is. Ask the policy before.

    Raises:
        TemporarilyUnavailable: it took too long, or others are counting.
    """
    start, end = yesterday(scheme.timezone)
    with (
        _place(),
        newest_files("fraud", project.pk, COUNT_ROWS, COUNT_BLOCKS) as files,
        TemporaryDirectory(prefix="loupe-policy-") as folder,
    ):
        asked = CountAsked(
            blocks=tuple(str(file) for file in files),
            rules=tuple(rules),
            timezone=scheme.timezone,
            day_start=start,
            day_end=end,
            labels=_labels(project, Path(folder), COUNT_LABELS),
        )
        return Counts.model_validate_json(_answer("count", asked, Path(folder), COUNT_S))


def yesterday(zone: str, now: datetime | None = None) -> tuple[int, int]:
    """Start and end of yesterday on the project's clocks, in milliseconds UTC."""
    clock = UTC if zone == "UTC" else ZoneInfo(zone)
    today = (now or timezone.now()).astimezone(clock).date()
    start, end = (
        datetime.combine(day, datetime.min.time(), tzinfo=clock)
        for day in (today - timedelta(days=1), today)
    )
    return int(start.timestamp() * 1000), int(end.timestamp() * 1000)


@contextmanager
def _place() -> Iterator[None]:
    """One of the few that measure at once: each takes a core."""
    if not _places.acquire(timeout=WAIT_S):
        raise TemporarilyUnavailable(
            _("%(n)s others are measuring: try again in a moment.") % {"n": AT_ONCE}
        )
    try:
        yield
    finally:
        _places.release()


def _labels(project: Project, folder: Path, most: int) -> str:
    """A file with the labels that stand; empty where there are none."""
    rows = TransactionLabel.objects.filter(project=project, standing=True).order_by("-pk")
    told = list(rows.values_list("transaction", "label")[:most])
    if not told:
        return ""
    path = folder / "labels.npz"
    ids = np.array([name for name, _label in told], dtype=np.str_)
    values = np.array([VALUES[label] for _name, label in told], dtype=np.int8)
    with path.open("wb") as file:
        np.savez(file, allow_pickle=False, ids=ids, labels=values)
    return str(path)


def _answer(question: str, asked: BaseModel, folder: Path, limit_s: float) -> bytes:
    given, answer = folder / "asked.json", folder / "answer.json"
    given.write_text(asked.model_dump_json(), encoding="utf-8")
    command = [sys.executable, "-m", "apps.fraud.policy", question, str(given), str(answer)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit_s)
    except subprocess.TimeoutExpired as error:
        raise TemporarilyUnavailable(
            _("It took more than %(s)s seconds on the newest transactions; nothing was changed.")
            % {"s": f"{limit_s:g}"}
        ) from error
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise TemporarilyUnavailable(
            _("Measuring ended with status %(status)s: %(why)s")
            % {"status": done.returncode, "why": last[:300]}
        )
    return answer.read_bytes()
