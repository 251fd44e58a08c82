"""Stored blocks of results and uploaded files by their hashes, for apps that train on them."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import models

from loupe.intake.models import Channel, Input
from loupe.jobs.models import ResultBlock

__all__ = ["Stored", "blocks", "upload", "uploads"]


@dataclass(frozen=True, kw_only=True)
class Stored:
    """Bytes that are stored.

    Attributes:
        number: of the row that holds them.
        name: as the sender called it; empty for a block.
        sha256: of the bytes.
        rows: of a block.
        facts: what was said of an upload.
    """

    number: int
    sha256: str
    media_type: str
    at: datetime
    name: str = ""
    rows: int = 0
    facts: dict[str, str]


def blocks(app: str, project_id: UUID, most_rows: int, most: int) -> list[Stored]:
    """The newest blocks of a project in the order they were stored; whole blocks, at most
    `most_rows` rows and `most` blocks. Ask the policy before."""
    rows = ResultBlock.objects.filter(project_id=project_id, app=app).order_by("-pk")
    found: list[Stored] = []
    total = 0
    for row in rows.select_related("blob")[:most].iterator(chunk_size=2_000):
        if total + row.rows > most_rows:
            break
        total += row.rows
        found.append(
            Stored(
                number=row.pk, sha256=row.blob_id, media_type=row.blob.media_type,
                at=row.created_at, rows=row.rows, facts={},
            )
        )  # fmt: skip
    return found[::-1]


def uploads(app: str, project_id: UUID, most: int) -> list[Stored]:
    """The newest files that people or systems sent as such, newest first. Ask the policy before."""
    return [_told(row) for row in _sent(app, project_id).order_by("-pk")[:most]]


def upload(app: str, project_id: UUID, number: int) -> Stored | None:
    """One of them; None: there is none, or its bytes are gone."""
    row = _sent(app, project_id).filter(pk=number).first()
    return None if row is None else _told(row)


def _sent(app: str, project_id: UUID) -> "models.QuerySet[Input]":
    rows = Input.objects.filter(
        submission__project_id=project_id, submission__app=app, blob__isnull=False, error_code=""
    )
    return rows.exclude(submission__channel=Channel.SYNC).select_related("submission", "blob")


def _told(row: Input) -> Stored:
    if row.blob is None:
        raise ValueError(f"Input {row.pk} has no bytes.")
    return Stored(
        number=row.pk, sha256=row.blob.pk, media_type=row.blob.media_type,
        at=row.submission.created_at, name=row.name,
        facts={str(key): str(value) for key, value in row.submission.facts.items()},
    )  # fmt: skip
