"""Turns rows of datasets into the shapes the API answers."""

from typing import Any

from django.db import models

from loupe.api.present import who
from loupe.api.shapes.datasets import (
    ChangedShape,
    DatasetDetail,
    DatasetShape,
    DatasetVersionShape,
    DifferenceShape,
    ImportShape,
    ProblemShape,
    RecordShape,
)
from loupe.datasets.browsing import listed, summary
from loupe.datasets.models import Dataset, DatasetVersion, Import, ImportProblem, Record
from loupe.datasets.services import Difference

MOST_CHANGED = 1000


def datasets() -> "models.QuerySet[Dataset]":
    """Datasets with all that `dataset` reads."""
    return listed(Dataset.objects.select_related("project"))


def dataset_fields(row: Any) -> dict[str, Any]:
    """The fields of a `DatasetShape`; `row` comes from `datasets`."""
    return {
        "id": row.pk,
        "project": row.project.slug,
        "app": row.app,
        "name": row.name,
        "description": row.description,
        "about": row.about,
        "takes_corrections": row.takes_corrections,
        "archived_at": row.archived_at,
        "records": row.total,
        "labelled": row.labelled,
        "newest_version": row.newest,
        "created_at": row.created_at,
    }


def dataset(row: Dataset) -> DatasetShape:
    """One line of the list."""
    return DatasetShape(**dataset_fields(row))


def dataset_detail(row: Dataset) -> DatasetDetail:
    """A dataset in numbers."""
    found = summary(row)
    return DatasetDetail(
        **dataset_fields(row),
        states=dict(found.states),
        splits=dict(found.splits),
        classes=dict(found.classes),
        groups=found.groups,
    )


def record(row: Record) -> RecordShape:
    """One record."""
    return RecordShape(
        id=row.pk,
        name=row.name,
        sha256=row.blob_id,
        media_type=row.blob.media_type,
        size=row.blob.size,
        group=row.group,
        split=row.split,
        state=row.state,
        labels=row.labels,
        revision=row.revision,
        result=row.result_id,
        changed_by=who(row.changed_by) if row.changed_by else "",
        changed_at=row.changed_at,
    )


def imported(row: Import) -> ImportShape:
    """One import."""
    return ImportShape(
        id=row.pk,
        dataset=row.dataset_id,
        name=row.name,
        layout=row.layout,
        state=row.state,
        phase=row.phase,
        done=row.done,
        total=row.total,
        note=row.note,
        counts=row.counts,
        error_code=row.error_code,
        error=row.error,
        created_at=row.created_at,
        ended_at=row.ended_at,
    )


def problem(row: ImportProblem) -> ProblemShape:
    """One problem of an import."""
    return ProblemShape(
        file=row.file, line=row.line, code=row.code, reason=row.reason, fatal=row.fatal
    )


def version(row: DatasetVersion) -> DatasetVersionShape:
    """One version."""
    return DatasetVersionShape(
        number=row.number,
        dataset=row.dataset_id,
        sha256=row.manifest_id,
        about=row.about,
        counts=row.counts,
        note=row.note,
        created_by=who(row.created_by),
        created_at=row.created_at,
    )


def difference(found: Difference) -> DifferenceShape:
    """What two versions differ in."""
    entries = found.entries()
    return DifferenceShape(
        older=found.older.number,
        newer=found.newer.number,
        counts=found.counts,
        labels=dict(found.labels),
        about_changed=found.about_changed,
        records=[
            ChangedShape(
                name=each.name,
                kind=each.kind,
                by_class=each.by_class,
                split_before=each.split_before,
                split_after=each.split_after,
                group_before=each.group_before,
                group_after=each.group_after,
            )
            for each in entries[:MOST_CHANGED]
        ],
        truncated=len(entries) > MOST_CHANGED,
    )
