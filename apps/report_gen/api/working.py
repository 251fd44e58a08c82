"""The working copy of a report by REST: what it says now, and edits by a person who is signed in.

The same verbs as on the page, and the same rules: of the revision that was seen, by who may review,
while nobody else reads the study. A signature is given on the page alone.
"""

import uuid
from typing import Any, ClassVar, Literal

from drf_spectacular.utils import extend_schema
from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from apps.report_gen.api.reports import report_or_none
from apps.report_gen.api.shapes import NoticeShape
from apps.report_gen.api.studies import StudyEndpoint
from apps.report_gen.reporting.operations import Edit
from apps.report_gen.services import studies
from apps.report_gen.services.reporting import editing, reports, shown
from apps.report_gen.services.reporting.reports import OPEN_STATES, Whole
from loupe.host.people import Action
from loupe.host.rest import Order, Shape, answer, describe, ordered

MOST = 100


class ReportCheckShape(Shape):
    """Something that is not as it should be; those that block forbid a signature."""

    code: str
    level: Literal["block", "warn"]
    en: str
    zh: str
    sentence: int | None = Field(description="its place among the sentences, from 0")
    finding: str | None


class WorkingCopyShape(Shape):
    """What the report says now, signed or not."""

    study: uuid.UUID
    state: str = Field(description="of the newest version")
    revision: int = Field(description="grows with every change; an edit names the one it is of")
    editable: bool = Field(description="false: signed, and no amendment was begun")
    document: dict[str, Any] = Field(description="sentences, and findings with their places")
    checks: list[ReportCheckShape]
    notice: NoticeShape = NoticeShape()


class EditsOrder(Order):
    """Edits in their order: all of them are made, or none."""

    revision: int = Field(ge=0, description="as it was seen; where the report has another: 409")
    edits: list[Edit] = Field(min_length=1, max_length=MOST)


class WorkingCopy(StudyEndpoint):
    """The report of a study as it stands."""

    policy: ClassVar = {"GET": Action.VIEW, "PATCH": Action.REVIEW}

    @extend_schema(
        operation_id="report_gen_studies_draft",
        parameters=[describe.PROJECT],
        responses={200: WorkingCopyShape, **describe.PROBLEMS},
    )
    def get(self, request: Request, study_id: uuid.UUID) -> Response:
        """Show what the report says now, its revision, and what stands against a signature."""
        with report_or_none():
            return answer(_shape(reports.opened(self.study)))

    @extend_schema(
        operation_id="report_gen_studies_edit",
        parameters=[describe.PROJECT],
        request=EditsOrder,
        responses={200: WorkingCopyShape, **describe.PROBLEMS},
    )
    def patch(self, request: Request, study_id: uuid.UUID) -> Response:
        """Reword, add, move or remove sentences; confirm, change, add or remove findings.

        `409` where somebody changed the report since (`report_changed`), reads the study
        (`study_claimed`), or the report is signed (`report_closed`); nothing is stored then. Who
        edits has the study for 30 minutes.
        """
        order = ordered(request, EditsOrder)
        with report_or_none():
            reports.opened(self.study)
        editing.edit_all(self.actor, self.study, order.revision, order.edits)
        return answer(_shape(reports.opened(studies.find(self.actor, self.project, self.study.pk))))


def _shape(whole: Whole) -> WorkingCopyShape:
    report = whole.report
    return WorkingCopyShape(
        study=report.study_id,
        state=report.state,
        revision=report.revision,
        editable=report.state in OPEN_STATES or report.amending,
        document=whole.document.model_dump(mode="json"),
        checks=[
            ReportCheckShape(
                code=each.code, level=each.level.value, en=each.text.en, zh=each.text.zh,
                sentence=each.sentence, finding=each.finding,
            )
            for each in shown.seen(whole).checks
        ],
    )  # fmt: skip
