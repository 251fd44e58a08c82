"""Rows for tests and pictures of pages: people, projects, models, jobs with results.

Everything is made as the services would leave it, in as few statements as possible, so that ten
thousand results take a second.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from loupe.accounts.models import Membership, Project, Role
from loupe.accounts.policy import Actor
from loupe.blobs import services as blobs
from loupe.blobs.models import Blob
from loupe.contract.app import DomainApp
from loupe.contract.blocks import StoredBlock
from loupe.contract.runtime.columns import Columns
from loupe.contract.runtime.steps import load
from loupe.datasets.models import Dataset, DatasetVersion
from loupe.intake.models import Channel, Input, Submission
from loupe.jobs import following
from loupe.jobs.execution.pipeline import PARQUET
from loupe.jobs.models import Decision, Item, ItemState, Job, JobState, Result, ResultBlock
from loupe.jobs.provenance import shared
from loupe.jobs.stored import shown_provenance
from loupe.plugins import registry as apps
from loupe.registry.models import Model, ModelVersion, OperatingPoint, Stage
from loupe.training.models import Evaluation

PASSWORD = "correct horse battery"  # noqa: S105


def project(slug: str = "line-1", name: str = "Line 1", time_zone: str = "UTC") -> Project:
    """A project of its own."""
    return Project.objects.create(slug=slug, name=name, time_zone=time_zone)


def person(
    username: str, project: Project | None = None, role: Role = Role.ADMIN, **more: Any
) -> User:
    """Somebody who can sign in with `PASSWORD`, a member of `project` if one is given."""
    user = User.objects.create_user(username, password=PASSWORD, **more)
    if project is not None:
        Membership.objects.create(project=project, user=user, role=role)
    return user


def actor(user: User) -> Actor:
    """The person as the services see them."""
    return Actor(user=user)


def model_version(
    project: Project | None,
    app: str,
    name: str = "surfaces",
    number: int = 1,
    stage: Stage = Stage.PRODUCTION,
    classes: Sequence[str] = ("scratch", "pit"),
) -> ModelVersion:
    """A registered version with its first operating point; no files behind it."""
    model, _made = Model.objects.get_or_create(app=app, project=project, name=name)
    version = ModelVersion.objects.create(
        model=model,
        number=number,
        stage=stage,
        promoted_at=timezone.now() if stage == Stage.PRODUCTION else None,
        artefact_sha256=f"{number:064x}",
        manifest={
            "schema": 1,
            "app": app,
            "name": name,
            "format": "onnx",
            "task": "detect",
            "classes": list(classes),
            "input": {"width": 640, "height": 640},
            "licence": "AGPL-3.0-or-later",
            "files": {},
        },
    )
    point = apps.get(app).operating_point_schema()
    OperatingPoint.objects.create(
        model_version=version, project=None, number=1, data=point.model_dump(mode="json")
    )
    return version


def evaluation(
    version: ModelVersion,
    project: Project,
    predictions: Iterable[str],
    artefact: str = "onnx",
    *,
    serving: bool = True,
    dataset: str = "boards",
) -> Evaluation:
    """What a version scored on the first version of a dataset: one JSON line a record."""
    lines = "".join(f"{line}\n" for line in predictions).encode()
    kept = blobs.store_bytes(lines, "application/x-ndjson")
    about = {"classes": version.manifest["classes"]}
    data, _made = Dataset.objects.get_or_create(
        project=project, app=version.model.app, name=dataset, defaults={"about": about}
    )
    frozen = data.versions.first() or DatasetVersion.objects.create(
        dataset=data, number=1, about=about, manifest=kept, counts={}
    )
    return Evaluation.objects.create(
        model_version=version,
        dataset_version=frozen,
        artefact=artefact,
        serving=serving,
        panel={},
        predictions=kept,
    )


@dataclass(frozen=True, kw_only=True)
class Made:
    """One input of a job and what came of it: `data`, or `error`, or neither (still queued)."""

    name: str
    data: dict[str, Any] | None = None
    blob: Blob | None = None
    error_code: str = ""
    error: str = ""
    times_ms: dict[str, float] = field(
        default_factory=lambda: {
            "queue": 41.0,
            "decode": 4.1,
            "preprocess": 1.9,
            "infer": 38.2,
            "postprocess": 1.2,
            "decide": 0.1,
            "store": 2.4,
        }
    )


def job(
    project: Project,
    app: str,
    made: Iterable[Made],
    *,
    version: ModelVersion | None = None,
    name: str = "Lot 7",
    user: User | None = None,
    channel: Channel = Channel.WEB,
    at: datetime | None = None,
    facts: Mapping[str, str] | None = None,
) -> Job:
    """A job with results, failures and queued items, in the state they imply. Where `facts` are
    said, the app is told of the results as if they had just been stored."""
    domain = apps.get(app)
    now = at or timezone.now()
    point_row = OperatingPoint.objects.filter(model_version=version).last() if version else None
    point = domain.operating_point_schema.model_validate(point_row.data if point_row else {})
    listed = list(made)
    open_items = any(one.data is None and not one.error_code for one in listed)
    with transaction.atomic():
        submission = Submission.objects.create(
            project=project,
            app=app,
            channel=channel,
            name=name,
            sent_by_user=user,
            facts=dict(facts or {}),
        )
        created = Job.objects.create(
            project=project,
            submission=submission,
            app=app,
            provenance=shared(app, version, point_row),
            state=JobState.RUNNING if open_items else JobState.DONE,
            started_at=now - timedelta(seconds=42),
            ended_at=None if open_items else now,
        )
        inputs = Input.objects.bulk_create(
            [Input(submission=submission, name=one.name, kind="", blob=one.blob) for one in listed],
            batch_size=500,
        )
        items = Item.objects.bulk_create(
            [
                Item(
                    job=created,
                    input=received,
                    position=position,
                    state=_state(one),
                    error_code=one.error_code,
                    error=one.error,
                    ended_at=None if _state(one) == ItemState.QUEUED else now,
                )
                for position, (one, received) in enumerate(zip(listed, inputs, strict=True))
            ],
            batch_size=500,
        )
        results, drafts = [], []
        for one, item in zip(listed, items, strict=True):
            if one.data is None:
                continue
            data = domain.result_schema.model_validate(one.data)
            draft = domain.decide(data, point)
            drafts.append(draft)
            results.append(
                Result(
                    item=item,
                    project=project,
                    job=created,
                    app=app,
                    provenance=created.provenance,
                    data=data.model_dump(mode="json"),
                    times_ms=one.times_ms,
                    outcome=draft.outcome,
                    label=draft.label,
                    score=draft.score,
                    created_at=now,
                )
            )
        stored = Result.objects.bulk_create(results, batch_size=500)
        Decision.objects.bulk_create(
            [
                Decision(
                    result=result,
                    operating_point=point_row,
                    outcome=draft.outcome,
                    score=draft.score,
                    label=draft.label,
                    reasons=[reason.model_dump() for reason in draft.reasons],
                )
                for result, draft in zip(stored, drafts, strict=True)
            ],
            batch_size=500,
        )
        if facts:
            following.reviewed(
                Result.objects.filter(job=created).select_related(
                    "decision", "provenance__operating_point", "item__input", "job__submission"
                )
            )
    return created


def block(
    project: Project,
    app: str | type[DomainApp],
    columns: Columns,
    *,
    version: ModelVersion | None = None,
    facts: Mapping[str, str] | None = None,
    name: str = "Lot 7",
) -> StoredBlock:
    """A job of one block of columnar results, as its app hears of it; the app is not told."""
    domain = apps.get(app) if isinstance(app, str) else app
    point_row = OperatingPoint.objects.filter(model_version=version).last() if version else None
    point = domain.operating_point_schema.model_validate(point_row.data if point_row else {})
    decisions = domain.decide_columns(columns, point)
    encoded = load("loupe.jobs.parquet:encode")(domain.result_schema, columns, decisions)
    now = timezone.now()
    with transaction.atomic():
        submission = Submission.objects.create(
            project=project,
            app=domain.slug,
            channel=Channel.WEB,
            name=name,
            facts=dict(facts or {}),
        )
        made = Job.objects.create(
            project=project,
            submission=submission,
            app=domain.slug,
            provenance=shared(domain.slug, version, point_row),
            state=JobState.DONE,
            started_at=now,
            ended_at=now,
        )
        item = Item.objects.create(
            job=made,
            input=Input.objects.create(submission=submission, name=name, kind=""),
            position=0,
            state=ItemState.DONE,
            ended_at=now,
        )
        row = ResultBlock.objects.create(
            item=item,
            project=project,
            job=made,
            app=domain.slug,
            provenance=made.provenance,
            blob=blobs.store_bytes(encoded.data, PARQUET),
            rows=encoded.rows,
            outcomes=encoded.outcomes,
            times_ms={},
            created_at=now,
        )
    return StoredBlock(
        block_id=row.pk,
        project_id=project.pk,
        submission_id=submission.pk,
        job_id=made.pk,
        session=str(made.pk),
        position=0,
        input_name=name,
        facts=dict(facts or {}),
        rows=encoded.rows,
        outcomes=encoded.outcomes,
        provenance=shown_provenance(made.provenance),
        model_version_id=version.pk if version else None,
        operating_point_id=point_row.pk if point_row else None,
        operating_point=point,
        created_at=now,
        read=lambda: (columns, decisions),
    )


def _state(one: Made) -> ItemState:
    if one.data is not None:
        return ItemState.DONE
    return ItemState.FAILED if one.error_code else ItemState.QUEUED
