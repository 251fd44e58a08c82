"""The entity index: counts as a plain loop would have them, whatever the blocks."""

from collections import defaultdict
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.fraud.models import Alert, Entity, EntityLink
from apps.fraud.services import entities
from apps.fraud.services.history import block_ids
from tests.apps.fraud.bank import Bank, paid

NAMES = st.sampled_from(["", "a", "b", "A", "Ä", "c/d", "很长"])
ROW = st.tuples(NAMES, NAMES, NAMES, st.sampled_from([0.01, 0.75, 0.95, 0.999]))


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(blocks=st.lists(st.lists(ROW, min_size=1, max_size=6), min_size=1, max_size=3))
def test_the_index_equals_a_plain_count(bank: Bank, blocks: list[list[Any]]) -> None:
    Entity.objects.all().delete()
    number = 0
    wanted: dict[tuple[str, str], list[Any]] = defaultdict(lambda: [0, 0, 0, 0.0, [], set()])
    links: dict[tuple[str, str, str], int] = defaultdict(int)
    for rows in blocks:
        made = []
        for customer, device, address, score in rows:
            number += 1
            made.append(
                paid(
                    number, customer, terminal="", device=device, address=address, score=score,
                    amount=number,
                )
            )  # fmt: skip
        block = bank.store(*made)
        for one in made:
            flagged = one.score >= 0.9
            for type_, key in one.entities.items():
                kept = wanted[type_, key]
                kept[0] += 1
                kept[1] += flagged
                kept[2] += one.amount
                kept[3] = max(kept[3], one.score)
                kept[4].append(one.event_time)
                kept[5].add(block.block_id)
                if type_ != "customer" and "customer" in one.entities:
                    links[one.entities["customer"], type_, key] += 1
    found = {(row.type, row.key): row for row in Entity.objects.all()}
    assert set(found) == set(wanted)
    for place, (count, flagged, amount, score, times, held) in wanted.items():
        row = found[place]
        assert (row.count, row.flagged, row.amount, row.score) == (count, flagged, amount, score)
        assert (row.first_ms, row.last_ms) == (min(times), max(times))
        assert list(block_ids(row.blocks)) == sorted(held, reverse=True)
    stored = EntityLink.objects.values_list("payer__key", "other__type", "other__key", "count")
    assert {(a, b, c): n for a, b, c, n in stored} == dict(links)


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
        update={"refused": "duplicate_id", "sequence": -1, "score": float("nan")}
    )
    bank.store(first, again, refused)
    entity = Entity.objects.get(project=bank.project, type="customer", key="C-9")
    assert entity.count == 1
    alert = Alert.objects.get(project=bank.project)
    assert alert.hits == 1
