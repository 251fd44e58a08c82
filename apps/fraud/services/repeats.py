"""Transactions of a file that the project had before: counted once the file is through.

Each file is replayed in a history of its own, so a file that comes twice is taken twice. That can
be meant (another model on the same month) or a mistake; only a person knows, so it is said.
"""

from collections import Counter
from dataclasses import dataclass
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from apps.fraud.models import SeenBefore
from apps.fraud.tables.layouts import hashed_rows
from apps.fraud.tables.raw import matrix
from loupe.contract.blocks import LIVE
from loupe.contract.runtime.steps import load
from loupe.host import jobs
from loupe.host.blocks import blocks_of, newest_id, opened, sessions_of

MOST_ROWS = 2_000_000
"""Earlier transactions that a file is compared with, the newest."""
MOST_BLOCKS = 2_000
MOST_SOURCES = 5


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where transactions had come from; `job` is None for calls by REST."""

    job: "jobs.Job | None"
    count: int


def compare(project_id: UUID, job_id: UUID) -> SeenBefore | None:
    """Count what of a job was there before, and keep it; None: the job stored nothing.

    Safe to repeat.
    """
    own = blocks_of("fraud", project_id, job_id=job_id)
    mine = [_hashes(project_id, block.id) for block in own]
    ids = np.unique(np.concatenate(mine)) if mine else np.zeros(0, np.uint64)
    if not len(ids):
        return None
    first = own[0].id
    newest = newest_id("fraud", project_id)
    others = blocks_of("fraud", project_id, after=max(0, newest - MOST_BLOCKS))
    before = [block for block in others if block.id < first]
    sessions = sessions_of("fraud", project_id, [block.id for block in before])
    seen = np.zeros(len(ids), np.bool_)
    compared, found, everything = 0, Counter[str](), max(0, newest - MOST_BLOCKS) == 0
    for block in reversed(before):
        if compared >= MOST_ROWS:
            everything = False
            break
        compared += block.rows
        theirs = np.unique(_hashes(project_id, block.id))
        place = np.searchsorted(ids, theirs).clip(max=len(ids) - 1)
        hit = ids[place] == theirs
        seen[place[hit]] = True
        session = sessions.get(block.id, (LIVE, None))[0]
        found["" if session == LIVE else session] += int(hit.sum())
    told = {
        "project_id": project_id,
        "rows": len(ids),
        "seen": int(seen.sum()),
        "compared": compared,
        "everything": everything,
        "sources": [pair for pair in found.most_common(MOST_SOURCES) if pair[1]],
    }
    kept, _made = SeenBefore.objects.update_or_create(job_id=job_id, defaults=told)
    return kept


def of_job(job_id: UUID) -> SeenBefore | None:
    """What was found of a job; None: nobody has looked yet. Ask the policy before."""
    return SeenBefore.objects.filter(job_id=job_id).first()


def sources(found: SeenBefore) -> list[Source]:
    """Where they had come from, most first; jobs that were deleted are left out."""
    told = []
    for job_id, count in found.sources:
        job = jobs.named(UUID(job_id)) if job_id else None
        if job is not None or not job_id:
            told.append(Source(job=job, count=count))
    return told


def _hashes(project_id: UUID, block_id: int) -> NDArray[np.uint64]:
    """A hash of each transaction's identifier, good within this process."""
    with opened("fraud", project_id, block_id) as path:
        if path is None:
            return np.zeros(0, np.uint64)
        ids = load("loupe.jobs.parquet:columns")(path, ["id"])["id"]
    return hashed_rows(matrix(ids)) if len(ids) else np.zeros(0, np.uint64)
