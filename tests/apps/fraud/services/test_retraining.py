"""Candidates by schedule: queued on what was labelled since, and only then."""

from django.utils import timezone

from apps.fraud.services import labels, retraining
from apps.fraud.services.labels import Said
from loupe.host.trainings import Run
from tests.apps.fraud.bank import Bank, paid


def test_without_labels_the_history_says_what_is_missing(bank: Bank) -> None:
    bank.store(*(paid(n) for n in range(3)))
    assert "a model needs both" in retraining.retrain(str(bank.project.pk), {})
    assert not Run.objects.exists()


def test_a_training_is_queued_on_new_labels_and_not_again_without_any(bank: Bank) -> None:
    bank.store(*(paid(n) for n in range(3)))
    said = [Said(transaction="T-1", label="fraud", known_at=timezone.now())]
    labels.give(bank.actor(), bank.project, said, source="analyst")
    project = str(bank.project.pk)
    assert "queued on version 1" in retraining.retrain(project, {"model": "weekly"})
    assert Run.objects.get().model_name == "weekly"
    assert "nothing new since version 1" in retraining.retrain(project, {})
    assert Run.objects.count() == 1
