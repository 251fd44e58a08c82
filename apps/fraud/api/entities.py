"""Entities by REST."""

from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.fraud.api import present
from apps.fraud.api.shapes import EntityShape
from apps.fraud.services import entities
from loupe.host.people import Action
from loupe.host.rest import Endpoint, answer, describe


class OneEntity(Endpoint):
    """One entity."""

    policy: ClassVar = {"GET": Action.VIEW}

    @extend_schema(
        operation_id="fraud_entities_get",
        parameters=[describe.PROJECT],
        responses={200: EntityShape, **describe.PROBLEMS},
    )
    def get(self, request: Request, type: str, key: str) -> Response:
        """Show an entity: figures, newest transactions, alerts, lists, and who shares with it.
        An identifier with a slash stands in the address as it is."""
        return answer(present.entity(entities.find(self.actor, self.project, type, key)))
