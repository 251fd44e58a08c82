"""Two people at the same moment, and one step back: what decides is always one of the two."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from apps.fraud.models import PointDraft, Publication
from apps.fraud.schema import OperatingPoint
from apps.fraud.services import candidates, drafts, publishing
from apps.fraud.services.errors import Taken
from loupe.accounts.models import Role
from loupe.accounts.policy import Actor
from loupe.audit.models import Event
from loupe.contract.runtime.errors import LoupeError
from loupe.registry.errors import ConsentRefused
from loupe.registry.models import ModelVersion, Stage
from loupe.registry.models import OperatingPoint as StoredPoint
from loupe.testing import factories
from tests.apps.fraud.bank import Bank
from tests.apps.fraud.services import trials


def cut(block: float) -> dict[str, Any]:
    return {"bands": [{"from_amount": 0, "step_up": 2, "review": 2, "block": block}]}


def engineers(bank: Bank, *names: str) -> list[Actor]:
    made = [factories.person(name, bank.project, Role.ENGINEER) for name in names]
    return [Actor(user=one) for one in made]


def draft_of(bank: Bank, version: ModelVersion, block: float) -> PointDraft:
    return drafts.save(bank.actor("engineer"), bank.project, version, cut(block), "")


def decides(bank: Bank) -> tuple[int, float]:
    found = candidates.champion(bank.actor("viewer"), bank.project)
    return found.version.number, found.point.bands[0].block


def together(*acts: Callable[[], object]) -> list[str]:
    """What becomes of each, all begun at once: its code, or ``done``."""
    start, told = threading.Barrier(len(acts)), [""] * len(acts)

    def act(place: int) -> None:
        start.wait()
        try:
            acts[place]()
            told[place] = "done"
        except LoupeError as error:
            told[place] = error.code
        finally:
            connection.close()

    threads = [threading.Thread(target=act, args=(place,)) for place in range(len(acts))]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    return told


@pytest.mark.django_db(transaction=True)
def test_of_two_who_answer_at_once_one_is_heard(bank: Bank) -> None:
    version = trials.version(bank, 1, Stage.PRODUCTION)
    anna, ben = engineers(bank, "anna", "ben")
    for round_ in range(4):
        draft = draft_of(bank, version, 0.5 + round_ / 100)
        asked = publishing.ask(bank.actor("engineer"), bank.project, "Stricter.", draft=draft)
        before = decides(bank)
        mine, other = (publishing.find(one, bank.project, asked.pk) for one in (anna, ben))
        told = together(
            lambda mine=mine: publishing.approve(anna, mine),  # type: ignore[misc]
            lambda other=other: publishing.decline(ben, other, "Too strict."),  # type: ignore[misc]
        )
        assert sorted(told) == sorted(["done", Taken.code])
        asked.refresh_from_db()
        if told[0] == "done":
            assert (asked.state, decides(bank)[1]) == ("approved", 0.5 + round_ / 100)
        else:
            assert (asked.state, decides(bank)) == ("declined", before)
        events = Event.objects.filter(subject=f"publication:{asked.pk}")
        assert events.count() == 2


@pytest.mark.django_db(transaction=True)
def test_of_two_who_agree_at_once_one_point_comes(bank: Bank) -> None:
    version = trials.version(bank, 1, Stage.PRODUCTION)
    anna, ben = engineers(bank, "anna", "ben")
    draft = draft_of(bank, version, 0.55)
    asked = publishing.ask(bank.actor("engineer"), bank.project, "Stricter.", draft=draft)
    mine, other = (publishing.find(one, bank.project, asked.pk) for one in (anna, ben))
    told = together(lambda: publishing.approve(anna, mine), lambda: publishing.approve(ben, other))
    assert sorted(told) == sorted(["done", Taken.code])
    assert StoredPoint.objects.filter(project=bank.project, model_version=version).count() == 1
    assert decides(bank) == (1, 0.55)


@pytest.mark.django_db(transaction=True)
def test_two_versions_that_are_agreed_to_at_once_leave_one_in_production(bank: Bank) -> None:
    trials.version(bank, 1, Stage.PRODUCTION)
    second, third = trials.version(bank, 2), trials.version(bank, 3)
    anna, ben = engineers(bank, "anna", "ben")
    wishes = [
        publishing.ask(bank.actor("engineer"), bank.project, "Better.", version=one)
        for one in (second, third)
    ]
    told = together(
        lambda: publishing.approve(anna, wishes[0]), lambda: publishing.approve(ben, wishes[1])
    )
    assert "done" in told
    standing = ModelVersion.objects.filter(model=second.model, stage=Stage.PRODUCTION)
    assert [one.number for one in standing] == [decides(bank)[0]]
    states = [Publication.objects.get(pk=one.pk).state for one in wishes]
    assert [state == "approved" for state in states] == [one == "done" for one in told]


def test_one_step_back_brings_the_former_version_with_its_own_thresholds(bank: Bank) -> None:
    first, second = trials.version(bank, 1, Stage.PRODUCTION), trials.version(bank, 2)
    asker, other = engineers(bank, "anna", "ben")
    former = publishing.ask(asker, bank.project, "Next.", draft=draft_of(bank, first, 0.61))
    publishing.approve(other, former)
    assert decides(bank) == (1, 0.61)
    newer = publishing.ask(
        asker, bank.project, "Better.", version=second, draft=draft_of(bank, second, 0.42)
    )
    with pytest.raises(ConsentRefused):
        publishing.approve(asker, newer)
    assert decides(bank) == (1, 0.61)
    publishing.approve(other, newer)
    assert decides(bank) == (2, 0.42)
    assert publishing.roll_back_version(asker, bank.project, "It blocks a town.") == first
    assert decides(bank) == (1, 0.61)
    event = Event.objects.filter(action="publication.rolled_back").get()
    assert event.actor == "user:anna"
    assert event.details["reason"] == "It blocks a town."


def test_what_only_follows_the_project_is_no_step_back(bank: Bank) -> None:
    version = trials.version(bank, 1, Stage.PRODUCTION)
    asker, other = engineers(bank, "anna", "ben")
    for block in (0.6, 0.7):
        asked = publishing.ask(asker, bank.project, "Next.", draft=draft_of(bank, version, block))
        publishing.approve(other, asked)
    stored = StoredPoint.objects.filter(project=bank.project).order_by("-number")[0]
    # As the host writes it when the project declares something new.
    followed = OperatingPoint.model_validate({**stored.data, "embeddings": str(bank.project.pk)})
    StoredPoint.objects.create(
        model_version=version, project=bank.project, number=stored.number + 1,
        data=followed.model_dump(mode="json"), note="Follows the project: embeddings.",
    )  # fmt: skip
    publishing.roll_back_point(asker, bank.project, version, "Too many calls.")
    assert decides(bank) == (1, 0.6)
