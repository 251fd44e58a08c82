"""Labels are saved against what the person saw; nobody overwrites anybody; nothing is forgotten."""

import threading

import pytest
from django.db import DatabaseError, connection, transaction

from loupe.accounts.errors import Denied, NotVisible
from loupe.accounts.models import Role
from loupe.accounts.policy import Actor
from loupe.blobs import services as blobs
from loupe.datasets import services
from loupe.datasets.errors import LabelConflict, LabelsRefused, NothingToTakeBack
from loupe.datasets.models import Dataset, LabelChange, LabelSource, Record, RecordClass
from loupe.testing import factories


@pytest.fixture
def record(dataset: Dataset) -> Record:
    blob = blobs.store_bytes(b'{"value": 1.0}', "application/json")
    return Record.objects.create(dataset=dataset, blob=blob, name="a.json")


def test_saving_counts_up_and_keeps_who_and_when(reviewer: Actor, record: Record) -> None:
    saved = services.save_labels(reviewer, record, {"scaled": 2.0}, expected_revision=0)
    assert (saved.revision, saved.state, saved.changed_by) == (1, "labelled", reviewer.user)
    change = LabelChange.objects.get(record=record)
    assert (change.revision, change.user, change.source) == (1, reviewer.user, "drawn")
    assert change.labels == {"schema_version": 1, "scaled": 2.0, "size": "any"}
    assert change.at is not None
    assert list(RecordClass.objects.values_list("name", "count")) == [("any", 1)]


def test_saving_the_same_again_changes_nothing(reviewer: Actor, record: Record) -> None:
    services.save_labels(reviewer, record, {"scaled": 2.0})
    again = services.save_labels(reviewer, record, {"scaled": 2.0}, expected_revision=1)
    assert again.revision == 1
    assert LabelChange.objects.count() == 1


def test_a_stale_save_is_refused_and_shows_theirs(
    reviewer: Actor, engineer: Actor, record: Record
) -> None:
    services.save_labels(engineer, record, {"scaled": 5.0}, expected_revision=0)
    with pytest.raises(LabelConflict, match="engineer changed this record") as conflict:
        services.save_labels(reviewer, record, {"scaled": 6.0}, expected_revision=0)
    theirs = conflict.value.record
    assert theirs.labels is not None
    assert (theirs.labels["scaled"], theirs.revision) == (5.0, 1)
    record.refresh_from_db()
    assert record.labels == theirs.labels


@pytest.mark.parametrize(
    ("labels", "code"),
    [
        ({"scaled": float("nan")}, "labels_invalid"),
        ({"scaled": "x"}, "labels_invalid"),
        ({"scaled": 1.0, "extra": 1}, "labels_invalid"),
        ({"scaled": 1.0, "size": "huge"}, "unknown_class"),
    ],
)
def test_labels_that_do_not_fit_are_refused_by_name(
    reviewer: Actor, record: Record, labels: dict[str, object], code: str
) -> None:
    with pytest.raises(LabelsRefused) as refused:
        services.save_labels(reviewer, record, labels)
    assert refused.value.code == code
    assert not LabelChange.objects.exists()


def test_undo_goes_back_step_by_step_and_is_a_change_itself(
    reviewer: Actor, record: Record
) -> None:
    for scaled in (1.0, 2.0, 3.0):
        services.save_labels(reviewer, record, {"scaled": scaled})
    values = []
    for _ in range(3):
        back = services.undo(reviewer, record)
        values.append(back.labels["scaled"] if back.labels else None)
    assert values == [2.0, 1.0, None]
    assert back.state == "todo"
    with pytest.raises(NothingToTakeBack):
        services.undo(reviewer, record)
    assert LabelChange.objects.filter(source=LabelSource.UNDONE).count() == 3
    services.save_labels(reviewer, record, {"scaled": 9.0})
    assert services.undo(reviewer, record).labels is None


def test_leaving_out_keeps_the_labels(reviewer: Actor, record: Record) -> None:
    services.save_labels(reviewer, record, {"scaled": 1.0})
    assert services.skip(reviewer, record).state == "skipped"
    back = services.skip(reviewer, record, False, expected_revision=2)
    assert (back.state, back.labels is not None) == ("labelled", True)


def test_only_reviewers_and_above_label_and_strangers_see_nothing(
    people: dict[str, object], record: Record
) -> None:
    for role in (Role.VIEWER, Role.OPERATOR):
        with pytest.raises(Denied):
            services.save_labels(Actor(user=people[role.value]), record, {"scaled": 1.0})  # type: ignore[arg-type]
    stranger = factories.person("stranger", factories.project("other", "Other"))
    with pytest.raises(NotVisible):
        services.save_labels(Actor(user=stranger), record, {"scaled": 1.0})


def test_the_history_cannot_be_rewritten(reviewer: Actor, record: Record) -> None:
    services.save_labels(reviewer, record, {"scaled": 1.0})
    for statement in (
        "UPDATE datasets_labelchange SET revision = 7",
        "DELETE FROM datasets_labelchange",
    ):
        with (
            pytest.raises(DatabaseError, match="never changed"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)


@pytest.mark.django_db(transaction=True)
def test_of_people_who_save_at_the_same_moment_one_wins_and_the_others_are_told(
    people: dict[str, object], record: Record
) -> None:
    outcomes: list[str] = []
    start = threading.Barrier(4)

    def save(number: int) -> None:
        actor = Actor(user=people["admin"])  # type: ignore[arg-type]
        start.wait()
        try:
            services.save_labels(actor, record, {"scaled": float(number)}, expected_revision=0)
            outcomes.append("saved")
        except LabelConflict:
            outcomes.append("told")
        finally:
            connection.close()

    threads = [threading.Thread(target=save, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["saved", "told", "told", "told"]
    record.refresh_from_db()
    assert record.revision == 1
    assert LabelChange.objects.count() == 1
