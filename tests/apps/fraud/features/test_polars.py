"""Windows and delayed risk equal joins in polars over the same history, to the last bit.

Beside the definition event by event (`oracle`): whole columns, joined and grouped by a library that
shares no code with the state, over longer histories than that one can take.
"""

import numpy as np
import polars as pl
import pytest

from apps.fraud.events import ENTITY
from apps.fraud.features.state import FeatureState
from apps.fraud.scheme import CARD_PAYMENTS, DAY
from tests.apps.fraud.features.histories import START

HOUR = 3_600_000
SPANS = {"1h": HOUR, "1d": 24 * HOUR, "7d": 168 * HOUR, "30d": 720 * HOUR}
DELAY = 1000 * CARD_PAYMENTS.label_delay
PAYER = CARD_PAYMENTS.payer.key
ENTITIES = [one.key for one in CARD_PAYMENTS.entities]


def history(size: int, seed: int) -> dict[str, np.ndarray]:
    """Two months with ties, late events, missing identifiers and labels of any delay."""
    rng = np.random.default_rng(seed)
    steps = rng.choice([0, 0, 1, 60_000, HOUR, 3 * HOUR], size)
    now = START + np.cumsum(steps)
    late = rng.choice([0, 0, 0, 0, 5_000, 4 * HOUR], size)
    label = rng.choice([-1, 0, 0, 1], size)
    known = np.where(rng.random(size) < 0.5, -1, now + rng.integers(0, 20 * DAY, size) * 1000)
    return {
        "id": np.array([f"t{at}" for at in range(size)]),
        "event_time": now - late,
        "known_at": now,
        "amount": rng.integers(1, 500_000, size),
        "label": label,
        "label_known_at": np.where(label < 0, -1, known),
        **{
            ENTITY + key: np.array([f"{key}-{one}" if one else "" for one in drawn])
            for key, drawn in ((key, rng.integers(0, 6, size)) for key in ENTITIES)
        },
        "attribute.country": rng.choice(["DE", "FR"], size),
        "attribute.channel": np.full(size, "web"),
    }


def frame(events: dict[str, np.ndarray]) -> pl.DataFrame:
    """Rows in order of arrival with the clock, and when each label counts from."""
    table = pl.DataFrame(dict(events)).with_row_index("row")
    table = table.with_columns(pl.col("row").cast(pl.Int64), clock=pl.col("event_time").cum_max())
    due = pl.when(pl.col("label_known_at") < 0).then(pl.col("clock") + DELAY)
    counts = pl.max_horizontal(due.otherwise(pl.col("label_known_at")), pl.col("clock") + 1)
    return table.with_columns(ready=pl.when(pl.col("label") >= 0).then(counts))


def pairs(table: pl.DataFrame, key: str) -> pl.DataFrame:
    """Every row of an entity beside itself and those of the same entity before it."""
    named = table.filter(pl.col(ENTITY + key) != "")
    others = "terminal" if key == PAYER else PAYER
    mine = named.select("row", "clock", "amount", key=ENTITY + key)
    theirs = named.select(
        "label", "ready", key=ENTITY + key, row_="row", clock_="clock", amount_="amount",
        with_=ENTITY + others,
    )  # fmt: skip
    return mine.join(theirs, on="key").filter(pl.col("row_") <= pl.col("row"))


def windows(joined: pl.DataFrame, key: str) -> pl.DataFrame:
    """Counts, sums, means, maxima, ratios, different ones and the time since the last."""
    found = joined.group_by("row").agg(
        since=(pl.col("clock") - pl.col("clock_").filter(pl.col("row_") < pl.col("row")).max())
        .first() / 1000.0,
    ).with_columns(pl.col("since").fill_null(-1.0).alias(f"{key}_since"))  # fmt: skip
    for span, long in SPANS.items():
        held = joined.filter(pl.col("clock_") > pl.col("clock") - long)
        part = held.group_by("row").agg(
            count=pl.len(), total=pl.col("amount_").sum(), most=pl.col("amount_").max(),
            different=pl.col("with_").n_unique(), own=pl.col("amount").first(),
        )  # fmt: skip
        rest = pl.col("total") - pl.col("own")
        ratio = pl.col("own").cast(pl.Float64) * (pl.col("count") - 1).cast(pl.Float64) / rest
        part = part.select(
            "row",
            pl.col("count").alias(f"{key}_count_{span}"),
            pl.col("total").alias(f"{key}_sum_{span}"),
            (pl.col("total") / pl.col("count")).alias(f"{key}_mean_{span}"),
            pl.col("most").alias(f"{key}_max_{span}"),
            pl.col("different").alias(f"{key}_distinct_{span}"),
            pl.when((pl.col("count") > 1) & (rest > 0))
            .then(ratio.clip(0.0, 1e6)).otherwise(-1.0).alias(f"{key}_ratio_{span}"),
        )  # fmt: skip
        found = found.join(part, on="row")
    return found


def risks(joined: pl.DataFrame, key: str) -> pl.DataFrame:
    """Transactions of windows that ended a delay ago, and the known frauds among them."""
    found = joined.select("row").unique()
    for span, long in list(SPANS.items())[1:]:
        end = pl.col("clock") - DELAY
        inside = (pl.col("clock_") <= end) & (pl.col("clock_") > end - long)
        held = joined.filter((pl.col("row_") < pl.col("row")) & inside)
        ready = pl.col("ready") <= pl.col("clock")
        part = held.group_by("row").agg(
            pl.len().alias(f"{key}_seen_{span}"),
            (pl.col("label").filter(ready).sum() / ready.sum()).alias(f"{key}_risk_{span}"),
        )
        found = found.join(part, on="row", how="left")
    return found.fill_null(0).fill_nan(0.0)


@pytest.mark.parametrize("seed", [0, 1])
def test_windows_and_risk_are_those_of_joins_in_polars(seed: int) -> None:
    events = history(1_500, seed)
    state = FeatureState(CARD_PAYMENTS, mode="arrival")
    parts, at = [], 0
    rng = np.random.default_rng(seed)
    while at < len(events["id"]):
        stop = at + int(rng.integers(1, 200))
        parts.append(state.feed({name: column[at:stop] for name, column in events.items()}).values)
        at = stop
    ours = dict(zip(state.names, np.concatenate(parts).T, strict=True))
    table, compared = frame(events), 0
    for key in ENTITIES:
        joined = pairs(table, key)
        for told in (windows(joined, key), risks(joined, key)):
            rows = told["row"].to_numpy()
            assert len(rows) > 1_000
            for name in set(told.columns) & set(ours):
                expected = told[name].to_numpy().astype(np.float32)
                np.testing.assert_array_equal(ours[name][rows], expected, err_msg=name)
                compared += 1
    assert compared > 70
