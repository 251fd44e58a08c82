"""One stored result, whether it is kept as a row or in a block."""

import uuid
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from loupe.accounts.errors import NotVisible
from loupe.blobs import services as blobs
from loupe.blobs.models import Blob
from loupe.contract.outcomes import DecisionDraft, Reason
from loupe.contract.results import Provenance as ShownProvenance
from loupe.contract.runtime.finite import finite
from loupe.jobs.models import Provenance, Result
from loupe.plugins import registry as apps


@dataclass(frozen=True, kw_only=True)
class StoredResult:
    """One result as apps, pages and the API see it: a `loupe.contract.results.ResultView`.

    Attributes:
        decision: what the machine decided.
        outcome: the latest word: the machine's, or that of the person who reviewed it.
    """

    id: int
    name: str
    sha256: str
    data: BaseModel
    decision: DecisionDraft
    provenance: ShownProvenance
    times_ms: dict[str, float]
    app: str
    project_id: uuid.UUID
    job_id: uuid.UUID
    item_id: int
    outcome: str
    reviewed: bool
    fallback: str
    created_at: datetime
    blob: Blob | None

    def open_input(self) -> AbstractContextManager[Path]:
        """The input's bytes as a local, read-only file."""
        if self.blob is None:
            raise NotVisible(f"Result {self.id} has no stored input: its rows came with the call.")
        return blobs.open_local(self.blob)

    def json_data(self) -> dict[str, Any]:
        """`data` as JSON has it: what is no finite number there is null."""
        told: dict[str, Any] = finite(self.data.model_dump(mode="json"))
        return told

    def with_decision(self, decision: DecisionDraft) -> "StoredResult":
        """The same result with another decision shown."""
        return replace(self, decision=decision)


def shown_provenance(row: Provenance) -> ShownProvenance:
    """The versions behind a result, for people."""
    version = row.model_version
    return ShownProvenance(
        model_name=version.model.name if version else "",
        model_version=version.number if version else 0,
        artefact_sha256=row.artefact_sha256,
        operating_point_version=row.operating_point.number if row.operating_point else 0,
    )


def from_row(row: Result) -> StoredResult:
    """A row result."""
    received = row.item.input
    decision = row.decision
    return StoredResult(
        id=row.pk,
        name=received.name if received else "",
        sha256=(received.blob_id or "") if received else "",
        data=apps.get(row.app).result_schema.model_validate(row.data),
        decision=DecisionDraft(
            outcome=decision.outcome,
            score=decision.score,
            label=decision.label,
            reasons=tuple(Reason.model_validate(reason) for reason in decision.reasons),
        ),
        provenance=shown_provenance(row.provenance),
        times_ms=row.times_ms,
        app=row.app,
        project_id=row.project_id,
        job_id=row.job_id,
        item_id=row.item_id,
        outcome=row.outcome,
        reviewed=row.reviewed,
        fallback=decision.fallback,
        created_at=row.created_at,
        blob=received.blob if received else None,
    )
