"""Publishing over HTTP: people ask and answer on the page, REST tells; nobody agrees to oneself."""

from typing import Any

import pytest
from django.test import Client

from apps.fraud.models import Publication
from apps.fraud.services import candidates, drafts
from loupe.accounts.models import Role
from loupe.audit.models import Event
from loupe.registry.models import Stage
from loupe.testing import factories
from tests.apps.fraud.bank import Bank
from tests.apps.fraud.services import trials

STRICT = {"bands": [{"from_amount": 0, "step_up": 2, "review": 2, "block": 0.42}]}


@pytest.fixture
def asked(bank: Bank) -> Publication:
    """Version 2 with stricter thresholds, asked for on the page by an engineer."""
    trials.version(bank, 1, Stage.PRODUCTION)
    version = trials.version(bank, 2)
    draft = drafts.save(bank.actor("engineer"), bank.project, version, STRICT, "")
    form = {"candidate": str(version.pk), "draft": str(draft.number), "reason": "Better."}
    assert bank.client("engineer").post(bank.url("publishing/ask"), form).status_code == 302
    return Publication.objects.get()


def second_person(bank: Bank) -> Client:
    client = Client()
    client.force_login(factories.person("other-engineer", bank.project, Role.ENGINEER))
    return client


def decides(bank: Bank) -> tuple[int, float]:
    found = candidates.champion(bank.actor("viewer"), bank.project)
    return found.version.number, found.point.bands[0].block


def listed(bank: Bank) -> list[dict[str, Any]]:
    found = Client().get("/api/v1/fraud/publications", **bank.key("view"))
    assert found.status_code == 200, found.content
    rows: list[dict[str, Any]] = found.json()["publications"]
    return rows


def test_who_asked_is_refused_and_a_second_person_passes(bank: Bank, asked: Publication) -> None:
    before = decides(bank)
    address = bank.url(f"publishing/{asked.pk}/approve")
    page = bank.client("engineer").post(address, {}, follow=True).content.decode()
    assert "somebody else has to agree" in page
    assert (decides(bank), listed(bank)[0]["state"]) == (before, "waiting")
    assert second_person(bank).post(address, {"comment": "Seen."}).status_code == 302
    assert decides(bank) == (2, 0.42)
    (row,) = listed(bank)
    assert (row["state"], row["comment"], row["rolls_back"]) == ("approved", "Seen.", False)


def test_one_click_restores_the_former_champion_with_its_thresholds(
    bank: Bank, asked: Publication
) -> None:
    before = decides(bank)
    other = second_person(bank)
    other.post(bank.url(f"publishing/{asked.pk}/approve"), {})
    assert decides(bank) == (2, 0.42)
    assert bank.client("reviewer").post(bank.url("publishing/back/version")).status_code == 403
    assert decides(bank) == (2, 0.42)
    bank.client("engineer").post(bank.url("publishing/back/version"), {"reason": "A whole town."})
    assert decides(bank) == before
    back = listed(bank)[0]
    assert (back["rolls_back"], back["reason"]) == (True, "A whole town.")
    told = Event.objects.filter(project=bank.project, action__startswith="publication.")
    assert [(one.action, one.actor) for one in told.order_by("pk")] == [
        ("publication.asked", "user:engineer"),
        ("publication.approved", "user:other-engineer"),
        ("publication.rolled_back", "user:engineer"),
    ]


def test_keys_and_people_of_other_projects_neither_ask_nor_agree(
    bank: Bank, asked: Publication
) -> None:
    before = decides(bank)
    key = bank.key("view", "manage_models")
    assert Client().post("/api/v1/fraud/publications", {}, **key).status_code == 405
    address = bank.url(f"publishing/{asked.pk}/approve")
    assert Client().post(address, {}, **key).status_code in (302, 401, 403)
    assert bank.client("stranger").post(address, {}).status_code == 404
    assert bank.client("reviewer").post(address, {}).status_code == 403
    assert (decides(bank), listed(bank)[0]["state"]) == (before, "waiting")
