"""What a reviewer corrects becomes a record's labels, with who and when, in one dataset."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from loupe.accounts.errors import Denied
from loupe.accounts.models import Project
from loupe.accounts.policy import Actor
from loupe.blobs import services as blobs
from loupe.datasets import services
from loupe.datasets.models import Dataset, LabelChange, Record
from loupe.jobs.models import Result
from loupe.review.models import Review
from loupe.testing import factories
from tests.host.datasets.conftest import APP


@pytest.fixture
def result(project: Project) -> Result:
    blob = blobs.store_bytes(b'{"value": 4.0}', "application/json")
    made = factories.Made(name="part-4.json", blob=blob, data={"value": 4.0, "scaled": 8.0})
    job = factories.job(project, APP, [made])
    return Result.objects.get(job=job)


def said(result: Result, person: User, correction: dict[str, Any] | None) -> Review:
    return Review.objects.create(
        result=result,
        user=person,
        verb="confirm",
        outcome=result.outcome,
        correction=correction,
        created_at=timezone.now(),
    )


def test_a_correction_makes_a_record_where_corrections_go(
    people: dict[str, User], reviewer: Actor, dataset: Dataset, result: Result
) -> None:
    review = said(result, people["reviewer"], {"scaled": 9.0})
    record = services.correct_from_review(reviewer, review)
    assert record is not None
    assert (record.dataset, record.name, record.state) == (dataset, "part-4.json", "labelled")
    assert record.result == result
    change = LabelChange.objects.get()
    assert (change.source, change.user, change.review) == ("corrected", reviewer.user, review)


def test_correcting_again_changes_the_same_record(
    people: dict[str, User], reviewer: Actor, dataset: Dataset, result: Result
) -> None:
    for scaled in (9.0, 9.0, 7.0):
        services.correct_from_review(reviewer, said(result, people["reviewer"], {"scaled": scaled}))
    record = Record.objects.get()
    assert record.labels is not None
    assert (record.labels["scaled"], record.revision) == (7.0, 2)


def test_without_a_dataset_one_is_made_and_without_a_correction_nothing_is(
    people: dict[str, User], reviewer: Actor, result: Result
) -> None:
    assert services.correct_from_review(reviewer, said(result, people["reviewer"], None)) is None
    assert not Dataset.objects.exists()
    services.correct_from_review(reviewer, said(result, people["reviewer"], {"scaled": 1.0}))
    made = Dataset.objects.get()
    assert (made.name, made.takes_corrections) == ("corrections", True)


def test_only_one_dataset_takes_them_and_it_can_be_changed(
    people: dict[str, User], engineer: Actor, dataset: Dataset, result: Result
) -> None:
    other = services.create(engineer, dataset.project, APP, "other")
    assert (dataset.takes_corrections, other.takes_corrections) == (True, False)
    services.take_corrections(engineer, other)
    review = said(result, people["engineer"], {"scaled": 1.0})
    record = services.correct_from_review(engineer, review)
    assert record is not None
    assert record.dataset == other
    assert Dataset.objects.filter(takes_corrections=True).count() == 1


def test_who_may_not_label_corrects_nothing(people: dict[str, User], result: Result) -> None:
    review = said(result, people["operator"], {"scaled": 1.0})
    with pytest.raises(Denied):
        services.correct_from_review(Actor(user=people["operator"]), review)
    assert not Record.objects.exists()
