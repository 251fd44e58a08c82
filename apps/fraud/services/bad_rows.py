"""Rows of files that could not be used: kept with their job, listed and downloaded."""

import csv
import io
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from apps.fraud.exports import harmless
from apps.fraud.models import BadRows
from apps.fraud.tables.counted import reason_of_many
from apps.fraud.tables.problems import WARNINGS
from loupe.contract.blocks import LIVE, StoredBlock
from loupe.host import jobs
from loupe.host.people import Action, Actor, Project, require

HEAD = ("file", "line", "field", "value", "code", "reason", "原因")


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What was wrong in a job: rows read, problems by code, and parts that could not be read."""

    read: int
    counts: tuple[tuple[str, int, Any], ...]
    unread: tuple[jobs.Failure, ...]

    @property
    def bad(self) -> int:
        """Problems that kept a row out; a row may have several."""
        return sum(count for code, count, _words in self.counts if code not in WARNINGS)


def kept(block: StoredBlock) -> BadRows | None:
    """What the parsing step said of a range; None: nothing was wrong, or it was no file."""
    told = block.parsed.get("problems")
    if block.session == LIVE or not isinstance(told, Mapping) or not told.get("counts"):
        return None
    read = block.parsed.get("rows_read")
    return BadRows(
        project_id=block.project_id,
        job_id=block.job_id,
        position=block.position,
        input_name=block.input_name[:300],
        counts=told["counts"],
        listed=told.get("listed", []),
        read=read if isinstance(read, int) else 0,
    )


def summary(actor: Actor, project: Project, job_id: UUID) -> Summary:
    """What was wrong in a job.

    Raises:
        NotVisible, Denied: the actor may not look, or there is no such job.
    """
    require(actor, Action.VIEW, project)
    job = jobs.find(actor, project, "fraud", job_id)
    total: Counter[str] = Counter()
    read = 0
    rows = BadRows.objects.filter(project=project, job_id=job_id)
    for counts, count in rows.values_list("counts", "read"):
        total.update(counts)
        read += count
    named = tuple((code, count, reason_of_many(code)) for code, count in total.most_common())
    return Summary(read=read, counts=named, unread=tuple(jobs.failures(job)))


def of_job(job_id: UUID) -> int:
    """How many rows of a job were kept out. Ask the policy before."""
    total: Counter[str] = Counter()
    for counts in BadRows.objects.filter(job_id=job_id).values_list("counts", flat=True):
        total.update(counts)
    return sum(count for code, count in total.items() if code not in WARNINGS)


def listed(project: Project, job_id: UUID, most: int | None = None) -> Iterator[dict[str, Any]]:
    """The listed rows in order of the file. Ask the policy before."""
    rows = BadRows.objects.filter(project=project, job_id=job_id).order_by("position")
    count = 0
    for row in rows.iterator(chunk_size=50):
        for one in row.listed:
            if most is not None and count >= most:
                return
            count += 1
            yield {"file": row.input_name, **one}


def write_csv(actor: Actor, project: Project, job_id: UUID) -> Iterator[bytes]:
    """The listed rows as CSV, part by part; ranges without one good row by their refusal.

    Raises:
        NotVisible, Denied: the actor may not take data out, or there is no such job.
    """
    require(actor, Action.EXPORT, project)
    job = jobs.find(actor, project, "fraud", job_id)
    return _lines(project, job)


def _lines(project: Project, job: jobs.Job) -> Iterator[bytes]:
    yield _line(HEAD, "utf-8-sig")
    for one in listed(project, job.pk):
        yield _line(
            (
                harmless(one["file"]),
                one["line"],
                harmless(one["field"]),
                harmless(one["value"]),
                one["code"],
                harmless(one["en"]),
                harmless(one["zh"]),
            )
        )
    for failure in jobs.failures(job):
        yield _line(
            (harmless(failure.input_name), "", "", "", failure.code, harmless(failure.message), "")
        )


def _line(cells: tuple[Any, ...], encoding: str = "utf-8") -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerow(cells)
    return text.getvalue().encode(encoding, errors="replace")
