"""A rule reads as half a sentence in both languages."""

import pytest

from apps.fraud.rules.checking import check
from apps.fraud.rules.vocabulary import vocabulary
from apps.fraud.rules.wording import worded
from apps.fraud.scheme import CARD_PAYMENTS

WORDS = vocabulary(CARD_PAYMENTS)


@pytest.mark.parametrize(
    ("rule", "en", "zh"),
    [
        (
            'amount >= 500 EUR and attributes.country in ("DE", "FR")',
            "the amount is at least 500 EUR and the country is one of “DE”, “FR”",
            "金额不低于500 EUR，且国家或地区属于“DE”、“FR”",
        ),
        (
            'not (late or weekday == "sat") and not listed("allow")',
            "(the payment did not come late and the day of the week is not Saturday) and one of "
            "its identifiers is not on the list “allow”",
            "（交易未迟到，且星期不为星期六），且其标识不在名单“allow”上",
        ),
        (
            "late and (score > 0.5 or weekend)",
            "the payment came late and (the score is above 0.5 or it is the weekend)",
            "交易迟到，且（得分高于0.5，或当天是周末）",
        ),
        (
            "amount > 3 * features.customer_mean_7d",
            "the amount is above 3 times mean amount of this customer within 7 days",
            "金额高于3 乘以 该客户 7 天内的平均金额",
        ),
        (
            'missing(attributes.country) or starts_with(entities.device, "emu")',
            "the country is missing or the device begins with “emu”",
            "缺少国家或地区，或设备以“emu”开头",
        ),
        ("max(history, 3) == 3", "the largest of the payer's earlier payments, 3 is 3", None),
    ],
)
def test_rules_are_put_into_words(rule: str, en: str, zh: str | None) -> None:
    words = worded(check(rule, WORDS), WORDS)
    assert words.en == en
    if zh is not None:
        assert words.zh == zh


def test_every_value_of_the_vocabulary_has_words_in_both_languages() -> None:
    for value in WORDS.values.values():
        assert value.en
        assert value.zh
    assert WORDS.lists == ("watch", "allow", "block", "snooze")
