"""Rings have names that people can read, on every page; a case about one shows its graph."""

import json
import re
from dataclasses import replace

import pytest
from lxml import etree

from apps.fraud.models import Alert, Case
from apps.fraud.printing.xml import NAMESPACE
from apps.fraud.rings.told import Tie
from apps.fraud.scheme import CARD_PAYMENTS
from apps.fraud.services import ringing
from tests.apps.fraud.bank import Bank, paid
from tests.apps.fraud.services.test_ringing import RING

NAME = "3 customers share 1 device"
CHINESE = "3 个客户共用 1 个设备"


@pytest.fixture
def ringed(bank: Bank) -> Bank:
    bank.store(paid(1, "C-1", device="d-1"), paid(2, "C-9"))
    ringing.raise_rings(bank.project.pk, CARD_PAYMENTS, [RING])
    return bank


def case_of(bank: Bank, *alerts: Alert) -> Case:
    bank.client().post(
        bank.url("alerts/act"), {"alert": [one.pk for one in alerts], "verb": "case"}
    )
    return Case.objects.get(project=bank.project)


def drawn(html: str) -> dict[str, list[dict[str, str]]]:
    found = re.search(r'<script id="graph-data" type="application/json">(.*?)</script>', html)
    assert found is not None
    told: dict[str, list[dict[str, str]]] = json.loads(found[1])
    return told


@pytest.mark.parametrize(("language", "name"), [("en", NAME), ("zh-hans", CHINESE)])
def test_a_ring_is_called_by_its_name_in_queue_alert_and_case(
    ringed: Bank, language: str, name: str
) -> None:
    alert = Alert.objects.get(kind="ring")
    client = ringed.client()
    client.cookies["django_language"] = language
    client.post(ringed.url("alerts/act"), {"alert": alert.pk, "verb": "case"})
    case = Case.objects.get()
    assert case.title == name
    for page in ("alerts/?state=all", f"alerts/{alert.pk}/", f"cases/{case.number}/", "cases/"):
        html = client.get(ringed.url(page)).content.decode()
        assert name in html
        assert f"> {RING.key}<" not in html


def test_a_case_about_a_ring_shows_who_hangs_together_and_what_is_shared(ringed: Bank) -> None:
    case = case_of(ringed, Alert.objects.get(kind="ring"))
    html = ringed.client("viewer").get(ringed.url(f"cases/{case.number}/")).content.decode()
    data = drawn(html)
    assert {node["key"] for node in data["nodes"]} == {"C-1", "C-2", "C-3", "d-1"}
    assert len(data["edges"]) == 3
    assert "cytoscape.min.js" in html
    assert "What they share" in html


def test_rings_of_one_case_hang_together_where_they_share_something(ringed: Bank) -> None:
    other = replace(
        RING, key="9999", members=("C-7", "C-8"),
        ties=(Tie("device", "C-7", "d-1", 1, 10), Tie("pays", "C-7", "C-8", 2, 500)),
    )  # fmt: skip
    ringing.raise_rings(ringed.project.pk, CARD_PAYMENTS, [other])
    case = case_of(ringed, *Alert.objects.filter(kind="ring"))
    html = ringed.client().get(ringed.url(f"cases/{case.number}/")).content.decode()
    data = drawn(html)
    keys = [node["key"] for node in data["nodes"]]
    assert sorted(keys) == ["C-1", "C-2", "C-3", "C-7", "C-8", "d-1"]
    assert len(data["edges"]) == 5
    assert "Money among members" in html


def test_a_case_of_a_ring_alone_does_not_promise_labels(ringed: Bank) -> None:
    case = case_of(ringed, Alert.objects.get(kind="ring"))
    html = ringed.client().get(ringed.url(f"cases/{case.number}/")).content.decode()
    assert "so nothing is labelled" in html
    assert "Every transaction gets this label" not in html


def test_a_case_without_a_ring_has_no_graph(ringed: Bank) -> None:
    case = case_of(ringed, Alert.objects.get(entity_key="C-9"))
    html = ringed.client().get(ringed.url(f"cases/{case.number}/")).content.decode()
    assert "graph-data" not in html
    assert "cytoscape" not in html


def test_a_ring_leaves_with_its_members_as_xml_and_pdf(ringed: Bank) -> None:
    case = case_of(ringed, Alert.objects.get(kind="ring"))
    client = ringed.client("admin")
    answer = client.get(ringed.url(f"cases/{case.number}/export/xml"))
    assert answer.status_code == 200
    ring = etree.fromstring(answer.content).find(f".//{{{NAMESPACE}}}ring")
    assert ring is not None
    told = {child.tag.split("}")[1]: child for child in ring}
    assert [child.text for child in told["name"]] == [NAME, CHINESE]
    members = [child for child in ring if child.tag.endswith("member")]
    assert [(one.text, one.get("type")) for one in members] == [
        ("C-1", "customer"), ("C-2", "customer"), ("C-3", "customer"),
    ]  # fmt: skip
    assert client.get(ringed.url(f"cases/{case.number}/export/pdf")).content.startswith(b"%PDF")


def test_rest_tells_a_rings_name(ringed: Bank) -> None:
    answer = ringed.client("viewer").get(f"/api/v1/fraud/rings?project={ringed.project.slug}")
    (ring,) = answer.json()["rings"]
    assert ring["name"] == {"en": NAME, "zh": CHINESE}
    assert ring["key"] == RING.key
