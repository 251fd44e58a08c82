"""Splits go by time: a delay between the parts, nobody who was known already."""

import numpy as np
import pytest

from apps.fraud.training import splitting, table
from apps.fraud.training.table import DAY_MS, Table
from loupe.contract.runtime.errors import InputRefused
from tests.apps.fraud.training import days


@pytest.fixture(scope="module")
def rows() -> Table:
    return table.build(days.SCHEME, days.history(), ("amount",))


def test_a_delay_lies_between_the_parts(rows: Table) -> None:
    parts = splitting.split(rows, splitting.default_periods(rows))
    delay = 1_000 * days.SCHEME.label_delay
    first = {name: rows.time[part].min() for name, part in vars(parts).items() if name != "periods"}
    last = {name: rows.time[part].max() for name, part in vars(parts).items() if name != "periods"}
    assert last["train"] + delay < first["test"]
    assert last["fit"] + delay < first["validation"]
    assert last["validation"] <= last["train"]
    # So every label that was learned from was known when the test began.
    assert rows.label_known_at[parts.train].max() <= parts.periods.test_from


def test_payers_with_a_known_fraud_are_left_out_and_others_stay(rows: Table) -> None:
    periods = splitting.default_periods(rows)
    kept = set(splitting.split(rows, periods).test.tolist())
    everyone = splitting.split(rows, periods, drop_known=False).test
    since = periods.train_to - min(
        periods.train_to - periods.train_from, periods.test_to - periods.test_from
    )
    delay = periods.delay // DAY_MS
    frauds = np.flatnonzero((rows.label == 1) & (rows.time >= since))
    for row in everyone.tolist():
        known = any(
            rows.payer[fraud] == rows.payer[row] and rows.day[fraud] + delay < rows.day[row]
            for fraud in frauds.tolist()
        )
        assert (row in kept) == (not known)


def test_weights_make_the_draw_stand_for_all(rows: Table) -> None:
    everything = np.arange(len(rows))
    kept, weight = splitting.thinned(rows, everything, 1_500, 0)
    frauds = rows.label == 1
    assert set(np.flatnonzero(frauds)) <= set(kept.tolist())
    assert weight[rows.label[kept] == 0].sum() == pytest.approx((~frauds).sum(), rel=0.05)
    assert len(kept) == pytest.approx(1_500, rel=0.1)


def test_too_short_a_time_is_refused_with_days(rows: Table) -> None:
    with pytest.raises(InputRefused, match=r"40 days of transactions are too few"):
        splitting.default_periods(rows, test_days=38)


def test_too_few_frauds_are_refused_with_the_part() -> None:
    events = days.history()
    late = events["event_time"] > days.START + 30 * DAY_MS
    events["label"] = np.where(late, 0, events["label"])
    rows = table.build(days.SCHEME, events, ("amount",))
    with pytest.raises(InputRefused, match=r"The test part has 0 frauds"):
        splitting.split(rows, splitting.default_periods(rows))


def test_rows_without_a_label_are_in_no_part() -> None:
    events = days.history()
    unknown = np.arange(len(events["label"])) % 5 == 0
    events["label"] = np.where(unknown, -1, events["label"])
    rows = table.build(days.SCHEME, events, ("amount",))
    parts = splitting.split(rows, splitting.default_periods(rows))
    for name in ("fit", "validation", "train", "test"):
        assert (rows.label[getattr(parts, name)] >= 0).all()


def test_data_without_both_labels_is_refused() -> None:
    events = days.history()
    events["label"] = np.zeros_like(events["label"])
    with pytest.raises(InputRefused, match="no labels of both kinds"):
        table.build(days.SCHEME, events, ("amount",))
