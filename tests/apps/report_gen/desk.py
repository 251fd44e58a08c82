"""A reading desk for tests: a project, people of every role, studies with small drafts."""

from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.contrib.auth.models import User
from django.utils import timezone

from apps.report_gen.findings import KEYS, KINDS, Finding, State
from apps.report_gen.masks import packed
from apps.report_gen.models import Report, Study, StudyState
from apps.report_gen.reporting import operations
from apps.report_gen.schema import DraftText, Grid, Masks, SeriesView, StudyResult
from apps.report_gen.services.reporting import editing, reports, signing
from apps.report_gen.volume import straight_affine
from loupe.accounts.models import Project, Role
from loupe.host.people import Actor
from loupe.host.results import Result
from loupe.testing import factories
from tests.apps.report_gen.reporting.made import (
    CREDIT,
    EFFUSION,
    NODULE,
    as_reported,
    findings,
    worded,
)

SHAPE, SPACING = (24, 32, 32), (5.0, 8.0, 8.0)


def grid(shape: tuple[int, int, int], spacing: tuple[float, float, float]) -> Grid:
    """A straight grid at the origin."""
    return Grid.model_validate(
        {"shape": shape, "spacing": spacing, "affine": straight_affine(spacing).tolist()}
    )


def result(*present: Finding, uid: str = "2.25.7") -> StudyResult:
    """What the machine says: the nodule and the effusion where nothing else is asked for."""
    found = findings(*(present or (NODULE, EFFUSION)))
    labels = np.zeros(SHAPE, np.uint8)
    labels[7:9, 7:9, 9:11] = 1
    regions = np.zeros((12, 16, 16), "<u2")
    regions[1:3, 2:6, 1:5] = 1 << KEYS.index("pleural_effusion")
    coarse = (SPACING[0] * 2, SPACING[1] * 2, SPACING[2] * 2)
    series = SeriesView(
        series_uid=f"{uid}.1", status="usable", chosen=True, number=3, modality="CT",
        kernel="B45f", files=SHAPE[0], shape=SHAPE, spacing=SPACING,
    )  # fmt: skip
    return StudyResult(
        status="drafted", study_uid=uid, series_uid=f"{uid}.1", series=(series,),
        volume=grid(SHAPE, SPACING), findings=as_reported(found),
        drafts=(
            DraftText(language="en", sentences=worded(found)),
            DraftText(language="zh", sentences=worded(found, "zh")),
        ),
        masks=Masks(
            grid=grid(SHAPE, SPACING), labels=packed(labels),
            region_grid=grid((12, 16, 16), coarse), regions=packed(regions),
        ),
        model=CREDIT,
    )  # fmt: skip


class Desk:
    """A project with its people."""

    def __init__(self, slug: str = "ward") -> None:
        self.project: Project = factories.project(slug, slug)
        self.people: dict[str, User] = {
            role.value: factories.person(f"{slug}-{role.value}", self.project, role)
            for role in Role
        }
        self.people["other"] = factories.person(f"{slug}-other", self.project, Role.REVIEWER)
        self.version = factories.model_version(self.project, "report_gen", f"chest-{slug}")

    def actor(self, role: str = "reviewer") -> Actor:
        """Somebody of this role; ``other`` is a second reviewer."""
        return Actor(user=self.people[role])

    def study(
        self, *present: Finding, uid: str = "2.25.7", patient: str = "PAT-1",
        at: datetime | None = None, **more: Any,
    ) -> Study:  # fmt: skip
        """A study that was drafted."""
        at = at or timezone.now() - timedelta(minutes=5)
        data = result(*present, uid=uid).model_dump(mode="json")
        job = factories.job(
            self.project, "report_gen", [factories.Made(name=uid, data=data)],
            version=self.version, at=at,
        )  # fmt: skip
        row = Result.objects.get(job=job)
        kinds = sorted(
            {one.kind for one in (present or (NODULE, EFFUSION)) if one.state is State.PRESENT}
        )
        told: dict[str, Any] = {
            "project": self.project, "uid": uid, "patient": patient, "channel": "dicom",
            "state": StudyState.DRAFTED, "result": row, "job_id": job.pk, "present": kinds,
            "priority": row.score, "critical": any(KINDS[kind].critical for kind in kinds),
            "arrived_at": at, "last_image_at": at, "drafted_at": at,
        }  # fmt: skip
        return Study.objects.create(**{**told, **more})

    def do(self, study: Study, role: str = "reviewer", **record: Any) -> Report:
        """Make one edit on what the report is now."""
        reports.opened(fresh(study))
        revision = Report.objects.get(study=study).revision
        return editing.edit(self.actor(role), fresh(study), revision, operations.read(record))

    def confirm_all(self, study: Study, role: str = "reviewer") -> None:
        """Confirm everything that is not absent."""
        for each in reports.opened(fresh(study)).document.findings:
            if each.state is not State.ABSENT:
                self.do(study, role, verb="confirm", finding=each.id)

    def sign(self, study: Study, role: str = "reviewer", **more: Any) -> None:
        """Confirm everything and sign."""
        self.confirm_all(study, role)
        revision = Report.objects.get(study=study).revision
        signing.sign(self.actor(role), fresh(study), revision, factories.PASSWORD, **more)


def fresh(study: Study) -> Study:
    """The study as it is now."""
    return Study.objects.select_related("project", "result", "claimed_by").get(pk=study.pk)
