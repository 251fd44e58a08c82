"""Weekly retraining queues a candidate, once, and only where there is something new to learn."""

from apps.fraud.services.labels import Said, give
from apps.fraud.services.retraining import retrain
from loupe.training.models import Run
from tests.apps.fraud.bank import Bank, paid


def labelled(bank: Bank, start: int, count: int) -> None:
    """So many more payments in the log, each with a label."""
    numbers = range(start, start + count)
    bank.block(*(paid(number) for number in numbers))
    said = [Said(transaction=f"T-{one}", label="fraud" if one % 2 else "honest") for one in numbers]
    give(bank.actor(), bank.project, said, source="analyst")


def test_a_candidate_is_queued_once_and_again_when_labels_have_come(bank: Bank) -> None:
    key = str(bank.project.pk)
    assert retrain(key, {}).startswith("nothing to train on: ")
    labelled(bank, 0, 20)
    assert "is queued" in retrain(key, {"config": {"seeds": 2}})
    run = Run.objects.get()
    assert (run.model_name, str(run.dataset_version), run.config["seeds"]) == (
        "retrained", "log v1", 2,
    )  # fmt: skip
    assert retrain(key, {}) == "retrained is in training already"
    Run.objects.update(state="done")
    assert retrain(key, {}) == "0 new labels since the last training: too few for another"
    labelled(bank, 100, 60)
    assert "on log v2 is queued" in retrain(key, {})
    assert Run.objects.count() == 2
