"""Every installed app passes the suite; every SHALL of the documentation has a test."""

import re
from pathlib import Path

from loupe.contract.discovery import declared
from loupe.testing.conformance import AppConformance

DOCUMENT = Path(__file__).parents[3] / "docs" / "app_contract.md"


class TestConformance(AppConformance):
    """The suite, over every app this environment has."""


def test_the_probes_are_among_the_apps_tested() -> None:
    assert {"dummy_app", "stateful_probe", "heavy_probe"} <= set(declared())


def test_every_shall_has_a_test_of_its_number() -> None:
    promised = set(re.findall(r"^\* \*\*(C\d+)\*\*", DOCUMENT.read_text(), re.MULTILINE))
    tested = {
        name.split("_")[1].upper() for name in dir(AppConformance) if name.startswith("test_c")
    }
    assert promised == tested
    assert len(promised) >= 20
