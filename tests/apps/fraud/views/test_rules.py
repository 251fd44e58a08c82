"""Rules are written in the page, counted on yesterday, kept in versions and let decide."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from apps.fraud.models import RuleSet
from apps.fraud.services import deciding, rules
from apps.fraud.services.errors import Taken
from loupe.audit.models import Event
from loupe.host.models import operating_point
from loupe.testing import factories
from tests.apps.fraud.bank import Bank, paid

RULE = {
    "key": "large_at_night",
    "when": "amount >= 500 EUR and\nhour < 6",
    "outcome": "block",
    "en": "a large payment at night",
    "zh": "夜间大额交易",
    "active": "yes",
    "seen": "0",
    "instead_of": "",
}


@pytest.fixture
def modelled(bank: Bank) -> Bank:
    factories.model_version(None, "fraud", "payments")
    return bank


def saved(bank: Bank, **changed: str) -> Any:
    return bank.client("engineer").post(bank.url("rules/save"), {**RULE, **changed})


def test_a_rule_is_saved_as_a_version_and_decides_only_when_it_is_let(modelled: Bank) -> None:
    assert saved(modelled).status_code == 302
    kept = RuleSet.objects.get()
    assert (kept.number, kept.who, kept.note) == (1, "user:engineer", "Added large_at_night")
    assert [rule["key"] for rule in kept.data] == [
        "on_block_list",
        "on_watch_list",
        "on_allow_list",
        "large_at_night",
    ]
    actor = modelled.actor("engineer")
    assert deciding.now(actor, modelled.project).point.rules_version == 0
    page = modelled.client().get(modelled.url("rules/")).content.decode()
    assert "Version 1 is saved and does not decide yet" in page
    client = modelled.client("engineer")
    done = client.post(modelled.url("rules/act"), {"verb": "use", "number": "1"}, follow=True)
    assert b"Version 1 decides from now on" in done.content
    present = deciding.now(actor, modelled.project)
    assert present.point.rules_version == 1
    assert present.point.rules[-1].when == RULE["when"]
    # A decision names its operating point, which says the version.
    modelled.point = present.point
    block = modelled.store(paid(1, amount=60_000, amount_original=60_000, event_time=3_600_000))
    _columns, decided = block.read()
    assert decided.label.tolist() == ["rule.large_at_night"]
    said = list(Event.objects.filter(project=modelled.project).values_list("action", flat=True))
    assert {"rules.saved", "operating_point.set"} <= set(said)


def test_rules_go_on_when_another_model_is_promoted(modelled: Bank) -> None:
    saved(modelled)
    actor = modelled.actor("engineer")
    rules.use(actor, modelled.project, 1)
    other = factories.model_version(modelled.project, "fraud", "ours")
    data = operating_point(other, modelled.project).data
    assert (data["rules_version"], data["rules"][-1]["key"]) == (1, "large_at_night")


def test_what_goes_wrong_is_told_by_line_and_column_in_the_readers_language(bank: Bank) -> None:
    client = bank.client("engineer")
    text = "amount >= 500 EUR and\n  amout > 2 EUR"
    told = client.post(bank.url("rules/check"), {"when": text}).json()
    assert (told["ok"], told["line"], told["column"]) == (False, 2, 3)
    assert told["error"].startswith("Line 2, column 3: ")
    assert "Did you mean amount?" in told["error"]
    chinese = client.post(
        bank.url("rules/check"), {"when": text}, headers={"accept-language": "zh-hans"}
    ).json()
    assert "是不是 amount？" in chinese["error"]
    good = client.post(bank.url("rules/check"), {"when": "amount>=500 EUR"}).json()
    assert (good["written"], good["said"]) == (
        "amount >= 500 EUR",
        "the amount is at least 500 EUR",
    )


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"when": "amount >= "}, "Character 10"),
        ({"when": "features.no_such > 1"}, "no_such"),
        ({"key": "Large"}, "is not of the form"),
        ({"key": "on_watch_list"}, "already"),
        ({"outcome": "block", "wins": "yes"}, "only an approval wins"),
        ({"seen": "7"}, "Somebody else saved a version meanwhile"),
    ],
)
def test_a_rule_that_cannot_be_is_refused_and_the_form_stays(
    modelled: Bank, changed: dict[str, str], words: str
) -> None:
    answer = saved(modelled, **changed)
    assert answer.status_code == 200
    assert words in answer.content.decode().replace("&#x27;", "'")
    assert "夜间大额交易" in answer.content.decode()
    assert RuleSet.objects.count() == 0


def test_live_counts_are_of_yesterday_with_what_only_this_rule_holds_for(bank: Bank) -> None:
    noon = timezone.now().replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=1)
    at = int(noon.timestamp() * 1000)
    rows = [paid(n, amount=10_000 * n, event_time=at + n, known_at=at) for n in range(1, 9)]
    older = [paid(100 + n, amount=90_000, event_time=at - 3 * 86_400_000) for n in range(5)]
    bank.store(*older)
    bank.store(*rows)
    asked = {**RULE, "when": "amount >= 500 EUR"}
    told = bank.client("engineer").post(bank.url("rules/count"), asked).json()
    assert (told["rows"], told["yesterday"], told["day"]) == (8, True, noon.date().isoformat())
    mine = told["counts"][-1]
    assert (mine["hits"], mine["alone"], mine["amount"]) == (4, 4, 10_000 * (5 + 6 + 7 + 8))
    all_of = bank.client("viewer").get(bank.url("rules/counts")).json()
    assert [one["hits"] for one in all_of["counts"]] == [0, 0, 0]


def test_without_a_row_yesterday_the_last_day_is_counted_and_said(bank: Bank) -> None:
    bank.store(*(paid(n, amount=60_000) for n in range(3)))
    told = bank.client("engineer").post(
        bank.url("rules/count"), {**RULE, "when": "amount >= 500 EUR"}
    )
    found = told.json()
    assert (found["rows"], found["yesterday"], found["day"]) == (3, False, "2026-03-03")
    bad = bank.client("engineer").post(bank.url("rules/count"), {**RULE, "when": "amount >"})
    assert bad.json()["code"] == "invalid"


def test_versions_are_compared_and_an_earlier_one_comes_back(modelled: Bank) -> None:
    saved(modelled)
    changed = {**RULE, "when": "amount >= 900 EUR", "seen": "1", "instead_of": "large_at_night"}
    modelled.client("engineer").post(modelled.url("rules/save"), changed)
    act = {"verb": "pause", "key": "on_watch_list", "seen": "2"}
    modelled.client("engineer").post(modelled.url("rules/act"), act)
    page = modelled.client("viewer").get(modelled.url("rules/versions")).content.decode()
    assert "<ins>amount &gt;= 900 EUR</ins>" in page
    assert "<del>True</del> → <ins>False</ins>" in page
    back = {"verb": "restore", "number": "1", "seen": "3"}
    modelled.client("engineer").post(modelled.url("rules/act"), back)
    newest = RuleSet.objects.order_by("-number").first()
    assert newest is not None
    assert (newest.number, newest.note) == (4, "Version 1 again")
    assert newest.data == RuleSet.objects.get(number=1).data
    with pytest.raises(Taken, match="Nothing differs"):
        rules.restore(modelled.actor("engineer"), modelled.project, 1, 4)


def test_only_engineers_change_rules_and_strangers_see_none(modelled: Bank) -> None:
    assert modelled.client().post(modelled.url("rules/save"), RULE).status_code == 403
    assert modelled.client().post(modelled.url("rules/count"), RULE).status_code == 403
    assert modelled.client("viewer").get(modelled.url("rules/")).status_code == 200
    assert modelled.client("viewer").get(modelled.url("rules/edit")).status_code == 403
    assert modelled.client("stranger").get(modelled.url("rules/")).status_code == 404
    html = modelled.client("engineer").get(modelled.url("rules/edit")).content.decode()
    assert "features.customer_count_1h" in html
    assert "<script>" not in html
    assert " style=" not in html
    assert json.dumps(RULE["key"]) not in html
