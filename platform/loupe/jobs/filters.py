"""Which results a person or program asks for."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


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

    def as_json(self) -> dict[str, Any]:
        """What is filtered, as plain JSON."""
        found = {
            "outcome": self.outcome,
            "label": self.label,
            "reviewed": self.reviewed,
            "job_id": str(self.job_id) if self.job_id else None,
            "since": self.since.isoformat() if self.since else None,
            "until": self.until.isoformat() if self.until else None,
            "name_contains": self.name_contains,
        }
        return {key: value for key, value in found.items() if value not in (None, "")}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Filters":
        """The filters that `as_json` wrote."""
        times = {
            key: datetime.fromisoformat(str(data[key])) for key in ("since", "until") if key in data
        }
        return cls(
            outcome=str(data.get("outcome", "")),
            label=str(data.get("label", "")),
            reviewed=data.get("reviewed"),
            job_id=uuid.UUID(str(data["job_id"])) if "job_id" in data else None,
            name_contains=str(data.get("name_contains", "")),
            **times,
        )
