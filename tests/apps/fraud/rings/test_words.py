"""A ring is called by what ties its members, in both languages."""

from typing import Any

import pytest

from apps.fraud.rings.words import counted, ring_name
from apps.fraud.scheme import CARD_PAYMENTS


def tie(relation: str, left: str, right: str) -> dict[str, Any]:
    return {"relation": relation, "left": left, "right": right, "count": 2, "amount": 100}


def ring(members: int, *ties: dict[str, Any]) -> dict[str, Any]:
    return {"payer": "customer", "members": [f"C-{n}" for n in range(members)], "ties": [*ties]}


def test_what_all_members_share_names_the_ring() -> None:
    ties = [tie("device", f"C-{n}", "d-1") for n in range(3)]
    told = ring_name(ring(3, *ties), CARD_PAYMENTS)
    assert told["en"] == "3 customers share 1 device"
    assert told["zh"] == "3 个客户共用 1 个设备"


def test_two_kinds_of_things_are_told_those_with_more_members_first() -> None:
    ties = [tie("address", f"C-{n}", f"a-{n // 2}") for n in range(4)]
    ties += [tie("device", "C-0", "d-1"), tie("device", "C-1", "d-1")]
    told = ring_name(ring(4, *ties), CARD_PAYMENTS)
    assert told["en"].startswith("4 customers share 2 ")
    assert told["en"].endswith("and 1 device")
    assert told["zh"] == "4 个客户共用 2 个 IP 地址和 1 个设备"


def test_members_who_do_not_share_are_not_said_to() -> None:
    told = ring_name(ring(5, *(tie("device", f"C-{n}", "d-1") for n in range(3))), CARD_PAYMENTS)
    assert told["en"] == "5 customers around 1 device"
    assert told["zh"].startswith("围绕")


def test_what_one_member_alone_uses_is_not_shared() -> None:
    told = ring_name(ring(2, tie("device", "C-0", "d-1"), tie("pays", "C-0", "C-1")), CARD_PAYMENTS)
    assert told == {"en": "2 customers pay each other", "zh": "2 个客户相互转账"}


def test_an_unknown_type_and_a_ring_without_ties_have_names_too() -> None:
    told = ring_name({"payer": "wallet", "members": ["a", "b"], "ties": []}, CARD_PAYMENTS)
    assert told["en"] == "2 wallets act together"
    assert ring_name({}, CARD_PAYMENTS)["zh"] == "0 个成员共同行动"


@pytest.mark.parametrize(
    ("noun", "count", "said"),
    [
        ("Address", 2, "addresses"),
        ("IP address", 1, "IP address"),
        ("Device", 2, "devices"),
        ("Party", 2, "parties"),
        ("Key", 2, "keys"),
    ],
)
def test_nouns_stand_in_sentences(noun: str, count: int, said: str) -> None:
    assert counted(noun, count) == said
