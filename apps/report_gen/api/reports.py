"""The report of a study by REST: as a document with its state and signature, version by version,
and as files. What was written into a version is read and never changed."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, ClassVar, Literal

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from apps.report_gen.api.shapes import NoticeShape
from apps.report_gen.api.studies import StudyEndpoint
from apps.report_gen.models import Report, ReportVersion
from apps.report_gen.report import ReportDocument
from apps.report_gen.reporting.differences import of_reports
from apps.report_gen.services.reporting import outputs, reports
from apps.report_gen.services.reporting.errors import Closed
from loupe.contract.runtime.errors import InputRefused
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
        with report_or_none():
            report = reports.opened(self.study).report
        row = reports.signed_version(report) or reports.version(report, report.number)
        return answer(_shape(report, row))


class PieceShape(Shape):
    """Text in a row; `mark` says how it came to be."""

    mark: Literal["same", "added", "removed"]
    text: str


class PartDifferenceShape(Shape):
    """One part of the report. Pieces that are not removed join to what the version says, pieces
    that are not added to what it is compared with."""

    part: str = Field(description="indication, technique, comparison, findings or impression")
    changed: bool
    pieces: list[PieceShape]


class OneVersionShape(ReportVersionShape):
    """One version as it was written, and what it changed."""

    study: uuid.UUID
    document: dict[str, Any] = Field(description="sentences, and findings with their places")
    signature: dict[str, Any] | None
    previous_hash: str
    compared_with: int = Field(description="number of the version that differences are from")
    differences: list[PartDifferenceShape]
    notice: NoticeShape = NoticeShape()


class StudyReportVersion(StudyEndpoint):
    """One version of a report."""

    policy: ClassVar = {"GET": Action.VIEW}

    @extend_schema(
        operation_id="report_gen_studies_report_version",
        parameters=[
            describe.PROJECT,
            OpenApiParameter(
                "against", OpenApiTypes.INT, description="the version to compare with; else the "
                "one before, and itself for the first",
            ),
        ],
        responses={200: OneVersionShape, **describe.PROBLEMS},
    )  # fmt: skip
    def get(self, request: Request, study_id: uuid.UUID, number: int) -> Response:
        """Show a version as it was written, its hashes, and what it changed word by word."""
        with report_or_none():
            report = reports.opened(self.study).report
        row = reports.version(report, number)
        before = reports.version(report, _against(request, number))
        return answer(_one(row, before))


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
        with report_or_none():
            found = outputs.output(self.actor, self.study, form)
        response = HttpResponse(found.data, content_type=found.media_type)
        response["Content-Disposition"] = f'attachment; filename="{found.name}"'
        response["X-Content-Type-Options"] = "nosniff"
        return response


@contextmanager
def report_or_none() -> Iterator[None]:
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
            ReportVersionShape(**_about(each)) for each in report.versions.order_by("number")
        ],
    )


def _about(row: ReportVersion) -> dict[str, Any]:
    return {
        "number": row.number, "state": row.state, "author": row.author, "at": row.at,
        "reason": row.reason, "content_hash": row.content_hash, "hash": row.hash,
        "signed_by": str((row.signature or {}).get("name", "")),
    }  # fmt: skip


def _against(request: Request, number: int) -> int:
    text = request.query_params.get("against", "")
    if not text:
        return max(1, number - 1)
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise InputRefused(
            f"against={text[:40]!r} is no number of a version: give one of those that the report "
            "lists.",
            code="invalid",
        )
    return int(text)


def _one(row: ReportVersion, before: ReportVersion) -> OneVersionShape:
    was, now = (ReportDocument.model_validate(each.document) for each in (before, row))
    return OneVersionShape(
        **_about(row),
        study=row.report.study_id,
        document=row.document,
        signature=row.signature,
        previous_hash=row.previous_hash,
        compared_with=before.number,
        differences=[
            PartDifferenceShape(
                part=each.part,
                changed=each.changed,
                pieces=[PieceShape(mark=one.mark.value, text=one.text) for one in each.pieces],
            )
            for each in of_reports(was, now)
        ],
    )
