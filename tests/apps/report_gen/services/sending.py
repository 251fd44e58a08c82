"""Sends files as the host hands them over, and works on what is submitted without an engine."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

from django.utils import timezone

from apps.report_gen.app import App
from apps.report_gen.models import Delivery, Study
from apps.report_gen.services import arriving, following, sorting
from apps.report_gen.steps.read import read
from loupe.blobs import services as blobs
from loupe.contract.facts import StoredResult
from loupe.contract.receiving import Delivery as Handed
from loupe.contract.receiving import StagedFile
from loupe.contract.runtime.payload import Payload
from loupe.host.people import Project
from loupe.jobs.models import Decision, Item, Job, Result


def send(
    project: Project, paths: Sequence[Path], facts: Mapping[str, str] | None = None, **more: Any
) -> Delivery:
    """Hand files over and sort them, as the host and a worker do."""
    files = tuple(
        StagedFile(name=path.name, path=path, bytes=path.stat().st_size, position=number)
        for number, path in enumerate(paths, 1)
    )
    received = arriving.receive(
        Handed(
            project_id=project.pk, channel="web", files=files, facts=facts or {},
            sent_by="user:olga", **more,
        )
    )  # fmt: skip
    sorting.sort(UUID(received.reference))
    return Delivery.objects.get(pk=received.reference)


def answered(study: Study) -> Result:
    """The result of a study that the gate refuses: what needs no model."""
    assert study.job_id is not None
    job = Job.objects.get(pk=study.job_id)
    item = Item.objects.select_related("input__blob").get(job=job)
    assert item.input is not None
    assert item.input.blob is not None
    with blobs.open_local(item.input.blob) as path:
        payload = read(path, {})
    assert payload.meta["status"] == "refused"
    return stored(job, item, payload)


def stored(job: Job, item: Item, payload: Payload) -> Result:
    """A result row of a payload, told to the app as the host tells it."""
    told = payload.about(item.input.name if item.input else "", job.submission.facts)
    data = App.assemble(told)
    point = App.operating_point_schema()
    decision = App.decide(data, point)
    row = Result.objects.create(
        item=item, project=job.project, job=job, app="report_gen", provenance=job.provenance,
        data=data.model_dump(mode="json"), times_ms={}, outcome=decision.outcome,
        label=decision.label, score=decision.score, created_at=timezone.now(),
    )  # fmt: skip
    Decision.objects.create(
        result=row, outcome=decision.outcome, score=decision.score, label=decision.label,
        reasons=[each.model_dump(mode="json") for each in decision.reasons],
    )  # fmt: skip
    following.on_results(
        [
            StoredResult(
                result_id=row.pk, project_id=job.project_id, submission_id=job.submission_id,
                input_name="", input_sha256="", facts=job.submission.facts, data=data,
                operating_point=point, machine_outcome=row.outcome, outcome=row.outcome,
                label=row.label, score=row.score, reviewed=False, created_at=row.created_at,
            )
        ]
    )  # fmt: skip
    return row
