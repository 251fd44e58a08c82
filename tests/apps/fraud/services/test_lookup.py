"""Any identifier, typed into the bar, leads to its page."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from django.urls import reverse

from apps.fraud.models import AlertHit, Entity, SchemeVersion
from apps.fraud.scheme import CARD_PAYMENTS
from apps.fraud.services import lookup as module
from apps.fraud.services import schemes
from apps.fraud.services.lookup import lookup
from apps.fraud.tables.keys import Hasher
from loupe.contract.extras import Found
from loupe.contract.runtime.errors import TemporarilyUnavailable
from loupe.contract.runtime.payload import Payload
from loupe.host import live
from tests.apps.fraud.bank import Bank, paid


@pytest.fixture(autouse=True)
def away(monkeypatch: pytest.MonkeyPatch) -> None:
    """The live state does not answer, unless a test says what it does."""

    def ask(slug: str, payload: Payload, **_more: Any) -> Payload:
        raise TemporarilyUnavailable("The engine is away.")

    monkeypatch.setattr(live, "ask", ask)


def names(found: list[Found]) -> list[tuple[str, str, bool]]:
    return [(one.kind, one.name, one.exact) for one in found]


def test_a_payment_that_alerted_leads_to_itself(bank: Bank) -> None:
    bank.store(paid(7, "C-1"))
    (found,) = lookup(bank.actor("viewer"), bank.project, " T-7 ")
    hit = AlertHit.objects.get(transaction="T-7")
    assert found.exact
    assert found.url == reverse("console:result", args=[bank.project.slug, "fraud", hit.result])
    assert "123.45" in found.words
    assert bank.client("viewer").get(found.url).status_code == 200


def test_a_quiet_payment_is_found_in_the_newest_blocks(bank: Bank) -> None:
    bank.store(paid(1, "C-1", score=0.01), paid(2, "C-2", score=0.01))
    (found,) = lookup(bank.actor("viewer"), bank.project, "T-2")
    assert found.exact
    page = bank.client("viewer").get(found.url).content.decode()
    assert "T-2" in page


def test_an_old_payment_is_found_through_the_live_state(
    bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    bank.store(paid(1, "C-1", score=0.01))
    bank.store(paid(2, "C-2", score=0.01))
    monkeypatch.setattr(module, "NEWEST_BLOCKS", 0)
    assert lookup(bank.actor("viewer"), bank.project, "T-1") == []
    asked = []

    def ask(slug: str, payload: Payload, **_more: Any) -> Payload:
        asked.append(dict(payload.meta))
        return Payload(arrays={"entity.customer": np.array(["C-1"])})

    monkeypatch.setattr(live, "ask", ask)
    (found,) = lookup(bank.actor("viewer"), bank.project, "T-1")
    assert "/results/" in found.url
    assert asked[0]["ids"] == ["T-1"]
    assert asked[0]["project"] == str(bank.project.pk)
    # Of one that the payer's blocks no longer name, the payer's page is the nearest.
    Entity.objects.filter(key="C-1").update(blocks="")
    (found,) = lookup(bank.actor("viewer"), bank.project, "T-1")
    assert parse_qs(urlsplit(found.url).query) == {"type": ["customer"], "key": ["C-1"]}


def test_entities_stand_by_identifier_before_those_that_begin_so(bank: Bank) -> None:
    bank.store(paid(1, "C-1"), paid(2, "C-10"), paid(3, "C-11", device="C-1"))
    found = lookup(bank.actor("viewer"), bank.project, "C-1")
    assert {one[:2] for one in names(found[:2])} == {("Customer", "C-1"), ("Device", "C-1")}
    assert names(found[2:]) == [("Customer", "C-10", False), ("Customer", "C-11", False)]
    client = bank.client("viewer")
    assert all(client.get(one.url).status_code == 200 for one in found)


def test_a_card_of_which_only_the_hash_is_kept_is_found_by_its_number(bank: Bank) -> None:
    data = CARD_PAYMENTS.model_dump(mode="json")
    for entity in data["entities"]:
        entity["hashed"] = entity["key"] == "terminal"
    scheme = type(CARD_PAYMENTS).model_validate(data)
    SchemeVersion.objects.create(
        project=bank.project, number=1, data=scheme.model_dump(mode="json"), sha256=scheme.sha256
    )
    hasher = Hasher(bytes.fromhex(schemes.hash_key(bank.project.pk)))
    kept = str(hasher.hashed("terminal", np.array(["4111"]))[0])
    bank.store(paid(1, "C-1", terminal=kept))
    (found,) = lookup(bank.actor("viewer"), bank.project, "4111")
    assert (found.name, found.exact) == (kept, True)
    page = bank.client("viewer").get(bank.url("entities/?q=4111")).content.decode()
    assert kept in page
    address = f"/api/v1/fraud/entities/terminal/4111?project={bank.project.slug}"
    assert bank.client("viewer").get(address).json()["key"] == kept
    for type_, key in (("customer", "4111"), ("terminal", "4112")):
        other = f"/api/v1/fraud/entities/{type_}/{key}?project={bank.project.slug}"
        assert bank.client("viewer").get(other).status_code == 404


def test_the_bar_opens_the_only_one_and_lists_several(bank: Bank) -> None:
    bank.store(paid(1, "C-1"), paid(2, "C-22"))
    client = bank.client("viewer")
    search = reverse("console:search", args=[bank.project.slug])
    answer = client.get(search, {"q": "C-22"})
    assert answer.status_code == 302
    assert "key=C-22" in answer["Location"]
    html = client.get(search, {"q": "C-"}).content.decode()
    assert "C-1" in html
    assert "C-22" in html
    assert client.get(search, {"q": "T-1"}).status_code == 302


def test_a_case_is_found_by_its_number(bank: Bank) -> None:
    bank.store(paid(1, "C-1"))
    case = bank.case("C-1")
    (found,) = lookup(bank.actor("viewer"), bank.project, str(case.number))
    assert found.url.endswith(f"/cases/{case.number}/")


def test_nothing_of_another_project_is_found(bank: Bank) -> None:
    bank.store(paid(1, "C-1"))
    assert lookup(bank.actor("stranger"), bank.other, "C-1") == []
    assert lookup(bank.actor("stranger"), bank.other, "T-1") == []


@pytest.mark.parametrize("text", ["", "   ", "\x00", "%", "_", "'; --", "\ud800", "x" * 5_000])
def test_odd_text_finds_nothing_and_breaks_nothing(bank: Bank, text: str) -> None:
    bank.store(paid(1, "C-1"))
    assert lookup(bank.actor("viewer"), bank.project, text) == []
