"""Payments to look at: customers with habits, a device that many share, alerts, cases, lists."""

import random
from datetime import timedelta

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from apps.fraud.models import Alert
from apps.fraud.schema import ScoredTransaction
from apps.fraud.services import alerts, cases, lists
from loupe.accounts.models import Project
from loupe.accounts.policy import Actor
from tests.apps.fraud.bank import Bank, paid

DAYS = 10
LONG = "customer-" + "sehr-lange-kennung-" * 9


def fill(project: Project, anna: User, second: User) -> None:
    """Ten days of payments in blocks of a day, and what an analyst did with them."""
    bank = Bank(project=project, other=project, people={"admin": anna})
    dice = random.Random(11)
    now = int(timezone.now().timestamp() * 1000)
    with transaction.atomic():
        for day in range(DAYS, 0, -1):
            bank.store(*(_one(dice, now, day, number) for number in range(60)))
    actor = Actor(user=anna)
    chosen = list(Alert.objects.filter(project=project).order_by("-score", "-pk")[:9])
    first = cases.open_case(actor, project, chosen[:3])
    cases.note(actor, first, "Called the customer: the card was with her all day.")
    cases.note(actor, first, "The terminal belongs to a shop that opened last week.")
    second_case = cases.open_case(actor, project, chosen[3:5], "Shared phone in Halle 3")
    cases.hand_over(actor, second_case, second, "Two of five accounts are called; go on with C-31.")
    closed = cases.open_case(actor, project, chosen[5:6])
    cases.close(actor, closed, "honest", "A hotel that charges late.")
    alerts.close(actor, project, chosen[6:7], "fraud", "Chargeback came")
    alerts.assign(actor, project, chosen[7:8], second)
    soon = timezone.now() + timedelta(days=3)
    watch = lists.find(actor, project, "watch")
    lists.add(actor, watch, type_="device", key="phone-7", reason="Used by five accounts")
    lists.add(
        actor, watch, type_="customer", key="C-17", reason="New phone, new city", expires_at=soon
    )
    lists.add(
        actor,
        lists.find(actor, project, "snooze"),
        type_="customer",
        key="C-88",
        reason="On holiday, told us",
        expires_at=soon,
    )


def _one(dice: random.Random, now: int, day: int, number: int) -> ScoredTransaction:
    customer = dice.randrange(120)
    bad = dice.random() < 0.035
    name = LONG if customer == 119 else f"C-{customer}"
    device = f"phone-{customer}" if dice.random() < 0.8 else ""
    if bad or customer in (7, 31, 45, 62, 80):
        device = "phone-7"
    score = dice.betavariate(14, 1) if bad else dice.betavariate(1, 12)
    amount = int(dice.lognormvariate(8.2, 0.9)) + (30_000 if bad else 0)
    serial = day * 1000 + number
    return paid(
        serial,
        name,
        event_time=now - day * 86_400_000 + number * 900_000,
        known_at=now - day * 86_400_000 + number * 900_000 + 180,
        amount=amount,
        amount_original=amount,
        score=round(score, 5),
        terminal=f"M-{dice.randrange(30)}",
        device=device,
        address=f"203.0.113.{dice.randrange(40)}",
        attributes={"country": dice.choice(["DE", "FR", "CN"]), "channel": "web"},
        features={"customer_count_1h": float(dice.randrange(9)), "device_fan_in": 5.0},
        history=dice.randrange(60),
        reasons={"1": "customer_count_1h", "2": "device_fan_in"} if bad else {},
        weights={"1": 1.4, "2": 0.6} if bad else {},
    )
