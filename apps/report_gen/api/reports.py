"""The report of a study by REST: as a document with its state and signature, and as files."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, ClassVar

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from apps.report_gen.api.shapes import NoticeShape
from apps.report_gen.api.studies import StudyEndpoint
from apps.report_gen.models import Report, ReportVersion
from apps.report_gen.services.reporting import outputs, reports
from apps.report_gen.services.reporting.errors import Closed
from loupe.host.people import Action, NotVisible
from loupe.host.rest import Shape, answer, describe


class ReportVersionShape(Shape):
    """One version; `hash` covers the one before it."""

    number: int
    state: str = Field(description="draft, reviewed, signed, amended or rejected")
    author: str
    at: datetime
    reason: str
    content_hash: str
    hash: str
    signed_by: str = Field(description="empty for a version that is not signed")


class ReportShape(Shape):
    """The newest signed version, else the newest; drafts are no reports."""

    study: uuid.UUID
    state: str
    version: int
    amending: bool = Field(description="signed, and being changed")
    document: dict[str, Any] = Field(description="sentences, and findings with their places")
    signature: dict[str, Any] | None
    versions: list[ReportVersionShape]
    notice: NoticeShape = NoticeShape()


class StudyReport(StudyEndpoint):
    """The report of a study."""

    policy: ClassVar = {"GET": Action.VIEW}

    @extend_schema(
        operation_id="report_gen_studies_report",
        parameters=[describe.PROJECT],
        responses={200: ReportShape, **describe.PROBLEMS},
    )
    def get(self, request: Request, study_id: uuid.UUID) -> Response:
        """Show what the report says, where it stands, and every version's hash."""
        with _report_or_none():
            report = reports.opened(self.study).report
        row = reports.signed_version(report) or reports.version(report, report.number)
        return answer(_shape(report, row))


class ReportFile(StudyEndpoint):
    """The report of a study as a file."""

    policy: ClassVar = {"GET": Action.EXPORT}

    @extend_schema(
        operation_id="report_gen_studies_report_file",
        parameters=[describe.PROJECT],
        responses={200: OpenApiTypes.BINARY, **describe.PROBLEMS},
    )
    def get(self, request: Request, study_id: uuid.UUID, form: str) -> HttpResponse:
        """Get it as ``pdf``, DICOM ``sr`` or ``seg``, or ``fhir``. Keys get pseudonyms."""
        with _report_or_none():
            found = outputs.output(self.actor, self.study, form)
        response = HttpResponse(found.data, content_type=found.media_type)
        response["Content-Disposition"] = f'attachment; filename="{found.name}"'
        response["X-Content-Type-Options"] = "nosniff"
        return response


@contextmanager
def _report_or_none() -> Iterator[None]:
    """A study that has no report yet, or none ever, has nothing at these addresses."""
    try:
        yield
    except Closed as error:
        raise NotVisible(error.message) from error


def _shape(report: Report, row: ReportVersion) -> ReportShape:
    return ReportShape(
        study=report.study_id,
        state=row.state,
        version=row.number,
        amending=report.amending,
        document=row.document,
        signature=row.signature,
        versions=[
            ReportVersionShape(
                number=each.number, state=each.state, author=each.author, at=each.at,
                reason=each.reason, content_hash=each.content_hash, hash=each.hash,
                signed_by=str((each.signature or {}).get("name", "")),
            )
            for each in report.versions.order_by("number")
        ],
    )  # fmt: skip
