"""A look at a rule says what it says and did, or where it goes wrong."""

import numpy as np

from apps.fraud.rules.looking import look
from apps.fraud.rules.vocabulary import vocabulary
from apps.fraud.schema import Rule
from apps.fraud.scheme import CARD_PAYMENTS
from tests.apps.fraud.rules.made import columns, transactions

WORDS = vocabulary(CARD_PAYMENTS)
ROWS = transactions(200, 21)


def test_a_rule_that_fits_is_told_with_its_counts() -> None:
    labels = np.array([row.sequence % 2 for row in ROWS])
    others = (Rule(key="late", when="late", outcome="block"),)
    found = look("amount>=500 EUR", WORDS, columns(ROWS), others=others, labels=labels)
    hits = [row for row in ROWS if row.amount >= 50_000]
    assert (found.at, found.text) == (-1, "amount >= 500 EUR")
    assert (found.rows, found.hits) == (200, len(hits))
    assert found.alone == sum(not row.late for row in hits)
    assert found.fraud == sum(row.sequence % 2 for row in hits)
    assert found.fraud + found.honest == found.hits
    assert found.reads == ("amount",)
    assert found.en == "the amount is at least 500 EUR"


def test_a_rule_that_does_not_points_at_the_place_in_both_languages() -> None:
    found = look("late and amout > 5 EUR", WORDS, columns(ROWS))
    assert found.at == 9
    assert "Did you mean amount?" in found.error_en
    assert "是不是 amount？" in found.error_zh
    assert found.text == ""
    assert look("late", WORDS).hits == 0
