"""Labels by REST: what transactions turned out to be, told by the payment system."""

from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.fraud.api import present
from apps.fraud.api.paging import page
from apps.fraud.api.shapes import LabelPage, LabelsShape, TransactionLabelsOrder
from apps.fraud.services import labels
from apps.fraud.services.labels import Said
from loupe.host.people import Action
from loupe.host.rest import Endpoint, answer, describe, idempotent, ordered


class Labels(Endpoint):
    """The labels of a project's transactions."""

    policy: ClassVar = {"GET": Action.VIEW, "POST": Action.SUBMIT}

    @extend_schema(
        operation_id="fraud_labels_list",
        parameters=[describe.PROJECT, *describe.PAGING],
        responses={200: LabelPage, **describe.PROBLEMS},
    )
    def get(self, request: Request) -> Response:
        """List what was said, newest first; words that stand no more included."""
        rows = labels.history(self.actor, self.project)
        shown, more = page(request, rows, "id", present.label)
        return answer(LabelPage(labels=shown, next_cursor=more))

    @extend_schema(
        operation_id="fraud_labels_give",
        parameters=[describe.PROJECT, describe.IDEMPOTENCY_KEY],
        request=TransactionLabelsOrder,
        responses={200: LabelsShape, **describe.PROBLEMS},
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Tell labels with the time they became known. A label may come before its transaction;
        of several the one that was known last stands."""
        order = ordered(request, TransactionLabelsOrder)
        said = [
            Said(transaction=one.transaction, label=one.label, known_at=one.known_at, note=one.note)
            for one in order.labels
        ]
        came = labels.give(self.actor, self.project, said, source=order.source)
        return answer(
            LabelsShape(standing=came.standing, same=came.same, outweighed=came.outweighed)
        )
