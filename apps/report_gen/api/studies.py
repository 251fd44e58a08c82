"""Studies by REST: send them, list them, look at one, say what was asked."""

import uuid
from typing import Any, ClassVar, Final

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.parsers import JSONParser
from rest_framework.request import Request
from rest_framework.response import Response

from apps.report_gen.api import present
from apps.report_gen.api.paging import page
from apps.report_gen.api.shapes import (
    ClinicalTextOrder,
    KeptShape,
    StudyDelivery,
    StudyDetail,
    StudyPage,
    TakenShape,
)
from apps.report_gen.models import Delivery, Study, StudyState
from apps.report_gen.outputs.fhir.request import clinical_text
from apps.report_gen.services import studies
from apps.report_gen.services.handing_over import SLUG
from loupe.contract.runtime.errors import InputRefused
from loupe.host.people import Action
from loupe.host.rest import (
    FILE_PARSERS,
    Endpoint,
    LastStep,
    answer,
    describe,
    idempotent,
    idempotent_last_step,
    ordered,
    parameter,
    take_files,
)

STATE = OpenApiParameter(
    "state", str, enum=StudyState.values, description="Only those that stand so."
)
SAID = tuple(
    OpenApiParameter(name, {"type": "string", "maxLength": 8000}, description=words)
    for name, words in (
        ("language", "Of the report: en or zh; left out: en."),
        ("indication", "What is asked. Also as a field of the form."),
        ("history", "Also as a field of the form."),
        ("laboratory", "Lines of laboratory values. Also as a field of the form."),
        ("prior_report", "The report on an earlier study. Also as a field of the form."),
    )
)


RESOURCE: Final = {"type": "object", "additionalProperties": True}


class FhirParser(JSONParser):
    """JSON as FHIR servers send it."""

    media_type = "application/fhir+json"


class Studies(Endpoint):
    """The studies of a project."""

    policy: ClassVar = {"GET": Action.VIEW, "POST": Action.SUBMIT}
    parser_classes = FILE_PARSERS

    @extend_schema(
        operation_id="report_gen_studies_list",
        parameters=[describe.PROJECT, STATE, *describe.PAGING],
        responses={200: StudyPage, **describe.PROBLEMS},
    )
    def get(self, request: Request) -> Response:
        """List studies, newest first."""
        state = parameter(request, "state", tuple(StudyState.values))
        rows = studies.listing(self.actor, self.project, state)
        shown, more = page(request, rows, present.study)
        return answer(StudyPage(studies=shown, next_cursor=more))

    @extend_schema(
        operation_id="report_gen_studies_send",
        parameters=[
            describe.PROJECT, describe.MODEL, describe.FILENAME, describe.UPLOAD, *SAID,
            describe.IDEMPOTENCY_KEY,
        ],
        request=describe.files(model=describe.MODEL),
        responses={202: TakenShape, **describe.PROBLEMS},
    )  # fmt: skip
    @idempotent_last_step
    def post(self, request: Request) -> LastStep:
        """Send DICOM or NIfTI files, or zips of them; several studies at once are sorted.

        Answers `202` with the delivery, whose address is in `Location`. Files are kept encrypted
        and de-identified before anything else sees them.
        """
        received = take_files(self.actor, self.project, SLUG, request)
        taken = TakenShape(
            delivery=uuid.UUID(received.reference), url=received.url, taken=received.taken
        )

        def last() -> Response:
            return answer(taken, 202, {"Location": received.api_url})

        return last


class StudyEndpoint(Endpoint):
    """A view of one study."""

    study: Study

    def locate(self, action: Action, request: Request, **kwargs: Any) -> None:
        super().locate(action, request, **kwargs)
        self.study = studies.find(self.actor, self.project, kwargs["study_id"])


class OneStudy(StudyEndpoint):
    """One study."""

    policy: ClassVar = {"GET": Action.VIEW}

    @extend_schema(
        operation_id="report_gen_studies_get",
        parameters=[describe.PROJECT],
        responses={200: StudyDetail, **describe.PROBLEMS},
    )
    def get(self, request: Request, study_id: uuid.UUID) -> Response:
        """Show a study with what was read and drafted."""
        return answer(present.detail(self.study))


class StudyText(StudyEndpoint):
    """What the referring physician wrote."""

    policy: ClassVar = {"POST": Action.SUBMIT}

    @extend_schema(
        operation_id="report_gen_studies_text",
        parameters=[describe.PROJECT, describe.IDEMPOTENCY_KEY],
        request=ClinicalTextOrder,
        responses={200: KeptShape, **describe.PROBLEMS},
    )
    @idempotent
    def post(self, request: Request, study_id: uuid.UUID) -> Response:
        """Say indication, history, laboratory and prior report; a drafted study is read again."""
        order = ordered(request, ClinicalTextOrder)
        changed = studies.say(self.actor, self.study, order.model_dump())
        return answer(KeptShape(changed=changed))


class StudyRequest(StudyEndpoint):
    """The clinical text as a FHIR R4 ServiceRequest."""

    policy: ClassVar = {"POST": Action.SUBMIT}
    parser_classes = (JSONParser, FhirParser)

    @extend_schema(
        operation_id="report_gen_studies_service_request",
        parameters=[describe.PROJECT, describe.IDEMPOTENCY_KEY],
        request={parser.media_type: RESOURCE for parser in (JSONParser, FhirParser)},
        responses={200: KeptShape, **describe.PROBLEMS},
    )
    @idempotent
    def post(self, request: Request, study_id: uuid.UUID) -> Response:
        """Take indication, reason and history out of a FHIR R4 ServiceRequest; laboratory values
        and the prior report stay as they are."""
        told = clinical_text(request.data if isinstance(request.data, dict) else {})
        if not told.text():  # what was said before stays
            raise InputRefused(
                "The request says nothing: give code, reasonCode or note with a text.",
                code="fhir_request_empty",
            )
        said = studies.kept_of(self.study)
        asked = " ".join(each for each in (told.indication, told.reason) if each)
        changed = studies.say(
            self.actor, self.study, {**said, "indication": asked, "history": told.history}
        )
        return answer(KeptShape(changed=changed))


class OneDelivery(Endpoint):
    """What came at once."""

    policy: ClassVar = {"GET": Action.VIEW}
    delivery: Delivery

    def locate(self, action: Action, request: Request, **kwargs: Any) -> None:
        super().locate(action, request, **kwargs)
        self.delivery = studies.find_delivery(self.actor, self.project, kwargs["delivery_id"])

    @extend_schema(
        operation_id="report_gen_deliveries_get",
        parameters=[describe.PROJECT],
        responses={200: StudyDelivery, **describe.PROBLEMS},
    )
    def get(self, request: Request, delivery_id: uuid.UUID) -> Response:
        """Show a delivery: its studies, and files that cannot be used."""
        return answer(present.delivery(self.actor, self.delivery))
