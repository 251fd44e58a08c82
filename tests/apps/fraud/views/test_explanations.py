"""An alert's page offers a second opinion, follows the worker, and says what was found in words."""

import json
import re

import pytest

from apps.fraud.models import AlertExplanation
from apps.fraud.services import explanation_work
from apps.fraud.services.explanation_shown import odds
from tests.apps.fraud.bank import Bank
from tests.apps.fraud.services.explained import Explained, bank_of


@pytest.fixture
def explained(bank: Bank) -> Explained:
    return bank_of(bank)


def test_it_is_asked_for_followed_and_read_on_the_page(bank: Bank, explained: Explained) -> None:
    client, alert = bank.client(), bank.alert("C-17")
    page = client.get(bank.url(f"alerts/{alert.pk}/")).content.decode()
    assert "Not asked for yet" in page
    assert "cytoscape_stylesheet" in page
    asked = client.post(bank.url(f"alerts/{alert.pk}/explain"), {"transaction": "E-119"})
    row = AlertExplanation.objects.get()
    assert asked.headers["Location"].endswith(f"?explained={row.pk}#explanation")
    live = bank.url(f"alerts/{alert.pk}/live?explained={row.pk}")
    waiting = client.get(live).content.decode()
    assert 'hx-trigger="every 1s"' in waiting
    assert "A worker is explaining E-119" in waiting
    explanation_work.turn(row.pk)
    row.refresh_from_db()
    assert row.told is not None
    found = client.get(live).content.decode()
    assert "hx-trigger" not in found
    lime = row.told["explanation"]["lime"]
    assert f"R² {lime['r2']:.2f}" in found
    assert f"agreement {lime['agreement']:.2f} of 1" in found
    assert f"seed {lime['seed']}" in found
    assert odds(row.told["compared"][0]["exact"]) in found
    assert " style=" not in found
    drawn = re.search(r'<script type="application/json">(.*?)</script>', found)
    assert drawn is not None
    graph = json.loads(drawn.group(1))
    (me,) = [node for node in graph["nodes"] if node["place"] == "self"]
    carried = [one for one in row.told["subgraph"]["carried"] if abs(one["weight"]) >= 0.005]
    names = {node["key"] for node in graph["nodes"]}
    assert me["key"] == "C-17"
    assert {one["neighbour"]["payer"] for one in carried} <= names
    # The table says the same as the picture.
    rows = re.findall(r"C-\d+\s*</a>", found)
    assert len(rows) == len(carried)
    # The page as a whole has it too, and in Chinese.
    chinese = client.get(
        bank.url(f"alerts/{alert.pk}/"), headers={"accept-language": "zh-hans"}
    ).content.decode()
    assert "精确贡献" in chinese


def test_viewers_read_it_and_do_not_ask(bank: Bank, explained: Explained) -> None:
    alert = bank.alert("C-17")
    assert bank.client("viewer").post(bank.url(f"alerts/{alert.pk}/explain")).status_code == 403
    page = bank.client("viewer").get(bank.url(f"alerts/{alert.pk}/")).content.decode()
    assert 'id="explain"' not in page
    assert bank.client("stranger").get(bank.url(f"alerts/{alert.pk}/live")).status_code == 404


@pytest.mark.parametrize(
    ("weight", "said"),
    [(0.0, "× 1"), (0.693147, "× 2"), (-0.693147, "÷ 2"), (2.5, "× 12"), (-6.0, "÷ 403")],
)
def test_log_odds_are_said_as_factors(weight: float, said: str) -> None:
    assert odds(weight) == said
