"""Earlier transactions and what they tell, against walking the events one by one."""

import numpy as np
import pytest

from apps.fraud.training import table
from apps.fraud.training.blocks import blocks
from apps.fraud.training.neighbours import neighbourhood
from apps.fraud.training.table import DAY_MS, Table
from tests.apps.fraud.training import days

COUNT = 6


@pytest.fixture(scope="module")
def rows() -> Table:
    events = days.history(days=20, a_day=40)
    # Some at the same millisecond, some without a terminal.
    events["event_time"] = events["event_time"] // 600_000 * 600_000
    terminal = events["entity.terminal"].copy()
    terminal[::7] = ""
    return table.build(days.SCHEME, {**events, "entity.terminal": terminal}, ("spending", "risk"))


def earlier(rows: Table, key: str, row: int) -> list[int]:
    column = rows.events[f"entity.{key}"]
    if not column[row]:
        return []
    found = [
        one for one in range(row) if column[one] == column[row] and rows.time[one] < rows.time[row]
    ]
    return found[::-1][:COUNT]


@pytest.mark.parametrize("key", ["customer", "terminal"])
def test_blocks_hold_the_newest_earlier_rows(rows: Table, key: str) -> None:
    told = blocks(rows, COUNT).rows[key]
    for row in range(0, len(rows), 13):
        assert [one for one in told[row].tolist() if one >= 0] == earlier(rows, key, row)


def test_labels_of_neighbours_count_from_the_moment_they_are_known(rows: Table) -> None:
    near = neighbourhood(rows, blocks(rows, COUNT), np.arange(len(rows)))
    told = {name: near.values[:, at] for at, name in enumerate(near.names)}
    seen = 0
    for row in range(1, len(rows), 3):
        known = [
            one
            for one in earlier(rows, "terminal", row)
            if rows.label_known_at[one] <= rows.time[row]
        ]
        frauds = [one for one in known if rows.label[one] == 1]
        share = np.mean([rows.label[one] for one in known[:3]]) if known else -1.0
        assert told["last_terminal_share_3"][row] == pytest.approx(share)
        newest = (rows.time[row] - rows.time[frauds[0]]) / DAY_MS if frauds else -1.0
        assert told["last_terminal_fraud_new"][row] == pytest.approx(newest, abs=1e-4)
        seen += bool(frauds)
    assert seen > 5


def test_the_past_of_a_row_does_not_change_with_what_follows(rows: Table) -> None:
    half = len(rows) // 2
    cut = table.build(
        rows.scheme, {name: each[:half] for name, each in rows.events.items()}, ("spending", "risk")
    )
    whole = neighbourhood(rows, blocks(rows, COUNT), np.arange(half))
    alone = neighbourhood(cut, blocks(cut, COUNT), np.arange(half))
    first = rows.time[half]
    before = rows.time[:half] < first
    assert (whole.values[before] == alone.values[before]).all()


def test_a_busy_entity_sees_its_past_however_much_follows() -> None:
    """More events of one entity than a ring holds must not push out what its first rows may see."""
    events = days.history(days=10, a_day=60, customers=1)
    rows = table.build(days.SCHEME, events, ("risk",))
    told = blocks(rows, COUNT).rows["customer"]
    for row in range(0, len(rows), 11):
        assert [one for one in told[row].tolist() if one >= 0] == earlier(rows, "customer", row)
