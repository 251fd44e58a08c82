"""The workspace calls an app's work by the app's own words."""

import dataclasses

import pytest

from loupe.accounts.policy import SYSTEM
from loupe.contract.extras import WorkWords
from loupe.contract.text import Text
from loupe.datasets import services as datasets
from loupe.plugins import registry
from loupe.testing import factories
from loupe.uploads import services as uploads
from tests.host.console.conftest import APP, House

WORDS = WorkWords(
    start=Text(en="Weigh it", zh="称重"),
    name_hint=Text(en="Optional, for instance the shelf", zh="可选，例如货架"),
)


@pytest.fixture
def weighing(house: House, monkeypatch: pytest.MonkeyPatch) -> House:
    domain = registry.get(APP)
    monkeypatch.setattr(domain, "pages", dataclasses.replace(domain.pages, words=WORDS))
    return house


@pytest.mark.parametrize(("language", "at"), [("en", 0), ("zh-hans", 1)])
def test_the_button_the_hint_and_the_messages_say_the_apps_words(
    weighing: House, language: str, at: int
) -> None:
    html = weighing.client(**{"Accept-Language": language}).get(weighing.app()).content.decode()
    assert ("Weigh it</button>", "称重</button>")[at] in html
    assert ("for instance the shelf", "例如货架")[at] in html
    assert ("press “Weigh it” again", "请再点“称重”")[at] in html
    assert "Inspect" not in html


def test_an_unfinished_upload_says_what_to_press(weighing: House) -> None:
    actor = factories.actor(weighing.people["admin"])
    uploads.create(actor, weighing.project, length=10, name="big.json", metadata={"app": APP})
    html = weighing.client().get(weighing.app()).content.decode()
    assert "press “Weigh it”: only what is missing" in html


def test_an_app_without_words_of_its_own_inspects(house: House) -> None:
    html = house.client().get(house.app()).content.decode()
    assert "Inspect</button>" in html
    assert "for instance the lot" in html


def test_importing_records_into_a_dataset_is_called_that(house: House) -> None:
    dataset = datasets.create(SYSTEM, house.project, APP, "readings")
    html = house.client().get(house.url(f"datasets/{dataset.pk}/add/")).content.decode()
    assert "press “Import” again" in html
