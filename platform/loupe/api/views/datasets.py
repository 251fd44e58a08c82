"""Datasets and their records."""

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
from loupe.api.answers import answer, flag, ordered, parameter
from loupe.api.endpoint import Endpoint, RowEndpoint
from loupe.api.idempotency import idempotent
from loupe.api.paging import newest_first
from loupe.api.problems import refuse_field
from loupe.api.shapes.datasets import (
    AddedAnswer,
    ArrangeAnswer,
    ArrangeOrder,
    DatasetChange,
    DatasetDetail,
    DatasetOrder,
    DatasetPage,
    LabelsOrder,
    RecordPage,
    RecordShape,
    RefusedFile,
    RemoveOrder,
    RenameOrder,
)
from loupe.api.uploads import RawBody, discarding, named, sources
from loupe.datasets import services
from loupe.datasets.browsing import NO_SPLIT, Filters, records
from loupe.datasets.models import Dataset, Record, RecordState, Split

_MANAGE = Action.MANAGE_DATASETS
GROUP_BY = OpenApiParameter(
    "group_by",
    str,
    description="The lot, board or part from names: `folder`, `first:5` or `before:_`.",
)


class Datasets(Endpoint):
    """A project's datasets."""

    policy: ClassVar = {"GET": Action.VIEW, "POST": _MANAGE}

    @extend_schema(
        operation_id="datasets_list",
        parameters=[
            describe.PROJECT,
            describe.APP_FILTER,
            OpenApiParameter("archived", bool, description="Those that were put away instead."),
            *describe.PAGING,
        ],
        responses={200: DatasetPage, **describe.PROBLEMS},
    )
    def get(self, request: Request) -> Response:
        """List datasets, newest first."""
        rows = present_datasets.datasets().filter(project=self.project)
        rows = rows.filter(archived_at__isnull=not flag(request, "archived"))
        app = parameter(request, "app")
        if app:
            rows = rows.filter(app=app)
        shown, cursor = newest_first(request, rows, present_datasets.dataset)
        return answer(DatasetPage(datasets=shown, next_cursor=cursor))

    @extend_schema(
        operation_id="datasets_create",
        parameters=[describe.PROJECT, describe.IDEMPOTENCY_KEY],
        request=DatasetOrder,
        responses={201: DatasetDetail, **describe.PROBLEMS},
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Make an empty dataset; fill it by its records or imports."""
        order = ordered(request, DatasetOrder)
        made = services.create(
            self.actor,
            self.project,
            order.app,
            order.name,
            about=order.about,
            description=order.description,
        )
        location = reverse("api:dataset", args=[made.pk])
        row = present_datasets.datasets().get(pk=made.pk)
        return answer(present_datasets.dataset_detail(row), 201, {"Location": location})


class DatasetEndpoint(RowEndpoint[Dataset]):
    """A view of one dataset."""

    key = "dataset_id"

    def rows(self) -> "models.QuerySet[Dataset]":
        return Dataset.objects.select_related("project")


class OneDataset(DatasetEndpoint):
    """One dataset."""

    policy: ClassVar = {"GET": Action.VIEW, "PATCH": _MANAGE, "DELETE": _MANAGE}

    @extend_schema(operation_id="datasets_get", responses={200: DatasetDetail, **describe.PROBLEMS})
    def get(self, request: Request, dataset_id: uuid.UUID) -> Response:
        """Show a dataset in numbers."""
        row = present_datasets.datasets().get(pk=self.row.pk)
        return answer(present_datasets.dataset_detail(row))

    @extend_schema(
        operation_id="datasets_change",
        request=DatasetChange,
        responses={200: DatasetDetail, **describe.PROBLEMS},
    )
    def patch(self, request: Request, dataset_id: uuid.UUID) -> Response:
        """Change a dataset; fields left out stay. A class that records have cannot go."""
        order = ordered(request, DatasetChange)
        if order.archived is False:
            services.unarchive(self.actor, self.row)
        if order.about is not None or order.description is not None:
            services.change(self.actor, self.row, about=order.about, description=order.description)
        if order.takes_corrections:
            services.take_corrections(self.actor, self.row)
        if order.archived:
            services.archive(self.actor, self.row, order.why)
        row = present_datasets.datasets().get(pk=self.row.pk)
        return answer(present_datasets.dataset_detail(row))

    @extend_schema(
        operation_id="datasets_delete",
        parameters=[OpenApiParameter("why", str, required=True, description="For the audit log.")],
        responses={204: None, **describe.PROBLEMS},
    )
    def delete(self, request: Request, dataset_id: uuid.UUID) -> Response:
        """Delete a dataset that holds nothing; one that was used can be archived."""
        services.delete(self.actor, self.row, parameter(request, "why"))
        return Response(status=204)


class RemoveRecords(DatasetEndpoint):
    """Records that are hidden, or brought back."""

    policy: ClassVar = {"POST": _MANAGE}

    @extend_schema(
        operation_id="datasets_remove_records",
        parameters=[describe.IDEMPOTENCY_KEY],
        request=RemoveOrder,
        responses={200: ArrangeAnswer, **describe.PROBLEMS},
    )
    @idempotent
    def post(self, request: Request, dataset_id: uuid.UUID) -> Response:
        """Hide records from lists, labelling and versions to come, or bring them back. Versions
        that were made keep them."""
        order = ordered(request, RemoveOrder)
        changed = (
            services.restore_records(self.actor, self.row, order.records)
            if order.restore
            else services.remove_records(self.actor, self.row, order.records, order.why)
        )
        return answer(ArrangeAnswer(changed=changed))


class RenameClass(DatasetEndpoint):
    """The name of a class."""

    policy: ClassVar = {"POST": _MANAGE}

    @extend_schema(
        operation_id="datasets_rename_class",
        parameters=[describe.IDEMPOTENCY_KEY],
        request=RenameOrder,
        responses={200: ArrangeAnswer, **describe.PROBLEMS},
    )
    @idempotent
    def post(self, request: Request, dataset_id: uuid.UUID) -> Response:
        """Call a class otherwise in every record; each gets a new revision, and versions that were
        made keep the old name."""
        order = ordered(request, RenameOrder)
        changed = services.rename_class(self.actor, self.row, order.old, order.new)
        return answer(ArrangeAnswer(changed=changed))


class Records(DatasetEndpoint):
    """A dataset's records."""

    policy: ClassVar = {"GET": Action.VIEW, "POST": _MANAGE}
    parser_classes = (MultiPartParser, RawBody)

    @extend_schema(
        operation_id="datasets_records",
        parameters=[
            OpenApiParameter("state", str, enum=RecordState.values, description="Only in it."),
            OpenApiParameter(
                "split", str, enum=[*Split.values, NO_SPLIT], description="Only of this split."
            ),
            OpenApiParameter("group", str, description="Only of this lot, board or part."),
            OpenApiParameter("label", str, description="Only with a label of this class."),
            OpenApiParameter("empty", bool, description="Only labelled ones without any label."),
            *describe.PAGING,
        ],
        responses={200: RecordPage, **describe.PROBLEMS},
    )
    def get(self, request: Request, dataset_id: uuid.UUID) -> Response:
        """List records, newest first, with their labels."""
        filters = Filters(
            state=parameter(request, "state", tuple(RecordState.values)),
            split=parameter(request, "split", (*Split.values, NO_SPLIT)),
            group=parameter(request, "group"),
            label=parameter(request, "label"),
            empty=flag(request, "empty") or False,
        )
        rows = records(self.row, filters).select_related("blob", "changed_by")
        shown, cursor = newest_first(request, rows, present_datasets.record)
        return answer(RecordPage(records=shown, next_cursor=cursor))

    @extend_schema(
        operation_id="datasets_add_records",
        parameters=[GROUP_BY, describe.FILENAME, describe.IDEMPOTENCY_KEY],
        request=describe.files(group_by=GROUP_BY),
        responses={201: AddedAnswer, **describe.PROBLEMS},
    )
    @idempotent
    def post(self, request: Request, dataset_id: uuid.UUID) -> Response:
        """Send files to be labelled, or an archive of them. Bytes that are there already are named
        and not added again."""
        with discarding(sources(request)) as found:
            made = services.add_records(
                self.actor, self.row, found, group_by=named(request, "group_by")
            )
        refused = [
            RefusedFile(name=each.name, code=each.code, message=each.message)
            for each in made.refused
        ]
        return answer(
            AddedAnswer(added=len(made.records), present=list(made.present), refused=refused), 201
        )


class ArrangeRecords(DatasetEndpoint):
    """Splits and groups of several records."""

    policy: ClassVar = {"POST": _MANAGE}

    @extend_schema(
        operation_id="datasets_arrange",
        parameters=[describe.IDEMPOTENCY_KEY],
        request=ArrangeOrder,
        responses={200: ArrangeAnswer, **describe.PROBLEMS},
    )
    @idempotent
    def post(self, request: Request, dataset_id: uuid.UUID) -> Response:
        """Put records into a split or a group for good."""
        order = ordered(request, ArrangeOrder)
        if order.split is None and order.group is None:
            raise refuse_field("split", "Name a split or a group: neither was sent.")
        changed = 0
        if order.group is not None:
            changed = services.set_group(self.actor, self.row, order.records, order.group)
        if order.split is not None:
            changed = services.set_split(self.actor, self.row, order.records, order.split)
        return answer(ArrangeAnswer(changed=changed))


class RecordLabels(RowEndpoint[Record]):
    """The labels of one record."""

    policy: ClassVar = {"GET": Action.VIEW, "PUT": Action.LABEL}
    key = "record_id"
    project_path = "dataset__project"

    def rows(self) -> "models.QuerySet[Record]":
        return Record.objects.select_related("dataset__project", "blob", "changed_by")

    @extend_schema(operation_id="records_get", responses={200: RecordShape, **describe.PROBLEMS})
    def get(self, request: Request, record_id: int) -> Response:
        """Show a record with its labels."""
        return answer(present_datasets.record(self.row))

    @extend_schema(
        operation_id="records_label",
        request=LabelsOrder,
        responses={200: RecordShape, **describe.PROBLEMS},
    )
    def put(self, request: Request, record_id: int) -> Response:
        """Set a record's labels: a person's word, so keys cannot. If somebody else changed it
        since, `label_conflict` is answered and nothing is stored."""
        order = ordered(request, LabelsOrder)
        saved = services.save_labels(
            self.actor, self.row, order.labels, expected_revision=order.expected_revision
        )
        return answer(present_datasets.record(saved))
