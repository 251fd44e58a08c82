"""What senders may say: products and stations that exist, completed by what runs."""

from datetime import datetime

import pytest

from apps.defect_detection.services import products, stations
from apps.defect_detection.services.facts import check
from apps.defect_detection.services.stations import shift_began
from loupe.accounts.policy import SYSTEM
from loupe.contract.facts import FactRefused
from tests.apps.defect_detection.parts.conftest import Plant


def test_a_station_alone_says_product_and_lot(plant: Plant) -> None:
    stations.run(SYSTEM, plant.station, plant.product, "L7")
    assert check(plant.project.pk, {"station": "line-1"}) == {
        "station": "line-1",
        "product": "bracket",
        "lot": "L7",
    }
    said = check(plant.project.pk, {"station": "line-1", "lot": "L8"})
    assert said["lot"] == "L8"


def test_another_product_at_the_station_does_not_take_its_lot(plant: Plant) -> None:
    products.create(SYSTEM, plant.project, key="lid", name="Lid")
    stations.run(SYSTEM, plant.station, plant.product, "L7")
    said = check(plant.project.pk, {"station": "line-1", "product": "lid"})
    assert said == {"station": "line-1", "product": "lid"}


@pytest.mark.parametrize(
    ("facts", "field", "sentence"),
    [
        ({"product": "nothing"}, "product", "no product 'nothing'; there are: bracket"),
        ({"station": "nowhere"}, "station", "no station 'nowhere'; there are: line-1"),
        ({"serial": "S1"}, "product", "belongs to no product"),
    ],
)
def test_what_does_not_exist_is_refused_with_what_does(
    plant: Plant, facts: dict[str, str], field: str, sentence: str
) -> None:
    with pytest.raises(FactRefused, match=sentence) as refused:
        check(plant.project.pk, facts)
    assert refused.value.field == field


def test_an_archived_product_cannot_be_named(plant: Plant) -> None:
    products.change(SYSTEM, plant.product, archived=True)
    with pytest.raises(FactRefused, match="no product 'bracket'; there are: none"):
        check(plant.project.pk, {"product": "bracket"})


@pytest.mark.parametrize(
    ("now", "began"),
    [
        ("2026-03-05T07:00:00+08:00", "2026-03-05T06:00:00+08:00"),
        ("2026-03-05T05:59:59+08:00", "2026-03-04T22:00:00+08:00"),
        ("2026-03-05T22:00:00+08:00", "2026-03-05T22:00:00+08:00"),
    ],
)
def test_a_shift_begins_by_the_clock_on_the_projects_wall(
    plant: Plant, now: str, began: str
) -> None:
    assert shift_began(plant.station, datetime.fromisoformat(now)) == datetime.fromisoformat(began)
