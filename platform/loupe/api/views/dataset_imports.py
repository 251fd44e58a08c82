"""Datasets that come in as archives: begun, followed, cancelled, and what was wrong with them."""

import uuid
from typing import ClassVar

from django.db import models
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from loupe.accounts.policy import Action
from loupe.api import describe, present_datasets
from loupe.api.answers import answer, parameter
from loupe.api.endpoint import RowEndpoint
from loupe.api.idempotency import LastStep, idempotent, idempotent_last_step
from loupe.api.paging import newest_first
from loupe.api.problems import refuse_field
from loupe.api.shapes.datasets import ImportPage, ImportShape, ProblemPage
from loupe.api.uploads import RawBody, discarding, named, sources
from loupe.api.views.datasets import GROUP_BY, DatasetEndpoint
from loupe.datasets import services
from loupe.datasets.importing.options import Options
from loupe.datasets.models import Import, ImportProblem

LAYOUT = OpenApiParameter(
    "layout", str, description="A layout of the app; left out, it is recognised."
)
UNLABELLED = OpenApiParameter(
    "unlabelled",
    str,
    enum=["good"],
    description="`good`: what has no label file is free of defects, not still to be labelled.",
)


class Imports(DatasetEndpoint):
    """A dataset's imports."""

    policy: ClassVar = {"GET": Action.VIEW, "POST": Action.MANAGE_DATASETS}
    parser_classes = (MultiPartParser, RawBody)

    @extend_schema(
        operation_id="datasets_imports",
        parameters=[*describe.PAGING],
        responses={200: ImportPage, **describe.PROBLEMS},
    )
    def get(self, request: Request, dataset_id: uuid.UUID) -> Response:
        """List imports, newest first."""
        rows = Import.objects.filter(dataset=self.row)
        shown, cursor = newest_first(request, rows, present_datasets.imported)
        return answer(ImportPage(imports=shown, next_cursor=cursor))

    @extend_schema(
        operation_id="datasets_import",
        parameters=[LAYOUT, GROUP_BY, UNLABELLED, describe.FILENAME, describe.IDEMPOTENCY_KEY],
        request=describe.files(layout=LAYOUT, group_by=GROUP_BY, unlabelled=UNLABELLED),
        responses={202: ImportShape, **describe.PROBLEMS},
    )
    @idempotent_last_step
    def post(self, request: Request, dataset_id: uuid.UUID) -> LastStep:
        """Send a dataset as one zip or tar. A worker reads it; its records appear all at once."""
        with discarding(sources(request)) as found:
            if len(found) != 1:
                raise refuse_field("file", f"{len(found)} files came: send one archive.")
            options = Options(
                layout=named(request, "layout"),
                group_by=named(request, "group_by"),
                unlabelled=named(request, "unlabelled"),
            )
            made = services.import_archive(self.actor, self.row, found[0], options)
        location = reverse("api:import", args=[made.pk])
        return lambda: answer(present_datasets.imported(made), 202, {"Location": location})


class ImportEndpoint(RowEndpoint[Import]):
    """A view of one import."""

    key = "import_id"
    project_path = "dataset__project"

    def rows(self) -> "models.QuerySet[Import]":
        return Import.objects.select_related("dataset__project")


class OneImport(ImportEndpoint):
    """One import."""

    policy: ClassVar = {"GET": Action.VIEW}

    @extend_schema(operation_id="imports_get", responses={200: ImportShape, **describe.PROBLEMS})
    def get(self, request: Request, import_id: uuid.UUID) -> Response:
        """Show how far an import is and what came of it."""
        return answer(present_datasets.imported(self.row))


class CancelImport(ImportEndpoint):
    """End it early."""

    policy: ClassVar = {"POST": Action.MANAGE_DATASETS}

    @extend_schema(
        operation_id="imports_cancel",
        parameters=[describe.IDEMPOTENCY_KEY],
        request=None,
        responses={200: ImportShape, **describe.PROBLEMS},
    )
    @idempotent
    def post(self, request: Request, import_id: uuid.UUID) -> Response:
        """End an import before its records appear; nothing of it stays in the dataset."""
        return answer(present_datasets.imported(services.cancel_import(self.actor, self.row)))


class ImportProblems(ImportEndpoint):
    """What was wrong with it."""

    policy: ClassVar = {"GET": Action.VIEW}

    @extend_schema(
        operation_id="imports_problems",
        parameters=[
            OpenApiParameter("code", str, description="Only problems with this code."),
            *describe.PAGING,
        ],
        responses={200: ProblemPage, **describe.PROBLEMS},
    )
    def get(self, request: Request, import_id: uuid.UUID) -> Response:
        """List every problem with its file, line and reason."""
        rows = ImportProblem.objects.filter(imported=self.row)
        code = parameter(request, "code")
        if code:
            rows = rows.filter(code=code)
        shown, cursor = newest_first(request, rows, present_datasets.problem)
        return answer(ProblemPage(problems=shown, next_cursor=cursor))
