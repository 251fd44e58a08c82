"""Corrections made in review: said about a result, kept as labels of a dataset's record."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from loupe.accounts.policy import Action, Actor, can
from loupe.contract.labelling import Propose
from loupe.contract.runtime.steps import load
from loupe.datasets import services as datasets
from loupe.datasets import vocabulary
from loupe.datasets.models import Dataset, LabelChange, Record
from loupe.datasets.services.labelling import standing as standing_changes
from loupe.jobs.models import Result
from loupe.plugins import registry as apps
from loupe.review import services as review
from loupe.review.ledger import standing
from loupe.review.models import Review


@dataclass(frozen=True, kw_only=True)
class Starting:
    """Where correcting a result starts.

    Attributes:
        about: what labels can be of: the model's classes and those of the dataset that takes
            corrections.
        labels: the correction that stands, else what the model found and was sure enough of.
        corrected: whether `labels` are a person's.
    """

    about: dict[str, Any]
    labels: dict[str, Any]
    corrected: bool


def start(actor: Actor, result: Result, said: Sequence[Review]) -> Starting | None:
    """What the person starts from; None: results of this app, or this one, are not corrected.

    Args:
        said: every review of the result, oldest first.
    """
    domain = apps.get(result.app)
    labelling = domain.labelling
    received = result.item.input
    if labelling is None or labelling.editor is None or received is None:
        return None
    if received.blob_id is None or not can(actor, Action.LABEL, result.project):
        return None
    version = result.provenance.model_version
    about = vocabulary.of_model(labelling, version.manifest if version is not None else {})
    dataset = Dataset.objects.filter(
        project=result.project, app=result.app, takes_corrections=True
    ).first()
    if dataset is not None:
        about = vocabulary.merge(labelling, vocabulary.about(labelling, dataset.about), about)
    last = next((one for one in reversed(standing(said)) if one.correction is not None), None)
    if last is not None:
        corrected = dict(last.correction or {})
        return Starting(about=vocabulary.stored(about), labels=corrected, corrected=True)
    point = result.provenance.operating_point
    propose: Propose = load(labelling.propose)
    found = propose(
        domain.result_schema.model_validate(result.data),
        about,
        domain.operating_point_schema.model_validate(point.data if point else {}),
    )
    return Starting(
        about=vocabulary.stored(about), labels=vocabulary.stored(found.labels), corrected=False
    )


def give(
    actor: Actor,
    result: Result,
    verb: str,
    correction: Mapping[str, Any] | None,
    *,
    note: str = "",
    password: str | None = None,
    expected_last_review_id: int | None = None,
    request: HttpRequest | None = None,
) -> Review:
    """Say `verb` about `result`, with what should have been found; both or neither are stored.

    Raises:
        LoupeError: as `review.services.give` and `datasets.correct_from_review`.
    """
    return review.give(
        actor,
        result,
        verb,
        note=note,
        correction=correction,
        password=password,
        expected_last_review_id=expected_last_review_id,
        request=request,
        then=lambda given: datasets.correct_from_review(actor, given),
    )


def undo(actor: Actor, result: Result) -> Review:
    """Take the last statement back. Labels it put into a dataset go back too, unless somebody
    has changed them since.

    Raises:
        LoupeError: as `review.services.undo`.
    """
    return review.undo(actor, result, then=lambda taken: _take_back(actor, taken))


def _take_back(actor: Actor, taken: Review) -> None:
    change = (
        LabelChange.objects.filter(review=taken)
        .select_related("record__dataset__project")
        .order_by("-pk")
        .first()
    )
    if change is None:
        return
    left = standing_changes(change.record)
    if left and left[-1].pk == change.pk:
        datasets.undo(actor, change.record)


def records(said: Sequence[Review]) -> dict[int, Record]:
    """The dataset records that reviews' corrections went into, by review."""
    ids = [one.pk for one in said if one.correction is not None]
    if not ids:
        return {}
    changes = LabelChange.objects.filter(review__in=ids).select_related("record__dataset__project")
    return {change.review_id: change.record for change in changes if change.review_id is not None}
