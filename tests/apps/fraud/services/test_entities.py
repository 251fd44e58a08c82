"""Entities are found by any identifier, with what stands around them."""

from apps.fraud.models import Alert
from apps.fraud.services import entities, history
from tests.apps.fraud.bank import Bank, paid


def test_any_identifier_is_found_from_its_beginning(bank: Bank) -> None:
    bank.store(
        paid(1, "C-100", device="dev-1"),
        paid(2, "C-101", device="dev%2"),
        paid(3, "用户-1", device="dev_3"),
    )

    def found(text: str, type_: str = "") -> list[str]:
        rows = entities.search(bank.actor("viewer"), bank.project, text, type_)
        return [row.key for row in rows]

    assert found("C-10") == ["C-100", "C-101"]
    assert found("dev%") == ["dev%2"]
    assert found("dev_") == ["dev_3"]
    assert found("用户") == ["用户-1"]
    assert found("M-", "terminal") == ["M-1"]
    assert found("M-", "device") == []
    assert found("-100") == []


def test_the_neighbourhood_shows_who_shares_a_device(bank: Bank) -> None:
    bank.store(paid(1, "C-1", device="d"), paid(2, "C-2", device="d", score=0.1), paid(3, "C-3"))
    entity = entities.find(bank.actor("viewer"), bank.project, "customer", "C-1")
    around = entities.neighbourhood(entity)
    places = {node["key"]: node["place"] for node in around.nodes.values()}
    assert places == {"C-1": "self", "d": "near", "C-2": "far"}
    assert len(around.edges) == 2
    assert around.nodes[str(entity.pk)]["alerted"]


def test_a_device_of_a_thousand_payers_stays_drawable(bank: Bank) -> None:
    bank.store(*(paid(n, f"C-{n}", device="hub", score=0.1) for n in range(1000)))
    entity = entities.find(bank.actor("viewer"), bank.project, "customer", "C-7")
    around = entities.neighbourhood(entity)
    assert len(around.nodes) <= entities.MOST_USERS + 3
    assert around.hidden == 1000 - 1 - entities.MOST_USERS


def test_what_was_refused_or_came_again_counts_nothing_and_alerts_nobody(bank: Bank) -> None:
    first = paid(1, "C-9")
    again = first.model_copy(update={"repeated": True})
    refused = paid(2, "C-9").model_copy(
        update={"refused": "duplicate_id", "sequence": -1, "score": 0.0}
    )
    bank.store(first, again, refused)
    entity = entities.find(bank.actor("viewer"), bank.project, "customer", "C-9")
    assert entity.count == 1
    assert [past.data.id for past in history.of(entity)] == [refused.id, first.id]
    alert = Alert.objects.get(project=bank.project)
    assert alert.hits == 1
