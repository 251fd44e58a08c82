"""Which results a person or program asks for."""

import uuid
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class Filters:
    """Which results; everything left empty does not filter."""

    outcome: str = ""
    label: str = ""
    reviewed: bool | None = None
    job_id: uuid.UUID | None = None
    since: datetime | None = None
    until: datetime | None = None
    name_contains: str = ""
