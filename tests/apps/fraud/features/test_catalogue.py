"""What is said of features: complete, in two languages, and the same in the documentation."""

import os
import re
import subprocess
import sys

import pytest

from apps.fraud.features.__main__ import main, table
from apps.fraud.features.catalogue import FLAT, GRAPH, GROUPS, HANDBOOK, catalogue
from apps.fraud.scheme import CARD_PAYMENTS, DAY, Attribute, EntityType, Scheme
from loupe.contract.runtime.errors import InputRefused
from tests.apps.fraud.features.histories import ACCOUNTS, CARDS
from tests.architecture.tree import ROOT

SCHEMES = (CARD_PAYMENTS, CARDS, ACCOUNTS)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_feature_has_a_name_of_its_own_and_words_in_both_languages(scheme: Scheme) -> None:
    features = catalogue(scheme)
    assert len({feature.name for feature in features}) == len(features)
    assert all(re.fullmatch("[a-z][a-z0-9_]*", feature.name) for feature in features)
    assert all(re.search("[\u4e00-\u9fff]", feature.zh) for feature in features)
    assert not any(re.search("[\u4e00-\u9fff{}]", feature.en) for feature in features)
    assert len({feature.en for feature in features}) == len(features)
    assert len({feature.zh for feature in features}) == len(features)


def test_features_come_by_group_and_the_rungs_are_made_of_groups() -> None:
    whole = catalogue(CARD_PAYMENTS)
    assert {feature.group for feature in whole} | {"attributes"} == set(GROUPS)
    flat, graph = catalogue(CARD_PAYMENTS, FLAT), catalogue(CARD_PAYMENTS, GRAPH)
    assert set(flat) < set(graph) < set(whole)
    assert {feature.group for feature in set(whole) - set(graph)} == {"lists"}


def test_the_handbooks_features_are_its_fifteen() -> None:
    names = {feature.name for feature in catalogue(CARD_PAYMENTS, [HANDBOOK])}
    spans = ("1d", "7d", "30d")
    told = ("customer_count", "customer_mean", "terminal_seen", "terminal_risk")
    assert names == {"amount", "night", "weekend"} | {f"{a}_{b}" for a in told for b in spans}


def test_a_group_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(InputRefused, match=r"'speed'; give some of amount, calendar"):
        catalogue(CARD_PAYMENTS, ["speed"])


def test_keys_that_would_make_one_name_twice_are_refused() -> None:
    scheme = Scheme(
        entities=(
            EntityType(key="listed", en="A", zh="甲", role="payer"),
            EntityType(key="shop", en="B", zh="乙", role="payee"),
        ),
        attributes=(Attribute(key="all", en="C", zh="丙"),),
    )
    with pytest.raises(InputRefused, match="two features 'prior_all'"):
        catalogue(scheme)


def test_windows_shorter_than_a_day_are_named_by_their_unit() -> None:
    scheme = CARDS.model_copy(update={"windows": (90, 120, 7_200, 2 * DAY)})
    names = {feature.name for feature in catalogue(scheme, ["velocity"])}
    assert {f"customer_count_{span}" for span in ("90s", "2m", "2h", "2d")} <= names


def test_the_documentation_shows_the_catalogue_as_the_command_prints_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main([]) == 0
    printed = capsys.readouterr().out.strip()
    page = (ROOT / "docs/fraud.md").read_text(encoding="utf-8")
    shown = re.search(r"<!-- features -->\n(.*)\n<!-- /features -->", page, re.DOTALL)
    assert shown
    assert shown[1].strip() == printed == "\n".join(table(CARD_PAYMENTS))


def test_pages_can_name_features_without_loading_a_numerical_library() -> None:
    said = (
        "import sys, apps.fraud.features.catalogue;"
        "print(sorted({'numpy', 'numba', 'torch', 'polars'} & set(sys.modules)))"
    )
    path = os.pathsep.join((str(ROOT / "platform"), str(ROOT)))
    answer = subprocess.run(
        [sys.executable, "-c", said], capture_output=True, text=True, check=True,
        env={"PYTHONPATH": path, "PATH": ""},
    )  # fmt: skip
    assert answer.stdout.strip() == "[]"
