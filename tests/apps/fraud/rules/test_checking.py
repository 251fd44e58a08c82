"""A rule that does not fit the project is refused before it is kept."""

import pytest

from apps.fraud.rules.checking import check
from apps.fraud.rules.nodes import names
from apps.fraud.rules.refusal import RuleRefused
from apps.fraud.rules.vocabulary import vocabulary
from apps.fraud.scheme import CARD_PAYMENTS, Attribute, Scheme

SCHEME = Scheme.model_validate(
    {
        **CARD_PAYMENTS.model_dump(),
        "attributes": [
            *CARD_PAYMENTS.attributes,
            Attribute(key="age", en="Age", zh="年龄", kind="number"),
            Attribute(key="limit", en="Limit", zh="额度", kind="number"),
        ],
    }
)
WORDS = vocabulary(SCHEME)


@pytest.mark.parametrize(
    "text",
    [
        "amount >= 500 EUR",
        'amount > 3 * features.customer_mean_7d and listed("watch")',
        'attributes.country in ("DE", "FR") or not late',
        "amount_original < 90.50 USD",
        "amount / features.customer_mean_7d > 3",
        "abs(amount - features.customer_mean_7d) > 1 EUR",
        "max(history, 3) <= 2 * features.device_distinct_1h",
        'weekday in ("sat", "sun") and hour not in (8, 9)',
        "attributes.age < 18 or missing(attributes.age)",
        'starts_with(entities.device, "emu")',
        "-features.customer_since < -60",
    ],
)
def test_what_fits_is_taken(text: str) -> None:
    check(text, WORDS)


@pytest.mark.parametrize(
    ("text", "at", "message"),
    [
        ("amount > 500", 7, "such as 500 EUR"),
        ("amount > 500 USD", 7, "amount is in EUR"),
        ('entity.customer == "x"', 0, "Did you mean entities.customer?"),
        ('countyr == "x"', 0, "attributes.country"),
        ('attributes.contry == "x"', 0, "Did you mean attributes.country?"),
        ("features.customer_cuont_1h > 1", 0, "Did you mean features.customer_count_1h?"),
        ('listed("wacth")', 7, "Did you mean watch?"),
        ("score", 0, "compare it with something"),
        ("score and late", 0, "a number stands where"),
        ("late > 1", 0, "true or false stands where"),
        ('currency > "A"', 9, "texts have no order"),
        ('weekday == "monday"', 11, '"mon"'),
        ('currency == "eur"', 12, "three letters"),
        ("amount_original + 5 EUR > 3 EUR", 0, "own currency"),
        ("amount_original > amount", 16, "amount_original >= 500 USD"),
        ("amount * amount > 5 EUR", 7, "do not go together"),
        ("attributes.age > attributes.limit", 15, "a - b > 0"),
        ("min(amount, 3) > 1 EUR", 12, "do not go together"),
        ('history in (1, "x")', 15, "do not go together"),
        ("missing(score + 1)", 14, "takes the name of a value"),
        ("starts_with(currency, currency)", 22, 'is a "text"'),
        ("entities.customer + 1 > 2", 0, "a text stands where"),
    ],
)
def test_what_does_not_fit_is_refused_with_place_and_advice(
    text: str, at: int, message: str
) -> None:
    with pytest.raises(RuleRefused) as refused:
        check(text, WORDS)
    assert message in refused.value.message
    assert refused.value.at == at
    assert refused.value.zh


def test_the_values_a_rule_reads_are_told() -> None:
    node = check('amount > 5 EUR and (listed("watch") or missing(attributes.age))', WORDS)
    assert names(node) == {"amount", "features.listed_watch", "attributes.age"}
