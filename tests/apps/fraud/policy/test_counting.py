"""Counts of a day are those of its rows, each transaction once, by the project's clock."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from apps.fraud.policy.asked import CountAsked
from apps.fraud.policy.counting import count
from apps.fraud.policy.reading import labels_of, newest_of_each, together
from apps.fraud.schema import Rule

BERLIN = ZoneInfo("Europe/Berlin")
RULE = Rule(key="large", when="amount >= 100 EUR and hour >= 6", outcome="block")


def ms(*when: int) -> int:
    return int(datetime(*when, tzinfo=BERLIN).timestamp() * 1000)  # type: ignore[arg-type,misc]


def block(folder: Path, name: str, rows: list[dict[str, Any]]) -> str:
    path = folder / f"{name}.parquet"
    pq.write_table(pa.Table.from_pylist(rows), path)
    return str(path)


def row(name: str, at: int, amount: int = 20_000, **more: Any) -> dict[str, Any]:
    return {"id": name, "event_time": at, "amount": amount, "refused": "", "score": 0.1, **more}


def asked(blocks: list[str], day: tuple[int, int, int], labels: str = "") -> CountAsked:
    start = datetime(*day, tzinfo=BERLIN)
    end = (start + timedelta(days=1)).replace(tzinfo=BERLIN)
    return CountAsked(
        blocks=tuple(blocks),
        rules=(RULE,),
        timezone="Europe/Berlin",
        day_start=int(start.timestamp() * 1000),
        day_end=int(end.timestamp() * 1000),
        labels=labels,
    )


def test_a_day_begins_and_ends_at_local_midnight_and_refused_rows_are_no_rows(
    tmp_path: Path,
) -> None:
    rows = [
        row("last of the day before", ms(2026, 3, 2, 23, 59)),
        row("first", ms(2026, 3, 3, 0, 0)),
        row("morning", ms(2026, 3, 3, 7, 0), 10_000),
        row("small", ms(2026, 3, 3, 8, 0), 9_999),
        row("refused", ms(2026, 3, 3, 9, 0), refused="duplicate_id"),
        row("night", ms(2026, 3, 3, 23, 59)),
        row("day after", ms(2026, 3, 4, 0, 0)),
    ]
    found = count(asked([block(tmp_path, "a", rows)], (2026, 3, 3)))
    assert (found.rows, found.asked_day) == (4, True)
    (one,) = found.counts
    assert (one.hits, one.amount, one.alone) == (2, 30_000, 2)


def test_a_transaction_scored_again_counts_once_as_it_was_last(tmp_path: Path) -> None:
    first = block(tmp_path, "a", [row("T", ms(2026, 3, 3, 7), 5_000)])
    again = block(tmp_path, "b", [row("T", ms(2026, 3, 3, 7), 50_000)])
    found = count(asked([first, again], (2026, 3, 3)))
    assert (found.rows, found.counts[0].hits) == (1, 1)
    assert count(asked([again, first], (2026, 3, 3))).counts[0].hits == 0


@pytest.mark.parametrize("day", [(2026, 3, 29), (2026, 10, 25), (2026, 7, 1)])
def test_the_last_day_is_counted_where_the_day_has_no_row(
    tmp_path: Path, day: tuple[int, int, int]
) -> None:
    rows = [row("early", ms(*day, 0, 30)), row("noon", ms(*day, 12)), row("late", ms(*day, 22, 30))]
    found = count(asked([block(tmp_path, "a", rows)], (2026, 11, 21)))
    assert (found.rows, found.asked_day) == (3, False)


def test_nothing_stored_is_no_row() -> None:
    assert count(asked([], (2026, 3, 3))).rows == 0


def test_what_was_told_later_holds_before_what_the_row_said(tmp_path: Path) -> None:
    file = tmp_path / "labels.npz"
    np.savez(file, ids=np.array(["b", "a"]), labels=np.array([1, 0], dtype=np.int8))
    columns = {"id": np.array(["a", "b", "c", "d"]), "label": np.array([1, -1, 1, -1])}
    assert labels_of(columns, str(file)).tolist() == [0, 1, 1, -1]
    assert labels_of({"id": columns["id"]}, "").tolist() == [-1, -1, -1, -1]
    assert newest_of_each(np.array(["a", "b", "a", "c", "b"])).tolist() == [2, 3, 4]


def test_a_column_that_some_blocks_lack_is_missing_there(tmp_path: Path) -> None:
    old = block(tmp_path, "a", [row("a", 1)])
    told: dict[str, Any] = {"features.x": 3.0, "entities.card": "k"}
    new = block(tmp_path, "b", [row("b", 2, **told)])
    found = together([old, new], ["features.x", "entities.card", "features.none"])
    assert np.isnan(found["features.x"][0])
    assert found["features.x"][1] == 3.0
    assert found["entities.card"].tolist() == ["", "k"]
    assert "features.none" not in found
