"""The Handbook's week: its rows and published figures, where its public file is at hand."""

from pathlib import Path

import numpy as np
import pytest

from apps.fraud.training import handbook, reading
from apps.fraud.training.cards import CardDays, card_precisions
from apps.fraud.training.metrics import Counts, auc, average_precision

FILE = Path(__file__).parents[5] / "shared" / "data" / "handbook" / "transactions.parquet"
pytestmark = pytest.mark.slow


@pytest.mark.skipif(not FILE.is_file(), reason="the Handbook's public file is not at hand")
def test_the_published_xgboost_row_is_reproduced_exactly() -> None:
    read = reading.read([FILE])
    assert handbook.covers(read.scheme, read.columns["event_time"])
    table = handbook.published_table(read.columns)
    parts = handbook.published_split(table)
    label = table.label[parts.test]
    assert (len(parts.train), int(table.label[parts.train].sum())) == (67_240, 598)
    assert (len(parts.test), int(label.sum())) == (58_264, 385)
    (made,) = handbook.reproduce(table, parts, ("xgboost",))
    counts = Counts.of(label, made.scores)
    cards = CardDays.of(table.day[parts.test], table.payer[parts.test], label)
    told = (auc(counts), average_precision(counts), card_precisions(cards, made.scores).mean())
    assert tuple(np.round(told, 3)) == made.published == (0.862, 0.639, 0.273)


def test_other_transactions_are_not_taken_for_the_handbooks() -> None:
    times = np.array([handbook.WEEK.train_from, handbook.WEEK.test_to])
    assert not handbook.covers(handbook.SCHEME, times)
