"""Versions of datasets: made, shown, compared, exported."""

import uuid
from typing import ClassVar

from django.db import models
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from loupe.accounts.errors import NotVisible
from loupe.accounts.policy import Action
from loupe.api import describe, present_datasets
from loupe.api.answers import answer, ordered, parameter
from loupe.api.idempotency import idempotent
from loupe.api.paging import newest_first
from loupe.api.problems import refuse_field
from loupe.api.shapes.datasets import (
    DatasetVersionPage,
    DatasetVersionShape,
    DifferenceShape,
    VersionOrder,
)
from loupe.api.views.datasets import DatasetEndpoint
from loupe.datasets import services
from loupe.datasets.models import DatasetVersion
from loupe.delivery.chunks import download


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0


class VersionsEndpoint(DatasetEndpoint):
    """A view of a dataset's versions."""

    def versions(self) -> "models.QuerySet[DatasetVersion]":
        """Of this dataset alone."""
        rows = DatasetVersion.objects.filter(dataset=self.row)
        return rows.select_related("dataset__project", "created_by", "manifest")

    def version(self, number: int) -> DatasetVersion:
        """The version of that number.

        Raises:
            NotVisible: there is none.
        """
        found = self.versions().filter(number=number).first() if number < 2**31 else None
        if found is None:
            raise NotVisible(f"The dataset {self.row.name} has no version {number}.")
        return found


class DatasetVersions(VersionsEndpoint):
    """A dataset's versions."""

    policy: ClassVar = {"GET": Action.VIEW, "POST": Action.MANAGE_DATASETS}

    @extend_schema(
        operation_id="datasets_versions",
        parameters=[*describe.PAGING],
        responses={200: DatasetVersionPage, **describe.PROBLEMS},
    )
    def get(self, request: Request, dataset_id: uuid.UUID) -> Response:
        """List versions, newest first."""
        shown, cursor = newest_first(request, self.versions(), present_datasets.version)
        return answer(DatasetVersionPage(versions=shown, next_cursor=cursor))

    @extend_schema(
        operation_id="datasets_make_version",
        parameters=[describe.IDEMPOTENCY_KEY],
        request=VersionOrder,
        responses={201: DatasetVersionShape, **describe.PROBLEMS},
    )
    @idempotent
    def post(self, request: Request, dataset_id: uuid.UUID) -> Response:
        """Freeze every labelled record. Groups and near-duplicates stay on one side of the
        split."""
        order = ordered(request, VersionOrder)
        made = services.make_version(
            self.actor, self.row, seed=order.seed, shares=order.shares, note=order.note
        )
        location = reverse("api:dataset-version", args=[self.row.pk, made.number])
        return answer(present_datasets.version(made), 201, {"Location": location})


class OneDatasetVersion(VersionsEndpoint):
    """One version."""

    policy: ClassVar = {"GET": Action.VIEW}

    @extend_schema(
        operation_id="datasets_version", responses={200: DatasetVersionShape, **describe.PROBLEMS}
    )
    def get(self, request: Request, dataset_id: uuid.UUID, number: int) -> Response:
        """Show a version in numbers."""
        return answer(present_datasets.version(self.version(number)))


class ExportVersion(VersionsEndpoint):
    """A version as a zip."""

    policy: ClassVar = {"GET": Action.EXPORT}

    @extend_schema(
        operation_id="datasets_export",
        parameters=[
            OpenApiParameter("layout", str, description="A layout of the app; its first if empty.")
        ],
        responses={(200, "application/zip"): OpenApiTypes.BINARY, **describe.PROBLEMS},
    )
    def get(self, request: Request, dataset_id: uuid.UUID, number: int) -> StreamingHttpResponse:
        """Download a version with its files in one of the app's layouts."""
        found = services.export(self.actor, self.version(number), parameter(request, "layout"))
        return download(request._request, found.chunks, "application/zip", found.filename)


class DatasetDiff(VersionsEndpoint):
    """Two versions compared."""

    policy: ClassVar = {"GET": Action.VIEW}

    @extend_schema(
        operation_id="datasets_diff",
        parameters=[
            OpenApiParameter("from", int, required=True, description="The older version."),
            OpenApiParameter("to", int, required=True, description="The newer version."),
        ],
        responses={200: DifferenceShape, **describe.PROBLEMS},
    )
    def get(self, request: Request, dataset_id: uuid.UUID) -> Response:
        """Say which records came, went, were relabelled or moved between splits."""
        numbers = []
        for name in ("from", "to"):
            number = _number(parameter(request, name))
            if not number:
                raise refuse_field(name, f"{name} must be the number of a version.")
            numbers.append(number)
        older, newer = (self.version(number) for number in numbers)
        return answer(present_datasets.difference(services.diff(older, newer)))
