"""Reasons are groups of features, the strongest first, in words with values."""

import json
from pathlib import Path

import numpy as np
import pytest

from apps.fraud.decide import decide
from apps.fraud.explaining.contributions import contributions
from apps.fraud.explaining.paths import Ways
from apps.fraud.explaining.reasons import TOLD, Explainer, reasons
from apps.fraud.explaining.words import GROUP_WORDS, group_of, sentence
from apps.fraud.features.catalogue import NOTHING, catalogue
from apps.fraud.schema import OperatingPoint
from apps.fraud.scheme import CARD_PAYMENTS
from loupe.contract.runtime.errors import ModelRefused
from tests.apps.fraud.explaining.made import NAMES, model, saved, table
from tests.apps.fraud.rules.made import transactions


@pytest.fixture(scope="module")
def explainer() -> Explainer:
    return Explainer(Ways.from_xgboost(saved(model())), NAMES)


def test_columns_name_the_groups_that_raised_the_score(explainer: Explainer) -> None:
    x = table(40, seed=2)
    told = explainer.columns(x)
    added = contributions(x, explainer.ways)
    for row in range(len(x)):
        sums: dict[str, float] = {}
        for name, one in zip(NAMES, added[row], strict=True):
            sums[group_of(name)] = sums.get(group_of(name), 0.0) + one
        expected = sorted((one for one in sums.items() if one[1] > 0), key=lambda one: -one[1])
        found = [
            (group_of(str(told[f"reasons.{n}"][row])), told[f"weights.{n}"][row])
            for n in range(1, TOLD + 1)
            if told[f"reasons.{n}"][row]
        ]
        assert [group for group, _ in found] == [group for group, _ in expected[:TOLD]]
        np.testing.assert_allclose([w for _, w in found], [w for _, w in expected[:TOLD]])


def test_only_the_rows_of_the_mask_are_explained(explainer: Explainer) -> None:
    x = table(30, seed=3)
    mask = np.arange(30) % 3 == 0
    told = explainer.columns(x, mask)
    assert (told["reasons.1"][~mask] == "").all()
    assert np.isnan(told["weights.1"][~mask]).all()
    whole = explainer.columns(x)
    assert told["reasons.1"][mask].tolist() == whole["reasons.1"][mask].tolist()
    listed = reasons({f"feature.{n}": x[:, at] for at, n in enumerate(NAMES)}, mask, explainer)
    assert listed[1] == []
    assert listed[0][0] == (told["reasons.1"][0], told["weights.1"][0])
    nobody = explainer.columns(x[:0])
    assert {len(column) for column in nobody.values()} == {0}


def test_all_groups_of_a_row_add_up_to_its_margin(explainer: Explainer) -> None:
    row = table(1, seed=8)[0]
    groups = explainer.one(row)
    total = contributions(row[None], explainer.ways)[0].sum()
    assert sum(one.weight for one in groups) == pytest.approx(total)
    assert [one.weight for one in groups] == sorted((g.weight for g in groups), reverse=True)
    assert {one.group for one in groups} == {group_of(name) for name in NAMES}


def test_an_artefact_is_opened_and_one_of_other_features_refused(tmp_path: Path) -> None:
    (tmp_path / "forest.json").write_bytes(saved(model()))
    opened = Explainer.open(tmp_path, {"features": list(NAMES)})
    assert opened.names == NAMES
    with pytest.raises(ModelRefused, match="8 features; 2 names"):
        Explainer.open(tmp_path, json.loads('{"features": ["a", "b"]}'))


def test_a_decision_tells_the_reasons_that_were_frozen_with_it(explainer: Explainer) -> None:
    x = table(50, seed=6)
    told = explainer.columns(x)
    row = int(np.flatnonzero(told["reasons.1"] == "customer_count_1h")[0])
    result = transactions(1)[0].model_copy(
        update={
            "score": 0.95,
            "features": {"customer_count_1h": 7.0},
            "reasons": {str(n): str(told[f"reasons.{n}"][row]) for n in range(1, 5)},
            "weights": {str(n): float(told[f"weights.{n}"][row]) for n in range(1, 5)},
        }
    )
    draft = decide(result, OperatingPoint())
    assert draft.reasons[1].code == "velocity"
    assert draft.reasons[1].en == "7 transactions of this customer within 1 hour."


def test_every_feature_of_the_catalogue_has_a_group_and_a_sentence_in_both_languages() -> None:
    features = catalogue(CARD_PAYMENTS)
    values = {feature.name: 3.0 for feature in features}
    for feature in features:
        assert group_of(feature.name) == feature.group, feature.name
        assert feature.group in GROUP_WORDS
        for value in (3.0, 0.25, 1.0, NOTHING, float("nan")):
            words = sentence(feature.name, {**values, feature.name: value}, CARD_PAYMENTS)
            assert words.en.endswith("."), feature.name
            assert words.zh.endswith("。"), feature.name
            assert words.en[0].isupper() or words.en[0].isdigit(), words.en
            assert "{" not in words.en + words.zh
            # Nobody reads "Seconds since … is 988,557" or "different terminal ids … is 3".
            assert not words.en.startswith(("Seconds ", "Number of ", "Different "))
            assert " ids " not in words.en or words.en.startswith("Nothing"), words.en


@pytest.mark.parametrize(
    ("name", "values", "en", "zh"),
    [
        (
            "terminal_risk_7d",
            {"terminal_risk_7d": 0.12, "terminal_seen_7d": 25.0},
            "12 % of 25 transactions of this terminal in 7 days are known frauds.",
            "该终端 7 天内的 25 笔交易中 12 % 为已确认欺诈。",
        ),
        (
            "customer_ratio_7d",
            {"customer_ratio_7d": 8.25},
            "The amount is 8.25 times the mean of earlier ones of this customer within 7 days.",
            "金额是该客户 7 天内此前平均金额的 8.25 倍。",
        ),
        (
            "customer_since",
            {"customer_since": 12.0},
            "12 seconds since the last transaction of this customer.",
            "距该客户上一笔交易 12 秒。",
        ),
        (
            "received_since",
            {"received_since": 988_557.0},
            "This customer was last paid 11 days before.",
            "该客户上次收款是在 11 天前。",
        ),
        (
            "device_met_since",
            {"device_met_since": 5_400.0},
            "This customer last met this device 90 minutes before.",
            "该客户上次接触该设备是在 90 分钟前。",
        ),
        (
            "customer_sum_7d",
            {"customer_sum_7d": 123_456_789.0},
            "The amounts of this customer within 7 days come to 1,234,567.89 EUR.",
            "该客户 7 天内的总金额为 1,234,567.89 EUR。",
        ),
        (
            "own_address_count",
            {"own_address_count": 1.0},
            "This customer used 1 other IP address lately.",
            "该客户近期使用了 1 个其他 IP 地址。",
        ),
        (
            "address_distinct_7d",
            {"address_distinct_7d": 3.0},
            "3 customers share this IP address within 7 days.",
            "7 天内有 3 个客户使用该 IP 地址。",
        ),
        (
            "address_count_7d",
            {"address_count_7d": 3.0},
            "3 transactions of this IP address within 7 days.",
            "该 IP 地址 7 天内有 3 笔交易。",
        ),
        (
            "night",
            {"night": 0.0},
            "It happened by day (from 7:00 to 23:59).",
            "发生在日间（7:00 至 23:59）。",
        ),
        ("amount", {"amount": 81250.0}, "The amount is 812.50 EUR.", "交易金额为 812.50 EUR。"),
        (
            "embedding_3",
            {"embedding_3": 0.5},
            "embedding_3 is 0.5.",
            "embedding_3 为 0.5。",
        ),
    ],
)
def test_sentences_hold_the_values(name: str, values: dict[str, float], en: str, zh: str) -> None:
    words = sentence(name, values, CARD_PAYMENTS)
    assert (words.en, words.zh) == (en, zh)
