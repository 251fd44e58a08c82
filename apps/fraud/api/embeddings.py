"""Embeddings of entities by REST: which are ready for which model, and how old they are."""

from datetime import datetime
from typing import ClassVar

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from apps.fraud.models import EmbeddingTable
from apps.fraud.services import embeddings
from loupe.host.people import Action
from loupe.host.rest import Endpoint, Shape, answer, describe


class EmbeddingShape(Shape):
    """One making of embeddings."""

    version: str
    made_at: datetime = Field(description="nothing later is in them")
    age_seconds: float
    transactions: int = Field(description="that they were made of")
    entities: dict[str, int] = Field(description="how many, by kind")
    bytes: int
    seconds: float = Field(description="that making them took")


class EmbeddingPage(Shape):
    """What is kept, the newest first."""

    embeddings: list[EmbeddingShape]


class Embeddings(Endpoint):
    """Embeddings of the project's entities."""

    policy: ClassVar = {"GET": Action.VIEW}

    @extend_schema(
        operation_id="fraud_embeddings_list",
        parameters=[describe.PROJECT],
        responses={200: EmbeddingPage, **describe.PROBLEMS},
    )
    def get(self, request: Request) -> Response:
        """List what was made for the models that read embeddings, newest first. Each model looks
        up the newest that was made before a transaction."""
        now = timezone.now()
        found = embeddings.listing(self.actor, self.project)
        return answer(EmbeddingPage(embeddings=[_shown(one, now) for one in found]))


def _shown(row: EmbeddingTable, now: datetime) -> EmbeddingShape:
    return EmbeddingShape(
        version=str(row.model_version),
        made_at=row.made_at,
        age_seconds=round((now - row.made_at).total_seconds(), 1),
        transactions=row.transactions,
        entities=row.entities,
        bytes=row.size,
        seconds=row.seconds,
    )
