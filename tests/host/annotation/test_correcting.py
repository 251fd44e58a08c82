"""What people correct in review lands in the dataset, with who and when; undo takes it back."""

import json

import pytest
from django.contrib.auth.models import User
from django.test import Client

from loupe.accounts.models import Role
from loupe.accounts.policy import Actor
from loupe.annotation import correcting
from loupe.blobs import services as blobs
from loupe.datasets import services as datasets
from loupe.datasets.errors import LabelsRefused
from loupe.datasets.models import Dataset, LabelChange, Record
from loupe.jobs.models import Result
from loupe.review import services as review
from loupe.review.errors import CorrectionRefused
from loupe.review.models import Review
from loupe.review.signature import holds
from loupe.testing import factories
from tests.host.annotation.conftest import APP, target


@pytest.fixture
def result(db: None) -> Result:
    project = factories.project()
    user = factories.person("anna", project, Role.ADMIN)
    version = factories.model_version(project, APP)
    blob = blobs.store_bytes(b'{"value": 3}', "application/json")
    made = factories.Made(name="a.json", data={"value": 3.0, "scaled": 6.0}, blob=blob)
    job = factories.job(project, APP, [made], version=version, user=user)
    return Result.objects.select_related("project", "item__input__blob").get(job=job)


@pytest.fixture
def anna(result: Result) -> Actor:
    return Actor(user=User.objects.get(username="anna"))


def test_a_correction_becomes_a_record_with_who_when_and_why(result: Result, anna: Actor) -> None:
    given = correcting.give(anna, result, "lower", target(5), note="seen by eye")
    record = Record.objects.get()
    assert (record.labels, record.name, record.result_id) == (target(5), "a.json", result.pk)
    change = LabelChange.objects.get()
    assert (change.user, change.source, change.review) == (anna.user, "corrected", given)
    assert result.item.input is not None
    assert record.blob == result.item.input.blob
    assert correcting.records([given]) == {given.pk: record}
    assert given.correction == target(5)


def test_a_correction_starts_from_what_the_model_found_then_from_what_was_said(
    result: Result, anna: Actor
) -> None:
    start = correcting.start(anna, result, [])
    assert start is not None
    assert (start.labels["scaled"], start.corrected) == (6.0, False)
    correcting.give(anna, result, "lower", target(5))
    again = correcting.start(anna, result, list(review.history(anna, result)))
    assert again is not None
    assert (again.labels, again.corrected) == (target(5), True)


def test_taking_the_word_back_takes_the_labels_back(result: Result, anna: Actor) -> None:
    correcting.give(anna, result, "lower", target(5))
    correcting.give(anna, result, "lower", target(7))
    correcting.undo(anna, result)
    assert Record.objects.get().labels == target(5)
    correcting.undo(anna, result)
    assert (Record.objects.get().labels, Record.objects.get().state) == (None, "todo")


def test_labels_somebody_has_changed_since_stay_when_the_review_is_taken_back(
    result: Result, anna: Actor
) -> None:
    correcting.give(anna, result, "lower", target(5))
    datasets.save_labels(anna, Record.objects.get(), target(9))
    correcting.undo(anna, result)
    assert Record.objects.get().labels == target(9)


def test_a_correction_that_is_not_valid_stores_neither_it_nor_the_review(
    result: Result, anna: Actor
) -> None:
    with pytest.raises(CorrectionRefused, match="scaled"):
        correcting.give(anna, result, "lower", {"scaled": "many"})
    with pytest.raises(LabelsRefused, match="huge"):
        correcting.give(anna, result, "lower", target(1, "huge"))
    assert not Review.objects.exists()
    assert not Record.objects.exists()


def test_a_review_without_a_correction_touches_no_dataset(result: Result, anna: Actor) -> None:
    correcting.give(anna, result, "lower", None)
    assert not Dataset.objects.exists()


def test_a_signature_binds_the_correction(result: Result, anna: Actor) -> None:
    given = correcting.give(anna, result, "sign", target(5), password=factories.PASSWORD)
    stored = Review.objects.select_related("result__decision").get(pk=given.pk)
    assert holds(stored)
    stored.correction = target(6)
    assert not holds(stored)


def test_the_result_page_offers_it_stores_it_and_links_the_record(
    result: Result, anna: Actor
) -> None:
    browser = Client()
    browser.force_login(User.objects.get(username="anna"))
    there = f"/p/{result.project.slug}/apps/{APP}/results/{result.pk}/"
    assert 'id="correction"' in browser.get(there).content.decode()
    form = {"verb": "lower", "correction": json.dumps(target(4)), "last_review_id": "0"}
    browser.post(f"{there}review", form)
    record = Record.objects.get()
    page = browser.get(there).content.decode()
    assert f"/datasets/{record.dataset_id}/label/{record.pk}/" in page
    browser.post(f"{there}undo")
    assert Record.objects.get().labels is None
    answer = browser.post(f"{there}review", {**form, "correction": "[1"}, follow=True)
    assert "no JSON object" in answer.content.decode()
